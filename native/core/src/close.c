/* A clean end: DISCONNECT behind all that was written before, then the connection drains and closes. */
#include <stdlib.h>
#include <string.h>
#include "core.h"
#include "MQTTAsync.h"

typedef struct {
  mqn_command command;
  int32_t number;
  uint8_t reason_code;
  uint8_t* properties;
  uint32_t properties_length;
} close_command;

static void disconnect(mqn_client* c, const close_command* k) {
  MQTTAsync_disconnectOptions v4 = MQTTAsync_disconnectOptions_initializer, v5 = MQTTAsync_disconnectOptions_initializer5;
  MQTTAsync_disconnectOptions* o = c->owner.version == 5 ? &v5 : &v4;
  uint32_t expiry;
  int found;
  c->state = MQN_CLIENT_CLOSING;
  c->end_code = MQN_ERR_CLOSED;
  if (c->owner.version == 5) {
    o->reasonCode = (enum MQTTReasonCodes)k->reason_code;
    mqn_port_read_properties(k->properties, k->properties_length, (struct MQTTProperties*)&o->properties);
    expiry = mqn_property_number(k->properties, k->properties_length, 17, &found);
    if (found && expiry == 0) c->session = 0;        /* DISCONNECT may end the session (3.14.2.2.2) */
  }
  if (MQTTAsync_disconnect(c->owner.paho, o) == MQTTASYNC_SUCCESS) mqn_port_step_send();
  else mqn_reactor_ending(c);
  MQTTProperties_free(&o->properties);
}

static void run(mqn_command* command) {
  close_command* k = (close_command*)command;
  mqn_client* c = mqn_client_find(command->env, k->number);
  if (c && c->state == MQN_CLIENT_CONNECTED && c->owner.link) {
    disconnect(c, k);
  } else if (c && c->state == MQN_CLIENT_OPENING) {
    c->end_code = MQN_ERR_CLOSED;
    mqn_port_abandon(&c->owner);
    mqn_reactor_ending(c);
  }
  free(k->properties);
  free(k);
}

int mqn_client_close(mqn_env* env, int32_t number, uint8_t reason_code, const void* properties, uint32_t properties_length) {
  close_command* k;
  if (mqn_client_check(env, number) != MQN_OK) return MQN_ERR_ARGUMENT;
  if (!(k = calloc(1, sizeof *k))) return MQN_ERR_NO_MEMORY;
  if (!(k->properties = malloc(properties_length + 1))) {
    free(k);
    return MQN_ERR_NO_MEMORY;
  }
  if (properties_length) memcpy(k->properties, properties, properties_length);
  k->number = number;
  k->reason_code = reason_code;
  k->properties_length = properties_length;
  mqn_command_post(&k->command, env, run);
  return MQN_OK;
}
