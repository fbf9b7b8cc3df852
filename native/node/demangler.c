/* For the prebuilt addons only: stands in for the demangler of libc++abi, which nothing but its last words before abort() would use, to spell
 * the type of an exception that nobody caught. It is 110 to 200 KB in each of nine addons, and they share one limit. Now that
 * message names the type as the compiler does, and what() as before; c++filt reads the name. Any thread; allocates nothing. */
#include <stddef.h>

char* __cxa_demangle(const char* mangled, char* buffer, size_t* size, int* status);

/* "Not a mangled name" (-2): callers then show the name as it is. */
char* __cxa_demangle(const char* mangled, char* buffer, size_t* size, int* status) {
  (void)mangled;
  (void)buffer;
  (void)size;
  if (status) *status = -2;
  return NULL;
}
