/* Node-API on Windows, for the prebuilt addon: where its functions are is asked of the process when the addon is loaded. Nothing is
 * imported from node.exe by name, because the program need not be called that (Electron, single executables, a copy under another name).
 *
 * The headers declare each function dllimport, so a call goes through a pointer __imp_<function>, which the linker would take from an
 * import library. Here they are, filled before anything else of the addon runs. imports.h names the functions: native/cmake/addon.cmake
 * makes it from node-api-headers. Compiled for Windows only. */
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

/* 32-bit Windows puts an underscore in front of C's names, which is a part of __imp__napi_... there. */
#if defined(_M_IX86) || defined(__i386__)
#define POINTER(name) _imp__##name
#else
#define POINTER(name) __imp_##name
#endif

#define MQN_NAPI(name) FARPROC POINTER(name);
#include "imports.h"
#undef MQN_NAPI

static const struct {
  const char* name;
  FARPROC* pointer;
} functions[] = {
#define MQN_NAPI(name) {#name, &POINTER(name)},
#include "imports.h"
#undef MQN_NAPI
};

/* The image of the process, or the library that an embedder keeps Node in. */
static HMODULE find_node(void) {
  static const char* const libraries[] = {"node.dll", "libnode.dll", "nw.dll"};
  HMODULE module = GetModuleHandleA(NULL);
  size_t i;
  if (GetProcAddress(module, functions[0].name)) return module;
  for (i = 0; i < sizeof libraries / sizeof *libraries; ++i) {
    module = GetModuleHandleA(libraries[i]);
    if (module && GetProcAddress(module, functions[0].name)) return module;
  }
  return NULL;
}

/* The loader calls this; FALSE makes LoadLibrary() fail. Under the loader's lock: nothing but these look-ups. */
BOOL WINAPI DllMain(HINSTANCE self, DWORD reason, LPVOID reserved);
BOOL WINAPI DllMain(HINSTANCE self, DWORD reason, LPVOID reserved) {
  HMODULE node;
  size_t i;
  (void)self;
  (void)reserved;
  if (reason != DLL_PROCESS_ATTACH) return TRUE;
  node = find_node();
  if (!node) return FALSE;
  for (i = 0; i < sizeof functions / sizeof *functions; ++i) {
    *functions[i].pointer = GetProcAddress(node, functions[i].name);
    if (!*functions[i].pointer) return FALSE;
  }
  return TRUE;
}
