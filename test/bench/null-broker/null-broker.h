/* The null broker's own interface. null-broker.c says what the program is; everything here belongs to its one thread.
 *
 *   null-broker.c   options, listener, event loop
 *   link.c          one connection: buffers, reading, writing
 *   packets.c       what comes in, packet by packet
 *   properties.c    the few MQTT 5 properties that matter here
 *   sink.c          incoming PUBLISH: counted and compared
 *   source.c        outgoing PUBLISH: flood, paced, identifiers
 *   echo.c          a PUBLISH sent back to its sender
 *   report.c        the counters as JSON
 *   tls.c           TLS, for --tls
 */
#ifndef MQN_NULL_BROKER_H
#define MQN_NULL_BROKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* One read takes at most this much, and the part of a packet in front of its payload must fit in half of it. */
#define MQN_NB_READ_SIZE ((size_t)256 * 1024)
#define MQN_NB_HEAD_LIMIT (MQN_NB_READ_SIZE / 2)
/* A source stops filling at this many bytes; above the second mark a connection that does not read is not read from either. */
#define MQN_NB_WRITE_MARK ((size_t)256 * 1024)
#define MQN_NB_HOLD_MARK ((size_t)1024 * 1024)

typedef struct mqn_nb_options {
  const char* host;
  uint16_t port;                /* 0: any free one */
  uint16_t receive_maximum;     /* announced in CONNACK (MQTT 5); 0: not announced */
  uint16_t topic_alias_maximum; /* announced in CONNACK (MQTT 5); 0: not announced, aliases refused */
  uint16_t together;            /* the first sources send nothing until there have been so many */
  uint16_t window;              /* unacknowledged messages of a source for a client that announces no Receive Maximum */
  uint64_t take;                /* bytes a second read from each connection; 0: as fast as they come */
  bool tls;                     /* connections speak TLS; the certificate is printed */
  bool log;                     /* a line on stderr for each connection that ends */
} mqn_nb_options;
extern mqn_nb_options mqn_nb_config;

/* Bytes [at, length). Storage is borrowed from a shared pool when the first byte comes and given back with the last one, so an
 * idle connection owns none. */
typedef struct mqn_nb_buffer {
  uint8_t* data;
  size_t at, length, capacity;
} mqn_nb_buffer;

typedef struct mqn_nb_counters {
  /* from the client */
  uint64_t messages, bytes, by_qos[3];
  uint64_t unchecked;   /* messages whose topic or length says they carry no sequence number */
  uint64_t gaps;        /* sequence numbers that were skipped */
  uint64_t duplicates;  /* sequence numbers below the one expected: sent twice or out of order */
  uint64_t corrupt;     /* messages with a byte that differs from the pattern */
  uint64_t resent;      /* DUP set and the identifier known: not counted as messages */
  uint64_t misused_ids; /* identifier 0 or in use, PUBREL of an unknown one */
  uint64_t over_quota;  /* QoS 2 publishes above the announced Receive Maximum */
  uint64_t malformed;   /* connections closed because of what they sent */
  uint64_t pings;       /* PINGREQs */
  /* to the client */
  uint64_t sent, sent_bytes, acked;
  uint64_t bad_acks;    /* acknowledgements of an identifier that is not in that state */
} mqn_nb_counters;

typedef enum { MQN_NB_TOPIC_OTHER, MQN_NB_TOPIC_BENCH, MQN_NB_TOPIC_ECHO } mqn_nb_topic;

/* The PUBLISH whose payload is coming in. */
typedef struct mqn_nb_incoming {
  mqn_nb_topic topic;
  uint8_t qos;
  bool open;      /* bytes of it are still to come; nothing below is good otherwise */
  bool echoed;    /* it is also being copied into the echoes */
  bool again;     /* a resend of a QoS 2 message that was counted before */
  bool same;      /* no byte has differed from the pattern so far */
  uint16_t id;
  size_t size, at; /* payload bytes, and how many of them have come */
} mqn_nb_incoming;

/* What a subscription to flood/ or paced/ sends. Small payloads lie in `packet`, ready to be copied and stamped; large ones are sent
 * from the pattern itself, behind a head of `packet`. */
typedef struct mqn_nb_source {
  uint8_t* packet;
  size_t packet_length, topic_at, topic_length, id_at, payload_at;
  size_t size, left, at;  /* payload bytes: of a message, still to send of the open one, sent of the open one */
  uint64_t count, sent;
  uint8_t qos;
  bool stopping;          /* unsubscribed while a large payload was open */
  double rate;            /* messages a second; 0: as fast as the client takes them */
  uint64_t start;         /* ns, of a paced one */
} mqn_nb_source;

/* Identifiers of outgoing QoS 1 and 2 messages. Made with the first of them. */
typedef struct mqn_nb_ids {
  uint8_t* state;         /* by identifier, 1..limit */
  uint32_t limit, next, in_flight, window;
} mqn_nb_ids;

typedef struct mqn_nb_link {
  struct mqn_nb_link *next, *previous;
  int fd;
  struct ssl_st* tls;     /* NULL without --tls */
  bool tls_more;          /* the last read was full: what OpenSSL has read ahead behind it brings no event of its own */
  uint32_t interest;      /* what epoll was told */
  bool dead;              /* closed; freed after the turn */
  uint8_t version;        /* 4 or 5; 0: no CONNECT yet */
  uint16_t receive_maximum; /* the client's */
  uint8_t* head;          /* the start of a packet that is not whole, NULL mostly */
  size_t head_length;
  mqn_nb_buffer out;      /* on its way */
  mqn_nb_buffer later;    /* waits until a source's large payload in `out` is complete */
  mqn_nb_incoming incoming;
  uint32_t expected;      /* the next sequence number */
  uint8_t* open_ids;      /* bitmap of QoS 2 identifiers between PUBLISH and PUBREL; made with the first one */
  uint32_t open_count;
  uint8_t* aliases;       /* mqn_nb_topic by topic alias; made with the first one */
  mqn_nb_ids ids;
  mqn_nb_source* source;
  int8_t echo_qos;        /* of the subscription to echo; -1: none */
  mqn_nb_buffer echoes;   /* packets that wait for the client's window; behind them may lie one that is still coming in */
  uint32_t echoes_waiting; /* how many of them are complete */
  uint64_t first_ns, last_ns; /* first and last message from the client */
  uint64_t read_ns;       /* with --take: not to be read from before */
  uint64_t heard_ns, silence_ns; /* when bytes came last, and the longest time without any */
  mqn_nb_counters counters;
} mqn_nb_link;

/* ---- null-broker.c */
extern uint64_t mqn_nb_now;            /* ns, monotonic, read once an event */
extern mqn_nb_link* mqn_nb_links;      /* all that are open */
extern mqn_nb_counters mqn_nb_ended;   /* sums of those that are not */
extern uint64_t mqn_nb_accepted, mqn_nb_open, mqn_nb_open_peak;
bool mqn_nb_watch(mqn_nb_link* link, uint32_t interest, bool added);
void mqn_nb_wake_at(uint64_t ns);      /* mqn_nb_source_tick() will be called then, or earlier */

/* ---- link.c */
mqn_nb_link* mqn_nb_link_open(int fd);
void mqn_nb_link_close(mqn_nb_link* link);
void mqn_nb_link_free_dead(void);
void mqn_nb_link_readable(mqn_nb_link* link);
void mqn_nb_link_flush(mqn_nb_link* link);
bool mqn_nb_link_put(mqn_nb_link* link, const void* bytes, size_t length); /* false: no memory, the link is closed */
bool mqn_nb_buffer_reserve(mqn_nb_buffer* buffer, size_t more);
void mqn_nb_buffer_release(mqn_nb_buffer* buffer);
void mqn_nb_buffers_free(void);
size_t mqn_nb_varint(uint8_t* to, size_t value); /* MQTT's variable byte integer (1.5.5); at most 4 bytes */

/* ---- packets.c: takes what is complete and says how many bytes that was; -1: malformed, close */
ptrdiff_t mqn_nb_take(mqn_nb_link* link, const uint8_t* data, size_t length);

/* ---- properties.c: false: malformed */
typedef struct mqn_nb_properties {
  uint16_t receive_maximum, topic_alias;
  size_t length; /* of all of them with the length in front */
} mqn_nb_properties;
bool mqn_nb_properties_read(const uint8_t* at, size_t available, mqn_nb_properties* found);

/* ---- sink.c */
bool mqn_nb_sink_begin(mqn_nb_link* link, mqn_nb_topic topic, uint8_t qos, bool dup, uint16_t id, const uint8_t* payload, size_t size);
void mqn_nb_sink_bytes(mqn_nb_link* link, const uint8_t* bytes, size_t length); /* and acknowledges it with the last one */
void mqn_nb_sink_released(mqn_nb_link* link, uint16_t id); /* PUBREL */

/* ---- source.c */
extern uint8_t* mqn_nb_pattern; /* pattern of any payload: MQN_NB_PATTERN_PERIOD bytes, and MQN_NB_READ_SIZE more of it */
#define MQN_NB_PATTERN_PERIOD ((size_t)16381 * 4)
bool mqn_nb_pattern_make(void);
bool mqn_nb_ids_open(mqn_nb_link* link);
uint16_t mqn_nb_ids_take(mqn_nb_link* link, uint8_t qos); /* 0: the window is closed */
void mqn_nb_ids_acked(mqn_nb_link* link, uint8_t type, uint16_t id, uint8_t reason);
bool mqn_nb_source_parse(const uint8_t* topic, size_t length, mqn_nb_source* source);
bool mqn_nb_source_start(mqn_nb_link* link, const mqn_nb_source* parsed, const uint8_t* topic, size_t length);
bool mqn_nb_source_is(const mqn_nb_link* link, const uint8_t* topic, size_t length);
void mqn_nb_source_stop(mqn_nb_link* link);
void mqn_nb_source_free(mqn_nb_link* link);
void mqn_nb_source_fill(mqn_nb_link* link);
void mqn_nb_source_payload_sent(mqn_nb_link* link, size_t length);
void mqn_nb_source_tick(void);

/* ---- echo.c */
bool mqn_nb_echo_begin(mqn_nb_link* link, const uint8_t* topic, size_t topic_length, uint8_t qos, size_t size);
void mqn_nb_echo_bytes(mqn_nb_link* link, const uint8_t* bytes, size_t length);
void mqn_nb_echo_end(mqn_nb_link* link);
void mqn_nb_echo_release(mqn_nb_link* link); /* as many as the window lets through */

/* ---- tls.c */
bool mqn_nb_tls_start(void); /* false: no certificate */
void mqn_nb_tls_end(void);
bool mqn_nb_tls_open(mqn_nb_link* link);
void mqn_nb_tls_free(mqn_nb_link* link);
ssize_t mqn_nb_tls_receive(mqn_nb_link* link, uint8_t* to, size_t length); /* as recv() and send(), errno included */
ssize_t mqn_nb_tls_send(mqn_nb_link* link, const uint8_t* from, size_t length);

/* ---- report.c */
void mqn_nb_counters_add(mqn_nb_counters* to, const mqn_nb_counters* from);
int mqn_nb_report(const mqn_nb_link* link, char* to, size_t size);

#endif
