/* Blocks for payloads that were freed wait a moment for the next one of their size, the last one first: it may still be in a processor's cache. Memory
 * the kernel has to clear, page by page, costs more than the payload's copy, and who sends one large message often sends another. There are sixteen sizes
 * from one power of two to the next, and a list of each: no search, and a block is larger than what was asked for by a sixteenth at most. Any thread; a
 * lock guards the lists. */
#include <stdint.h>
#include <stdlib.h>
#include "uv.h"
#include "memory.h"

#define SMALLEST 14                    /* powers of two: 16 KiB ... */
#define LARGEST 29                     /* ... to 512 MiB, which is more than a packet can have */
#define STEPS 4                        /* also: 16 from one to the next */
#define SIZES ((LARGEST - SMALLEST) << STEPS)
#define HUGE_PLACES 6                  /* JavaScript frees the messages it had in between collections at once */
#define HUGE_FROM ((size_t)4 << 20)
#define MOST_HUGE ((size_t)256 << 20)  /* bytes that wait, together, in HUGE_PLACES blocks from HUGE_FROM on ... */
#define MOST_OTHER ((size_t)32 << 20)  /* ... and in smaller ones */

/* at the beginning of a block that waits */
typedef struct waiting { struct waiting* next; size_t length; int old; } waiting;
static waiting* lists[SIZES];          /* the last one was freed last */
static size_t huge_bytes, other_bytes;
static int huge_blocks;
static int32_t waiting_blocks;         /* how many there are. Shared word: the reactor looks at it every turn */

static uv_once_t once = UV_ONCE_INIT;
static uv_mutex_t lock;
static void make_lock(void) { if (uv_mutex_init(&lock) != 0) abort(); }
static void enter(void) { uv_once(&once, make_lock); uv_mutex_lock(&lock); }

static int has_list(size_t length) { return length >> SMALLEST != 0 && length >> LARGEST == 0; }
static int power_below(size_t length) { return 63 - __builtin_clzll((unsigned long long)length); }
/* of the largest size that a block of this length can serve */
static waiting** list_of(size_t length) {
  int power = power_below(length);
  return lists + ((power - SMALLEST) << STEPS) + ((length >> (power - STEPS)) & ((1 << STEPS) - 1));
}
static size_t rounded_up(size_t length) {
  size_t step = (size_t)1 << (power_below(length) - STEPS);
  return (length + step - 1) & ~(step - 1);
}

static int has_room(size_t length) {
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

static waiting* take(waiting** place) {
  waiting* block = *place;
  *place = block->next;
  count(block->length, -1);
  return block;
}

void* mqn_large_new(size_t* length) {
  waiting *block = NULL, **list;
  if (!has_list(*length)) return malloc(*length);
  *length = rounded_up(*length);
  if (!has_list(*length)) return malloc(*length);
  enter();
  list = list_of(*length);
  if (*list) {
    *length = (*list)->length;
    block = take(list);
  }
  uv_mutex_unlock(&lock);
  return block ? block : malloc(*length);
}

void mqn_large_free(void* memory, size_t length) {
  waiting *block = memory, **list;
  enter();
  if (has_list(length) && has_room(length)) {
    list = list_of(length);
    block->next = *list;
    block->length = length;
    block->old = 0;
    *list = block;
    count(length, 1);
    block = NULL;
  }
  uv_mutex_unlock(&lock);
  free(block);
}

int mqn_large_waits(size_t length) {
  int found = 0;
  if (!has_list(length) || !has_list(rounded_up(length))) return 0;
  enter();
  found = *list_of(rounded_up(length)) != NULL;
  uv_mutex_unlock(&lock);
  return found;
}

int mqn_large_waiting(void) { return __atomic_load_n(&waiting_blocks, __ATOMIC_RELAXED); }

int mqn_large_give_back(int everything) {
  waiting *unwanted = NULL, *block;
  int i, left;
  enter();
  for (i = 0; i < SIZES; i++) {
    waiting** place = lists + i;
    while (*place) {
      if (everything || (*place)->old) {
        block = take(place);
        block->next = unwanted;
        unwanted = block;
      } else {
        (*place)->old = 1;
        place = &(*place)->next;
      }
    }
  }
  left = waiting_blocks;
  uv_mutex_unlock(&lock);
  while ((block = unwanted) != NULL) {
    unwanted = block->next;
    free(block);
  }
  return left;
}
