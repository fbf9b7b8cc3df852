/* Requests inside Paho: one context each, from a pool, and Paho's four callbacks. An answer's reason codes and properties are read from the packet
 * itself, which the port still holds: Paho passes on only a part of them. */
#include <stdlib.h>
#include "core.h"
#include "MQTTAsync.h"

static mqn_request* pool;

mqn_request* mqn_request_new(mqn_client* client, int kind, int32_t slot, uint32_t bytes) {
  mqn_request* r = pool;
  if (r) pool = r->next;
  else if (!(r = malloc(sizeof *r))) return NULL;
  r->client = client;
  r->kind = kind;
  r->slot = slot;
  r->bytes = bytes;
  r->next = NULL;
  return r;
}
void mqn_request_free(mqn_request* r) {
  r->next = pool;
  pool = r;
}
void mqn_request_pool_free(void) {
  while (pool) {
    mqn_request* next = pool->next;
    free(pool);
    pool = next;
  }
}

static void publish_done(mqn_request* r, int code, const mqn_packet_view* answer) {
  mqn_client* c = r->client;
  --c->in_flight;
  mqn_outgoing_credit(c, r->bytes);
  mqn_reactor_pump(c);
  if (r->slot < 0) return;
  if (answer && answer->properties_length)
    mqn_event_put(c, MQN_EVENT_PUBLISHED, r->slot, code, answer->properties, answer->properties_length, NULL, 0);
  else
    mqn_completion_put(c->env, c->number, r->slot, code, 0);
}

/* Paho has written it into the connection's buffer; it is done when the kernel has it. */
static void publish_0_written(mqn_request* r) {
  mqn_client* c = r->client;
  r->offset = mqn_port_written(&c->owner);
  r->next = NULL;
  if (c->flushing_first) c->flushing_last->next = r; else c->flushing_first = r;
  c->flushing_last = r;
  mqn_reactor_flushing(c);
}

static void subscribe_done(mqn_request* r, int code, const mqn_packet_view* answer) {
  int kind = r->kind == MQN_REQUEST_SUBSCRIBE ? MQN_EVENT_SUBSCRIBED : MQN_EVENT_UNSUBSCRIBED;
  if (answer)
    mqn_event_put(r->client, kind, r->slot, 0, answer->properties, answer->properties_length, answer->payload, answer->payload_length);
  else
    mqn_event_put(r->client, kind, r->slot, code, NULL, 0, NULL, 0);
}

static const mqn_packet_view* answer_to(const mqn_request* r) {
  const mqn_packet_view* view = mqn_port_current_packet(&r->client->owner);
  if (!view) return NULL;
  switch (r->kind) {
    case MQN_REQUEST_PUBLISH: return view->type == 4 || view->type == 5 || view->type == 7 ? view : NULL;
    case MQN_REQUEST_SUBSCRIBE: return view->type == 9 ? view : NULL;
    case MQN_REQUEST_UNSUBSCRIBE: return view->type == 11 ? view : NULL;
    default: return NULL;
  }
}

/* Paho drops requests while it closes the link: what closed it is known to the port by then. */
static int end_code(const mqn_client* c, int ok) {
  return ok ? MQN_OK : c->end_code ? c->end_code : c->owner.error ? c->owner.error : MQN_ERR_CONNECTION_LOST;
}

static void done(mqn_request* r, int ok) {
  const mqn_packet_view* answer = r->client->end_code ? NULL : answer_to(r);
  if (r->kind == MQN_REQUEST_PUBLISH_0) {
    if (ok) {
      publish_0_written(r);
      return;
    }
    if (r->slot >= 0) mqn_completion_put(r->client->env, r->client->number, r->slot, end_code(r->client, 0), 0);
  } else if (r->kind == MQN_REQUEST_PUBLISH) {
    publish_done(r, answer ? answer->reason_code : end_code(r->client, ok), answer);
  } else {
    subscribe_done(r, end_code(r->client, ok), answer);
  }
  mqn_request_free(r);
}

static void on_success(void* context, MQTTAsync_successData* data) { (void)data; done(context, 1); }
static void on_failure(void* context, MQTTAsync_failureData* data) { (void)data; done(context, 0); }
static void on_success5(void* context, MQTTAsync_successData5* data) { (void)data; done(context, 1); }
static void on_failure5(void* context, MQTTAsync_failureData5* data) { (void)data; done(context, 0); }

void mqn_request_callbacks(mqn_client* client, void* response_options, mqn_request* request) {
  MQTTAsync_responseOptions* o = response_options;
  o->context = request;
  o->struct_version = 1;
  if (client->owner.version == 5) {
    o->onSuccess5 = on_success5;
    o->onFailure5 = on_failure5;
  } else {
    o->onSuccess = on_success;
    o->onFailure = on_failure;
  }
}
