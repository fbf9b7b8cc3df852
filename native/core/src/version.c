/* What this library is made of, and what its codes mean. Any thread. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core.h"
#include "MQTTAsync.h"



const char* mqn_version(void) {
  static char text[160];
  const char* paho = "?";
  MQTTAsync_nameValue* info;
  mqn_reactor_lock();
  if (!text[0]) {
    for (info = MQTTAsync_getVersionInfo(); info && info->name; info++)
      if (strcmp(info->name, "Version") == 0) paho = info->value;
    /* with our version in the literal: a binary of another machine is read for it (scripts/inspect/rules.mjs) */
    snprintf(text, sizeof text, "mqtt-native/" MQN_VERSION " paho/%s libuv/%s openssl/%s", paho, uv_version_string(), mqn_tls_version());
  }
  mqn_reactor_unlock();
  return text;
}

const char* mqn_processor(void) { return mqn_tls_processor(); }

const char* mqn_strerror(int code) {
  switch (code) {
    case MQN_OK: return "success";
    case MQN_ERR_ARGUMENT: return "an argument is out of range";
    case MQN_ERR_STATE: return "not possible in this state";
    case MQN_ERR_NO_MEMORY: return "out of memory";
    case MQN_ERR_FULL: return "the submission ring is full";
    case MQN_ERR_RESOLVE: return "the host name was not resolved";
    case MQN_ERR_CONNECT: return "no TCP connection was made";
    case MQN_ERR_TLS: return "TLS failed";
    case MQN_ERR_TIMEOUT: return "timed out";
    case MQN_ERR_PROTOCOL: return "the server broke the protocol";
    case MQN_ERR_CONNECTION_LOST: return "the connection was lost";
    case MQN_ERR_KEEP_ALIVE: return "the server did not answer PINGREQ";
    case MQN_ERR_CLOSED: return "closed by this side";
    case MQN_ERR_PACKET_TOO_LARGE: return "the packet is larger than the server's Maximum Packet Size";
    case MQN_ERR_REFUSED: return "the server refused the connection";
    case MQN_ERR_SERVER_DISCONNECT: return "the server disconnected";
    case MQN_ERR_EXPIRED: return "the message expired before it was sent";
    default: return code > 0 ? "reason code of the server" : "unknown code";
  }
}

/* As Paho's own large blocks are allocated: those are handed over as they are (record.c) */
void* mqn_payload_new(size_t length) { return mqn_memory_new_shared(length); }
void mqn_payload_free(void* payload) { mqn_memory_free_shared(payload); }

void mqn_counters_read(mqn_counters* counters) {
  memset(counters, 0, sizeof *counters);
  counters->turns = mqn_core_count.turns;
  counters->wakeups = mqn_core_count.wakeups;
  counters->held = mqn_core_count.held;
  counters->packets_in = mqn_port_count.packets_in;
  counters->packets_out = mqn_port_count.packets_out;
  counters->bytes_in = mqn_port_count.bytes_in;
  counters->bytes_out = mqn_port_count.bytes_out;
  counters->connections = mqn_port_count.connections;
}
