/* Blocks for payloads that were freed wait a moment for the next one of their size, the last one first: it may still be in a processor's cache. Memory
 * the kernel has to clear, page by page, costs more than the payload's copy, and who sends one large message often sends another. Any thread; a lock
 * guards the few places. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "uv.h"
#include "memory.h"

#define PLACES 1024
#define HUGE_PLACES 6                  /* JavaScript frees the messages it had in between collections at once */
#define HUGE_FROM ((size_t)4 << 20)
#define MOST_HUGE ((size_t)256 << 20)  /* bytes that wait, together, in HUGE_PLACES blocks from HUGE_FROM on ... */
#define MOST_OTHER ((size_t)64 << 20)  /* ... and in smaller ones */

static struct { void* memory; size_t length; int old; } places[PLACES];   /* the last one was freed last */
static size_t huge_bytes, other_bytes;
static int huge_blocks;
static int32_t waiting_blocks;         /* how many places are taken. Shared word: the reactor looks at it every turn */

static uv_once_t once = UV_ONCE_INIT;
static uv_mutex_t lock;
static void make_lock(void) { if (uv_mutex_init(&lock) != 0) abort(); }
static void enter(void) { uv_once(&once, make_lock); uv_mutex_lock(&lock); }

static int has_room(size_t length) {
  if (waiting_blocks == PLACES) return 0;
  return length < HUGE_FROM ? other_bytes + length <= MOST_OTHER : huge_blocks < HUGE_PLACES && huge_bytes + length <= MOST_HUGE;
}

static void count(size_t length, int sign) {
  if (length < HUGE_FROM) {
    other_bytes = sign > 0 ? other_bytes + length : other_bytes - length;
  } else {
    huge_bytes = sign > 0 ? huge_bytes + length : huge_bytes - length;
    huge_blocks += sign;
  }
  __atomic_add_fetch(&waiting_blocks, sign, __ATOMIC_RELAXED);
}

static void* take(int i) {
  void* memory = places[i].memory;
  count(places[i].length, -1);
  memmove(places + i, places + i + 1, sizeof *places * (size_t)(waiting_blocks - i));
  return memory;
}

void* mqn_large_new(size_t* length) {
  void* memory = NULL;
  int i;
  enter();
  for (i = waiting_blocks - 1; i >= 0 && !memory; i--) {
    if (places[i].length < *length || places[i].length - places[i].length / 8 > *length) continue;
    *length = places[i].length;
    memory = take(i);
  }
  uv_mutex_unlock(&lock);
  return memory ? memory : malloc(*length);
}

void mqn_large_free(void* memory, size_t length) {
  enter();
  if (has_room(length)) {
    places[waiting_blocks].memory = memory;
    places[waiting_blocks].length = length;
    places[waiting_blocks].old = 0;
    count(length, 1);
    memory = NULL;
  }
  uv_mutex_unlock(&lock);
  free(memory);
}

int mqn_large_waiting(void) { return __atomic_load_n(&waiting_blocks, __ATOMIC_RELAXED); }

int mqn_large_give_back(int everything) {
  void* unwanted[PLACES];
  int i, n = 0, left;
  enter();
  for (i = waiting_blocks - 1; i >= 0; i--) {
    if (places[i].old || everything) unwanted[n++] = take(i);
    else places[i].old = 1;
  }
  left = waiting_blocks;
  uv_mutex_unlock(&lock);
  while (n > 0) free(unwanted[--n]);
  return left;
}
