/* What this side writes, as far as it decides what the server may answer. */
#include "guard_private.h"

static int expect(mqn_guard* g, uint16_t id, uint8_t state, uint32_t count) {
  mqn_id_entry* entry;
  if (id == 0) return 0;
  entry = mqn_ids_find(&g->outgoing, id);
  if (!entry && !(entry = mqn_ids_add(&g->outgoing, id, state))) return -1;
  /* a PUBLISH that is repeated although PUBREC has come: PUBCOMP may still be under way */
  if (!(entry->sent && entry->state == MQN_ID_PUBREL && state == MQN_ID_PUBLISH_2)) entry->state = state;
  entry->sent = 1;
  entry->count = count;
  return 0;
}

/* The exchange is over: the server may use the identifier again, and has one slot more. */
static void complete(mqn_guard* g, const mqn_id_entry* entry) {
  if (!entry->count) ++g->carried;
  else if (g->unacknowledged) --g->unacknowledged;
  mqn_ids_remove(&g->incoming, entry->id);
}

static void received(mqn_guard* g, uint16_t id, uint8_t reason_code) {
  mqn_id_entry* entry = mqn_ids_find(&g->incoming, id);
  if (!entry) return;
  if (reason_code >= 0x80) complete(g, entry);
  else if (entry->state == MQN_ID_IN_2) entry->state = MQN_ID_IN_RELEASE;
}

static void completed(mqn_guard* g, uint16_t id) {
  mqn_id_entry* entry = mqn_ids_find(&g->incoming, id);
  if (entry) complete(g, entry);
  /* of a session that this side does not remember; it had no more than there are identifiers */
  else if (g->session_present && g->carried < 65535) ++g->carried;
}

/* PINGREQ goes out when nothing else did for a keepalive: a good moment to give back what an idle client does not need. */
static void pinged(mqn_guard* g) {
  if (g->pings < 255) ++g->pings;
  mqn_ids_trim(&g->outgoing);
  mqn_ids_trim(&g->incoming);
}

int mqn_guard_sent(mqn_guard* g, uint8_t header, uint16_t id, uint32_t count, uint8_t reason_code) {
  switch (header >> 4) {
    case MQN_PUBLISH: return header & 6 ? expect(g, id, header & 4 ? MQN_ID_PUBLISH_2 : MQN_ID_PUBLISH_1, 0) : 0;
    case MQN_PUBACK: if (g->unacknowledged) --g->unacknowledged; return 0;
    case MQN_PUBREC: received(g, id, reason_code); return 0;
    /* PUBREL for an identifier that is not in use answers a PUBREC for nothing. The identifier is taken until PUBCOMP comes, or the next
     * PUBLISH that gets it would be answered by that PUBCOMP. */
    case MQN_PUBREL: return expect(g, id, MQN_ID_PUBREL, 0);
    case MQN_PUBCOMP: completed(g, id); return 0;
    case MQN_SUBSCRIBE: return expect(g, id, MQN_ID_SUBSCRIBE, count);
    case MQN_UNSUBSCRIBE: return expect(g, id, MQN_ID_UNSUBSCRIBE, count);
    case MQN_PINGREQ: pinged(g); return 0;
    case MQN_DISCONNECT: if (!g->ended) g->ended = MQN_ENDED_BY_US; return 0;
    case MQN_AUTH: g->challenge = 1; return 0;
    default: return 0;
  }
}
