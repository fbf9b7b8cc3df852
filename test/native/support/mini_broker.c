#include "mini_broker.h"
#include <assert.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>
#if !defined(_WIN32)
#include <pthread.h>
#include <signal.h>
#endif

typedef struct filter { struct filter* next; int qos; char text[]; } filter;

struct mini_link {
  uv_tcp_t tcp;
  mini_broker* broker;
  mini_link *next, **place;
  uint8_t* in;
  size_t used, capacity;
  SSL* ssl;                /* on memory: what the socket brings goes in, what it wants to say is sent */
  char* cipher;            /* where the socket's bytes are read to, with TLS */
  int version, closing, paused;
  uint16_t last_id;
  filter* filters;
};

struct mini_broker {
  uv_loop_t loop;
  uv_thread_t thread;
  uv_tcp_t server;
  uv_async_t wake;
  uv_mutex_t lock;
  uv_cond_t done;
  void (*fn)(mini_broker*, void*);
  void* argument;
  mini_script script;
  SSL_CTX* tls;
  mini_link* links;
  int port, stopping;
  unsigned long counts[16];
};

typedef struct { uv_write_t request; char bytes[]; } write_request;

int mini_broker_port(const mini_broker* b) { return b->port; }
mini_link* mini_broker_first(mini_broker* b) { return b->links; }
mini_link* mini_broker_next(mini_link* link) { return link->next; }
int mini_link_version(const mini_link* link) { return link->version; }

static void on_written(uv_write_t* request, int status) { (void)status; free(request); }

static void send_raw(mini_link* link, const void* bytes, size_t length) {
  write_request* w;
  uv_buf_t buffer;
  w = malloc(sizeof *w + length);
  assert(w);
  memcpy(w->bytes, bytes, length);
  buffer = uv_buf_init(w->bytes, (unsigned)length);
  if (uv_write(&w->request, (uv_stream_t*)&link->tcp, &buffer, 1, on_written) != 0) free(w);
}

#define CIPHER_SIZE 65536

/* what OpenSSL has written to memory goes to the socket */
static void send_cipher(mini_link* link) {
  char* data;
  long length = BIO_get_mem_data(SSL_get_wbio(link->ssl), &data);
  if (length > 0) send_raw(link, data, (size_t)length);
  (void)BIO_reset(SSL_get_wbio(link->ssl));
}

void mini_broker_send(mini_link* link, const void* bytes, size_t length) {
  size_t written = 0;
  if (link->closing) return;
  if (!link->ssl) {
    send_raw(link, bytes, length);
    return;
  }
  if (SSL_write_ex(link->ssl, bytes, length, &written) != 1) mini_broker_cut(link);
  else send_cipher(link);
}

static SSL_CTX* tls_context(const tls_identity* identity) {
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  BIO* cert = BIO_new_mem_buf(identity->cert, (int)identity->cert_length);
  BIO* key = BIO_new_mem_buf(identity->key, (int)identity->key_length);
  X509* x509 = PEM_read_bio_X509(cert, NULL, NULL, NULL);
  EVP_PKEY* private_key = PEM_read_bio_PrivateKey(key, NULL, NULL, NULL);
  int ok = context && SSL_CTX_use_certificate(context, x509) == 1 && SSL_CTX_use_PrivateKey(context, private_key) == 1;
  assert(ok);
  (void)ok;
  X509_free(x509);
  EVP_PKEY_free(private_key);
  BIO_free(cert);
  BIO_free(key);
  return context;
}

static void on_closed(uv_handle_t* handle) {
  mini_link* link = handle->data;
  while (link->filters) {
    filter* f = link->filters;
    link->filters = f->next;
    free(f);
  }
  SSL_free(link->ssl);
  free(link->cipher);
  free(link->in);
  free(link);
}
void mini_broker_cut(mini_link* link) {
  if (link->closing) return;
  link->closing = 1;
  *link->place = link->next;
  if (link->next) link->next->place = link->place;
  uv_close((uv_handle_t*)&link->tcp, on_closed);
}

static size_t put_length(uint8_t* at, size_t length) {
  size_t n = 0;
  do {
    at[n] = (uint8_t)(length % 128);
    length /= 128;
    if (length) at[n] |= 128;
    ++n;
  } while (length);
  return n;
}

static void send_publish(mini_link* link, const char* topic, size_t topic_length, const uint8_t* properties, size_t properties_length, const uint8_t* payload,
                         size_t length, int qos, int retain) {
  uint8_t* packet = malloc(topic_length + properties_length + length + 32);
  uint8_t* at = packet;
  size_t prefix = link->version == 5 ? (properties_length < 128 ? 1 : properties_length < 16384 ? 2 : 3) : 0;
  size_t rest = 2 + topic_length + (qos ? 2 : 0) + (link->version == 5 ? prefix + properties_length : 0) + length;
  assert(packet);
  *at++ = (uint8_t)(0x30 | qos << 1 | retain);
  at += put_length(at, rest);
  *at++ = (uint8_t)(topic_length >> 8);
  *at++ = (uint8_t)topic_length;
  memcpy(at, topic, topic_length);
  at += topic_length;
  if (qos) {
    link->last_id = link->last_id == 65535 ? 1 : (uint16_t)(link->last_id + 1);
    *at++ = (uint8_t)(link->last_id >> 8);
    *at++ = (uint8_t)link->last_id;
  }
  if (link->version == 5) {
    at += put_length(at, properties_length);
    if (properties_length) memcpy(at, properties, properties_length);
    at += properties_length;
  }
  if (length) memcpy(at, payload, length);
  mini_broker_send(link, packet, (size_t)(at - packet) + length);
  free(packet);
}

static int matches(const filter* f, const char* topic, size_t length) {
  size_t n = strlen(f->text);
  if (n && f->text[n - 1] == '#') return length >= n - 1 && memcmp(f->text, topic, n - 1) == 0;
  return n == length && memcmp(f->text, topic, n) == 0;
}

static void route(mini_broker* b, int version, const uint8_t* packet, const uint8_t* body, const uint8_t* end) {
  int qos = packet[0] >> 1 & 3;
  size_t topic_length = (size_t)body[0] << 8 | body[1], properties_length = 0;
  const char* topic = (const char*)body + 2;
  const uint8_t *payload = body + 2 + topic_length + (qos ? 2 : 0), *properties = NULL;
  mini_link* link;
  filter* f;
  if (version == 5) {
    int shift = 0;
    do properties_length |= (size_t)(*payload & 127) << shift, shift += 7; while (*payload++ & 128);
    properties = payload;
    payload += properties_length;
  }
  for (link = b->links; link; link = link->next)
    for (f = link->filters; f; f = f->next)
      if (matches(f, topic, topic_length)) {
        send_publish(link, topic, topic_length, link->version == 5 ? properties : NULL, link->version == 5 ? properties_length : 0, payload, (size_t)(end - payload),
                     f->qos < qos ? f->qos : qos, 0);
        break;
      }
}

static void on_subscribe(mini_link* link, const uint8_t* body, const uint8_t* end) {
  uint8_t codes[256], packet[280];
  size_t count = 0, at = 0;
  const uint8_t* p = body + 2;
  if (link->version == 5) p += 1 + *p;      /* the tests' properties are short */
  while (p < end && count < sizeof codes) {
    size_t length = (size_t)p[0] << 8 | p[1];
    filter* f = malloc(sizeof *f + length + 1);
    assert(f);
    memcpy(f->text, p + 2, length);
    f->text[length] = 0;
    f->qos = p[2 + length] & 3;
    f->next = link->filters;
    link->filters = f;
    codes[count++] = (uint8_t)f->qos;
    p += 3 + length;
  }
  packet[at++] = 0x90;
  packet[at++] = (uint8_t)(2 + (link->version == 5 ? 1 : 0) + count);
  packet[at++] = body[0];
  packet[at++] = body[1];
  if (link->version == 5) packet[at++] = 0;
  memcpy(packet + at, codes, count);
  mini_broker_send(link, packet, at + count);
}

static void on_unsubscribe(mini_link* link, const uint8_t* body) {
  uint8_t v4[] = { 0xb0, 2, body[0], body[1] }, v5[] = { 0xb0, 4, body[0], body[1], 0, 0 };
  while (link->filters) {
    filter* f = link->filters;
    link->filters = f->next;
    free(f);
  }
  if (link->version == 5) mini_broker_send(link, v5, sizeof v5);
  else mini_broker_send(link, v4, sizeof v4);
}

static void on_connect(mini_link* link, const uint8_t* body) {
  mini_broker* b = link->broker;
  uint8_t packet[512];
  size_t n = 0;
  link->version = body[6];
  packet[n++] = 0x20;
  packet[n++] = (uint8_t)(link->version == 5 ? 3 + b->script.connack_properties_length : 2);
  packet[n++] = 0;
  packet[n++] = b->script.connack_reason;
  if (link->version == 5) {
    packet[n++] = (uint8_t)b->script.connack_properties_length;
    memcpy(packet + n, b->script.connack_properties ? b->script.connack_properties : (const uint8_t*)"", b->script.connack_properties_length);
    n += b->script.connack_properties_length;
  }
  mini_broker_send(link, packet, n);
}

static void handle(mini_link* link, const uint8_t* packet, size_t header, size_t size) {
  mini_broker* b = link->broker;
  const uint8_t *body = packet + header, *end = packet + size;
  uint8_t ack[4] = { 0, 2, 0, 0 }, pingresp[2] = { 0xd0, 0 };
  int type = packet[0] >> 4;
  ++b->counts[type];
  if (b->script.on_packet && b->script.on_packet(b, link, packet, size, b->script.user)) return;
  if (b->script.mute || link->closing) return;
  switch (type) {
    case 1: on_connect(link, body); break;
    case 3: {
      int qos = packet[0] >> 1 & 3;
      size_t topic = (size_t)body[0] << 8 | body[1];
      if (qos) {
        ack[0] = qos == 1 ? 0x40 : 0x50;
        memcpy(ack + 2, body + 2 + topic, 2);
        mini_broker_send(link, ack, 4);
      }
      route(b, link->version, packet, body, end);
      break;
    }
    case 5: ack[0] = 0x62; memcpy(ack + 2, body, 2); mini_broker_send(link, ack, 4); break;
    case 6: ack[0] = 0x70; memcpy(ack + 2, body, 2); mini_broker_send(link, ack, 4); break;
    case 8: on_subscribe(link, body, end); break;
    case 10: on_unsubscribe(link, body); break;
    case 12: if (!b->script.no_pingresp) mini_broker_send(link, pingresp, 2); break;
    case 14: mini_broker_cut(link); break;
    default: break;
  }
}

static void make_room(mini_link* link) {
  if (link->capacity - link->used < 65536) {
    link->capacity = link->capacity * 2 + 65536;
    link->in = realloc(link->in, link->capacity);
    assert(link->in);
  }
}

static void on_alloc(uv_handle_t* handle, size_t suggested, uv_buf_t* buffer) {
  mini_link* link = handle->data;
  (void)suggested;
  make_room(link);
  if (link->ssl) *buffer = uv_buf_init(link->cipher, CIPHER_SIZE);
  else *buffer = uv_buf_init((char*)link->in + link->used, (unsigned)(link->capacity - link->used));
}

/* the bytes in link->cipher, decrypted, behind what link->in holds */
static void decrypt(mini_link* link, size_t length) {
  size_t got = 0;
  BIO_write(SSL_get_rbio(link->ssl), link->cipher, (int)length);
  for (;;) {
    make_room(link);
    if (SSL_read_ex(link->ssl, link->in + link->used, link->capacity - link->used, &got) != 1) break;
    link->used += got;
  }
  if (SSL_get_error(link->ssl, -1) == SSL_ERROR_SSL) {
    send_cipher(link);
    mini_broker_cut(link);
  } else {
    send_cipher(link);
  }
}

static void on_read(uv_stream_t* stream, ssize_t n, const uv_buf_t* buffer) {
  mini_link* link = stream->data;
  size_t at = 0;
  (void)buffer;
  if (n < 0) {
    mini_broker_cut(link);
    return;
  }
  if (link->ssl) decrypt(link, (size_t)n);
  else link->used += (size_t)n;
  while (!link->closing && link->used - at >= 2) {
    size_t header = 1, length = 0;
    int shift = 0, complete = 0;
    while (header < link->used - at && !complete) {
      uint8_t byte = link->in[at + header++];
      length |= (size_t)(byte & 127) << shift;
      shift += 7;
      complete = !(byte & 128);
    }
    if (!complete || link->used - at < header + length) break;
    handle(link, link->in + at, header, header + length);
    at += header + length;
  }
  if (at) memmove(link->in, link->in + at, link->used -= at);
}

static void on_connection(uv_stream_t* server, int status) {
  mini_broker* b = server->data;
  mini_link* link;
  if (status < 0) return;
  link = calloc(1, sizeof *link);
  assert(link);
  link->broker = b;
  link->version = 4;
  uv_tcp_init(&b->loop, &link->tcp);
  link->tcp.data = link;
  link->next = b->links;
  link->place = &b->links;
  if (link->next) link->next->place = &link->next;
  b->links = link;
  uv_accept(server, (uv_stream_t*)&link->tcp);
  uv_tcp_nodelay(&link->tcp, 1);
  if (b->tls) {
    link->ssl = SSL_new(b->tls);
    link->cipher = malloc(CIPHER_SIZE);
    assert(link->ssl && link->cipher);
    SSL_set_bio(link->ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_accept_state(link->ssl);
  }
  uv_read_start((uv_stream_t*)&link->tcp, on_alloc, on_read);
}

void mini_broker_pause(mini_link* link, int pause) {
  link->paused = pause;
  if (pause) uv_read_stop((uv_stream_t*)&link->tcp);
  else uv_read_start((uv_stream_t*)&link->tcp, on_alloc, on_read);
}

static void on_wake(uv_async_t* wake) {
  mini_broker* b = wake->data;
  uv_mutex_lock(&b->lock);
  if (b->fn) {
    b->fn(b, b->argument);
    b->fn = NULL;
    uv_cond_broadcast(&b->done);
  }
  if (b->stopping) {
    while (b->links) mini_broker_cut(b->links);
    uv_close((uv_handle_t*)&b->server, NULL);
    uv_close((uv_handle_t*)&b->wake, NULL);
  }
  uv_mutex_unlock(&b->lock);
}

void mini_broker_call(mini_broker* b, void (*fn)(mini_broker*, void*), void* argument) {
  uv_mutex_lock(&b->lock);
  b->fn = fn;
  b->argument = argument;
  uv_async_send(&b->wake);
  while (b->fn) uv_cond_wait(&b->done, &b->lock);
  uv_mutex_unlock(&b->lock);
}

static void run(void* argument) {
  mini_broker* b = argument;
#if !defined(_WIN32)
  /* this thread only: the core must survive a closed peer by itself */
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
#endif
  uv_run(&b->loop, UV_RUN_DEFAULT);
}

mini_broker* mini_broker_start(const mini_script* script) {
  mini_broker* b = calloc(1, sizeof *b);
  struct sockaddr_in address;
  int length = sizeof address, ok;
  assert(b);
  if (script) b->script = *script;
  if (b->script.identity) b->tls = tls_context(b->script.identity);
  uv_mutex_init(&b->lock);
  uv_cond_init(&b->done);
  uv_loop_init(&b->loop);
  uv_async_init(&b->loop, &b->wake, on_wake);
  uv_tcp_init(&b->loop, &b->server);
  b->wake.data = b;
  b->server.data = b;
  uv_ip4_addr("127.0.0.1", 0, &address);
  ok = uv_tcp_bind(&b->server, (struct sockaddr*)&address, 0) == 0 && uv_listen((uv_stream_t*)&b->server, 4096, on_connection) == 0 &&
       uv_tcp_getsockname(&b->server, (struct sockaddr*)&address, &length) == 0;
  assert(ok);
  (void)ok;
  b->port = (int)((unsigned)((uint8_t*)&address.sin_port)[0] << 8 | ((uint8_t*)&address.sin_port)[1]);
  uv_thread_create(&b->thread, run, b);
  return b;
}

void mini_broker_stop(mini_broker* b) {
  uv_mutex_lock(&b->lock);
  b->stopping = 1;
  uv_mutex_unlock(&b->lock);
  uv_async_send(&b->wake);
  uv_thread_join(&b->thread);
  uv_loop_close(&b->loop);
  uv_mutex_destroy(&b->lock);
  uv_cond_destroy(&b->done);
  SSL_CTX_free(b->tls);
  free(b);
}

/* ---- the same for any thread ---- */
typedef struct { const void* bytes; size_t length; int number; unsigned count; size_t size; unsigned long result; } call;

static void do_send_all(mini_broker* b, void* p) {
  call* k = p;
  mini_link* link;
  for (link = b->links; link; link = link->next) mini_broker_send(link, k->bytes, k->length);
}
void mini_broker_send_all(mini_broker* b, const void* bytes, size_t length) {
  call k = { bytes, length, 0, 0, 0, 0 };
  mini_broker_call(b, do_send_all, &k);
}
static void do_cut_all(mini_broker* b, void* p) {
  (void)p;
  while (b->links) mini_broker_cut(b->links);
}
void mini_broker_cut_all(mini_broker* b) { mini_broker_call(b, do_cut_all, NULL); }
static void do_pause_all(mini_broker* b, void* p) {
  mini_link* link;
  for (link = b->links; link; link = link->next) mini_broker_pause(link, ((call*)p)->number);
}
void mini_broker_pause_all(mini_broker* b, int pause) {
  call k = { NULL, 0, pause, 0, 0, 0 };
  mini_broker_call(b, do_pause_all, &k);
}
static void do_count(mini_broker* b, void* p) { ((call*)p)->result = b->counts[((call*)p)->number]; }
unsigned long mini_broker_count(mini_broker* b, int type) {
  call k = { NULL, 0, type, 0, 0, 0 };
  mini_broker_call(b, do_count, &k);
  return k.result;
}
static void do_flood(mini_broker* b, void* p) {
  call* k = p;
  uint8_t* payload = calloc(1, k->size + 16);
  mini_link* link;
  unsigned i;
  assert(payload);
  for (link = b->links; link; link = link->next)
    for (i = 0; i < k->count; i++) {
      char number[16];
      snprintf(number, sizeof number, "%010u", i);
      memcpy(payload, number, k->size < 10 ? k->size : 10);
      send_publish(link, k->bytes, strlen(k->bytes), NULL, 0, payload, k->size, k->number, 0);
    }
  free(payload);
}
void mini_broker_flood(mini_broker* b, const char* topic, unsigned count, size_t size, int qos) {
  call k = { topic, 0, qos, count, size, 0 };
  mini_broker_call(b, do_flood, &k);
}
static void do_backlog(mini_broker* b, void* p) {
  mini_link* link;
  for (link = b->links; link; link = link->next) ((call*)p)->result += (unsigned long)uv_stream_get_write_queue_size((uv_stream_t*)&link->tcp);
}
size_t mini_broker_backlog(mini_broker* b) {
  call k = { NULL, 0, 0, 0, 0, 0 };
  mini_broker_call(b, do_backlog, &k);
  return k.result;
}
