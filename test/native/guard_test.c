/* The input guard says what test/vectors/guard.json expects of it, however the bytes come in: whole, cut in two at every place, one by one.
 * What vectors cannot say stands below: tables of identifiers, and what an idle guard holds. */
#include "guard_vectors.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned checks, failures;

static void check(int good, const char* where, const char* what) {
  ++checks;
  if (good) return;
  ++failures;
  fprintf(stderr, "FAILED %s: %s\n", where, what);
}

/* ---- vectors ---- */

static void write_event(char* to, size_t room, const mqn_event* e) {
  static const char* const words[] = { "wait", "pass", "drop", "fail" };
  if (e->verdict == MQN_GUARD_FAIL) snprintf(to, room, "fail:0x%02x", e->reason);
  else snprintf(to, room, "%s", words[e->verdict]);
}

/* Empty, or what differs from what the step expects. */
static void compare_events(const mqn_run* run, const mqn_json* expect, char* difference, size_t room) {
  const mqn_json* wanted = expect ? expect->first : NULL;
  size_t i;
  char got[16];
  *difference = 0;
  for (i = 0; i < run->count; i++, wanted = wanted->next) {
    write_event(got, sizeof got, &run->events[i]);
    if (!wanted || strcmp(wanted->text, got) != 0) {
      snprintf(difference, room, "packet %u: %s, not %s (%s)", (unsigned)i + 1, got, wanted ? wanted->text : "the end", run->guard.text);
      return;
    }
  }
  if (wanted) snprintf(difference, room, "the end, not %s", wanted->text);
}

static void compare_number(const mqn_json* node, const char* key, uint32_t got, char* difference, size_t room) {
  const mqn_json* wanted = mqn_json_get(node, key);
  if (*difference || !wanted) return;
  if ((wanted->kind == MQN_JSON_NUMBER ? wanted->number : wanted->kind == MQN_JSON_TRUE) != got)
    snprintf(difference, room, "%s is %u", key, (unsigned)got);
}

static void compare_step(const mqn_run* run, const mqn_json* node, char* difference, size_t room) {
  const mqn_json* view = mqn_json_get(node, "view");
  const char* text = mqn_json_text(node, "text");
  compare_events(run, mqn_json_get(node, "expect"), difference, room);
  if (!*difference && run->broken) snprintf(difference, room, "%s", run->broken);
  if (!*difference && text && !strstr(run->guard.text, text)) snprintf(difference, room, "it says: %s", run->guard.text);
  compare_number(node, "repeated", (uint32_t)run->repeated, difference, room);
  compare_number(node, "unacknowledged", run->guard.unacknowledged, difference, room);
  compare_number(node, "outgoing", run->guard.outgoing.used, difference, room);
  compare_number(node, "incoming", run->guard.incoming.used, difference, room);
  compare_number(view, "type", run->view.type, difference, room);
  compare_number(view, "flags", run->view.flags, difference, room);
  compare_number(view, "id", run->view.id, difference, room);
  compare_number(view, "reason", run->view.reason_code, difference, room);
  compare_number(view, "sessionPresent", run->view.session_present, difference, room);
  compare_number(view, "topic", run->view.topic_length, difference, room);
  compare_number(view, "properties", run->view.properties_length, difference, room);
  compare_number(view, "payload", run->view.payload_length, difference, room);
  compare_number(view, "alias", run->view.topic_alias, difference, room);
}

/* The whole vector; the bytes of step `cut_step` come as `feed` says. 1: as expected. */
static int run_vector(const mqn_vector* vector, size_t cut_step, mqn_feed feed, const char* how) {
  char difference[300], where[300];
  mqn_run run;
  size_t i;
  *difference = 0;
  mqn_run_begin(&run);
  for (i = 0; i < vector->count && !*difference; i++) {
    mqn_run_step(&run, &vector->steps[i], &vector->steps[i].bytes, i == cut_step ? feed : mqn_feed_whole);
    compare_step(&run, vector->steps[i].node, difference, sizeof difference);
  }
  mqn_run_end(&run);
  snprintf(where, sizeof where, "version %d, %s, step %u, %s", vector->version, vector->name, (unsigned)i, how);
  check(!*difference, where, difference);
  return !*difference;
}

static void run_cut(const mqn_vector* vector) {
  size_t i, at;
  char how[40];
  for (i = 0; i < vector->count; i++) {
    size_t length = vector->steps[i].bytes.length;
    for (at = 1; at < length; at++) {
      mqn_feed feed;
      /* In the middle of a field of 64 KiB one place is as good as the next: there one in 997 is taken, at both ends every one. */
      if (length > 4096 && at > 64 && at < length - 64 && at % 997) continue;
      feed.first = at;
      feed.more = length;
      snprintf(how, sizeof how, "cut at %u", (unsigned)at);
      if (!run_vector(vector, i, feed, how)) return;
    }
    if (length > 1 && length <= 4096) run_vector(vector, i, mqn_feed_bytewise, "byte by byte");
  }
}

static void run_vectors(const char* path) {
  mqn_vectors vectors;
  size_t i;
  mqn_vectors_load(path, &vectors);
  for (i = 0; i < vectors.count; i++)
    if (run_vector(&vectors.list[i], 0, mqn_feed_whole, "whole")) run_cut(&vectors.list[i]);
  printf("%u vectors\n", (unsigned)vectors.count);
  check(vectors.count >= 200, "guard.json", "has fewer than 200 vectors");
  mqn_vectors_free(&vectors);
}

/* ---- tables of identifiers ---- */

static uint32_t random_state = 1;
static uint32_t next_random(void) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 17;
  random_state ^= random_state << 5;
  return random_state;
}

/* The table against an array with a place for every identifier. Identifiers of equal low bits collide, so they are preferred in one round;
 * removals then have to move others up, also around the end of the table. */
static void ids_against_an_array(void) {
  static uint8_t expected[65536];
  mqn_ids ids = { NULL, 0, 0 };
  uint32_t round, i, in_use = 0, wrong = 0;
  for (round = 0; round < 3; round++) {
    for (i = 0; i < 200000; i++) {
      uint32_t r = next_random();
      uint16_t id = (uint16_t)(round == 0 ? r & 0x3f : round == 1 ? (r & 0xff) << 8 | 0xfe : r);
      mqn_id_entry* entry;
      if (!id) continue;
      entry = mqn_ids_find(&ids, id);
      if ((entry ? entry->state : 0) != expected[id]) ++wrong;
      if (entry && r >> 20 & 1) {
        mqn_ids_remove(&ids, id);
        expected[id] = 0;
        --in_use;
      } else if (!entry && (entry = mqn_ids_add(&ids, id, (uint8_t)(1 + (r >> 21) % 6)))) {
        expected[id] = entry->state;
        ++in_use;
      }
      if (ids.used != in_use) ++wrong;
    }
  }
  for (i = 1; i < 65536; i++) {
    const mqn_id_entry* entry = mqn_ids_find(&ids, (uint16_t)i);
    if ((entry ? entry->state : 0) != expected[i]) ++wrong;
  }
  check(wrong == 0, "identifiers", "the table and the array differ");
  check(in_use > 1000, "identifiers", "too few were in use to prove anything");
  for (i = 1; i < 65536; i++) mqn_ids_remove(&ids, (uint16_t)i);
  check(ids.used == 0 && ids.entries == NULL, "identifiers", "an empty large table keeps its memory");
  memset(expected, 0, sizeof expected);
}

static void every_identifier_in_use(void) {
  mqn_ids ids = { NULL, 0, 0 };
  uint32_t i, wrong = 0;
  for (i = 1; i <= 65535; i++)
    if (!mqn_ids_add(&ids, (uint16_t)i, 1)) ++wrong;
  check(ids.used == 65535 && wrong == 0, "identifiers", "not all can be in use");
  for (i = 65535; i >= 1; i--)
    if (!mqn_ids_find(&ids, (uint16_t)i)) ++wrong;
  check(wrong == 0, "identifiers", "one of all is not found");
  mqn_ids_clear(&ids);
}

/* ---- what needs more packets than a vector should hold ---- */

static const mqn_guard_limits plain_5 = { 5, 1, 0, 1, 0, 0, 0, 0 };

static mqn_verdict receive(mqn_guard* g, const uint8_t* data, size_t length) {
  size_t size;
  mqn_verdict verdict = mqn_guard_header(g, data, length, &size);
  return verdict == MQN_GUARD_PASS ? mqn_guard_packet(g, data, size) : verdict;
}

static void begin(mqn_guard* g, const mqn_guard_limits* limits) {
  static const uint8_t connack[] = { 0x20, 3, 0, 0, 0 };
  mqn_guard_start(g, limits);
  check(receive(g, connack, sizeof connack) == MQN_GUARD_PASS, "CONNACK", "does not pass");
}

/* The Receive Maximum that nobody named is 65,535 (3.1.2.11.3): so many pass, the next does not. */
static void default_receive_maximum(void) {
  mqn_guard g = { 0 };
  uint8_t publish[] = { 0x34, 6, 0, 1, 'a', 0, 0, 0 };
  uint32_t i, passed = 0;
  begin(&g, &plain_5);
  for (i = 1; i <= 65535; i++) {
    publish[5] = (uint8_t)(i >> 8);
    publish[6] = (uint8_t)i;
    passed += receive(&g, publish, sizeof publish) == MQN_GUARD_PASS;
  }
  check(passed == 65535 && g.unacknowledged == 65535 && g.incoming.used == 65535, "Receive Maximum", "65,535 do not pass");
  publish[0] = 0x3c;
  check(receive(&g, publish, sizeof publish) == MQN_GUARD_PASS && g.repeated, "Receive Maximum", "a repeat of the last does not pass");
  mqn_guard_free(&g);

  memset(&g, 0, sizeof g);
  begin(&g, &plain_5);
  publish[0] = 0x32;
  for (i = passed = 0; i < 65535; i++) passed += receive(&g, publish, sizeof publish) == MQN_GUARD_PASS;
  check(passed == 65535, "Receive Maximum", "65,535 of QoS 1 do not pass");
  check(receive(&g, publish, sizeof publish) == MQN_GUARD_FAIL && g.reason == 0x93, "Receive Maximum", "65,536 pass");
  mqn_guard_free(&g);
}

/* A client that was busy and is idle now holds nothing, once it has sent its PINGREQ. */
static void idle_holds_nothing(void) {
  static const mqn_guard_limits limits = { 5, 1, 0, 1, 0, 0, 10, 0 };
  static const uint8_t publish[] = { 0x34, 6, 0, 1, 'a', 0, 1, 0 }, pubrel[] = { 0x62, 2, 0, 1 };
  static const uint8_t aliased[] = { 0x30, 7, 0, 1, 'a', 3, 0x23, 0, 10 };
  mqn_guard g = { 0 };
  uint8_t puback[] = { 0x40, 2, 0, 0 };
  uint32_t i;
  begin(&g, &limits);
  check(!g.outgoing.entries && !g.incoming.entries && !g.aliases, "idle", "memory is held before anything happened");
  for (i = 1; i <= 1000; i++) check(mqn_guard_sent(&g, 0x32, (uint16_t)i, 0, 0) == 0, "idle", "no memory");
  for (i = 1; i <= 1000; i++) {
    puback[2] = (uint8_t)(i >> 8);
    puback[3] = (uint8_t)i;
    check(receive(&g, puback, sizeof puback) == MQN_GUARD_PASS, "idle", "PUBACK does not pass");
  }
  check(!g.outgoing.entries, "idle", "an empty large table keeps its memory");
  check(receive(&g, publish, sizeof publish) == MQN_GUARD_PASS, "idle", "PUBLISH does not pass");
  mqn_guard_sent(&g, 0x50, 1, 0, 0);
  check(receive(&g, pubrel, sizeof pubrel) == MQN_GUARD_PASS, "idle", "PUBREL does not pass");
  mqn_guard_sent(&g, 0x70, 1, 0, 0);
  mqn_guard_sent(&g, 0xc0, 0, 0, 0);
  check(!g.outgoing.entries && !g.incoming.entries, "idle", "memory is held after PINGREQ");
  check(receive(&g, aliased, sizeof aliased) == MQN_GUARD_PASS && g.aliases, "idle", "an alias is not remembered");
  mqn_guard_start(&g, &limits);
  check(!g.aliases, "idle", "aliases outlive their connection");
  mqn_guard_free(&g);
}

/* A server that never answers PINGREQ does not make the count of the unanswered begin at 0 again. */
static void many_pings(void) {
  static const uint8_t pingresp[] = { 0xd0, 0 };
  mqn_guard g = { 0 };
  int i;
  begin(&g, &plain_5);
  for (i = 0; i < 256; i++) mqn_guard_sent(&g, 0xc0, 0, 0, 0);
  check(receive(&g, pingresp, sizeof pingresp) == MQN_GUARD_PASS, "PINGREQ", "an answer to one of 256 does not pass");
  mqn_guard_free(&g);
}

/* mqn_guard_packet() has no need to trust that the header was looked at before. */
static void packet_without_header(void) {
  static const struct { const char* what; uint8_t bytes[6]; size_t size; } cases[] = {
    { "shorter than it says", { 0x40, 3, 0, 1 }, 4 }, { "longer than it says", { 0x40, 2, 0, 1, 0 }, 5 }, { "one byte", { 0x40 }, 1 },
    { "nothing", { 0 }, 0 }, { "a length without an end", { 0x30, 0xff, 0xff, 0xff, 0xff }, 5 }, { "SUBSCRIBE", { 0x82, 2, 0, 1 }, 4 },
    { "CONNECT", { 0x10, 2, 0, 1 }, 4 }, { "type 0", { 0, 2, 0, 1 }, 4 }, { "PUBACK without an identifier", { 0x40, 0 }, 2 } };
  size_t i;
  for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    mqn_guard g = { 0 };
    uint8_t* copy = malloc(cases[i].size ? cases[i].size : 1);
    mqn_packet_view view;
    if (!copy) exit(2);
    memcpy(copy, cases[i].bytes, cases[i].size);
    begin(&g, &plain_5);
    mqn_packet_read(copy, cases[i].size, 5, &view);
    check(!view.topic && !view.payload && !view.properties, "without a header", cases[i].what);
    check(mqn_guard_packet(&g, copy, cases[i].size) == MQN_GUARD_FAIL, "without a header", cases[i].what);
    mqn_guard_free(&g);
    free(copy);
  }
}

int main(int argc, char** argv) {
  run_vectors(argc > 1 ? argv[1] : MQN_TEST_FOLDER "/vectors/guard.json");
  ids_against_an_array();
  every_identifier_in_use();
  default_receive_maximum();
  idle_holds_nothing();
  many_pings();
  packet_without_header();
  printf("%u checks, %u failed\n", checks, failures);
  return failures != 0;
}
