/* WebSocket.h: the only way in which Paho reads and writes packets. Reads come from a packet that is whole and checked; writes go into
 * the connection's buffer, and are shown to the guard so that it knows what is solicited. */
#include "link.h"
#include "WebSocket.h"
#include "Socket.h"

int WebSocket_getch(networkHandles* net, char* c) {
  mqn_link* link = mqn_link_of(net);
  if (!link || !link->handling || mqn_buffer_length(&link->connection->in) == 0) return SOCKET_ERROR;
  *c = link->connection->in.data[link->connection->in.start++];
  return TCPSOCKET_COMPLETE;
}

/* The bytes stay where they are until Paho asks for the next packet: nothing is read from the network during a step. */
char* WebSocket_getdata(networkHandles* net, size_t bytes, size_t* actual) {
  mqn_link* link = mqn_link_of(net);
  char* data;
  *actual = 0;
  if (!link || !link->handling || mqn_buffer_length(&link->connection->in) < bytes) return NULL;
  data = link->connection->in.data + link->connection->in.start;
  link->connection->in.start += bytes;
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

int WebSocket_putdatas(networkHandles* net, char** buffer, size_t* length, PacketBuffers* pieces) {
  mqn_link* link = mqn_link_of(net);
  int i;
  if (!link || link->failed || show_to_guard(link, (uint8_t)**buffer, pieces) != 0) return SOCKET_ERROR;
  if (mqn_link_write(link, *buffer, *length) != 0) return SOCKET_ERROR;
  for (i = 0; i < pieces->count; i++)
    if (pieces->buflens[i] && mqn_link_write(link, pieces->buffers[i], pieces->buflens[i]) != 0) return SOCKET_ERROR;
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
  if (MQTTPacket_send_pingreq(&client->net, client->clientID) != TCPSOCKET_COMPLETE) return -1;
  client->net.lastPing = MQTTTime_now();
  client->ping_outstanding = 1;
  return 0;
}
