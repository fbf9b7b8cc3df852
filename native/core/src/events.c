/* From the reactor into an environment's rings: records of events and messages, entries of completions. What finds no room is held, in order,
 * and goes first when the binding has taken something. */
#include <stdlib.h>
#include <string.h>
#include "core.h"

#define TURNS_A_BATCH 4        /* at most, before the binding is told */
#define CLIENTS_A_TURN 64      /* of those that wait for room: a few of them fill the ring again, and the others would only be held again */

static uint32_t padded(uint32_t body) { return (MQN_RECORD_HEADER + body + 7) & ~7u; }

/* A contiguous place for a record of `size` bytes, or NULL. No record is larger than half of the ring: in an empty one there is a place for it, wherever the
 * positions stand. */
static int32_t* ring_place(mqn_env* env, uint32_t size) {
  uint32_t mask = env->o.messages_size - 1, place = env->mq_tail & mask, rest = env->o.messages_size - place;
  uint32_t skip = rest < size ? rest : 0;
  if (env->o.messages_size - (env->mq_tail - env->mq_head) < size + skip) {
    env->mq_head = (uint32_t)mqn_load(env->o.control + MQN_CTL_MQ_HEAD);
    if (env->o.messages_size - (env->mq_tail - env->mq_head) < size + skip) return NULL;
  }
  if (skip) {
    *(int32_t*)(void*)(env->o.messages + place) = MQN_RECORD_SKIP;
    env->mq_tail += skip;
    place = 0;
  }
  return (int32_t*)(void*)(env->o.messages + place);
}

int32_t* mqn_event_begin(mqn_env* env, uint32_t body) {
  uint32_t size = padded(body);
  /* no record overtakes a completion that waits: the end of a connection comes behind the results of its requests */
  int32_t* record = env->held_first || env->held_completions_count ? NULL : ring_place(env, size);
  mqn_held_record* held;
  if (!record) {
    if (!(held = malloc(sizeof *held + size))) return NULL;
    held->next = NULL;
    if (env->held_last) env->held_last->next = held; else env->held_first = held;
    env->held_last = held;
    record = held->record;
    ++mqn_core_count.held;
  }
  memset(record, 0, MQN_RECORD_HEADER);
  record[MQN_R_SIZE] = (int32_t)size;
  return record;
}

void mqn_event_commit(mqn_env* env, int32_t* record) {
  env->published = 1;
  if (env->held_last && record == env->held_last->record) return;
  env->mq_tail += (uint32_t)record[MQN_R_SIZE];
}

void mqn_event_put(mqn_client* client, int kind, int32_t slot, int32_t aux, const void* properties, uint32_t properties_length, const void* body, uint32_t length) {
  mqn_env* env = client->env;
  int32_t* record;
  if (env->gone) return;
  /* an event must fit into half of the ring: larger properties are left out (no message's: those travel by reference) */
  if (properties_length > env->o.messages_size / 8) properties_length = 0;
  if (length > env->o.messages_size / 8) length = env->o.messages_size / 8;
  if (!(record = mqn_event_begin(env, properties_length + length))) return;
  record[MQN_R_KIND] = kind;
  record[MQN_R_CLIENT] = client->number;
  record[MQN_R_TOPIC] = MQN_TOPIC_INLINE;
  record[MQN_R_SLOT] = slot;
  record[MQN_R_AUX] = aux;
  record[MQN_R_PROPERTIES] = (int32_t)properties_length;
  record[MQN_R_LENGTH] = (int32_t)length;
  if (properties_length) memcpy((char*)record + MQN_RECORD_HEADER, properties, properties_length);
  if (length) memcpy((char*)record + MQN_RECORD_HEADER + properties_length, body, length);
  mqn_event_commit(env, record);
}

static int completion_room(mqn_env* env) {
  if (env->cq_tail - env->cq_head < env->o.completions_entries) return 1;
  env->cq_head = (uint32_t)mqn_load(env->o.control + MQN_CTL_CQ_HEAD);
  return env->cq_tail - env->cq_head < env->o.completions_entries;
}

static void completion_write(mqn_env* env, const int32_t* entry) {
  int32_t* place = env->o.completions + (size_t)(env->cq_tail++ & (env->o.completions_entries - 1)) * MQN_COMPLETION_WORDS;
  memcpy(place, entry, MQN_COMPLETION_WORDS * sizeof *entry);
}

void mqn_completion_put(mqn_env* env, int32_t client, int32_t slot, int32_t code, int32_t bytes) {
  int32_t entry[MQN_COMPLETION_WORDS];
  if (env->gone) return;
  entry[MQN_C_CLIENT] = client;
  entry[MQN_C_SLOT] = slot;
  entry[MQN_C_CODE] = code;
  entry[MQN_C_BYTES] = bytes;
  env->published = 1;
  if (env->held_completions_count == 0 && completion_room(env)) {
    completion_write(env, entry);
    return;
  }
  if (env->held_completions_count == env->held_completions_capacity) {
    uint32_t capacity = env->held_completions_capacity ? env->held_completions_capacity * 2 : 256;
    int32_t* grown = realloc(env->held_completions, (size_t)capacity * sizeof entry);
    if (!grown) abort();           /* a request that never settles is worse */
    env->held_completions = grown;
    env->held_completions_capacity = capacity;
  }
  memcpy(env->held_completions + (size_t)env->held_completions_count++ * MQN_COMPLETION_WORDS, entry, sizeof entry);
}

void mqn_credit_tell(mqn_client* c) {
  if (c->credit_messages) mqn_completion_put(c->env, c->number, MQN_NO_SLOT, (int32_t)c->credit_messages, (int32_t)c->credit_bytes);
  c->credit_messages = c->credit_bytes = 0;
}

int mqn_events_wait_how(const mqn_env* env) {
  if (env->held_first && (uint32_t)mqn_load(env->o.control + MQN_CTL_MQ_HEAD) != env->mq_head) return 2;
  if (env->held_completions_count && (uint32_t)mqn_load(env->o.control + MQN_CTL_CQ_HEAD) != env->cq_head) return 2;
  return env->held_first || env->held_completions_count;
}

void mqn_events_flush_held(mqn_env* env) {
  uint32_t n = 0;
  if (!env->held_first && !env->held_completions_count && !env->ring_waiting) return;
  while (n < env->held_completions_count && completion_room(env))
    completion_write(env, env->held_completions + (size_t)n++ * MQN_COMPLETION_WORDS);
  if (n) {
    env->held_completions_count -= n;
    memmove(env->held_completions, env->held_completions + (size_t)n * MQN_COMPLETION_WORDS,
            (size_t)env->held_completions_count * MQN_COMPLETION_WORDS * sizeof(int32_t));
    env->published = 1;
  }
  while (env->held_first && !env->held_completions_count) {
    mqn_held_record* held = env->held_first;
    int32_t* place = ring_place(env, (uint32_t)held->record[MQN_R_SIZE]);
    if (!place) break;
    memcpy(place, held->record, (size_t)held->record[MQN_R_SIZE]);
    env->mq_tail += (uint32_t)held->record[MQN_R_SIZE];
    env->published = 1;
    env->held_first = held->next;
    if (!env->held_first) env->held_last = NULL;
    free(held);
  }
  if (env->held_first || env->held_completions_count) return;
  /* What they have read is looked at in the next turn, before the reactor sleeps: so the rest is not forgotten. */
  env->ring_waiting_again = NULL;
  for (n = 0; env->ring_waiting && n < CLIENTS_A_TURN; ) {
    mqn_client* c = env->ring_waiting;
    int held = mqn_port_held(&c->owner);
    env->ring_waiting = c->next_ring_waiting;
    if (!env->ring_waiting) env->ring_waiting_last = NULL;
    c->next_ring_waiting = NULL;
    c->ring_waiting = 0;
    c->ring_turn = 1;
    mqn_message_hold(c, MQN_HOLD_RING, 0);
    n += held && !mqn_port_held(&c->owner);      /* else it gives the reactor nothing to look at */
  }
}

/* `more`: the reactor does not sleep now, and what it will find may be put into the same batch: waking the binding costs more than a turn. */
void mqn_events_publish(mqn_env* env, int more) {
  if (mqn_events_waiting(env)) {
    /* the binding must see this before it finds nothing to take: it wakes us after taking */
    mqn_store(env->o.control + MQN_CTL_OUT_WANTED, 1);
    mqn_events_flush_held(env);
  }
  if (env->published) {
    env->published = 0;
    mqn_store(env->o.control + MQN_CTL_CQ_TAIL, (int32_t)env->cq_tail);
    mqn_store(env->o.control + MQN_CTL_MQ_TAIL, (int32_t)env->mq_tail);
    if (!env->untold) env->untold = 1;
  }
  if (!env->untold || (more && env->untold++ < TURNS_A_BATCH)) return;
  env->untold = 0;
  if (mqn_swap(env->o.control + MQN_CTL_LISTENING, 0) && env->o.notify) env->o.notify(env->o.user);
}

/* The id the binding knows this topic by; a new one is announced first. A table by hash: two topics of one hash take turns. */
int32_t mqn_events_intern(mqn_env* env, const char* topic, uint32_t length) {
  mqn_known_topic* known = env->known_topics + env->last_known;
  uint32_t hash = 2166136261u, i;
  int32_t* record;
  char* copy;
  if (known->text && known->length == length && memcmp(known->text, topic, length) == 0) return (int32_t)env->last_known;
  if (length > 1024) return MQN_TOPIC_INLINE;
  for (i = 0; i < length; i++) hash = (hash ^ (unsigned char)topic[i]) * 16777619u;
  i = (hash ^ hash >> 15) & (MQN_MAX_TOPICS - 1);
  known = env->known_topics + i;
  if (known->text && known->hash == hash && known->length == length && memcmp(known->text, topic, length) == 0) {
    env->last_known = i;
    return (int32_t)i;
  }
  if (!(copy = malloc(length + 1))) return MQN_TOPIC_INLINE;
  if (!(record = mqn_event_begin(env, length))) {
    free(copy);
    return MQN_TOPIC_INLINE;
  }
  memcpy(copy, topic, length);
  free(known->text);
  known->text = copy;
  known->hash = hash;
  known->length = length;
  record[MQN_R_KIND] = MQN_EVENT_TOPIC;
  record[MQN_R_CLIENT] = -1;
  record[MQN_R_TOPIC] = (int32_t)i;
  record[MQN_R_LENGTH] = (int32_t)length;
  memcpy((char*)record + MQN_RECORD_HEADER, topic, length);
  mqn_event_commit(env, record);
  env->last_known = i;
  return (int32_t)i;
}

/* Large payloads inside of records nobody will take any more are freed with them. */
static void free_record(int32_t* record) {
  if ((record[MQN_R_KIND] & 255) == MQN_EVENT_MESSAGE_LARGE || (record[MQN_R_KIND] & 255) == MQN_EVENT_UNSENT_LARGE) {
    void* payload;
    uint32_t topic = record[MQN_R_TOPIC] == MQN_TOPIC_INLINE ? (uint32_t)record[MQN_R_AUX] : 0;
    uint32_t properties = record[MQN_R_KIND] & MQN_PROPERTIES_LARGE ? 0 : (uint32_t)record[MQN_R_PROPERTIES];
    memcpy(&payload, (char*)record + MQN_RECORD_HEADER + topic + properties, sizeof payload);
    mqn_payload_free(payload);
  }
}

void mqn_events_free(mqn_env* env) {
  uint32_t i, at = (uint32_t)mqn_load(env->o.control + MQN_CTL_MQ_HEAD);
  while (at != env->mq_tail) {
    uint32_t place = at & (env->o.messages_size - 1);
    int32_t* record = (int32_t*)(void*)(env->o.messages + place);
    if (record[MQN_R_SIZE] == MQN_RECORD_SKIP) {
      at += env->o.messages_size - place;
      continue;
    }
    free_record(record);
    at += (uint32_t)record[MQN_R_SIZE];
  }
  while (env->held_first) {
    mqn_held_record* held = env->held_first;
    env->held_first = held->next;
    free_record(held->record);
    free(held);
  }
  for (i = 0; env->known_topics && i < MQN_MAX_TOPICS; i++) free(env->known_topics[i].text);
  free(env->known_topics);
  free(env->held_completions);
}
