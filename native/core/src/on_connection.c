/* Connected, and no longer connected. Paho tells of an end in many ways (nextOrClose(), connectionLost, disconnected, onFailure), and sometimes
 * in none (paho.md: 6, 7); all of them close the link. So the link's end is the one thing looked at, after the step that closed it. */
#include <string.h>
#include "core.h"
#include "MQTTAsync.h"
#include "MQTTAsyncUtils.h"

/* one property after another of checked bytes; 0: no more */
static uint32_t value_length(uint8_t identifier, const uint8_t* at, uint32_t rest) {
  uint32_t n = 0;
  switch (identifier) {
    case 1: case 23: case 25: case 36: case 37: case 40: case 41: case 42: return 1;
    case 19: case 33: case 34: case 35: return 2;
    case 2: case 17: case 24: case 39: return 4;
    case 11:
      while (n < rest && n < 4 && at[n] & 128) ++n;
      return n + 1;
    case 38:
      if (rest < 2) return rest;
      n = 2 + ((uint32_t)at[0] << 8 | at[1]);
      if (n + 2 > rest) return rest;
      return n + 2 + ((uint32_t)at[n] << 8 | at[n + 1]);
    default:
      return rest < 2 ? rest : 2 + ((uint32_t)at[0] << 8 | at[1]);
  }
}

uint32_t mqn_property_number(const uint8_t* properties, uint32_t length, uint8_t identifier, int* found) {
  uint32_t at = 0, n, i, value = 0;
  if (found) *found = 0;
  while (properties && at < length) {
    uint8_t id = properties[at++];
    n = value_length(id, properties + at, length - at);
    if (n > length - at) break;
    if (id == identifier) {
      for (i = 0; i < n && i < 4; i++) value = value << 8 | properties[at + i];
      if (found) *found = 1;
      return value;
    }
    at += n;
  }
  return 0;
}

void mqn_core_on_link_writable(mqn_link_owner* owner) {
  mqn_client* c = (mqn_client*)owner;
  if (c->queue_first) mqn_reactor_pump(c);
  if (c->flushing_first) mqn_reactor_flushing(c);
}

void mqn_on_connected(mqn_client* c, int session_present) {
  const mqn_packet_view* connack = mqn_port_current_packet(&c->owner);
  const uint8_t* properties = connack ? connack->properties : NULL;
  uint32_t length = connack ? connack->properties_length : 0, value;
  int found;
  if (c->state != MQN_CLIENT_OPENING) return;
  c->state = MQN_CLIENT_CONNECTED;
  value = mqn_property_number(properties, length, 33, &found);       /* Receive Maximum */
  if (found && value < c->window) c->window = (uint16_t)value;
  c->server_maximum_packet = mqn_property_number(properties, length, 39, &found);
  value = mqn_property_number(properties, length, 19, &found);       /* Server Keep Alive */
  if (found) c->keep_alive_ms = value * 1000;
  mqn_event_put(c, MQN_EVENT_CONNECTED, session_present, 0, properties, length, NULL, 0);
  mqn_keep_alive_start(c);
}

void mqn_core_on_link_closed(mqn_link_owner* owner) { mqn_reactor_ending((mqn_client*)owner); }

void mqn_on_ended(mqn_client* c) {
  mqn_link_owner* o = &c->owner;
  int opening = c->state == MQN_CLIENT_OPENING;
  int code = c->state == MQN_CLIENT_CLOSING || c->end_code == MQN_ERR_CLOSED ? MQN_ERR_CLOSED : o->error ? o->error : MQN_ERR_CONNECTION_LOST;
  const char* text = code == MQN_ERR_CLOSED ? "closed by this side" : o->error_text;
  if (c->state == MQN_CLIENT_IDLE || c->state == MQN_CLIENT_DESTROYED) return;
  mqn_keep_alive_stop(c);
  c->end_code = code;
  if (o->paho) MQTTAsync_destroy(&o->paho);        /* requests inside Paho end with end_code */
  mqn_outgoing_fail(c, code);
  mqn_port_forget_acks(o);
  mqn_message_forget_aliases(c);
  mqn_guard_forget(&o->guard);
  c->holds = 0;
  c->in_flight = 0;
  c->state = MQN_CLIENT_IDLE;
  mqn_event_put(c, opening ? MQN_EVENT_OPEN_FAILED : MQN_EVENT_DISCONNECTED, code, o->reason_code, o->error_properties.data + o->error_properties.start,
                (uint32_t)mqn_buffer_length(&o->error_properties), text, (uint32_t)strlen(text));
  mqn_buffer_free(&o->error_properties);
}

void mqn_core_log(int level, const char* text) {
  mqn_env* env;
  for (env = mqn_reactor_envs(); env; env = env->next) {
    int32_t* record;
    uint32_t length = (uint32_t)strlen(text);
    if (env->o.log_level < level || !(record = mqn_event_begin(env, length))) continue;
    record[MQN_R_KIND] = MQN_EVENT_LOG;
    record[MQN_R_CLIENT] = -1;
    record[MQN_R_TOPIC] = MQN_TOPIC_INLINE;
    record[MQN_R_LENGTH] = (int32_t)length;
    record[MQN_R_AUX] = level;
    memcpy((char*)record + MQN_RECORD_HEADER, text, length);
    mqn_event_commit(env, record);
  }
}
