/* Large data that is written from its owner's memory: every byte arrives in its place, also between small writes, over TCP and over TLS; each block goes
 * back to its owner once, when it has left or is dropped, and never before. The owner frees it then, so that a sanitizer sees whoever looks at it later.
 * ctest-timeout: 120 */
#include <stdlib.h>
#include <string.h>
#include "transport_client.h"

#define MEGABYTE (1u << 20)
#define SMALLEST MQN_LEND_FROM

static int lent, released;

/* In front of the data stands how long it is: it is overwritten before it is freed. */
static void release(void* data) {
  size_t length;
  char* memory = (char*)data - sizeof length;
  memcpy(&length, memory, sizeof length);
  memset(data, 0xee, length);
  free(memory);
  ++released;
}

static int lend(client* k, uint64_t from, size_t length) {
  char* memory = malloc(sizeof length + length);
  char* data = memory + sizeof length;
  size_t i;
  int rc;
  memcpy(memory, &length, sizeof length);
  for (i = 0; i < length; i++) data[i] = (char)pattern(from + i);
  ++lent;
  ++k->inside;
  rc = mqn_connection_lend(k->c, data, length, release);
  --k->inside;
  return rc;
}

typedef struct awaited { transport_server* server; unsigned long long bytes; } awaited;
static int server_got(void* argument) {
  awaited* a = argument;
  return transport_server_seen(a->server)->bytes >= a->bytes;
}
static int is_blocked(void* argument) { return mqn_connection_backlogged(((client*)argument)->c); }

static void finish(client* k, transport_server* server) {
  client_close(k, 0);
  EXPECT(harness_until(nothing_alive, NULL, 10000));
  transport_server_stop(server);
  EXPECT(k->called_inside == 0);
  EXPECT(!k->progress_fell);
  EXPECT(released == lent);
}

/* TCP, or TLS with a certificate that nobody looks at. */
static transport_server* start(client* k, const tls_identity* identity, transport_server_options o) {
  transport_server* server;
  mqn_tls_options tls = { .struct_size = sizeof tls };
  mqn_tls_context* context = NULL;
  char error[256] = "";
  o.identity = identity;
  if (identity) {
    tls.insecure_skip_verify = 1;
    context = mqn_tls_context_new(&tls, error, sizeof error);
    EXPECT(context != NULL);
  }
  lent = released = 0;
  server = transport_server_start(&o);
  client_open(k, "127.0.0.1", transport_server_port(server), context, NULL);
  if (context) mqn_tls_context_release(context);
  return server;
}

/* Blocks of all sizes with small and large writes between them, more than the kernel takes while nobody reads. */
static void all_arrives_in_order(const tls_identity* identity) {
  static const size_t sizes[] = { 0, 5, SMALLEST, 300000, 4 * MEGABYTE, 1, SMALLEST - 1, 7 * MEGABYTE, 100, SMALLEST + 1 };
  client k = { 0 };
  transport_server* server = start(&k, identity, (transport_server_options){ .deaf = 2 });
  awaited a = { server, 0 };
  int i, before, n = (int)(sizeof sizes / sizeof *sizes);
  EXPECT(harness_until(is_opened, &k, 10000));
  for (i = 0; i < 3 * n; i++) {
    EXPECT(client_write_pattern(&k, a.bytes, (size_t)i * 3) == 0);
    a.bytes += (unsigned)i * 3;
    EXPECT(lend(&k, a.bytes, sizes[i % n]) == 0);
    a.bytes += sizes[i % n];
    if (i % 4 == 0) {
      EXPECT(client_write_pattern(&k, a.bytes, 200000) == 0);
      a.bytes += 200000;
    }
    if (i % 5 == 0) harness_turn();
    EXPECT(k.c->bytes_out + mqn_connection_backlog(k.c) == a.bytes);
  }
  harness_idle(50);
  before = released;
  EXPECT(before < lent);                                           /* nobody reads: some wait */
  transport_server_listen(server);
  EXPECT(harness_until(server_got, &a, 60000));
  EXPECT(transport_server_seen(server)->wrong_bytes == 0);
  harness_idle(50);
  EXPECT(released == lent && k.c->bytes_out == a.bytes && mqn_connection_backlog(k.c) == 0);
  EXPECT(k.c->p->out.capacity <= 4096 && k.c->p->sending.capacity <= 4096);
  finish(&k, server);
}

static void lent_before_the_connection_is_up(const tls_identity* identity) {
  client k = { 0 };
  transport_server* server = start(&k, identity, (transport_server_options){ 0 });
  awaited a = { server, 2 * MEGABYTE + 20 };
  EXPECT(client_write_pattern(&k, 0, 10) == 0 && lend(&k, 10, 2 * MEGABYTE) == 0 && client_write_pattern(&k, 10 + 2 * MEGABYTE, 10) == 0);
  EXPECT(released == 0 && mqn_connection_backlog(k.c) == a.bytes);
  EXPECT(harness_until(server_got, &a, 10000));
  EXPECT(transport_server_seen(server)->wrong_bytes == 0 && k.failed == 0);
  finish(&k, server);
}

static void close_sends_what_is_lent(const tls_identity* identity) {
  client k = { 0 };
  transport_server* server = start(&k, identity, (transport_server_options){ .deaf = 2 });
  awaited a = { server, 20 * MEGABYTE + 2 };
  EXPECT(harness_until(is_opened, &k, 10000));
  EXPECT(lend(&k, 0, 10 * MEGABYTE) == 0 && lend(&k, 10 * MEGABYTE, 10 * MEGABYTE) == 0 && client_write_pattern(&k, 20 * MEGABYTE, 2) == 0);
  client_close(&k, 0);
  EXPECT(released < lent);
  transport_server_listen(server);
  EXPECT(harness_until(server_got, &a, 3000));
  EXPECT(transport_server_seen(server)->wrong_bytes == 0);
  finish(&k, server);
}

/* At once while a write is under way, and by the drain's time. */
static void close_gives_back_what_never_leaves(const tls_identity* identity) {
  int i;
  for (i = 0; i < 20; i++) {
    client k = { 0 };
    transport_server* server = start(&k, identity, (transport_server_options){ .deaf = 2 });
    EXPECT(harness_until(is_opened, &k, 10000));
    EXPECT(lend(&k, 0, 8 * MEGABYTE) == 0 && lend(&k, 8 * MEGABYTE, 8 * MEGABYTE) == 0);
    if (i % 2) harness_turn();
    EXPECT(is_blocked(&k));
    if (i % 3 == 0) {
      mqn_connection_fail(k.c, MQN_ERR_PROTOCOL, "the owner's");
      EXPECT(harness_until(is_failed, &k, 5000));
    }
    client_close(&k, i != 19);
    finish(&k, server);
  }
}

static void broken_connection_gives_back(const tls_identity* identity) {
  client k = { 0 };
  transport_server* server = start(&k, identity, (transport_server_options){ .greeting = "x", .greeting_length = 1, .hang_up = 3 });
  EXPECT(harness_until(is_opened, &k, 10000));
  while (k.failed == 0 && lent < 200 && lend(&k, 0, 3 * MEGABYTE) == 0) harness_turn();
  EXPECT(harness_until(is_failed, &k, 10000));
  EXPECT(lend(&k, 0, MEGABYTE) == -1 && lend(&k, 0, 10) == -1);    /* and after the end, too */
  finish(&k, server);
}

static void refused_connection_gives_back(const tls_identity* identity) {
  client k = { 0 };
  transport_server* server = start(&k, identity, (transport_server_options){ 0 });
  int port = transport_server_port(server);
  client_close(&k, 1);
  EXPECT(harness_until(nothing_alive, NULL, 10000));
  transport_server_stop(server);
  memset(&k, 0, sizeof k);
  client_open(&k, "127.0.0.1", port, NULL, NULL);
  EXPECT(lend(&k, 0, MEGABYTE) == 0 && lend(&k, MEGABYTE, 10) == 0);
  EXPECT(harness_until(is_failed, &k, 10000));
  EXPECT(released == lent && mqn_connection_backlog(k.c) == 0);
  client_close(&k, 0);
  EXPECT(harness_until(nothing_alive, NULL, 10000));
}

int main(void) {
  static const struct { const char* name; void (*run)(const tls_identity*); } tests[] = {
#define TEST(name) { #name, name }
    TEST(all_arrives_in_order), TEST(lent_before_the_connection_is_up), TEST(close_sends_what_is_lent), TEST(close_gives_back_what_never_leaves),
    TEST(broken_connection_gives_back), TEST(refused_connection_gives_back),
  };
  tls_identity_options about = { .name = "broker", .alternatives = "IP:127.0.0.1" };
  tls_identity identity = tls_identity_make(&about);
  size_t i;
  setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
  harness_start();
  for (i = 0; i < 2 * sizeof tests / sizeof *tests; i++) {
    uint64_t start = harness_now();
    int before = check_failures;
    tests[i / 2].run(i % 2 ? &identity : NULL);
    EXPECT(mqn_transport_alive() == 0);
    printf("%s %s%s, %d ms\n", check_failures == before ? "ok" : "FAILED", tests[i / 2].name, i % 2 ? " over TLS" : "", (int)(harness_now() - start));
  }
  harness_stop();
  tls_identity_free(&identity);
  return check_result();
}
