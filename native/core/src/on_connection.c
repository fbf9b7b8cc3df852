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

uint32_t mqn_property_place(const uint8_t* properties, uint32_t length, uint8_t identifier, uint32_t* n) {
  uint32_t at = 0;
  while (properties && at < length) {
    uint8_t id = properties[at++];
    *n = value_length(id, properties + at, length - at);
    if (*n > length - at) break;
    if (id == identifier) return at;
    at += *n;
  }
  return 0;
}

uint32_t mqn_property_number(const uint8_t* properties, uint32_t length, uint8_t identifier, int* found) {
  uint32_t n, i, value = 0, at = mqn_property_place(properties, length, identifier, &n);
  if (found) *found = at != 0;
  for (i = 0; at && i < n && i < 4; i++) value = value << 8 | properties[at + i];
  return value;
}

void mqn_core_on_link_writable(mqn_link_owner* owner) {
  mqn_client* c = (mqn_client*)owner;
  if (c->queue_first || owner->resend) mqn_reactor_pump(c);
  if (c->flushing_first) mqn_reactor_flushing(c);
}

/* The server has lost what is left of the session, and Paho has just emptied its lists: what was in flight has failed, and its share of the account goes
 * back before the connection is told. */
static void session_lost(mqn_client* c) {
  mqn_guard_forget(&c->owner.guard);
  mqn_port_acks_void(&c->owner);
  mqn_port_leftovers_forget(&c->owner);
  mqn_credit_tell(c);
}

void mqn_on_connected(mqn_client* c, int session_present) {
  const mqn_packet_view* connack = mqn_port_current_packet(&c->owner);
  const uint8_t* properties = connack ? connack->properties : NULL;
  uint32_t length = connack ? connack->properties_length : 0, value;
  int found, remembers = c->session;
  if (c->state != MQN_CLIENT_OPENING) return;
  c->state = MQN_CLIENT_CONNECTED;
  value = mqn_property_number(properties, length, 33, &found);       /* Receive Maximum */
  if (found && value < c->window) c->window = (uint16_t)value;
  c->owner.server_maximum_packet = mqn_property_number(properties, length, 39, &found);
  value = mqn_property_number(properties, length, 19, &found);       /* Server Keep Alive */
  if (found) c->keep_alive_ms = value * 1000;
  value = mqn_property_number(properties, length, 34, &found);       /* Topic Alias Maximum */
  c->owner.outgoing_aliases = (uint16_t)(value < c->alias_out_maximum ? value : c->alias_out_maximum);
  value = mqn_property_number(properties, length, 17, &found);       /* Session Expiry Interval: the server's word is the last */
  c->session = (found ? value : c->session_expiry) != 0;
  if (!session_present) session_lost(c);
  else if (!remembers) mqn_port_leftovers_begin(&c->owner);
  mqn_event_put(c, MQN_EVENT_CONNECTED, session_present, 0, properties, length, NULL, 0);
  mqn_keep_alive_start(c);
  if (session_present && c->in_flight) mqn_outgoing_resume(c);
}

void mqn_core_on_link_closed(mqn_link_owner* owner) { mqn_reactor_ending((mqn_client*)owner); }

/* Nothing of an earlier connection goes on: what is in flight ends with c->end_code. */
void mqn_session_discard(mqn_client* c) {
  c->session = 0;
  mqn_port_destroy(&c->owner);
  mqn_port_acks_void(&c->owner);
  mqn_port_leftovers_forget(&c->owner);
  mqn_guard_forget(&c->owner.guard);
  c->owner.resend = 0;
  c->in_flight = 0;
}

/* Publishes inside Paho while there is no link: of the session. */
static uint32_t kept(const mqn_client* c, uint32_t* bytes) {
  const MQTTAsyncs* m = c->owner.paho;
  const ListElement* e;
  uint32_t count = 0;
  *bytes = 0;
  for (e = m ? m->responses->first : NULL; e; e = e->next) {
    const MQTTAsync_queuedCommand* command = e->content;
    const mqn_request* request = command->command.context;
    if (command->command.type != PUBLISH) continue;
    ++count;
    *bytes += request->bytes;
  }
  return count;
}

void mqn_end_put(mqn_client* c, int kind, int code, int reason_code, const void* properties, uint32_t properties_length, const char* text) {
  uint32_t bytes, count = kept(c, &bytes), length = (uint32_t)strlen(text);
  int32_t* record;
  if (c->env->gone) return;
  if (properties_length > c->env->o.messages_size / 8) properties_length = 0;    /* as in mqn_event_put() */
  if (!(record = mqn_event_begin(c->env, properties_length + length))) return;
  record[MQN_R_KIND] = kind | (int32_t)(count << 8);
  record[MQN_R_CLIENT] = c->number;
  record[MQN_R_TOPIC] = (int32_t)bytes;
  record[MQN_R_SLOT] = code;
  record[MQN_R_AUX] = reason_code;
  record[MQN_R_PROPERTIES] = (int32_t)properties_length;
  record[MQN_R_LENGTH] = (int32_t)length;
  if (properties_length) memcpy((char*)record + MQN_RECORD_HEADER, properties, properties_length);
  memcpy((char*)record + MQN_RECORD_HEADER + properties_length, text, length);
  mqn_event_commit(c->env, record);
}

void mqn_on_ended(mqn_client* c) {
  mqn_link_owner* o = &c->owner;
  int opening = c->state == MQN_CLIENT_OPENING;
  int code = c->state == MQN_CLIENT_CLOSING || c->end_code == MQN_ERR_CLOSED ? MQN_ERR_CLOSED : o->error ? o->error : MQN_ERR_CONNECTION_LOST;
  const char* text = code == MQN_ERR_CLOSED ? "closed by this side" : o->error_text;
  if (c->state == MQN_CLIENT_IDLE || c->state == MQN_CLIENT_DESTROYED) return;
  mqn_keep_alive_stop(c);
  c->end_code = code;
  /* requests inside Paho end with end_code */
  if (c->session && o->paho) mqn_port_end_link(o);
  else mqn_session_discard(c);
  mqn_port_acks_ended(o);
  mqn_outgoing_return(c, code);
  mqn_message_forget_aliases(c);
  c->holds = 0;
  c->state = MQN_CLIENT_IDLE;
  mqn_end_put(c, opening ? MQN_EVENT_OPEN_FAILED : MQN_EVENT_DISCONNECTED, code, o->reason_code, o->error_properties.data + o->error_properties.start,
              (uint32_t)mqn_buffer_length(&o->error_properties), text);
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
