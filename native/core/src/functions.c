/* The rings as functions, for bindings that do not map them: what JavaScript does in TypeScript. The environment's own thread. */
#include <stdlib.h>
#include <string.h>
#include "core.h"

static uint8_t* reserve(mqn_env* env, uint32_t size) {
  uint32_t mask = env->o.submissions_size - 1, tail = env->writer_tail, place = tail & mask, rest = env->o.submissions_size - place;
  uint32_t skip = rest < size ? rest : 0;
  if (env->o.submissions_size - (tail - (uint32_t)mqn_load(env->o.control + MQN_CTL_SQ_HEAD)) < size + skip) {
    mqn_store(env->o.control + MQN_CTL_SQ_WANTED, 1);
    if (env->o.submissions_size - (tail - (uint32_t)mqn_load(env->o.control + MQN_CTL_SQ_HEAD)) < size + skip) return NULL;
  }
  if (skip) {
    *(int32_t*)(void*)(env->o.submissions + place) = MQN_RECORD_SKIP;
    env->writer_tail += skip;
    place = 0;
  }
  return env->o.submissions + place;
}

static void commit(mqn_env* env, uint32_t size) {
  env->writer_tail += size;
  mqn_store(env->o.control + MQN_CTL_SQ_TAIL, (int32_t)env->writer_tail);
  if (mqn_swap(env->o.control + MQN_CTL_SQ_ASLEEP, 0)) mqn_env_wake(env);
}

int mqn_publish(mqn_env* env, int32_t client, const char* topic, const void* payload, size_t length, const mqn_publish_options* options) {
  mqn_publish_options o = { sizeof o, 0, 0, NULL, 0, MQN_NO_SLOT };
  uint32_t topic_length, size, limit;
  uint8_t* at;
  int32_t* record;
  void* large = NULL;
  if (mqn_client_check(env, client) != MQN_OK || !topic || (!payload && length)) return MQN_ERR_ARGUMENT;
  if (options) memcpy(&o, options, options->struct_size < sizeof o ? options->struct_size : sizeof o);
  topic_length = (uint32_t)strlen(topic);
  limit = env->o.submissions_size / 4;
  if (length > 268435455u || o.qos > 2 || topic_length + o.properties_length > limit) return MQN_ERR_ARGUMENT;
  if (length + topic_length + o.properties_length > limit) {
    if (!(large = mqn_payload_new(length))) return MQN_ERR_NO_MEMORY;
    memcpy(large, payload, length);
  }
  size = (MQN_RECORD_HEADER + topic_length + o.properties_length + (uint32_t)(large ? sizeof large : length) + 7) & ~7u;
  if (!(at = reserve(env, size))) {
    mqn_payload_free(large);
    return MQN_ERR_FULL;
  }
  record = (int32_t*)(void*)at;
  record[MQN_R_SIZE] = (int32_t)size;
  record[MQN_R_KIND] = (large ? MQN_SUBMIT_PUBLISH_LARGE : MQN_SUBMIT_PUBLISH) | o.qos << 8 | (o.retain ? 1 : 0) << 10;
  record[MQN_R_CLIENT] = client;
  record[MQN_R_TOPIC] = MQN_TOPIC_INLINE;
  record[MQN_R_LENGTH] = (int32_t)length;
  record[MQN_R_PROPERTIES] = (int32_t)o.properties_length;
  record[MQN_R_SLOT] = o.slot;
  record[MQN_R_AUX] = (int32_t)topic_length;
  at += MQN_RECORD_HEADER;
  memcpy(at, topic, topic_length);
  if (o.properties_length) memcpy(at + topic_length, o.properties, o.properties_length);
  if (large) memcpy(at + topic_length + o.properties_length, &large, sizeof large);
  else if (length) memcpy(at + topic_length + o.properties_length, payload, length);
  commit(env, size);
  return MQN_OK;
}

static int put_control(mqn_env* env, int kind, int32_t client, uint32_t slot, uint32_t length, int32_t aux) {
  uint8_t* at = reserve(env, MQN_RECORD_HEADER);
  int32_t* record = (int32_t*)(void*)at;
  if (!at) return MQN_ERR_FULL;
  memset(record, 0, MQN_RECORD_HEADER);
  record[MQN_R_SIZE] = MQN_RECORD_HEADER;
  record[MQN_R_KIND] = kind;
  record[MQN_R_CLIENT] = client;
  record[MQN_R_SLOT] = (int32_t)slot;
  record[MQN_R_LENGTH] = (int32_t)length;
  record[MQN_R_AUX] = aux;
  commit(env, MQN_RECORD_HEADER);
  return MQN_OK;
}

int mqn_ack(mqn_env* env, int32_t client, uint32_t count, uint8_t reason_code) {
  if (mqn_client_check(env, client) != MQN_OK) return MQN_ERR_ARGUMENT;
  return put_control(env, MQN_SUBMIT_ACK, client, count, 0, reason_code);
}

/* ---- drain ---- */
static void remember_topic(mqn_env* env, const int32_t* record) {
  uint32_t id = (uint32_t)record[MQN_R_TOPIC], length = (uint32_t)record[MQN_R_LENGTH];
  char* text = malloc(length + 1);
  if (id >= MQN_MAX_TOPICS || !text) {
    free(text);
    return;
  }
  memcpy(text, (const char*)record + MQN_RECORD_HEADER, length);
  text[length] = 0;
  free(env->drain_topics[id]);
  env->drain_topics[id] = text;
  env->drain_topic_lengths[id] = length;
}

/* `kind` is that of the small records */
static void hand_out_message(mqn_env* env, int kind, const int32_t* record, void (*handler)(void*, const mqn_event*), void* user) {
  const uint8_t* body = (const uint8_t*)record + MQN_RECORD_HEADER;
  int large = (record[MQN_R_KIND] & 255) != kind;
  int properties_large = record[MQN_R_KIND] & MQN_PROPERTIES_LARGE;
  uint8_t* block = NULL;
  mqn_event e;
  memset(&e, 0, sizeof e);
  e.kind = kind;
  e.client = record[MQN_R_CLIENT];
  e.slot = record[MQN_R_SLOT];
  e.qos = record[MQN_R_KIND] >> 8 & 3;
  e.retain = record[MQN_R_KIND] >> 10 & 1;
  e.dup = record[MQN_R_KIND] >> 11 & 1;
  if (record[MQN_R_TOPIC] == MQN_TOPIC_INLINE) {
    e.topic = (const char*)body;
    e.topic_length = (uint32_t)record[MQN_R_AUX];
    body += e.topic_length;
  } else {
    e.topic = env->drain_topics[record[MQN_R_TOPIC]];
    e.topic_length = env->drain_topic_lengths[record[MQN_R_TOPIC]];
  }
  e.properties_length = (uint32_t)record[MQN_R_PROPERTIES];
  e.payload_length = (uint32_t)record[MQN_R_LENGTH];
  if (large) {
    memcpy(&block, body + (properties_large ? 0 : e.properties_length), sizeof block);
    e.properties = properties_large ? block : body;
    e.payload = properties_large ? block + e.properties_length : block;
  } else {
    e.properties = body;
    e.payload = body + e.properties_length;
  }
  handler(user, &e);
  mqn_payload_free(block);
}

static void hand_out_event(const int32_t* record, void (*handler)(void*, const mqn_event*), void* user) {
  mqn_event e;
  memset(&e, 0, sizeof e);
  e.kind = record[MQN_R_KIND] & 255;
  e.client = record[MQN_R_CLIENT];
  e.slot = record[MQN_R_SLOT];
  e.code = record[MQN_R_AUX];
  if (e.kind == MQN_EVENT_DISCONNECTED || e.kind == MQN_EVENT_OPEN_FAILED) {
    e.kept_messages = (uint32_t)record[MQN_R_KIND] >> 8;
    e.kept_bytes = (uint32_t)record[MQN_R_TOPIC];
  }
  e.properties_length = (uint32_t)record[MQN_R_PROPERTIES];
  e.properties = (const uint8_t*)record + MQN_RECORD_HEADER;
  e.payload_length = (uint32_t)record[MQN_R_LENGTH];
  e.payload = e.properties + e.properties_length;
  handler(user, &e);
}

static void wake_if_wanted(mqn_env* env) {
  if (mqn_load(env->o.control + MQN_CTL_OUT_WANTED) && mqn_swap(env->o.control + MQN_CTL_OUT_WANTED, 0)) mqn_env_wake(env);
}

/* Messages taken are told once a drain for each run of one client's; what finds no room waits for the next drain. */
static void tell_taken(mqn_env* env) {
  if (env->drain_taken && put_control(env, MQN_SUBMIT_TAKEN, env->drain_client, env->drain_taken, env->drain_bytes, 0) == MQN_OK)
    env->drain_taken = env->drain_bytes = 0;
}
static int note_taken(mqn_env* env, int32_t client, uint32_t length) {
  if (env->drain_taken && env->drain_client != client) tell_taken(env);
  if (env->drain_taken && env->drain_client != client) return 0;
  env->drain_client = client;
  ++env->drain_taken;
  env->drain_bytes += length;
  return 1;
}

static int drain_completions(mqn_env* env, void (*handler)(void*, const mqn_event*), void* user) {
  uint32_t head = (uint32_t)mqn_load(env->o.control + MQN_CTL_CQ_HEAD), tail = (uint32_t)mqn_load(env->o.control + MQN_CTL_CQ_TAIL);
  int n = 0;
  for (; head != tail; n++) {
    const int32_t* entry = env->o.completions + (size_t)(head & (env->o.completions_entries - 1)) * MQN_COMPLETION_WORDS;
    mqn_event e;
    memset(&e, 0, sizeof e);
    e.kind = entry[MQN_C_SLOT] == MQN_NO_SLOT ? -1 : 0;
    e.client = entry[MQN_C_CLIENT];
    e.slot = entry[MQN_C_SLOT];
    e.code = entry[MQN_C_CODE];
    e.payload_length = (uint32_t)entry[MQN_C_BYTES];
    mqn_store(env->o.control + MQN_CTL_CQ_HEAD, (int32_t)++head);
    handler(user, &e);
  }
  return n;
}

/* One record; the position moves before the handler is called for events, behind it for messages, whose bytes lie in the ring. */
static int drain_record(mqn_env* env, void (*handler)(void*, const mqn_event*), void* user) {
  uint32_t head = (uint32_t)mqn_load(env->o.control + MQN_CTL_MQ_HEAD), place = head & (env->o.messages_size - 1);
  const int32_t* record = (const int32_t*)(const void*)(env->o.messages + place);
  int kind;
  if (head == (uint32_t)mqn_load(env->o.control + MQN_CTL_MQ_TAIL)) return 0;
  if (record[MQN_R_SIZE] == MQN_RECORD_SKIP) {
    mqn_store(env->o.control + MQN_CTL_MQ_HEAD, (int32_t)(head + env->o.messages_size - place));
    return drain_record(env, handler, user);
  }
  kind = record[MQN_R_KIND] & 255;
  if (kind == MQN_EVENT_TOPIC) {
    remember_topic(env, record);
  } else if (kind == MQN_EVENT_MESSAGE || kind == MQN_EVENT_MESSAGE_LARGE) {
    /* first the note: without room for it this message waits until the reactor, which has been asked for room, notifies */
    if (!note_taken(env, record[MQN_R_CLIENT], (uint32_t)record[MQN_R_LENGTH])) return 0;
    hand_out_message(env, MQN_EVENT_MESSAGE, record, handler, user);
  } else if (kind == MQN_EVENT_UNSENT || kind == MQN_EVENT_UNSENT_LARGE) {
    hand_out_message(env, MQN_EVENT_UNSENT, record, handler, user);
  } else {
    hand_out_event(record, handler, user);
  }
  mqn_store(env->o.control + MQN_CTL_MQ_HEAD, (int32_t)(head + (uint32_t)record[MQN_R_SIZE]));
  return 1;
}

int mqn_env_drain(mqn_env* env, void (*handler)(void*, const mqn_event*), void* user, int limit) {
  int n = 0;
  if (!env->drain_topics) {
    env->drain_topics = calloc(MQN_MAX_TOPICS, sizeof *env->drain_topics);
    env->drain_topic_lengths = calloc(MQN_MAX_TOPICS, sizeof *env->drain_topic_lengths);
    if (!env->drain_topics || !env->drain_topic_lengths) return MQN_ERR_NO_MEMORY;
  }
  for (;;) {
    int32_t tail = mqn_load(env->o.control + MQN_CTL_CQ_TAIL);
    n += drain_completions(env, handler, user);
    while ((limit == 0 || n < limit) && drain_record(env, handler, user)) ++n;
    tell_taken(env);
    wake_if_wanted(env);
    if (limit && n >= limit) break;
    /* say that we listen, then look once more: what came in between was not notified */
    mqn_store(env->o.control + MQN_CTL_LISTENING, 1);
    if (env->drain_taken) break;   /* the submission ring is full: the reactor will notify */
    if (mqn_load(env->o.control + MQN_CTL_CQ_TAIL) == tail && mqn_load(env->o.control + MQN_CTL_MQ_TAIL) == mqn_load(env->o.control + MQN_CTL_MQ_HEAD)) break;
    mqn_store(env->o.control + MQN_CTL_LISTENING, 0);
  }
  return n;
}
