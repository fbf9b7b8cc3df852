/* The byte buffer against a plain model: whatever is appended, reserved and taken in whatever order, the bytes between start and end
 * are the ones that went in, in order, and memory goes back when it should. */
#include <stdlib.h>
#include <string.h>
#include "memory.h"
#include "transport_client.h"

static uint32_t seed = 1;
static uint32_t random_number(uint32_t limit) {
  seed = seed * 1664525u + 1013904223u;
  return (seed >> 8) % limit;
}

static int follows(const mqn_buffer* b, uint64_t from) {
  size_t i;
  for (i = b->start; i < b->end; ++i) if ((uint8_t)b->data[i] != pattern(from + i - b->start)) return 0;
  return 1;
}

static void bytes_come_out_as_they_went_in(void) {
  mqn_buffer b = { 0 };
  uint64_t in = 0, out = 0;
  int round;
  for (round = 0; round < 20000; ++round) {
    uint32_t length = random_number(random_number(20) == 0 ? 100000 : 300), i;
    if (random_number(2)) {
      char* room = mqn_buffer_reserve(&b, length);
      EXPECT(room != NULL && b.capacity - b.end >= length && b.data + b.end == room);
      for (i = 0; i < length; ++i) room[i] = (char)pattern(in + i);
      b.end += length;
    } else {
      char* piece = malloc(length + 1);
      for (i = 0; i < length; ++i) piece[i] = (char)pattern(in + i);
      EXPECT(mqn_buffer_append(&b, piece, length) == 0);
      free(piece);
    }
    in += length;
    EXPECT(mqn_buffer_length(&b) == in - out);
    length = random_number(4) == 0 ? (uint32_t)mqn_buffer_length(&b) : random_number((uint32_t)mqn_buffer_length(&b) + 1);
    if (round % 16 == 0 && !EXPECT(follows(&b, out))) break;
    b.start += length;
    out += length;
    if (random_number(10) == 0) mqn_buffer_trim(&b, 4096);
    EXPECT(b.start <= b.end && b.end <= b.capacity);
  }
  EXPECT(b.capacity < 8u << 20);                /* what was taken is used again, it does not pile up */
  mqn_buffer_free(&b);
  EXPECT(b.data == NULL && b.capacity == 0);
}

static void impossible_size_changes_nothing(void) {
  mqn_buffer b = { 0 }, before;
  EXPECT(mqn_buffer_append(&b, "abc", 3) == 0);
  before = b;
  EXPECT(mqn_buffer_reserve(&b, SIZE_MAX) == NULL);
  EXPECT(mqn_buffer_reserve(&b, SIZE_MAX - 2) == NULL);
  EXPECT(memcmp(&before, &b, sizeof b) == 0 && memcmp(b.data, "abc", 3) == 0);
  mqn_buffer_free(&b);
}

static void trim_gives_back_only_large_and_empty_ones(void) {
  mqn_buffer b = { 0 };
  EXPECT(mqn_buffer_reserve(&b, 100000) != NULL);
  b.end = 1;
  mqn_buffer_trim(&b, 4096);
  EXPECT(b.capacity >= 100000);
  b.start = 1;
  mqn_buffer_trim(&b, b.capacity);
  EXPECT(b.capacity >= 100000 && b.start == 0 && b.end == 0);
  mqn_buffer_trim(&b, 4096);
  EXPECT(b.capacity == 0 && b.data == NULL);
}

/* A buffer of an idle connection serves the next busy one; neither a small nor a huge one is kept. */
static void spare_buffers_are_passed_on(void) {
  mqn_buffer b = { 0 }, next = { 0 };
  char* data;
  int i;
  harness_start();
  EXPECT(mqn_buffer_reserve(&b, 64u << 10) != NULL);
  data = b.data;
  mqn_buffer_give_spare(&b, 1024);
  EXPECT(b.data == NULL && b.capacity == 0);
  mqn_buffer_take_spare(&next, 1u << 20);
  EXPECT(next.data == NULL);                    /* too small for that */
  mqn_buffer_take_spare(&next, 1000);
  EXPECT(next.data == data && mqn_buffer_length(&next) == 0);
  mqn_buffer_free(&next);
  for (i = 0; i < 3 * MQN_SPARES; ++i) {
    EXPECT(mqn_buffer_reserve(&b, i % 2 ? 64u << 10 : 1u << 20) != NULL);
    mqn_buffer_give_spare(&b, 1024);
    EXPECT(b.data == NULL);
  }
  EXPECT(mqn_the_transport.spares == MQN_SPARES);
  harness_stop();
}

/* What was asked to be aligned is, however the buffer grew, and what is behind it stays. */
static void large_memory_is_handed_over(void) {
  static const size_t landmarks[] = { 5, 16, 31, 70 };
  size_t length = 700000, i;
  for (i = 0; i < 4; i++) {
    mqn_buffer b = { 0 };
    void* block = NULL;
    uint8_t* part;
    size_t k, wrong = 0;
    EXPECT(mqn_buffer_append(&b, "ab", 2) == 0);
    b.start = 2;
    for (k = 0; k < 100; k++) EXPECT(mqn_buffer_append(&b, &(char){ (char)pattern(k) }, 1) == 0);
    EXPECT(mqn_buffer_hand_over(&b, landmarks[i], 10, &block) == NULL);   /* a small one is not */
    b.landmark = landmarks[i];
    EXPECT(mqn_buffer_reserve(&b, 300000) != NULL && mqn_buffer_reserve(&b, length + 50) != NULL);
    for (; k < landmarks[i] + length + 3; k++) b.data[b.end++] = (char)pattern(k);
    part = mqn_buffer_hand_over(&b, landmarks[i], length, &block);
    EXPECT(part != NULL && (uintptr_t)part % 16 == 0);
    mqn_memory_keep_part(block, part);
    for (k = 0; k < length; k++) wrong += part[k] != pattern(landmarks[i] + k);
    EXPECT(wrong == 0);
    EXPECT(mqn_buffer_length(&b) == 3 && (uint8_t)b.data[b.start] == pattern(landmarks[i] + length));
    mqn_memory_free_shared(part);
    mqn_buffer_free(&b);
  }
}

/* A block of its own for a packet of which something has come, at its place or in the middle of others; and once more, when it turns out to be longer. */
static void a_packet_gets_a_block_of_its_own(void) {
  static const size_t lengths[] = { 66000, 300000, 17u << 20 };
  size_t i;
  for (i = 0; i < 3; i++) {
    mqn_buffer b = { 0 };
    void* block = NULL;
    uint8_t* part;
    size_t k, wrong = 0, length = lengths[i];
    for (k = 0; k < 5000; k++) EXPECT(mqn_buffer_append(&b, &(char){ (char)pattern(k) }, 1) == 0);
    b.start = 1000;
    b.landmark = 21;
    EXPECT(mqn_buffer_dedicate(&b, SIZE_MAX) == -1 && mqn_buffer_dedicate(&b, SIZE_MAX - 31) == -1 && follows(&b, 1000));
    EXPECT(mqn_buffer_dedicate(&b, 30000) == 0 && follows(&b, 1000) && b.capacity - b.start == 30000);
    EXPECT(mqn_buffer_hand_over(&b, 21, 3000, &block) == NULL);           /* much of it would be held for nothing */
    EXPECT(mqn_buffer_dedicate(&b, length + 21 + 4096) == 0 && follows(&b, 1000) && b.capacity - b.start == length + 21 + 4096);
    while (mqn_buffer_length(&b) < 21 + length + 5) b.data[b.end++] = (char)pattern(k++);
    part = mqn_buffer_hand_over(&b, 21, length, &block);
    if (!EXPECT(part != NULL && (uintptr_t)part % 16 == 0)) break;
    EXPECT(mqn_memory_length(block) - length <= length / 8);
    mqn_memory_keep_part(block, part);
    for (k = 0; k < length; k++) wrong += part[k] != pattern(1021 + k);
    EXPECT(wrong == 0);
    EXPECT(mqn_buffer_length(&b) == 5 && follows(&b, 1021 + length));
    EXPECT(mqn_buffer_reserve(&b, 100000) != NULL && follows(&b, 1021 + length));
    mqn_memory_free_shared(part);
    mqn_buffer_free(&b);
  }
}

int main(void) {
  static const struct { const char* name; void (*run)(void); } tests[] = {
#define TEST(name) { #name, name }
    TEST(bytes_come_out_as_they_went_in), TEST(impossible_size_changes_nothing), TEST(trim_gives_back_only_large_and_empty_ones),
    TEST(spare_buffers_are_passed_on), TEST(large_memory_is_handed_over),
    TEST(a_packet_gets_a_block_of_its_own),
  };
  size_t i;
  for (i = 0; i < sizeof tests / sizeof tests[0]; ++i) {
    int before = check_failures;
    printf("-- %s\n", tests[i].name);
    tests[i].run();
    printf("   %s\n", check_failures == before ? "ok" : "FAILED");
  }
  return check_result();
}
