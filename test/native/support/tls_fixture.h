/* Certificates for tests, made at run time with P-256 keys. Not for production: every key lives as plain PEM in memory. */
#ifndef TLS_FIXTURE_H
#define TLS_FIXTURE_H
#include <stddef.h>

typedef struct tls_identity {
  char* cert;                    /* PEM; ends with NUL, which no length counts */
  size_t cert_length;
  char* key;                     /* PEM, unencrypted */
  size_t key_length;
} tls_identity;

typedef struct tls_identity_options {
  const char* name;              /* common name */
  const char* alternatives;      /* as in OpenSSL's configuration: "DNS:localhost,IP:127.0.0.1"; NULL: none */
  const tls_identity* issuer;    /* NULL: self-signed */
  int is_ca;
  const char* usage;             /* extended key usage, as in OpenSSL's configuration: "clientAuth"; NULL: any */
  long valid_from, valid_to;     /* seconds from now; both 0: an hour ago until tomorrow */
} tls_identity_options;

/* Aborts the test when OpenSSL cannot do it. */
tls_identity tls_identity_make(const tls_identity_options* options);
/* The same key, encrypted with AES-256: PEM to be freed with free(). */
char* tls_identity_encrypted_key(const tls_identity* identity, const char* passphrase);
void tls_identity_free(tls_identity* identity);
#endif
