/* The far end of the transport's tests: a small TCP or TLS server on a thread and a loop of its own. It shares no code with what it
 * tests. Bytes of both directions follow pattern(), so that each side can check the other's by position. */
#ifndef TRANSPORT_SERVER_H
#define TRANSPORT_SERVER_H
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include "tls_fixture.h"

static inline uint8_t pattern(uint64_t position) { return (uint8_t)(position ^ position >> 7 ^ position >> 15 ^ position >> 23); }

typedef struct transport_server_options {
  const char* host;              /* to listen on; NULL: 127.0.0.1 */
  int port;                      /* 0: any */
  const tls_identity* identity;  /* NULL: plain TCP */
  const tls_identity* client_ca; /* a client certificate of this CA is required */
  int min_version, max_version;  /* 12 or 13, 0: no limit */
  const char* alpn;              /* one protocol to select, when the client offers it */
  int echo;                      /* sends back what it gets */
  int deaf;                      /* does not read the socket, until transport_server_listen(); 2: only after the handshake */
  int renegotiate;               /* TLS 1.2: asks for a second handshake after the first */
  uint64_t flood;                /* bytes of pattern() to send once the connection is up */
  const void* greeting;          /* raw bytes to send when the first bytes have come (or at once, with greet_first) */
  size_t greeting_length;
  int greet_first;
  int hang_up;                   /* closes after flood and greeting: 1 with FIN and, on TLS, close_notify; 2 FIN only; 3 RST */
  int reset_refused;             /* a handshake that fails ends with RST and without its alert: what the client sees whose system dropped it */
} transport_server_options;

typedef struct transport_server transport_server;

/* What has been seen since the start; any thread. */
typedef struct transport_server_counts {
  atomic_int accepted, closed;           /* connections */
  atomic_int handshakes, failed_handshakes, close_notifies;
  atomic_int last_error;                 /* OpenSSL's reason for the last failed handshake or read: 1000 + alert when the client sent one */
  atomic_ullong raw_bytes, bytes;        /* from the socket, and after TLS */
  atomic_int wrong_bytes;                /* `bytes` that did not follow pattern() */
  atomic_int markers;                    /* times TRANSPORT_MARKER was seen in the raw bytes: readable by anybody on the way */
  atomic_int got_marker;                 /* the application bytes began with it: `bytes` and wrong_bytes count what follows */
} transport_server_counts;

#define TRANSPORT_MARKER "password-of-the-test"

transport_server* transport_server_start(const transport_server_options* options);
int transport_server_port(const transport_server* server);
const char* transport_server_name(const transport_server* server);   /* SNI of the last handshake, "" for none; when it is over */
transport_server_counts* transport_server_seen(transport_server* server);
void transport_server_listen(transport_server* server);   /* a deaf one begins to read */
void transport_server_stop(transport_server* server);
#endif
