/* The other side of the seams: what Paho calls instead. Each one says what Paho would do. */
#include "link.h"
#include "MQTTProtocolClient.h"

extern MQTTProtocol state;      /* MQTTAsync.c */

/* When a client has reconnected Paho sends all clients' messages in flight again, and at once; session.c sends this client's, when the core knows the new
 * Receive Maximum. Every other call looks for work that our timers do or that cannot exist: retryInterval is 0, and no write is ever held back. */
void mqn_paho_retry(START_TIME_TYPE now, int retry, int regardless) { (void)now; (void)retry; (void)regardless; }

/* Paho's keepalive walks all clients at the interval of the client that connected last; the core has a timer a client. */
void mqn_paho_keepalive(START_TIME_TYPE now) { (void)now; }

/* Never reached: Socket_new() says "connected". -1, not an errno: a positive value becomes an MQTT 5 reason code (MQTTAsyncUtils.c:1705). */
int mqn_paho_getsockopt(uintptr_t socket, int level, int name, void* value, void* length) {
  (void)socket; (void)level; (void)name; (void)length;
  *(int*)value = -1;
  return 0;
}

int mqn_paho_format_payload(int room, char* to, int length, char* payload) {
  (void)length; (void)payload;
  if (room > 0) *to = 0;
  return 0;
}

ListElement* mqn_paho_list_append(List* list, void* content, size_t size) {
  static ListElement not_listed;
  return list == &state.publications ? &not_listed : ListAppend(list, content, size);
}
int mqn_paho_list_remove(List* list, void* content) {
  if (list != &state.publications) return ListRemove(list, content);
  mqn_memory_free(content);
  return 1;
}

ListElement* mqn_paho_list_find(List* list, void* content, int (*compare)(void*, void*)) {
  mqn_link* link = mqn_link_current();
  if (link && link->view.type == PUBLISH && !link->owner->guard.repeated && list == mqn_link_client(link)->inboundMsgs) return NULL;
  return ListFindItem(list, content, compare);
}

/* Paho finds a client by its socket in two lists, several times a packet; ListFindItem() looks at list->current first: put it there. */
void mqn_port_prime(mqn_link_owner* owner) {
  if (!owner->paho) return;
  MQTTAsync_handles->current = owner->handle_element;
  bstate->clients->current = owner->client_element;
}
void mqn_link_prime(mqn_link* link) { if (link->socket) mqn_port_prime(link->owner); }

/* New elements stand at the end. To search for them would cost thousands of clients that connect at once half a second. */
void mqn_port_created(mqn_link_owner* owner) {
  owner->handle_element = MQTTAsync_handles->last;
  owner->client_element = bstate->clients->last;
}
void mqn_port_destroy(mqn_link_owner* owner) {
  mqn_port_prime(owner);
  if (owner->paho) MQTTAsync_destroy(&owner->paho);
  owner->handle_element = owner->client_element = NULL;
}

Clients* mqn_link_client(mqn_link* link) { return link->socket ? ((ListElement*)link->owner->client_element)->content : NULL; }
