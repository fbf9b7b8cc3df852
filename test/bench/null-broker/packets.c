/* What comes in, packet by packet. A PUBLISH is taken as soon as its part in front of the payload is there, any other packet when it is
 * whole. */
#include "null-broker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* packet types (2.1.2) */
enum {
  CONNECT = 1, PUBLISH = 3, PUBACK = 4, PUBREC = 5, PUBREL = 6, PUBCOMP = 7, SUBSCRIBE = 8, UNSUBSCRIBE = 10, PINGREQ = 12, DISCONNECT = 14
};

static uint16_t two_bytes(const uint8_t* at) {
  return (uint16_t)(at[0] << 8 | at[1]);
}

static bool starts_with(const uint8_t* text, size_t length, const char* start) {
  size_t wanted = strlen(start);
  return length >= wanted && memcmp(text, start, wanted) == 0;
}

static bool is_echo(const uint8_t* topic, size_t length) {
  return starts_with(topic, length, "echo") && (length == 4 || topic[4] == '/');
}

static bool on_connect(mqn_nb_link* link, const uint8_t* body, size_t length) {
  if (length < 10 || two_bytes(body) != 4 || memcmp(body + 2, "MQTT", 4) != 0) {
    return false;
  }
  uint8_t version = body[6];
  if (version != 4 && version != 5) {
    mqn_nb_link_put(link, "\x20\x02\x00\x01", 4); /* Unacceptable protocol version, in the form of 3.1.1 (4.13 of MQTT 5 allows it) */
    return false;
  }
  link->version = version;
  if (version == 4) {
    return length >= 12 && mqn_nb_link_put(link, "\x20\x02\x00\x00", 4);
  }
  mqn_nb_properties found = {0};
  if (!mqn_nb_properties_read(body + 10, length - 10, &found) || length < 10 + found.length + 2) {
    return false;
  }
  link->receive_maximum = found.receive_maximum;

  uint8_t answer[64] = {0x20, 0, 0, 0, 0}; /* length, Session Present 0, Success, length of the properties */
  size_t n = 5;
  if (mqn_nb_config.receive_maximum > 0) {
    answer[n++] = 0x21;
    answer[n++] = (uint8_t)(mqn_nb_config.receive_maximum >> 8);
    answer[n++] = (uint8_t)mqn_nb_config.receive_maximum;
  }
  if (mqn_nb_config.topic_alias_maximum > 0) {
    answer[n++] = 0x22;
    answer[n++] = (uint8_t)(mqn_nb_config.topic_alias_maximum >> 8);
    answer[n++] = (uint8_t)mqn_nb_config.topic_alias_maximum;
  }
  if (two_bytes(body + 10 + found.length) == 0) { /* no Client Identifier: say which it has got (3.2.2.3.7) */
    int text = snprintf((char*)answer + n + 3, sizeof(answer) - n - 3, "null-%llu", (unsigned long long)mqn_nb_accepted);
    answer[n++] = 0x12;
    answer[n++] = 0;
    answer[n++] = (uint8_t)text;
    n += (size_t)text;
  }
  answer[1] = (uint8_t)(n - 2);
  answer[4] = (uint8_t)(n - 5);
  return mqn_nb_link_put(link, answer, n);
}

/* The topic an alias stands for, as far as it matters here; also learns a new one. */
static bool through_alias(mqn_nb_link* link, uint16_t alias, bool named, mqn_nb_topic* topic) {
  if (alias == 0 || alias > mqn_nb_config.topic_alias_maximum) {
    return false;
  }
  if (link->aliases == NULL) {
    link->aliases = calloc((size_t)mqn_nb_config.topic_alias_maximum + 1, 1);
    if (link->aliases == NULL) {
      return false;
    }
  }
  if (named) {
    link->aliases[alias] = (uint8_t)(*topic + 1);
  }
  if (link->aliases[alias] == 0) {
    return false;
  }
  *topic = (mqn_nb_topic)(link->aliases[alias] - 1);
  return true;
}

/* Returns what it took of the body: up to the end of the payload, or what of it is there; 0: wait for more; -1: malformed. */
static ptrdiff_t on_publish(mqn_nb_link* link, uint8_t flags, const uint8_t* body, size_t available, size_t remaining) {
  uint8_t qos = flags >> 1 & 3;
  if (qos == 3 || remaining < 2) {
    return -1;
  }
  if (available < 2) {
    return 0;
  }
  size_t topic_length = two_bytes(body), at = 2 + topic_length + (qos > 0 ? 2 : 0);
  if (at > remaining) {
    return -1;
  }
  if (available < at) {
    return 0;
  }
  const uint8_t* name = body + 2;
  uint16_t id = qos > 0 ? two_bytes(body + at - 2) : 0;
  mqn_nb_topic topic = starts_with(name, topic_length, "bench/") ? MQN_NB_TOPIC_BENCH
                       : is_echo(name, topic_length)             ? MQN_NB_TOPIC_ECHO
                                                                 : MQN_NB_TOPIC_OTHER;
  mqn_nb_properties found = {.length = 1};
  if (link->version == 5) {
    if (at == remaining) {
      return -1;
    }
    /* Whether the properties are whole is not known before their length is: they are read again when more has come. */
    if (available == at || body[at] > 0) {
      size_t limit = remaining - at < available - at ? remaining - at : available - at;
      if (!mqn_nb_properties_read(body + at, limit, &found)) {
        return available < remaining ? 0 : -1;
      }
    }
    at += found.length;
  }
  if (topic_length == 0 || found.topic_alias > 0) {
    if (!through_alias(link, found.topic_alias, topic_length > 0, &topic)) {
      return -1;
    }
  }
  size_t size = remaining - at, there = available - at;
  if (there < (size < 4 ? size : 4)) {
    return 0; /* the sequence number too */
  }
  if (!mqn_nb_sink_begin(link, topic, qos, (flags & 8) != 0, id, body + at, size)) {
    return -1;
  }
  if (topic == MQN_NB_TOPIC_ECHO && link->echo_qos >= 0) {
    bool named = topic_length > 0;
    if (!mqn_nb_echo_begin(link, named ? name : (const uint8_t*)"echo", named ? topic_length : 4, qos, size)) {
      return -1;
    }
  }
  return (ptrdiff_t)at;
}

/* SUBACK first, then what was asked for: a source's first message never comes before it. */
static bool on_subscribe(mqn_nb_link* link, const uint8_t* body, size_t length) {
  uint8_t codes[1024], answer[16];
  size_t at = 2, count = 0;
  mqn_nb_properties found = {0};
  mqn_nb_source source = {0};
  const uint8_t* source_topic = NULL;
  size_t source_length = 0;
  bool report = false;

  if (length < 5 || (link->version == 5 && !mqn_nb_properties_read(body + at, length - at, &found))) {
    return false;
  }
  at += found.length;
  while (at < length && count < sizeof(codes)) {
    if (length - at < 3 || length - at < (size_t)two_bytes(body + at) + 3) {
      return false;
    }
    const uint8_t* filter = body + at + 2;
    size_t filter_length = two_bytes(body + at);
    uint8_t qos = filter[filter_length] & 3;
    if (qos == 3) {
      return false;
    }
    at += filter_length + 3;
    codes[count] = qos;
    if (is_echo(filter, filter_length)) {
      link->echo_qos = (int8_t)qos;
    } else if (filter_length == 6 && memcmp(filter, "report", 6) == 0) {
      report = true;
      codes[count] = 0;
    } else if (starts_with(filter, filter_length, "flood/") || starts_with(filter, filter_length, "paced/")) {
      if (link->source != NULL || source_topic != NULL || !mqn_nb_source_parse(filter, filter_length, &source)) {
        codes[count] = 0x80; /* one source a connection */
      } else {
        source_topic = filter;
        source_length = filter_length;
        codes[count] = qos < source.qos ? qos : source.qos;
        source.qos = codes[count];
      }
    }
    count++;
  }
  if (at != length || count == 0) {
    return false;
  }
  answer[0] = 0x90;
  size_t n = 1 + mqn_nb_varint(answer + 1, 2 + (link->version == 5 ? 1u : 0u) + count);
  answer[n++] = body[0];
  answer[n++] = body[1];
  if (link->version == 5) {
    answer[n++] = 0;
  }
  if (!mqn_nb_link_put(link, answer, n) || !mqn_nb_link_put(link, codes, count)) {
    return false;
  }
  if (report) {
    char text[2048];
    int text_length = mqn_nb_report(link, text, sizeof(text));
    uint8_t head[16] = {0x30};
    size_t m = 1 + mqn_nb_varint(head + 1, 8 + (link->version == 5 ? 1u : 0u) + (size_t)text_length);
    memcpy(head + m, "\0\6report", 9); /* the last byte is the length of no properties */
    m += 8 + (link->version == 5 ? 1u : 0u);
    if (!mqn_nb_link_put(link, head, m) || !mqn_nb_link_put(link, text, (size_t)text_length)) {
      return false;
    }
  }
  return source_topic == NULL || mqn_nb_source_start(link, &source, source_topic, source_length);
}

static bool on_unsubscribe(mqn_nb_link* link, const uint8_t* body, size_t length) {
  uint8_t codes[1024], answer[16];
  size_t at = 2, count = 0;
  mqn_nb_properties found = {0};
  if (length < 4 || (link->version == 5 && !mqn_nb_properties_read(body + at, length - at, &found))) {
    return false;
  }
  at += found.length;
  while (at < length && count < sizeof(codes)) {
    if (length - at < 2 || length - at < (size_t)two_bytes(body + at) + 2) {
      return false;
    }
    const uint8_t* filter = body + at + 2;
    size_t filter_length = two_bytes(body + at);
    at += filter_length + 2;
    if (is_echo(filter, filter_length)) {
      link->echo_qos = -1;
    } else if (mqn_nb_source_is(link, filter, filter_length)) {
      mqn_nb_source_stop(link);
    }
    codes[count++] = 0;
  }
  if (at != length || count == 0) {
    return false;
  }
  answer[0] = 0xb0;
  size_t n = 1 + mqn_nb_varint(answer + 1, 2 + (link->version == 5 ? 1 + count : 0));
  answer[n++] = body[0];
  answer[n++] = body[1];
  if (link->version == 5) {
    answer[n++] = 0;
  }
  return mqn_nb_link_put(link, answer, n) && (link->version == 4 || mqn_nb_link_put(link, codes, count));
}

static bool on_control(mqn_nb_link* link, uint8_t type, uint8_t flags, const uint8_t* body, size_t length) {
  uint8_t answer[4] = {0, 2, 0, 0};
  switch (type) {
    case CONNECT:
      return link->version == 0 && flags == 0 && on_connect(link, body, length);
    case PUBREL:
      if (flags != 2 || length < 2) {
        return false;
      }
      mqn_nb_sink_released(link, two_bytes(body));
      answer[0] = 0x70;
      memcpy(answer + 2, body, 2);
      return mqn_nb_link_put(link, answer, 4);
    case PUBACK:
    case PUBREC:
    case PUBCOMP:
      if (flags != 0 || length < 2) {
        return false;
      }
      mqn_nb_ids_acked(link, type, two_bytes(body), length > 2 ? body[2] : 0);
      return true;
    case SUBSCRIBE:
      return flags == 2 && on_subscribe(link, body, length);
    case UNSUBSCRIBE:
      return flags == 2 && on_unsubscribe(link, body, length);
    case PINGREQ:
      link->counters.pings++;
      return flags == 0 && length == 0 && mqn_nb_link_put(link, "\xd0\0", 2);
    case DISCONNECT:
      mqn_nb_link_close(link);
      return true;
    default:
      return false;
  }
}

ptrdiff_t mqn_nb_take(mqn_nb_link* link, const uint8_t* data, size_t length) {
  size_t used = 0;
  while (!link->dead) {
    mqn_nb_incoming* incoming = &link->incoming;
    if (incoming->open) {
      size_t left = incoming->size - incoming->at, part = left < length - used ? left : length - used;
      mqn_nb_sink_bytes(link, data + used, part);
      used += part;
      if (incoming->open) {
        break;
      }
      continue;
    }
    size_t at = used + 1, remaining = 0;
    int shift = 0;
    bool whole = false;
    for (; !whole && at < length && shift < 28; shift += 7) {
      remaining |= (size_t)(data[at] & 127) << shift;
      whole = (data[at++] & 128) == 0;
    }
    if (!whole) {
      if (shift == 28) {
        return -1; /* a fifth byte (1.5.5) */
      }
      break;
    }
    uint8_t type = data[used] >> 4, flags = data[used] & 15;
    size_t available = length - at < remaining ? length - at : remaining;
    if (link->version == 0 && type != CONNECT) {
      return -1;
    }
    if (type == PUBLISH) {
      ptrdiff_t taken = on_publish(link, flags, data + at, available, remaining);
      if (taken < 0) {
        return -1;
      }
      if (taken == 0) {
        break;
      }
      used = at + (size_t)taken;
    } else if (available < remaining) {
      if (remaining > MQN_NB_HEAD_LIMIT - 5) {
        return -1;
      }
      break;
    } else {
      used = at + remaining;
      if (!on_control(link, type, flags, data + at, remaining)) {
        return -1;
      }
    }
  }
  return (ptrdiff_t)used;
}
