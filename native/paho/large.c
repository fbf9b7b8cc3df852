/* Large blocks that were freed wait a moment for the next one of their size. Memory the kernel has to clear, page by page, costs more than the payload's
 * copy, and who sends one message of 100 MB often sends another. Any thread; a lock guards the few places. */
#include <stdint.h>
#include <stdlib.h>
#include "uv.h"
#include "memory.h"

#define PLACES 2
#define MOST ((size_t)256 << 20)       /* bytes that wait, together */

static struct { void* memory; size_t length; int old; } places[PLACES];
static size_t waiting_bytes;
static int32_t waiting_blocks;         /* shared word: the reactor looks at it every turn */

static uv_once_t once = UV_ONCE_INIT;
static uv_mutex_t lock;
static void make_lock(void) { if (uv_mutex_init(&lock) != 0) abort(); }
static void enter(void) { uv_once(&once, make_lock); uv_mutex_lock(&lock); }

static void* take(int i) {
  void* memory = places[i].memory;
  waiting_bytes -= places[i].length;
  places[i].memory = NULL;
  __atomic_sub_fetch(&waiting_blocks, 1, __ATOMIC_RELAXED);
  return memory;
}

void* mqn_large_new(size_t* length) {
  void* memory = NULL;
  int i;
  enter();
  for (i = 0; i < PLACES && !memory; i++) {
    if (!places[i].memory || places[i].length < *length || places[i].length / 2 > *length) continue;
    *length = places[i].length;
    memory = take(i);
  }
  uv_mutex_unlock(&lock);
  return memory ? memory : malloc(*length);
}

void mqn_large_free(void* memory, size_t length) {
  int i;
  enter();
  for (i = 0; i < PLACES && memory && waiting_bytes + length <= MOST; i++) {
    if (places[i].memory) continue;
    places[i].memory = memory;
    places[i].length = length;
    places[i].old = 0;
    waiting_bytes += length;
    __atomic_add_fetch(&waiting_blocks, 1, __ATOMIC_RELAXED);
    memory = NULL;
  }
  uv_mutex_unlock(&lock);
  free(memory);
}

int mqn_large_waiting(void) { return __atomic_load_n(&waiting_blocks, __ATOMIC_RELAXED); }

int mqn_large_give_back(int everything) {
  void* unwanted[PLACES] = { NULL };
  int i, left;
  enter();
  for (i = 0; i < PLACES; i++) {
    if (places[i].memory && (places[i].old || everything)) unwanted[i] = take(i);
    places[i].old = 1;
  }
  left = mqn_large_waiting();
  uv_mutex_unlock(&lock);
  for (i = 0; i < PLACES; i++) free(unwanted[i]);
  return left;
}
