/* Mutated vectors: whatever a server sends, the guard does not read outside of it, says the same whether the bytes come at once or one by
 * one, and what it passes can be read. Deterministic: guard_fuzz_test [seed [mutations]], both printed. Worth most with a sanitizer.
 *
 * The first mutations, with the seed of test/vectors/guard-fuzz.json, are also made in test/unit/guard.test.ts: both guards must come to
 * the checksum that stands there. So the order in which random numbers are drawn is part of the test.
 * ctest-timeout: 120 */
#include "guard_vectors.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LONGEST_SEED 512     /* vectors with longer steps are left out: their fields are long, not different */
#define LONGEST 1024

static uint32_t state;
static uint32_t draw(uint32_t below) {
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state % below;
}

static const mqn_vector** pool;
static uint32_t pool_size;

static void fill_pool(const mqn_vectors* vectors) {
  size_t i, j;
  pool = malloc(vectors->count * sizeof *pool);
  if (!pool) exit(2);
  for (i = 0; i < vectors->count; i++) {
    const mqn_vector* v = &vectors->list[i];
    int good = !v->native_only;
    for (j = 0; j < v->count; j++) good = good && v->steps[j].bytes.length <= LONGEST_SEED;
    if (good) pool[pool_size++] = v;
  }
}

static void insert(uint8_t* data, size_t* length, size_t at, const uint8_t* what, size_t count) {
  if (*length + count > LONGEST) return;
  memmove(data + at + count, data + at, *length - at);
  memcpy(data + at, what, count);
  *length += count;
}

static void mutate_once(uint8_t* data, size_t* length) {
  static const uint8_t interesting[] = { 0x00, 0x01, 0x02, 0x7f, 0x80, 0xff, 0x20, 0x30, 0x32, 0x34, 0x40, 0x50, 0x62, 0x70, 0x90, 0xb0,
                                         0xd0, 0xe0, 0xf0, 0x0b, 0x1f, 0x23, 0x26 };
  uint32_t what = draw(8), at, count;
  uint8_t byte;
  if (*length == 0 && what != 7) what = 3;
  switch (what) {
    case 0:
      at = draw((uint32_t)*length);
      data[at] ^= (uint8_t)(1u << draw(8));
      return;
    case 1:
      at = draw((uint32_t)*length);
      data[at] = (uint8_t)draw(256);
      return;
    case 2:
      at = draw((uint32_t)*length);
      data[at] = interesting[draw(sizeof interesting)];
      return;
    case 3:
      at = draw((uint32_t)*length + 1);
      byte = (uint8_t)draw(256);
      insert(data, length, at, &byte, 1);
      return;
    case 4:
      at = draw((uint32_t)*length);
      memmove(data + at, data + at + 1, --*length - at);
      return;
    case 5:
      *length = draw((uint32_t)*length + 1);
      return;
    case 6: {
      uint8_t piece[16];
      at = draw((uint32_t)*length);
      count = 1 + draw(sizeof piece);
      if (count > *length - at) count = (uint32_t)*length - at;
      memcpy(piece, data + at, count);
      insert(data, length, *length, piece, count);
      return;
    }
    default: {
      const mqn_bytes* other = &pool[draw(pool_size)]->steps[0].bytes;
      if (other->length) insert(data, length, *length, other->data, other->length);
    }
  }
}

typedef struct tally { unsigned passed, dropped, failed, waited; } tally;

static void count_events(const mqn_run* run, tally* t) {
  size_t i;
  for (i = 0; i < run->count; i++)
    switch (run->events[i].verdict) {
      case MQN_GUARD_PASS: ++t->passed; break;
      case MQN_GUARD_DROP: ++t->dropped; break;
      case MQN_GUARD_FAIL: ++t->failed; break;
      default: ++t->waited;
    }
}

static uint32_t run_mutated(const mqn_vector* v, size_t mutated, const mqn_bytes* bytes, mqn_feed feed, tally* t, const char** broken) {
  mqn_run run;
  uint32_t checksum;
  size_t i;
  mqn_run_begin(&run);
  for (i = 0; i < v->count; i++) {
    mqn_run_step(&run, &v->steps[i], i == mutated ? bytes : &v->steps[i].bytes, feed);
    if (t) count_events(&run, t);
  }
  checksum = run.checksum;
  if (run.broken) *broken = run.broken;
  mqn_run_end(&run);
  return checksum;
}

/* 0, or what was broken. */
static const char* mutation(uint32_t* checksum, tally* t) {
  static uint8_t data[LONGEST];
  const mqn_vector* v = pool[draw(pool_size)];
  size_t step = draw((uint32_t)v->count);
  mqn_bytes bytes;
  const char* broken = NULL;
  uint32_t times = 1 + draw(4), whole, bytewise;
  bytes.data = data;
  bytes.length = v->steps[step].bytes.length;
  if (bytes.length) memcpy(data, v->steps[step].bytes.data, bytes.length);
  for (; times > 0; times--) mutate_once(data, &bytes.length);
  whole = run_mutated(v, step, &bytes, mqn_feed_whole, t, &broken);
  bytewise = run_mutated(v, step, &bytes, mqn_feed_bytewise, NULL, &broken);
  if (whole != bytewise) broken = "byte by byte the guard says something else";
  *checksum = (*checksum ^ whole) * 16777619u;
  if (broken) fprintf(stderr, "FAILED from '%s', version %d: %s\n", v->name, v->version, broken);
  return broken;
}

static int run_mutations(uint32_t seed, uint32_t count, uint32_t* checksum) {
  tally t = { 0, 0, 0, 0 };
  uint32_t i;
  state = seed;
  *checksum = 2166136261u;
  for (i = 0; i < count; i++)
    if (mutation(checksum, &t)) {
      fprintf(stderr, "mutation %u of seed %u\n", (unsigned)i, (unsigned)seed);
      return 1;
    }
  printf("seed %u, %u mutations: %u passed, %u dropped, %u failed, %u waited, checksum %u\n", (unsigned)seed, (unsigned)count, t.passed,
         t.dropped, t.failed, t.waited, (unsigned)*checksum);
  if (count >= 1000 && (!t.passed || !t.dropped || !t.failed || !t.waited)) {
    fprintf(stderr, "FAILED: a verdict never came up\n");
    return 1;
  }
  return 0;
}

int main(int argc, char** argv) {
  mqn_vectors vectors;
  mqn_json* expected = mqn_json_load(MQN_TEST_FOLDER "/vectors/guard-fuzz.json");
  uint32_t seed = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 2463534242u;
  uint32_t count = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 120000, checksum;
  int failed;
  mqn_vectors_load(MQN_TEST_FOLDER "/vectors/guard.json", &vectors);
  fill_pool(&vectors);
  failed = run_mutations((uint32_t)mqn_json_number(expected, "seed", 0), (uint32_t)mqn_json_number(expected, "mutations", 0), &checksum);
  if (!failed && checksum != (uint32_t)mqn_json_number(expected, "checksum", 0)) {
    fprintf(stderr, "FAILED: guard-fuzz.json has another checksum\n");
    failed = 1;
  }
  if (!failed) failed = run_mutations(seed ? seed : 1, count, &checksum);
  free(pool);
  mqn_vectors_free(&vectors);
  mqn_json_free(expected);
  return failed;
}
