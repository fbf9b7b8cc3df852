/* Packet identifiers in use: open addressing with linear probing. Identifiers are handed out in ascending order, so their low bits are the
 * best hash there is: a window of live ones lies side by side and each stands in its own place. Reactor thread only. */
#include <stdlib.h>
#include "guard.h"

#define SMALLEST 8u
#define KEPT 256u      /* an empty table of up to this many entries stays for the next burst, until mqn_ids_trim() */

mqn_id_entry* mqn_ids_find(const mqn_ids* ids, uint16_t id) {
  uint32_t mask = ids->capacity - 1, i;
  if (ids->used == 0) return NULL;
  for (i = id & mask; ids->entries[i].id; i = (i + 1) & mask)
    if (ids->entries[i].id == id) return &ids->entries[i];
  return NULL;
}

static mqn_id_entry* place(mqn_id_entry* entries, uint32_t mask, uint16_t id) {
  uint32_t i = id & mask;
  while (entries[i].id) i = (i + 1) & mask;
  return &entries[i];
}

static int grow(mqn_ids* ids) {
  uint32_t capacity = ids->capacity ? ids->capacity * 2 : SMALLEST, i;
  mqn_id_entry* entries = calloc(capacity, sizeof *entries);
  if (!entries) return -1;
  for (i = 0; i < ids->capacity; i++)
    if (ids->entries[i].id) *place(entries, capacity - 1, ids->entries[i].id) = ids->entries[i];
  free(ids->entries);
  ids->entries = entries;
  ids->capacity = capacity;
  return 0;
}

mqn_id_entry* mqn_ids_add(mqn_ids* ids, uint16_t id, uint8_t state) {
  mqn_id_entry* entry;
  /* half full at most; without memory it may get fuller, but one place must stay free, or a search would not end */
  if ((ids->used + 1) * 2 > ids->capacity && grow(ids) != 0 && ids->used + 1 >= ids->capacity) return NULL;
  entry = place(ids->entries, ids->capacity - 1, id);
  entry->id = id;
  entry->state = state;
  entry->sent = 0;
  entry->count = 0;
  ++ids->used;
  return entry;
}

/* No tombstones: what stands behind the hole and does not stand in its own place moves up. */
void mqn_ids_remove(mqn_ids* ids, uint16_t id) {
  mqn_id_entry* entry = mqn_ids_find(ids, id);
  uint32_t mask = ids->capacity - 1, hole, i;
  if (!entry) return;
  hole = (uint32_t)(entry - ids->entries);
  for (i = (hole + 1) & mask; ids->entries[i].id; i = (i + 1) & mask) {
    uint32_t home = ids->entries[i].id & mask;
    if (((i - home) & mask) < ((i - hole) & mask)) continue;
    ids->entries[hole] = ids->entries[i];
    hole = i;
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
