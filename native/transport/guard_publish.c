/* PUBLISH from the server (3.3): the packet that comes by the million. */
#include "guard_private.h"
#include "utf8.h"
#include <stdlib.h>

static int alias_known(const mqn_guard* g, unsigned alias) { return g->aliases && (g->aliases[alias >> 3] >> (alias & 7) & 1); }

/* 0, or -1: no memory. The bits are allocated whole: at most 8 KiB, and a server that uses one alias uses more. */
static int remember_alias(mqn_guard* g, unsigned alias) {
  if (!g->aliases && !(g->aliases = calloc((g->limits.topic_alias_maximum >> 3) + 1u, 1))) return -1;
  g->aliases[alias >> 3] |= (uint8_t)(1u << (alias & 7));
  return 0;
}

/* One more that waits for our acknowledgement. 3.1.1 knows no limit. */
static mqn_verdict count_one(mqn_guard* g) {
  if (g->limits.version >= 5 && g->unacknowledged >= g->limits.receive_maximum + g->carried)
    return mqn_guard_fail(g, MQN_RECEIVE_MAXIMUM_EXCEEDED, "PUBLISH: one more than the Receive Maximum of %u", g->limits.receive_maximum);
  ++g->unacknowledged;
  return MQN_GUARD_PASS;
}

static mqn_verdict qos_1(mqn_guard* g, uint16_t id) {
  if (mqn_ids_find(&g->incoming, id)) return mqn_guard_fail(g, MQN_PROTOCOL_ERROR, "PUBLISH: identifier %u is in use by QoS 2", id);
  return count_one(g);
}

static mqn_verdict qos_2(mqn_guard* g, uint16_t id) {
  mqn_id_entry* entry = mqn_ids_find(&g->incoming, id);
  if (entry && entry->state == MQN_ID_IN_COMPLETE)
    return mqn_guard_fail(g, MQN_PROTOCOL_ERROR, "PUBLISH: identifier %u again before PUBCOMP", id);
  if (entry && entry->count) {
    g->repeated = 1;
    return MQN_GUARD_PASS;
  }
  if (count_one(g) != MQN_GUARD_PASS) return MQN_GUARD_FAIL;
  if (entry) g->repeated = 1;
  else if (!(entry = mqn_ids_add(&g->incoming, id, MQN_ID_IN_2))) return mqn_guard_fail_memory(g);
  entry->count = 1;
  return MQN_GUARD_PASS;
}

mqn_verdict mqn_guard_publish(mqn_guard* g, unsigned flags, const uint8_t* at, const uint8_t* end) {
  unsigned qos = flags >> 1 & 3;
  uint16_t topic_length = mqn_read_2(at), id = 0;
  mqn_properties found = { 0, 0 };
  int met;
  at += 2;
  if (end - at < topic_length) return mqn_guard_fail(g, MQN_MALFORMED, "PUBLISH: topic longer than the packet");
  met = mqn_utf8_scan(at, topic_length);
  if (met & MQN_UTF8_ILL_FORMED) return mqn_guard_fail(g, MQN_MALFORMED, "PUBLISH: ill-formed UTF-8 in the topic");
  if (met) return mqn_guard_fail(g, MQN_PROTOCOL_ERROR, "PUBLISH: a wildcard in the topic");
  at += topic_length;
  if (qos) {
    if (end - at < 2) return mqn_guard_fail(g, MQN_MALFORMED, "PUBLISH: no identifier");
    id = mqn_read_2(at);
    at += 2;
    if (id == 0) return mqn_guard_fail(g, MQN_MALFORMED, "PUBLISH: identifier 0");
  }
  if (g->limits.version >= 5 && mqn_guard_properties(g, MQN_PUBLISH, &at, end, &found) != MQN_GUARD_PASS) return MQN_GUARD_FAIL;
  if (topic_length == 0) {
    if (!found.topic_alias) return mqn_guard_fail(g, MQN_PROTOCOL_ERROR, "PUBLISH: empty topic");
    if (!alias_known(g, found.topic_alias))
      return mqn_guard_fail(g, MQN_PROTOCOL_ERROR, "PUBLISH: Topic Alias %u is unknown", found.topic_alias);
  }
  if (qos == 1 && qos_1(g, id) != MQN_GUARD_PASS) return MQN_GUARD_FAIL;
  if (qos == 2 && qos_2(g, id) != MQN_GUARD_PASS) return MQN_GUARD_FAIL;
  if (topic_length && found.topic_alias && remember_alias(g, found.topic_alias) != 0) return mqn_guard_fail_memory(g);
  return MQN_GUARD_PASS;
}
