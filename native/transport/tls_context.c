/* Certificates and settings of TLS, parsed once and shared by all connections with equal options; OpenSSL's start and end.
 *
 * Two caches. Contexts, by everything in the options, live as long as somebody uses them: keys do not stay behind. CA stores, by
 * the CA text alone, stay for the next context (144 certificates take 10-27 ms to parse, at every reconnect otherwise). */
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "connection_private.h"
#include "mqtt_native.h"
#include "tls.h"

struct mqn_tls_context {
  mqn_tls_context* next;       /* transport.contexts */
  int references;
  unsigned char digest[32];
  SSL_CTX* ssl;
  char* server_name;
  int verifies;
};

typedef struct report { char* text; size_t size; } report;

/* What was wrong, with OpenSSL's reason behind it. Reasons are fixed texts: they hold nothing of a key. */
static int refuse(const report* r, const char* what) {
  unsigned long code = ERR_peek_error();
  const char* reason = code ? ERR_reason_error_string(code) : NULL;
  if (r->size) snprintf(r->text, r->size, "%s%s%s", what, reason ? ": " : "", reason ? reason : "");
  ERR_clear_error();
  return -1;
}

/* ---- digests ---- */
static void digest_bytes(EVP_MD_CTX* md, const void* data, size_t length) {
  uint64_t header = data ? (uint64_t)length + 1 : 0;   /* NULL is not "" */
  EVP_DigestUpdate(md, &header, sizeof header);
  if (data && length) EVP_DigestUpdate(md, data, length);
}
static void digest_text(EVP_MD_CTX* md, const char* text) { digest_bytes(md, text, text ? strlen(text) : 0); }

static int digest_options(const mqn_tls_options* o, unsigned char* digest) {
  EVP_MD_CTX* md = EVP_MD_CTX_new();
  int numbers[3], ok = md && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1;
  if (ok) {
    numbers[0] = o->min_version;
    numbers[1] = o->max_version;
    numbers[2] = o->insecure_skip_verify != 0;
    digest_bytes(md, o->ca, o->ca_length);
    digest_bytes(md, o->cert, o->cert_length);
    digest_bytes(md, o->key, o->key_length);
    digest_text(md, o->passphrase);
    digest_text(md, o->server_name);
    digest_text(md, o->ciphers);
    digest_text(md, o->alpn);
    digest_bytes(md, numbers, sizeof numbers);
    ok = EVP_DigestFinal_ex(md, digest, NULL) == 1;
  }
  EVP_MD_CTX_free(md);
  return ok ? 0 : -1;
}

/* ---- CA ---- */
static BIO* text_bio(const char* text, size_t length) { return length <= INT_MAX ? BIO_new_mem_buf(text, (int)length) : NULL; }

/* Never asks a terminal, as OpenSSL's own would: without a passphrase an encrypted key is an error. */
static int on_passphrase(char* to, int size, int writing, void* passphrase) {
  size_t length;
  (void)writing;
  if (!passphrase) return -1;
  length = strlen(passphrase);
  if (length > (size_t)size) return -1;
  memcpy(to, passphrase, length);
  return (int)length;
}

static int at_end(void) {
  unsigned long code = ERR_peek_last_error();
  return ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
}

/* A certificate that OpenSSL cannot read is left out: bundles of a host hold some. */
static X509_STORE* parse_store(const char* pem, size_t length, const report* r) {
  X509_STORE* store = X509_STORE_new();
  BIO* bio = text_bio(pem, length);
  int count = 0;
  while (store && bio) {
    X509* certificate = PEM_read_bio_X509(bio, NULL, on_passphrase, NULL);
    if (!certificate && (at_end() || BIO_pending(bio) == 0)) break;
    if (certificate && X509_STORE_add_cert(store, certificate) == 1) ++count;
    X509_free(certificate);
    ERR_clear_error();
  }
  BIO_free(bio);
  if (count > 0) {
    ERR_clear_error();
    return store;
  }
  X509_STORE_free(store);
  refuse(r, "the CA holds no certificate that can be read");
  return NULL;
}

/* a reference for the caller */
static X509_STORE* store_for(const char* pem, size_t length, const report* r) {
  mqn_transport* t = &mqn_the_transport;
  unsigned char digest[32];
  X509_STORE* store;
  int i, oldest = 0;
  if (EVP_Digest(pem, length, digest, NULL, EVP_sha256(), NULL) != 1) {
    refuse(r, "the CA cannot be hashed");
    return NULL;
  }
  for (i = 0; i < MQN_STORES; ++i) {
    if (t->stores[i].store && memcmp(t->stores[i].digest, digest, sizeof digest) == 0) {
      t->stores[i].used = ++t->stores_clock;
      X509_STORE_up_ref(t->stores[i].store);
      return t->stores[i].store;
    }
    if (t->stores[i].used < t->stores[oldest].used) oldest = i;
  }
  store = parse_store(pem, length, r);
  if (!store) return NULL;
  X509_STORE_free(t->stores[oldest].store);
  memcpy(t->stores[oldest].digest, digest, sizeof digest);
  t->stores[oldest].store = store;
  t->stores[oldest].used = ++t->stores_clock;
  X509_STORE_up_ref(store);
  return store;
}

/* ---- the parts of a context ---- */
static int set_verification(SSL_CTX* ssl, const mqn_tls_options* o, const report* r) {
  X509_STORE* store;
  SSL_CTX_set_verify(ssl, o->insecure_skip_verify ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
  if (!o->ca) {
    SSL_CTX_set_default_verify_paths(ssl);
    ERR_clear_error();
    return 0;
  }
  store = store_for(o->ca, o->ca_length, r);
  if (!store) return -1;
  SSL_CTX_set_cert_store(ssl, store);   /* takes the reference */
  return 0;
}

static int set_chain(SSL_CTX* ssl, const mqn_tls_options* o, const report* r) {
  BIO* bio = text_bio(o->cert, o->cert_length);
  X509* certificate = bio ? PEM_read_bio_X509(bio, NULL, on_passphrase, NULL) : NULL;
  int ok = certificate && SSL_CTX_use_certificate(ssl, certificate) == 1;
  X509_free(certificate);
  while (ok && (certificate = PEM_read_bio_X509(bio, NULL, on_passphrase, NULL)) != NULL) {
    ok = SSL_CTX_add1_chain_cert(ssl, certificate) == 1;
    X509_free(certificate);
  }
  ok = ok && at_end();
  BIO_free(bio);
  if (!ok) return refuse(r, "the client certificate cannot be read");
  ERR_clear_error();
  return 0;
}

static int set_key(SSL_CTX* ssl, const mqn_tls_options* o, const report* r) {
  BIO* bio = text_bio(o->key, o->key_length);
  EVP_PKEY* key = bio ? PEM_read_bio_PrivateKey(bio, NULL, on_passphrase, (void*)o->passphrase) : NULL;
  int result = 0;
  BIO_free(bio);
  if (!key) return refuse(r, o->passphrase ? "the client key cannot be read with this passphrase" : "the client key cannot be read");
  if (SSL_CTX_use_PrivateKey(ssl, key) != 1 || SSL_CTX_check_private_key(ssl) != 1)
    result = refuse(r, "the client key does not belong to the client certificate");
  EVP_PKEY_free(key);
  return result;
}

static int set_alpn(SSL_CTX* ssl, const char* list, const report* r) {
  size_t length = strlen(list), i, start = 0;
  unsigned char* wire = malloc(length + 1);
  int result = 0;
  if (!wire) return refuse(r, "out of memory");
  for (i = 0; i <= length; ++i) {       /* "a,bc" -> 1 a 2 bc: a comma's place takes the length of what follows it */
    if (i < length && list[i] != ',') {
      wire[i + 1] = (unsigned char)list[i];
      continue;
    }
    if (i == start || i - start > 255) {
      free(wire);
      return refuse(r, "an ALPN protocol name must have 1 to 255 bytes");
    }
    wire[start] = (unsigned char)(i - start);
    start = i + 1;
  }
  if (length + 1 > UINT_MAX || SSL_CTX_set_alpn_protos(ssl, wire, (unsigned)(length + 1)) != 0) result = refuse(r, "ALPN was refused");
  free(wire);
  return result;
}

static int version_of(int number) { return number == 13 ? TLS1_3_VERSION : number == 12 ? TLS1_2_VERSION : -1; }

static int set_protocol(SSL_CTX* ssl, const mqn_tls_options* o, const report* r) {
  int least = version_of(o->min_version ? o->min_version : 12), most = o->max_version ? version_of(o->max_version) : 0;
  if (least < 0 || most < 0) return refuse(r, "the TLS version must be 12 or 13");
  if (most && most < least) return refuse(r, "the highest TLS version is below the lowest");
  if (SSL_CTX_set_min_proto_version(ssl, least) != 1 || SSL_CTX_set_max_proto_version(ssl, most) != 1)
    return refuse(r, "the TLS version was refused");
  if (o->ciphers && SSL_CTX_set_cipher_list(ssl, o->ciphers) != 1) return refuse(r, "the cipher list names no cipher that can be used");
  if (o->alpn && set_alpn(ssl, o->alpn, r) < 0) return -1;
  SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET);
  SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
  /* an idle connection holds no record buffers; p->out moves between two calls of SSL_write */
  SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  return 0;
}

static int configure(SSL_CTX* ssl, const mqn_tls_options* o, const report* r) {
  if (set_protocol(ssl, o, r) < 0 || set_verification(ssl, o, r) < 0) return -1;
  if (!o->cert != !o->key) return refuse(r, o->cert ? "a client certificate needs its key" : "a client key needs its certificate");
  if (o->cert && (set_chain(ssl, o, r) < 0 || set_key(ssl, o, r) < 0)) return -1;
  return 0;
}

static void free_context(mqn_tls_context* context) {
  SSL_CTX_free(context->ssl);
  free(context->server_name);
  OPENSSL_cleanse(context->digest, sizeof context->digest);
  free(context);
}

mqn_tls_context* mqn_tls_context_new(const struct mqn_tls_options* given, char* error, size_t error_size) {
  report r = { error, error_size };
  mqn_tls_options options;
  mqn_tls_context* context;
  unsigned char digest[32];
  size_t size = given->struct_size && given->struct_size < sizeof options ? given->struct_size : sizeof options;
  memset(&options, 0, sizeof options);
  memcpy(&options, given, size);       /* an older caller's structure is shorter */
  ERR_clear_error();
  if (digest_options(&options, digest) < 0) {
    refuse(&r, "the TLS options cannot be hashed");
    return NULL;
  }
  for (context = mqn_the_transport.contexts; context; context = context->next)
    if (CRYPTO_memcmp(context->digest, digest, sizeof digest) == 0) return mqn_tls_context_retain(context);
  context = calloc(1, sizeof *context);
  if (context) context->ssl = SSL_CTX_new(TLS_client_method());
  if (context && options.server_name) {
    context->server_name = malloc(strlen(options.server_name) + 1);
    if (context->server_name) strcpy(context->server_name, options.server_name);
  }
  if (!context || !context->ssl || (options.server_name && !context->server_name)) {
    if (context) free_context(context);
    refuse(&r, "out of memory");
    return NULL;
  }
  if (configure(context->ssl, &options, &r) < 0) {
    free_context(context);
    return NULL;
  }
  memcpy(context->digest, digest, sizeof digest);
  context->verifies = !options.insecure_skip_verify;
  context->references = 1;
  context->next = mqn_the_transport.contexts;
  mqn_the_transport.contexts = context;
  return context;
}

mqn_tls_context* mqn_tls_context_retain(mqn_tls_context* context) {
  ++context->references;
  return context;
}

void mqn_tls_context_release(mqn_tls_context* context) {
  mqn_tls_context** place;
  if (!context || --context->references > 0) return;
  for (place = &mqn_the_transport.contexts; *place && *place != context; place = &(*place)->next) {}
  if (*place) *place = context->next;
  free_context(context);
}

SSL_CTX* mqn_tls_context_get(const mqn_tls_context* context) { return context->ssl; }
const char* mqn_tls_context_server_name(const mqn_tls_context* context) { return context->server_name; }
int mqn_tls_context_verifies(const mqn_tls_context* context) { return context->verifies; }

/* ---- the library ---- */
void mqn_tls_library_init(void) {
  const uint64_t texts = OPENSSL_INIT_LOAD_SSL_STRINGS | OPENSSL_INIT_LOAD_CRYPTO_STRINGS;
  OPENSSL_init_ssl(texts | OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL);   /* no file of the host steers it */
}

void mqn_tls_library_end(void) {
  mqn_transport* t = &mqn_the_transport;
  int i;
  for (i = 0; i < MQN_STORES; ++i) {
    X509_STORE_free(t->stores[i].store);
    t->stores[i].store = NULL;
  }
  BIO_meth_free(t->bio_method);
  t->bio_method = NULL;
  OPENSSL_thread_stop();
}
