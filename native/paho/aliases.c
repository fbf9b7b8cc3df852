/* Topic aliases of this side (3.3.2.3.4). Paho writes every PUBLISH with its topic; on the way into the connection's buffer the topic is replaced.
 * So a PUBLISH that is sent again on a later connection can never carry an alias of an earlier one.
 *
 * The first topics of a connection get an alias each, up to the server's Topic Alias Maximum; it belongs to them until the connection ends. Topics
 * that come when all are taken go as they are: taking one away would cost bytes, and a topic that is published once would take it from one
 * that is published often. */
#include <stdlib.h>
#include <string.h>
#include "link.h"

#define SHORTEST_TOPIC 4       /* the property costs three bytes: below this nothing is won */
#define FIRST_CAPACITY 16

typedef struct { uint32_t hash; uint32_t length; char* topic; uint16_t alias; } entry;   /* topic NULL: free */
struct mqn_aliases {
  uint32_t capacity, used;       /* a power of two; open addressing, never more than half full */
  entry* entries;
};

static entry* place_of(entry* entries, uint32_t capacity, const char* topic, uint32_t length, uint32_t hash) {
  uint32_t at = hash & (capacity - 1);
  while (entries[at].topic && (entries[at].hash != hash || entries[at].length != length || memcmp(entries[at].topic, topic, length) != 0))
    at = (at + 1) & (capacity - 1);
  return entries + at;
}

static int grow(mqn_aliases* a) {
  uint32_t i, capacity = a->capacity ? a->capacity * 2 : FIRST_CAPACITY;
  entry* entries = calloc(capacity, sizeof *entries);
  if (!entries) return -1;
  for (i = 0; i < a->capacity; i++)
    if (a->entries[i].topic) *place_of(entries, capacity, a->entries[i].topic, a->entries[i].length, a->entries[i].hash) = a->entries[i];
  free(a->entries);
  a->entries = entries;
  a->capacity = capacity;
  return 0;
}

static uint32_t hash_of(const char* topic, uint32_t length) {
  uint32_t i, hash = 2166136261u;
  for (i = 0; i < length; i++) hash = (hash ^ (unsigned char)topic[i]) * 16777619u;
  return hash ^ hash >> 15;
}

uint16_t mqn_alias_for(mqn_link* link, const char* topic, uint32_t length, int* announced) {
  mqn_aliases* a = link->aliases;
  uint32_t hash;
  entry* e;
  if (length < SHORTEST_TOPIC) return 0;
  if (!a && !(a = link->aliases = calloc(1, sizeof *a))) return 0;
  if (a->used * 2 >= a->capacity && grow(a) != 0) return 0;
  hash = hash_of(topic, length);
  e = place_of(a->entries, a->capacity, topic, length, hash);
  *announced = e->topic != NULL;
  if (e->topic) return e->alias;
  if (a->used >= link->owner->outgoing_aliases || !(e->topic = malloc(length))) return 0;
  memcpy(e->topic, topic, length);
  e->length = length;
  e->hash = hash;
  e->alias = (uint16_t)++a->used;
  return e->alias;
}

void mqn_aliases_free(mqn_link* link) {
  uint32_t i;
  if (!link->aliases) return;
  for (i = 0; i < link->aliases->capacity; i++) free(link->aliases->entries[i].topic);
  free(link->aliases->entries);
  free(link->aliases);
  link->aliases = NULL;
}
