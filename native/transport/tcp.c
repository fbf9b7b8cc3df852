/* Addresses -> one connected socket: happy eyeballs, RFC 8305 section 5. */
#include <stdio.h>
#include <stdlib.h>
#include "connection_private.h"
#include "mqtt_native.h"
#include "tls.h"

#define KEEP_ALIVE 60   /* s */

static void on_closed(uv_handle_t* handle) {
  mqn_attempt* a = handle->data;
  mqn_connection* c = a->connection;
  free(a);
  --c->p->handles;
  mqn_close_free_if_done(c);
}

void mqn_tcp_close(mqn_connection* c, mqn_attempt* a) {
  mqn_attempt** place;
  for (place = &c->p->attempts; *place; place = &(*place)->next) {
    if (*place == a) {
      *place = a->next;
      break;
    }
  }
  if (!uv_is_closing((uv_handle_t*)&a->tcp)) uv_close((uv_handle_t*)&a->tcp, on_closed);
}

void mqn_tcp_abandon(mqn_connection* c) {
  while (c->p->attempts) mqn_tcp_close(c, c->p->attempts);
}

/* "No route" tells least: it comes from the family this host has no network for. Otherwise the last error stands. */
static void note_error(mqn_connection_private* p, int status, int address) {
  int weak = status == UV_ENETUNREACH || status == UV_EHOSTUNREACH || status == UV_EADDRNOTAVAIL || status == UV_EAFNOSUPPORT;
  if (weak && p->connect_error) return;
  p->connect_error = status;
  p->connect_error_address = address;
}

static void all_failed(mqn_connection* c) {
  mqn_connection_private* p = c->p;
  char where[320], address[64] = "", tried[48] = "";
  if (p->connect_error == UV_ENOMEM) {
    mqn_connection_end(c, MQN_ERR_NO_MEMORY, "out of memory");
    return;
  }
  mqn_connection_where(c, where, sizeof where);
  uv_ip_name((const struct sockaddr*)&p->addresses[p->connect_error_address], address, sizeof address);
  if (p->address_count > 1) snprintf(tried, sizeof tried, "; %d addresses tried", p->address_count);
  mqn_connection_end(c, MQN_ERR_CONNECT, "connect to %s: %s (%s%s)", where, uv_strerror(p->connect_error), address, tried);
}

static void win(mqn_connection* c, mqn_attempt* a) {
  mqn_connection_private* p = c->p;
  mqn_attempt** place = &p->attempts;
  while (*place != a) place = &(*place)->next;
  *place = a->next;
  a->next = NULL;
  p->socket = a;
  mqn_tcp_abandon(c);
  mqn_node_remove(&p->timed);
  mqn_transport_arm();
  free(p->addresses);
  p->addresses = NULL;
  uv_tcp_nodelay(&a->tcp, 1);
  uv_tcp_keepalive(&a->tcp, 1, KEEP_ALIVE);
  if (p->context) {
    c->state = MQN_CONNECTION_HANDSHAKE;
    mqn_tls_start(c);
  } else {
    mqn_connection_opened(c);
  }
  mqn_read_update(c);
  mqn_write_flush(c);
}

static void on_connected(uv_connect_t* request, int status) {
  mqn_attempt* a = request->data;
  mqn_connection* c = a->connection;
  if (uv_is_closing((uv_handle_t*)&a->tcp)) return;   /* another one has won, or the owner has closed */
  if (status == 0) {
    win(c, a);
    return;
  }
  note_error(c->p, status, a->address);
  mqn_tcp_close(c, a);
  mqn_tcp_next(c);
}

/* 0: it is under way */
static int attempt(mqn_connection* c, int address) {
  mqn_connection_private* p = c->p;
  mqn_attempt* a = calloc(1, sizeof *a);
  int status;
  if (!a) return UV_ENOMEM;
  uv_tcp_init(mqn_the_transport.loop, &a->tcp);
  ++p->handles;
  a->tcp.data = a;
  a->request.data = a;
  a->connection = c;
  a->address = address;
  a->next = p->attempts;
  p->attempts = a;
  status = uv_tcp_connect(&a->request, &a->tcp, (const struct sockaddr*)&p->addresses[address], on_connected);
  if (status < 0) mqn_tcp_close(c, a);
  return status;
}

void mqn_tcp_next(mqn_connection* c) {
  mqn_connection_private* p = c->p;
  mqn_node_remove(&p->timed);
  while (p->address_next < p->address_count) {
    int address = p->address_next++;
    int status = attempt(c, address);
    if (status == 0) {
      if (p->address_next < p->address_count) mqn_transport_time(c, MQN_TIMED_ATTEMPT);
      break;
    }
    note_error(p, status, address);
  }
  mqn_transport_arm();
  if (!p->attempts) all_failed(c);
}

void mqn_tcp_start(mqn_connection* c) {
  c->state = MQN_CONNECTION_CONNECTING;
  mqn_tcp_next(c);
}
