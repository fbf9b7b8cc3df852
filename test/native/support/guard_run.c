/* Runs a vector's step: what this side sent, then the server's bytes in the portions that were asked for. */
#include "guard_vectors.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void mqn_run_begin(mqn_run* run) {
  memset(run, 0, sizeof *run);
  run->checksum = 2166136261u;
}

void mqn_run_end(mqn_run* run) {
  mqn_guard_free(&run->guard);
  free(run->events);
}

static void add(mqn_run* run, uint8_t byte) { run->checksum = (run->checksum ^ byte) * 16777619u; }
static void add_4(mqn_run* run, uint32_t value) {
  add(run, (uint8_t)(value >> 24));
  add(run, (uint8_t)(value >> 16));
  add(run, (uint8_t)(value >> 8));
  add(run, (uint8_t)value);
}

static void event(mqn_run* run, mqn_verdict verdict) {
  const char* text;
  if (run->count == run->room) {
    run->room = run->room ? run->room * 2 : 16;
    run->events = realloc(run->events, run->room * sizeof *run->events);
    if (!run->events) exit(2);
  }
  run->events[run->count].verdict = verdict;
  run->events[run->count++].reason = verdict == MQN_GUARD_FAIL ? run->guard.reason : 0;
  add(run, (uint8_t)verdict);
  if (verdict != MQN_GUARD_FAIL) return;
  add(run, run->guard.reason);
  for (text = run->guard.text; *text; text++) add(run, (uint8_t)*text);
}

/* Exactly `length` bytes, so that a sanitizer sees a read behind them. */
static uint8_t* copy_of(const uint8_t* data, size_t length) {
  uint8_t* copy = malloc(length);
  if (!copy && length) exit(2);
  if (length) memcpy(copy, data, length);
  return copy;
}

static int inside(const uint8_t* field, size_t length, const uint8_t* data, size_t size) {
  return field ? field >= data && length <= size && (size_t)(field - data) <= size - length : length == 0;
}

static void check_view(mqn_run* run, const uint8_t* data, size_t size, const mqn_packet_view* v) {
  if (!inside(v->topic, v->topic_length, data, size) || !inside(v->properties, v->properties_length, data, size) ||
      !inside(v->payload, v->payload_length, data, size))
    run->broken = "a view leaves its packet";
}

static void passed(mqn_run* run, const uint8_t* data, size_t size) {
  mqn_packet_view* v = &run->view;
  mqn_packet_read(data, size, run->guard.limits.version, v);
  check_view(run, data, size, v);
  if (v->type != data[0] >> 4) run->broken = "a packet that passed cannot be read";
  if (v->type == 3 && v->payload + v->payload_length != data + size) run->broken = "a payload does not end with its packet";
  run->repeated = run->guard.repeated;
  add(run, (uint8_t)(v->type << 4 | v->flags));
  add_4(run, v->id);
  add(run, v->reason_code);
  add(run, v->session_present);
  add_4(run, v->topic_length);
  add_4(run, v->properties_length);
  add_4(run, v->payload_length);
  add_4(run, v->topic_alias);
  add(run, run->guard.repeated);
}

static mqn_verdict header(mqn_run* run, const uint8_t* data, size_t length, size_t* size) {
  uint8_t* copy;
  mqn_verdict verdict;
  if (length > 16) length = 16;
  copy = copy_of(data, length);
  verdict = mqn_guard_header(&run->guard, copy, length, size);
  if (verdict == MQN_GUARD_WAIT && length >= 5) run->broken = "five bytes are not enough for a header";
  if (verdict == MQN_GUARD_DROP) run->broken = "a header was dropped";
  free(copy);
  return verdict;
}

static mqn_verdict packet(mqn_run* run, const uint8_t* data, size_t size) {
  uint8_t* copy = copy_of(data, size);
  mqn_packet_view early;
  mqn_verdict verdict;
  mqn_packet_read(copy, size, run->guard.limits.version, &early);   /* not yet checked: it may find nothing, but must stay inside */
  check_view(run, copy, size, &early);
  verdict = mqn_guard_packet(&run->guard, copy, size);
  event(run, verdict);
  if (verdict == MQN_GUARD_PASS) passed(run, copy, size);
  if (verdict == MQN_GUARD_WAIT) run->broken = "a whole packet waits";
  free(copy);
  return verdict;
}

static void stays_failed(mqn_run* run) {
  static const uint8_t pingresp[] = { 0xd0, 0 };
  uint8_t reason = run->guard.reason;
  size_t size;
  if (!reason || !run->guard.text[0]) run->broken = "a failure without a reason";
  if (mqn_guard_header(&run->guard, pingresp, 2, &size) != MQN_GUARD_FAIL || mqn_guard_packet(&run->guard, pingresp, 2) != MQN_GUARD_FAIL ||
      run->guard.reason != reason)
    run->broken = "something passes after a failure";
}

static void feed_bytes(mqn_run* run, const uint8_t* data, size_t length, mqn_feed feed) {
  size_t at = 0, size = 0, available = feed.first < length ? feed.first : length;
  for (;;) {
    for (;;) {
      mqn_verdict verdict;
      if (!size) {
        verdict = header(run, data + at, available - at, &size);
        if (verdict == MQN_GUARD_FAIL) {
          event(run, verdict);
          stays_failed(run);
          return;
        }
        if (verdict == MQN_GUARD_WAIT) break;
      }
      if (available - at < size) break;
      if (packet(run, data + at, size) == MQN_GUARD_FAIL) {
        stays_failed(run);
        return;
      }
      at += size;
      size = 0;
    }
    if (available == length) break;
    available = length - available < feed.more ? length : available + feed.more;
  }
  if (at < length) event(run, MQN_GUARD_WAIT);
}

static void send_one(mqn_run* run, const char* text) {
  static const struct { const char* word; uint8_t header; } words[] = {
    { "connect", 0x10 }, { "publish0", 0x30 }, { "publish1", 0x32 }, { "publish2", 0x34 }, { "puback", 0x40 }, { "pubrec", 0x50 },
    { "pubrel", 0x62 }, { "pubcomp", 0x70 }, { "subscribe", 0x82 }, { "unsubscribe", 0xa2 }, { "pingreq", 0xc0 }, { "disconnect", 0xe0 },
    { "auth", 0xf0 } };
  char word[16] = "";
  long id = 0, number = 0;
  size_t i;
  const char* space = strchr(text, ' ');
  char* end = NULL;
  size_t length = space ? (size_t)(space - text) : strlen(text);
  memcpy(word, text, length < sizeof word ? length : sizeof word - 1);
  if (space) id = strtol(space, &end, 10);
  if (end && *end) number = strtol(end, NULL, 0);
  if (strcmp(word, "reserve") == 0) {
    if (!mqn_ids_add(&run->guard.outgoing, (uint16_t)id, MQN_ID_RESERVED)) run->broken = "no memory";
    return;
  }
  for (i = 0; i < sizeof words / sizeof words[0]; i++)
    if (strcmp(word, words[i].word) == 0) {
      if (mqn_guard_sent(&run->guard, words[i].header, (uint16_t)id, (uint32_t)number, (uint8_t)number) != 0) run->broken = "no memory";
      return;
    }
  run->broken = "an unknown word in sent";
}

void mqn_run_step(mqn_run* run, const mqn_step* step, const mqn_bytes* bytes, mqn_feed feed) {
  static const uint8_t connack_4[] = { 0x20, 2, 0, 0 }, connack_5[] = { 0x20, 3, 0, 0, 0 };
  const mqn_json *sent = mqn_json_get(step->node, "sent"), *one;
  run->count = 0;
  run->repeated = 0;
  memset(&run->view, 0, sizeof run->view);
  if (step->start) mqn_guard_start(&run->guard, &step->limits);
  if (step->connected) {
    size_t size;
    const uint8_t* connack = step->limits.version == 5 ? connack_5 : connack_4;
    size_t length = step->limits.version == 5 ? sizeof connack_5 : sizeof connack_4;
    if (mqn_guard_header(&run->guard, connack, length, &size) != MQN_GUARD_PASS || size != length ||
        mqn_guard_packet(&run->guard, connack, size) != MQN_GUARD_PASS || !run->guard.connected)
      run->broken = "a plain CONNACK does not pass";
  }
  if (step->forget) mqn_guard_forget(&run->guard);
  for (one = sent ? sent->first : NULL; one; one = one->next) send_one(run, one->text);
  feed_bytes(run, bytes->data, bytes->length, feed);
  add_4(run, run->guard.unacknowledged);
  add_4(run, run->guard.outgoing.used);
  add_4(run, run->guard.incoming.used);
}
