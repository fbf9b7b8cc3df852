/* What pages.h says. Only above a size at which malloc() gives memory of its own to a block, or nearly. */
#include "pages.h"

#if defined(__linux__)
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#define FROM ((size_t)4 << 20)

void mqn_pages_expect(void* memory, size_t length) {
#if defined(MADV_HUGEPAGE)
  uintptr_t page, start, end;
  if (length < FROM) return;
  page = (uintptr_t)sysconf(_SC_PAGESIZE);
  start = ((uintptr_t)memory + page - 1) & ~(page - 1);
  end = ((uintptr_t)memory + length) & ~(page - 1);
  (void)madvise((void*)start, end - start, MADV_HUGEPAGE);   /* a kernel without them says no */
#else
  (void)memory;
  (void)length;
#endif
}
#else
void mqn_pages_expect(void* memory, size_t length) { (void)memory; (void)length; }
#endif
