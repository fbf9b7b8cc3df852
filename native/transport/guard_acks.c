/* Acknowledgements from the server: each must be an answer to what this side has sent. */
#include "guard_private.h"
#include <string.h>

/* What a server may send. The lists without a number are of MQTT 5. */
static const uint8_t publish_codes[] = { 0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99 }, release_codes[] = { 0x00, 0x92 },
  connack_codes[] = { 0x00, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8c, 0x90, 0x95, 0x97, 0x99, 0x9a, 0x9b,
                      0x9c, 0x9d, 0x9f },
  suback_codes[] = { 0x00, 0x01, 0x02, 0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2 },
  unsuback_codes[] = { 0x00, 0x11, 0x80, 0x83, 0x87, 0x8f, 0x91 },
  disconnect_codes[] = { 0x00, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8b, 0x8c, 0x8d, 0x8e, 0x8f, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98,
                         0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f, 0xa0, 0xa1, 0xa2 },
  auth_codes[] = { 0x00, 0x18 }, connack_4_codes[] = { 0, 1, 2, 3, 4, 5 }, suback_4_codes[] = { 0, 1, 2, 0x80 };

int mqn_guard_code_listed(unsigned version, unsigned type, uint8_t code) {
#define LISTED(list) (memchr(list, code, sizeof list) != NULL)
  if (type == MQN_CONNACK) return version >= 5 ? LISTED(connack_codes) : LISTED(connack_4_codes);
  if (type == MQN_SUBACK) return version >= 5 ? LISTED(suback_codes) : LISTED(suback_4_codes);
  if (type == MQN_UNSUBACK) return LISTED(unsuback_codes);
  if (type == MQN_DISCONNECT) return LISTED(disconnect_codes);
  if (type == MQN_AUTH) return LISTED(auth_codes);
  return type == MQN_PUBACK || type == MQN_PUBREC ? LISTED(publish_codes) : LISTED(release_codes);
#undef LISTED
}

static mqn_verdict in_use(mqn_guard* g, unsigned type, uint16_t id) {
  return mqn_guard_fail(g, MQN_PROTOCOL_ERROR, "%s: identifier %u waits for another packet", mqn_guard_packet_name(type), id);
}

/* An acknowledgement of nothing: what it is about ended long ago, or the server has lost count. PUBREC is not ignored: the server waits
 * for a PUBREL (as with PUBREL and PUBCOMP, 4.3.3-11). A PUBREC that refuses waits for nothing. */
static mqn_verdict unknown(unsigned type, uint8_t code) {
  return type == MQN_PUBREC && code < 0x80 ? MQN_GUARD_PASS : MQN_GUARD_DROP;
}

static mqn_verdict answer(mqn_guard* g, unsigned type, uint16_t id, uint8_t code) {
  mqn_id_entry* entry = mqn_ids_find(&g->outgoing, id);
  if (!entry) return unknown(type, code);
  if (!entry->sent) return MQN_GUARD_DROP;      /* an answer that Paho passes on to the server would take the identifier from its owner */
  switch (entry->state) {
    case MQN_ID_PUBLISH_1:
      if (type != MQN_PUBACK) return in_use(g, type, id);
      break;
    case MQN_ID_PUBLISH_2:
      if (type != MQN_PUBREC) return in_use(g, type, id);
      if (code >= 0x80) break;
      entry->state = MQN_ID_PUBREL;
      return MQN_GUARD_PASS;
    case MQN_ID_PUBREL:
      if (type == MQN_PUBREC && code < 0x80) return MQN_GUARD_PASS;
      if (type != MQN_PUBCOMP) return in_use(g, type, id);
      break;
    default:
      return in_use(g, type, id);
  }
  mqn_ids_remove(&g->outgoing, id);
  return MQN_GUARD_PASS;
}

static mqn_verdict release(mqn_guard* g, uint16_t id) {
  mqn_id_entry* entry = mqn_ids_find(&g->incoming, id);
  if (!entry) return MQN_GUARD_PASS;
  if (entry->state == MQN_ID_IN_2) return mqn_guard_fail(g, MQN_PROTOCOL_ERROR, "PUBREL: identifier %u before PUBREC", id);
  entry->state = MQN_ID_IN_COMPLETE;
  return MQN_GUARD_PASS;
}

mqn_verdict mqn_guard_ack(mqn_guard* g, unsigned type, const uint8_t* at, const uint8_t* end) {
  const char* name = mqn_guard_packet_name(type);
  uint16_t id = mqn_read_2(at);
  uint8_t code = 0;
  mqn_properties found = { 0, 0 };
  at += 2;
  if (id == 0) return mqn_guard_fail(g, MQN_MALFORMED, "%s: identifier 0", name);
  if (at != end) {
    code = *at++;
    if (!mqn_guard_code_listed(5, type, code)) return mqn_guard_fail(g, MQN_PROTOCOL_ERROR, "%s: code %u", name, code);
    if (at != end && mqn_guard_properties(g, type, &at, end, &found) != MQN_GUARD_PASS) return MQN_GUARD_FAIL;
    if (at != end) return mqn_guard_fail(g, MQN_MALFORMED, "%s: bytes behind the properties", name);
  }
  return type == MQN_PUBREL ? release(g, id) : answer(g, type, id, code);
}

/* SUBACK and UNSUBACK: one code a filter; UNSUBACK of 3.1.1 has none. */
mqn_verdict mqn_guard_request_ack(mqn_guard* g, unsigned type, const uint8_t* at, const uint8_t* end) {
  const char* name = mqn_guard_packet_name(type);
  unsigned version = g->limits.version;
  uint16_t id = mqn_read_2(at);
  const mqn_id_entry* entry;
  mqn_properties found = { 0, 0 };
  at += 2;
  if (id == 0) return mqn_guard_fail(g, MQN_MALFORMED, "%s: identifier 0", name);
  if (version >= 5 && mqn_guard_properties(g, type, &at, end, &found) != MQN_GUARD_PASS) return MQN_GUARD_FAIL;
  entry = mqn_ids_find(&g->outgoing, id);
  if (!entry || !entry->sent || entry->state != (type == MQN_SUBACK ? MQN_ID_SUBSCRIBE : MQN_ID_UNSUBSCRIBE))
    return mqn_guard_fail(g, MQN_PROTOCOL_ERROR, "%s: identifier %u was not asked with", name, id);
  if (version >= 5 || type == MQN_SUBACK) {
    if ((size_t)(end - at) != entry->count)
      return mqn_guard_fail(g, MQN_PROTOCOL_ERROR, "%s: %u codes for %u filters", name, (unsigned)(end - at), (unsigned)entry->count);
    for (; at < end; at++)
      if (!mqn_guard_code_listed(version, type, *at)) return mqn_guard_fail(g, MQN_PROTOCOL_ERROR, "%s: code %u", name, *at);
  }
  mqn_ids_remove(&g->outgoing, id);
  return MQN_GUARD_PASS;
}
