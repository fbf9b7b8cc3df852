#include "tls_fixture.h"
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOUR 3600L

static void must(int ok, const char* what) {
  if (ok) return;
  fprintf(stderr, "tls_fixture: %s failed\n", what);
  ERR_print_errors_fp(stderr);
  abort();
}

static char* copy_out(BIO* bio, size_t* length) {
  char* data = NULL;
  long size = BIO_get_mem_data(bio, &data);
  char* text = malloc((size_t)size + 1);
  must(text != NULL && size > 0, "PEM");
  memcpy(text, data, (size_t)size);
  text[size] = 0;
  if (length) *length = (size_t)size;
  BIO_free(bio);
  return text;
}

static X509* read_certificate(const tls_identity* from) {
  BIO* bio = BIO_new_mem_buf(from->cert, (int)from->cert_length);
  X509* x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
  must(x != NULL, "reading a certificate");
  BIO_free(bio);
  return x;
}

static EVP_PKEY* read_key(const tls_identity* from) {
  BIO* bio = BIO_new_mem_buf(from->key, (int)from->key_length);
  EVP_PKEY* key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
  must(key != NULL, "reading a key");
  BIO_free(bio);
  return key;
}

static void extend(X509* x, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509_EXTENSION* extension;
  X509V3_set_ctx(&context, issuer, x, NULL, NULL, 0);
  extension = X509V3_EXT_conf_nid(NULL, &context, nid, (char*)value);
  must(extension != NULL && X509_add_ext(x, extension, -1) == 1, value);
  X509_EXTENSION_free(extension);
}

tls_identity tls_identity_make(const tls_identity_options* o) {
  tls_identity made;
  EVP_PKEY *key = EVP_EC_gen("P-256"), *issuer_key = o->issuer ? read_key(o->issuer) : key;
  X509 *x = X509_new(), *issuer = o->issuer ? read_certificate(o->issuer) : x;
  X509_NAME* name = X509_NAME_new();
  BIO* bio;
  uint64_t serial = 0;
  must(key && x && name, "allocation");
  must(RAND_bytes((unsigned char*)&serial, sizeof serial) == 1, "random numbers");
  must(ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial >> 1 | 1) == 1, "serial number");
  X509_set_version(x, X509_VERSION_3);
  X509_gmtime_adj(X509_getm_notBefore(x), o->valid_from || o->valid_to ? o->valid_from : -HOUR);
  X509_gmtime_adj(X509_getm_notAfter(x), o->valid_from || o->valid_to ? o->valid_to : 24 * HOUR);
  must(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char*)o->name, -1, -1, 0) == 1, "name");
  X509_set_subject_name(x, name);
  X509_set_issuer_name(x, o->issuer ? X509_get_subject_name(issuer) : name);
  X509_set_pubkey(x, key);
  extend(x, issuer, NID_basic_constraints, o->is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
  extend(x, issuer, NID_key_usage, o->is_ca ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature");
  extend(x, issuer, NID_subject_key_identifier, "hash");
  if (o->issuer) extend(x, issuer, NID_authority_key_identifier, "keyid");
  if (o->alternatives) extend(x, issuer, NID_subject_alt_name, o->alternatives);
  if (o->usage) extend(x, issuer, NID_ext_key_usage, o->usage);
  must(X509_sign(x, issuer_key, EVP_sha256()) > 0, "signing");

  bio = BIO_new(BIO_s_mem());
  must(PEM_write_bio_X509(bio, x) == 1, "writing a certificate");
  made.cert = copy_out(bio, &made.cert_length);
  bio = BIO_new(BIO_s_mem());
  must(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1, "writing a key");
  made.key = copy_out(bio, &made.key_length);

  X509_NAME_free(name);
  if (o->issuer) {
    X509_free(issuer);
    EVP_PKEY_free(issuer_key);
  }
  X509_free(x);
  EVP_PKEY_free(key);
  return made;
}

char* tls_identity_encrypted_key(const tls_identity* identity, const char* passphrase) {
  EVP_PKEY* key = read_key(identity);
  BIO* bio = BIO_new(BIO_s_mem());
  must(PEM_write_bio_PKCS8PrivateKey(bio, key, EVP_aes_256_cbc(), passphrase, (int)strlen(passphrase), NULL, NULL) == 1,
       "encrypting a key");
  EVP_PKEY_free(key);
  return copy_out(bio, NULL);
}

void tls_identity_free(tls_identity* identity) {
  free(identity->cert);
  free(identity->key);
  memset(identity, 0, sizeof *identity);
}
