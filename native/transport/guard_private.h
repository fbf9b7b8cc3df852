/* Inside of the guard: guard.c checks headers and the small packets, guard_publish.c PUBLISH, guard_acks.c all acknowledgements,
 * guard_properties.c the properties, guard_sent.c what goes out. */
#ifndef MQN_GUARD_PRIVATE_H
#define MQN_GUARD_PRIVATE_H
#include "guard.h"

enum { MQN_CONNECT = 1, MQN_CONNACK, MQN_PUBLISH, MQN_PUBACK, MQN_PUBREC, MQN_PUBREL, MQN_PUBCOMP, MQN_SUBSCRIBE, MQN_SUBACK,
       MQN_UNSUBSCRIBE, MQN_UNSUBACK, MQN_PINGREQ, MQN_PINGRESP, MQN_DISCONNECT, MQN_AUTH };

/* the reason codes a client may close with (3.14.2.1) */
enum { MQN_MALFORMED = 0x81, MQN_PROTOCOL_ERROR = 0x82, MQN_RECEIVE_MAXIMUM_EXCEEDED = 0x93, MQN_TOPIC_ALIAS_INVALID = 0x94,
       MQN_PACKET_TOO_LARGE = 0x95, MQN_QUOTA_EXCEEDED = 0x97 };

/* the property identifiers that are looked at by name */
enum { MQN_PROPERTY_SESSION_EXPIRY = 17, MQN_PROPERTY_AUTHENTICATION_METHOD = 21, MQN_PROPERTY_AUTHENTICATION_DATA = 22,
       MQN_PROPERTY_REASON_STRING = 31, MQN_PROPERTY_TOPIC_ALIAS = 35, MQN_PROPERTY_USER = 38 };

/* What a list of properties held: bit n of `seen` for identifier n. */
typedef struct mqn_properties { uint64_t seen; uint16_t topic_alias; } mqn_properties;
#define MQN_PROPERTY_BIT(id) ((uint64_t)1 << (id))

mqn_verdict mqn_guard_fail(mqn_guard* g, uint8_t reason, const char* format, ...);
mqn_verdict mqn_guard_fail_memory(mqn_guard* g);
const char* mqn_guard_packet_name(unsigned type);

/* PASS: *at has moved behind the properties, whose length stands at *at. */
mqn_verdict mqn_guard_properties(mqn_guard* g, unsigned type, const uint8_t** at, const uint8_t* end, mqn_properties* found);
/* The bytes between header and end of packet. */
mqn_verdict mqn_guard_publish(mqn_guard* g, unsigned flags, const uint8_t* at, const uint8_t* end);
mqn_verdict mqn_guard_ack(mqn_guard* g, unsigned type, const uint8_t* at, const uint8_t* end);
mqn_verdict mqn_guard_request_ack(mqn_guard* g, unsigned type, const uint8_t* at, const uint8_t* end);
/* 1: the standard lists this code for a packet of the server (MQTT 5, or SUBACK and CONNACK of 3.1.1) */
int mqn_guard_code_listed(unsigned version, unsigned type, uint8_t code);

static inline uint16_t mqn_read_2(const uint8_t* at) { return (uint16_t)(at[0] << 8 | at[1]); }
static inline uint32_t mqn_read_4(const uint8_t* at) { return (uint32_t)mqn_read_2(at) << 16 | mqn_read_2(at + 2); }
/* Variable Byte Integer (1.5.5). 0 and *at behind it, or -1: cut off by the end, longer than four bytes or not the shortest form. */
int mqn_read_longer_variable(const uint8_t** at, const uint8_t* end, uint32_t* value);
static inline int mqn_read_variable(const uint8_t** at, const uint8_t* end, uint32_t* value) {
  if (*at == end || **at >= 0x80) return mqn_read_longer_variable(at, end, value);
  *value = *(*at)++;
  return 0;
}
/* Where a whole packet's bytes behind the header begin; NULL: the remaining length does not fit the size. */
const uint8_t* mqn_packet_body(const uint8_t* data, size_t size);
#endif
