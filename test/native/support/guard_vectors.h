/* Runs test/vectors/guard.json on the guard; see test/vectors/README.md for what a vector is. */
#ifndef MQN_TEST_GUARD_VECTORS_H
#define MQN_TEST_GUARD_VECTORS_H
#include "guard.h"
#include "json.h"

typedef struct mqn_bytes { uint8_t* data; size_t length; } mqn_bytes;

typedef struct mqn_step {
  const mqn_json* node;
  int start, connected, forget;
  mqn_guard_limits limits;
  mqn_bytes bytes;
} mqn_step;

/* A vector for one version. */
typedef struct mqn_vector {
  const char* name;
  int version, native_only;
  mqn_step* steps;
  size_t count;
} mqn_vector;

typedef struct mqn_vectors { mqn_json* json; mqn_vector* list; size_t count; } mqn_vectors;
void mqn_vectors_load(const char* path, mqn_vectors* vectors);
void mqn_vectors_free(mqn_vectors* vectors);

/* How a step's bytes come in: `first` of them at once, then `more` by `more`. */
typedef struct mqn_feed { size_t first, more; } mqn_feed;
extern const mqn_feed mqn_feed_whole, mqn_feed_bytewise;

typedef struct mqn_event { mqn_verdict verdict; uint8_t reason; } mqn_event;

typedef struct mqn_run {
  mqn_guard guard;
  mqn_event* events;       /* of the last step */
  size_t count, room;
  mqn_packet_view view;    /* of the last packet that passed; its pointers are gone */
  int repeated;
  uint32_t checksum;       /* of all that the guard said and counted, FNV-1a */
  const char* broken;      /* a promise of the guard's that was broken, NULL: none */
} mqn_run;
void mqn_run_begin(mqn_run* run);
void mqn_run_end(mqn_run* run);
/* Bytes other than the step's own may be given. Every call sees a copy on the heap of exactly the size that it is told. */
void mqn_run_step(mqn_run* run, const mqn_step* step, const mqn_bytes* bytes, mqn_feed feed);
#endif
