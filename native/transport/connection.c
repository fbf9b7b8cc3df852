/* A connection's life as its owner sees it, and the transport's turn: what is written leaves, failures are told, time passes. */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "connection_private.h"
#include "mqtt_native.h"
#include "tls.h"

mqn_transport mqn_the_transport;

static const unsigned delays[MQN_TIMED_LISTS] = { MQN_ATTEMPT_DELAY, MQN_LINGER, MQN_DRAIN };

static char* copy_text(const char* text) {
  size_t size = strlen(text) + 1;
  char* copy = malloc(size);
  if (copy) memcpy(copy, text, size);
  return copy;
}

mqn_connection* mqn_connection_new(const mqn_endpoint* endpoint, const mqn_connection_handler* handler, void* owner) {
  struct both { mqn_connection c; mqn_connection_private p; } *both = calloc(1, sizeof *both);
  mqn_connection* c;
  mqn_connection_private* p;
  if (!both) return NULL;
  c = &both->c;
  c->p = p = &both->p;
  c->handler = handler;
  c->owner = owner;
  c->state = MQN_CONNECTION_RESOLVING;
  p->sealed = 1;
  p->port = endpoint->port;
  p->host = copy_text(endpoint->host ? endpoint->host : "");
  p->server_name = endpoint->server_name ? copy_text(endpoint->server_name) : NULL;
  if (!p->host || (endpoint->server_name && !p->server_name)) {
    free(p->host);
    free(p->server_name);
    free(both);
    return NULL;
  }
  if (endpoint->tls) p->context = mqn_tls_context_retain(endpoint->tls);
  mqn_node_init(&p->dirty, c);
  mqn_node_init(&p->pending, c);
  mqn_node_init(&p->timed, c);
  ++mqn_the_transport.alive;
  return c;
}

mqn_connection* mqn_connection_open(const mqn_endpoint* endpoint, const mqn_connection_handler* handler, void* owner) {
  mqn_connection* c = mqn_connection_new(endpoint, handler, owner);
  if (c) mqn_resolve_start(c);
  return c;
}

void mqn_connection_opened(mqn_connection* c) {
  c->state = MQN_CONNECTION_OPEN;
  c->p->opened = 1;
  c->p->sealed = 0;
  mqn_connection_mark_dirty(c);
  c->handler->opened(c);
}

const char* mqn_connection_where(const mqn_connection* c, char* text, size_t size) {
  snprintf(text, size, strchr(c->p->host, ':') ? "[%s]:%u" : "%s:%u", c->p->host, (unsigned)c->p->port);
  return text;
}

/* ---- failing ---- */
static void fail(mqn_connection* c, int error, const char* format, va_list arguments) {
  if (c->state >= MQN_CONNECTION_FAILED) return;   /* the first reason stays */
  c->error = error;
  vsnprintf(c->error_text, sizeof c->error_text, format, arguments);
  if (!c->p->opened) {
    c->p->sealed = 1;
    mqn_tcp_abandon(c);
    mqn_write_drop(c);
  }
  c->state = MQN_CONNECTION_FAILED;
  mqn_node_remove(&c->p->timed);
  mqn_read_update(c);
  mqn_node_append(&mqn_the_transport.failed, &c->p->pending);
  mqn_transport_arm();
}

/* The socket stays in use: what the owner has written before (DISCONNECT with the reason) leaves, now or while closing. */
void mqn_connection_fail(mqn_connection* c, int error, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fail(c, error, format, arguments);
  va_end(arguments);
}

void mqn_connection_end(mqn_connection* c, int error, const char* format, ...) {
  va_list arguments;
  c->p->dead = 1;
  if (c->state == MQN_CONNECTION_DRAINING) {
    mqn_close_now(c);
    return;
  }
  mqn_write_drop(c);
  va_start(arguments, format);
  fail(c, error, format, arguments);
  va_end(arguments);
}

/* The socket of an open connection has failed. */
void mqn_connection_lost(mqn_connection* c, int status) {
  char where[320];
  if ((status == UV_ECONNRESET || status == UV_ECONNABORTED || status == UV_EPIPE) && mqn_tls_unjudged(c))
    mqn_connection_end(c, MQN_ERR_TLS, "TLS handshake with %s: %s, after the server had asked for a certificate of this client",
                       mqn_connection_where(c, where, sizeof where), uv_strerror(status));
  else mqn_connection_end(c, MQN_ERR_CONNECTION_LOST, "connection lost: %s", uv_strerror(status));
}

/* ---- the turn ---- */
void mqn_connection_mark_dirty(mqn_connection* c) {
  if (mqn_node_alone(&c->p->dirty)) mqn_node_append(&mqn_the_transport.dirty, &c->p->dirty);
}

/* Handlers run from here may open, write to, fail and close any connection. Those that write again wait for the next turn, which the
 * timer brings about: one that always writes cannot keep the loop here. */
void mqn_connection_flush_all(void) {
  mqn_transport* t = &mqn_the_transport;
  mqn_node todo;
  mqn_connection* c;
  if (t->flushing_all) return;
  t->flushing_all = 1;
  mqn_node_init(&todo, NULL);
  if (!mqn_node_alone(&t->dirty)) {
    todo = t->dirty;
    todo.next->previous = todo.previous->next = &todo;
    mqn_node_init(&t->dirty, NULL);
  }
  while ((c = mqn_node_pop(&todo)) != NULL) {
    mqn_write_flush(c);
    mqn_write_report(c);
    if (c->state == MQN_CONNECTION_DRAINING) mqn_close_step(c);
  }
  while ((c = mqn_node_pop(&t->failed)) != NULL) c->handler->failed(c);
  while ((c = mqn_node_pop(&t->reap)) != NULL) mqn_close_free(c);
  t->flushing_all = 0;
  mqn_transport_arm();
}

/* ---- time ---- */
static void on_timer(uv_timer_t* timer) {
  mqn_transport* t = &mqn_the_transport;
  uint64_t now = uv_now(timer->loop);
  int i;
  t->armed = UINT64_MAX;
  for (i = 0; i < MQN_TIMED_LISTS; ++i) {
    while (!mqn_node_alone(&t->timed[i]) && t->timed[i].next->connection->p->deadline <= now) {
      mqn_connection* c = mqn_node_pop(&t->timed[i]);
      if (c->state == MQN_CONNECTION_CONNECTING) mqn_tcp_next(c);
      else if (c->state == MQN_CONNECTION_DRAINING) mqn_close_now(c);
      else mqn_connection_lost(c, c->p->write_error);
    }
  }
  mqn_connection_flush_all();
}

void mqn_transport_time(mqn_connection* c, int list) {
  uv_update_time(mqn_the_transport.loop);   /* the loop's clock may stand where this turn began */
  c->p->deadline = uv_now(mqn_the_transport.loop) + delays[list];
  mqn_node_append(&mqn_the_transport.timed[list], &c->p->timed);
  mqn_transport_arm();
}

void mqn_transport_arm(void) {
  mqn_transport* t = &mqn_the_transport;
  uint64_t now = uv_now(t->loop), wanted = UINT64_MAX;
  int i;
  if (t->flushing_all) return;   /* it arms at its end */
  for (i = 0; i < MQN_TIMED_LISTS; ++i)
    if (!mqn_node_alone(&t->timed[i]) && t->timed[i].next->connection->p->deadline < wanted)
      wanted = t->timed[i].next->connection->p->deadline;
  if (!mqn_node_alone(&t->failed) || !mqn_node_alone(&t->reap) || !mqn_node_alone(&t->dirty)) wanted = now;
  if (wanted == t->armed) return;
  t->armed = wanted;
  if (wanted == UINT64_MAX) uv_timer_stop(&t->timer);
  else uv_timer_start(&t->timer, on_timer, wanted > now ? wanted - now : 0, 0);
}

/* ---- the transport ---- */

/* The thread that calls it must live through SIGPIPE (core/src/signals.c): libuv writes without MSG_NOSIGNAL. */
void mqn_transport_init(uv_loop_t* loop) {
  mqn_transport* t = &mqn_the_transport;
  int i;
  memset(t, 0, sizeof *t);
  t->loop = loop;
  t->armed = UINT64_MAX;
  mqn_node_init(&t->dirty, NULL);
  mqn_node_init(&t->failed, NULL);
  mqn_node_init(&t->reap, NULL);
  for (i = 0; i < MQN_TIMED_LISTS; ++i) mqn_node_init(&t->timed[i], NULL);
  uv_timer_init(loop, &t->timer);
  mqn_tls_library_init();
}

/* The timer's handle is closed here: the loop must run once more before uv_loop_close(). */
void mqn_transport_end(void) {
  mqn_transport* t = &mqn_the_transport;
  uv_close((uv_handle_t*)&t->timer, NULL);
  while (t->spares > 0) mqn_buffer_free(&t->spare[--t->spares]);
  free(t->scratch);
  t->scratch = NULL;
  mqn_tls_library_end();
}

int mqn_transport_alive(void) { return mqn_the_transport.alive; }
