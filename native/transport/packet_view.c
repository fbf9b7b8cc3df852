#include "guard_private.h"
#include <string.h>

const uint8_t* mqn_packet_body(const uint8_t* data, size_t size) {
  const uint8_t *at = data + 1, *end = data + size;
  uint32_t remaining;
  if (size < 2 || mqn_read_variable(&at, end, &remaining) != 0 || remaining != (size_t)(end - at)) return NULL;
  return at;
}

/* Behind a field of `length` bytes, or the end. */
static const uint8_t* skip(const uint8_t* at, const uint8_t* end, size_t length) { return (size_t)(end - at) < length ? end : at + length; }
static const uint8_t* skip_counted(const uint8_t* at, const uint8_t* end) { return end - at < 2 ? end : skip(at + 2, end, mqn_read_2(at)); }

static void find_alias(mqn_packet_view* v) {
  const uint8_t *at = v->properties, *end = at + v->properties_length;
  uint32_t value;
  while (at < end) {
    switch (*at++) {
      case 1: at = skip(at, end, 1); break;
      case 2: at = skip(at, end, 4); break;
      case 3: case 8: case 9: at = skip_counted(at, end); break;
      case 11: if (mqn_read_variable(&at, end, &value) != 0) return; break;
      case MQN_PROPERTY_USER: at = skip_counted(skip_counted(at, end), end); break;
      case MQN_PROPERTY_TOPIC_ALIAS: if (end - at >= 2) v->topic_alias = mqn_read_2(at); return;
      default: return;
    }
  }
}

/* Where the properties' length stands at `at`: fills the view, returns what lies behind them; NULL: they reach over the end. */
static const uint8_t* read_properties(mqn_packet_view* v, const uint8_t* at, const uint8_t* end) {
  uint32_t length;
  if (mqn_read_variable(&at, end, &length) != 0 || length > (size_t)(end - at)) return NULL;
  v->properties = at;
  v->properties_length = length;
  return at + length;
}

static void read_publish(mqn_packet_view* v, const uint8_t* at, const uint8_t* end, int version) {
  uint16_t length;
  if (end - at < 2) return;
  length = mqn_read_2(at);
  at += 2;
  if (end - at < length) return;
  v->topic = at;
  v->topic_length = length;
  at += length;
  if (v->flags & 6) {
    if (end - at < 2) return;
    v->id = mqn_read_2(at);
    at += 2;
  }
  if (version >= 5) {
    if (!(at = read_properties(v, at, end))) return;
    if (v->properties_length) find_alias(v);
  }
  v->payload = at;
  v->payload_length = (uint32_t)(end - at);
}

static void read_other(mqn_packet_view* v, const uint8_t* at, const uint8_t* end, int version) {
  int has_id = v->type >= MQN_PUBACK && v->type <= MQN_UNSUBACK, has_codes = v->type == MQN_SUBACK || v->type == MQN_UNSUBACK;
  if (v->type == MQN_CONNACK && at < end) v->session_present = *at++ & 1;
  if (has_id) {
    if (end - at < 2) return;
    v->id = mqn_read_2(at);
    at += 2;
  }
  if (!has_codes && at < end) v->reason_code = *at++;
  if (version >= 5 && at < end && !(at = read_properties(v, at, end))) return;
  if (!has_codes) return;
  v->payload = at;
  v->payload_length = (uint32_t)(end - at);
}

void mqn_packet_read(const uint8_t* data, size_t size, int version, mqn_packet_view* v) {
  const uint8_t* at = mqn_packet_body(data, size);
  memset(v, 0, sizeof *v);
  if (!at) return;
  v->type = data[0] >> 4;
  v->flags = data[0] & 15;
  if (v->type == MQN_PUBLISH) read_publish(v, at, data + size, version);
  else read_other(v, at, data + size, version);
}

size_t mqn_packet_content_place(const uint8_t* data, size_t have, int version) {
  const uint8_t *at = data + 1, *end = data + have;
  uint32_t remaining;
  mqn_packet_view v;
  if (have < 2 || data[0] >> 4 != MQN_PUBLISH || mqn_read_variable(&at, end, &remaining) != 0) return 0;
  memset(&v, 0, sizeof v);
  v.flags = data[0] & 15;
  read_publish(&v, at, end, version);
  return v.payload ? (size_t)((v.properties_length ? v.properties : v.payload) - data) : 0;
}
