/* The smallest addon there is, for inspect-binary.test.ts: each macro breaks one rule of scripts/inspect/. It is compiled, never loaded. */
#include <stdio.h>

#define SHOWN __attribute__((visibility("default")))

extern int napi_create_object(void* env, void** result);

#ifndef VERSION
#define VERSION "?"
#endif
const char* const name = "mqtt-native/" VERSION " paho/%s";

SHOWN void* napi_register_module_v1(void* env, void* exports) {
  napi_create_object(env, &exports);
  printf(name, "");
#ifdef FOLDER
  puts(FOLDER "/src/file.c");
#endif
#ifdef STRANGER
  extern void STRANGER(void);
  STRANGER();
#endif
  return exports;
}

#ifndef NO_VERSION
SHOWN int node_api_module_get_api_version_v1(void) { return 8; }
#endif

#ifdef EXTRA_EXPORT
SHOWN int SSL_library_init(void) { return 1; }
#endif

#ifdef CODE_WITH_ADDRESS
__asm__(".text\n .balign 8\n .dc.a napi_register_module_v1\n");
#endif
