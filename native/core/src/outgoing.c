/* Publishes on their way out: straight to Paho when the window and the connection have room and nothing waits, else through the client's queue:
 * order is kept over all QoS levels. The window is at most 100: Paho's own lists are searched linearly. */
#include <stdlib.h>
#include <string.h>
#include "core.h"
#include "MQTTAsync.h"

/* 3.1.1 has no Receive Maximum, and Mosquitto, whose max_inflight_messages is 20 unless set otherwise, acknowledges QoS 2 messages beyond that and forgets
 * them (2.0.11). lib/engine/js/window.ts has the same number. */
#define WINDOW_OF_QOS_2_IN_4 20
#define PUMP_BUDGET 512      /* messages of one client in a turn, before acknowledgements are looked at again */

void mqn_outgoing_credit(mqn_client* c, uint32_t bytes) {
  ++c->credit_messages;
  c->credit_bytes += bytes;
  mqn_reactor_touch(c);
}

static void refuse(mqn_client* c, int32_t slot, uint32_t bytes, int code) {
  mqn_outgoing_credit(c, bytes);
  if (slot >= 0) mqn_completion_put(c->env, c->number, slot, code, 0);
}

/* the packet's size on the wire, header included (2.1.4) */
static uint64_t packet_size(const mqn_client* c, uint32_t topic, uint32_t properties, uint32_t payload, int qos) {
  uint64_t rest = 2 + (uint64_t)topic + (qos ? 2 : 0) + payload;
  if (c->owner.version == 5) rest += (properties < 128 ? 1u : properties < 16384 ? 2u : properties < 2097152 ? 3u : 4u) + properties;
  return rest + (rest < 128 ? 2u : rest < 16384 ? 3u : rest < 2097152 ? 4u : 5u);
}

static int room(mqn_client* c, int qos) {
  uint32_t window = qos == 2 && c->owner.version == 4 && c->window > WINDOW_OF_QOS_2_IN_4 ? WINDOW_OF_QOS_2_IN_4 : c->window;
  return (qos == 0 || c->in_flight < window) && !c->owner.resend && mqn_port_can_write(&c->owner) && (qos < 2 || mqn_port_can_publish_2(&c->owner));
}

/* hands one to Paho and lets Paho write it: its list of commands never holds more than one. A large block that Paho has taken is not the caller's any
 * more: p->large is NULL then */
static void send_now(mqn_client* c, const char* topic, uint32_t topic_length, mqn_publication* p) {
  MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
  MQTTAsync_responseOptions* options = NULL;
  mqn_request* request = NULL;
  uint64_t size = packet_size(c, topic_length, p->properties_length, p->length, p->qos);
  uint32_t copied = p->large && p->payload == p->large ? 0 : p->length;
  int code = MQN_OK;
  if (size > 268435460u || (c->owner.server_maximum_packet && size > c->owner.server_maximum_packet)) {
    refuse(c, p->slot, p->bytes, MQN_ERR_PACKET_TOO_LARGE);
    return;
  }
  if (p->properties_length && c->owner.version == 5) code = mqn_port_read_properties(p->properties, p->properties_length, (struct MQTTProperties*)&response.properties);
  if (code == MQN_OK && (p->qos || p->slot >= 0 || p->properties_length)) {
    if (!(request = mqn_request_new(c, p->qos ? MQN_REQUEST_PUBLISH : MQN_REQUEST_PUBLISH_0, p->slot, p->bytes))) code = MQN_ERR_NO_MEMORY;
    else mqn_request_callbacks(c, options = &response, request);
  }
  if (code == MQN_OK) {
    if (p->qos) ++c->in_flight;
    mqn_port_expect_identifier(p->qos == 1 ? MQN_ID_PUBLISH_1 : MQN_ID_PUBLISH_2, 0);
    mqn_port_prime(&c->owner);
    if (MQTTAsync_send(c->owner.paho, topic, (int)copied, p->payload, p->qos, p->retain, options) != MQTTASYNC_SUCCESS) {
      if (p->qos) --c->in_flight;
      if (request) mqn_request_free(request);
      code = MQN_ERR_NO_MEMORY;
    } else if (copied != p->length) {
      mqn_port_give_payload(p->large, p->length);
      p->large = NULL;
    }
  }
  if (response.properties.count) MQTTProperties_free(&response.properties);
  if (code != MQN_OK) {
    refuse(c, p->slot, p->bytes, code);
    return;
  }
  if (p->qos == 0) mqn_outgoing_credit(c, p->bytes);
  mqn_port_step_send();
}

static void enqueue(mqn_client* c, const mqn_publication* p) {
  /* what lies in the large block stays there: its payload, and properties when they stand in front of it */
  uint32_t payload = p->large ? 0 : p->length, properties = p->properties == p->large ? 0 : p->properties_length;
  mqn_outgoing* q = mqn_memory_new(sizeof *q + properties + payload);
  uint8_t* body = (uint8_t*)(q + 1);
  if (!q) {
    mqn_payload_free(p->large);
    refuse(c, p->slot, p->bytes, MQN_ERR_NO_MEMORY);
    return;
  }
  q->next = NULL;
  q->topic = p->topic;
  ++q->topic->references;
  q->slot = p->slot;
  q->bytes = p->bytes;
  q->since = mqn_port_now_ms();
  q->qos = p->qos;
  q->retain = p->retain;
  q->properties = properties ? body : p->large;
  q->properties_length = p->properties_length;
  if (properties) memcpy(body, p->properties, properties);
  q->large = p->large;
  q->length = p->length;
  q->payload = p->large ? p->payload : body + properties;
  if (payload) memcpy(body + properties, p->payload, payload);
  if (c->queue_first) c->queue_last->next = q; else c->queue_first = q;
  c->queue_last = q;
  mqn_reactor_pump(c);
}

/* There is no connection to send it on: it is the binding's again, with its slot and its share of the account. */
static void give_back(mqn_client* c, const mqn_publication* p) {
  mqn_message m;
  memset(&m, 0, sizeof m);
  m.topic = p->topic->text;
  m.topic_length = p->topic->length;
  m.qos = p->qos;
  m.retain = p->retain;
  m.slot = p->slot;
  m.properties = p->properties;
  m.properties_length = p->properties_length;
  m.payload = p->payload;
  m.length = p->length;
  m.owned = p->large;
  m.owned_properties = p->large && p->properties_length && p->properties == p->large;
  if (mqn_record_put(c, MQN_EVENT_UNSENT, &m) != 0) refuse(c, p->slot, p->bytes, MQN_ERR_NO_MEMORY);
  mqn_payload_free(m.owned);
}

void mqn_outgoing_publish(mqn_client* c, mqn_publication* p) {
  if (c->state != MQN_CLIENT_CONNECTED || c->end_code) {
    give_back(c, p);
  } else if (!c->queue_first && room(c, p->qos)) {
    send_now(c, p->topic->text, p->topic->length, p);
    mqn_payload_free(p->large);
  } else {
    enqueue(c, p);
  }
}

static void free_outgoing(mqn_outgoing* q) {
  mqn_topic_release(q->topic);
  mqn_payload_free(q->large);
  mqn_memory_free(q);
}

static mqn_publication publication_of(const mqn_outgoing* q) {
  mqn_publication p;
  p.topic = q->topic;
  p.slot = q->slot;
  p.bytes = q->bytes;
  p.qos = q->qos;
  p.retain = q->retain;
  p.properties = q->properties;
  p.properties_length = q->properties_length;
  p.payload = q->payload;
  p.length = q->length;
  p.large = q->large;
  return p;
}

/* The seconds it has waited are taken off its Message Expiry Interval, as a server does with what it keeps (3.3.2.3.3). 0: none are left */
static int has_time_left(mqn_client* c, mqn_outgoing* q) {
  uint64_t waited = (mqn_port_now_ms() - q->since) / 1000;
  uint32_t place, length, i;
  uint64_t left = 0;
  if (waited == 0 || c->owner.version != 5 || q->properties_length == 0) return 1;
  if (!(place = mqn_property_place(q->properties, q->properties_length, 2, &length))) return 1;
  for (i = 0; i < 4; i++) left = left << 8 | q->properties[place + i];
  if (left <= waited) return 0;
  left -= waited;
  for (i = 0; i < 4; i++) q->properties[place + i] = (uint8_t)(left >> (24 - 8 * i));
  q->since += waited * 1000;
  return 1;
}

/* What the session still owes the server comes first, and no more of it than the server takes at a time: it may have another Receive Maximum than the one
 * that took them (4.9). A PUBREL that is not answered yet counts as its PUBLISH did. */
static void resend(mqn_client* c) {
  uint32_t out = c->in_flight - c->owner.resend;
  mqn_port_prime(&c->owner);
  c->end_code = MQN_ERR_PACKET_TOO_LARGE;      /* the only thing that ends a request here */
  mqn_port_resend(&c->owner, c->window > out ? c->window - out : 0);
  c->end_code = 0;
}

int mqn_outgoing_pump(mqn_client* c) {
  int budget = PUMP_BUDGET;
  if (c->state != MQN_CLIENT_CONNECTED) return 0;
  if (c->owner.resend) resend(c);
  while (c->queue_first && room(c, c->queue_first->qos)) {
    mqn_outgoing* q = c->queue_first;
    mqn_publication p = publication_of(q);
    if (budget-- == 0) return 1;
    c->queue_first = q->next;
    if (has_time_left(c, q)) send_now(c, q->topic->text, q->topic->length, &p);
    else refuse(c, q->slot, q->bytes, MQN_ERR_EXPIRED);
    q->large = p.large;
    free_outgoing(q);
  }
  return 0;
}

void mqn_outgoing_resume(mqn_client* c) {
  mqn_port_resend_begin(&c->owner);
  resend(c);
}

void mqn_outgoing_flushed(mqn_client* c) {
  uint64_t flushed = mqn_port_flushed(&c->owner);
  while (c->flushing_first && c->flushing_first->offset <= flushed) {
    mqn_request* r = c->flushing_first;
    c->flushing_first = r->next;
    if (r->slot >= 0) mqn_completion_put(c->env, c->number, r->slot, MQN_OK, 0);
    mqn_request_free(r);
  }
  if (c->flushing_first) mqn_reactor_flushing(c);
}

static void fail_flushing(mqn_client* c, int code) {
  while (c->flushing_first) {
    mqn_request* r = c->flushing_first;
    c->flushing_first = r->next;
    if (r->slot >= 0) mqn_completion_put(c->env, c->number, r->slot, code, 0);
    mqn_request_free(r);
  }
}

void mqn_outgoing_fail(mqn_client* c, int code) {
  fail_flushing(c, code);
  while (c->queue_first) {
    mqn_outgoing* q = c->queue_first;
    c->queue_first = q->next;
    refuse(c, q->slot, q->bytes, code);
    free_outgoing(q);
  }
}

void mqn_outgoing_return(mqn_client* c, int code) {
  fail_flushing(c, code);
  while (c->queue_first) {
    mqn_outgoing* q = c->queue_first;
    mqn_publication p = publication_of(q);
    c->queue_first = q->next;
    q->large = NULL;
    if (has_time_left(c, q)) {
      give_back(c, &p);
    } else {
      refuse(c, q->slot, q->bytes, MQN_ERR_EXPIRED);
      mqn_payload_free(p.large);
    }
    free_outgoing(q);
  }
}
