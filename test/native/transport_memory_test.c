/* Blocks of memory against a plain model: whatever sizes are asked for, resized and freed in whatever order, no two blocks overlap, each keeps its bytes,
 * and what one thread has allocated as shared another may free. Under sanitizers nothing is left behind. */
#include <stdint.h>
#include <string.h>
#include <uv.h>
#include "check.h"
#include "memory.h"

#define BLOCKS 6000            /* more of a size than the lists keep */

static uint32_t seed = 1;
static uint32_t random_number(uint32_t limit) {
  seed = seed * 1664525u + 1013904223u;
  return (seed >> 8) % limit;
}

static struct { uint8_t* block; size_t length; uint8_t fill; } model[BLOCKS];

static int is_intact(int i) {
  size_t k;
  for (k = 0; k < model[i].length; k++) if (model[i].block[k] != model[i].fill) return 0;
  return 1;
}

static void large_blocks_wait_a_moment_to_be_used_again(void) {
  void *first = mqn_memory_new_shared((5u << 20) + 100), *again, *larger, *between;
  CHECK(!mqn_memory_waits((5u << 20) + 100), "in use");
  mqn_memory_free_shared(first);
  if (mqn_large_waiting() == 0) return;               /* a sanitizer must see each block come and go */
  CHECK(mqn_memory_waits((5u << 20) + 100) && mqn_memory_waits((5u << 20) + 200000), "no block waits");
  CHECK(!mqn_memory_waits(5u << 20 >> 1) && !mqn_memory_waits(6u << 20) && !mqn_memory_waits(1000) && !mqn_memory_waits(SIZE_MAX), "no such block waits");
  again = mqn_memory_new_shared((5u << 20) + 200000);   /* the same sixteenth */
  CHECK(again == first && mqn_large_waiting() == 0, "%p, not %p", again, first);
  mqn_memory_free_shared(again);
  larger = mqn_memory_new_shared(6u << 20);
  CHECK(larger != first && mqn_large_waiting() == 1, "%d wait", mqn_large_waiting());
  mqn_memory_free_shared(larger);
  between = mqn_memory_new_shared((5u << 20) - 100000);   /* the one and the other are larger than what is asked for by more than that */
  CHECK(between != first && between != larger && mqn_large_waiting() == 2, "%d wait", mqn_large_waiting());
  mqn_memory_free_shared(between);
  CHECK(mqn_large_waiting() == 3, "%d wait", mqn_large_waiting());
  CHECK(mqn_large_give_back(0) == 3, "they had just come");
  CHECK(mqn_large_give_back(0) == 0 && mqn_large_waiting() == 0, "%d wait", mqn_large_waiting());
}

/* Of each size, and where the next one begins: never smaller than what was asked for, never larger by more than a sixteenth and a few bytes. */
static void a_block_is_little_larger_than_it_need_be(void) {
  size_t length, wrong = 0;
  for (length = 10000; length < 20u << 20; length += 1 + length / 50) {
    char *block = mqn_memory_new_shared(length), *again;
    size_t real = mqn_memory_length(block);
    if (real < length || real > length + length / 16 + 16) wrong++;
    block[0] = block[real - 1] = 1;
    mqn_memory_free_shared(block);
    again = mqn_memory_new_shared(length);
    if (mqn_memory_length(again) < length) wrong++;
    mqn_memory_free_shared(again);
  }
  CHECK(wrong == 0, "%zu lengths", wrong);
  CHECK(mqn_large_give_back(1) == 0, "%d wait", mqn_large_waiting());
}

/* A block whose length was changed since is no shorter than those who get it later believe. */
static void a_resized_block_waits_with_its_own_length(void) {
  size_t length, wrong = 0;
  for (length = 20000; length < 9u << 20; length += length / 7) {
    char* block = mqn_memory_resize(mqn_memory_new_shared(length), length + length / 3);
    size_t k, lengths[] = { length, length + length / 3, length + length / 4 };
    mqn_memory_free_shared(block);
    for (k = 0; k < 3; k++) {
      block = mqn_memory_new_shared(lengths[k]);
      memset(block, 1, lengths[k]);
      wrong += mqn_memory_length(block) < lengths[k];
      mqn_memory_free_shared(block);
    }
  }
  CHECK(wrong == 0, "%zu lengths", wrong);
  CHECK(mqn_large_give_back(1) == 0, "%d wait", mqn_large_waiting());
}

static void only_some_blocks_wait(size_t length, int most) {
  void* blocks[BLOCKS];
  int i, seen;
  for (i = 0; i < 2 * most; i++) blocks[i] = mqn_memory_new_shared(length);
  for (i = 0; i < 2 * most; i++) mqn_memory_free_shared(blocks[i]);
  seen = mqn_large_waiting();
  CHECK(seen <= most, "%d wait", seen);
  if (seen > 0) {
    void* again = mqn_memory_new_shared(length);
    CHECK(again == blocks[seen - 1], "the last one that found a place is the first one that is used again");
    mqn_memory_free_shared(again);
  }
  CHECK(mqn_large_give_back(1) == 0, "%d wait", mqn_large_waiting());
}

/* The block goes when its part does: a sanitizer sees if it does not, or more. */
static void a_part_stands_for_its_block(void) {
  static const size_t lengths[] = { 100, 20000, 5u << 20 };
  int i;
  for (i = 0; i < 3; i++) {
    char* block = mqn_memory_new_shared(lengths[i]);
    memset(block, 1, lengths[i]);
    mqn_memory_keep_part(block, block + 48);
    CHECK(block[48] == 1 && block[lengths[i] - 1] == 1, "its bytes have changed");
    mqn_memory_free_shared(block + 48);
  }
  mqn_large_give_back(1);
}

static void blocks_keep_their_bytes(void) {
  int round, i, wrong = 0, misaligned = 0;
  for (round = 0; round < 200000; round++) {
    size_t length = random_number(random_number(50) == 0 ? 20000 : 600);
    i = (int)random_number(BLOCKS);
    if (model[i].block && random_number(3) == 0) {
      size_t kept = model[i].length < length ? model[i].length : length;
      model[i].block = mqn_memory_resize(model[i].block, length);
      model[i].length = kept;
      if (!is_intact(i)) wrong++;
    } else {
      if (model[i].block && !is_intact(i)) wrong++;
      mqn_memory_free(model[i].block);
      model[i].block = random_number(2) ? mqn_memory_new(length) : mqn_memory_resize(NULL, length);
    }
    if ((uintptr_t)model[i].block % 16) misaligned++;
    model[i].length = length;
    model[i].fill = (uint8_t)round;
    memset(model[i].block, model[i].fill, length);
  }
  for (i = 0; i < BLOCKS; i++) {
    if (model[i].block && !is_intact(i)) wrong++;
    mqn_memory_free(model[i].block);
  }
  CHECK(wrong == 0 && misaligned == 0, "%d blocks were written over, %d are not aligned", wrong, misaligned);
}

static void zeroed_blocks_are_zeroed_when_used_again(void) {
  uint8_t* block;
  int i, round, dirty = 0;
  for (round = 0; round < 100; round++) {
    block = mqn_memory_new_zeroed(10, 10);
    for (i = 0; i < 100; i++) dirty += block[i] != 0;
    memset(block, 0xff, 100);
    mqn_memory_free(block);
  }
  CHECK(dirty == 0, "%d bytes", dirty);
  CHECK(mqn_memory_new_zeroed(SIZE_MAX / 2, 4) == NULL && mqn_memory_new(SIZE_MAX - 4) == NULL, "a size that wraps was allocated");
}

static void free_shared(void* block) { mqn_memory_free_shared(block); }

static void a_shared_block_may_be_freed_elsewhere_and_here(void) {
  uv_thread_t thread;
  void* block = mqn_memory_new_shared(100000);
  CHECK(uv_thread_create(&thread, free_shared, block) == 0 && uv_thread_join(&thread) == 0, "no thread");
  mqn_memory_free(mqn_memory_new_shared(10));       /* Paho frees what was not handed on */
  block = mqn_memory_new(1000);                      /* and what it allocated is handed on */
  CHECK(uv_thread_create(&thread, free_shared, block) == 0 && uv_thread_join(&thread) == 0, "no thread");
  mqn_memory_free(NULL);
  mqn_memory_free_shared(NULL);
}

static void a_block_with_two_owners_stays_until_both_are_done(void) {
  uint8_t* block = mqn_memory_new_shared(100000);
  int i, wrong = 0;
  memset(block, 7, 100000);
  mqn_memory_keep(block);
  mqn_memory_keep(block);
  mqn_memory_free(block);
  mqn_memory_free(block);
  for (i = 0; i < 100000; i++) wrong += block[i] != 7;
  CHECK(wrong == 0, "%d bytes", wrong);
  mqn_memory_free_shared(block);                     /* the last owner may be anywhere */
  block = mqn_memory_new((size_t)8 << 20);           /* expected to be written from end to end */
  memset(block, 8, (size_t)8 << 20);
  mqn_memory_free(block);
}

int main(void) {
  large_blocks_wait_a_moment_to_be_used_again();
  a_block_is_little_larger_than_it_need_be();
  a_resized_block_waits_with_its_own_length();
  only_some_blocks_wait(64u << 10, 512);             /* 32 MiB of them ... */
  only_some_blocks_wait(1u << 20, 32);               /* ... less what rounding adds */
  only_some_blocks_wait(4u << 20, 6);
  a_part_stands_for_its_block();
  blocks_keep_their_bytes();
  zeroed_blocks_are_zeroed_when_used_again();
  a_shared_block_may_be_freed_elsewhere_and_here();
  a_block_with_two_owners_stays_until_both_are_done();
  mqn_memory_end();
  return check_result();
}
