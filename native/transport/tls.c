/* TLS on the transport's buffers: OpenSSL reads the bytes of the running read callback and writes records to p->cipher. */
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "connection_private.h"
#include "mqtt_native.h"
#include "tls.h"

#define RECORD (16u << 10)

struct mqn_tls {
  SSL* ssl;
  const char* incoming;        /* ciphertext of the running read callback; valid in mqn_tls_feed() only */
  size_t incoming_length;
  int no_memory;               /* a buffer of ours had none: OpenSSL only knows "the BIO failed" */
  int broken;                  /* a fatal error: no call into OpenSSL any more but SSL_free */
  int notified;                /* close_notify was sent */
  int asked;                   /* the server wanted a certificate of this side */
  int heard;                   /* bytes came after the handshake, see mqn_tls_unjudged() */
  int error;                   /* MQN_ERR_*: mqn_tls_fed() has something to tell */
  char name[256];              /* sent and verified */
  char reason[700];
};

/* ---- the BIO ---- */
static int bio_read(BIO* bio, char* to, int length) {
  mqn_tls* t = ((mqn_connection*)BIO_get_data(bio))->p->tls;
  size_t count = t->incoming_length < (size_t)length ? t->incoming_length : (size_t)length;
  BIO_clear_retry_flags(bio);
  if (count == 0) {
    BIO_set_retry_read(bio);
    return -1;
  }
  memcpy(to, t->incoming, count);
  t->incoming += count;
  t->incoming_length -= count;
  return (int)count;
}

static int bio_write(BIO* bio, const char* from, int length) {
  mqn_connection* c = BIO_get_data(bio);
  BIO_clear_retry_flags(bio);
  mqn_buffer_take_spare(&c->p->cipher, (size_t)length);
  if (mqn_buffer_append(&c->p->cipher, from, (size_t)length) == 0) return length;
  c->p->tls->no_memory = 1;
  return -1;
}

static long bio_control(BIO* bio, int command, long number, void* pointer) {
  (void)bio;
  (void)number;
  (void)pointer;
  return command == BIO_CTRL_FLUSH;
}

static int bio_create(BIO* bio) {
  BIO_set_init(bio, 1);
  return 1;
}

static BIO* new_bio(mqn_connection* c) {
  static int type;             /* of the process: there are 128 and none is given back, so not one for each start of the transport */
  mqn_transport* transport = &mqn_the_transport;
  BIO* bio;
  if (!transport->bio_method) {
    BIO_METHOD* method;
    if (!type) type = BIO_get_new_index() | BIO_TYPE_SOURCE_SINK;
    method = BIO_meth_new(type, "mqtt-native");
    if (!method) return NULL;
    BIO_meth_set_read(method, bio_read);
    BIO_meth_set_write(method, bio_write);
    BIO_meth_set_ctrl(method, bio_control);
    BIO_meth_set_create(method, bio_create);
    transport->bio_method = method;
  }
  bio = BIO_new(transport->bio_method);
  if (bio) BIO_set_data(bio, c);
  return bio;
}

/* ---- reasons in words ---- */
static const char* plain_port_hint(unsigned long code) {
  if (ERR_GET_LIB(code) != ERR_LIB_SSL) return "";
  switch (ERR_GET_REASON(code)) {
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
    case SSL_R_BAD_RECORD_TYPE:
    case SSL_R_UNEXPECTED_RECORD: return " (is this a TLS port?)";
    default: return "";
  }
}

/* OpenSSL has given up: notes why, and stops application bytes. p->cipher may hold an alert, which still leaves. */
static void note_failure(mqn_connection* c) {
  mqn_connection_private* p = c->p;
  mqn_tls* t = p->tls;
  unsigned long code = ERR_peek_error();
  const char* text = ERR_reason_error_string(code);
  long verified = SSL_get_verify_result(t->ssl);
  char where[320];
  int handshake = c->state == MQN_CONNECTION_HANDSHAKE;
  mqn_connection_where(c, where, sizeof where);
  t->error = MQN_ERR_TLS;
  if (t->no_memory || ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE || ERR_GET_REASON(ERR_peek_last_error()) == ERR_R_MALLOC_FAILURE) {
    t->error = MQN_ERR_NO_MEMORY;
    snprintf(t->reason, sizeof t->reason, "out of memory");
  } else if (handshake && verified != X509_V_OK && mqn_tls_context_verifies(p->context)) {
    int name = verified == X509_V_ERR_HOSTNAME_MISMATCH || verified == X509_V_ERR_IP_ADDRESS_MISMATCH;
    snprintf(t->reason, sizeof t->reason, "TLS handshake with %s: certificate verify error %ld: %s%s%s%s", where, verified,
             X509_verify_cert_error_string(verified), name ? " (it is not for " : "", name ? t->name : "", name ? ")" : "");
  } else {
    snprintf(t->reason, sizeof t->reason, "TLS %s %s: %s%s", handshake ? "handshake with" : "connection to", where,
             text ? text : "unknown error", plain_port_hint(code));
  }
  ERR_clear_error();
  t->broken = 1;
  p->sealed = 1;
  p->dropping = 1;
  p->alert_sent = mqn_buffer_length(&p->cipher) > 0;
  mqn_write_drop(c);
}

/* what `rc` of an SSL_ call means. 0: later, -1: failed and noted */
static int check(mqn_connection* c, int rc) {
  int error = SSL_get_error(c->p->tls->ssl, rc);
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
    ERR_clear_error();
    return 0;
  }
  note_failure(c);
  return -1;
}

/* ---- handshake ---- */
static void handshake(mqn_connection* c) {
  int rc;
  ERR_clear_error();
  rc = SSL_do_handshake(c->p->tls->ssl);
  if (rc == 1) mqn_connection_opened(c);   /* only now is the server proven, only now may CONNECT with its password leave */
  else check(c, rc);
}

/* The name to send and to verify: given with the connection, with the context, or the host. */
static void choose_name(mqn_connection* c) {
  mqn_connection_private* p = c->p;
  const char* name = p->server_name;
  size_t length;
  char* zone;
  if (!name || !*name) name = mqn_tls_context_server_name(p->context);
  if (!name || !*name) name = p->host;
  length = strlen(name);
  if (length >= sizeof p->tls->name) return;      /* "": no certificate can be for it */
  memcpy(p->tls->name, name, length + 1);
  if (strchr(name, ':')) {
    zone = strchr(p->tls->name, '%');             /* fe80::1%eth0: the zone is this host's matter */
    if (zone) *zone = 0;
  } else if (length > 0 && name[length - 1] == '.') {
    p->tls->name[length - 1] = 0;                 /* RFC 6066: without the root's dot */
  }
}

/* 0: what must be verified is set. Never leaves a connection that verifies without a name. */
static int set_name(mqn_connection* c) {
  mqn_tls* t = c->p->tls;
  unsigned char address[16];
  if (!t->name[0]) return mqn_tls_context_verifies(c->p->context) ? -1 : 0;
  if (uv_inet_pton(AF_INET, t->name, address) == 0 || uv_inet_pton(AF_INET6, t->name, address) == 0)
    return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(t->ssl), t->name) == 1 ? 0 : -1;
  X509_VERIFY_PARAM_set_hostflags(SSL_get0_param(t->ssl), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  if (X509_VERIFY_PARAM_set1_host(SSL_get0_param(t->ssl), t->name, 0) != 1) return -1;
  return SSL_set_tlsext_host_name(t->ssl, t->name) == 1 ? 0 : -1;
}

static int on_certificate_wanted(SSL* ssl, void* c) {
  (void)ssl;
  ((mqn_connection*)c)->p->tls->asked = 1;
  return 1;                    /* what the context has is shown, if it has one */
}

void mqn_tls_start(mqn_connection* c) {
  mqn_connection_private* p = c->p;
  char where[320];
  BIO* bio;
  p->tls = calloc(1, sizeof *p->tls);
  if (p->tls) p->tls->ssl = SSL_new(mqn_tls_context_get(p->context));
  bio = p->tls && p->tls->ssl ? new_bio(c) : NULL;
  if (!bio) {
    ERR_clear_error();
    mqn_connection_end(c, MQN_ERR_NO_MEMORY, "out of memory");
    return;
  }
  SSL_set_bio(p->tls->ssl, bio, bio);
  SSL_set_connect_state(p->tls->ssl);
  SSL_set_cert_cb(p->tls->ssl, on_certificate_wanted, c);
  choose_name(c);
  if (set_name(c) < 0) {
    ERR_clear_error();
    p->tls->broken = 1;
    mqn_connection_end(c, MQN_ERR_TLS, "TLS handshake with %s: not a name that a certificate can be verified for",
                       mqn_connection_where(c, where, sizeof where));
    return;
  }
  handshake(c);
  mqn_tls_fed(c);
}

/* ---- bytes ---- */
void mqn_tls_feed(mqn_connection* c, const char* data, size_t length) {
  mqn_tls* t = c->p->tls;
  if (t->broken || t->error) return;
  t->incoming = data;
  t->incoming_length = length;
  if (c->state == MQN_CONNECTION_HANDSHAKE) handshake(c);
  else t->heard = 1;
  mqn_buffer_take_spare(&c->in, length > 4096 ? length : SIZE_MAX);
  while (c->state == MQN_CONNECTION_OPEN && !t->error) {
    size_t room;
    int count;
    if (!mqn_buffer_reserve(&c->in, RECORD)) {
      t->no_memory = 1;
      note_failure(c);
      break;
    }
    room = c->in.capacity - c->in.end;
    ERR_clear_error();
    count = SSL_read(t->ssl, c->in.data + c->in.end, (int)(room < 1u << 30 ? room : 1u << 30));
    if (count > 0) {
      c->in.end += (size_t)count;
      c->bytes_in += (uint64_t)count;
    } else if (SSL_get_error(t->ssl, count) == SSL_ERROR_ZERO_RETURN) {   /* close_notify */
      t->error = MQN_ERR_CONNECTION_LOST;
      snprintf(t->reason, sizeof t->reason, "the server closed the TLS connection");
      c->p->dropping = 1;
      mqn_write_drop(c);
    } else {
      check(c, count);
      break;
    }
  }
  t->incoming = NULL;
  t->incoming_length = 0;
}

void mqn_tls_fed(mqn_connection* c) {
  if (c->p->tls->error) mqn_connection_fail(c, c->p->tls->error, "%s", c->p->tls->reason);
}

size_t mqn_tls_encrypt(mqn_connection* c, const char* data, size_t length, size_t most) {
  mqn_tls* t = c->p->tls;
  size_t done = 0;
  while (done < length && done < most && !t->broken) {
    size_t rest = length - done;
    int count;
    ERR_clear_error();
    count = SSL_write(t->ssl, data + done, (int)(rest < RECORD ? rest : RECORD));
    if (count <= 0) {
      if (check(c, count) < 0) mqn_tls_fed(c);
      break;
    }
    done += (size_t)count;
  }
  if (t->broken) return 0;     /* the caller's data may be gone, see note_failure(); what was encrypted is never counted */
  c->p->cipher_application += done;
  return done;
}

int mqn_tls_shutdown(mqn_connection* c) {
  mqn_tls* t = c->p->tls;
  if (t->broken || t->notified || !c->p->opened) return 0;
  t->notified = 1;
  ERR_clear_error();
  SSL_shutdown(t->ssl);
  ERR_clear_error();
  return mqn_buffer_length(&c->p->cipher) > 0;
}

int mqn_tls_answered(const mqn_connection* c) {
  OSSL_HANDSHAKE_STATE state;
  if (!c->p->tls) return 0;
  state = SSL_get_state(c->p->tls->ssl);
  return state != TLS_ST_BEFORE && state != TLS_ST_CW_CLNT_HELLO;
}

/* Why a reset may be the refusal of our certificate:
 * 1. With TLS 1.3 this side's handshake is over before the server has looked at our certificate, and CONNECT follows at once.
 * 2. The server refuses: it sends an alert and closes. CONNECT lies unread in its socket, so its kernel sends RST behind the alert.
 * 3. Windows drops what it has received and not yet handed out when RST comes. The alert is gone, the reset is all that is seen.
 * Who accepts a certificate says something first: the session's tickets, or CONNACK. */
int mqn_tls_unjudged(const mqn_connection* c) {
  const mqn_tls* t = c->p->tls;
  return t && t->asked && !t->heard && SSL_version(t->ssl) == TLS1_3_VERSION;
}

void mqn_tls_free(mqn_connection* c) {
  if (!c->p->tls) return;
  SSL_free(c->p->tls->ssl);
  free(c->p->tls);
  c->p->tls = NULL;
}
