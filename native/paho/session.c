/* A session over connections (4.1). Paho's handle outlives its link and keeps what the session is made of: messages sent and not acknowledged
 * (outboundMsgs, and in `responses` the requests behind them) and QoS 2 messages received and not released (inboundMsgs). The guard keeps the identifiers
 * of both. Paho itself would throw them away at the end of a link whose CONNECT asked for no Session Expiry Interval, also when the server gave one or
 * never answered, and would send everything again at once, whatever the server's Receive Maximum is now: so both are done here. */
#include <string.h>
#include "mqtt_native.h"
#include "link.h"
#include "MQTTProtocolClient.h"

extern List* MQTTAsync_commands;      /* MQTTAsync.c */

/* CONNECT has been written, and these were only needed for it. From here on Paho empties its lists at a CONNACK without Session Present
 * and when the handle is destroyed, and at no other time (MQTTAsyncUtils.c:2021, :2492). */
void mqn_port_keep(mqn_link_owner* owner) {
  Clients* client = ((MQTTAsyncs*)owner->paho)->c;
  client->cleansession = 0;
  client->cleanstart = 0;
  client->sessionExpiry = 1;
}

const char* mqn_port_client_id(const mqn_link_owner* owner) { return ((MQTTAsyncs*)owner->paho)->c->clientID; }

int mqn_port_set_client_id(mqn_link_owner* owner, const char* id) {
  Clients* client = ((MQTTAsyncs*)owner->paho)->c;
  char* copy;
  if (strcmp(client->clientID, id) == 0) return MQN_OK;
  if (!(copy = mqn_memory_new(strlen(id) + 1))) return MQN_ERR_NO_MEMORY;
  strcpy(copy, id);
  mqn_memory_free(client->clientID);
  client->clientID = copy;
  return MQN_OK;
}

static void take_out(List* list, ListElement* e) {
  if (e->prev) e->prev->next = e->next; else list->first = e->next;
  if (e->next) e->next->prev = e->prev; else list->last = e->prev;
  if (list->current == e) list->current = NULL;
}

static void move(List* from, ListElement* e, List* to) {
  take_out(from, e);
  --from->count;
  e->next = NULL;
  e->prev = to->last;
  if (to->last) to->last->next = e; else to->first = e;
  to->last = e;
  ++to->count;
}

/* Paho ends all of a client's requests or none: those that stay are taken out of its sight meanwhile. */
static void end_requests(mqn_link_owner* owner) {
  MQTTAsyncs* m = owner->paho;
  List others = { NULL, NULL, NULL, 0, 0 }, *all = m->responses;
  ListElement *e, *next;
  for (e = all->first; e; e = next) {
    const MQTTAsync_queuedCommand* command = e->content;
    next = e->next;
    if (command->command.type == PUBLISH) continue;
    mqn_ids_remove(&owner->guard.outgoing, (uint16_t)command->command.token);
    move(all, e, &others);
  }
  for (e = MQTTAsync_commands->first; e; e = e->next) {
    const MQTTAsync_queuedCommand* command = e->content;
    if (command->client == m && command->command.token) mqn_ids_remove(&owner->guard.outgoing, (uint16_t)command->command.token);
  }
  m->responses = &others;
  MQTTAsync_freeResponses(m);
  m->responses = all;
  MQTTAsync_freeCommands(m);
}

void mqn_port_end_link(mqn_link_owner* owner) {
  MQTTAsyncs* m = owner->paho;
  if (owner->link) {
    mqn_port_abandon(owner);
    MQTTAsync_closeSession(m->c, MQTTREASONCODE_SUCCESS, NULL);
  }
  end_requests(owner);
  mqn_port_leftovers_end_link(owner);
  owner->resend = 0;
}

/* PUBREC has come. nextMessageType is set for QoS 2 only (MQTTProtocolClient.c:249) */
static int is_received(const Messages* message) { return message->qos == 2 && message->nextMessageType == PUBCOMP; }

/* A PUBREC has come: PUBRELs go out in the order of the PUBRECs, also those that are sent again (4.6.0-4). So in Paho's list of messages in flight the
 * received ones come first, in that order, and the rest in the order of their PUBLISH. It stands in its place unless something older waits. */
static void put_in_order(List* list, uint16_t id) {
  ListElement *e = list->current, *before = e ? e->prev : NULL;
  if (!before || ((Messages*)e->content)->msgid != id || is_received(before->content)) return;
  while (before && !is_received(before->content)) before = before->prev;
  take_out(list, e);
  e->prev = before;
  e->next = before ? before->next : list->first;
  e->next->prev = e;                        /* there is one: what it has overtaken */
  if (before) before->next = e; else list->first = e;
}

int mqn_paho_send_pubrel(int version, int id, int dup, networkHandles* net, const char* client_id) {
  mqn_link* link = mqn_link_of(net);
  if (!link) return SOCKET_ERROR;
  put_in_order(mqn_link_client(link)->outboundMsgs, (uint16_t)id);
  return MQTTPacket_send_pubrel(version, id, dup, net, client_id);
}

void mqn_port_resend_begin(mqn_link_owner* owner) {
  const MQTTAsyncs* m = owner->paho;
  const ListElement* e;
  owner->resend = 0;
  for (e = m->c->outboundMsgs->first; e; e = e->next) {
    const Messages* message = e->content;
    mqn_id_entry* entry = mqn_ids_find(&owner->guard.outgoing, (uint16_t)message->msgid);
    if (!entry) continue;
    entry->sent = 0;
    if (!is_received(message)) ++owner->resend;
  }
}

/* the packet's size on the wire, with the property length and the header at their largest (topiclen is not set in what goes out) */
static size_t size_bound(const Messages* message) {
  return 5 + 2 + strlen(message->publish->topic) + 2 + 4 + (message->MQTTVersion >= 5 ? (size_t)message->properties.length : 0) +
         (size_t)message->publish->payloadlen;
}

/* The server takes less than before, and this is more (3.2.2-15): the request fails, the session forgets the message. */
static void give_up(mqn_link_owner* owner, Messages* message) {
  MQTTAsyncs* m = owner->paho;
  List one = { NULL, NULL, NULL, 0, 0 }, *all = m->responses;
  ListElement* e;
  for (e = all->first; e; e = e->next) {
    MQTTAsync_queuedCommand* command = e->content;
    if (command->command.type != PUBLISH || command->command.token != message->msgid) continue;
    command->command.details.pub.destinationName = NULL;     /* are the publication's */
    command->command.details.pub.payload = NULL;
    move(all, e, &one);
    break;
  }
  mqn_ids_remove(&owner->guard.outgoing, (uint16_t)message->msgid);
  MQTTProtocol_removePublication(message->publish);
  if (message->MQTTVersion >= 5) MQTTProperties_free(&message->properties);
  ListRemove(m->c->outboundMsgs, message);
  m->responses = &one;
  MQTTAsync_freeResponses(m);
  m->responses = all;
}

static int publish_again(const Messages* message, Clients* client) {
  Publish publish;
  memset(&publish, 0, sizeof publish);
  publish.msgId = message->msgid;
  publish.topic = message->publish->topic;
  publish.payload = message->publish->payload;
  publish.payloadlen = message->publish->payloadlen;
  publish.properties = message->properties;
  publish.MQTTVersion = message->MQTTVersion;
  return MQTTPacket_send_publish(&publish, 1, message->qos, message->retain, &client->net, client->clientID);
}

void mqn_port_resend(mqn_link_owner* owner, uint32_t quota) {
  const MQTTAsyncs* m = owner->paho;
  ListElement *e, *next;
  for (e = m->c->outboundMsgs->first; e; e = next) {
    Messages* message = e->content;
    const mqn_id_entry* entry = mqn_ids_find(&owner->guard.outgoing, (uint16_t)message->msgid);
    int rc;
    next = e->next;
    if (!entry || entry->sent) continue;
    if (is_received(message)) {
      rc = MQTTPacket_send_pubrel(message->MQTTVersion, message->msgid, 0, &m->c->net, m->c->clientID);
    } else if (owner->server_maximum_packet && size_bound(message) > owner->server_maximum_packet) {
      --owner->resend;
      give_up(owner, message);
      continue;
    } else if (quota && mqn_port_can_write(owner)) {
      --quota;
      --owner->resend;
      rc = publish_again(message, m->c);
    } else {
      quota = 0;             /* none overtakes it; a PUBREL is not counted (4.9) and may */
      continue;
    }
    if (rc != TCPSOCKET_COMPLETE) return;   /* the link is at its end */
  }
}
