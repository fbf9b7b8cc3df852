/* The bytes layer over plain TCP: names and addresses, both directions at full speed, back-pressure, and every way to end.
 * The far end is a server on a thread of its own; both sides check each byte by its position. ctest-timeout: 120 */
#include <stdlib.h>
#include <string.h>
#include "transport_client.h"

#define MEGABYTE (1u << 20)

static const transport_server_options echo_options = { .echo = 1 };

/* ---- conditions on the server ---- */
typedef struct awaited { transport_server* server; unsigned long long bytes; int closed; } awaited;
static int server_got(void* argument) {
  awaited* a = argument;
  transport_server_counts* seen = transport_server_seen(a->server);
  return seen->bytes >= a->bytes && seen->closed >= a->closed;
}
static int has_all(void* argument) {
  client* k = argument;
  return k->got >= k->to_send || k->failed;
}
static int has_received(void* argument) { return ((client*)argument)->received > 0; }
static int is_blocked(void* argument) { return mqn_connection_backlogged(((client*)argument)->c); }
static int is_over_or_gone(void* argument) { return is_over(argument) || nothing_alive(NULL); }

static void finish(client* k, transport_server* server) {
  client_close(k, 0);
  EXPECT(harness_until(nothing_alive, NULL, 5000));
  if (server) transport_server_stop(server);
  EXPECT(k->called_inside == 0);
  EXPECT(!k->progress_fell);
}

/* ---- reaching a server ---- */

/* A port that nobody listens on. */
static int closed_port(const char* host) {
  transport_server_options o = { .host = host };
  transport_server* server = transport_server_start(&o);
  int port = transport_server_port(server);
  transport_server_stop(server);
  return port;
}

static void connection_refused_names_host_port_and_reason(void) {
  client k = { 0 };
  char where[64];
  int port = closed_port(NULL);
  client_open(&k, "127.0.0.1", port, NULL, NULL);
  EXPECT(k.failed == 0);
  EXPECT(harness_until(is_over, &k, 5000));
  EXPECT(k.failed == 1 && k.error == MQN_ERR_CONNECT);
  snprintf(where, sizeof where, "connect to 127.0.0.1:%d: ", port);
  EXPECT(strstr(k.text, where) == k.text && strlen(k.text) > strlen(where));
  EXPECT(mqn_connection_write(k.c, "x", 1) == -1);
  finish(&k, NULL);
}

/* RFC 6761: .invalid never resolves. */
static void unknown_name_is_a_resolve_error(void) {
  client k = { 0 };
  client_open(&k, "no-such-host.invalid", 1883, NULL, NULL);
  EXPECT(mqn_connection_write(k.c, "early", 5) == 0);
  EXPECT(harness_until(is_over, &k, 30000));
  EXPECT(k.failed == 1 && k.error == MQN_ERR_RESOLVE);
  EXPECT(strstr(k.text, "resolve no-such-host.invalid:1883: ") == k.text);
  EXPECT(mqn_connection_backlog(k.c) == 0);
  finish(&k, NULL);
}

static void no_name_is_a_resolve_error(void) {
  client k = { 0 };
  client_open(&k, "", 1883, NULL, NULL);
  EXPECT(harness_until(is_over, &k, 5000));
  EXPECT(k.failed == 1 && k.error == MQN_ERR_RESOLVE);
  finish(&k, NULL);
}

static void localhost_is_resolved_and_reached(void) {
  transport_server* server = transport_server_start(&echo_options);
  client k = { .to_send = 10 };
  client_open(&k, "localhost", transport_server_port(server), NULL, NULL);
  EXPECT(k.c->state == MQN_CONNECTION_RESOLVING);
  EXPECT(harness_until(has_all, &k, 10000));
  EXPECT(k.opened == 1 && k.got == 10 && k.wrong == 0);
  finish(&k, server);
}

/* Families take turns, beginning with the first answer's; an address that comes twice is tried once. */
static void addresses_are_interleaved_by_family(void) {
  static const char* const answers[] = { "2001:db8::1", "2001:db8::2", "2001:db8::1", "2001:db8::3", "192.0.2.1", "192.0.2.2", NULL };
  static const char* const wanted[] = { "2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2", "2001:db8::3" };
  client k = { 0 };
  char text[64];
  int i;
  client_open_addresses(&k, answers, 1883);
  EXPECT(k.c->p->address_count == 5);
  for (i = 0; i < 5 && i < k.c->p->address_count; ++i) {
    uv_ip_name((const struct sockaddr*)&k.c->p->addresses[i], text, sizeof text);
    EXPECT(strcmp(text, wanted[i]) == 0);
  }
  finish(&k, NULL);
}

static void closed_ipv6_falls_to_ipv4_at_once(void) {
  static const char* const answers[] = { "::1", "127.0.0.1", NULL };
  transport_server* server = transport_server_start(&echo_options);
  client k = { .to_send = 1000 };
  uint64_t start = harness_now();
  client_open_addresses(&k, answers, transport_server_port(server));
  EXPECT(harness_until(has_all, &k, 5000));
  EXPECT(k.opened == 1 && k.got == 1000 && k.wrong == 0);
#if !defined(_WIN32)   /* which retries a refused connect for two seconds */
  EXPECT(harness_now() - start < MQN_ATTEMPT_DELAY);
#else
  (void)start;
#endif
  finish(&k, server);
}

static void every_address_refused_reports_once(void) {
  static const char* const answers[] = { "::1", "127.0.0.1", NULL };
  client k = { 0 };
  client_open_addresses(&k, answers, closed_port(NULL));
  EXPECT(harness_until(is_over, &k, 10000));
  EXPECT(k.failed == 1 && k.error == MQN_ERR_CONNECT && strstr(k.text, "2 addresses tried") != NULL);
  finish(&k, NULL);
}

/* A listener whose queue is full answers no SYN: the nearest thing to a host that drops packets. */
enum { HOLE_FILLERS = 16 };
typedef struct hole { uv_loop_t loop; uv_tcp_t listener; int port; client fillers[HOLE_FILLERS]; int filled; } hole;

static void on_nobody(uv_stream_t* s, int status) {
  (void)s;
  (void)status;
}

/* 0: this system does something else with a full queue */
static int hole_open(hole* h) {
  struct sockaddr_in address;
  int size = sizeof address, i;
  memset(h, 0, sizeof *h);
  uv_loop_init(&h->loop);
  uv_tcp_init(&h->loop, &h->listener);
  uv_ip4_addr("0.0.0.0", 0, &address);             /* 127.0.0.2 is a second hole */
  EXPECT(uv_tcp_bind(&h->listener, (struct sockaddr*)&address, 0) == 0);
  EXPECT(uv_listen((uv_stream_t*)&h->listener, 1, on_nobody) == 0);   /* its loop never runs: nobody accepts */
  EXPECT(uv_tcp_getsockname(&h->listener, (struct sockaddr*)&address, &size) == 0);
  h->port = ntohs(address.sin_port);
  for (i = 0; i < HOLE_FILLERS; ++i) {
    client_open(&h->fillers[i], "127.0.0.1", h->port, NULL, NULL);
    h->filled = i + 1;
    if (!harness_until(is_over, &h->fillers[i], 200)) return 1;
    if (h->fillers[i].failed) return 0;
  }
  return 0;
}

static void hole_close(hole* h) {
  int i;
  for (i = 0; i < h->filled; ++i) client_close(&h->fillers[i], 1);
  uv_close((uv_handle_t*)&h->listener, NULL);
  uv_run(&h->loop, UV_RUN_DEFAULT);
  EXPECT(uv_loop_close(&h->loop) == 0);
}

static void silent_address_gives_way_after_the_attempt_delay(void) {
  static const char* const answers[] = { "127.0.0.1", "::1", NULL };
  hole h;
  client k = { .to_send = 100 };
  uint64_t start, took;
  transport_server_options o = { .host = "::1", .echo = 1 };
  transport_server* server;
  if (!hole_open(&h)) {
    printf("   not run: a full listener does not drop packets on this system\n");
    hole_close(&h);
    EXPECT(harness_until(nothing_alive, NULL, 5000));
    return;
  }
  o.port = h.port;
  server = transport_server_start(&o);
  start = harness_now();
  client_open_addresses(&k, answers, h.port);
  EXPECT(harness_until(is_opened, &k, 5000));
  took = harness_now() - start;
  EXPECT(took >= MQN_ATTEMPT_DELAY - 1 && took < 4 * MQN_ATTEMPT_DELAY);
  EXPECT(harness_until(has_all, &k, 5000));
  EXPECT(k.c->p->handles == 1 || harness_idle(50) > 0);   /* the loser is closed */
  EXPECT(k.c->p->handles == 1);
  hole_close(&h);
  finish(&k, server);
}

static void pending_connect_does_not_spin(void) {
  hole h;
  if (!hole_open(&h)) printf("   not run: a full listener does not drop packets on this system\n");
  else EXPECT(harness_idle(1000) <= 3);
  hole_close(&h);
  EXPECT(harness_until(nothing_alive, NULL, 5000));
}

/* ---- moving bytes ---- */
static void echo_50_megabytes(void) {
  transport_server* server = transport_server_start(&echo_options);
  client k = { .to_send = 50u * MEGABYTE };
  uint64_t start = harness_now();
  client_open(&k, "127.0.0.1", transport_server_port(server), NULL, NULL);
  EXPECT(harness_until(has_all, &k, 60000));
  printf("   50 MiB there and back in %d ms\n", (int)(harness_now() - start));
  EXPECT(k.got == k.to_send && k.wrong == 0 && k.failed == 0);
  EXPECT(transport_server_seen(server)->bytes == k.to_send && transport_server_seen(server)->wrong_bytes == 0);
  EXPECT(k.c->bytes_in == k.to_send && k.c->bytes_out == k.to_send && mqn_connection_backlog(k.c) == 0);
  EXPECT(k.progress > 10 && k.writable > 0);
  finish(&k, server);
}

/* As a PUBLISH leaves: a small header, then a payload of any size in one write. */
static void one_write_of_20_megabytes_behind_a_small_one(void) {
  transport_server_options o = { 0 };
  transport_server* server = transport_server_start(&o);
  awaited a = { server, 20u * MEGABYTE + 5, 0 };
  client k = { 0 };
  client_open(&k, "127.0.0.1", transport_server_port(server), NULL, NULL);
  EXPECT(harness_until(is_opened, &k, 5000));
  EXPECT(client_write_pattern(&k, 0, 5) == 0);
  EXPECT(k.c->bytes_out == 0);                                     /* a small one waits for the end of the turn */
  EXPECT(client_write_pattern(&k, 5, 20u * MEGABYTE) == 0);
  EXPECT(k.c->bytes_out > 0);
  EXPECT(k.c->bytes_out + mqn_connection_backlog(k.c) == a.bytes);
  EXPECT(harness_until(server_got, &a, 30000));
  EXPECT(transport_server_seen(server)->wrong_bytes == 0);
  harness_idle(20);
  EXPECT(k.c->bytes_out == a.bytes);
  EXPECT(k.c->p->out.capacity <= 4096 && k.c->p->sending.capacity <= 4096);   /* idle: large buffers are given back */
  finish(&k, server);
}

static void what_is_written_before_the_connection_is_up_leaves_then(void) {
  transport_server* server = transport_server_start(&echo_options);
  client k = { 0 };
  client_open(&k, "127.0.0.1", transport_server_port(server), NULL, NULL);
  EXPECT(client_write_pattern(&k, 0, 300) == 0 && client_write_pattern(&k, 300, 100000) == 0);
  EXPECT(mqn_connection_backlog(k.c) == 100300 && k.c->bytes_out == 0);
  k.to_send = k.written = 100300;
  EXPECT(harness_until(has_all, &k, 5000));
  EXPECT(k.got == 100300 && k.wrong == 0);
  finish(&k, server);
}

static void backlog_grows_to_the_mark_while_the_peer_does_not_read(void) {
  transport_server_options o = { .deaf = 1 };
  transport_server* server = transport_server_start(&o);
  client k = { .to_send = 64u * MEGABYTE };
  awaited a = { server, 0, 0 };
  size_t backlog;
  client_open(&k, "127.0.0.1", transport_server_port(server), NULL, NULL);
  EXPECT(harness_until(is_opened, &k, 5000));
  EXPECT(harness_until(is_blocked, &k, 10000));
  harness_idle(200);
  backlog = mqn_connection_backlog(k.c);
  EXPECT(backlog > MQN_BACKLOG_HIGH && backlog <= MQN_BACKLOG_HIGH + 64u * 1024);
  EXPECT(k.c->bytes_out + backlog == k.written);
  EXPECT(k.written < k.to_send && k.writable == 0);
  EXPECT(harness_idle(300) <= 4);                       /* blocked is asleep */
  k.to_send = k.written;                               /* no more, so that writable() is not blocked again */
  a.bytes = k.written;
  transport_server_listen(server);
  EXPECT(harness_until(server_got, &a, 30000));
  EXPECT(k.writable == 1);
  EXPECT(client_write_pattern(&k, k.written, 1000) == 0);
  a.bytes += 1000;
  EXPECT(harness_until(server_got, &a, 5000));
  harness_idle(20);
  EXPECT(k.writable == 1);                              /* once for each time that backlogged said 1 */
  EXPECT(transport_server_seen(server)->wrong_bytes == 0);
  finish(&k, server);
}

static int waits_at_once(void* argument) { return mqn_buffer_length(&((client*)argument)->c->in) >= MQN_READ_AT_ONCE; }
static int waits_a_megabyte(void* argument) { return mqn_buffer_length(&((client*)argument)->c->in) >= MQN_READ_AHEAD; }

static void held_connection_stops_reading_at_a_megabyte_and_resumes(void) {
  transport_server_options o = { .flood = 20u * MEGABYTE };
  transport_server* server = transport_server_start(&o);
  client k = { .keep = 1 };
  size_t waiting;
  client_open(&k, "127.0.0.1", transport_server_port(server), NULL, NULL);
  mqn_connection_hold(k.c, 1);
  EXPECT(harness_until(waits_a_megabyte, &k, 10000));
  harness_idle(100);
  waiting = mqn_buffer_length(&k.c->in);
  EXPECT(waiting >= MQN_READ_AHEAD && waiting <= MQN_READ_AHEAD + MQN_SCRATCH_SIZE);
  mqn_connection_expect(k.c, 5u * MEGABYTE, 0);           /* an announced packet does not break a hold */
  EXPECT(harness_idle(300) <= 4);
  EXPECT(mqn_buffer_length(&k.c->in) == waiting && k.failed == 0);
  k.keep = 0;
  mqn_connection_hold(k.c, 0);
  client_take(&k);
  k.to_send = o.flood;
  k.written = o.flood;
  EXPECT(harness_until(has_all, &k, 30000));
  EXPECT(k.got == o.flood && k.wrong == 0);
  EXPECT(k.c->in.capacity <= 4096);
  finish(&k, server);
}

/* A packet was announced and is half there when the inbox is full. */
static void hold_in_the_middle_of_a_packet_stops_reading(void) {
  transport_server_options o = { .flood = 20u * MEGABYTE };
  transport_server* server = transport_server_start(&o);
  client k = { .expect = 20u * MEGABYTE, .to_send = 20u * MEGABYTE, .written = 20u * MEGABYTE };
  size_t waiting;
  client_open(&k, "127.0.0.1", transport_server_port(server), NULL, NULL);
  EXPECT(harness_until(is_opened, &k, 5000));
  EXPECT(harness_until(has_received, &k, 5000));
  mqn_connection_hold(k.c, 1);
  harness_idle(200);
  waiting = mqn_buffer_length(&k.c->in);
  EXPECT(waiting < 5u * MEGABYTE && k.got == 0);        /* what was read in place before, and at most one read more */
  EXPECT(harness_idle(200) <= 4 && mqn_buffer_length(&k.c->in) == waiting);
  mqn_connection_hold(k.c, 0);
  EXPECT(harness_until(has_all, &k, 30000));
  EXPECT(k.got == o.flood && k.wrong == 0);
  finish(&k, server);
}

static void untaken_bytes_stop_reading_without_a_hold_too(void) {
  transport_server_options o = { .flood = 8u * MEGABYTE };
  transport_server* server = transport_server_start(&o);
  client k = { .keep = 1 };
  size_t waiting;
  client_open(&k, "127.0.0.1", transport_server_port(server), NULL, NULL);
  EXPECT(harness_until(waits_at_once, &k, 10000));
  harness_idle(100);
  waiting = mqn_buffer_length(&k.c->in);
  EXPECT(waiting <= MQN_READ_AT_ONCE + MQN_SCRATCH_SIZE);
  k.keep = 0;
  client_take(&k);
  k.to_send = k.written = o.flood;
  EXPECT(harness_until(has_all, &k, 30000));
  EXPECT(k.got == o.flood && k.wrong == 0);
  finish(&k, server);
}

/* Whole only when all of it is there: reading must not stop at the read-ahead, or it waits for ever. */
static void packet_larger_than_the_read_ahead_arrives_whole(void) {
  transport_server_options o = { .flood = 40u * MEGABYTE };
  transport_server* server = transport_server_start(&o);
  client k = { .expect = 40u * MEGABYTE, .to_send = 40u * MEGABYTE, .written = 40u * MEGABYTE };
  uint64_t start = harness_now();
  client_open(&k, "127.0.0.1", transport_server_port(server), NULL, NULL);
  EXPECT(harness_until(has_all, &k, 30000));
  printf("   40 MiB as one packet in %d ms\n", (int)(harness_now() - start));
  EXPECT(k.got == o.flood && k.wrong == 0);
  EXPECT(k.c->in.capacity <= 4096);
  finish(&k, server);
}

static void announced_packet_gets_memory_only_as_it_comes(void) {
  transport_server_options o = { .flood = 1 };
  transport_server* server = transport_server_start(&o);
  client k = { .expect = 256u * MEGABYTE };
  client_open(&k, "127.0.0.1", transport_server_port(server), NULL, NULL);
  EXPECT(harness_until(is_opened, &k, 5000));
  harness_idle(100);
  EXPECT(k.received == 1 && mqn_buffer_length(&k.c->in) == 1);
  EXPECT(k.c->in.capacity <= MQN_EXPECT_AT_ONCE + 2 * MQN_SCRATCH_SIZE);
  finish(&k, server);
}

static void idle_connection_wakes_nobody(void) {
  transport_server* server = transport_server_start(&echo_options);
  client k = { .to_send = 100 };
  client_open(&k, "127.0.0.1", transport_server_port(server), NULL, NULL);
  EXPECT(harness_until(has_all, &k, 5000));
  harness_idle(50);
  EXPECT(harness_idle(1000) <= 2);
  EXPECT(k.c->p->out.capacity <= 4096 && k.c->p->sending.capacity <= 4096 && k.c->in.capacity <= 4096);
  finish(&k, server);
}

/* ---- the end ---- */
static void bytes_before_the_end_come_before_failed(void) {
  transport_server_options o = { .flood = 3u * MEGABYTE, .hang_up = 2 };
  transport_server* server = transport_server_start(&o);
  client k = { 0 };
  client_open(&k, "127.0.0.1", transport_server_port(server), NULL, NULL);
  EXPECT(harness_until(is_failed, &k, 10000));
  EXPECT(k.got == o.flood && k.wrong == 0);
  EXPECT(k.failed == 1 && k.error == MQN_ERR_CONNECTION_LOST && strstr(k.text, "the server closed the connection") != NULL);
  finish(&k, server);
}

static void reset_is_a_lost_connection(void) {
  transport_server_options o = { .greeting = "\0\1", .greeting_length = 2, .hang_up = 3 };
  transport_server* server = transport_server_start(&o);
  client k = { .to_send = 100 };
  client_open(&k, "127.0.0.1", transport_server_port(server), NULL, NULL);
  EXPECT(harness_until(is_failed, &k, 5000));
  EXPECT(k.failed == 1 && k.error == MQN_ERR_CONNECTION_LOST);
  finish(&k, server);
}

/* DISCONNECT with a reason, then the server is gone; this side writes before it has read. The reason must not be lost. */
static void last_words_are_heard_although_a_write_fails_first(void) {
  transport_server_options o = { .flood = 9, .deaf = 1, .hang_up = 2 };
  transport_server* server = transport_server_start(&o);
  client k = { 0 };
  int i;
  client_open(&k, "127.0.0.1", transport_server_port(server), NULL, NULL);
  k.keep = 1;
  EXPECT(harness_until(is_opened, &k, 5000));
  mqn_connection_hold(k.c, 1);
  uv_sleep(50);                                       /* 9 bytes and FIN lie in the socket; this loop does not run */
  transport_server_stop(server);                      /* and now the server's socket is gone: a write brings RST */
  for (i = 0; i < 20 && !k.c->p->write_error; ++i) {
    EXPECT(client_write_pattern(&k, 0, 1000) == 0);
    mqn_connection_flush_all();
    uv_sleep(10);
  }
  k.keep = 0;
  EXPECT(k.failed == 0);
  EXPECT(harness_until(is_failed, &k, 5000));
  EXPECT(k.error == MQN_ERR_CONNECTION_LOST);
  printf("   a write %s; %d of 9 bytes were heard\n", k.c->p->write_error ? "had failed" : "never failed", (int)k.got);
  EXPECT(k.got == 9 && k.wrong == 0);
  finish(&k, NULL);
}

static void close_drains_what_was_written(void) {
  transport_server_options o = { 0 };
  transport_server* server = transport_server_start(&o);
  awaited a = { server, 3u * MEGABYTE, 1 };
  client k = { 0 };
  client_open(&k, "127.0.0.1", transport_server_port(server), NULL, NULL);
  EXPECT(harness_until(is_opened, &k, 5000));
  EXPECT(client_write_pattern(&k, 0, 3u * MEGABYTE) == 0);
  client_close(&k, 0);
  EXPECT(harness_until(server_got, &a, 5000));
  EXPECT(transport_server_seen(server)->wrong_bytes == 0);
  EXPECT(k.failed == 0 && k.progress == 0);            /* no handler after close */
  finish(&k, server);
}

/* Bytes that nobody read make the kernel answer close() with RST, which would take DISCONNECT with it. */
static void close_drains_although_the_peer_floods(void) {
  transport_server_options o = { .flood = 30u * MEGABYTE, .deaf = 1 };
  transport_server* server = transport_server_start(&o);
  awaited a = { server, 2u * MEGABYTE, 1 };
  client k = { .keep = 1 };
  client_open(&k, "127.0.0.1", transport_server_port(server), NULL, NULL);
  mqn_connection_hold(k.c, 1);
  EXPECT(harness_until(waits_a_megabyte, &k, 5000));
  EXPECT(client_write_pattern(&k, 0, 2u * MEGABYTE) == 0);
  client_close(&k, 0);
  harness_idle(100);
  transport_server_listen(server);
  EXPECT(harness_until(server_got, &a, 5000));
  EXPECT(transport_server_seen(server)->wrong_bytes == 0);
  finish(&k, server);
}

static void drain_gives_up_after_three_seconds(void) {
  transport_server_options o = { .deaf = 1 };
  transport_server* server = transport_server_start(&o);
  client k = { .to_send = 64u * MEGABYTE };
  uint64_t start, took;
  client_open(&k, "127.0.0.1", transport_server_port(server), NULL, NULL);
  EXPECT(harness_until(is_opened, &k, 5000) && harness_until(is_blocked, &k, 10000));
  start = harness_now();
  client_close(&k, 0);
  EXPECT(harness_until(nothing_alive, NULL, 10000));
  took = harness_now() - start;
  EXPECT(took >= MQN_DRAIN - 100 && took < MQN_DRAIN + 1000);
  finish(&k, server);
}

static void peer_that_never_closes_is_left_after_the_linger(void) {
  transport_server_options o = { .deaf = 1 };
  transport_server* server = transport_server_start(&o);
  client k = { .to_send = 10 };
  uint64_t start;
  client_open(&k, "127.0.0.1", transport_server_port(server), NULL, NULL);
  EXPECT(harness_until(is_opened, &k, 5000));
  start = harness_now();
  client_close(&k, 0);
  EXPECT(harness_until(nothing_alive, NULL, 10000));
  EXPECT(harness_now() - start < MQN_LINGER + 500);
  finish(&k, server);
}

static void close_at_once_drops_the_backlog(void) {
  transport_server_options o = { .deaf = 1 };
  transport_server* server = transport_server_start(&o);
  client k = { .to_send = 64u * MEGABYTE };
  uint64_t start;
  client_open(&k, "127.0.0.1", transport_server_port(server), NULL, NULL);
  EXPECT(harness_until(is_opened, &k, 5000) && harness_until(is_blocked, &k, 10000));
  start = harness_now();
  client_close(&k, 1);
  EXPECT(harness_until(nothing_alive, NULL, 5000));
  EXPECT(harness_now() - start < 300);
  EXPECT(k.failed == 0);
  finish(&k, server);
}

/* What the guard does: it tells the server why (DISCONNECT), then fails the connection. */
static void owners_failure_is_told_later_and_its_last_bytes_leave(void) {
  transport_server_options o = { 0 };
  transport_server* server = transport_server_start(&o);
  awaited a = { server, 3, 1 };
  client k = { 0 };
  client_open(&k, "127.0.0.1", transport_server_port(server), NULL, NULL);
  EXPECT(harness_until(is_opened, &k, 5000));
  EXPECT(client_write_pattern(&k, 0, 3) == 0);
  ++k.inside;
  mqn_connection_fail(k.c, MQN_ERR_PROTOCOL, "packet type %d", 15);
  mqn_connection_fail(k.c, MQN_ERR_TIMEOUT, "the first reason stays");
  --k.inside;
  EXPECT(k.c->state == MQN_CONNECTION_FAILED && k.failed == 0);
  EXPECT(mqn_connection_write(k.c, "x", 1) == -1);
  EXPECT(harness_until(is_failed, &k, 1000));
  EXPECT(k.failed == 1 && k.error == MQN_ERR_PROTOCOL && strcmp(k.text, "packet type 15") == 0);
  client_close(&k, 0);
  EXPECT(harness_until(server_got, &a, 5000));
  EXPECT(transport_server_seen(server)->bytes == 3 && transport_server_seen(server)->wrong_bytes == 0);
  finish(&k, server);
}

/* The loop may be asleep when an owner fails a connection outside of a turn: it must wake up by itself. */
static void failure_wakes_a_sleeping_loop(void) {
  client k = { 0 };
  int before;
  client_open(&k, "127.0.0.1", closed_port(NULL), NULL, NULL);
  mqn_connection_fail(k.c, MQN_ERR_TIMEOUT, "no answer");
  before = k.failed;
  uv_run(mqn_the_transport.loop, UV_RUN_ONCE);
  EXPECT(before == 0 && k.failed == 1 && k.error == MQN_ERR_TIMEOUT);
  finish(&k, NULL);
}

static void failed_connection_that_is_closed_first_stays_silent(void) {
  client k = { 0 };
  client_open(&k, "127.0.0.1", closed_port(NULL), NULL, NULL);
  mqn_connection_fail(k.c, MQN_ERR_TIMEOUT, "no answer");
  client_close(&k, 0);
  EXPECT(harness_until(nothing_alive, NULL, 1000));
  EXPECT(k.failed == 0);
}

/* The owner's timeout, a moment before the server answers: the connection that comes must not be used. */
static void connection_that_failed_while_connecting_does_not_open(void) {
  transport_server* server = transport_server_start(&echo_options);
  client k = { 0 };
  client_open(&k, "127.0.0.1", transport_server_port(server), NULL, NULL);
  EXPECT(k.c->state == MQN_CONNECTION_CONNECTING);
  mqn_connection_fail(k.c, MQN_ERR_TIMEOUT, "no answer");
  harness_idle(100);
  EXPECT(k.opened == 0 && k.failed == 1 && k.error == MQN_ERR_TIMEOUT && k.c->state == MQN_CONNECTION_FAILED);
  EXPECT(k.c->p->handles == 0);
  finish(&k, server);
}

static void close_with_two_attempts_under_way(void) {
  static const char* const answers[] = { "127.0.0.1", "127.0.0.2", NULL };
  hole h;
  client k = { 0 };
  if (!hole_open(&h)) {
    printf("   not run: a full listener does not drop packets on this system\n");
  } else {
    client_open_addresses(&k, answers, h.port);
    harness_idle(MQN_ATTEMPT_DELAY + 50);
#if defined(__linux__)                                 /* where all of 127.0.0.0/8 is this host */
    EXPECT(k.c->p->handles == 2);
#endif
    client_close(&k, 1);
    EXPECT(k.opened == 0 && k.failed == 0);
  }
  hole_close(&h);
  EXPECT(harness_until(nothing_alive, NULL, 5000));
}

/* ---- closing at every stage, 100 times ---- */
static void close_while_resolving_100_times(void) {
  int i;
  for (i = 0; i < 100; ++i) {
    client k = { 0 };
    client_open(&k, i % 2 ? "localhost" : "no-such-host.invalid", 9, NULL, NULL);
    EXPECT(k.c->state == MQN_CONNECTION_RESOLVING);
    if (i % 3 == 0) harness_turn();
    if (i % 5 == 0 && k.c->state == MQN_CONNECTION_RESOLVING) mqn_connection_fail(k.c, MQN_ERR_TIMEOUT, "no answer");
    client_close(&k, i % 4 == 0);
    EXPECT(k.opened == 0);
    if (i % 10 == 9) EXPECT(harness_until(nothing_alive, NULL, 30000));
  }
}

static void close_while_connecting_100_times(void) {
  transport_server* server = transport_server_start(&echo_options);
  int port = transport_server_port(server), i;
  hole h;
  int silent = hole_open(&h);
  for (i = 0; i < 100; ++i) {
    static const char* const answers[] = { "127.0.0.1", "::1", NULL };
    client k = { 0 };
    if (i % 2) client_open_addresses(&k, answers, silent ? h.port : port);
    else client_open(&k, "127.0.0.1", port, NULL, NULL);
    EXPECT(k.c->state == MQN_CONNECTION_CONNECTING);
    if (i % 3 == 0) harness_turn();
    client_close(&k, i % 4 == 0);
    EXPECT(k.failed == 0);
  }
  hole_close(&h);
  EXPECT(harness_until(nothing_alive, NULL, 10000));
  transport_server_stop(server);
}

static void close_while_writing_100_times(void) {
  transport_server_options o = { .deaf = 1 };
  transport_server* server = transport_server_start(&o);
  int i;
  for (i = 0; i < 100; ++i) {
    client k = { .to_send = 8u * MEGABYTE };
    client_open(&k, "127.0.0.1", transport_server_port(server), NULL, NULL);
    EXPECT(harness_until(is_over_or_gone, &k, 5000) && k.opened);
    client_close(&k, 1);
  }
  EXPECT(harness_until(nothing_alive, NULL, 10000));
  transport_server_stop(server);
}

int main(void) {
  static const struct { const char* name; void (*run)(void); } tests[] = {
#define TEST(name) { #name, name }
    TEST(connection_refused_names_host_port_and_reason), TEST(unknown_name_is_a_resolve_error), TEST(no_name_is_a_resolve_error),
    TEST(localhost_is_resolved_and_reached), TEST(addresses_are_interleaved_by_family), TEST(closed_ipv6_falls_to_ipv4_at_once),
    TEST(every_address_refused_reports_once), TEST(silent_address_gives_way_after_the_attempt_delay), TEST(pending_connect_does_not_spin),
    TEST(echo_50_megabytes), TEST(one_write_of_20_megabytes_behind_a_small_one),
    TEST(what_is_written_before_the_connection_is_up_leaves_then), TEST(backlog_grows_to_the_mark_while_the_peer_does_not_read),
    TEST(held_connection_stops_reading_at_a_megabyte_and_resumes), TEST(hold_in_the_middle_of_a_packet_stops_reading),
    TEST(untaken_bytes_stop_reading_without_a_hold_too),
    TEST(packet_larger_than_the_read_ahead_arrives_whole), TEST(announced_packet_gets_memory_only_as_it_comes),
    TEST(idle_connection_wakes_nobody), TEST(bytes_before_the_end_come_before_failed), TEST(reset_is_a_lost_connection),
    TEST(last_words_are_heard_although_a_write_fails_first), TEST(close_drains_what_was_written),
    TEST(close_drains_although_the_peer_floods), TEST(drain_gives_up_after_three_seconds),
    TEST(peer_that_never_closes_is_left_after_the_linger), TEST(close_at_once_drops_the_backlog),
    TEST(owners_failure_is_told_later_and_its_last_bytes_leave), TEST(failure_wakes_a_sleeping_loop),
    TEST(failed_connection_that_is_closed_first_stays_silent),
    TEST(connection_that_failed_while_connecting_does_not_open), TEST(close_with_two_attempts_under_way),
    TEST(close_while_resolving_100_times),
    TEST(close_while_connecting_100_times), TEST(close_while_writing_100_times),
  };
  size_t i;
  int failed = 0;
  setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
  harness_start();
  for (i = 0; i < sizeof tests / sizeof tests[0]; ++i) {
    int before = check_failures;
    uint64_t start = harness_now();
    printf("-- %s\n", tests[i].name);
    tests[i].run();
    EXPECT(mqn_transport_alive() == 0);
    if (check_failures != before) ++failed;
    printf("   %s, %d ms\n", check_failures == before ? "ok" : "FAILED", (int)(harness_now() - start));
  }
  harness_stop();
  printf("%d of %d tests failed\n", failed, (int)(sizeof tests / sizeof tests[0]));
  return check_result();
}
