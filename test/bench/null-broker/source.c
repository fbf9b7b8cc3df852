/* Outgoing PUBLISH: the pattern, identifiers and their acknowledgements, floods and paced streams. */
#include "null-broker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INLINE_PAYLOAD ((size_t)16 * 1024) /* up to here a message is copied, above it is sent from the pattern */
#define LARGEST_PACKET ((size_t)268435455) /* Remaining Length (2.1.4) */
#define SHORTEST_PACE 50000                /* ns between two looks at the clock */

uint8_t* mqn_nb_pattern;
static uint32_t started; /* sources, since the broker was started */

bool mqn_nb_pattern_make(void) {
  size_t words = (MQN_NB_PATTERN_PERIOD + MQN_NB_READ_SIZE) / 4;
  mqn_nb_pattern = malloc(words * 4);
  if (mqn_nb_pattern == NULL) {
    return false;
  }
  for (size_t i = 0; i < words; i++) {
    uint32_t word = (uint32_t)(i % (MQN_NB_PATTERN_PERIOD / 4)) * 0x9E3779B1u;
    for (int byte = 0; byte < 4; byte++) {
      mqn_nb_pattern[i * 4 + (size_t)byte] = (uint8_t)(word >> 8 * byte);
    }
  }
  return true;
}

/* ---- identifiers --------------------------------------------------------------------------------------------------- */

enum { FREE, WAITS_FOR_PUBACK, WAITS_FOR_PUBREC, WAITS_FOR_PUBCOMP };

bool mqn_nb_ids_open(mqn_nb_link* link) {
  mqn_nb_ids* ids = &link->ids;
  if (ids->state != NULL) {
    return true;
  }
  ids->window = link->receive_maximum > 0 ? link->receive_maximum : mqn_nb_config.window;
  ids->limit = ids->window * 4 < 1024 ? 1024 : ids->window * 4 > 65535 ? 65535 : ids->window * 4;
  ids->state = calloc(ids->limit + 1, 1);
  return ids->state != NULL;
}

uint16_t mqn_nb_ids_take(mqn_nb_link* link, uint8_t qos) {
  mqn_nb_ids* ids = &link->ids;
  if (ids->in_flight >= ids->window) {
    return 0;
  }
  do {
    ids->next = ids->next < ids->limit ? ids->next + 1 : 1;
  } while (ids->state[ids->next] != FREE);
  ids->state[ids->next] = qos == 1 ? WAITS_FOR_PUBACK : WAITS_FOR_PUBREC;
  ids->in_flight++;
  return (uint16_t)ids->next;
}

static void finished(mqn_nb_link* link, uint16_t id) {
  link->ids.state[id] = FREE;
  link->ids.in_flight--;
  link->counters.acked++;
  mqn_nb_echo_release(link);
}

void mqn_nb_ids_acked(mqn_nb_link* link, uint8_t type, uint16_t id, uint8_t reason) {
  uint8_t state = id == 0 || link->ids.state == NULL || id > link->ids.limit ? FREE : link->ids.state[id];
  if (type == 5) { /* PUBREC: PUBREL follows, unless it was an error, and also for an identifier that is not known */
    uint8_t release[4] = {0x62, 2, (uint8_t)(id >> 8), (uint8_t)id};
    if (state == WAITS_FOR_PUBREC && reason >= 0x80) {
      finished(link, id);
      return;
    }
    if (state == WAITS_FOR_PUBREC) {
      link->ids.state[id] = WAITS_FOR_PUBCOMP;
    } else {
      link->counters.bad_acks++;
    }
    mqn_nb_link_put(link, release, sizeof(release));
  } else if ((type == 4 && state == WAITS_FOR_PUBACK) || (type == 7 && state == WAITS_FOR_PUBCOMP)) {
    finished(link, id);
  } else {
    link->counters.bad_acks++;
  }
}

/* ---- sources ------------------------------------------------------------------------------------------------------- */

bool mqn_nb_source_parse(const uint8_t* topic, size_t length, mqn_nb_source* source) {
  char text[160];
  unsigned long long count = 0, size = 0;
  unsigned qos = 0;
  int end = 0;
  double rate = 0;
  if (length >= sizeof(text)) {
    return false;
  }
  memcpy(text, topic, length);
  text[length] = '\0';
  if (sscanf(text, "flood/%llu/%llu/%u%n", &count, &size, &qos, &end) != 3 || (size_t)end != length) {
    end = 0;
    int found = sscanf(text, "paced/%llu/%llu/%u/%lf%n", &count, &size, &qos, &rate, &end);
    if (found != 4 || (size_t)end != length || !(rate > 0 && rate <= 1e9)) {
      return false;
    }
  }
  if (qos > 2 || size > LARGEST_PACKET - 5 - length) {
    return false;
  }
  *source = (mqn_nb_source){.count = count, .size = (size_t)size, .qos = (uint8_t)qos, .rate = rate};
  return true;
}

bool mqn_nb_source_start(mqn_nb_link* link, const mqn_nb_source* parsed, const uint8_t* topic, size_t length) {
  mqn_nb_source* source = malloc(sizeof(*source));
  if (source == NULL) {
    return false;
  }
  *source = *parsed;
  source->start = mqn_nb_now;
  size_t stored = source->size <= INLINE_PAYLOAD ? source->size : 4;
  source->packet = malloc(16 + length + stored);
  if (source->packet == NULL || (source->qos > 0 && !mqn_nb_ids_open(link))) {
    free(source->packet);
    free(source);
    return false;
  }
  uint8_t* at = source->packet;
  *at++ = (uint8_t)(0x30 | source->qos << 1);
  at += mqn_nb_varint(at, 2 + length + (source->qos > 0 ? 2 : 0) + (link->version == 5 ? 1 : 0) + source->size);
  *at++ = (uint8_t)(length >> 8);
  *at++ = (uint8_t)length;
  source->topic_at = (size_t)(at - source->packet);
  source->topic_length = length;
  memcpy(at, topic, length);
  at += length;
  source->id_at = (size_t)(at - source->packet);
  at += source->qos > 0 ? 2 : 0;
  if (link->version == 5) {
    *at++ = 0;
  }
  source->payload_at = (size_t)(at - source->packet);
  memcpy(at, mqn_nb_pattern, stored);
  source->packet_length = source->payload_at + stored;
  link->source = source;
  if (++started == mqn_nb_config.together) {
    mqn_nb_wake_at(mqn_nb_now);
  }
  return true;
}

bool mqn_nb_source_is(const mqn_nb_link* link, const uint8_t* topic, size_t length) {
  const mqn_nb_source* source = link->source;
  return source != NULL && source->topic_length == length && memcmp(source->packet + source->topic_at, topic, length) == 0;
}

void mqn_nb_source_free(mqn_nb_link* link) {
  if (link->source != NULL) {
    free(link->source->packet);
    free(link->source);
    link->source = NULL;
  }
}

void mqn_nb_source_stop(mqn_nb_link* link) {
  if (link->source->left > 0) {
    link->source->stopping = true;
  } else {
    mqn_nb_source_free(link);
  }
}

static uint64_t allowed(const mqn_nb_source* source) {
  if (source->rate == 0) {
    return source->count;
  }
  double due = (double)(mqn_nb_now - source->start) * source->rate / 1e9 + 1;
  return due < (double)source->count ? (uint64_t)due : source->count;
}

static bool append(mqn_nb_link* link, mqn_nb_source* source, uint16_t id) {
  if (!mqn_nb_buffer_reserve(&link->out, source->packet_length)) {
    mqn_nb_link_close(link);
    return false;
  }
  uint8_t* at = link->out.data + link->out.length;
  uint32_t sequence = (uint32_t)source->sent;
  memcpy(at, source->packet, source->packet_length);
  if (source->qos > 0) {
    at[source->id_at] = (uint8_t)(id >> 8);
    at[source->id_at + 1] = (uint8_t)id;
  }
  if (source->size >= 4) {
    at += source->payload_at;
    at[0] = (uint8_t)sequence;
    at[1] = (uint8_t)(sequence >> 8);
    at[2] = (uint8_t)(sequence >> 16);
    at[3] = (uint8_t)(sequence >> 24);
  }
  link->out.length += source->packet_length;
  source->sent++;
  link->counters.sent++;
  link->counters.sent_bytes += source->size;
  if (source->size > INLINE_PAYLOAD) {
    source->at = 4;
    source->left = source->size - 4;
  }
  return true;
}

void mqn_nb_source_fill(mqn_nb_link* link) {
  mqn_nb_source* source = link->source;
  if (source == NULL || source->left > 0 || started < mqn_nb_config.together) {
    return;
  }
  uint64_t limit = allowed(source);
  while (source->sent < limit && source->left == 0 && link->out.length - link->out.at < MQN_NB_WRITE_MARK) {
    uint16_t id = source->qos > 0 ? mqn_nb_ids_take(link, source->qos) : 0;
    if ((source->qos > 0 && id == 0) || !append(link, source, id)) {
      return;
    }
  }
  if (source->sent == source->count && source->left == 0) {
    mqn_nb_source_free(link);
  } else if (source->sent == limit && source->rate > 0) {
    uint64_t due = source->start + (uint64_t)((double)source->sent / source->rate * 1e9) + 1;
    mqn_nb_wake_at(due > mqn_nb_now + SHORTEST_PACE ? due : mqn_nb_now + SHORTEST_PACE);
  }
}

void mqn_nb_source_payload_sent(mqn_nb_link* link, size_t length) {
  mqn_nb_source* source = link->source;
  source->at += length;
  source->left -= length;
  if (source->left == 0 && source->stopping) {
    mqn_nb_source_free(link);
  }
}

void mqn_nb_source_tick(void) {
  for (mqn_nb_link *link = mqn_nb_links, *next; link != NULL; link = next) {
    next = link->next;
    if ((link->source != NULL && (link->source->rate > 0 || mqn_nb_config.together > 0)) || mqn_nb_config.take > 0) {
      mqn_nb_link_flush(link);
    }
  }
}
