#include "guard_vectors.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const mqn_feed mqn_feed_whole = { SIZE_MAX, 1 }, mqn_feed_bytewise = { 1, 1 };

static void refuse(const char* what, const char* where) {
  fprintf(stderr, "guard.json: %s: %s\n", what, where);
  exit(2);
}

static void* need(void* memory) {
  if (!memory) refuse("no memory", "");
  return memory;
}

static void append(mqn_bytes* to, const uint8_t* data, size_t length) {
  if (!length) return;
  to->data = need(realloc(to->data, to->length + length));
  memcpy(to->data + to->length, data, length);
  to->length += length;
}

/* ---- bytes as the vectors write them ---- */

static const char* parse_bytes(const char* at, char end, mqn_bytes* to);

static void append_variable(mqn_bytes* to, size_t value) {
  do {
    uint8_t byte = (uint8_t)(value & 0x7f);
    if (value > 0x7f) byte |= 0x80;
    append(to, &byte, 1);
    value >>= 7;
  } while (value);
}

static const char* parse_group(const char* at, mqn_bytes* to) {
  mqn_bytes inner = { NULL, 0 };
  int variable = *at == '[';
  at = parse_bytes(at + 1, variable ? ']' : '}', &inner);
  if (variable) {
    append_variable(to, inner.length);
  } else {
    uint8_t length[2];
    length[0] = (uint8_t)(inner.length >> 8);
    length[1] = (uint8_t)inner.length;
    if (inner.length > 65535) refuse("more than 65,535 bytes", at);
    append(to, length, 2);
  }
  append(to, inner.data, inner.length);
  free(inner.data);
  return at;
}

static int digit(char c) {
  return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static const char* parse_item(const char* at, mqn_bytes* to) {
  const char* begin = at;
  if (*at == '[' || *at == '{') return parse_group(at, to);
  if (*at == '\'') {
    while (*++at && *at != '\'') append(to, (const uint8_t*)at, 1);
    if (!*at) refuse("text without an end", begin);
    return at + 1;
  }
  while (digit(at[0]) >= 0 && digit(at[1]) >= 0) {
    uint8_t byte = (uint8_t)(digit(at[0]) << 4 | digit(at[1]));
    append(to, &byte, 1);
    at += 2;
  }
  if (at == begin) refuse("not bytes", at);
  return at;
}

static const char* parse_bytes(const char* at, char end, mqn_bytes* to) {
  for (;;) {
    mqn_bytes item = { NULL, 0 };
    long times = 1;
    while (*at == ' ') at++;
    if (*at == end) return *at ? at + 1 : at;
    at = parse_item(at, &item);
    if (*at == '*') times = strtol(at + 1, (char**)&at, 10);
    for (; times > 0; times--) append(to, item.data, item.length);
    free(item.data);
  }
}

/* ---- vectors ---- */

static mqn_guard_limits read_limits(const mqn_json* node, int version) {
  mqn_guard_limits limits;
  limits.version = (uint8_t)version;
  limits.clean_start = (uint8_t)mqn_json_boolean(node, "cleanStart", 1);
  limits.authentication = (uint8_t)mqn_json_boolean(node, "authentication", 0);
  limits.request_problem_information = (uint8_t)mqn_json_boolean(node, "requestProblemInformation", 1);
  limits.maximum_packet_size = (uint32_t)mqn_json_number(node, "maximumPacketSize", 0);
  limits.receive_maximum = (uint16_t)mqn_json_number(node, "receiveMaximum", 0);
  limits.topic_alias_maximum = (uint16_t)mqn_json_number(node, "topicAliasMaximum", 0);
  limits.session = (uint8_t)mqn_json_boolean(node, "session", 0);
  return limits;
}

static void read_step(const mqn_json* node, const mqn_json* limits, int version, mqn_step* step) {
  const char* bytes = mqn_json_text(node, "bytes");
  if (!bytes) bytes = "";
  step->node = node;
  step->start = limits != NULL;
  step->limits = read_limits(limits, version);
  step->connected = step->start && mqn_json_boolean(node, "connected", 1);
  step->forget = mqn_json_boolean(node, "forget", 0);
  parse_bytes(bytes, 0, &step->bytes);
}

static void read_vector(const mqn_json* node, int version, mqn_vector* vector) {
  static const mqn_json no_limits = { MQN_JSON_OBJECT, NULL, NULL, 0, NULL, NULL };
  const mqn_json *limits = mqn_json_get(node, "limits"), *then = mqn_json_get(node, "then"), *more;
  vector->name = mqn_json_text(node, "name");
  vector->version = version;
  vector->native_only = mqn_json_get(node, "only") != NULL;
  vector->count = 1;
  for (more = then ? then->first : NULL; more; more = more->next) ++vector->count;
  vector->steps = need(calloc(vector->count, sizeof *vector->steps));
  vector->count = 0;
  read_step(node, limits ? limits : &no_limits, version, &vector->steps[vector->count++]);
  for (more = then ? then->first : NULL; more; more = more->next)
    read_step(more, mqn_json_get(more, "start"), version, &vector->steps[vector->count++]);
}

void mqn_vectors_load(const char* path, mqn_vectors* vectors) {
  const mqn_json* node;
  size_t room = 0;
  vectors->json = mqn_json_load(path);
  for (node = vectors->json->first; node; node = node->next) room += 2;
  vectors->list = need(calloc(room, sizeof *vectors->list));
  vectors->count = 0;
  for (node = vectors->json->first; node; node = node->next) {
    const mqn_json* version = mqn_json_get(node, "version");
    if (!version) refuse("a vector without a version", "");
    if (version->kind != MQN_JSON_ARRAY) read_vector(node, (int)version->number, &vectors->list[vectors->count++]);
    else
      for (version = version->first; version; version = version->next)
        read_vector(node, (int)version->number, &vectors->list[vectors->count++]);
  }
}

void mqn_vectors_free(mqn_vectors* vectors) {
  size_t i, j;
  for (i = 0; i < vectors->count; i++) {
    for (j = 0; j < vectors->list[i].count; j++) free(vectors->list[i].steps[j].bytes.data);
    free(vectors->list[i].steps);
  }
  free(vectors->list);
  mqn_json_free(vectors->json);
}
