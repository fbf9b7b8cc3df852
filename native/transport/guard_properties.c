/* Properties of MQTT 5 (2.2.2): which may stand where, how often, and with what values. */
#include "guard_private.h"
#include "utf8.h"

enum kind { NONE, BOOLEAN, TWO, TWO_POSITIVE, FOUR, FOUR_POSITIVE, VARIABLE_POSITIVE, TEXT, TOPIC, BINARY, PAIR };

#define IN(type) (1u << (type))
#define ACKS (IN(MQN_PUBACK) | IN(MQN_PUBREC) | IN(MQN_PUBREL) | IN(MQN_PUBCOMP) | IN(MQN_SUBACK) | IN(MQN_UNSUBACK))
#define ENDS (IN(MQN_CONNACK) | IN(MQN_DISCONNECT))

/* Only packets that come from a server count here, and every property of one byte that a server may send is 0 or 1. */
static const struct { uint8_t kind; uint16_t packets; } rules[] = {
  [1] = { BOOLEAN, IN(MQN_PUBLISH) },                 /* Payload Format Indicator */
  [2] = { FOUR, IN(MQN_PUBLISH) },                    /* Message Expiry Interval */
  [3] = { TEXT, IN(MQN_PUBLISH) },                    /* Content Type */
  [8] = { TOPIC, IN(MQN_PUBLISH) },                   /* Response Topic */
  [9] = { BINARY, IN(MQN_PUBLISH) },                  /* Correlation Data */
  [11] = { VARIABLE_POSITIVE, IN(MQN_PUBLISH) },      /* Subscription Identifier */
  [17] = { FOUR, ENDS },                              /* Session Expiry Interval; of DISCONNECT only a client may send it, see there */
  [18] = { TEXT, IN(MQN_CONNACK) },                   /* Assigned Client Identifier */
  [19] = { TWO, IN(MQN_CONNACK) },                    /* Server Keep Alive */
  [21] = { TEXT, IN(MQN_CONNACK) | IN(MQN_AUTH) },    /* Authentication Method */
  [22] = { BINARY, IN(MQN_CONNACK) | IN(MQN_AUTH) },  /* Authentication Data */
  [26] = { TEXT, IN(MQN_CONNACK) },                   /* Response Information */
  [28] = { TEXT, ENDS },                              /* Server Reference */
  [31] = { TEXT, ACKS | ENDS | IN(MQN_AUTH) },        /* Reason String */
  [33] = { TWO_POSITIVE, IN(MQN_CONNACK) },           /* Receive Maximum */
  [34] = { TWO, IN(MQN_CONNACK) },                    /* Topic Alias Maximum */
  [35] = { TWO, IN(MQN_PUBLISH) },                    /* Topic Alias */
  [36] = { BOOLEAN, IN(MQN_CONNACK) },                /* Maximum QoS */
  [37] = { BOOLEAN, IN(MQN_CONNACK) },                /* Retain Available */
  [38] = { PAIR, ACKS | ENDS | IN(MQN_PUBLISH) | IN(MQN_AUTH) },   /* User Property */
  [39] = { FOUR_POSITIVE, IN(MQN_CONNACK) },          /* Maximum Packet Size */
  [40] = { BOOLEAN, IN(MQN_CONNACK) },                /* Wildcard Subscription Available */
  [41] = { BOOLEAN, IN(MQN_CONNACK) },                /* Subscription Identifiers Available */
  [42] = { BOOLEAN, IN(MQN_CONNACK) }                 /* Shared Subscription Available */
};
#define RULES (sizeof rules / sizeof rules[0])

int mqn_read_longer_variable(const uint8_t** at, const uint8_t* end, uint32_t* value) {
  const uint8_t* p = *at;
  uint32_t result = 0;
  unsigned shift;
  for (shift = 0; shift < 28 && p < end; shift += 7) {
    uint8_t byte = *p++;
    result |= (uint32_t)(byte & 0x7f) << shift;
    if (byte >= 0x80) continue;
    if (byte == 0 && shift > 0) return -1;
    *at = p;
    *value = result;
    return 0;
  }
  return -1;
}

/* Two bytes of length and as many bytes behind them. The length, or -1: it reaches over the end. */
static long counted(const uint8_t** at, const uint8_t* end, const uint8_t** content) {
  long length;
  if (end - *at < 2) return -1;
  length = mqn_read_2(*at);
  if (end - *at - 2 < length) return -1;
  *content = *at + 2;
  *at += 2 + length;
  return length;
}

/* What was wrong with a value, NULL: nothing. */
typedef struct fault { uint8_t reason; const char* what; } fault;
static const fault fine = { 0, NULL }, cut_off = { MQN_MALFORMED, "longer than the packet" },
                   out_of_range = { MQN_PROTOCOL_ERROR, "value out of range" }, bad_text = { MQN_MALFORMED, "ill-formed UTF-8" },
                   wildcard = { MQN_PROTOCOL_ERROR, "a wildcard" };

static fault check_text(const uint8_t** at, const uint8_t* end, int topic) {
  const uint8_t* content;
  long length = counted(at, end, &content);
  int met;
  if (length < 0) return cut_off;
  met = mqn_utf8_scan(content, (size_t)length);
  if (met & MQN_UTF8_ILL_FORMED) return bad_text;
  return topic && met ? wildcard : fine;
}

static fault check_value(enum kind kind, const uint8_t** at, const uint8_t* end) {
  const uint8_t* p = *at;
  uint32_t value;
  fault f;
  switch (kind) {
    case BOOLEAN:
      if (end - p < 1) return cut_off;
      *at = p + 1;
      return p[0] > 1 ? out_of_range : fine;
    case TWO: case TWO_POSITIVE:
      if (end - p < 2) return cut_off;
      *at = p + 2;
      return kind == TWO_POSITIVE && mqn_read_2(p) == 0 ? out_of_range : fine;
    case FOUR: case FOUR_POSITIVE:
      if (end - p < 4) return cut_off;
      *at = p + 4;
      return kind == FOUR_POSITIVE && mqn_read_4(p) == 0 ? out_of_range : fine;
    case VARIABLE_POSITIVE:
      if (mqn_read_variable(at, end, &value) != 0) return (fault){ MQN_MALFORMED, "not a variable byte integer" };
      return value == 0 ? out_of_range : fine;
    case BINARY:
      return counted(at, end, &p) < 0 ? cut_off : fine;
    case PAIR:
      f = check_text(at, end, 0);
      return f.what ? f : check_text(at, end, 0);
    default:
      return check_text(at, end, kind == TOPIC);
  }
}

static mqn_verdict check_alias(mqn_guard* g, const uint8_t* value, mqn_properties* found) {
  found->topic_alias = mqn_read_2(value);
  if (found->topic_alias == 0 || found->topic_alias > g->limits.topic_alias_maximum)
    return mqn_guard_fail(g, MQN_TOPIC_ALIAS_INVALID, "PUBLISH: Topic Alias %u, Topic Alias Maximum is %u", found->topic_alias,
                          g->limits.topic_alias_maximum);
  return MQN_GUARD_PASS;
}

mqn_verdict mqn_guard_properties(mqn_guard* g, unsigned type, const uint8_t** at, const uint8_t* end, mqn_properties* found) {
  const char* name = mqn_guard_packet_name(type);
  uint32_t length;
  if (mqn_read_variable(at, end, &length) != 0 || length > (size_t)(end - *at))
    return mqn_guard_fail(g, MQN_MALFORMED, "%s: property length", name);
  end = *at + length;
  while (*at < end) {
    unsigned id = *(*at)++;
    const uint8_t* value = *at;
    fault f;
    if (id >= RULES || !(rules[id].packets & IN(type))) return mqn_guard_fail(g, MQN_MALFORMED, "%s: property %u", name, id);
    if ((found->seen & MQN_PROPERTY_BIT(id)) && id != MQN_PROPERTY_USER && rules[id].kind != VARIABLE_POSITIVE)
      return mqn_guard_fail(g, MQN_PROTOCOL_ERROR, "%s: property %u twice", name, id);
    found->seen |= MQN_PROPERTY_BIT(id);
    if ((id == MQN_PROPERTY_REASON_STRING || id == MQN_PROPERTY_USER) && !g->limits.request_problem_information &&
        !(IN(type) & (ENDS | IN(MQN_PUBLISH))))
      return mqn_guard_fail(g, MQN_PROTOCOL_ERROR, "%s: property %u, but Request Problem Information was 0", name, id);
    f = check_value((enum kind)rules[id].kind, at, end);
    if (f.what) return mqn_guard_fail(g, f.reason, "%s: property %u: %s", name, id, f.what);
    if (id == MQN_PROPERTY_TOPIC_ALIAS && check_alias(g, value, found) != MQN_GUARD_PASS) return MQN_GUARD_FAIL;
  }
  return MQN_GUARD_PASS;
}
