/* Buffers, and the few spare ones that busy connections pass on. Large ones are blocks that others may take over, see mqn_buffer_hand_over(). */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "connection_private.h"
#include "memory.h"
#include "pages.h"

#define SMALLEST 1024
#define SPARE_SMALLEST (16u << 10)
#define SPARE_LARGEST (256u << 10)
#define ALIGNED 16

static int is_large(size_t capacity) { return capacity > SPARE_LARGEST; }
static void free_memory(const mqn_buffer* b) {
  if (b->shared) mqn_memory_free_shared(b->data);
  else free(b->data);
}
/* where the bytes begin in a block in which the landmark is aligned, with room for the head of another block in front of it */
static size_t aligned_start(size_t landmark) { return ALIGNED + (ALIGNED - landmark % ALIGNED) % ALIGNED; }

/* Memory of another capacity with the bytes that `b` holds: at its beginning, or where they are when large memory grows. */
static char* move(mqn_buffer* b, size_t* capacity, size_t* start) {
  size_t used = mqn_buffer_length(b);
  char* fresh;
  *start = 0;
  if (b->shared && is_large(*capacity) && b->start <= 2 * ALIGNED) {
    *start = b->start;
    *capacity += b->start;
    return mqn_memory_resize(b->data, *capacity);
  }
  if (!b->shared && !is_large(*capacity) && b->start == 0) return realloc(b->data, *capacity);
  if (is_large(*capacity) && b->landmark > 0) {
    *start = aligned_start(b->landmark);
    *capacity += *start;
  }
  if (!(fresh = is_large(*capacity) ? mqn_memory_new_shared(*capacity) : malloc(*capacity))) return NULL;
  if (used > 0) memcpy(fresh + *start, b->data + b->start, used);
  free_memory(b);
  return fresh;
}

char* mqn_buffer_reserve(mqn_buffer* b, size_t length) {
  size_t used = mqn_buffer_length(b), needed, capacity, start;
  char* fresh;
  if (used == 0) b->start = b->end = 0;
  if (b->capacity - b->end >= length) return b->data ? b->data + b->end : mqn_buffer_reserve(b, 1);
  if (b->capacity - used >= length && b->start >= used) {   /* at least half is free: moving is cheap */
    memcpy(b->data, b->data + b->start, used);
    b->start = 0;
    b->end = used;
    return b->data + used;
  }
  if (length > SIZE_MAX / 2 - used) return NULL;
  needed = used + length;
  capacity = b->capacity < SIZE_MAX / 4 ? b->capacity * 2 : b->capacity;
  if (capacity < SMALLEST) capacity = SMALLEST;
  if (capacity < needed) {      /* small ones grow in powers of two, large ones are asked for when their size is known */
    if (needed > SPARE_LARGEST) capacity = needed;
    while (capacity < needed) capacity *= 2;
  }
  if (!(fresh = move(b, &capacity, &start))) return NULL;
  mqn_pages_expect(fresh + start + used, capacity - start - used);
  b->data = fresh;
  b->capacity = capacity;
  b->shared = is_large(capacity);
  b->start = start;
  b->end = start + used;
  return fresh + b->end;
}

int mqn_buffer_append(mqn_buffer* b, const void* data, size_t length) {
  char* room;
  if (length == 0) return 0;
  room = mqn_buffer_reserve(b, length);
  if (!room) return -1;
  memcpy(room, data, length);
  b->end += length;
  return 0;
}

void mqn_buffer_trim(mqn_buffer* b, size_t keep) {
  if (mqn_buffer_length(b) > 0) return;
  b->start = b->end = 0;
  if (b->capacity > keep) mqn_buffer_free(b);
}

int mqn_buffer_block_waits(const mqn_buffer* b, size_t length) { return mqn_memory_waits(aligned_start(b->landmark) + length); }

int mqn_buffer_dedicate(mqn_buffer* b, size_t length) {
  size_t used = mqn_buffer_length(b), start = aligned_start(b->landmark);
  char* fresh;
  if (length > SIZE_MAX - start) return -1;
  if (b->shared && b->start == start && mqn_memory_length(b->data) >= start + length) {       /* it is one already */
    fresh = b->data;
  } else {                                    /* not resized: the kernel moves no memory of which it was told something in part, see pages.h */
    if (!(fresh = mqn_memory_new_shared(start + length))) return -1;
    if (used > 0) memcpy(fresh + start, b->data + b->start, used);
    free_memory(b);
  }
  b->data = fresh;
  b->start = start;
  b->end = start + used;
  b->capacity = start + length;
  b->shared = 1;
  return 0;
}

void* mqn_buffer_hand_over(mqn_buffer* b, size_t from, size_t length, void** block) {
  mqn_buffer rest = { NULL, 0, 0, 0, 0, 0 };
  char *part = b->data + b->start + from, *end = b->data + b->end;
  if (!b->shared || (uintptr_t)part % ALIGNED != 0 || b->start + from < ALIGNED) return NULL;
  if (mqn_memory_length(b->data) - length > length / 8) return NULL;
  if (mqn_buffer_append(&rest, part + length, (size_t)(end - (part + length))) < 0) return NULL;
  *block = b->data;
  *b = rest;
  return part;
}

void mqn_buffer_free(mqn_buffer* b) {
  free_memory(b);
  memset(b, 0, sizeof *b);
}

void mqn_buffer_take_spare(mqn_buffer* b, size_t length) {
  mqn_transport* t = &mqn_the_transport;
  if (b->data || t->spares == 0 || t->spare[t->spares - 1].capacity < length) return;
  *b = t->spare[--t->spares];
}

void mqn_buffer_give_spare(mqn_buffer* b, size_t keep) {
  mqn_transport* t = &mqn_the_transport;
  if (mqn_buffer_length(b) > 0) return;
  b->start = b->end = b->landmark = 0;
  if (b->capacity <= keep) return;
  if (b->shared || b->capacity < SPARE_SMALLEST || t->spares == MQN_SPARES) {
    mqn_buffer_free(b);
    return;
  }
  t->spare[t->spares++] = *b;
  memset(b, 0, sizeof *b);
}
