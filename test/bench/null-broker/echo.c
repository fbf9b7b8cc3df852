/* A PUBLISH to echo, sent back to its sender. Packets are built here whole, without identifier, and leave as the client's Receive Maximum
 * lets them. */
#include "null-broker.h"

#include <string.h>

bool mqn_nb_echo_begin(mqn_nb_link* link, const uint8_t* topic, size_t topic_length, uint8_t qos, size_t size) {
  uint8_t lower = qos < (uint8_t)link->echo_qos ? qos : (uint8_t)link->echo_qos;
  size_t remaining = 2 + topic_length + (lower > 0 ? 2 : 0) + (link->version == 5 ? 1 : 0) + size;
  mqn_nb_buffer* to = &link->echoes;
  if (link->incoming.again) {
    return true;
  }
  if ((lower > 0 && !mqn_nb_ids_open(link)) || !mqn_nb_buffer_reserve(to, remaining + 5)) {
    return false;
  }
  /* reserve() may have moved what is there to the front */
  uint8_t* at = to->data + to->length;
  *at++ = (uint8_t)(0x30 | lower << 1);
  at += mqn_nb_varint(at, remaining);
  *at++ = (uint8_t)(topic_length >> 8);
  *at++ = (uint8_t)topic_length;
  memcpy(at, topic, topic_length);
  at += topic_length;
  if (lower > 0) {
    *at++ = 0;
    *at++ = 0;
  }
  if (link->version == 5) {
    *at++ = 0;
  }
  to->length = (size_t)(at - to->data);
  link->incoming.echoed = true;
  return true;
}

/* There is room: echo_begin() has reserved it. */
void mqn_nb_echo_bytes(mqn_nb_link* link, const uint8_t* bytes, size_t length) {
  memcpy(link->echoes.data + link->echoes.length, bytes, length);
  link->echoes.length += length;
}

void mqn_nb_echo_end(mqn_nb_link* link) {
  link->echoes_waiting++;
  mqn_nb_echo_release(link);
}

void mqn_nb_echo_release(mqn_nb_link* link) {
  mqn_nb_buffer* from = &link->echoes;
  while (link->echoes_waiting > 0) {
    uint8_t* packet = from->data + from->at;
    uint8_t qos = packet[0] >> 1 & 3;
    size_t remaining = 0, at = 1;
    do {
      remaining |= (size_t)(packet[at] & 127) << 7 * (at - 1);
    } while ((packet[at++] & 128) != 0);
    size_t topic_length = (size_t)(packet[at] << 8 | packet[at + 1]);
    if (qos > 0) {
      uint16_t id = mqn_nb_ids_take(link, qos);
      if (id == 0) {
        return;
      }
      packet[at + 2 + topic_length] = (uint8_t)(id >> 8);
      packet[at + 3 + topic_length] = (uint8_t)id;
    }
    if (!mqn_nb_link_put(link, packet, at + remaining)) {
      return;
    }
    link->counters.sent++;
    link->counters.sent_bytes += remaining - 2 - topic_length - (qos > 0 ? 2 : 0) - (link->version == 5 ? 1 : 0);
    from->at += at + remaining;
    link->echoes_waiting--;
    if (from->at == from->length) {
      mqn_nb_buffer_release(from);
    }
  }
}
