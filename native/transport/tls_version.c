/* Which OpenSSL is inside. Any thread. */
#include <openssl/crypto.h>
#include "connection.h"

const char* mqn_tls_version(void) { return OpenSSL_version(OPENSSL_VERSION_STRING); }
