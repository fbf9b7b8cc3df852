/* From the submission ring: publishes go to Paho or into their client's queue, so that one client's full window never holds up another's
 * records. The ring is always taken whole. */
#include <stdlib.h>
#include <string.h>
#include "core.h"

mqn_topic* mqn_topic_new(const void* text, uint32_t length) {
  mqn_topic* topic = malloc(sizeof *topic + length + 1);
  if (!topic) return NULL;
  topic->references = 1;
  topic->length = length;
  memcpy(topic->text, text, length);
  topic->text[length] = 0;
  return topic;
}
void mqn_topic_release(mqn_topic* topic) { if (topic && --topic->references == 0) free(topic); }

static void define_topic(mqn_env* env, const int32_t* record, const uint8_t* body) {
  uint32_t id = (uint32_t)record[MQN_R_TOPIC];
  if (id >= MQN_MAX_TOPICS) return;
  mqn_topic_release(env->topics[id]);
  env->topics[id] = mqn_topic_new(body, (uint32_t)record[MQN_R_LENGTH]);
}

static void publish(mqn_env* env, const int32_t* record, const uint8_t* body) {
  mqn_client* client = mqn_client_find(env, record[MQN_R_CLIENT]);
  int32_t id = record[MQN_R_TOPIC];
  int large = (record[MQN_R_KIND] & 255) == MQN_SUBMIT_PUBLISH_LARGE;
  mqn_topic* own = NULL;
  mqn_publication p;
  memset(&p, 0, sizeof p);
  if (id == MQN_TOPIC_INLINE) {
    p.topic = own = mqn_topic_new(body, (uint32_t)record[MQN_R_AUX]);
    body += record[MQN_R_AUX];
  } else if ((uint32_t)id < MQN_MAX_TOPICS) {
    p.topic = env->topics[id];
  }
  p.slot = record[MQN_R_SLOT];
  p.qos = (uint8_t)(record[MQN_R_KIND] >> 8 & 3);
  p.retain = (uint8_t)(record[MQN_R_KIND] >> 10 & 1);
  p.properties = body;
  p.properties_length = (uint32_t)record[MQN_R_PROPERTIES];
  p.payload = body + p.properties_length;
  p.length = (uint32_t)record[MQN_R_LENGTH];
  p.bytes = (uint32_t)record[MQN_R_SIZE];
  if (large && record[MQN_R_KIND] & MQN_PROPERTIES_LARGE) {
    memcpy(&p.large, body, sizeof p.large);
    p.properties = p.large;
    p.payload = p.properties + p.properties_length;
    p.bytes += p.properties_length + p.length;
  } else if (large) {
    memcpy(&p.large, p.payload, sizeof p.large);
    p.payload = p.large;
    p.bytes += p.length;
  }
  if (client && p.topic) {
    mqn_outgoing_publish(client, &p);
  } else {
    if (client) mqn_outgoing_credit(client, p.bytes);
    if (p.slot >= 0) mqn_completion_put(env, record[MQN_R_CLIENT], p.slot, client ? MQN_ERR_NO_MEMORY : MQN_ERR_CLOSED, 0);
    mqn_payload_free(p.large);
  }
  mqn_topic_release(own);
}

static void take(mqn_env* env, const int32_t* record) {
  const uint8_t* body = (const uint8_t*)record + MQN_RECORD_HEADER;
  mqn_client* client;
  switch (record[MQN_R_KIND] & 255) {
    case MQN_SUBMIT_TOPIC:
      define_topic(env, record, body);
      break;
    case MQN_SUBMIT_PUBLISH:
    case MQN_SUBMIT_PUBLISH_LARGE:
      publish(env, record, body);
      break;
    case MQN_SUBMIT_TAKEN:
      if ((client = mqn_client_find(env, record[MQN_R_CLIENT])) != NULL)
        mqn_message_taken(client, (uint32_t)record[MQN_R_SLOT], (uint32_t)record[MQN_R_LENGTH]);
      break;
    case MQN_SUBMIT_ACK:
      if ((client = mqn_client_find(env, record[MQN_R_CLIENT])) != NULL) {
        mqn_port_ack(&client->owner, (uint32_t)record[MQN_R_SLOT], (uint8_t)record[MQN_R_AUX]);
        mqn_message_hold(client, MQN_HOLD_ACKS, client->owner.version == 4 && mqn_port_acks_pending(&client->owner) >= client->receive_maximum);
      }
      break;
    default:
      break;
  }
}

void mqn_submissions_look(mqn_env* env) { env->sq_seen = (uint32_t)mqn_load(env->o.control + MQN_CTL_SQ_TAIL); }

/* Takes records up to position `until`. */
void mqn_submissions_take(mqn_env* env, uint32_t until) {
  uint32_t mask = env->o.submissions_size - 1;
  if ((int32_t)(until - env->sq_head) <= 0) return;
  while (env->sq_head != until) {
    uint32_t place = env->sq_head & mask;
    const int32_t* record = (const int32_t*)(const void*)(env->o.submissions + place);
    if (record[MQN_R_SIZE] == MQN_RECORD_SKIP) {
      env->sq_head += env->o.submissions_size - place;
      continue;
    }
    take(env, record);
    env->sq_head += (uint32_t)record[MQN_R_SIZE];
  }
  mqn_store(env->o.control + MQN_CTL_SQ_HEAD, (int32_t)env->sq_head);
  /* there is room now: whoever was refused may write */
  if (mqn_swap(env->o.control + MQN_CTL_SQ_WANTED, 0) && env->o.notify) {
    mqn_store(env->o.control + MQN_CTL_LISTENING, 0);
    env->o.notify(env->o.user);
  }
}

int mqn_submissions_pending(const mqn_env* env) { return (uint32_t)mqn_load(env->o.control + MQN_CTL_SQ_TAIL) != env->sq_head; }

/* Large payloads in records nobody will take any more. */
void mqn_submissions_free(mqn_env* env) {
  uint32_t i, mask = env->o.submissions_size - 1, tail = (uint32_t)mqn_load(env->o.control + MQN_CTL_SQ_TAIL);
  while (env->sq_head != tail) {
    const int32_t* record = (const int32_t*)(const void*)(env->o.submissions + (env->sq_head & mask));
    if (record[MQN_R_SIZE] == MQN_RECORD_SKIP) {
      env->sq_head += env->o.submissions_size - (env->sq_head & mask);
      continue;
    }
    if ((record[MQN_R_KIND] & 255) == MQN_SUBMIT_PUBLISH_LARGE) {
      void* payload;
      uint32_t topic = record[MQN_R_TOPIC] == MQN_TOPIC_INLINE ? (uint32_t)record[MQN_R_AUX] : 0;
      uint32_t properties = record[MQN_R_KIND] & MQN_PROPERTIES_LARGE ? 0 : (uint32_t)record[MQN_R_PROPERTIES];
      memcpy(&payload, (const char*)record + MQN_RECORD_HEADER + topic + properties, sizeof payload);
      mqn_payload_free(payload);
    }
    env->sq_head += (uint32_t)record[MQN_R_SIZE];
  }
  for (i = 0; i < MQN_MAX_TOPICS; i++) mqn_topic_release(env->topics[i]);
}
