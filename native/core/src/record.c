/* A message as a record in the binding's ring: whole when it is small, by reference when it is large. Messages that have come, and publishes that
 * go back because they were not sent. */
#include <stdlib.h>
#include <string.h>
#include "core.h"

#define LARGE_FROM (64u << 10)   /* in a block, and not through the ring */
/* What came in a block of its own is copied once below this, into memory of JavaScript, and its block goes round between the two threads. Handed over as it
 * is, the block would come back when JavaScript collects, cold, with dozens of others; from here on the copy costs more. */
#define OWN_FROM (256u << 10)

/* One block of memory for the binding: the one the message came in, or properties and payload copied together. */
static void* large_block(mqn_message* m, int properties_too) {
  char* block;
  if (m->owned && (m->owned_properties || !properties_too)) {
    block = m->owned;
    m->owned = NULL;
    return block;
  }
  if (!(block = mqn_payload_new((properties_too ? (size_t)m->properties_length : 0) + m->length))) return NULL;
  if (properties_too) memcpy(block, m->properties, m->properties_length);
  memcpy(block + (properties_too ? m->properties_length : 0), m->payload, m->length);
  return block;
}

int mqn_record_put(mqn_client* c, int kind, mqn_message* m) {
  mqn_env* env = c->env;
  uint32_t limit = env->o.messages_size / 4 < LARGE_FROM ? env->o.messages_size / 4 : LARGE_FROM;
  int32_t topic = mqn_events_intern(env, m->topic, m->topic_length);
  uint32_t inline_topic = topic == MQN_TOPIC_INLINE ? m->topic_length : 0;
  int many_properties = m->owned_properties || m->properties_length > limit / 2;
  int large = m->within || many_properties || (uint64_t)inline_topic + m->properties_length + m->length >= limit;
  /* a copy has the properties in front of the payload, so that the binding need not copy both into one piece again */
  int properties_large = many_properties || (large && !m->owned && m->properties_length);
  uint32_t inline_properties = properties_large ? 0 : m->properties_length;
  int32_t* record;
  char* body;
  void* block = NULL;
  if (large && !(block = large_block(m, properties_large))) return -1;
  if (!(record = mqn_event_begin(env, inline_topic + inline_properties + (large ? (uint32_t)sizeof block : m->length)))) {
    mqn_payload_free(m->within && !m->owned ? m->within : block);
    return -1;
  }
  /* the large kinds follow their small ones */
  record[MQN_R_KIND] = kind + (large ? 1 : 0) + (m->qos << 8 | m->retain << 10 | m->dup << 11) +
                       (properties_large ? MQN_PROPERTIES_LARGE : 0) + (m->within && m->length < OWN_FROM ? MQN_BLOCK_WANTED : 0);
  record[MQN_R_CLIENT] = c->number;
  record[MQN_R_TOPIC] = topic;
  record[MQN_R_LENGTH] = (int32_t)m->length;
  record[MQN_R_PROPERTIES] = (int32_t)m->properties_length;
  record[MQN_R_SLOT] = m->slot;
  record[MQN_R_AUX] = (int32_t)inline_topic;
  body = (char*)record + MQN_RECORD_HEADER;
  if (inline_topic) memcpy(body, m->topic, inline_topic);
  if (inline_properties) memcpy(body + inline_topic, m->properties, inline_properties);
  if (large) memcpy(body + inline_topic + inline_properties, &block, sizeof block);
  else if (m->length) memcpy(body + inline_topic + inline_properties, m->payload, m->length);
  if (block && m->within && !m->owned) mqn_memory_keep_part(m->within, block);   /* not before topic and properties have been copied */
  mqn_event_commit(env, record);
  return 0;
}
