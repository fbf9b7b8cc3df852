/* Socket.h: Paho's sockets are numbers of a table of links. Socket_new() starts an asynchronous connection and says that it is
 * connected ("early connect"): Paho's CONNECT waits in our buffer until TCP and TLS are up, so that Paho needs no getsockopt and
 * no TLS, and nothing of it leaves before the server is proven. */
#include <stdlib.h>
#include <string.h>
#include "mqtt_native.h"
#include "link.h"
#include "Socket.h"

/* errno.h and winsock2.h number these differently, and Socket.h redefines them depending on the order of includes */
#if defined(_WIN32)
_Static_assert(EINPROGRESS == WSAEINPROGRESS && EWOULDBLOCK == WSAEWOULDBLOCK, "Socket.h must come last");
#endif

#define FIRST_SOCKET 1000   /* 0 means "none", also where SOCKET is unsigned (MQTTAsyncUtils.c:2462) */

mqn_port_counters mqn_port_count;

static mqn_link** table;
static int table_size;
static int *free_numbers, free_count;

mqn_link* mqn_link_find(SOCKET socket) {
  int i = (int)socket - FIRST_SOCKET;
  return i >= 0 && i < table_size ? table[i] : NULL;
}
mqn_link* mqn_link_of(const networkHandles* net) { return mqn_link_find(net->socket); }

int mqn_link_table_start(void) { table = NULL; free_numbers = NULL; table_size = free_count = 0; return 0; }
void mqn_link_table_end(void) {
  free(table);
  free(free_numbers);
  table = NULL;
  free_numbers = NULL;
  table_size = free_count = 0;
}

static int grow(void) {
  int i, size = table_size ? table_size * 2 : 64;
  mqn_link** links = realloc(table, sizeof *table * (size_t)size);
  int* numbers;
  if (!links) return -1;
  table = links;
  numbers = realloc(free_numbers, sizeof *free_numbers * (size_t)size);
  if (!numbers) return -1;
  free_numbers = numbers;
  memset(table + table_size, 0, sizeof *table * (size_t)(size - table_size));
  for (i = size - 1; i >= table_size; i--) free_numbers[free_count++] = i;
  table_size = size;
  return 0;
}

/* ---- the connection's reports ---- */
static void on_opened(mqn_connection* c) { (void)c; }   /* Paho's CONNECT leaves the buffer by itself; CONNACK is the news */
static void on_received(mqn_connection* c) {
  mqn_link* link = c->owner;
  mqn_port_count.bytes_in += c->bytes_in - link->bytes_seen;
  link->bytes_seen = c->bytes_in;
  mqn_link_ready(link);
}
static void on_progress(mqn_connection* c) {
  mqn_link* link = c->owner;
  Clients* client = mqn_link_client(link);
  if (client) {
    client->net.lastSent = MQTTTime_now();   /* a slow upload is a sign of life (MQTTProtocolClient.c:736) */
    if (link->ping_end) client->net.lastReceived = client->net.lastPing = client->net.lastSent;
    if (c->bytes_out >= link->ping_end) link->ping_end = 0;
  }
  if (link->owner) mqn_core_on_link_writable(link->owner);
}
static void on_writable(mqn_connection* c) {
  mqn_link* link = c->owner;
  if (link->owner) mqn_core_on_link_writable(link->owner);
}
static void on_failed(mqn_connection* c) { mqn_link_ready(c->owner); }   /* packets before the failure come first */
static const mqn_connection_handler handler = { on_opened, on_received, on_progress, on_writable, on_failed };

static int new_link(const char* address, SOCKET* sock) {
  mqn_link_owner* owner = mqn_core_find_owner(atoi(address));
  mqn_link* link;
  int number;
  *sock = 0;
  if (!owner || owner->link) return SOCKET_ERROR;
  if (free_count == 0 && grow() != 0) return SOCKET_ERROR;
  if (!(link = calloc(1, sizeof *link))) return SOCKET_ERROR;
  if (!(link->connection = mqn_connection_open(&owner->endpoint, &handler, link))) {
    free(link);
    return SOCKET_ERROR;
  }
  number = free_numbers[--free_count];
  table[number] = link;
  link->socket = FIRST_SOCKET + number;
  link->owner = owner;
  owner->link = link;
  owner->error = 0;
  owner->reason_code = 0;
  owner->outgoing_aliases = 0;
  owner->server_maximum_packet = 0;
  owner->error_text[0] = 0;
  owner->error_properties.start = owner->error_properties.end = 0;
  *sock = (SOCKET)link->socket;
  ++mqn_port_count.connections;
  return 0;
}

#if defined(__GNUC__) && defined(__linux__)
int Socket_new(const char* address, size_t length, int port, SOCKET* sock, long timeout) {
  (void)length; (void)port; (void)timeout;
  return new_link(address, sock);
}
#else
int Socket_new(const char* address, size_t length, int port, SOCKET* sock) {
  (void)length; (void)port;
  return new_link(address, sock);
}
#endif
int Socket_unix_new(const char* address, size_t length, SOCKET* sock) { (void)address; (void)length; *sock = 0; return SOCKET_ERROR; }

/* Not before the packets in front of the failure have been looked at:
 *  1. CONNACK with a refusal and the end of the connection come in one read (a TLS record and close_notify; on Windows any two)
 *  2. the failure is told to the link, which has not looked at CONNACK yet
 *  3. noted now, "the server closed the connection" would be the reason, and the refusal nobody's */
void mqn_link_note_failure(mqn_link* link) {
  const mqn_connection* c = link->connection;
  if (!link->owner || link->owner->error || c->state != MQN_CONNECTION_FAILED) return;
  link->owner->error = c->error;
  memcpy(link->owner->error_text, c->error_text, sizeof link->owner->error_text);
}

/* The packet that made Paho close says why, unless something else was the cause before. */
static void note_cause(mqn_link* link, mqn_link_owner* owner) {
  int refused = link->handling && link->view.type == CONNACK && link->view.reason_code;
  int ended = link->handling && link->view.type == DISCONNECT;
  if (owner->error || (!refused && !ended)) return;
  owner->error = refused ? MQN_ERR_REFUSED : MQN_ERR_SERVER_DISCONNECT;
  owner->reason_code = link->view.reason_code;
  owner->error_properties.start = owner->error_properties.end = 0;
  if (link->view.properties_length) mqn_buffer_append(&owner->error_properties, link->view.properties, link->view.properties_length);
}

int Socket_close(SOCKET socket) {
  mqn_link* link = mqn_link_find(socket);
  mqn_link_owner* owner;
  if (!link) return SOCKET_ERROR;
  owner = link->owner;
  note_cause(link, owner);
  mqn_link_note_failure(link);
  table[(int)socket - FIRST_SOCKET] = NULL;
  free_numbers[free_count++] = (int)socket - FIRST_SOCKET;
  mqn_aliases_free(link);
  link->socket = 0;
  link->owner = NULL;
  owner->link = NULL;
  mqn_link_free_later(link);   /* a step may be looking at it */
  mqn_core_on_link_closed(owner);
  return 0;
}

/* Paho never has to hold anything back: the core looks at the backlog before it hands a publish over, and acknowledgements are small.
 * On a link that failed nothing may be written any more, above all no DISCONNECT with reason 0: it would take back the will. */
int Socket_noPendingWrites(SOCKET socket) {
  mqn_link* link = mqn_link_find(socket);
  return !link || !link->failed;
}

void Socket_outInitialize(void) {}
void Socket_outTerminate(void) {}
int Socket_interrupt(void) { return 0; }
char* Socket_getpeer(SOCKET socket) { (void)socket; return ""; }
void Socket_addPendingWrite(SOCKET socket) { (void)socket; }
void Socket_clearPendingWrite(SOCKET socket) { (void)socket; }
void Socket_setWriteContinueCallback(Socket_writeContinue* callback) { (void)callback; }
void Socket_setWriteCompleteCallback(Socket_writeComplete* callback) { (void)callback; }     /* every write is complete at once */
void Socket_setWriteAvailableCallback(Socket_writeAvailable* callback) { (void)callback; }   /* no ack is ever held by Paho */

/* Only reached through Paho's own WebSocket and Proxy units, which are not compiled. */
int Socket_getch(SOCKET socket, char* c) { (void)socket; (void)c; return SOCKET_ERROR; }
char* Socket_getdata(SOCKET socket, size_t bytes, size_t* actual, int* rc) {
  (void)socket; (void)bytes;
  *actual = 0;
  *rc = SOCKET_ERROR;
  return NULL;
}
int Socket_putdatas(SOCKET socket, char* buffer, size_t length, PacketBuffers buffers) {
  (void)socket; (void)buffer; (void)length; (void)buffers;
  return SOCKET_ERROR;
}
