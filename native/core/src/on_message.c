/* A message on its way to the binding. When the binding cannot follow, this client's reading is held: TCP pushes back, nothing is dropped. */
#include <stdlib.h>
#include <string.h>
#include "core.h"
#include "MQTTAsync.h"

void mqn_message_hold(mqn_client* c, int reason, int hold) {
  c->holds = hold ? c->holds | reason : c->holds & ~reason;
  mqn_port_hold(&c->owner, c->holds != 0);
}

static void check_inbox(mqn_client* c) {
  int full = c->unread_messages >= c->inbox_messages || c->unread_bytes >= c->inbox_bytes;
  int low = c->unread_messages <= c->inbox_messages / 2 && c->unread_bytes <= c->inbox_bytes / 2;
  if (full && !(c->holds & MQN_HOLD_INBOX)) mqn_message_hold(c, MQN_HOLD_INBOX, 1);
  else if (low && c->holds & MQN_HOLD_INBOX) mqn_message_hold(c, MQN_HOLD_INBOX, 0);
}

void mqn_message_taken(mqn_client* c, uint32_t messages, uint32_t bytes) {
  /* counts of an earlier connection may still come: never below 0 */
  c->unread_messages -= messages < c->unread_messages ? messages : c->unread_messages;
  c->unread_bytes -= bytes < c->unread_bytes ? bytes : c->unread_bytes;
  check_inbox(c);
}

/* Topic aliases of the server, valid for the connection; the guard has checked that they are known and in range. */
static const char* resolve_alias(mqn_client* c, const char* topic, uint16_t alias) {
  if (!alias || alias > c->alias_maximum) return topic;
  if (!c->aliases && !(c->aliases = calloc((size_t)c->alias_maximum + 1, sizeof *c->aliases))) return NULL;
  if (*topic) {
    char* copy = malloc(strlen(topic) + 1);
    if (!copy) return NULL;
    strcpy(copy, topic);
    free(c->aliases[alias]);
    c->aliases[alias] = copy;
    return topic;
  }
  return c->aliases[alias];
}

void mqn_message_forget_aliases(mqn_client* c) {
  uint32_t i;
  for (i = 0; c->aliases && i <= c->alias_maximum; i++) free(c->aliases[i]);
  free(c->aliases);
  c->aliases = NULL;
}

static void deliver(mqn_client* c, mqn_message* m) {
  if (mqn_record_put(c, MQN_EVENT_MESSAGE, m) != 0) {
    mqn_port_fail(&c->owner, MQN_ERR_NO_MEMORY, 0x97, "no memory for a message");
    return;
  }
  ++c->unread_messages;
  c->unread_bytes += m->length;
  check_inbox(c);
  if (mqn_events_waiting(c->env)) {
    if (!c->ring_waiting) {
      c->ring_waiting = 1;
      c->next_ring_waiting = c->env->ring_waiting;
      c->env->ring_waiting = c;
    }
    mqn_message_hold(c, MQN_HOLD_RING, 1);
  }
  /* 3.1.1 has no Receive Maximum: what is not acknowledged is bounded by not reading on. The acknowledgement of this one is not in the list yet */
  if (m->qos && c->owner.version == 4 && mqn_port_acks_pending(&c->owner) + 1 >= c->receive_maximum) mqn_message_hold(c, MQN_HOLD_ACKS, 1);
}

/* Paho's messageArrived. Always takes it: what Paho would queue is held back before Paho sees it. */
int mqn_on_message(void* context, char* topic, int topic_length, void* message) {
  mqn_client* c = context;
  MQTTAsync_message* p = message;
  const mqn_packet_view* packet = mqn_port_current_packet(&c->owner);
  mqn_message m;
  (void)topic_length;
  memset(&m, 0, sizeof m);
  m.topic = topic;
  if (packet && packet->type == 3 && packet->topic_alias) m.topic = resolve_alias(c, topic, packet->topic_alias);
  /* QoS 2 of 3.1.1: delivered at PUBLISH already, see mqn_core_on_publish_2(). Of a repeated PUBLISH the guard knows better than Paho, which forgets an
   * exchange at PUBREL, before its PUBCOMP is on the wire */
  if (p->qos == 2 && (c->owner.version == 4 || c->owner.guard.repeated)) m.topic = NULL;
  else if (!m.topic) mqn_port_fail(&c->owner, MQN_ERR_NO_MEMORY, 0x97, "no memory for a topic alias");
  if (m.topic) {
    m.topic_length = (uint32_t)strlen(m.topic);
    m.qos = p->qos;
    m.retain = p->retained & 1;
    m.slot = p->msgid;
    if (packet && packet->type == 3) {
      m.dup = packet->flags >> 3 & 1;      /* Paho leaves its own unset for QoS 2 of MQTT 5 (MQTTProtocolClient.c:402) */
      m.properties = packet->properties;
      m.properties_length = packet->properties_length;
    }
    m.owned = p->payload;
    m.payload = p->payload;
    m.length = (uint32_t)p->payloadlen;
    deliver(c, &m);
    p->payload = m.owned;
  }
  MQTTAsync_freeMessage((MQTTAsync_message**)&message);
  MQTTAsync_free(topic);
  return 1;
}

void mqn_core_on_publish_2(mqn_link_owner* owner, const mqn_packet_view* view) {
  mqn_client* c = (mqn_client*)owner;
  mqn_message m;
  memset(&m, 0, sizeof m);
  m.topic = (const char*)view->topic;
  m.topic_length = view->topic_length;
  m.qos = 2;
  m.retain = view->flags & 1;
  m.dup = view->flags >> 3 & 1;
  m.slot = view->id;
  m.payload = view->payload;
  m.length = view->payload_length;
  deliver(c, &m);
}
