/* WebSocket.h: the only way in which Paho reads and writes packets. Reads come from a packet that is whole and checked; writes go into
 * the connection's buffer, and are shown to the guard so that it knows what is solicited. */
#include <string.h>
#include "mqtt_native.h"
#include "link.h"
#include "WebSocket.h"
#include "Socket.h"

int WebSocket_getch(networkHandles* net, char* c) {
  mqn_link* link = mqn_link_of(net);
  if (!link || !link->handling || link->shown_left == 0) return SOCKET_ERROR;
  *c = *link->shown++;
  --link->shown_left;
  return TCPSOCKET_COMPLETE;
}

/* The bytes stay where they are until Paho asks for the next packet: nothing is read from the network during a step. */
char* WebSocket_getdata(networkHandles* net, size_t bytes, size_t* actual) {
  mqn_link* link = mqn_link_of(net);
  char* data;
  *actual = 0;
  if (!link || !link->handling || link->shown_left < bytes) return NULL;
  data = (char*)link->shown;     /* Paho only reads it */
  link->shown += bytes;
  link->shown_left -= bytes;
  *actual = bytes;
  return data;
}

int mqn_link_write(mqn_link* link, const void* data, size_t length) {
  if (link->failed || mqn_connection_write(link->connection, data, length) != 0) return -1;
  link->bytes_written += length;
  mqn_port_count.bytes_out += length;
  return 0;
}

/* Every packet ends here as its header and up to four pieces; the identifier stands at the start of the piece that Paho keeps for it
 * (MQTTPacket.c:736: the third of a PUBLISH with QoS 1 or 2, the first of all others). */
static int show_to_guard(mqn_link* link, uint8_t header, const PacketBuffers* pieces) {
  const uint8_t* place = NULL;
  const mqn_id_entry* entry;
  uint16_t id;
  uint8_t type = header >> 4;
  if (type == PUBLISH) place = header & 6 ? (const uint8_t*)pieces->buffers[2] : NULL;
  else if (type != CONNECT && type != PINGREQ && type != DISCONNECT) place = (const uint8_t*)pieces->buffers[0];
  if (!place) return mqn_guard_sent(&link->owner->guard, header, 0, 0, 0);
  id = (uint16_t)(place[0] << 8 | place[1]);
  entry = mqn_ids_find(&link->owner->guard.outgoing, id);
  return mqn_guard_sent(&link->owner->guard, header, id, entry ? entry->count : 0, 0);
}

static size_t put_length(uint8_t* at, size_t length) {
  size_t n = 0;
  do {
    at[n] = (uint8_t)(length & 127);
    length >>= 7;
    if (length) at[n] |= 128;
    ++n;
  } while (length);
  return n;
}

/* The payload of a PUBLISH, a block of Paho's: what the kernel does not take at once is written from there, although Paho may be done with it before. */
static int write_payload(mqn_link* link, char* payload, size_t length) {
  if (length == 0) return 0;
  if (length < MQN_LEND_FROM) return mqn_link_write(link, payload, length);
  if (link->failed) return -1;
  mqn_memory_keep(payload);
  if (mqn_connection_lend(link->connection, payload, length, mqn_memory_free) != 0) return -1;
  link->bytes_written += length;
  mqn_port_count.bytes_out += length;
  return 0;
}

/* A PUBLISH of MQTT 5 as Paho gathers it: length of the topic, topic, then identifier and properties in one piece, payload. Written with a
 * topic alias if the topic has one. 1: written; 0: it goes as it is; -1 */
static int write_with_alias(mqn_link* link, uint8_t header, const PacketBuffers* pieces) {
  const mqn_link_owner* owner = link->owner;
  const uint8_t* tail = (const uint8_t*)pieces->buffers[2];
  size_t identifier = header & 6 ? 2 : 0, old = 0, n = 0, properties = 0, length;
  uint32_t topic = (uint32_t)pieces->buflens[1];
  uint8_t head[8], middle[16];
  uint16_t alias;
  int announced = 0;
  length = 2 + topic + pieces->buflens[2] + pieces->buflens[3];
  /* five bytes at most for the header, one for a property length that grows, three for the property */
  if (owner->server_maximum_packet && length + 9 > owner->server_maximum_packet) return 0;
  if (length + 4 > 268435455u || !(alias = mqn_alias_for(link, pieces->buffers[1], topic, &announced))) return 0;
  do properties |= (size_t)(tail[identifier + old] & 127) << 7 * old; while (tail[identifier + old++] & 128);
  memcpy(middle, tail, identifier);
  n = identifier + put_length(middle + identifier, properties + 3);
  middle[n++] = 35;
  middle[n++] = (uint8_t)(alias >> 8);
  middle[n++] = (uint8_t)alias;
  if (announced) topic = 0;
  head[0] = header;
  length = 1 + put_length(head + 1, 2 + topic + n + properties + pieces->buflens[3]);
  head[length++] = (uint8_t)(topic >> 8);
  head[length++] = (uint8_t)topic;
  if (mqn_link_write(link, head, length) != 0) return -1;
  if (topic && mqn_link_write(link, pieces->buffers[1], topic) != 0) return -1;
  if (mqn_link_write(link, middle, n) != 0) return -1;
  if (properties && mqn_link_write(link, tail + identifier + old, properties) != 0) return -1;
  return write_payload(link, pieces->buffers[3], pieces->buflens[3]) != 0 ? -1 : 1;
}

/* A packet that could not be written whole ends the link, and the link's end is told by itself. Paho must not hear of it here: it would free a
 * PUBLISH of QoS 1 or 2 that stands in its list of messages in flight, too (MQTTAsyncUtils.c:1628). For the session it counts as sent. */
static int cut_off(mqn_link* link) {
  if (link->connection->state < MQN_CONNECTION_FAILED) mqn_port_fail(link->owner, MQN_ERR_NO_MEMORY, 0x97, "no memory for a packet");
  return TCPSOCKET_COMPLETE;
}

int WebSocket_putdatas(networkHandles* net, char** buffer, size_t* length, PacketBuffers* pieces) {
  mqn_link* link = mqn_link_of(net);
  uint8_t header = (uint8_t)**buffer;
  int i, last, aliased = 0;
  if (!link || link->failed) return SOCKET_ERROR;
  if (show_to_guard(link, header, pieces) != 0) return cut_off(link);
  if (header >> 4 == PUBLISH && link->owner->outgoing_aliases && (aliased = write_with_alias(link, header, pieces)) < 0) return cut_off(link);
  if (aliased) {
    ++mqn_port_count.packets_out;
    return TCPSOCKET_COMPLETE;
  }
  if (mqn_link_write(link, *buffer, *length) != 0) return cut_off(link);
  last = header >> 4 == PUBLISH ? pieces->count - 1 : pieces->count;
  for (i = 0; i < last; i++)
    if (pieces->buflens[i] && mqn_link_write(link, pieces->buffers[i], pieces->buflens[i]) != 0) return cut_off(link);
  if (i < pieces->count && write_payload(link, pieces->buffers[i], pieces->buflens[i]) != 0) return cut_off(link);
  ++mqn_port_count.packets_out;
  return TCPSOCKET_COMPLETE;      /* complete: Paho frees its pieces itself */
}

size_t WebSocket_framePos(void) { return 0; }
void WebSocket_framePosSeekTo(size_t position) { (void)position; }
int WebSocket_connect(networkHandles* net, int ssl, const char* uri) { (void)net; (void)ssl; (void)uri; return SOCKET_ERROR; }
int WebSocket_upgrade(networkHandles* net) { (void)net; return SOCKET_ERROR; }
void WebSocket_close(networkHandles* net, int code, const char* reason) { (void)net; (void)code; (void)reason; }
void WebSocket_terminate(void) {}

int mqn_port_ping(mqn_link_owner* owner) {
  Clients* client = ((MQTTAsyncs*)owner->paho)->c;
  int waits = mqn_port_flushed(owner) < mqn_port_written(owner);
  if (MQTTPacket_send_pingreq(&client->net, client->clientID) != TCPSOCKET_COMPLETE) return -1;
  if (waits && owner->link && !owner->link->ping_end) owner->link->ping_end = mqn_port_written(owner);
  client->net.lastPing = MQTTTime_now();
  client->ping_outstanding = 1;
  return 0;
}
