/* Inside of the core. Unless a line says otherwise everything belongs to the reactor thread. */
#ifndef MQN_CORE_H
#define MQN_CORE_H
#include <stddef.h>
#include <stdint.h>
#include <uv.h>
#include "mqtt_native.h"
#include "port.h"

/* ---- shared words: one side stores, the other loads; order matters more than speed here, so all are sequentially consistent ---- */
static inline int32_t mqn_load(const int32_t* word) { return __atomic_load_n(word, __ATOMIC_SEQ_CST); }
static inline void mqn_store(int32_t* word, int32_t value) { __atomic_store_n(word, value, __ATOMIC_SEQ_CST); }
static inline int32_t mqn_swap(int32_t* word, int32_t value) { return __atomic_exchange_n(word, value, __ATOMIC_SEQ_CST); }

typedef struct mqn_client mqn_client;

/* An interned topic of the submission side; queued publishes hold references, so that redefining an id frees nothing under them. */
typedef struct mqn_topic {
  uint32_t references, length;
  char text[];                     /* with a NUL behind it, as Paho wants it */
} mqn_topic;
mqn_topic* mqn_topic_new(const void* text, uint32_t length);
void mqn_topic_release(mqn_topic* topic);

/* An interned topic of the message side: what the binding knows this id as. */
typedef struct mqn_known_topic { uint32_t hash, length; char* text; } mqn_known_topic;

/* A record or completion that found no room in its ring. */
typedef struct mqn_held_record { struct mqn_held_record* next; int32_t record[]; } mqn_held_record;

struct mqn_env {
  mqn_env_options o;
  int owns_memory;
  int attached, gone;
  mqn_env *next;                   /* reactor.c's list */
  /* positions this side owns; stored to the control words once a turn */
  uint32_t sq_head, cq_tail, mq_tail;
  uint32_t sq_seen;                /* how far the submissions went when this turn began */
  uint32_t mq_head, cq_head;       /* as last read */
  mqn_topic** topics;              /* MQN_MAX_TOPICS, by id */
  mqn_known_topic* known_topics;   /* MQN_MAX_TOPICS, by hash */
  uint32_t last_known;             /* the one used last */
  mqn_held_record *held_first, *held_last;
  int32_t* held_completions;       /* MQN_COMPLETION_WORDS words each */
  uint32_t held_completions_count, held_completions_capacity;
  /* clients that are held because a ring is full, the longest waiting first; the last one that has come back to the front */
  mqn_client *ring_waiting, *ring_waiting_last, *ring_waiting_again;
  int published;                   /* something was put into a ring in this turn */
  int untold;                      /* turns for which the binding has not been told of it; 0: it has */
  mqn_client** clients;            /* by number */
  int32_t clients_capacity;
  /* numbers in use: the binding's threads, under reactor.c's lock */
  uint8_t* numbers;
  int32_t numbers_capacity;
  /* mqn_env_drain(), mqn_publish(): the environment's own thread */
  uint32_t writer_tail;
  char** drain_topics;
  uint32_t* drain_topic_lengths;
  int32_t drain_client;            /* messages of this client, taken and not yet told */
  uint32_t drain_taken, drain_bytes;
};

/* What a request of ours is, from Paho's taking it to its end. Paho carries a pointer to it. */
enum { MQN_REQUEST_PUBLISH_0, MQN_REQUEST_PUBLISH, MQN_REQUEST_SUBSCRIBE, MQN_REQUEST_UNSUBSCRIBE };
typedef struct mqn_request {
  mqn_client* client;
  int32_t slot;
  uint32_t bytes;                  /* for the credit */
  int kind;
  uint64_t offset;                 /* QoS 0: done when the kernel has taken the link's bytes up to here */
  struct mqn_request* next;        /* pool, or the client's list of QoS 0 to be flushed */
} mqn_request;

/* A publish that waits for the window or the connection. One block of memory: structure, topic if not interned, properties, payload. */
typedef struct mqn_outgoing {
  struct mqn_outgoing* next;
  mqn_topic* topic;
  int32_t slot;
  uint32_t bytes;                  /* for the credit */
  uint64_t since;                  /* mqn_port_now_ms() */
  uint8_t qos, retain;
  uint8_t* properties;             /* in this block or in the large one */
  uint32_t properties_length;
  const void* payload;
  uint32_t length;
  void* large;                     /* payload is in here; mqn_payload_free() */
} mqn_outgoing;

typedef enum { MQN_CLIENT_IDLE, MQN_CLIENT_OPENING, MQN_CLIENT_CONNECTED, MQN_CLIENT_CLOSING, MQN_CLIENT_DESTROYED } mqn_client_state;

enum { MQN_HOLD_INBOX = 1, MQN_HOLD_RING = 2, MQN_HOLD_ACKS = 4 };   /* why nothing is read */

typedef struct mqn_alias { char* topic; uint32_t length; } mqn_alias;

struct mqn_client {
  mqn_link_owner owner;            /* first: the port's pointer is the client's */
  mqn_env* env;
  int32_t number;
  int key;                         /* Paho's URI is tcp://<key>:1 */
  mqn_client_state state;
  /* Paho's handle holds what may go on at the next connection (4.1), with its requests. So it is kept when the link ends. Set by CONNACK, as the Session
   * Expiry Interval says; attempts that fail leave it as it is */
  int session;
  uv_timer_t timer;                /* connect timeout, then keepalive. The client's memory goes when it is closed */

  /* valid for the attempt and the connection */
  char *host, *server_name;
  int end_code;                    /* what requests end with; 0: not ending */
  uint16_t window, receive_maximum;
  uint32_t keep_alive_ms;
  uint32_t inbox_messages, inbox_bytes;
  uint32_t session_expiry;         /* CONNECT's; 3.1.1: 0 for a clean session, else 1 */
  uint16_t alias_out_maximum;      /* topic aliases this side may use, before CONNACK lowers it */
  uint16_t alias_maximum;
  mqn_alias* aliases;              /* incoming topic aliases, 1..alias_maximum; NULL until the first */

  /* outgoing */
  mqn_outgoing *queue_first, *queue_last;
  uint32_t in_flight;              /* QoS 1/2 inside Paho, also of the session while there is no connection */
  mqn_request *flushing_first, *flushing_last;   /* QoS 0 with a slot, not yet taken by the kernel */
  uint32_t credit_messages, credit_bytes;

  /* incoming */
  uint32_t unread_messages, unread_bytes;
  int holds;                       /* MQN_HOLD_* */
  int ring_turn;                   /* it has waited for the ring: 1: and got nothing since, 2: and got something */

  /* membership of the turn's lists */
  int pumping, touched, ending, flushing, ring_waiting;
  mqn_client *next_pumping, *next_touched, *next_ending, *next_flushing, *next_ring_waiting;
};

/* ---- commands: what the functions of mqtt_native.h ask of the reactor (command.c) ---- */
typedef struct mqn_command {
  struct mqn_command* next;
  mqn_env* env;
  uint32_t after;                  /* records of the submission ring up to here come first */
  void (*run)(struct mqn_command* command);   /* frees it */
} mqn_command;
void mqn_command_post(mqn_command* command, mqn_env* env, void (*run)(mqn_command*));   /* any thread */

/* ---- reactor.c ---- */
void mqn_reactor_lock(void);       /* any thread: numbers of clients, list of commands, life of the thread */
void mqn_reactor_unlock(void);
uv_loop_t* mqn_reactor_loop(void);
mqn_env* mqn_reactor_envs(void);
void mqn_reactor_attach(mqn_env* env);
void mqn_reactor_detach(mqn_env* env);
void mqn_reactor_pump(mqn_client* client);      /* look at its queue in this turn or the next */
void mqn_reactor_touch(mqn_client* client);     /* its credit goes out at the end of the turn */
void mqn_reactor_ending(mqn_client* client);    /* its link is gone: on_connection.c tells at the end of the step */
void mqn_reactor_flushing(mqn_client* client);  /* it has QoS 0 requests to complete once the kernel took them */
void mqn_reactor_forget(mqn_client* client);    /* takes it out of all lists */

void mqn_signals_block(void);      /* signals.c */

/* ---- events.c: into the rings ---- */
int32_t* mqn_event_begin(mqn_env* env, uint32_t body);                /* a zeroed header, MQN_R_SIZE set, the body behind it; NULL: no memory */
void mqn_event_commit(mqn_env* env, int32_t* record);
void mqn_event_put(mqn_client* client, int kind, int32_t slot, int32_t aux, const void* properties, uint32_t properties_length, const void* body, uint32_t length);
void mqn_completion_put(mqn_env* env, int32_t client, int32_t slot, int32_t code, int32_t bytes);
int mqn_events_wait_how(const mqn_env* env);
static inline int mqn_events_waiting(const mqn_env* env) {             /* 0: nothing waits; 1: something found no room; 2: and there is room now */
  return env->held_first || env->held_completions_count ? mqn_events_wait_how(env) : 0;
}
void mqn_events_flush_held(mqn_env* env);                             /* room may have come */
void mqn_credit_tell(mqn_client* client);                             /* what has left its queue since the last time */
void mqn_events_publish(mqn_env* env, int more);                      /* end of the turn: stores the tails, notifies */
int32_t mqn_events_intern(mqn_env* env, const char* topic, uint32_t length);   /* MQN_TOPIC_INLINE: too long to intern */
void mqn_events_free(mqn_env* env);

/* ---- record.c ---- */
typedef struct mqn_message {
  const char* topic;
  uint32_t topic_length;
  int qos, retain, dup;
  int32_t slot;                    /* MQN_R_SLOT */
  const uint8_t* properties;
  uint32_t properties_length;
  const void* payload;
  uint32_t length;
  void* owned;                     /* the payload's memory, if it may be handed over as it is; NULL afterwards if it was */
  void* within;                    /* `owned` is a part of this block, see mqn_memory_keep_part(); NULL: a block itself, or nothing is owned */
  int owned_properties;            /* the properties stand in front of it */
} mqn_message;
int mqn_record_put(mqn_client* client, int kind, mqn_message* message);   /* MQN_EVENT_MESSAGE or MQN_EVENT_UNSENT; 0, or -1: no memory */

/* ---- submissions.c ---- */
void mqn_submissions_look(mqn_env* env);                      /* sq_seen becomes what is there now */
void mqn_submissions_take(mqn_env* env, uint32_t until);
int mqn_submissions_pending(const mqn_env* env);
void mqn_submissions_free(mqn_env* env);

/* ---- client.c ---- */
mqn_client* mqn_client_find(mqn_env* env, int32_t number);
void mqn_client_forget(mqn_client* client, int tell);
int mqn_client_check(mqn_env* env, int32_t number);   /* any thread: MQN_OK, or MQN_ERR_ARGUMENT when there is no such client */
void mqn_clients_end(void);

/* ---- outgoing.c, request.c ---- */
typedef struct mqn_publication {
  mqn_topic* topic;
  int32_t slot;
  uint32_t bytes;
  uint8_t qos, retain;
  const uint8_t* properties;
  uint32_t properties_length;
  const void* payload;
  uint32_t length;
  void* large;                     /* payload lies in here; taken over */
} mqn_publication;
void mqn_outgoing_publish(mqn_client* client, mqn_publication* publication);
int mqn_outgoing_pump(mqn_client* client);      /* 1: there is more to do next turn */
void mqn_outgoing_resume(mqn_client* client);   /* CONNACK said Session Present: what is in flight is sent again */
void mqn_outgoing_flushed(mqn_client* client);  /* completes the QoS 0 requests whose bytes the kernel has taken */
void mqn_outgoing_fail(mqn_client* client, int code);       /* QoS 0 not yet flushed, and the queue */
void mqn_outgoing_return(mqn_client* client, int code);     /* QoS 0 not yet flushed fails; the queue goes back as MQN_EVENT_UNSENT */
void mqn_outgoing_credit(mqn_client* client, uint32_t bytes);
mqn_request* mqn_request_new(mqn_client* client, int kind, int32_t slot, uint32_t bytes);
void mqn_request_free(mqn_request* request);
void mqn_request_pool_free(void);
void mqn_request_callbacks(mqn_client* client, void* response_options, mqn_request* request);   /* MQTTAsync_responseOptions* */

/* ---- on_message.c, on_connection.c, keep_alive.c ---- */
int mqn_on_message(void* context, char* topic, int topic_length, void* message);   /* MQTTAsync_message* */
void mqn_message_hold(mqn_client* client, int reason, int hold);
void mqn_message_wait_for_ring(mqn_client* client);   /* held until a ring has room */
void mqn_message_taken(mqn_client* client, uint32_t messages, uint32_t bytes);
void mqn_message_forget_aliases(mqn_client* client);
void mqn_on_connected(mqn_client* client, int session_present);
void mqn_on_ended(mqn_client* client);
void mqn_session_discard(mqn_client* client);   /* nothing goes on: what is in flight fails */
void mqn_end_put(mqn_client* client, int kind, int code, int reason_code, const void* properties, uint32_t properties_length, const char* text);
void mqn_keep_alive_start(mqn_client* client);
void mqn_keep_alive_stop(mqn_client* client);

/* numeric property of checked bytes; 0: not there */
uint32_t mqn_property_number(const uint8_t* properties, uint32_t length, uint8_t identifier, int* found);
/* where its value stands, and the value's length; 0: not there (a value never stands at 0) */
uint32_t mqn_property_place(const uint8_t* properties, uint32_t length, uint8_t identifier, uint32_t* value_length);

extern struct mqn_core_counters { uint64_t turns, wakeups, held; } mqn_core_count;
#endif
