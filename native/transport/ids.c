/* Packet identifiers in use: open addressing with linear probing. Identifiers are handed out in ascending order, so their low bits are the
 * best hash there is: a window of live ones lies side by side and each stands in its own place.
 *
 * Entries of a row are kept in the order of their own places. So a search that meets an entry nearer to home than itself is over, and a
 * removal moves the row up only until it meets one at home: in the middle of a long window both cost one step.
 * Reactor thread only. */
#include <stdlib.h>
#include "guard.h"

#define SMALLEST 8u
#define KEPT 256u      /* an empty table of up to this many entries stays for the next burst, until mqn_ids_trim() */

/* How far the entry at `i` is from its own place. */
static uint32_t distance(const mqn_id_entry* entries, uint32_t mask, uint32_t i) { return (i - entries[i].id) & mask; }

mqn_id_entry* mqn_ids_find(const mqn_ids* ids, uint16_t id) {
  uint32_t mask = ids->capacity - 1, i, steps;
  if (ids->used == 0) return NULL;
  for (i = id & mask, steps = 0; ids->entries[i].id; i = (i + 1) & mask, steps++) {
    if (ids->entries[i].id == id) return &ids->entries[i];
    if (distance(ids->entries, mask, i) < steps) return NULL;
  }
  return NULL;
}

/* A free place for `id`, where it keeps the order: entries behind it move on by one. One place of the table is free. */
static mqn_id_entry* make_place(mqn_id_entry* entries, uint32_t mask, uint16_t id) {
  uint32_t i = id & mask, steps = 0, end;
  while (entries[i].id && distance(entries, mask, i) >= steps) {
    i = (i + 1) & mask;
    ++steps;
  }
  for (end = i; entries[end].id; end = (end + 1) & mask) {}
  for (; end != i; end = (end - 1) & mask) entries[end] = entries[(end - 1) & mask];
  return &entries[i];
}

static int grow(mqn_ids* ids) {
  uint32_t capacity = ids->capacity ? ids->capacity * 2 : SMALLEST, i;
  mqn_id_entry* entries = calloc(capacity, sizeof *entries);
  if (!entries) return -1;
  for (i = 0; i < ids->capacity; i++)
    if (ids->entries[i].id) *make_place(entries, capacity - 1, ids->entries[i].id) = ids->entries[i];
  free(ids->entries);
  ids->entries = entries;
  ids->capacity = capacity;
  return 0;
}

mqn_id_entry* mqn_ids_add(mqn_ids* ids, uint16_t id, uint8_t state) {
  mqn_id_entry* entry;
  /* half full at most; without memory it may get fuller, but one place must stay free, or a search would not end */
  if ((ids->used + 1) * 2 > ids->capacity && grow(ids) != 0 && ids->used + 1 >= ids->capacity) return NULL;
  entry = make_place(ids->entries, ids->capacity - 1, id);
  entry->id = id;
  entry->state = state;
  entry->sent = 0;
  entry->count = 0;
  ++ids->used;
  return entry;
}

void mqn_ids_remove(mqn_ids* ids, uint16_t id) {
  mqn_id_entry* entry = mqn_ids_find(ids, id);
  uint32_t mask = ids->capacity - 1, hole, next;
  if (!entry) return;
  hole = (uint32_t)(entry - ids->entries);
  for (;;) {
    next = (hole + 1) & mask;
    if (!ids->entries[next].id || distance(ids->entries, mask, next) == 0) break;
    ids->entries[hole] = ids->entries[next];
    hole = next;
  }
  ids->entries[hole].id = 0;
  --ids->used;
  if (ids->capacity > KEPT) mqn_ids_trim(ids);
}

void mqn_ids_trim(mqn_ids* ids) {
  if (ids->used == 0) mqn_ids_clear(ids);
}

void mqn_ids_clear(mqn_ids* ids) {
  free(ids->entries);
  ids->entries = NULL;
  ids->capacity = ids->used = 0;
}
