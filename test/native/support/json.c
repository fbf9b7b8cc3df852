#include "json.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct reader { const char *start, *at, *path; } reader;

static void refuse(const reader* r, const char* what) {
  int line = 1;
  const char* p;
  for (p = r->start; p < r->at; p++) line += *p == '\n';
  fprintf(stderr, "%s:%d: %s\n", r->path, line, what);
  exit(2);
}

static void* need(void* memory) {
  if (!memory) {
    fprintf(stderr, "no memory\n");
    exit(2);
  }
  return memory;
}

static void skip_space(reader* r) {
  while (*r->at == ' ' || *r->at == '\n' || *r->at == '\r' || *r->at == '\t') r->at++;
}

static void take(reader* r, char c) {
  skip_space(r);
  if (*r->at != c) refuse(r, "another character expected");
  r->at++;
}

static char* read_string(reader* r) {
  char *text, *to;
  take(r, '"');
  to = text = need(malloc(strlen(r->at) < 1u << 16 ? strlen(r->at) + 1 : 1u << 16));
  for (; *r->at != '"'; r->at++) {
    if (!*r->at || to - text >= (1 << 16) - 1) refuse(r, "string without an end");
    if (*r->at == '\\') {
      r->at++;
      if (*r->at != '"' && *r->at != '\\' && *r->at != '/') refuse(r, "only \\\", \\\\ and \\/ are read");
    }
    *to++ = *r->at;
  }
  r->at++;
  *to = 0;
  return need(realloc(text, (size_t)(to - text) + 1));
}

static mqn_json* read_value(reader* r);

static void read_members(reader* r, mqn_json* node, char end) {
  mqn_json** last = &node->first;
  r->at++;
  skip_space(r);
  while (*r->at != end) {
    char* key = NULL;
    if (node->first) take(r, ',');
    if (node->kind == MQN_JSON_OBJECT) {
      skip_space(r);
      key = read_string(r);
      take(r, ':');
    }
    *last = read_value(r);
    (*last)->key = key;
    last = &(*last)->next;
    skip_space(r);
  }
  r->at++;
}

static mqn_json* read_value(reader* r) {
  static const struct { const char* word; mqn_json_kind kind; } words[] = {
    { "null", MQN_JSON_NULL }, { "false", MQN_JSON_FALSE }, { "true", MQN_JSON_TRUE } };
  mqn_json* node = need(calloc(1, sizeof *node));
  size_t i;
  char* end;
  skip_space(r);
  for (i = 0; i < sizeof words / sizeof words[0]; i++)
    if (strncmp(r->at, words[i].word, strlen(words[i].word)) == 0) {
      node->kind = words[i].kind;
      r->at += strlen(words[i].word);
      return node;
    }
  if (*r->at == '"') {
    node->kind = MQN_JSON_STRING;
    node->text = read_string(r);
  } else if (*r->at == '[' || *r->at == '{') {
    node->kind = *r->at == '[' ? MQN_JSON_ARRAY : MQN_JSON_OBJECT;
    read_members(r, node, *r->at == '[' ? ']' : '}');
  } else {
    node->kind = MQN_JSON_NUMBER;
    node->number = strtod(r->at, &end);
    if (end == r->at) refuse(r, "a value expected");
    r->at = end;
  }
  return node;
}

mqn_json* mqn_json_load(const char* path) {
  FILE* file = fopen(path, "rb");
  char* text = NULL;
  size_t length = 0, got;
  reader r;
  mqn_json* node;
  if (!file) {
    fprintf(stderr, "%s: cannot be opened\n", path);
    exit(2);
  }
  do {
    text = need(realloc(text, length + 65536 + 1));
    length += got = fread(text + length, 1, 65536, file);
  } while (got);
  fclose(file);
  text[length] = 0;
  r.start = r.at = text;
  r.path = path;
  node = read_value(&r);
  skip_space(&r);
  if (*r.at) refuse(&r, "something behind the end");
  free(text);
  return node;
}

void mqn_json_free(mqn_json* node) {
  while (node) {
    mqn_json* next = node->next;
    mqn_json_free(node->first);
    free(node->key);
    free(node->text);
    free(node);
    node = next;
  }
}

const mqn_json* mqn_json_get(const mqn_json* object, const char* key) {
  const mqn_json* node;
  for (node = object ? object->first : NULL; node; node = node->next)
    if (node->key && strcmp(node->key, key) == 0) return node;
  return NULL;
}

double mqn_json_number(const mqn_json* object, const char* key, double otherwise) {
  const mqn_json* node = mqn_json_get(object, key);
  return node && node->kind == MQN_JSON_NUMBER ? node->number : otherwise;
}

int mqn_json_boolean(const mqn_json* object, const char* key, int otherwise) {
  const mqn_json* node = mqn_json_get(object, key);
  return node ? node->kind == MQN_JSON_TRUE : otherwise;
}

const char* mqn_json_text(const mqn_json* object, const char* key) {
  const mqn_json* node = mqn_json_get(object, key);
  return node && node->kind == MQN_JSON_STRING ? node->text : NULL;
}
