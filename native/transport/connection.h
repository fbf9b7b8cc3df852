/* One connection: resolve, TCP, TLS, buffers. Knows nothing of MQTT or Paho. Everything here runs on the reactor thread.
 *
 * Life: mqn_connection_open() -> handler->opened() or ->failed() -> received() ... -> failed() or mqn_connection_close().
 * The owner always ends with mqn_connection_close(); the connection then sends what is buffered (for at most 3 s), closes its
 * handles and frees itself. After mqn_connection_close() no handler is called any more. */
#ifndef MQN_CONNECTION_H
#define MQN_CONNECTION_H
#include <stdint.h>
#include <uv.h>
#include "buffer.h"

typedef struct mqn_connection mqn_connection;
typedef struct mqn_tls mqn_tls;                  /* tls.c: one a connection */
typedef struct mqn_tls_context mqn_tls_context;  /* tls_context.c: shared by connections with equal options, counted */

/* Where to. Strings are the owner's and outlive mqn_connection_open(). */
typedef struct mqn_endpoint {
  const char* host;
  uint16_t port;
  mqn_tls_context* tls;        /* NULL: plain TCP. The connection takes a reference of its own */
  const char* server_name;     /* to send and verify; NULL: host */
} mqn_endpoint;

/* The owner's side. None may call mqn_connection_close() on the same connection from inside; all may write. */
typedef struct mqn_connection_handler {
  void (*opened)(mqn_connection* c);      /* TCP and TLS are up: what was written before leaves now */
  void (*received)(mqn_connection* c);    /* bytes were added to c->in */
  void (*progress)(mqn_connection* c);    /* bytes left: c->bytes_out moved */
  void (*writable)(mqn_connection* c);    /* the backlog fell below the low mark after mqn_connection_backlogged() said 1 */
  void (*failed)(mqn_connection* c);      /* ended: c->error, c->error_text. What is in c->in came before it */
} mqn_connection_handler;

typedef enum { MQN_CONNECTION_RESOLVING, MQN_CONNECTION_CONNECTING, MQN_CONNECTION_HANDSHAKE, MQN_CONNECTION_OPEN, MQN_CONNECTION_FAILED,
               MQN_CONNECTION_DRAINING, MQN_CONNECTION_CLOSED } mqn_connection_state;

#define MQN_BACKLOG_HIGH (1u << 20)     /* above this mqn_connection_backlogged() says 1 ... */
#define MQN_BACKLOG_LOW (256u << 10)    /* ... and writable() follows when it fell to this */

struct mqn_connection {
  const mqn_connection_handler* handler;   /* NULL after mqn_connection_close() */
  void* owner;                             /* the owner's, untouched here */
  mqn_connection_state state;
  mqn_buffer in;                           /* received (after TLS), taken by the owner by moving in.start */
  uint64_t bytes_in, bytes_out;            /* application bytes: arrived in `in`; taken by the kernel or, with TLS, encrypted and taken */
  int error;                               /* MQN_ERR_* of mqtt_native.h */
  char error_text[512];
  /* the rest is private to native/transport; see connection_private.h if it needs one */
  struct mqn_connection_private* p;
};

void mqn_transport_init(uv_loop_t* loop);   /* once, before the first connection */
void mqn_transport_end(void);               /* after the last connection is gone: frees caches */
int mqn_transport_alive(void);              /* connections not yet freed */

mqn_connection* mqn_connection_open(const mqn_endpoint* endpoint, const mqn_connection_handler* handler, void* owner);   /* NULL: no memory. Reports later, never from inside */
#define MQN_LEND_FROM (16u << 10)       /* mqn_connection_lend() copies what is smaller: it costs less than the care */

int mqn_connection_write(mqn_connection* c, const void* data, size_t length);   /* copies; leaves at the next flush or from 64 KiB on. -1: failed or no memory */
/* As _write(), and large data is not copied: release(data) follows, at once or when its last byte has left or was dropped, also after -1. */
int mqn_connection_lend(mqn_connection* c, void* data, size_t length, void (*release)(void* data));
void mqn_connection_flush_all(void);        /* once a turn: hands what was written to the kernel */
size_t mqn_connection_backlog(const mqn_connection* c);
int mqn_connection_backlogged(mqn_connection* c);   /* 1: above the high mark, and writable() will be called */
void mqn_connection_taken(mqn_connection* c);       /* the owner took what it could from c->in: read on, release memory */
/* A packet of this size is under way: reserve, and read on whatever the read-ahead says. A large one comes to lie so that its byte `landmark` (0: none) is
 * aligned. */
void mqn_connection_expect(mqn_connection* c, size_t length, size_t landmark);
void mqn_connection_hold(mqn_connection* c, int hold);  /* 1: the owner takes nothing; reading stops when the read-ahead (1 MiB) is full */
void mqn_connection_fail(mqn_connection* c, int error, const char* format, ...);   /* the owner found an error: state FAILED, failed() is called later in this turn or the next, never from inside */
void mqn_connection_close(mqn_connection* c, int at_once);  /* at_once: drop what is buffered, else drain it */

/* ---- TLS contexts ---- */
struct mqn_tls_options;
mqn_tls_context* mqn_tls_context_new(const struct mqn_tls_options* options, char* error, size_t error_size);  /* cached by content; NULL: error says why */
void mqn_tls_context_release(mqn_tls_context* context);
const char* mqn_tls_version(void);           /* of OpenSSL, "4.0.3" */
const char* mqn_tls_processor(void);         /* as mqn_processor() */
#endif
