/* Buffers, and the few spare ones that busy connections pass on. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "connection_private.h"
#include "pages.h"

#define SMALLEST 1024
#define SPARE_SMALLEST (16u << 10)
#define SPARE_LARGEST (256u << 10)

char* mqn_buffer_reserve(mqn_buffer* b, size_t length) {
  size_t used = mqn_buffer_length(b), needed, capacity;
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
  if (b->start == 0) {
    fresh = realloc(b->data, capacity);
    if (!fresh) return NULL;
  } else {
    fresh = malloc(capacity);
    if (!fresh) return NULL;
    memcpy(fresh, b->data + b->start, used);
    free(b->data);
  }
  mqn_pages_expect(fresh + used, capacity - used);
  b->data = fresh;
  b->capacity = capacity;
  b->start = 0;
  b->end = used;
  return fresh + used;
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

void mqn_buffer_free(mqn_buffer* b) {
  free(b->data);
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
  b->start = b->end = 0;
  if (b->capacity <= keep) return;
  if (b->capacity < SPARE_SMALLEST || b->capacity > SPARE_LARGEST || t->spares == MQN_SPARES) {
    mqn_buffer_free(b);
    return;
  }
  t->spare[t->spares++] = *b;
  memset(b, 0, sizeof *b);
}
