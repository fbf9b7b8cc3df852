/* Which OpenSSL is inside, and how it uses the processor. Any thread. */
#include <openssl/crypto.h>
#include <string.h>
#include "connection.h"
#include "tls.h"

const char* mqn_tls_version(void) { return OpenSSL_version(OPENSSL_VERSION_STRING); }

/* In an ordinary link OpenSSL looks at the processor from the library's .init section, and zig's has none. OPENSSL_init_ssl() does it in any. */
const char* mqn_tls_processor(void) {
  static const char prefix[] = "CPUINFO: ";
  const char* text;
  mqn_tls_library_init();
  text = OpenSSL_version(OPENSSL_CPU_INFO);
  return strncmp(text, prefix, sizeof prefix - 1) == 0 ? text + sizeof prefix - 1 : text;
}
