/* TLS 1.2 and 1.3 for --tls: a certificate made at the start, and reading and writing through OpenSSL. Compiled without OpenSSL
 * (MQN_NB_TLS is not set) there is none. */
#include "null-broker.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#ifdef MQN_NB_TLS
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

static SSL_CTX* context;
static BIO_METHOD* wire; /* this OpenSSL is built without sockets: two functions bring its bytes */

static int wire_write(BIO* bio, const char* from, int length) {
  ssize_t n = send((int)(intptr_t)BIO_get_data(bio), from, (size_t)length, MSG_NOSIGNAL);
  BIO_clear_retry_flags(bio);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
    BIO_set_retry_write(bio);
  }
  return (int)n;
}

static int wire_read(BIO* bio, char* to, int length) {
  ssize_t n = recv((int)(intptr_t)BIO_get_data(bio), to, (size_t)length, 0);
  BIO_clear_retry_flags(bio);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
    BIO_set_retry_read(bio);
  }
  return (int)n;
}

static long wire_control(BIO* bio, int command, long number, void* pointer) {
  (void)bio;
  (void)number;
  (void)pointer;
  return command == BIO_CTRL_FLUSH;
}

static bool extension(X509* certificate, int id, const char* value) {
  X509_EXTENSION* made = X509V3_EXT_conf_nid(NULL, NULL, id, value);
  bool added = made != NULL && X509_add_ext(certificate, made, -1) == 1;
  X509_EXTENSION_free(made);
  return added;
}

/* Signed by itself, for 127.0.0.1 and localhost, good for a day. Printed, so that clients can trust it. */
static bool make_certificate(void) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  X509_NAME* name = X509_NAME_new();
  bool done = key != NULL && certificate != NULL && name != NULL && X509_set_version(certificate, 2) == 1 &&
              ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1) == 1 &&
              X509_gmtime_adj(X509_getm_notBefore(certificate), -3600) != NULL &&
              X509_gmtime_adj(X509_getm_notAfter(certificate), 86400) != NULL && X509_set_pubkey(certificate, key) == 1 &&
              X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char*)"null broker", -1, -1, 0) == 1 &&
              X509_set_subject_name(certificate, name) == 1 && X509_set_issuer_name(certificate, name) == 1 &&
              extension(certificate, NID_subject_alt_name, "IP:127.0.0.1,DNS:localhost") &&
              extension(certificate, NID_basic_constraints, "critical,CA:TRUE") && X509_sign(certificate, key, EVP_sha256()) > 0 &&
              SSL_CTX_use_certificate(context, certificate) == 1 && SSL_CTX_use_PrivateKey(context, key) == 1 &&
              PEM_write_X509(stdout, certificate) == 1 && fflush(stdout) == 0;
  X509_NAME_free(name);
  X509_free(certificate);
  EVP_PKEY_free(key);
  return done;
}

bool mqn_nb_tls_start(void) {
  context = SSL_CTX_new(TLS_server_method());
  wire = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "wire");
  if (context == NULL || wire == NULL || BIO_meth_set_write(wire, wire_write) != 1 || BIO_meth_set_read(wire, wire_read) != 1 ||
      BIO_meth_set_ctrl(wire, wire_control) != 1) {
    return false;
  }
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_read_ahead(context, 1);
  return make_certificate();
}

void mqn_nb_tls_end(void) {
  SSL_CTX_free(context);
  BIO_meth_free(wire);
  context = NULL;
  wire = NULL;
}

bool mqn_nb_tls_open(mqn_nb_link* link) {
  BIO* bio = BIO_new(wire);
  link->tls = SSL_new(context);
  if (link->tls == NULL || bio == NULL) {
    BIO_free(bio);
    return false;
  }
  BIO_set_data(bio, (void*)(intptr_t)link->fd);
  BIO_set_init(bio, 1);
  SSL_set_bio(link->tls, bio, bio);
  SSL_set_accept_state(link->tls);
  return true;
}

void mqn_nb_tls_free(mqn_nb_link* link) {
  SSL_free(link->tls);
  link->tls = NULL;
}

static ssize_t failed(mqn_nb_link* link, int result) {
  int error = SSL_get_error(link->tls, result);
  ERR_clear_error();
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
    errno = EAGAIN;
    return -1;
  }
  errno = EPIPE;
  return error == SSL_ERROR_ZERO_RETURN ? 0 : -1;
}

/* Several records at once, as one recv() would bring them. */
ssize_t mqn_nb_tls_receive(mqn_nb_link* link, uint8_t* to, size_t length) {
  size_t got = 0;
  link->tls_more = false;
  while (got < length) {
    int n = SSL_read(link->tls, to + got, (int)(length - got));
    if (n <= 0) {
      return got > 0 ? (ssize_t)got : failed(link, n);
    }
    got += (size_t)n;
  }
  link->tls_more = true;
  return (ssize_t)got;
}

ssize_t mqn_nb_tls_send(mqn_nb_link* link, const uint8_t* from, size_t length) {
  int n = SSL_write(link->tls, from, (int)(length < INT32_MAX ? length : INT32_MAX));
  return n > 0 ? n : failed(link, n);
}
#else
bool mqn_nb_tls_start(void) {
  fprintf(stderr, "null-broker: compiled without TLS\n");
  return false;
}
void mqn_nb_tls_end(void) {}
bool mqn_nb_tls_open(mqn_nb_link* link) { return link == NULL; }
void mqn_nb_tls_free(mqn_nb_link* link) { (void)link; }
ssize_t mqn_nb_tls_receive(mqn_nb_link* link, uint8_t* to, size_t length) { return (void)link, (void)to, (void)length, -1; }
ssize_t mqn_nb_tls_send(mqn_nb_link* link, const uint8_t* from, size_t length) { return (void)link, (void)from, (void)length, -1; }
#endif
