/* Incoming PUBLISH: counted, compared with the pattern, acknowledged. */
#include "null-broker.h"

#include <stdlib.h>
#include <string.h>

static uint32_t little_endian(const uint8_t* at) {
  return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static bool is_open(const mqn_nb_link* link, uint16_t id) {
  return link->open_ids != NULL && (link->open_ids[id >> 3] >> (id & 7) & 1) != 0;
}

/* A QoS 2 identifier is in use from its PUBLISH to its PUBREL; a PUBLISH with DUP in between is the same message (4.3.3). */
static bool open_id(mqn_nb_link* link, uint16_t id, bool dup) {
  mqn_nb_counters* count = &link->counters;
  if (link->open_ids == NULL) {
    link->open_ids = calloc(65536 / 8, 1);
    if (link->open_ids == NULL) {
      return false;
    }
  }
  if (is_open(link, id)) {
    link->incoming.again = dup;
    *(dup ? &count->resent : &count->misused_ids) += 1;
    return true;
  }
  link->open_ids[id >> 3] |= (uint8_t)(1 << (id & 7));
  link->open_count++;
  uint32_t quota = link->version == 5 && mqn_nb_config.receive_maximum > 0 ? mqn_nb_config.receive_maximum : 65535;
  if (link->open_count > quota) {
    count->over_quota++;
  }
  return true;
}

void mqn_nb_sink_released(mqn_nb_link* link, uint16_t id) {
  if (is_open(link, id)) {
    link->open_ids[id >> 3] &= (uint8_t)~(1 << (id & 7));
    link->open_count--;
  } else {
    link->counters.misused_ids++;
  }
}

static void check_sequence(mqn_nb_link* link, uint32_t sequence) {
  uint32_t ahead = sequence - link->expected;
  if (ahead == 0) {
    link->expected++;
  } else if (ahead < UINT32_MAX / 2) {
    link->counters.gaps += ahead;
    link->expected = sequence + 1;
  } else {
    link->counters.duplicates++;
  }
}

/* `payload` has the first four bytes, or all of a shorter one. */
bool mqn_nb_sink_begin(mqn_nb_link* link, mqn_nb_topic topic, uint8_t qos, bool dup, uint16_t id, const uint8_t* payload, size_t size) {
  mqn_nb_counters* count = &link->counters;
  link->incoming = (mqn_nb_incoming){.topic = topic, .qos = qos, .id = id, .size = size, .open = true, .same = true};
  if (qos > 0 && id == 0) {
    count->misused_ids++;
  }
  if (qos == 2 && !open_id(link, id, dup)) {
    return false;
  }
  if (link->incoming.again) {
    return true;
  }
  if (count->messages++ == 0) {
    link->first_ns = mqn_nb_now;
  }
  link->last_ns = mqn_nb_now;
  count->bytes += size;
  count->by_qos[qos]++;
  if (topic == MQN_NB_TOPIC_BENCH && size >= 4) {
    check_sequence(link, little_endian(payload));
  } else {
    count->unchecked++;
  }
  return true;
}

static void compare(mqn_nb_incoming* incoming, const uint8_t* bytes, size_t length) {
  size_t at = incoming->at;
  if (at < 4 && incoming->size >= 4) { /* the sequence number is not of the pattern */
    size_t skip = length < 4 - at ? length : 4 - at;
    at += skip;
    bytes += skip;
    length -= skip;
  }
  while (length > 0 && incoming->same) {
    size_t part = length < MQN_NB_READ_SIZE ? length : MQN_NB_READ_SIZE;
    incoming->same = memcmp(bytes, mqn_nb_pattern + at % MQN_NB_PATTERN_PERIOD, part) == 0;
    at += part;
    bytes += part;
    length -= part;
  }
}

void mqn_nb_sink_bytes(mqn_nb_link* link, const uint8_t* bytes, size_t length) {
  mqn_nb_incoming* incoming = &link->incoming;
  if (incoming->topic == MQN_NB_TOPIC_BENCH) {
    compare(incoming, bytes, length);
  } else if (incoming->echoed) {
    mqn_nb_echo_bytes(link, bytes, length);
  }
  incoming->at += length;
  if (incoming->at < incoming->size) {
    return;
  }
  incoming->open = false;
  if (!incoming->same) {
    link->counters.corrupt++;
  }
  if (incoming->qos > 0) {
    uint8_t ack[4] = {incoming->qos == 1 ? 0x40 : 0x50, 2, (uint8_t)(incoming->id >> 8), (uint8_t)incoming->id};
    if (!mqn_nb_link_put(link, ack, sizeof(ack))) {
      return;
    }
  }
  if (incoming->echoed) {
    mqn_nb_echo_end(link);
  }
}
