/* The input guard: what a server sends reaches Paho only as whole, well-formed, solicited packets. No I/O, no clock, no Paho;
 * reads bytes, keeps what it must remember. The same rules stand in lib/engine/js/guard.ts; both pass test/vectors/guard.json.
 *
 * Use: mqn_guard_header() as bytes arrive, until it knows a packet's size; when the packet is whole, mqn_guard_packet().
 * What goes out is shown to mqn_guard_sent(), so that answers can be matched with their requests. */
#ifndef MQN_GUARD_H
#define MQN_GUARD_H
#include <stddef.h>
#include <stdint.h>

typedef enum {
  MQN_GUARD_WAIT,      /* not enough bytes yet */
  MQN_GUARD_PASS,      /* hand it to Paho */
  MQN_GUARD_DROP,      /* harmless and meaningless (an acknowledgement of nothing): skip it */
  MQN_GUARD_FAIL       /* close; reason holds DISCONNECT's reason code, text says what was wrong */
} mqn_verdict;

/* A set of packet identifiers with what each waits for. Small when few are in use: an idle client costs nothing.
 * `sent`, outgoing only: 0 while the identifier is reserved and its packet has not been written, whatever its state says. An answer to
 * it is an answer to nothing.
 * `count`, outgoing: filters of SUBSCRIBE, UNSUBSCRIBE; incoming: 1 when the exchange counts in mqn_guard.unacknowledged. */
typedef struct mqn_id_entry { uint16_t id; uint8_t state; uint8_t sent; uint32_t count; } mqn_id_entry;
typedef struct mqn_ids { mqn_id_entry* entries; uint32_t capacity, used; } mqn_ids;   /* open addressing, capacity a power of two or 0 */
mqn_id_entry* mqn_ids_find(const mqn_ids* ids, uint16_t id);            /* valid until the next add or remove */
/* With sent 0 and count 0. The id must not be 0 and not be there. NULL: no memory */
mqn_id_entry* mqn_ids_add(mqn_ids* ids, uint16_t id, uint8_t state);
void mqn_ids_remove(mqn_ids* ids, uint16_t id);
void mqn_ids_trim(mqn_ids* ids);         /* nothing is in it: gives the memory back */
void mqn_ids_clear(mqn_ids* ids);        /* frees the memory */

/* states of an outgoing identifier */
enum { MQN_ID_RESERVED = 1, MQN_ID_PUBLISH_1, MQN_ID_PUBLISH_2, MQN_ID_PUBREL, MQN_ID_SUBSCRIBE, MQN_ID_UNSUBSCRIBE };
/* States of an incoming identifier of QoS 2: before our PUBREC, after it, after the server's PUBREL. A QoS 1 PUBLISH is only counted: Paho
 * keeps nothing of it, so two with one identifier are two messages and two PUBACKs. */
enum { MQN_ID_IN_2 = 2, MQN_ID_IN_RELEASE, MQN_ID_IN_COMPLETE };

typedef struct mqn_guard_limits {
  uint8_t version;               /* 4 or 5 */
  uint8_t clean_start;
  uint8_t authentication;        /* CONNECT had an Authentication Method: AUTH is solicited, CONNACK 0 must name the method (4.12.0-5) */
  uint8_t request_problem_information;  /* CONNECT's property, default 1: with 0 no reason string or user property in acks (3.1.2-29) */
  uint32_t maximum_packet_size;  /* largest packet taken, 0: 268,435,460 */
  uint16_t receive_maximum;      /* 0: 65,535 */
  uint16_t topic_alias_maximum;
  uint8_t session;               /* this side has session state: Session Present 1 is allowed (3.2.2-4) */
} mqn_guard_limits;

/* Why nothing is passed any more */
enum {
  MQN_ENDED_BY_SERVER = 1,       /* its DISCONNECT or a CONNACK that refused was passed: what follows fails */
  MQN_ENDED_BY_US,               /* our DISCONNECT was written: what is still under way is dropped, it could not be answered (3.14.4-1) */
  MQN_ENDED_FAILED               /* a verdict was FAIL: every further one is, reason and text stay those of the first */
};

typedef struct mqn_guard {
  /* valid for the session */
  mqn_ids outgoing;              /* what we wait for an answer to, and what is reserved */
  mqn_ids incoming;              /* QoS 2 not yet completed */
  /* valid for the connection */
  mqn_guard_limits limits;
  uint32_t unacknowledged;       /* PUBLISH QoS 1/2 received and not yet answered with PUBACK, PUBCOMP or PUBREC >= 0x80 */
  /* Exchanges of an earlier connection that were completed on this one.
   *   1. The last connection ended between our PUBREC and the server's PUBREL;
   *   2. on this one the server has its full quota again (4.9) and uses all of it;
   *   3. it sends the PUBREL, our PUBCOMP gives it one slot more, and the next PUBLISH would look like one too many.
   * So each of them raises the limit by one. With Session Present, those count too that this side has forgotten and the server has not. */
  uint32_t carried;
  uint8_t connected;             /* CONNACK 0 was passed */
  uint8_t session_present;       /* what it said */
  uint8_t ended;                 /* MQN_ENDED_*: nothing more is passed */
  uint8_t pings;                 /* PINGREQ sent and not answered */
  uint8_t challenge;             /* the server's turn to send AUTH: CONNECT or AUTH of ours asks for it */
  uint8_t* aliases;              /* one bit an alias that was announced; allocated at the first */
  /* the verdict */
  uint8_t repeated;              /* the PUBLISH that was passed belongs to a QoS 2 exchange under way: its message is known already */
  uint8_t no_memory;             /* why it failed: not the server's fault, reason is 0x97 */
  uint8_t reason;
  char text[160];
} mqn_guard;

/* A new connection: aliases, counts and the verdict are forgotten, identifiers of the session stay. SUBSCRIBE and UNSUBSCRIBE that were
 * written and not answered are no part of the session and go. A guard begins as zero bytes. */
void mqn_guard_start(mqn_guard* g, const mqn_guard_limits* limits);
/* The session is gone: the server said Session Present 0, or this side starts clean. Not done by mqn_guard_packet() itself, since only the
 * caller knows when Paho has let go of its own state. Reserved identifiers go too, so a request that waits inside Paho must go before. */
void mqn_guard_forget(mqn_guard* g);
void mqn_guard_free(mqn_guard* g);

/* The first bytes of a packet. WAIT: more are needed (at most 5). PASS: *size is the whole packet's, header included; type and flags are
 * allowed now and the size is within the limits: only then may memory be reserved. FAIL. */
mqn_verdict mqn_guard_header(mqn_guard* g, const uint8_t* data, size_t length, size_t* size);
/* A whole packet that mqn_guard_header() has passed. PASS, DROP or FAIL; on PASS the guard's memory has moved on. */
mqn_verdict mqn_guard_packet(mqn_guard* g, const uint8_t* data, size_t size);
/* A packet that this side writes, in the order of the wire and before the server can answer it. header: its first byte; id: its packet
 * identifier, 0 where it has none; count: filters of SUBSCRIBE and UNSUBSCRIBE; reason_code: of PUBREC. CONNECT may be shown and changes
 * nothing. Returns 0, or -1: no memory. */
int mqn_guard_sent(mqn_guard* g, uint8_t header, uint16_t id, uint32_t count, uint8_t reason_code);

/* Views into a whole packet; used by the core to read what Paho drops. */
typedef struct mqn_packet_view {
  uint8_t type, flags;
  uint16_t id;
  uint8_t reason_code, session_present;      /* CONNACK's, acks', DISCONNECT's, AUTH's (0 when left out) */
  const uint8_t* topic; uint32_t topic_length;         /* PUBLISH */
  const uint8_t* properties; uint32_t properties_length;
  const uint8_t* payload; uint32_t payload_length;     /* PUBLISH: payload; SUBACK, UNSUBACK: reason codes */
  uint16_t topic_alias;                      /* PUBLISH, 0: none */
} mqn_packet_view;
/* Of a packet that has passed mqn_guard_packet() every field is right. Of any other bytes nothing behind data + size is read, and what
 * cannot be found is 0. */
void mqn_packet_read(const uint8_t* data, size_t size, int version, mqn_packet_view* view);
/* Of a PUBLISH of which so much has come, where its properties begin, or its payload when it has none; 0: not known, or another packet */
size_t mqn_packet_content_place(const uint8_t* data, size_t have, int version);
#endif
