#include "transport_client.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define PIECE (32u << 10)

int expect_that(int so, const char* text, const char* file, int line) {
  ++check_count;
  if (so) return 1;
  ++check_failures;
  fprintf(stderr, "%s:%d: not so: %s\n", file, line, text);
  return 0;
}

static uv_loop_t loop;
static uv_timer_t deadline, poll_timer;
static int deadline_over;

static void on_deadline(uv_timer_t* t) {
  (void)t;
  deadline_over = 1;
}
static void on_poll(uv_timer_t* t) { (void)t; }

void harness_start(void) {
#if defined(SIGPIPE)
  signal(SIGPIPE, SIG_IGN);      /* the reactor blocks it for its thread; here both ends run on threads of the test */
#endif
  EXPECT(uv_loop_init(&loop) == 0);
  uv_timer_init(&loop, &deadline);
  uv_timer_init(&loop, &poll_timer);
  mqn_transport_init(&loop);
}

void harness_stop(void) {
  EXPECT(mqn_transport_alive() == 0);
  mqn_transport_end();
  uv_close((uv_handle_t*)&deadline, NULL);
  uv_close((uv_handle_t*)&poll_timer, NULL);
  uv_run(&loop, UV_RUN_DEFAULT);
  EXPECT(uv_loop_close(&loop) == 0);
}

uint64_t harness_now(void) { return uv_hrtime() / 1000000; }

void harness_turn(void) {
  mqn_connection_flush_all();
  uv_run(&loop, UV_RUN_NOWAIT);
}

int harness_until(condition done, void* argument, unsigned ms) {
  deadline_over = 0;
  uv_update_time(&loop);
  uv_timer_start(&deadline, on_deadline, ms, 0);
  uv_timer_start(&poll_timer, on_poll, 2, 2);      /* the server's counters wake nobody */
  while (!done(argument) && !deadline_over) {
    mqn_connection_flush_all();
    if (!done(argument)) uv_run(&loop, UV_RUN_ONCE);
  }
  uv_timer_stop(&deadline);
  uv_timer_stop(&poll_timer);
  return done(argument) != 0;
}

unsigned harness_idle(unsigned ms) {
  unsigned turns = 0;
  deadline_over = 0;
  uv_update_time(&loop);
  uv_timer_start(&deadline, on_deadline, ms, 0);
  while (!deadline_over) {
    mqn_connection_flush_all();
    uv_run(&loop, UV_RUN_ONCE);
    ++turns;
  }
  return turns;
}

/* ---- handlers ---- */
static client* owner_of(mqn_connection* c) {
  client* k = c->owner;
  if (k->inside) ++k->called_inside;
  return k;
}

int client_write_pattern(client* k, uint64_t from, size_t length) {
  uint8_t* piece = malloc(length ? length : 1);
  size_t i;
  int rc;
  EXPECT(piece != NULL);
  for (i = 0; i < length; ++i) piece[i] = pattern(from + i);
  ++k->inside;
  rc = mqn_connection_write(k->c, piece, length);
  --k->inside;
  free(piece);
  return rc;
}

static void send_more(client* k) {
  while (k->written < k->to_send && !mqn_connection_backlogged(k->c)) {
    uint64_t left = k->to_send - k->written;
    size_t length = left < PIECE ? (size_t)left : PIECE;
    if (client_write_pattern(k, k->written, length) != 0) return;
    k->written += length;
  }
}

void client_take(client* k) {
  mqn_connection* c = k->c;
  for (; c->in.start < c->in.end; ++c->in.start, ++k->got)
    if ((uint8_t)c->in.data[c->in.start] != pattern(k->got)) ++k->wrong;
  mqn_connection_taken(c);
}

static void on_opened(mqn_connection* c) {
  client* k = owner_of(c);
  ++k->opened;
  EXPECT(c->state == MQN_CONNECTION_OPEN);
  send_more(k);
}

static void on_received(mqn_connection* c) {
  client* k = owner_of(c);
  ++k->received;
  EXPECT(k->opened == 1 && !k->failed);
  if (k->expect && mqn_buffer_length(&c->in) < k->expect) mqn_connection_expect(c, k->expect, 0);
  else if (!k->keep) client_take(k);
}

static void on_progress(mqn_connection* c) {
  client* k = owner_of(c);
  ++k->progress;
  if (c->bytes_out < k->out_at_progress) k->progress_fell = 1;
  k->out_at_progress = c->bytes_out;
}

static void on_writable(mqn_connection* c) {
  client* k = owner_of(c);
  ++k->writable;
  EXPECT(mqn_connection_backlog(c) <= MQN_BACKLOG_LOW);
  send_more(k);
}

static void on_failed(mqn_connection* c) {
  client* k = owner_of(c);
  ++k->failed;
  EXPECT(c->state == MQN_CONNECTION_FAILED && c->error < 0);
  k->error = c->error;
  k->got_at_failure = k->got > 0 || mqn_buffer_length(&c->in) > 0;
  snprintf(k->text, sizeof k->text, "%s", c->error_text);
}

static const mqn_connection_handler handler = { on_opened, on_received, on_progress, on_writable, on_failed };

/* ---- opening and closing ---- */
void client_open(client* k, const char* host, int port, mqn_tls_context* tls, const char* server_name) {
  mqn_endpoint endpoint = { host, (uint16_t)port, tls, server_name };
  ++k->inside;
  k->c = mqn_connection_open(&endpoint, &handler, k);
  --k->inside;
  EXPECT(k->c != NULL);
}

void client_open_addresses(client* k, const char* const* addresses, int port) {
  enum { MOST = 8 };
  struct addrinfo list[MOST];
  struct sockaddr_in6 room[MOST];
  mqn_endpoint endpoint = { "several.example", (uint16_t)port, NULL, NULL };
  int i;
  memset(list, 0, sizeof list);
  for (i = 0; addresses[i]; ++i) {
    EXPECT(i < MOST);
    list[i].ai_addr = (struct sockaddr*)&room[i];
    if (uv_ip4_addr(addresses[i], 0, (struct sockaddr_in*)&room[i]) == 0) {
      list[i].ai_family = AF_INET;
      list[i].ai_addrlen = sizeof(struct sockaddr_in);
    } else {
      EXPECT(uv_ip6_addr(addresses[i], 0, &room[i]) == 0);
      list[i].ai_family = AF_INET6;
      list[i].ai_addrlen = sizeof(struct sockaddr_in6);
    }
    if (i) list[i - 1].ai_next = &list[i];
  }
  k->c = mqn_connection_new(&endpoint, &handler, k);
  EXPECT(k->c != NULL);
  EXPECT(mqn_resolve_order(k->c, list) > 0);
  mqn_tcp_start(k->c);
}

void client_close(client* k, int at_once) {
  if (!k->c) return;
  mqn_connection_close(k->c, at_once);
  k->c = NULL;
}

/* ---- conditions ---- */
int is_opened(void* argument) { return ((client*)argument)->opened > 0; }
int is_failed(void* argument) { return ((client*)argument)->failed > 0; }
int is_over(void* argument) { return is_opened(argument) || is_failed(argument); }
int nothing_alive(void* unused) {
  (void)unused;
  return mqn_transport_alive() == 0;
}
