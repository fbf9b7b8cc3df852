/* The bytes layer over TLS: who is trusted and who is not, that not one application byte reaches the wrong one, and the same traffic
 * as over plain TCP. Certificates are made at run time. ctest-timeout: 120 */
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include "transport_client.h"

#define MEGABYTE (1u << 20)
#define ALERT(number) (SSL_AD_REASON_OFFSET + (number))

static struct {
  tls_identity ca, other_ca, intermediate;
  tls_identity good, name_only, address_only, unknown, self_signed, expired, not_yet, wildcard, partial_wildcard;
  tls_identity common_name, chained, bare, for_clients, forged, forged_chain;
  tls_identity client, other_client;
  char* encrypted_key;
} made;

static tls_identity make(const char* name, const char* alternatives, const tls_identity* issuer) {
  tls_identity_options o = { .name = name, .alternatives = alternatives, .issuer = issuer };
  return tls_identity_make(&o);
}

/* With the issuer's certificate behind it, as a server should send it. The key stays that of `first`. */
static tls_identity chain(const tls_identity* first, const tls_identity* issuer) {
  tls_identity both = *first;
  both.cert_length = first->cert_length + issuer->cert_length;
  both.cert = malloc(both.cert_length + 1);
  strcpy(both.cert, first->cert);
  strcat(both.cert, issuer->cert);
  return both;
}

static void make_identities(void) {
  static const char* const here = "DNS:localhost,DNS:broker.example,IP:127.0.0.1,IP:::1";
  tls_identity_options o = { .name = "Test CA", .is_ca = 1 };
  made.ca = tls_identity_make(&o);
  o.name = "Another CA";
  made.other_ca = tls_identity_make(&o);
  o.name = "Intermediate CA";
  o.issuer = &made.ca;
  made.intermediate = tls_identity_make(&o);
  made.good = make("broker", here, &made.ca);
  made.name_only = make("broker", "DNS:broker.example", &made.ca);
  made.address_only = make("broker", "IP:127.0.0.1", &made.ca);
  made.unknown = make("broker", here, &made.other_ca);
  made.self_signed = make("broker", here, NULL);
  made.wildcard = make("broker", "DNS:*.broker.example", &made.ca);
  made.partial_wildcard = make("broker", "DNS:a*.broker.example", &made.ca);
  made.common_name = make("broker.example", NULL, &made.ca);
  made.bare = make("broker", here, &made.intermediate);
  made.client = make("client", NULL, &made.ca);
  made.other_client = make("client", NULL, &made.other_ca);
  o = (tls_identity_options){ .name = "broker", .alternatives = here, .issuer = &made.ca, .valid_from = -7200, .valid_to = -3600 };
  made.expired = tls_identity_make(&o);
  o.valid_from = 3600;
  o.valid_to = 7200;
  made.not_yet = tls_identity_make(&o);
  o = (tls_identity_options){ .name = "broker", .alternatives = here, .issuer = &made.ca, .usage = "clientAuth" };
  made.for_clients = tls_identity_make(&o);
  made.chained = chain(&made.bare, &made.intermediate);
  made.forged = make("broker", here, &made.name_only);    /* signed by somebody whose certificate is good, but not a CA's */
  made.forged_chain = chain(&made.forged, &made.name_only);
  made.encrypted_key = tls_identity_encrypted_key(&made.client, "correct horse");
}

static void free_identities(void) {
  tls_identity* all[] = { &made.ca, &made.other_ca, &made.intermediate, &made.good, &made.name_only, &made.address_only, &made.unknown,
                          &made.self_signed, &made.expired, &made.not_yet, &made.wildcard, &made.partial_wildcard, &made.common_name,
                          &made.bare, &made.client, &made.other_client, &made.for_clients, &made.forged };
  size_t i;
  free(made.chained.cert);
  free(made.forged_chain.cert);
  free(made.encrypted_key);
  for (i = 0; i < sizeof all / sizeof all[0]; ++i) tls_identity_free(all[i]);
}

static mqn_tls_options options_for(const tls_identity* ca, const tls_identity* client_identity) {
  mqn_tls_options o;
  memset(&o, 0, sizeof o);
  o.struct_size = sizeof o;
  if (ca) {
    o.ca = ca->cert;
    o.ca_length = ca->cert_length;
  }
  if (client_identity) {
    o.cert = client_identity->cert;
    o.cert_length = client_identity->cert_length;
    o.key = client_identity->key;
    o.key_length = client_identity->key_length;
  }
  return o;
}

static mqn_tls_context* context_for(const mqn_tls_options* o) {
  char error[256] = "";
  mqn_tls_context* context = mqn_tls_context_new(o, error, sizeof error);
  if (!EXPECT(context != NULL)) fprintf(stderr, "%s\n", error);
  return context;
}

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
static int is_blocked(void* argument) { return mqn_connection_backlogged(((client*)argument)->c); }

static void finish(client* k, transport_server* server, mqn_tls_context* context) {
  client_close(k, 0);
  mqn_tls_context_release(context);
  EXPECT(harness_until(nothing_alive, NULL, 5000));
  if (server) transport_server_stop(server);
  EXPECT(k->called_inside == 0 && !k->progress_fell);
}

/* ---- the table: who is trusted ---- */
typedef struct row {
  const char* name;
  const tls_identity* server;            /* NULL: plain TCP */
  const tls_identity* ca;                /* NULL: no CA given */
  const char* host;                      /* NULL: 127.0.0.1 */
  const char* server_name;
  const char* option_server_name;        /* in the TLS options */
  const tls_identity *client_ca, *client;
  int server_min, server_max, client_min, client_max, insecure;
  const char *ciphers, *alpn, *server_alpn;
  const char* greeting;                  /* raw, of a plain server */
  size_t greeting_length;
  int greet_first, hang_up;
  int error;                             /* MQN_OK: opens */
  const char* text;                      /* that the error text holds */
  int server_error;                      /* that the server saw, 0: not looked at */
  const char* sni;                       /* that the server saw, NULL: not looked at */
} row;

/* A ServerHello of TLS 1.1: version 3.2, 32 random bytes, no session, ECDHE-RSA-AES128-SHA. Our OpenSSL cannot speak it any more. */
static const char hello_1_1[] = "\x16\x03\x02\x00\x2a\x02\x00\x00\x26\x03\x02"
                                "0123456789abcdef0123456789abcdef"
                                "\x00\xc0\x13\x00";
static const char connack[] = "\x20\x02\x00\x00";

/* The application writes at once, as the core does with CONNECT and its password. Trusted: it all arrives, unreadable on the way.
 * Refused: the error says why, and the server has not seen one application byte. */
static void run_row(const row* r) {
  transport_server_options so = { .identity = r->server, .client_ca = r->client_ca, .min_version = r->server_min,
                                  .max_version = r->server_max, .alpn = r->server_alpn, .greeting = r->greeting,
                                  .greeting_length = r->greeting_length,
                                  .greet_first = r->greet_first, .hang_up = r->hang_up };
  transport_server* server;
  transport_server_counts* seen;
  mqn_tls_options o = options_for(r->ca, r->client);
  mqn_tls_context* context;
  client k = { 0 };
  awaited a = { NULL, 5000, 0 }, gone = { NULL, 0, 1 };
  const char* host = r->host ? r->host : "127.0.0.1";
  if (strchr(host, ':')) so.host = host;
  server = transport_server_start(&so);
  seen = transport_server_seen(server);
  a.server = gone.server = server;
  o.server_name = r->option_server_name;
  o.min_version = r->client_min;
  o.max_version = r->client_max;
  o.insecure_skip_verify = r->insecure;
  o.ciphers = r->ciphers;
  o.alpn = r->alpn;
  context = context_for(&o);
  client_open(&k, host, transport_server_port(server), context, r->server_name);
  EXPECT(mqn_connection_write(k.c, TRANSPORT_MARKER, strlen(TRANSPORT_MARKER)) == 0);
  EXPECT(client_write_pattern(&k, 0, 5000) == 0);
  if (r->error == MQN_OK) {
    EXPECT(harness_until(server_got, &a, 5000));
    EXPECT(k.opened == 1 && k.failed == 0 && seen->handshakes == 1);
    EXPECT(seen->got_marker && seen->bytes == 5000 && seen->wrong_bytes == 0);
    EXPECT(k.c->bytes_out == 5000 + strlen(TRANSPORT_MARKER) && mqn_connection_backlog(k.c) == 0);
    client_close(&k, 0);
    EXPECT(harness_until(server_got, &gone, 5000));
    EXPECT(seen->close_notifies == 1);
  } else {
    EXPECT(harness_until(is_failed, &k, 5000));
    if (!EXPECT(k.error == r->error && strstr(k.text, r->text) != NULL)) fprintf(stderr, "   error %d: %s\n", k.error, k.text);
    printf("   %s\n", k.text);
    client_close(&k, 0);
    EXPECT(harness_until(server_got, &gone, 5000));
    if (r->server) EXPECT(seen->bytes == 0 && seen->got_marker == 0 && seen->handshakes == 0);
    if (r->server_error && !EXPECT(seen->last_error == r->server_error)) fprintf(stderr, "   the server saw %d\n", seen->last_error);
  }
  EXPECT(seen->markers == 0);
  if (r->sni && !EXPECT(strcmp(transport_server_name(server), r->sni) == 0)) fprintf(stderr, "   SNI: %s\n", transport_server_name(server));
  finish(&k, server, context);
}

static void who_is_trusted(void) {
  const row rows[] = {
    { .name = "good by name", .server = &made.good, .ca = &made.ca, .host = "localhost", .sni = "localhost" },
    { .name = "good by IPv4 address, no SNI", .server = &made.good, .ca = &made.ca, .sni = "" },
    { .name = "good by IPv6 address", .server = &made.good, .ca = &made.ca, .host = "::1", .sni = "" },
    { .name = "server_name apart from the address", .server = &made.name_only, .ca = &made.ca, .server_name = "broker.example",
      .sni = "broker.example" },
    { .name = "server_name with the root's dot", .server = &made.name_only, .ca = &made.ca, .server_name = "broker.example.",
      .sni = "broker.example" },
    { .name = "server_name of the options", .server = &made.name_only, .ca = &made.ca, .option_server_name = "broker.example",
      .sni = "broker.example" },
    { .name = "server_name of the connection goes first", .server = &made.name_only, .ca = &made.ca, .server_name = "broker.example",
      .option_server_name = "localhost" },
    { .name = "address as server_name", .server = &made.address_only, .ca = &made.ca, .host = "localhost", .server_name = "127.0.0.1" },
    { .name = "wildcard for one label", .server = &made.wildcard, .ca = &made.ca, .server_name = "a.broker.example" },
    { .name = "common name when there are no alternatives", .server = &made.common_name, .ca = &made.ca, .server_name = "broker.example" },
    { .name = "chain with its intermediate", .server = &made.chained, .ca = &made.ca },
    { .name = "self-signed and given as the CA", .server = &made.self_signed, .ca = &made.self_signed },
    { .name = "server speaks TLS 1.2 only", .server = &made.good, .ca = &made.ca, .server_max = 12 },
    { .name = "server speaks TLS 1.3 only", .server = &made.good, .ca = &made.ca, .server_min = 13 },
    { .name = "client limited to TLS 1.2 and one cipher", .server = &made.good, .ca = &made.ca, .client_max = 12,
      .ciphers = "ECDHE-ECDSA-AES256-GCM-SHA384" },
    { .name = "client certificate required and given", .server = &made.good, .ca = &made.ca, .client_ca = &made.ca,
      .client = &made.client },
    { .name = "client certificate required and given, TLS 1.2", .server = &made.good, .ca = &made.ca, .client_ca = &made.ca,
      .client = &made.client, .server_max = 12 },
    { .name = "ALPN", .server = &made.good, .ca = &made.ca, .alpn = "other,mqtt", .server_alpn = "mqtt" },
    { .name = "insecure takes anybody", .server = &made.unknown, .insecure = 1, .server_name = "elsewhere.example" },
    { .name = "insecure takes the expired", .server = &made.expired, .ca = &made.ca, .insecure = 1 },

    { .name = "wrong host", .server = &made.name_only, .ca = &made.ca, .host = "localhost", .error = MQN_ERR_TLS,
      .text = "certificate verify error 62: hostname mismatch" },
    { .name = "wrong host by address", .server = &made.name_only, .ca = &made.ca, .error = MQN_ERR_TLS,
      .text = "certificate verify error 64: IP address mismatch" },
    { .name = "wrong server_name at the right address", .server = &made.good, .ca = &made.ca, .server_name = "elsewhere.example",
      .error = MQN_ERR_TLS, .text = "certificate verify error 62: hostname mismatch (it is not for elsewhere.example)" },
    { .name = "name that is only an address in the certificate", .server = &made.address_only, .ca = &made.ca, .host = "localhost",
      .error = MQN_ERR_TLS, .text = "hostname mismatch" },
    { .name = "wildcard for two labels", .server = &made.wildcard, .ca = &made.ca, .server_name = "b.a.broker.example",
      .error = MQN_ERR_TLS, .text = "hostname mismatch" },
    { .name = "wildcard within a label", .server = &made.partial_wildcard, .ca = &made.ca, .server_name = "ab.broker.example",
      .error = MQN_ERR_TLS, .text = "hostname mismatch" },
    { .name = "unknown CA", .server = &made.unknown, .ca = &made.ca, .error = MQN_ERR_TLS,
      .text = "certificate verify error 20: unable to get local issuer certificate", .server_error = ALERT(SSL_AD_UNKNOWN_CA) },
    { .name = "unknown CA, TLS 1.2", .server = &made.unknown, .ca = &made.ca, .server_max = 12, .error = MQN_ERR_TLS,
      .text = "certificate verify error 20: ", .server_error = ALERT(SSL_AD_UNKNOWN_CA) },
    { .name = "no CA at all", .server = &made.good, .error = MQN_ERR_TLS, .text = "certificate verify error 20: " },
    { .name = "self-signed", .server = &made.self_signed, .ca = &made.ca, .error = MQN_ERR_TLS,
      .text = "certificate verify error 18: self-signed certificate" },
    { .name = "chain without its intermediate", .server = &made.bare, .ca = &made.ca, .error = MQN_ERR_TLS,
      .text = "certificate verify error 20: " },
    { .name = "expired", .server = &made.expired, .ca = &made.ca, .error = MQN_ERR_TLS,
      .text = "certificate verify error 10: certificate has expired", .server_error = ALERT(SSL_AD_CERTIFICATE_EXPIRED) },
    { .name = "not yet valid", .server = &made.not_yet, .ca = &made.ca, .error = MQN_ERR_TLS,
      .text = "certificate verify error 9: certificate is not yet valid" },
    { .name = "certificate for clients only", .server = &made.for_clients, .ca = &made.ca, .error = MQN_ERR_TLS,
      .text = "certificate verify error 26: unsuitable certificate purpose" },
    { .name = "signed by a good server's key, which is no CA's", .server = &made.forged_chain, .ca = &made.ca, .error = MQN_ERR_TLS,
      .text = "certificate verify error " },
    { .name = "name that is too long for any certificate", .server = &made.good, .ca = &made.ca, .error = MQN_ERR_TLS,
      .server_name = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
                     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
                     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
      .text = "not a name that a certificate can be verified for" },
    { .name = "TLS 1.1 only", .greeting = hello_1_1, .greeting_length = sizeof hello_1_1 - 1, .ca = &made.ca, .error = MQN_ERR_TLS,
      .text = "unsupported protocol" },
    { .name = "server below the client's lowest version", .server = &made.good, .ca = &made.ca, .server_max = 12, .client_min = 13,
      .error = MQN_ERR_TLS, .text = "alert protocol version" },
    { .name = "no cipher in common", .server = &made.good, .ca = &made.ca, .client_max = 12, .ciphers = "ECDHE-RSA-AES256-GCM-SHA384",
      .error = MQN_ERR_TLS, .text = "handshake failure" },
    { .name = "no ALPN protocol in common", .server = &made.good, .ca = &made.ca, .alpn = "mqtt", .server_alpn = "http/1.1",
      .error = MQN_ERR_TLS, .text = "no application protocol" },
    { .name = "client certificate missing, TLS 1.2", .server = &made.good, .ca = &made.ca, .client_ca = &made.ca, .server_max = 12,
      .error = MQN_ERR_TLS, .text = "handshake failure" },
    { .name = "client certificate of another CA, TLS 1.2", .server = &made.good, .ca = &made.ca, .client_ca = &made.ca,
      .client = &made.other_client, .server_max = 12, .error = MQN_ERR_TLS, .text = "alert unknown ca" },
    { .name = "client certificate missing, TLS 1.3", .server = &made.good, .ca = &made.ca, .client_ca = &made.ca, .server_min = 13,
      .error = MQN_ERR_TLS, .text = "certificate required" },
    { .name = "client certificate of another CA, TLS 1.3", .server = &made.good, .ca = &made.ca, .client_ca = &made.ca,
      .client = &made.other_client, .server_min = 13, .error = MQN_ERR_TLS, .text = "alert unknown ca" },
    { .name = "plain port that answers in HTTP", .greeting = "HTTP/1.1 400 Bad Request\r\n\r\n", .greeting_length = 28, .ca = &made.ca,
      .error = MQN_ERR_TLS, .text = "wrong version number (is this a TLS port?)" },
    { .name = "plain port that speaks first", .greeting = "220 mail.example ESMTP\r\n", .greeting_length = 24, .greet_first = 1,
      .ca = &made.ca, .error = MQN_ERR_TLS, .text = "(is this a TLS port?)" },
    { .name = "plain MQTT port that answers CONNACK and closes", .greeting = connack, .greeting_length = 4, .hang_up = 2, .ca = &made.ca,
      .error = MQN_ERR_TLS, .text = "the server closed the connection (is this a TLS port?)" },
    { .name = "plain port that closes", .hang_up = 2, .ca = &made.ca, .error = MQN_ERR_TLS,
      .text = "the server closed the connection (is this a TLS port?)" },
    { .name = "plain port that resets", .greeting = connack, .greeting_length = 4, .hang_up = 3, .ca = &made.ca, .error = MQN_ERR_TLS,
      .text = "(is this a TLS port?)" },
  };
  size_t i;
  for (i = 0; i < sizeof rows / sizeof rows[0]; ++i) {
    int before = check_failures;
    printf(" - %s\n", rows[i].name);
    run_row(&rows[i]);
    if (check_failures != before) printf("   FAILED\n");
  }
  printf("   %d rows\n", (int)i);
}

/* ---- contexts ---- */
static void refused_with(const mqn_tls_options* o, const char* text) {
  char error[256] = "";
  mqn_tls_context* context = mqn_tls_context_new(o, error, sizeof error);
  if (!EXPECT(context == NULL && strstr(error, text) != NULL)) fprintf(stderr, "   said: %s\n", error);
  EXPECT(strstr(error, "correct horse") == NULL && strstr(error, "wrong staple") == NULL);
  mqn_tls_context_release(context);
}

static void wrong_options_are_refused_by_name(void) {
  mqn_tls_options o = options_for(NULL, NULL);
  o.ca = "no certificate";
  o.ca_length = strlen(o.ca);
  refused_with(&o, "the CA holds no certificate");
  o.ca_length = 0;
  refused_with(&o, "the CA holds no certificate");
  o.ca = made.client.key;
  o.ca_length = made.client.key_length;
  refused_with(&o, "the CA holds no certificate");
  o.ca = made.ca.cert;
  o.ca_length = made.ca.cert_length / 2;
  refused_with(&o, "the CA holds no certificate");
  o = options_for(&made.ca, &made.client);
  o.key = NULL;
  refused_with(&o, "needs its key");
  o = options_for(&made.ca, &made.client);
  o.cert = NULL;
  refused_with(&o, "needs its certificate");
  o = options_for(&made.ca, &made.client);
  o.key = made.other_client.key;
  o.key_length = made.other_client.key_length;
  refused_with(&o, "does not belong");
  o = options_for(&made.ca, &made.client);
  o.cert = made.client.key;
  o.cert_length = made.client.key_length;
  refused_with(&o, "the client certificate cannot be read");
  o = options_for(&made.ca, &made.client);
  o.key = made.encrypted_key;
  o.key_length = strlen(made.encrypted_key);
  refused_with(&o, "the client key cannot be read");     /* and no terminal is asked */
  o.passphrase = "wrong staple";
  refused_with(&o, "with this passphrase");
  o = options_for(&made.ca, NULL);
  o.min_version = 11;
  refused_with(&o, "version");
  o.min_version = 13;
  o.max_version = 12;
  refused_with(&o, "version");
  o = options_for(&made.ca, NULL);
  o.ciphers = "NO-SUCH-CIPHER";
  refused_with(&o, "cipher");
  o = options_for(&made.ca, NULL);
  o.alpn = "mqtt,,other";
  refused_with(&o, "ALPN");
  o.alpn = "";
  refused_with(&o, "ALPN");
  EXPECT(mqn_the_transport.contexts == NULL);
}

static void equal_options_share_a_context(void) {
  mqn_tls_options o = options_for(&made.ca, &made.client), other = o;
  mqn_tls_context *a = context_for(&o), *b, *c, *d;
  char* copy = malloc(o.ca_length);
  memcpy(copy, o.ca, o.ca_length);
  o.ca = copy;                                            /* equal content elsewhere */
  b = context_for(&o);
  EXPECT(a == b);
  other.passphrase = "";
  c = context_for(&other);
  EXPECT(c != a);                                          /* NULL is not "" */
  other = options_for(&made.ca, &made.client);
  other.insecure_skip_verify = 1;
  d = context_for(&other);
  EXPECT(d != a && d != c);
  mqn_tls_context_release(a);
  EXPECT(mqn_the_transport.contexts != NULL);
  mqn_tls_context_release(b);
  mqn_tls_context_release(c);
  mqn_tls_context_release(d);
  EXPECT(mqn_the_transport.contexts == NULL);              /* keys do not stay behind */
  free(copy);
}

/* 144 CAs are what a host's bundle holds; a reconnect must not parse them again. Unreadable ones do not spoil the rest. */
static void ca_bundle_is_parsed_once(void) {
  enum { COUNT = 144 };
  static const char broken[] = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  mqn_tls_options o = options_for(NULL, NULL);
  mqn_tls_context* context;
  transport_server_options so = { .identity = &made.good };
  transport_server* server = transport_server_start(&so);
  client k = { 0 };
  char* bundle = calloc(COUNT + 2, 2000);
  uint64_t first, second;
  struct x509_store_st* store;
  int i;
  strcat(bundle, broken);
  for (i = 0; i < COUNT; ++i) {
    char name[32];
    tls_identity_options io = { .name = name, .is_ca = 1 };
    tls_identity ca;
    snprintf(name, sizeof name, "CA number %d", i);
    ca = tls_identity_make(&io);
    strcat(bundle, ca.cert);
    tls_identity_free(&ca);
  }
  strcat(bundle, made.ca.cert);
  o.ca = bundle;
  o.ca_length = strlen(bundle);
  first = uv_hrtime();
  context = context_for(&o);
  first = uv_hrtime() - first;
  for (i = 0, store = NULL; i < MQN_STORES; ++i)
    if (mqn_the_transport.stores[i].used == mqn_the_transport.stores_clock) store = mqn_the_transport.stores[i].store;
  mqn_tls_context_release(context);
  EXPECT(mqn_the_transport.contexts == NULL);
  second = uv_hrtime();
  context = context_for(&o);
  second = uv_hrtime() - second;
  for (i = 0; i < MQN_STORES; ++i)
    if (mqn_the_transport.stores[i].used == mqn_the_transport.stores_clock) EXPECT(mqn_the_transport.stores[i].store == store);
  printf("   %d CAs: %.1f ms, again %.1f ms\n", COUNT + 1, (double)first / 1e6, (double)second / 1e6);
  EXPECT(store != NULL && second < first / 2);
  client_open(&k, "127.0.0.1", transport_server_port(server), context, NULL);
  EXPECT(harness_until(is_over, &k, 5000) && k.opened == 1);
  finish(&k, server, context);
  free(bundle);
}

static void encrypted_key_with_its_passphrase(void) {
  transport_server_options so = { .identity = &made.good, .client_ca = &made.ca, .echo = 1 };
  transport_server* server = transport_server_start(&so);
  mqn_tls_options o = options_for(&made.ca, &made.client);
  mqn_tls_context* context;
  client k = { .to_send = 100 };
  o.key = made.encrypted_key;
  o.key_length = strlen(made.encrypted_key);
  o.passphrase = "correct horse";
  context = context_for(&o);
  client_open(&k, "127.0.0.1", transport_server_port(server), context, NULL);
  EXPECT(harness_until(has_all, &k, 5000));
  EXPECT(k.got == 100 && k.wrong == 0);
  finish(&k, server, context);
}

/* ---- traffic ---- */
static mqn_tls_context* trusting(void) {
  mqn_tls_options o = options_for(&made.ca, NULL);
  return context_for(&o);
}

static void echo_50_megabytes(int version) {
  transport_server_options so = { .identity = &made.good, .echo = 1, .max_version = version };
  transport_server* server = transport_server_start(&so);
  mqn_tls_context* context = trusting();
  client k = { .to_send = 50u * MEGABYTE };
  uint64_t start = harness_now();
  client_open(&k, "127.0.0.1", transport_server_port(server), context, NULL);
  EXPECT(harness_until(has_all, &k, 90000));
  printf("   50 MiB there and back in %d ms\n", (int)(harness_now() - start));
  EXPECT(k.got == k.to_send && k.wrong == 0 && k.failed == 0);
  EXPECT(transport_server_seen(server)->bytes == k.to_send && transport_server_seen(server)->wrong_bytes == 0);
  EXPECT(k.c->bytes_in == k.to_send && k.c->bytes_out == k.to_send && mqn_connection_backlog(k.c) == 0);
  EXPECT(k.progress > 10 && k.writable > 0);
  finish(&k, server, context);
}
static void echo_50_megabytes_over_tls_1_3(void) { echo_50_megabytes(13); }
static void echo_50_megabytes_over_tls_1_2(void) { echo_50_megabytes(12); }

static void one_write_of_20_megabytes_behind_a_small_one(void) {
  transport_server_options so = { .identity = &made.good };
  transport_server* server = transport_server_start(&so);
  mqn_tls_context* context = trusting();
  awaited a = { server, 20u * MEGABYTE + 5, 0 };
  client k = { 0 };
  client_open(&k, "127.0.0.1", transport_server_port(server), context, NULL);
  EXPECT(harness_until(is_opened, &k, 5000));
  EXPECT(client_write_pattern(&k, 0, 5) == 0);
  EXPECT(k.c->bytes_out == 0);
  EXPECT(client_write_pattern(&k, 5, 20u * MEGABYTE) == 0);
  EXPECT(k.c->bytes_out + mqn_connection_backlog(k.c) == a.bytes);
  EXPECT(harness_until(server_got, &a, 30000));
  EXPECT(transport_server_seen(server)->wrong_bytes == 0);
  harness_idle(20);
  EXPECT(k.c->bytes_out == a.bytes);
  EXPECT(k.c->p->out.capacity <= 4096 && k.c->p->cipher.capacity <= 4096 && k.c->p->sending.capacity <= 4096);
  finish(&k, server, context);
}

/* bytes_out must never run ahead: what it counts has left this process, whatever the records' overhead. */
static void backlog_and_count_while_the_peer_does_not_read(void) {
  transport_server_options so = { .identity = &made.good, .deaf = 2 };
  transport_server* server = transport_server_start(&so);
  mqn_tls_context* context = trusting();
  client k = { .to_send = 64u * MEGABYTE };
  awaited a = { server, 0, 0 };
  size_t backlog;
  client_open(&k, "127.0.0.1", transport_server_port(server), context, NULL);
  EXPECT(harness_until(is_opened, &k, 5000));
  EXPECT(harness_until(is_blocked, &k, 10000));
  harness_idle(200);
  backlog = mqn_connection_backlog(k.c);
  EXPECT(backlog > MQN_BACKLOG_HIGH && backlog <= MQN_BACKLOG_HIGH + 64u * 1024);
  EXPECT(k.c->bytes_out + backlog == k.written && k.writable == 0);
  EXPECT(mqn_buffer_length(&k.c->p->sending) > 0 && k.c->p->sending_application > 0);   /* encrypted, not gone, not counted */
  EXPECT(harness_idle(300) <= 4);
  k.to_send = k.written;
  a.bytes = k.written;
  transport_server_listen(server);
  EXPECT(harness_until(server_got, &a, 30000));
  EXPECT(k.writable == 1 && transport_server_seen(server)->wrong_bytes == 0);
  finish(&k, server, context);
}

static int waits_a_megabyte(void* argument) { return mqn_buffer_length(&((client*)argument)->c->in) >= MQN_READ_AHEAD; }

static void held_connection_stops_reading_at_a_megabyte_and_resumes(void) {
  transport_server_options so = { .identity = &made.good, .flood = 20u * MEGABYTE };
  transport_server* server = transport_server_start(&so);
  mqn_tls_context* context = trusting();
  client k = { .keep = 1 };
  size_t waiting;
  client_open(&k, "127.0.0.1", transport_server_port(server), context, NULL);
  mqn_connection_hold(k.c, 1);
  EXPECT(harness_until(waits_a_megabyte, &k, 10000));
  harness_idle(100);
  waiting = mqn_buffer_length(&k.c->in);
  EXPECT(waiting <= MQN_READ_AHEAD + MQN_SCRATCH_SIZE);
  EXPECT(harness_idle(300) <= 4);
  EXPECT(mqn_buffer_length(&k.c->in) == waiting);
  k.keep = 0;
  mqn_connection_hold(k.c, 0);
  client_take(&k);
  k.to_send = k.written = so.flood;
  EXPECT(harness_until(has_all, &k, 30000));
  EXPECT(k.got == so.flood && k.wrong == 0);
  finish(&k, server, context);
}

static void packet_larger_than_the_read_ahead_arrives_whole(void) {
  transport_server_options so = { .identity = &made.good, .flood = 40u * MEGABYTE };
  transport_server* server = transport_server_start(&so);
  mqn_tls_context* context = trusting();
  client k = { .expect = 40u * MEGABYTE, .to_send = 40u * MEGABYTE, .written = 40u * MEGABYTE };
  uint64_t start = harness_now();
  client_open(&k, "127.0.0.1", transport_server_port(server), context, NULL);
  EXPECT(harness_until(has_all, &k, 30000));
  printf("   40 MiB as one packet in %d ms\n", (int)(harness_now() - start));
  EXPECT(k.got == so.flood && k.wrong == 0 && k.c->in.capacity <= 4096);
  finish(&k, server, context);
}

static void renegotiation_is_refused(void) {
  transport_server_options so = { .identity = &made.good, .max_version = 12, .renegotiate = 1 };
  transport_server* server = transport_server_start(&so);
  mqn_tls_context* context = trusting();
  client k = { 0 };
  awaited gone = { server, 0, 1 };
  client_open(&k, "127.0.0.1", transport_server_port(server), context, NULL);
  EXPECT(harness_until(server_got, &gone, 5000));
  EXPECT(transport_server_seen(server)->last_error == SSL_R_NO_RENEGOTIATION);
  EXPECT(harness_until(is_failed, &k, 5000));
  finish(&k, server, context);
}

/* ---- the end ---- */
static void ends_after_the_last_byte(int hang_up, const char* text) {
  transport_server_options so = { .identity = &made.good, .flood = 3u * MEGABYTE, .hang_up = hang_up };
  transport_server* server = transport_server_start(&so);
  mqn_tls_context* context = trusting();
  client k = { 0 };
  client_open(&k, "127.0.0.1", transport_server_port(server), context, NULL);
  EXPECT(harness_until(is_failed, &k, 10000));
  EXPECT(k.got == so.flood && k.wrong == 0);
  EXPECT(k.failed == 1 && k.error == MQN_ERR_CONNECTION_LOST);
  if (!EXPECT(strstr(k.text, text) != NULL)) fprintf(stderr, "   %s\n", k.text);
  finish(&k, server, context);
}
static void close_notify_is_told_after_the_bytes_before_it(void) { ends_after_the_last_byte(1, "closed the TLS connection"); }
static void truncation_is_told_after_the_bytes_before_it(void) { ends_after_the_last_byte(2, "without a TLS close_notify"); }

/* Everything, the close_notify and a short message before it, comes in one read: received() first, then failed(). */
static void short_message_and_close_notify_in_one_read(void) {
  transport_server_options so = { .identity = &made.good, .flood = 9, .hang_up = 1 };
  int i;
  for (i = 0; i < 20; ++i) {
    transport_server* server = transport_server_start(&so);
    mqn_tls_context* context = trusting();
    client k = { 0 };
    client_open(&k, "127.0.0.1", transport_server_port(server), context, NULL);
    EXPECT(harness_until(is_failed, &k, 5000));
    EXPECT(k.opened == 1 && k.got == 9 && k.wrong == 0 && k.error == MQN_ERR_CONNECTION_LOST);
    finish(&k, server, context);
  }
}

/* TLS 1.3: the server judges our certificate after our handshake is done. Its alert has come and the socket is gone before this side
 * looks; it writes first, and the error of that write must not hide the alert. */
static void refused_certificate_is_told_although_a_write_fails_first(void) {
  transport_server_options so = { .identity = &made.good, .client_ca = &made.ca, .min_version = 13 };
  int i, j, failed_writes = 0;
  for (i = 0; i < 10; ++i) {
    transport_server* server = transport_server_start(&so);
    mqn_tls_context* context = trusting();
    client k = { .to_send = 100000 };
    client_open(&k, "127.0.0.1", transport_server_port(server), context, NULL);
    EXPECT(harness_until(is_opened, &k, 5000));
    for (j = 0; j < 50 && transport_server_seen(server)->closed == 0; ++j) uv_sleep(10);
    EXPECT(transport_server_seen(server)->closed == 1 && k.failed == 0);
    for (j = 0; j < 3 && !k.c->p->write_error; ++j) {
      EXPECT(client_write_pattern(&k, 0, 1000) == 0);
      mqn_connection_flush_all();
    }
    if (k.c->p->write_error) ++failed_writes;
    EXPECT(harness_until(is_failed, &k, 5000));
    if (!EXPECT(k.error == MQN_ERR_TLS && strstr(k.text, "certificate required") != NULL)) fprintf(stderr, "   %d %s\n", k.error, k.text);
    EXPECT(transport_server_seen(server)->bytes == 0);
    finish(&k, server, context);
  }
  printf("   a write had failed in %d of %d\n", failed_writes, i);
}

/* As above, and the alert never comes: RST has made the client's system drop it. Only TLS 1.3 has this moment; and a server that has
 * taken the certificate, or wanted none, has said something before it resets. */
static void reset_in_place_of_the_alert_is_a_refused_certificate(void) {
  transport_server_options refusing = { .identity = &made.good, .client_ca = &made.ca, .reset_refused = 1 };
  transport_server_options taking = { .identity = &made.good, .client_ca = &made.ca, .flood = 9, .hang_up = 3 };
  transport_server_options wanting_none = { .identity = &made.good, .flood = 9, .hang_up = 3 };
  const struct { const transport_server_options* server; const tls_identity* client; int error; const char* text; } rows[] = {
    { &refusing, NULL, MQN_ERR_TLS, "asked for a certificate of this client" },
    { &refusing, &made.other_client, MQN_ERR_TLS, "asked for a certificate of this client" },
    { &taking, &made.client, MQN_ERR_CONNECTION_LOST, "connection lost: connection reset by peer" },
    { &wanting_none, &made.client, MQN_ERR_CONNECTION_LOST, "connection lost: connection reset by peer" },
  };
  size_t i;
  for (i = 0; i < 4 * sizeof rows / sizeof rows[0]; ++i) {
    transport_server* server = transport_server_start(rows[i / 4].server);
    mqn_tls_options o = options_for(&made.ca, rows[i / 4].client);
    mqn_tls_context* context = context_for(&o);
    client k = { 0 };
    client_open(&k, "127.0.0.1", transport_server_port(server), context, NULL);
    EXPECT(client_write_pattern(&k, 0, 1000) == 0);
    EXPECT(harness_until(is_failed, &k, 5000));
    EXPECT(k.opened == 1);
    if (!EXPECT(k.error == rows[i / 4].error && strstr(k.text, rows[i / 4].text) != NULL)) fprintf(stderr, "   %d %s\n", k.error, k.text);
    finish(&k, server, context);
  }
}

static void close_drains_and_says_goodbye(void) {
  transport_server_options so = { .identity = &made.good };
  transport_server* server = transport_server_start(&so);
  mqn_tls_context* context = trusting();
  awaited a = { server, 3u * MEGABYTE, 1 };
  client k = { 0 };
  client_open(&k, "127.0.0.1", transport_server_port(server), context, NULL);
  EXPECT(harness_until(is_opened, &k, 5000));
  EXPECT(client_write_pattern(&k, 0, 3u * MEGABYTE) == 0);
  client_close(&k, 0);
  mqn_tls_context_release(context);                    /* the connection has its own reference */
  EXPECT(harness_until(server_got, &a, 5000));
  EXPECT(transport_server_seen(server)->wrong_bytes == 0 && transport_server_seen(server)->close_notifies == 1);
  EXPECT(k.failed == 0 && k.progress == 0);
  finish(&k, server, NULL);
  EXPECT(mqn_the_transport.contexts == NULL);
}

static void close_at_once_says_nothing(void) {
  transport_server_options so = { .identity = &made.good };
  transport_server* server = transport_server_start(&so);
  mqn_tls_context* context = trusting();
  awaited gone = { server, 0, 1 };
  client k = { 0 };
  client_open(&k, "127.0.0.1", transport_server_port(server), context, NULL);
  EXPECT(harness_until(is_opened, &k, 5000));
  client_close(&k, 1);
  EXPECT(harness_until(nothing_alive, NULL, 1000) && harness_until(server_got, &gone, 5000));
  EXPECT(transport_server_seen(server)->close_notifies == 0);
  finish(&k, server, context);
}

static void close_while_handshaking_100_times(void) {
  transport_server_options so = { .identity = &made.good }, silent_options = { .identity = &made.good, .deaf = 1 };
  transport_server *server = transport_server_start(&so), *silent = transport_server_start(&silent_options);
  mqn_tls_context* context = trusting();
  int i, turn, shaking = 0;
  for (i = 0; i < 100; ++i) {
    client k = { 0 };
    client_open(&k, "127.0.0.1", transport_server_port(i % 2 ? server : silent), context, NULL);
    EXPECT(client_write_pattern(&k, 0, 1000) == 0);
    for (turn = 0; turn < 200 && k.c->state == MQN_CONNECTION_CONNECTING; ++turn) harness_idle(1);
    for (turn = 0; turn < i % 4; ++turn) harness_turn();
    if (k.c->state == MQN_CONNECTION_HANDSHAKE) ++shaking;
    if (i % 5 == 0) mqn_connection_fail(k.c, MQN_ERR_TIMEOUT, "no answer");
    client_close(&k, i % 3 == 0);
    EXPECT(i % 2 || transport_server_seen(silent)->bytes == 0);
  }
  printf("   %d of 100 were closed in mid-handshake\n", shaking);
  EXPECT(shaking >= 50);
  mqn_tls_context_release(context);
  EXPECT(harness_until(nothing_alive, NULL, 10000));
  EXPECT(mqn_the_transport.contexts == NULL);
  transport_server_stop(server);
  transport_server_stop(silent);
}

static void idle_connection_wakes_nobody(void) {
  transport_server_options so = { .identity = &made.good, .echo = 1 };
  transport_server* server = transport_server_start(&so);
  mqn_tls_context* context = trusting();
  client k = { .to_send = 100 };
  client_open(&k, "127.0.0.1", transport_server_port(server), context, NULL);
  EXPECT(harness_until(has_all, &k, 5000));
  harness_idle(50);
  EXPECT(harness_idle(1000) <= 2);
  EXPECT(k.c->p->out.capacity <= 4096 && k.c->p->cipher.capacity <= 4096 && k.c->p->sending.capacity <= 4096 && k.c->in.capacity <= 4096);
  finish(&k, server, context);
}

/* The reactor ends with its last environment and may start again in the same process: OpenSSL must have lost nothing. */
static void transport_ends_and_starts_again_200_times(void) {
  transport_server_options so = { .identity = &made.good, .echo = 1 };
  transport_server* server = transport_server_start(&so);
  int i, before = check_failures;
  for (i = 0; i < 200; ++i) {
    mqn_tls_context* context;
    client k = { .to_send = 10 };
    harness_start();
    context = trusting();
    client_open(&k, "127.0.0.1", transport_server_port(server), context, NULL);
    EXPECT(harness_until(has_all, &k, 5000));
    EXPECT(k.got == 10 && k.wrong == 0);
    client_close(&k, 1);
    mqn_tls_context_release(context);
    EXPECT(harness_until(nothing_alive, NULL, 1000));
    harness_stop();
  }
  transport_server_stop(server);
  printf("   %s\n", check_failures == before ? "ok" : "FAILED");
}

int main(void) {
  static const struct { const char* name; void (*run)(void); } tests[] = {
#define TEST(name) { #name, name }
    TEST(who_is_trusted), TEST(wrong_options_are_refused_by_name), TEST(equal_options_share_a_context), TEST(ca_bundle_is_parsed_once),
    TEST(encrypted_key_with_its_passphrase), TEST(echo_50_megabytes_over_tls_1_3), TEST(echo_50_megabytes_over_tls_1_2),
    TEST(one_write_of_20_megabytes_behind_a_small_one), TEST(backlog_and_count_while_the_peer_does_not_read),
    TEST(held_connection_stops_reading_at_a_megabyte_and_resumes), TEST(packet_larger_than_the_read_ahead_arrives_whole),
    TEST(renegotiation_is_refused), TEST(close_notify_is_told_after_the_bytes_before_it),
    TEST(truncation_is_told_after_the_bytes_before_it),
    TEST(short_message_and_close_notify_in_one_read), TEST(refused_certificate_is_told_although_a_write_fails_first),
    TEST(reset_in_place_of_the_alert_is_a_refused_certificate),
    TEST(close_drains_and_says_goodbye), TEST(close_at_once_says_nothing), TEST(close_while_handshaking_100_times),
    TEST(idle_connection_wakes_nobody),
  };
  size_t i;
  int failed = 0;
  setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
  harness_start();
  make_identities();
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
  printf("-- transport_ends_and_starts_again_200_times\n");
  transport_ends_and_starts_again_200_times();
  free_identities();
  printf("%d of %d tests failed\n", failed, (int)(sizeof tests / sizeof tests[0]));
  return check_result();
}
