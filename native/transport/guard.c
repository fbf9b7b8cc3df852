#include "guard_private.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LARGEST_PACKET 268435460u    /* 5 bytes of header and 268,435,455 behind it */

static const char* const packet_names[16] = {
  "packet type 0", "CONNECT", "CONNACK", "PUBLISH", "PUBACK", "PUBREC", "PUBREL", "PUBCOMP",
  "SUBSCRIBE", "SUBACK", "UNSUBSCRIBE", "UNSUBACK", "PINGREQ", "PINGRESP", "DISCONNECT", "AUTH"
};
const char* mqn_guard_packet_name(unsigned type) { return packet_names[type & 15]; }

mqn_verdict mqn_guard_fail(mqn_guard* g, uint8_t reason, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(g->text, sizeof g->text, format, arguments);
  va_end(arguments);
  g->reason = reason;
  g->ended = MQN_ENDED_FAILED;
  return MQN_GUARD_FAIL;
}

mqn_verdict mqn_guard_fail_memory(mqn_guard* g) {
  g->no_memory = 1;
  return mqn_guard_fail(g, MQN_QUOTA_EXCEEDED, "no memory");
}

/* Removes what belonged to the last connection only. Removing moves entries up into the place just looked at. */
static void forget_requests(mqn_ids* ids) {
  uint32_t i = 0;
  while (i < ids->capacity) {
    const mqn_id_entry* e = &ids->entries[i];
    if (e->id && e->sent && (e->state == MQN_ID_SUBSCRIBE || e->state == MQN_ID_UNSUBSCRIBE)) mqn_ids_remove(ids, e->id);
    else i++;
  }
}

void mqn_guard_start(mqn_guard* g, const mqn_guard_limits* limits) {
  mqn_guard_limits own = *limits;
  mqn_ids outgoing, incoming;
  uint32_t i;
  forget_requests(&g->outgoing);
  for (i = 0; i < g->incoming.capacity; i++) {
    mqn_id_entry* e = &g->incoming.entries[i];
    e->count = 0;
    /* a server that restores an older state of the session sends its PUBLISH again */
    if (e->id && e->state == MQN_ID_IN_COMPLETE) e->state = MQN_ID_IN_RELEASE;
  }
  outgoing = g->outgoing;
  incoming = g->incoming;
  free(g->aliases);
  memset(g, 0, sizeof *g);
  g->outgoing = outgoing;
  g->incoming = incoming;
  g->limits = own;
  if (g->limits.maximum_packet_size == 0) g->limits.maximum_packet_size = LARGEST_PACKET;
  if (g->limits.receive_maximum == 0) g->limits.receive_maximum = 65535;
  g->challenge = own.version >= 5 && own.authentication;
}

void mqn_guard_forget(mqn_guard* g) {
  mqn_ids_clear(&g->outgoing);
  mqn_ids_clear(&g->incoming);
  g->unacknowledged = g->carried = 0;
}

void mqn_guard_free(mqn_guard* g) {
  mqn_ids_clear(&g->outgoing);
  mqn_ids_clear(&g->incoming);
  free(g->aliases);
  g->aliases = NULL;
}

/* Type, flags and what the connection's state says about them: all that the first byte tells. */
static mqn_verdict check_first_byte(mqn_guard* g, unsigned type, unsigned flags) {
  const char* name = packet_names[type];
  if (type == 0) return mqn_guard_fail(g, MQN_MALFORMED, "%s", name);
  if (type == MQN_CONNECT || type == MQN_SUBSCRIBE || type == MQN_UNSUBSCRIBE || type == MQN_PINGREQ ||
      (type >= MQN_DISCONNECT && g->limits.version < 5))
    return mqn_guard_fail(g, MQN_PROTOCOL_ERROR, "%s: may not come from a server", name);
  if (type == MQN_PUBLISH) {
    if ((flags & 6) == 6) return mqn_guard_fail(g, MQN_MALFORMED, "PUBLISH: QoS 3");
    if ((flags & 14) == 8) return mqn_guard_fail(g, MQN_MALFORMED, "PUBLISH: DUP with QoS 0");
  } else if (flags != (type == MQN_PUBREL ? 2u : 0u)) {
    return mqn_guard_fail(g, MQN_MALFORMED, "%s: flags %u", name, flags);
  }
  if (g->ended == MQN_ENDED_BY_SERVER) return mqn_guard_fail(g, MQN_PROTOCOL_ERROR, "%s: after the server ended the connection", name);
  if (type == MQN_AUTH) return g->challenge ? MQN_GUARD_PASS : mqn_guard_fail(g, MQN_PROTOCOL_ERROR, "AUTH: not asked for");
  if (type == MQN_CONNACK && g->connected) return mqn_guard_fail(g, MQN_PROTOCOL_ERROR, "CONNACK: the second one");
  if (type != MQN_CONNACK && !g->connected) return mqn_guard_fail(g, MQN_PROTOCOL_ERROR, "%s: before CONNACK", name);
  return MQN_GUARD_PASS;
}

/* Remaining lengths that no packet of this type can have need no memory to be refused. */
static int length_is_possible(unsigned version, unsigned type, unsigned flags, uint32_t length) {
  int v5 = version >= 5;
  switch (type) {
    case MQN_PUBLISH: return length >= 2u + (flags & 6 ? 2u : 0u) + (v5 ? 1u : 0u);
    case MQN_SUBACK: return length >= (v5 ? 3u : 2u);
    case MQN_UNSUBACK: return v5 ? length >= 3 : length == 2;
    case MQN_PINGRESP: return length == 0;
    case MQN_DISCONNECT: return 1;
    case MQN_AUTH: return length != 1;
    default: return v5 ? length >= 2 : length == 2;     /* CONNACK and the four acknowledgements of PUBLISH */
  }
}

mqn_verdict mqn_guard_header(mqn_guard* g, const uint8_t* data, size_t length, size_t* size) {
  unsigned type, flags;
  uint32_t remaining = 0;
  size_t used = 1;
  if (length == 0) return MQN_GUARD_WAIT;
  if (g->ended == MQN_ENDED_FAILED) return MQN_GUARD_FAIL;
  type = data[0] >> 4;
  flags = data[0] & 15;
  if (check_first_byte(g, type, flags) != MQN_GUARD_PASS) return MQN_GUARD_FAIL;
  for (;;) {
    uint8_t byte;
    if (used == length) return MQN_GUARD_WAIT;
    byte = data[used];
    remaining |= (uint32_t)(byte & 0x7f) << (7 * (used - 1));
    ++used;
    if (byte < 0x80) {
      if (byte == 0 && used > 2)
        return mqn_guard_fail(g, MQN_MALFORMED, "%s: remaining length not in its shortest form", packet_names[type]);
      break;
    }
    if (used == 5) return mqn_guard_fail(g, MQN_MALFORMED, "%s: remaining length of more than four bytes", packet_names[type]);
  }
  if (!length_is_possible(g->limits.version, type, flags, remaining))
    return mqn_guard_fail(g, MQN_MALFORMED, "%s: remaining length %u", packet_names[type], (unsigned)remaining);
  if (used + remaining > g->limits.maximum_packet_size)
    return mqn_guard_fail(g, MQN_PACKET_TOO_LARGE, "%s: %u bytes, Maximum Packet Size is %u", packet_names[type],
                          (unsigned)(used + remaining), (unsigned)g->limits.maximum_packet_size);
  *size = used + remaining;
  return MQN_GUARD_PASS;
}

static mqn_verdict connack(mqn_guard* g, const uint8_t* at, const uint8_t* end) {
  unsigned version = g->limits.version;
  uint8_t flags = at[0], code = at[1];
  mqn_properties found = { 0, 0 };
  /* A server of 3.1.1 refuses a CONNECT of version 5 in its own format (3.1.1: 3.2.2.3), without a property length. */
  int older = version >= 5 && end - at == 2 && code >= 1 && code <= 5;
  at += 2;
  if (flags & 0xfe) return mqn_guard_fail(g, MQN_MALFORMED, "CONNACK: reserved flags %u", flags);
  if (version >= 5 && !older) {
    if (mqn_guard_properties(g, MQN_CONNACK, &at, end, &found) != MQN_GUARD_PASS) return MQN_GUARD_FAIL;
    if (at != end) return mqn_guard_fail(g, MQN_MALFORMED, "CONNACK: bytes behind the properties");
  }
  if (!mqn_guard_code_listed(older ? 4 : version, MQN_CONNACK, code))
    return mqn_guard_fail(g, MQN_PROTOCOL_ERROR, "CONNACK: code %u", code);
  if (flags && code) return mqn_guard_fail(g, MQN_PROTOCOL_ERROR, "CONNACK: Session Present with code %u", code);
  if (flags && g->limits.clean_start) return mqn_guard_fail(g, MQN_PROTOCOL_ERROR, "CONNACK: Session Present with a clean start");
  if (flags && version >= 5 && !g->limits.session)
    return mqn_guard_fail(g, MQN_PROTOCOL_ERROR, "CONNACK: Session Present, but no session here");
  if (version >= 5) {
    int method = (found.seen & MQN_PROPERTY_BIT(MQN_PROPERTY_AUTHENTICATION_METHOD)) != 0;
    if (method && !g->limits.authentication)
      return mqn_guard_fail(g, MQN_PROTOCOL_ERROR, "CONNACK: Authentication Method not asked for");
    if (!method && (found.seen & MQN_PROPERTY_BIT(MQN_PROPERTY_AUTHENTICATION_DATA)))
      return mqn_guard_fail(g, MQN_PROTOCOL_ERROR, "CONNACK: Authentication Data without a method");
    /* or a server that skips the method would be believed without having proved anything */
    if (!method && !code && g->limits.authentication)
      return mqn_guard_fail(g, MQN_PROTOCOL_ERROR, "CONNACK: Authentication Method left out");
  }
  g->challenge = 0;
  g->session_present = flags;
  if (code) g->ended = MQN_ENDED_BY_SERVER;
  else g->connected = 1;
  return MQN_GUARD_PASS;
}

static mqn_verdict disconnect(mqn_guard* g, const uint8_t* at, const uint8_t* end) {
  mqn_properties found = { 0, 0 };
  uint8_t code = at == end ? 0 : *at++;
  if (!mqn_guard_code_listed(5, MQN_DISCONNECT, code)) return mqn_guard_fail(g, MQN_PROTOCOL_ERROR, "DISCONNECT: code %u", code);
  if (at != end && mqn_guard_properties(g, MQN_DISCONNECT, &at, end, &found) != MQN_GUARD_PASS) return MQN_GUARD_FAIL;
  if (at != end) return mqn_guard_fail(g, MQN_MALFORMED, "DISCONNECT: bytes behind the properties");
  if (found.seen & MQN_PROPERTY_BIT(MQN_PROPERTY_SESSION_EXPIRY))
    return mqn_guard_fail(g, MQN_PROTOCOL_ERROR, "DISCONNECT: Session Expiry Interval from a server");
  g->ended = MQN_ENDED_BY_SERVER;
  return MQN_GUARD_PASS;
}

/* Before CONNACK a server can only go on (0x18): its success is CONNACK. Later it may also close a re-authentication with 0. */
static mqn_verdict auth(mqn_guard* g, const uint8_t* at, const uint8_t* end) {
  mqn_properties found = { 0, 0 };
  int empty = at == end;
  uint8_t code = empty ? 0 : *at++;
  if (!mqn_guard_code_listed(5, MQN_AUTH, code) || (code == 0 && !g->connected))
    return mqn_guard_fail(g, MQN_PROTOCOL_ERROR, "AUTH: code %u", code);
  if (!empty) {
    if (mqn_guard_properties(g, MQN_AUTH, &at, end, &found) != MQN_GUARD_PASS) return MQN_GUARD_FAIL;
    if (at != end) return mqn_guard_fail(g, MQN_MALFORMED, "AUTH: bytes behind the properties");
    if (!(found.seen & MQN_PROPERTY_BIT(MQN_PROPERTY_AUTHENTICATION_METHOD)))
      return mqn_guard_fail(g, MQN_PROTOCOL_ERROR, "AUTH: Authentication Method left out");
  }
  g->challenge = 0;
  return MQN_GUARD_PASS;
}

static mqn_verdict pingresp(mqn_guard* g) {
  if (g->pings == 0) return MQN_GUARD_DROP;
  --g->pings;
  return MQN_GUARD_PASS;
}

mqn_verdict mqn_guard_packet(mqn_guard* g, const uint8_t* data, size_t size) {
  const uint8_t *body, *end = data + size;
  unsigned type;
  if (g->ended == MQN_ENDED_FAILED) return MQN_GUARD_FAIL;
  g->repeated = 0;
  body = mqn_packet_body(data, size);
  type = size ? data[0] >> 4 : 0;
  if (!body || !length_is_possible(g->limits.version, type, data[0] & 15, (uint32_t)(end - body)))
    return mqn_guard_fail(g, MQN_MALFORMED, "%s: not whole", packet_names[type]);
  if (g->ended == MQN_ENDED_BY_US) return MQN_GUARD_DROP;
  switch (type) {
    case MQN_CONNACK: return connack(g, body, end);
    case MQN_PUBLISH: return mqn_guard_publish(g, data[0] & 15, body, end);
    case MQN_PUBACK: case MQN_PUBREC: case MQN_PUBREL: case MQN_PUBCOMP: return mqn_guard_ack(g, type, body, end);
    case MQN_SUBACK: case MQN_UNSUBACK: return mqn_guard_request_ack(g, type, body, end);
    case MQN_PINGRESP: return pingresp(g);
    case MQN_DISCONNECT: return disconnect(g, body, end);
    case MQN_AUTH: return auth(g, body, end);
    default: return mqn_guard_fail(g, MQN_PROTOCOL_ERROR, "%s: may not come from a server", packet_names[type]);
  }
}
