/* The near end of the transport's tests: a loop that is turned as the reactor turns it, and connections whose handlers count. */
#ifndef TRANSPORT_CLIENT_H
#define TRANSPORT_CLIENT_H
#include <stdio.h>
#include "check.h"
#include "connection.h"
#include "connection_private.h"
#include "mqtt_native.h"
#include "transport_server.h"

/* CHECK as an expression: 1 when it is so, else 0 and the failure is counted and printed with its place. */
#define EXPECT(condition) expect_that((condition) != 0, #condition, __FILE__, __LINE__)
int expect_that(int so, const char* text, const char* file, int line);

typedef struct client {
  mqn_connection* c;             /* NULL after client_close() */
  int opened, received, progress, writable, failed;   /* calls */
  int inside;                    /* a function of the transport is being called by the test: no handler may run */
  int called_inside;
  int error;
  char text[512];
  uint64_t got, wrong;           /* bytes taken, and those of them that did not follow pattern() */
  int keep;                      /* received() takes nothing */
  size_t expect;                 /* received() announces a packet of this size, until it is whole */
  uint64_t to_send, written;     /* pattern() to send once open, as fast as the backlog allows */
  uint64_t out_at_progress;
  int progress_fell;             /* bytes_out went down, or above what was written */
  int got_at_failure;            /* `got` or bytes waiting when failed() was called */
} client;

typedef int (*condition)(void* argument);

void harness_start(void);
void harness_stop(void);                                   /* nothing may be alive; the loop must close */
int harness_until(condition done, void* argument, unsigned ms);   /* 1: it came true */
unsigned harness_idle(unsigned ms);                        /* turns of the loop in that time, when only the transport wakes it */
void harness_turn(void);                                   /* one, without waiting */
uint64_t harness_now(void);                                /* ms */

void client_open(client* k, const char* host, int port, mqn_tls_context* tls, const char* server_name);
/* As if the name had been resolved to these addresses, in this order. */
void client_open_addresses(client* k, const char* const* addresses, int port);
void client_take(client* k);
void client_close(client* k, int at_once);
int client_write_pattern(client* k, uint64_t from, size_t length);

/* conditions */
int is_opened(void* client);
int is_failed(void* client);
int is_over(void* client);         /* opened or failed */
int nothing_alive(void* unused);
#endif
