/* The end of a connection: what is buffered leaves, then FIN, then the memory goes. See the stories in connection_private.h. */
#include <stdlib.h>
#include "connection_private.h"
#include "tls.h"

void mqn_close_free(mqn_connection* c) {
  mqn_connection_private* p = c->p;
  mqn_node_remove(&p->dirty);
  mqn_node_remove(&p->pending);
  mqn_node_remove(&p->timed);
  mqn_tls_free(c);
  if (p->context) mqn_tls_context_release(p->context);
  mqn_buffer_free(&c->in);
  mqn_loans_free(p);
  mqn_buffer_free(&p->out);
  mqn_buffer_free(&p->cipher);
  free(p->addresses);
  free(p->host);
  free(p->server_name);
  --mqn_the_transport.alive;
  free(c);   /* and p: one piece */
}

void mqn_close_free_if_done(mqn_connection* c) {
  if (c->state == MQN_CONNECTION_CLOSED && c->p->handles == 0 && !c->p->resolve_pending) mqn_close_free(c);
}

void mqn_close_now(mqn_connection* c) {
  mqn_connection_private* p = c->p;
  if (c->state == MQN_CONNECTION_CLOSED) return;
  c->state = MQN_CONNECTION_CLOSED;
  p->dead = 1;
  mqn_node_remove(&p->dirty);
  mqn_node_remove(&p->pending);
  mqn_node_remove(&p->timed);
  mqn_buffer_free(&c->in);
  mqn_loans_drop(p);
  mqn_buffer_free(&p->out);
  if (p->resolve_pending) uv_cancel((uv_req_t*)&p->resolve_request);
  mqn_tcp_abandon(c);
  if (p->socket) mqn_tcp_close(c, p->socket);
  if (p->handles == 0 && !p->resolve_pending) mqn_node_append(&mqn_the_transport.reap, &p->pending);
  mqn_transport_arm();
}

static void on_shutdown(uv_shutdown_t* request, int status) {
  mqn_connection* c = request->data;
  if (c->state == MQN_CONNECTION_DRAINING && (status < 0 || c->p->end_seen)) mqn_close_now(c);
}

void mqn_close_step(mqn_connection* c) {
  mqn_connection_private* p = c->p;
  if (p->fin_sent || !mqn_write_empty(c)) return;
  if (p->tls && mqn_tls_shutdown(c)) mqn_write_flush(c);   /* close_notify, once */
  if (c->state != MQN_CONNECTION_DRAINING || !mqn_write_empty(c)) return;
  p->fin_sent = 1;
  p->shutdown_request.data = c;
  if (uv_shutdown(&p->shutdown_request, (uv_stream_t*)&p->socket->tcp, on_shutdown) < 0) mqn_close_now(c);
  else mqn_transport_time(c, MQN_TIMED_LINGER);
}

void mqn_close_read(mqn_connection* c, int status) {
  if (status == 0) return;                                      /* dropped */
  if (status != UV_EOF || c->p->fin_sent) mqn_close_now(c);     /* else: the peer may still read what is left */
}

void mqn_connection_close(mqn_connection* c, int at_once) {
  mqn_connection_private* p = c->p;
  if (c->state == MQN_CONNECTION_CLOSED) return;
  if (c->state == MQN_CONNECTION_DRAINING) {
    if (at_once) mqn_close_now(c);
    return;
  }
  c->handler = NULL;
  c->owner = NULL;
  mqn_node_remove(&p->pending);
  if (at_once || !p->socket || p->dead || p->write_error || !(p->opened || p->alert_sent)) {
    mqn_close_now(c);
    return;
  }
  c->state = MQN_CONNECTION_DRAINING;
  mqn_buffer_free(&c->in);
  mqn_transport_time(c, MQN_TIMED_DRAIN);
  mqn_connection_mark_dirty(c);
  mqn_read_update(c);
}
