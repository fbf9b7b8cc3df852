#include "rig.h"
#include "check.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

double rig_now(void) { return (double)uv_hrtime() / 1e9; }

static void on_notify(void* user) { uv_sem_post(&((rig*)user)->notified); }

void rig_start(rig* r, const mqn_env_options* options) {
  mqn_env_options o;
  int code;
  memset(r, 0, sizeof *r);
  memset(&o, 0, sizeof o);
  if (options) o = *options;
  o.struct_size = sizeof o;
  o.notify = on_notify;
  o.user = r;
  uv_sem_init(&r->notified, 0);
  code = mqn_env_create(&o, &r->env);
  assert(code == MQN_OK);
  (void)code;
}
void rig_stop(rig* r) {
  size_t i;
  mqn_env_destroy(r->env);
  uv_sem_destroy(&r->notified);
  for (i = 0; i < sizeof r->clients / sizeof *r->clients; i++) free(r->clients[i]);
}

rig_client* rig_add(rig* r) {
  rig_client* c = calloc(1, sizeof *c);
  int code;
  assert(c);
  c->rig = r;
  c->auto_ack = 1;
  code = mqn_client_create(r->env, &c->number);
  assert(code == MQN_OK);
  (void)code;
  free(r->clients[c->number]);
  r->clients[c->number] = c;
  return c;
}

mqn_open_options rig_options(int port, int version, const char* client_id) {
  mqn_open_options o;
  memset(&o, 0, sizeof o);
  o.struct_size = sizeof o;
  o.host = "127.0.0.1";
  o.port = (uint16_t)port;
  o.protocol_version = (uint8_t)version;
  o.clean_start = 1;
  o.keep_alive = 60;
  o.client_id = client_id;
  return o;
}

static void on_message(rig_client* c, const mqn_event* e) {
  uint32_t i;
  if (c->check_order) {
    char number[16];
    snprintf(number, sizeof number, "%010u", (unsigned)c->messages);
    if (e->payload_length < 10 || memcmp(e->payload, number, 10) != 0) ++c->disorder;
  }
  for (i = 10; c->check_fill && i < e->payload_length; i++)
    if (e->payload[i] != (uint8_t)(i * 31)) {
      ++c->disorder;
      break;
    }
  ++c->messages;
  c->bytes += e->payload_length;
  c->last_qos = e->qos;
  c->last_retain = e->retain;
  c->last_length = e->payload_length;
  c->last_properties = e->properties_length;
  memcpy(c->last_property_bytes, e->properties, e->properties_length < 256 ? e->properties_length : 256);
  snprintf(c->last_topic, sizeof c->last_topic, "%.*s", (int)(e->topic_length < 63 ? e->topic_length : 63), e->topic);
  if (e->qos) ++c->to_ack;
}

static void on_unsent(rig_client* c, const mqn_event* e) {
  if (c->unsent < (int)(sizeof c->back / sizeof *c->back)) {
    snprintf(c->back[c->unsent].topic, sizeof c->back->topic, "%.*s", (int)e->topic_length, e->topic);
    snprintf(c->back[c->unsent].payload, sizeof c->back->payload, "%.*s", (int)(e->payload_length < 15 ? e->payload_length : 15), e->payload);
    c->back[c->unsent].length = e->payload_length;
    c->back[c->unsent].properties = e->properties_length;
    if (e->properties_length == 5) c->back[c->unsent].expiry = (uint32_t)e->properties[3] << 8 | e->properties[4];
    c->back[c->unsent].qos = e->qos;
    c->back[c->unsent].slot = e->slot;
  }
  ++c->unsent;
}

static void on_event(void* user, const mqn_event* e) {
  rig* r = user;
  rig_client* c = e->client >= 0 ? r->clients[e->client] : NULL;
  if (!c) {
    ++r->dropped_events;
    return;
  }
  switch (e->kind) {
    case -1: c->credits += e->code; break;
    case 0:
      ++c->done;
      c->last_code = e->code;
      if (e->code) ++c->failed;
      break;
    case MQN_EVENT_PUBLISHED:
      ++c->done;
      c->last_code = e->code;
      if (e->code) ++c->failed;
      break;
    case MQN_EVENT_CONNECTED:
      ++c->connected;
      c->credits_at_connect = c->credits;
      c->session_present = e->slot;
      c->last_properties = e->properties_length;
      break;
    case MQN_EVENT_OPEN_FAILED:
    case MQN_EVENT_DISCONNECTED:
      if (e->kind == MQN_EVENT_OPEN_FAILED) ++c->open_failed; else ++c->disconnected;
      c->code = e->slot;
      c->reason_code = e->code;
      c->kept = (int)e->kept_messages;
      snprintf(c->text, sizeof c->text, "%.*s", (int)(e->payload_length < 511 ? e->payload_length : 511), e->payload);
      break;
    case MQN_EVENT_SUBSCRIBED:
      ++c->subscribed;
      c->subscribe_code = e->code ? e->code : e->payload_length ? e->payload[0] : -1;
      break;
    case MQN_EVENT_UNSUBSCRIBED: ++c->unsubscribed; break;
    case MQN_EVENT_MESSAGE:
    case MQN_EVENT_MESSAGE_LARGE: on_message(c, e); break;
    case MQN_EVENT_UNSENT: on_unsent(c, e); break;
    case MQN_EVENT_DESTROYED: ++c->destroyed; break;
    default: break;
  }
}

/* handlers hand out "message" for both kinds of record */
void rig_drain(rig* r) {
  size_t i;
  mqn_env_drain(r->env, on_event, r, 0);
  for (i = 0; i < sizeof r->clients / sizeof *r->clients; i++) {
    rig_client* c = r->clients[i];
    if (c && c->auto_ack && c->to_ack && mqn_ack(r->env, c->number, c->to_ack, 0) == MQN_OK) c->to_ack = 0;
  }
}

static void nap(void) {
  uv_sleep(1);
}
int rig_wait(rig* r, const int* value, int least, double seconds) {
  double until = rig_now() + seconds;
  for (;;) {
    rig_drain(r);
    if (*value >= least) return 1;
    if (rig_now() > until) return 0;
    nap();
  }
}
int rig_wait_messages(rig* r, const rig_client* c, uint64_t least, double seconds) {
  double until = rig_now() + seconds;
  for (;;) {
    rig_drain(r);
    if (c->messages >= least) return 1;
    if (rig_now() > until) return 0;
    nap();
  }
}
void rig_run(rig* r, double seconds) {
  double until = rig_now() + seconds;
  while (rig_now() < until) {
    rig_drain(r);
    nap();
  }
}

int rig_connect(rig_client* c, const mqn_open_options* options) {
  int before = c->connected, ended = c->open_failed;
  double until = rig_now() + 20;
  if (mqn_client_open(c->rig->env, c->number, options) != MQN_OK) return 0;
  while (c->connected == before && c->open_failed == ended && rig_now() < until) {
    rig_drain(c->rig);
    if (c->connected == before && c->open_failed == ended) nap();
  }
  return c->connected > before;
}

int rig_subscribe(rig_client* c, const char* filter, int qos) {
  int before = c->subscribed;
  uint8_t options = (uint8_t)qos;
  if (mqn_client_subscribe(c->rig->env, c->number, 1, 1, &filter, &options, NULL, 0) != MQN_OK) return 0;
  return rig_wait(c->rig, &c->subscribed, before + 1, 10);
}

void rig_publish(rig_client* c, const char* topic, const void* payload, size_t length, int qos, int retain) {
  mqn_publish_options o;
  int code;
  memset(&o, 0, sizeof o);
  o.struct_size = sizeof o;
  o.qos = (uint8_t)qos;
  o.retain = (uint8_t)retain;
  while ((code = mqn_publish(c->rig->env, c->number, topic, payload, length, &o)) == MQN_ERR_FULL) {
    rig_drain(c->rig);
    nap();
  }
  assert(code == MQN_OK);
}

void rig_large_round_trips(rig_client* c) {
  size_t length = 50u << 20, i;
  char* payload = malloc(length);
  int qos;
  if (!payload) abort();
  for (i = 0; i < length; i++) payload[i] = (char)(i * 31);
  CHECK(rig_subscribe(c, "big", 2), "%s", c->text);
  c->check_order = c->check_fill = 1;
  for (qos = 0; qos <= 2; qos++) {
    char number[16];
    snprintf(number, sizeof number, "%010d", qos);
    memcpy(payload, number, 10);
    rig_publish(c, "big", payload, length, qos, 0);
    CHECK(rig_wait_messages(c->rig, c, (uint64_t)qos + 1, 60) && rig_wait(c->rig, &c->done, qos + 1, 30), "qos %d: messages %d done %d", qos, (int)c->messages,
          c->done);
    CHECK(c->last_length == length && c->disorder == 0 && c->failed == 0, "qos %d length %u disorder %d", qos, c->last_length, (int)c->disorder);
  }
  free(payload);
}
