/* A message on its way to the binding. When the binding cannot follow, this client's reading is held: TCP pushes back, nothing is dropped. */
#include <stdlib.h>
#include <string.h>
#include "core.h"
#include "MQTTAsync.h"

#define TAKE_OVER_FROM (64u << 10)    /* from here on connections read a packet into memory of its own */

void mqn_message_hold(mqn_client* c, int reason, int hold) {
  c->holds = hold ? c->holds | reason : c->holds & ~reason;
  mqn_port_hold(&c->owner, c->holds != 0);
}

/* At the end; one that was let go in vain, because those before it have filled the ring, at the front again. */
void mqn_message_wait_for_ring(mqn_client* c) {
  mqn_env* env = c->env;
  if (!c->ring_waiting) {
    mqn_client* before = c->ring_turn == 1 ? env->ring_waiting_again : env->ring_waiting_last;
    mqn_client** place = before ? &before->next_ring_waiting : &env->ring_waiting;
    c->next_ring_waiting = *place;
    *place = c;
    if (!c->next_ring_waiting) env->ring_waiting_last = c;
    if (c->ring_turn == 1) env->ring_waiting_again = c;
    c->ring_waiting = 1;
    c->ring_turn = 0;
  }
  mqn_message_hold(c, MQN_HOLD_RING, 1);
}

/* With a thousand clients and a ring that is full, a message of each would be kept beside the ring, to be handed over one by one: a stretch of one client's
 * messages, which costs little, would never come again. So they stay in their connections, and nobody overtakes who waits:
 *   1. the ring is full, and all but a few clients wait;
 *   2. those few are acknowledged, and the server sends them more;
 *   3. room comes, their messages fill the ring, and the others wait for ever. */
int mqn_core_can_receive(mqn_link_owner* owner) {
  mqn_client* c = (mqn_client*)owner;
  if (!mqn_events_waiting(c->env) && (!c->env->ring_waiting || c->ring_turn)) return 1;
  mqn_message_wait_for_ring(c);
  return 0;
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

/* Topic aliases of the server, valid for the connection; the guard has checked that they are known and in range. -1: no memory. */
static int resolve_alias(mqn_client* c, mqn_message* m, uint16_t alias) {
  mqn_alias* known;
  char* copy;
  if (!alias || alias > c->alias_maximum) return 0;
  if (!c->aliases && !(c->aliases = calloc((size_t)c->alias_maximum + 1, sizeof *c->aliases))) return -1;
  known = c->aliases + alias;
  if (m->topic_length) {
    if (!(copy = malloc(m->topic_length))) return -1;
    memcpy(copy, m->topic, m->topic_length);
    free(known->topic);
    known->topic = copy;
    known->length = m->topic_length;
  }
  m->topic = known->topic;
  m->topic_length = known->length;
  return 0;
}

void mqn_message_forget_aliases(mqn_client* c) {
  uint32_t i;
  for (i = 0; c->aliases && i <= c->alias_maximum; i++) free(c->aliases[i].topic);
  free(c->aliases);
  c->aliases = NULL;
}

/* From the packet as it lies in the connection's buffer: its payload is copied once, into the binding's ring or into a block of its own; or not at all, when
 * it is so large that it has a block, and the binding gets that (or a copy of it,
 * see OWN_FROM). A message that was copied at QoS 2 leaves its packet to Paho's exchange. */
void mqn_core_on_publish(mqn_link_owner* owner, const mqn_packet_view* view) {
  mqn_client* c = (mqn_client*)owner;
  mqn_message m;
  int rc;
  memset(&m, 0, sizeof m);
  m.topic = (const char*)view->topic;
  m.topic_length = view->topic_length;
  m.qos = view->flags >> 1 & 3;
  m.retain = view->flags & 1;
  m.dup = view->flags >> 3 & 1;
  m.slot = view->id;
  m.properties = view->properties;
  m.properties_length = view->properties_length;
  m.payload = view->payload;
  m.length = view->payload_length;
  if (resolve_alias(c, &m, view->topic_alias) != 0) {
    mqn_port_fail(owner, MQN_ERR_NO_MEMORY, 0x97, "no memory for a topic alias");
    return;
  }
  if (owner->guard.repeated) return;      /* its alias counts all the same */
  if (m.qos < 2 && m.length >= TAKE_OVER_FROM) m.owned = mqn_port_take_content(owner, &m.within);
  m.owned_properties = m.owned && m.properties_length;
  rc = mqn_record_put(c, MQN_EVENT_MESSAGE, &m);
  if (m.owned) mqn_payload_free(m.within);
  if (rc != 0) {
    mqn_port_fail(owner, MQN_ERR_NO_MEMORY, 0x97, "no memory for a message");
    return;
  }
  if (c->ring_turn) c->ring_turn = 2;
  ++c->unread_messages;
  c->unread_bytes += m.length;
  check_inbox(c);
  if (mqn_events_waiting(c->env)) mqn_message_wait_for_ring(c);
  /* 3.1.1 has no Receive Maximum: what is not acknowledged is bounded by not reading on. The acknowledgement of this one is not in the list yet */
  if (m.qos && c->owner.version == 4 && mqn_port_acks_pending(&c->owner) + 1 >= c->receive_maximum) mqn_message_hold(c, MQN_HOLD_ACKS, 1);
}

/* Paho's messageArrived: what is left of a QoS 2 exchange, whose message was delivered before Paho saw it. */
int mqn_on_message(void* context, char* topic, int topic_length, void* message) {
  (void)context; (void)topic_length;
  MQTTAsync_freeMessage((MQTTAsync_message**)&message);
  MQTTAsync_free(topic);
  return 1;
}
