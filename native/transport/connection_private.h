/* What the files of native/transport share about a connection. Reactor thread only, included nowhere else (but by its own tests).
 *
 *   connection.c  open, fail, flush_all, the transport's one timer      resolve.c  name -> addresses in the order to try
 *   tcp.c         happy eyeballs -> one connected socket                read.c     socket -> (tls) -> c->in
 *   write.c       c->p->out -> (tls) -> socket                          close.c    drain, FIN, free
 *   lend.c        what is written from the owner's memory
 *   tls.c         OpenSSL between the socket and the buffers            tls_context.c  certificates and settings, shared
 */
#ifndef MQN_CONNECTION_PRIVATE_H
#define MQN_CONNECTION_PRIVATE_H
#include "connection.h"

#define MQN_SCRATCH_SIZE (64u << 10)      /* one read at most, unless a large packet is read in place */
#define MQN_READ_AT_ONCE (128u << 10)     /* waiting in c->in, and not held: first what is there is handled, while it is in the processor's caches */
#define MQN_READ_AHEAD (1u << 20)         /* waiting in c->in: reading stops */
#define MQN_FLUSH_EARLY (64u << 10)       /* waiting in p->out: leaves before the end of the turn */
#define MQN_WRITE_CHUNK (256u << 10)      /* one uv_write at most, so that progress() reports a large payload on its way */
#define MQN_DIRECT_FROM (64u << 10)       /* a packet from this size on is read into a block of its own ... */
#define MQN_READ_BEHIND (4u << 10)        /* ... with as much of what comes behind it: mostly the head of the next one */
#define MQN_EXPECT_AT_ONCE (16u << 20)    /* reserved on a peer's mere announcement; more only as bytes really come */

#define MQN_ATTEMPT_DELAY 250             /* ms, RFC 8305 section 5 */
#define MQN_LINGER 1000                   /* ms, see p->fin_sent */
#define MQN_DRAIN 3000                    /* ms */

/* A place in one of the transport's lists. Circular, the head has no connection; a node in no list points to itself. */
typedef struct mqn_node {
  struct mqn_node *previous, *next;
  mqn_connection* connection;
} mqn_node;

static inline void mqn_node_init(mqn_node* n, mqn_connection* c) {
  n->previous = n->next = n;
  n->connection = c;
}
static inline int mqn_node_alone(const mqn_node* n) { return n->next == n; }
static inline void mqn_node_remove(mqn_node* n) {
  n->previous->next = n->next;
  n->next->previous = n->previous;
  n->previous = n->next = n;
}
static inline void mqn_node_append(mqn_node* head, mqn_node* n) {
  mqn_node_remove(n);
  n->previous = head->previous;
  n->next = head;
  head->previous->next = n;
  head->previous = n;
}
/* the first connection of the list, taken out of it; NULL: empty */
static inline mqn_connection* mqn_node_pop(mqn_node* head) {
  mqn_node* n = head->next;
  if (n == head) return NULL;
  mqn_node_remove(n);
  return n->connection;
}

/* One TCP socket, from its connect until it is closed. On the heap of its own, because libuv's handles cannot move: the one that
 * wins becomes p->socket. Freed in its close callback. */
typedef struct mqn_attempt {
  uv_tcp_t tcp;
  uv_connect_t request;
  mqn_connection* connection;
  int address;                         /* index into p->addresses */
  struct mqn_attempt* next;            /* p->attempts */
} mqn_attempt;

/* Memory of the owner, lent until it is written: it stands between two bytes of `out`. */
typedef struct mqn_loan {
  struct mqn_loan* next;
  char* data;
  size_t length, taken;
  size_t before;                       /* bytes of `out` between the loan in front of this one and this one */
  void (*release)(void* data);
} mqn_loan;

typedef struct mqn_connection_private {
  char* host;                          /* our copy */
  char* server_name;                   /* NULL: the context's or the host */
  uint16_t port;
  mqn_tls_context* context;            /* a reference; NULL: plain */

  /* When memory goes:
   * 1. The owner closes a connection whose name is being resolved, or whose sockets are connecting, or that has a write under way.
   * 2. uv_cancel() may come too late, uv_close() always calls back later: libuv still holds pointers into this memory.
   * 3. Freed now, the callback would run on freed memory; forgotten, it would leak.
   * So the last of these callbacks frees it: when the state is CLOSED, resolve_pending is 0 and handles is 0. With neither
   * from the start, the transport's `reap` list does, never the close call itself: its caller may still look. */
  int handles;                         /* sockets with a close callback to come */
  int resolve_pending;
  uv_getaddrinfo_t resolve_request;

  /* connecting */
  struct sockaddr_storage* addresses;  /* in the order to try; freed once connected */
  int address_count, address_next;
  int connect_error, connect_error_address;   /* the most telling one so far, 0: none */
  mqn_attempt* attempts;               /* connecting, not closed */
  mqn_attempt* socket;                 /* the winner */

  /* reading */
  uint64_t expected_end;               /* of the announced packet, on c->bytes_in's scale: what the owner has taken does not move it */
  unsigned direct : 1;                 /* the announced packet is read into a block of its own */
  unsigned head_next : 1;              /* a large packet may begin: its head is read alone, the rest straight to its place */
  unsigned reading : 1;                /* uv_read_start is on */
  unsigned full : 1;                   /* the read-ahead is full */
  unsigned held : 1;                   /* mqn_connection_hold() */
  unsigned end_seen : 1;               /* the peer's FIN */

  /* writing */
  unsigned opened : 1;
  unsigned sealed : 1;                 /* no application byte may leave: before the handshake is done, and after TLS has failed */
  unsigned dropping : 1;               /* what is written is dropped: the link is broken and failed() on its way, see write_error */
  unsigned dead : 1;                   /* the socket is of no use: nothing to drain */
  unsigned writing : 1;                /* a uv_write is under way: `sending` must not move */
  unsigned flushing : 1;
  unsigned blocked : 1;                /* owner was told "backlogged" */
  /* Why the last bytes read matter:
   * 1. The server sends DISCONNECT with a reason (or a TLS alert) and closes.
   * 2. In the same turn this side writes; the write fails, because the server is gone.
   * 3. Failing now, the reason that lies in the socket's receive buffer is never read.
   * So a write error only stops writing; the read side reports the end, or the attempt delay runs out. */
  int write_error;
  mqn_buffer out;                      /* application bytes, written by the owner */
  mqn_loan *loans_first, *loans_last;
  mqn_buffer cipher;                   /* TLS records, made and not yet in `sending` */
  mqn_buffer sending;                  /* what goes on the wire now: swapped in from `out`, with TLS from `cipher` */
  mqn_loan* sending_loan;              /* `sending` is this one's memory; NULL: its own */
  size_t cipher_application, sending_application;   /* with TLS: application bytes they stand for, and that are not in bytes_out */
  size_t write_length;                 /* of the uv_write */
  uint64_t accepted;                   /* written by the owner; bytes_out + backlog */
  uint64_t reported;                   /* bytes_out when progress() was last called */
  uv_write_t write_request;

  /* closing
   * 1. Data of the peer lies unread in our receive buffer, or is on its way, when the last bytes (DISCONNECT) were given to the kernel.
   * 2. Closed now, the kernel answers with RST and may drop those last bytes, on either side: the server publishes the will.
   * So FIN goes out first, and what comes is read and dropped until the peer's FIN, for MQN_LINGER at most. */
  unsigned fin_sent : 1;
  unsigned alert_sent : 1;             /* TLS has failed and said why: worth to drain */
  uv_shutdown_t shutdown_request;

  mqn_tls* tls;                        /* NULL: plain, or no socket yet */

  mqn_node dirty;                      /* in transport.dirty: to flush at the end of the turn */
  mqn_node pending;                    /* in transport.failed or transport.reap */
  mqn_node timed;                      /* in one of transport.timed */
  uint64_t deadline;
} mqn_connection_private;

/* Connections that wait for time to pass. Each list has one delay, so that appending keeps it in order. */
enum { MQN_TIMED_ATTEMPT, MQN_TIMED_LINGER, MQN_TIMED_DRAIN, MQN_TIMED_LISTS };

#define MQN_SPARES 8
#define MQN_STORES 4

typedef struct mqn_transport {
  uv_loop_t* loop;
  uv_timer_t timer;                    /* armed only while something is in `timed`, `failed` or `reap` */
  uint64_t armed;                      /* what it is armed for, UINT64_MAX: not at all */
  char* scratch;                       /* MQN_SCRATCH_SIZE, made at the first read */
  mqn_node dirty, failed, reap;
  mqn_node timed[MQN_TIMED_LISTS];
  int flushing_all;
  int alive;
  mqn_buffer spare[MQN_SPARES];        /* empty buffers of connections that have gone idle, for those that get busy */
  int spares;
  /* tls_context.c */
  struct bio_method_st* bio_method;
  mqn_tls_context* contexts;
  struct { unsigned char digest[32]; struct x509_store_st* store; uint64_t used; } stores[MQN_STORES];
  uint64_t stores_clock;
} mqn_transport;
extern mqn_transport mqn_the_transport;

/* connection.c */
mqn_connection* mqn_connection_new(const mqn_endpoint* endpoint, const mqn_connection_handler* handler, void* owner);
void mqn_connection_end(mqn_connection* c, int error, const char* format, ...);   /* as _fail(), and the socket is of no use any more */
void mqn_connection_lost(mqn_connection* c, int status);
void mqn_connection_opened(mqn_connection* c);
void mqn_connection_mark_dirty(mqn_connection* c);
const char* mqn_connection_where(const mqn_connection* c, char* text, size_t size);   /* "host:port" */
void mqn_transport_arm(void);
void mqn_transport_time(mqn_connection* c, int list);
/* resolve.c */
void mqn_resolve_start(mqn_connection* c);
int mqn_resolve_order(mqn_connection* c, const struct addrinfo* answers);   /* how many addresses there are to try; -1: no memory */
/* tcp.c */
void mqn_tcp_start(mqn_connection* c);            /* tries c->p->addresses */
void mqn_tcp_next(mqn_connection* c);             /* the attempt delay is over */
void mqn_tcp_abandon(mqn_connection* c);          /* closes what is connecting */
void mqn_tcp_close(mqn_connection* c, mqn_attempt* a);
/* read.c */
void mqn_read_update(mqn_connection* c);          /* starts or stops reading as the state says */
/* write.c */
size_t mqn_write_through(mqn_connection* c, const char* data, size_t length);   /* large data from the caller's memory: how much needs no more care */
void mqn_write_flush(mqn_connection* c);          /* towards the kernel until it takes no more; calls no handler */
void mqn_write_report(mqn_connection* c);         /* progress() and writable() */
void mqn_write_drop(mqn_connection* c);           /* application bytes that will never leave */
int mqn_write_empty(const mqn_connection* c);
/* lend.c: the sequence of `out` and the loans in it */
size_t mqn_loans_next(const mqn_connection_private* p, char** data);   /* bytes in one piece that are next */
/* What waits, in its order, as pieces for one call: at most `count` of them and `most` bytes. How many there are. */
unsigned mqn_loans_gather(const mqn_connection_private* p, uv_buf_t* pieces, unsigned count, size_t most);
void mqn_loans_took(mqn_connection_private* p, size_t length);         /* of these, the first are out of here */
int mqn_loans_fill_sending(mqn_connection_private* p);                 /* `sending` is empty: what is next moves into it; -1: no memory */
void mqn_loans_end_sending(mqn_connection_private* p);                 /* `sending` is empty: gives back what it was lent */
size_t mqn_loans_drop(mqn_connection_private* p);                      /* all but the one in `sending`; how many bytes that was */
void mqn_loans_free(mqn_connection_private* p);                        /* all, and the memory of `sending` */
/* close.c */
void mqn_close_now(mqn_connection* c);
void mqn_close_step(mqn_connection* c);           /* DRAINING: what comes next once all is written */
void mqn_close_read(mqn_connection* c, int status);   /* DRAINING: bytes (0), UV_EOF or an error came */
void mqn_close_free_if_done(mqn_connection* c);
void mqn_close_free(mqn_connection* c);
/* buffer.c */
void mqn_buffer_take_spare(mqn_buffer* b, size_t length);   /* b has no memory: gives it a spare of that size, if there is one */
void mqn_buffer_give_spare(mqn_buffer* b, size_t keep);     /* b is empty: what is above `keep` bytes goes to the next busy connection */
#endif
