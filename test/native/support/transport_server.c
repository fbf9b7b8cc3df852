#include "transport_server.h"
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define PIECE (64u << 10)
#define QUEUE_MAX (4u << 20)
#define ALERT_TIME 20           /* ms */

typedef struct peer {
  uv_tcp_t tcp;
  uv_timer_t later;              /* until a failed handshake's socket is closed */
  int handles;
  transport_server* server;
  SSL* ssl;                      /* over two memory BIOs */
  int up, greeted, ended, reading, failed;
  uint64_t flooded, received;
  char tail[64];                 /* the last raw bytes: a marker may be cut in two */
  size_t tail_length;
  char head[sizeof TRANSPORT_MARKER];
  size_t head_length;            /* of the application bytes, until it is known whether they begin with the marker */
  struct peer *previous, *next;
} peer;

struct transport_server {
  transport_server_options options;
  uv_loop_t loop;
  uv_thread_t thread;
  uv_async_t command;
  uv_tcp_t listener;
  uv_sem_t ready;
  atomic_int stop, hear;
  int port;
  SSL_CTX* context;
  peer* peers;
  char name[256];
  char piece[PIECE];
  transport_server_counts seen;
};

static void must(int ok, const char* what) {
  if (ok) return;
  fprintf(stderr, "transport_server: %s failed\n", what);
  ERR_print_errors_fp(stderr);
  abort();
}

/* ---- out ---- */
typedef struct packet { uv_write_t request; char data[]; } packet;
static void pump(peer* p);

static void on_closed(uv_handle_t* handle) {
  peer* p = handle->data;
  if (--p->handles > 0) return;
  ++p->server->seen.closed;
  SSL_free(p->ssl);
  free(p);
}

static void forget(peer* p) {
  if (p->previous) p->previous->next = p->next; else p->server->peers = p->next;
  if (p->next) p->next->previous = p->previous;
  uv_close((uv_handle_t*)&p->later, on_closed);
}

static void drop(peer* p) {
  if (uv_is_closing((uv_handle_t*)&p->tcp)) return;
  forget(p);
  uv_close((uv_handle_t*)&p->tcp, on_closed);
}
static void on_later(uv_timer_t* timer) { drop(timer->data); }

/* What is unread turns the close into a RST, which would overtake an alert that was sent in the same moment. */
static void drop_later(peer* p) {
  uv_read_stop((uv_stream_t*)&p->tcp);
  p->failed = p->reading = 1;                      /* read_or_not() lets it be */
  uv_timer_start(&p->later, on_later, ALERT_TIME, 0);
}

static void on_written(uv_write_t* request, int status) {
  peer* p = request->data;
  free(request);
  if (status == 0 && !uv_is_closing((uv_handle_t*)&p->tcp)) pump(p);
}

static void send_raw(peer* p, const void* data, size_t length) {
  packet* k;
  uv_buf_t b;
  if (length == 0 || uv_is_closing((uv_handle_t*)&p->tcp)) return;
  k = malloc(sizeof *k + length);
  must(k != NULL, "malloc");
  memcpy(k->data, data, length);
  k->request.data = p;
  b = uv_buf_init(k->data, (unsigned)length);
  if (uv_write(&k->request, (uv_stream_t*)&p->tcp, &b, 1, on_written) < 0) free(k);
}

static void send_records(peer* p) {
  char buffer[PIECE];
  int count;
  while (p->ssl && (count = BIO_read(SSL_get_wbio(p->ssl), buffer, sizeof buffer)) > 0) send_raw(p, buffer, (size_t)count);
}

static void send_bytes(peer* p, const void* data, size_t length) {
  if (!p->ssl) send_raw(p, data, length);
  else if (SSL_write(p->ssl, data, (int)length) > 0) send_records(p);
}

static void on_shut(uv_shutdown_t* request, int status) {
  (void)status;
  free(request);
}

static void reset(peer* p) {
  forget(p);
  must(uv_tcp_close_reset(&p->tcp, on_closed) == 0, "uv_tcp_close_reset");
}

static void hang_up(peer* p) {
  int how = p->server->options.hang_up;
  if (!how || p->ended) return;
  p->ended = 1;
  if (how == 3) {
    reset(p);
    return;
  }
  if (how == 1 && p->ssl) {
    SSL_shutdown(p->ssl);
    send_records(p);
  }
  uv_shutdown_t* request = malloc(sizeof *request);
  must(request != NULL, "malloc");
  if (uv_shutdown(request, (uv_stream_t*)&p->tcp, on_shut) < 0) free(request);
}

/* What goes out by itself: the flood, the end; and reading goes on when an echo has left. */
static void on_alloc(uv_handle_t* handle, size_t suggested, uv_buf_t* buffer);
static void on_read(uv_stream_t* stream, ssize_t count, const uv_buf_t* buffer);

static void read_or_not(peer* p) {
  transport_server* s = p->server;
  int deaf = s->options.deaf == 1 || (s->options.deaf == 2 && p->up);
  int wanted = (!deaf || atomic_load(&s->hear)) && uv_stream_get_write_queue_size((uv_stream_t*)&p->tcp) < QUEUE_MAX;
  if (uv_is_closing((uv_handle_t*)&p->tcp) || p->failed || wanted == p->reading) return;
  p->reading = wanted;
  if (wanted) uv_read_start((uv_stream_t*)&p->tcp, on_alloc, on_read);
  else uv_read_stop((uv_stream_t*)&p->tcp);
}

static void pump(peer* p) {
  const transport_server_options* o = &p->server->options;
  while (p->up && p->flooded < o->flood && uv_stream_get_write_queue_size((uv_stream_t*)&p->tcp) < QUEUE_MAX) {
    char piece[PIECE];
    uint64_t left = o->flood - p->flooded;
    size_t length = left < sizeof piece ? (size_t)left : sizeof piece, i;
    for (i = 0; i < length; ++i) piece[i] = (char)pattern(p->flooded + i);
    p->flooded += length;
    send_bytes(p, piece, length);
  }
  if (p->up && p->flooded == o->flood && (!o->greeting || p->greeted)) hang_up(p);
  if (!uv_is_closing((uv_handle_t*)&p->tcp)) read_or_not(p);
}

static void greet(peer* p) {
  const transport_server_options* o = &p->server->options;
  if (!o->greeting || p->greeted) return;
  p->greeted = 1;
  if (o->identity) send_bytes(p, o->greeting, o->greeting_length);
  else send_raw(p, o->greeting, o->greeting_length);
}

/* ---- in ---- */
static void look_for_marker(peer* p, const char* data, size_t length) {
  const size_t size = sizeof TRANSPORT_MARKER - 1;
  char* all = malloc(p->tail_length + length);
  size_t total = p->tail_length + length, i, keep;
  must(all != NULL, "malloc");
  memcpy(all, p->tail, p->tail_length);
  memcpy(all + p->tail_length, data, length);
  for (i = 0; i + size <= total; ++i) if (memcmp(all + i, TRANSPORT_MARKER, size) == 0) ++p->server->seen.markers;
  keep = total < size - 1 ? total : size - 1;
  memcpy(p->tail, all + total - keep, keep);
  p->tail_length = keep;
  free(all);
}

static void take_bytes(peer* p, const char* data, size_t length) {
  transport_server_counts* seen = &p->server->seen;
  const size_t size = sizeof TRANSPORT_MARKER - 1;
  const char* all = data;
  const size_t all_length = length;
  size_t i;
  if (p->received == 0 && p->head_length < size) {   /* does it begin with the marker? */
    while (length > 0 && p->head_length < size && *data == TRANSPORT_MARKER[p->head_length]) {
      p->head[p->head_length++] = *data++;
      --length;
    }
    if (p->head_length == size) atomic_store(&seen->got_marker, 1);
    else if (length > 0) p->head_length = size;      /* no: a test that sends pattern() never begins like it */
  }
  for (i = 0; i < length; ++i) if ((uint8_t)data[i] != pattern(p->received + i)) ++seen->wrong_bytes;
  p->received += length;
  seen->bytes += length;
  if (p->server->options.echo) send_bytes(p, all, all_length);   /* after the count: who has the echo may look at it */
}

static void ssl_failed(peer* p, int rc) {
  int error = SSL_get_error(p->ssl, rc);
  transport_server_counts* seen = &p->server->seen;
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return;
  if (error == SSL_ERROR_ZERO_RETURN) {
    ++seen->close_notifies;
    return;
  }
  atomic_store(&seen->last_error, ERR_GET_REASON(ERR_peek_error()));
  ERR_clear_error();
  if (!p->up && p->server->options.reset_refused) {
    ++seen->failed_handshakes;
    reset(p);
    return;
  }
  send_records(p);
  if (p->up) {
    drop(p);
  } else {
    ++seen->failed_handshakes;
    drop_later(p);
  }
}

static void shake_hands(peer* p) {
  const char* name;
  int rc = SSL_do_handshake(p->ssl);
  if (rc == 1 || SSL_get_error(p->ssl, rc) == SSL_ERROR_WANT_READ) send_records(p);   /* else ssl_failed() does, or not */
  if (rc != 1) {
    ssl_failed(p, rc);
    return;
  }
  name = SSL_get_servername(p->ssl, TLSEXT_NAMETYPE_host_name);
  snprintf(p->server->name, sizeof p->server->name, "%s", name ? name : "");
  p->up = 1;
  ++p->server->seen.handshakes;
  if (p->server->options.renegotiate) {
    SSL_renegotiate(p->ssl);
    SSL_do_handshake(p->ssl);
    send_records(p);
  }
  pump(p);
}

static void on_alloc(uv_handle_t* handle, size_t suggested, uv_buf_t* buffer) {
  peer* p = handle->data;
  (void)suggested;
  *buffer = uv_buf_init(p->server->piece, PIECE);
}

static void on_read(uv_stream_t* stream, ssize_t count, const uv_buf_t* buffer) {
  peer* p = stream->data;
  transport_server_counts* seen = &p->server->seen;
  char plain[PIECE];
  int got;
  if (count < 0) {
    drop(p);
    return;
  }
  if (count == 0) return;
  seen->raw_bytes += (unsigned long long)count;
  look_for_marker(p, buffer->base, (size_t)count);
  if (!p->ssl) {
    take_bytes(p, buffer->base, (size_t)count);
  } else {
    ERR_clear_error();
    BIO_write(SSL_get_rbio(p->ssl), buffer->base, (int)count);
    if (!p->up) shake_hands(p);
    while (p->up && !uv_is_closing((uv_handle_t*)&p->tcp)) {
      got = SSL_read(p->ssl, plain, sizeof plain);
      if (got > 0) {
        take_bytes(p, plain, (size_t)got);
        continue;
      }
      ssl_failed(p, got);
      break;
    }
    send_records(p);
  }
  if (uv_is_closing((uv_handle_t*)&p->tcp)) return;
  if (p->up) greet(p);
  pump(p);
}

static void on_connection(uv_stream_t* listener, int status) {
  transport_server* s = listener->data;
  peer* p;
  if (status < 0) return;
  p = calloc(1, sizeof *p);
  must(p != NULL, "malloc");
  p->server = s;
  uv_tcp_init(&s->loop, &p->tcp);
  uv_timer_init(&s->loop, &p->later);
  p->tcp.data = p->later.data = p;
  p->handles = 2;
  must(uv_accept(listener, (uv_stream_t*)&p->tcp) == 0, "uv_accept");
  p->next = s->peers;
  if (p->next) p->next->previous = p;
  s->peers = p;
  ++s->seen.accepted;
  if (s->context) {
    p->ssl = SSL_new(s->context);
    SSL_set_bio(p->ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_accept_state(p->ssl);
  } else {
    p->up = 1;
    if (s->options.greet_first) greet(p);
  }
  pump(p);
}

/* ---- life ---- */
static int on_alpn(SSL* ssl, const unsigned char** out, unsigned char* out_length, const unsigned char* in, unsigned in_length,
                   void* argument) {
  transport_server* s = argument;
  const size_t wanted = strlen(s->options.alpn);
  unsigned i;
  (void)ssl;
  for (i = 0; i < in_length; i += 1u + in[i]) {
    if (in[i] != wanted || memcmp(in + i + 1, s->options.alpn, wanted) != 0) continue;
    *out = in + i + 1;
    *out_length = in[i];
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static void use_identity(SSL_CTX* context, const tls_identity* identity) {
  BIO* bio = BIO_new_mem_buf(identity->cert, (int)identity->cert_length);
  X509* x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
  EVP_PKEY* key;
  must(x && SSL_CTX_use_certificate(context, x) == 1, "the server's certificate");
  X509_free(x);
  while ((x = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
    SSL_CTX_add1_chain_cert(context, x);
    X509_free(x);
  }
  ERR_clear_error();
  BIO_free(bio);
  bio = BIO_new_mem_buf(identity->key, (int)identity->key_length);
  key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
  must(key && SSL_CTX_use_PrivateKey(context, key) == 1, "the server's key");
  EVP_PKEY_free(key);
  BIO_free(bio);
}

static SSL_CTX* make_context(transport_server* s) {
  const transport_server_options* o = &s->options;
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  must(context != NULL, "SSL_CTX_new");
  use_identity(context, o->identity);
  if (o->min_version) SSL_CTX_set_min_proto_version(context, o->min_version == 13 ? TLS1_3_VERSION : TLS1_2_VERSION);
  if (o->max_version) SSL_CTX_set_max_proto_version(context, o->max_version == 13 ? TLS1_3_VERSION : TLS1_2_VERSION);
  if (o->alpn) SSL_CTX_set_alpn_select_cb(context, on_alpn, s);
  if (o->client_ca) {
    BIO* bio = BIO_new_mem_buf(o->client_ca->cert, (int)o->client_ca->cert_length);
    X509* x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    must(x && X509_STORE_add_cert(SSL_CTX_get_cert_store(context), x) == 1, "the clients' CA");
    X509_free(x);
    BIO_free(bio);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
  }
  return context;
}

static void on_command(uv_async_t* command) {
  transport_server* s = command->data;
  peer* p;
  if (atomic_load(&s->stop)) {
    while (s->peers) drop(s->peers);
    uv_close((uv_handle_t*)&s->listener, NULL);
    uv_close((uv_handle_t*)&s->command, NULL);
    return;
  }
  for (p = s->peers; p; p = p->next) read_or_not(p);
}

static void run(void* argument) {
  transport_server* s = argument;
  union { struct sockaddr any; struct sockaddr_in v4; struct sockaddr_in6 v6; struct sockaddr_storage room; } address;
  const char* host = s->options.host ? s->options.host : "127.0.0.1";
  int size = sizeof address;
  memset(&address, 0, sizeof address);
  if (uv_ip4_addr(host, s->options.port, &address.v4) != 0) must(uv_ip6_addr(host, s->options.port, &address.v6) == 0, "the address");
  uv_tcp_init(&s->loop, &s->listener);
  s->listener.data = s;
  must(uv_tcp_bind(&s->listener, &address.any, 0) == 0, "uv_tcp_bind");
  must(uv_listen((uv_stream_t*)&s->listener, 512, on_connection) == 0, "uv_listen");
  must(uv_tcp_getsockname(&s->listener, &address.any, &size) == 0, "uv_tcp_getsockname");
  s->port = ntohs(address.any.sa_family == AF_INET ? address.v4.sin_port : address.v6.sin6_port);
  uv_sem_post(&s->ready);
  uv_run(&s->loop, UV_RUN_DEFAULT);
  must(uv_loop_close(&s->loop) == 0, "uv_loop_close");
  OPENSSL_thread_stop();
}

transport_server* transport_server_start(const transport_server_options* options) {
  transport_server* s = calloc(1, sizeof *s);
  must(s != NULL, "malloc");
  s->options = *options;
  if (options->identity) s->context = make_context(s);
  must(uv_loop_init(&s->loop) == 0 && uv_sem_init(&s->ready, 0) == 0, "uv_loop_init");
  must(uv_async_init(&s->loop, &s->command, on_command) == 0, "uv_async_init");
  s->command.data = s;
  must(uv_thread_create(&s->thread, run, s) == 0, "uv_thread_create");
  uv_sem_wait(&s->ready);
  return s;
}

int transport_server_port(const transport_server* s) { return s->port; }
const char* transport_server_name(const transport_server* s) { return s->name; }
transport_server_counts* transport_server_seen(transport_server* s) { return &s->seen; }

void transport_server_listen(transport_server* s) {
  atomic_store(&s->hear, 1);
  uv_async_send(&s->command);
}

void transport_server_stop(transport_server* s) {
  atomic_store(&s->stop, 1);
  uv_async_send(&s->command);
  uv_thread_join(&s->thread);
  uv_sem_destroy(&s->ready);
  SSL_CTX_free(s->context);
  free(s);
}
