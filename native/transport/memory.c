/* What memory.h says. In front of each block stands its size: a number of steps, or 0 for one that belongs to no list; then its owners beyond the
 * first, and the length of one that belongs to no list. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "memory.h"
#include "pages.h"

#define STEP 32
#define SIZES 16               /* up to 512 bytes */
#define KEPT 4096              /* blocks of a size that wait: after a burst the rest is given back */
#define LARGE ((size_t)16 << 10)  /* from here on blocks come from large.c */
#define HEAD 16                /* keeps the alignment of malloc() */
#define PART UINT32_MAX        /* as a number of steps: the length says how far in front of it its block begins */

#if defined(__SANITIZE_ADDRESS__)
#define POOLED 0               /* a sanitizer must see each block come and go */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POOLED 0
#endif
#endif
#ifndef POOLED
#define POOLED 1
#endif

typedef struct waiting { struct waiting* next; } waiting;
static waiting* lists[SIZES + 1];
static uint32_t counts[SIZES + 1];

static uint32_t* steps_of(void* block) { return (uint32_t*)(void*)((char*)block - HEAD); }
static uint32_t* more_owners(void* block) { return steps_of(block) + 1; }
static uint64_t* length_of(void* block) { return (uint64_t*)(void*)steps_of(block) + 1; }

static void* from_system(uint32_t steps, size_t length) {
  size_t size = HEAD + length;
  char* memory;
  if (length > SIZE_MAX - HEAD) return NULL;
  memory = POOLED && length >= LARGE ? mqn_large_new(&size) : malloc(size);
  if (!memory) return NULL;
  *steps_of(memory + HEAD) = steps;
  *more_owners(memory + HEAD) = 0;
  *length_of(memory + HEAD) = size - HEAD;
  mqn_pages_expect(memory, length);
  return memory + HEAD;
}

static void to_system(void* block) {
  uint64_t length = *length_of(block);
  if (POOLED && *steps_of(block) == 0 && length >= LARGE) mqn_large_free(steps_of(block), HEAD + (size_t)length);
  else free(steps_of(block));
}

void* mqn_memory_new(size_t length) {
  size_t steps;
  waiting* block;
  if (!POOLED || length > SIZES * STEP) return from_system(0, length);
  steps = length ? (length + STEP - 1) / STEP : 1;
  if (!(block = lists[steps])) return from_system((uint32_t)steps, steps * STEP);
  lists[steps] = block->next;
  --counts[steps];
  return block;
}

void mqn_memory_free(void* block) {
  uint32_t steps;
  if (!block) return;
  steps = *steps_of(block);
  if (steps == 0 && *more_owners(block) > 0) {
    --*more_owners(block);
    return;
  }
  if (steps == 0 || counts[steps] >= KEPT) {
    to_system(block);
    return;
  }
  ((waiting*)block)->next = lists[steps];
  lists[steps] = block;
  ++counts[steps];
}

void* mqn_memory_new_zeroed(size_t count, size_t length) {
  void* block = length && count > SIZE_MAX / length ? NULL : mqn_memory_new(count * length);
  return block ? memset(block, 0, count * length) : NULL;
}

void* mqn_memory_resize(void* block, size_t length) {
  uint32_t steps = block ? *steps_of(block) : 0;
  char* memory;
  if (!block) return mqn_memory_new(length);
  if (steps == 0) {
    if (length > SIZE_MAX - HEAD || !(memory = realloc(steps_of(block), HEAD + length))) return NULL;
    *length_of(memory + HEAD) = length;
    return memory + HEAD;
  }
  if (length <= (size_t)steps * STEP) return block;
  if (!(memory = mqn_memory_new(length))) return NULL;
  memcpy(memory, block, (size_t)steps * STEP);
  mqn_memory_free(block);
  return memory;
}

void* mqn_memory_new_shared(size_t length) { return from_system(0, length); }
int mqn_memory_waits(size_t length) { return POOLED && length >= LARGE && length <= SIZE_MAX / 2 && mqn_large_waits(HEAD + length); }
void mqn_memory_free_shared(void* block) {
  if (block && *steps_of(block) == PART) block = (char*)block - *length_of(block);
  if (block) to_system(block);
}
size_t mqn_memory_length(const void* block) { return (size_t)((const uint64_t*)block)[-1]; }
void mqn_memory_keep_part(void* block, void* part) {
  if (part == block) return;
  *steps_of(part) = PART;
  *more_owners(part) = 0;
  *length_of(part) = (uint64_t)((char*)part - (char*)block);
}
void mqn_memory_keep(void* block) { ++*more_owners(block); }

void mqn_memory_end(void) {
  uint32_t steps;
  mqn_large_give_back(1);
  for (steps = 1; steps <= SIZES; steps++) {
    while (lists[steps]) {
      waiting* block = lists[steps];
      lists[steps] = block->next;
      free(steps_of(block));
    }
    counts[steps] = 0;
  }
}
