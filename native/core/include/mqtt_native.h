/* mqtt-native: the language-neutral core.
 *
 * One reactor thread a process runs every client: sockets, TLS and Eclipse Paho's protocol engine. A language binding
 * makes one environment (mqn_env) for each of its threads that owns callbacks: for Node.js one for the main thread and one
 * for each worker. An environment is three rings in memory that both sides map:
 *
 *   submissions   binding -> reactor   PUBLISH, acknowledgements (bytes, records of MQN_RECORD_HEADER and a body)
 *   completions   reactor -> binding   one entry of four words a finished request
 *   messages      reactor -> binding   incoming messages and events, in order (bytes, records as above)
 *
 * and a page of control words. Everything that happens once a message goes through the rings; everything else has a
 * function. Threads: every function may be called from any thread unless it says otherwise, but the ring positions that belong
 * to the binding have one owner: the environment's own thread. Nothing here calls back on the caller's thread; `notify` is
 * called on the reactor thread and must only wake the environment's thread.
 *
 * A binding that does not want to map memory (C, a script language) passes no memory, and uses mqn_publish(), mqn_ack() and
 * mqn_env_drain(): they read and write the same rings.
 */
#ifndef MQTT_NATIVE_H
#define MQTT_NATIVE_H

#include <stddef.h>
#include <stdint.h>

#if defined(MQN_SHARED)
#  if defined(_WIN32)
#    if defined(MQN_BUILDING)
#      define MQN_API __declspec(dllexport)
#    else
#      define MQN_API __declspec(dllimport)
#    endif
#  else
#    define MQN_API __attribute__((visibility("default")))
#  endif
#else
#  define MQN_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mqn_env mqn_env;

/* ---- results ---------------------------------------------------------------------------------------------------- */

/* A code is 0 (success), a positive MQTT reason code as the server sent it (3.1.1's CONNACK return codes 1..5 come as they
 * are), or one of these. */
enum {
  MQN_OK = 0,
  MQN_ERR_ARGUMENT = -1,         /* an argument is out of range; nothing was done */
  MQN_ERR_STATE = -2,            /* not possible now: not connected, already open, closed */
  MQN_ERR_NO_MEMORY = -3,
  MQN_ERR_FULL = -4,             /* no room in the submission ring; try again after the next notify */
  MQN_ERR_RESOLVE = -5,          /* the host name was not resolved */
  MQN_ERR_CONNECT = -6,          /* no address accepted a TCP connection */
  MQN_ERR_TLS = -7,              /* handshake or certificate; the text says which */
  MQN_ERR_TIMEOUT = -8,          /* no CONNACK within connect_timeout */
  MQN_ERR_PROTOCOL = -9,         /* the server broke the protocol; aux holds the reason code sent in DISCONNECT */
  MQN_ERR_CONNECTION_LOST = -10, /* the connection ended without a DISCONNECT */
  MQN_ERR_KEEP_ALIVE = -11,      /* no PINGRESP in time (3.1.2.10) */
  MQN_ERR_CLOSED = -12,          /* closed or destroyed by this side */
  MQN_ERR_PACKET_TOO_LARGE = -13,/* above the server's Maximum Packet Size, refused before a byte was sent (3.2.2.3.6) */
  MQN_ERR_REFUSED = -14,         /* CONNACK with an error; aux holds the reason code */
  MQN_ERR_SERVER_DISCONNECT = -15,/* the server sent DISCONNECT; aux holds the reason code (3.14) */
  MQN_ERR_EXPIRED = -16          /* its Message Expiry Interval passed before it was sent (3.3.2.3.3) */
};
/* A short English sentence for a code; never NULL. */
MQN_API const char* mqn_strerror(int code);

/* "mqtt-native/<version> paho/<version> libuv/<version> openssl/<version>" */
MQN_API const char* mqn_version(void);

/* What OpenSSL has found the processor to have and uses from now on: "OPENSSL_ia32cap=0x...", "OPENSSL_armcap=0x...", or "N/A" where it does
 * not say. All zero would mean that nothing is accelerated. The first call initialises OpenSSL. */
MQN_API const char* mqn_processor(void);

/* ---- ring layout ------------------------------------------------------------------------------------------------ */

/* Control words: int32, one a cache line. Positions run freely and wrap at 2^32; their place is position & (size - 1). */
enum {
  MQN_CTL_SQ_TAIL = 0,      /* binding: bytes written to submissions */
  MQN_CTL_SQ_HEAD = 16,     /* reactor: bytes taken */
  MQN_CTL_SQ_ASLEEP = 32,   /* reactor: 1 when it sleeps; the writer that swaps it to 0 calls mqn_env_wake() */
  MQN_CTL_SQ_WANTED = 48,   /* binding: 1 when it was refused room; reactor notifies when half of the ring is free */
  MQN_CTL_CQ_TAIL = 64,     /* reactor: entries written to completions */
  MQN_CTL_CQ_HEAD = 80,     /* binding: entries taken */
  MQN_CTL_MQ_TAIL = 96,     /* reactor: bytes written to messages */
  MQN_CTL_MQ_HEAD = 112,    /* binding: bytes taken */
  MQN_CTL_OUT_WANTED = 128, /* reactor: 1 when something waits for room in completions or messages; the binding, having
                               moved a head, swaps it to 0 and calls mqn_env_wake() */
  MQN_CTL_LISTENING = 144,  /* binding: 1 when it found both outgoing rings empty; the reactor swaps it to 0 and notifies */
  MQN_CTL_WORDS = 160
};

/* A record of the byte rings: MQN_RECORD_WORDS int32 words, then the body, padded to 8. A record never wraps: when the rest of the
 * ring is too small its first word is MQN_RECORD_SKIP and the record starts at place 0. */
enum {
  MQN_R_SIZE = 0,       /* bytes of the whole record, a multiple of 8, or MQN_RECORD_SKIP */
  MQN_R_KIND = 1,       /* MQN_RECORD_* | qos << 8 | retain << 10 | dup << 11 */
  MQN_R_CLIENT = 2,     /* the client's number */
  MQN_R_TOPIC = 3,      /* an interned topic's id, or MQN_TOPIC_INLINE: the body starts with the topic, its length in MQN_R_AUX */
  MQN_R_LENGTH = 4,     /* payload bytes, at the end of the body */
  MQN_R_PROPERTIES = 5, /* bytes of MQTT 5 properties, between topic and payload; as on the wire, without the length prefix */
  MQN_R_SLOT = 6,       /* the request's slot, MQN_NO_SLOT when nobody waits; messages: the packet identifier */
  MQN_R_AUX = 7,
  MQN_RECORD_WORDS = 8,
  MQN_RECORD_HEADER = 32
};
/* In MQN_R_KIND of a large publish or message: its properties are too large for the ring, too, and stand in front of the payload behind the pointer. */
#define MQN_PROPERTIES_LARGE (1 << 12)
/* In MQN_R_KIND of a large message: the next packet could be read into its block, still in the processor's caches. A binding does better to copy what it
 * keeps, and to give the block back at once. */
#define MQN_BLOCK_WANTED (1 << 13)
#define MQN_RECORD_SKIP (-1)
#define MQN_TOPIC_INLINE (-1)
#define MQN_NO_SLOT (-1)
#define MQN_MAX_TOPICS 4096 /* interned topics an environment, in each direction */

/* kinds of records */
enum {
  /* submissions */
  MQN_SUBMIT_TOPIC = 1,        /* body: the text of topic MQN_R_TOPIC from here on; may redefine an id */
  MQN_SUBMIT_PUBLISH = 2,      /* body: [topic] [properties] payload */
  MQN_SUBMIT_PUBLISH_LARGE = 3,/* body: [topic] [properties] and a pointer of 8 bytes from mqn_payload_new(); MQN_R_LENGTH is the payload's */
  MQN_SUBMIT_TAKEN = 4,        /* MQN_R_SLOT messages, with MQN_R_LENGTH bytes of payload, have left the binding's inbox */
  MQN_SUBMIT_ACK = 5,          /* the next MQN_R_SLOT QoS 1/2 messages, in order of arrival, are done with; reason code in MQN_R_AUX */

  /* messages and events */
  MQN_EVENT_TOPIC = 16,        /* as MQN_SUBMIT_TOPIC */
  MQN_EVENT_MESSAGE = 17,      /* body: [topic] [properties] payload */
  MQN_EVENT_MESSAGE_LARGE = 18,/* body: [topic] [properties] and a pointer of 8 bytes, the receiver's to mqn_payload_free() */
  MQN_EVENT_CONNECTED = 19,    /* slot: session present; properties: CONNACK's */
  /* Of both: slot: code; aux: reason code or 0; properties: CONNACK's or DISCONNECT's; payload: text. Publishes that the session keeps in flight for
   * the next connection: MQN_R_KIND >> 8 holds how many, MQN_R_TOPIC their bytes as a credit will count them */
  MQN_EVENT_OPEN_FAILED = 20,
  MQN_EVENT_DISCONNECTED = 21,
  MQN_EVENT_SUBSCRIBED = 22,   /* slot; aux: code; properties: SUBACK's; payload: a reason code a filter */
  MQN_EVENT_UNSUBSCRIBED = 23, /* slot; aux: code; properties: UNSUBACK's; payload: a reason code a filter (none in 3.1.1) */
  MQN_EVENT_PUBLISHED = 24,    /* slot; aux: code; properties: PUBACK's, PUBREC's or PUBCOMP's. Only when there are properties:
                                  otherwise the result comes as a completion */
  MQN_EVENT_LOG = 25,          /* aux: level 1 error .. 4 debug; payload: text. Never holds a password or a payload */
  MQN_EVENT_DESTROYED = 26,    /* the last record of a client; its number may be used again */
  /* A publish that was submitted and not sent is the binding's again, in order: what waited for the window comes before MQN_EVENT_DISCONNECTED or
   * MQN_EVENT_OPEN_FAILED, what the reactor finds in the ring later comes when it finds it. Laid out as messages; slot: the request's. No credit
   * and no completion follows. The seconds it has waited are taken off its Message Expiry Interval */
  MQN_EVENT_UNSENT = 27,
  MQN_EVENT_UNSENT_LARGE = 28
};

/* An entry of completions: MQN_COMPLETION_WORDS int32 words */
enum {
  MQN_C_CLIENT = 0,
  MQN_C_SLOT = 1,      /* the finished request, or MQN_NO_SLOT: a credit */
  MQN_C_CODE = 2,      /* its code; of a credit: messages that left the client's queue in the reactor since the last credit */
  MQN_C_BYTES = 3,     /* of a credit: their bytes: MQN_R_SIZE of each record, and of a large one what is behind its pointer */
  MQN_COMPLETION_WORDS = 4
};

/* ---- environment ------------------------------------------------------------------------------------------------ */

typedef struct mqn_env_options {
  size_t struct_size;          /* sizeof(mqn_env_options) */
  /* Memory of the three rings; all NULL: the core allocates it. Sizes are powers of two. It must stay mapped until
   * mqn_env_destroy() has returned. */
  int32_t* control;            /* MQN_CTL_WORDS words, zeroed, 64-byte aligned if possible */
  uint8_t* submissions;        /* default 256 KiB, at least 4 KiB */
  uint32_t submissions_size;
  int32_t* completions;        /* entries of MQN_COMPLETION_WORDS words; default 8192 entries, at least 64 */
  uint32_t completions_entries;
  uint8_t* messages;           /* default 1 MiB, at least 256 KiB: half of it holds any record (a topic of 65,535 bytes stays in it) */
  uint32_t messages_size;
  /* Called on the reactor thread, at most once for each time MQN_CTL_LISTENING was set. Must not block or call back. May be NULL. */
  void (*notify)(void* user);
  void* user;
  int log_level;               /* records of this level and below become MQN_EVENT_LOG: 0 none (default), 1 error, 2 warning, 3 info, 4 debug */
} mqn_env_options;

/* Starts the reactor thread if this is the first environment. */
MQN_API int mqn_env_create(const mqn_env_options* options, mqn_env** env);

/* Destroys what clients are left (as mqn_client_destroy()), without a DISCONNECT, and waits until the reactor will never touch the rings again. The last
 * environment ends the reactor thread. Not from `notify`. */
MQN_API void mqn_env_destroy(mqn_env* env);

/* Wakes the reactor: after MQN_CTL_SQ_ASLEEP or MQN_CTL_OUT_WANTED was swapped to 0. */
MQN_API void mqn_env_wake(mqn_env* env);

/* ---- clients ---------------------------------------------------------------------------------------------------- */

/* TLS. Strings and bytes are copied at the call. */
typedef struct mqn_tls_options {
  size_t struct_size;
  const char* ca;              /* PEM certificates, one after another; NULL: the build's default store (usually empty: give one) */
  size_t ca_length;
  const char* cert;            /* client certificate chain, PEM; NULL: none */
  size_t cert_length;
  const char* key;             /* its private key, PEM */
  size_t key_length;
  const char* passphrase;      /* of the key; NULL: none */
  const char* server_name;     /* the name to send (SNI) and to verify; NULL: the host connected to */
  const char* ciphers;         /* OpenSSL cipher list for TLS 1.2; NULL: OpenSSL's default */
  const char* alpn;            /* protocols, separated by commas; NULL: none */
  int min_version;             /* 12 (default for 0) or 13 */
  int max_version;             /* 12 or 13; 0: no limit */
  int insecure_skip_verify;    /* 1: any certificate of anybody is taken. For tests only */
} mqn_tls_options;

/* One attempt to connect. Strings and bytes are copied at the call. Bytes of properties are as on the wire, without the length. */
typedef struct mqn_open_options {
  size_t struct_size;
  const char* host;            /* name, IPv4 or IPv6 address without brackets */
  uint16_t port;
  const mqn_tls_options* tls;  /* NULL: plain TCP */
  uint8_t protocol_version;    /* 5 or 4 (which is MQTT 3.1.1) */
  uint8_t clean_start;         /* Clean Start, in 3.1.1 Clean Session */
  uint16_t keep_alive;         /* seconds, 0: none */
  const char* client_id;       /* "" lets the server choose */
  const char* user_name;       /* NULL: none */
  const void* password;        /* NULL: none */
  uint32_t password_length;
  const void* properties;      /* of CONNECT, MQTT 5 only */
  uint32_t properties_length;
  const char* will_topic;      /* NULL: no will */
  const void* will_payload;
  uint32_t will_payload_length;
  uint8_t will_qos, will_retain;
  const void* will_properties;
  uint32_t will_properties_length;
  uint16_t receive_maximum;    /* unacknowledged QoS 1/2 messages this side takes; 0: 65,535. Not below the property in MQTT 5; more of them end the connection */
  uint32_t maximum_packet_size;/* largest packet this side takes, bytes; 0: the protocol's limit. Must equal the property in MQTT 5 */
  uint16_t topic_alias_maximum;/* topic aliases the server may use; must equal the property in MQTT 5 */
  uint16_t window;             /* unacknowledged QoS 1/2 messages out; 0: 100, which is also the limit. The server's Receive Maximum lowers it */
  uint32_t connect_timeout;    /* ms until CONNACK; 0: 10,000 */
  uint32_t inbox_messages;     /* messages delivered and not yet MQN_SUBMIT_TAKEN before reading pauses; 0: 16,384 */
  uint32_t inbox_bytes;        /* their bytes; 0: 1.5 MiB */
  uint16_t outgoing_aliases;   /* topic aliases this side may use; 0: none. The server's Topic Alias Maximum lowers it */
} mqn_open_options;

/* A client and its session. Its number names it in the rings. Nothing is connected yet. */
MQN_API int mqn_client_create(mqn_env* env, int32_t* client);

/* Starts one attempt; MQN_EVENT_CONNECTED or MQN_EVENT_OPEN_FAILED follows.
 *
 * A client keeps its session (4.1) from one connection to the next, while its Session Expiry Interval is not 0 (3.1.1: without Clean Session): publishes of
 * QoS 1 and 2 that were sent and not acknowledged, and exchanges of QoS 2 that the server has begun. An attempt without clean_start, with the same version
 * and client_id (or the one the server has assigned) goes on with it: where CONNACK says Session Present the publishes are sent again, with DUP,
 * their identifiers and in their order, before anything else; where it does not they end with MQN_ERR_CONNECTION_LOST before MQN_EVENT_CONNECTED.
 * Any other attempt ends them at once. */
MQN_API int mqn_client_open(mqn_env* env, int32_t client, const mqn_open_options* options);

/* MQN_EVENT_SUBSCRIBED with this slot follows. options: a byte a filter, as in SUBSCRIBE's payload (3.8.3.1). */
MQN_API int mqn_client_subscribe(mqn_env* env, int32_t client, int32_t slot, uint32_t count, const char* const* filters, const uint8_t* options,
                                 const void* properties, uint32_t properties_length);
/* MQN_EVENT_UNSUBSCRIBED with this slot follows. */
MQN_API int mqn_client_unsubscribe(mqn_env* env, int32_t client, int32_t slot, uint32_t count, const char* const* filters,
                                   const void* properties, uint32_t properties_length);

/* Sends DISCONNECT once all that was submitted before has been written, and closes. Requests without an answer that are not of the session end with
 * MQN_ERR_CLOSED; MQN_EVENT_DISCONNECTED with MQN_ERR_CLOSED follows, or MQN_EVENT_OPEN_FAILED when it was still connecting. */
MQN_API int mqn_client_close(mqn_env* env, int32_t client, uint8_t reason_code, const void* properties, uint32_t properties_length);

/* Ends the connection at once, without DISCONNECT, and forgets the client. Requests end with MQN_ERR_CLOSED, then MQN_EVENT_DESTROYED. */
MQN_API int mqn_client_destroy(mqn_env* env, int32_t client);

/* ---- large payloads --------------------------------------------------------------------------------------------- */

MQN_API void* mqn_payload_new(size_t length);   /* NULL: no memory */
MQN_API void mqn_payload_free(void* payload);

/* ---- the rings as functions, for bindings that do not map them. The environment's own thread only. ----------------------- */

typedef struct mqn_publish_options {
  size_t struct_size;
  uint8_t qos, retain;
  const void* properties;
  uint32_t properties_length;
  int32_t slot;                /* >= 0: comes back in a completion; MQN_NO_SLOT: nobody waits */
} mqn_publish_options;

/* A publish that finds no connection comes back as MQN_EVENT_UNSENT. */
MQN_API int mqn_publish(mqn_env* env, int32_t client, const char* topic, const void* payload, size_t length, const mqn_publish_options* options);
/* The next `count` QoS 1/2 messages in order of arrival are done with. It counts over all connections of the client: for a message of an earlier one
 * nothing is sent, unless the server has repeated it. */
MQN_API int mqn_ack(mqn_env* env, int32_t client, uint32_t count, uint8_t reason_code);

/* What mqn_env_drain() hands out: a completion (kind 0) or a record. Pointers are good until the handler returns. */
typedef struct mqn_event {
  int kind;                    /* MQN_EVENT_*, 0: a finished request, -1: a credit */
  int32_t client, slot;
  int code;                    /* code, or aux of the record */
  int qos, retain, dup;
  const char* topic; uint32_t topic_length;
  const uint8_t* properties; uint32_t properties_length;
  const uint8_t* payload; uint32_t payload_length;
  uint32_t kept_messages, kept_bytes;   /* MQN_EVENT_DISCONNECTED, MQN_EVENT_OPEN_FAILED: publishes of the session, in flight */
} mqn_event;

/* Hands out what has come, at most `limit` records (0: all); returns how many. A message counts as taken when the handler returns. */
MQN_API int mqn_env_drain(mqn_env* env, void (*handler)(void* user, const mqn_event* event), void* user, int limit);

/* Counters, for tests and diagnostics. */
typedef struct mqn_counters {
  uint64_t turns, wakeups, packets_in, packets_out, bytes_in, bytes_out, connections, held;
} mqn_counters;
MQN_API void mqn_counters_read(mqn_counters* counters);

#ifdef __cplusplus
}
#endif
#endif
