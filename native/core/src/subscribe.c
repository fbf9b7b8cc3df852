/* SUBSCRIBE and UNSUBSCRIBE: rare, so as commands. */
#include <stdlib.h>
#include <string.h>
#include "core.h"
#include "MQTTAsync.h"
#include "MQTTAsyncUtils.h"

typedef struct {
  mqn_command command;
  int32_t number, slot;
  int unsubscribe;
  uint32_t count, properties_length;
  char** filters;
  uint8_t* options;
  uint8_t* properties;
} subscribe_command;

static void free_command(subscribe_command* k) {
  uint32_t i;
  for (i = 0; k->filters && i < k->count; i++) free(k->filters[i]);
  free(k->filters);
  free(k->options);
  free(k->properties);
  free(k);
}

static int subscribe(mqn_client* c, subscribe_command* k, MQTTAsync_responseOptions* response) {
  int* qos = malloc(sizeof *qos * k->count);
  MQTTSubscribe_options* options = malloc(sizeof *options * k->count);
  MQTTSubscribe_options initial = MQTTSubscribe_options_initializer;
  uint32_t i;
  int code = -1;
  for (i = 0; qos && options && i < k->count; i++) {
    qos[i] = k->options[i] & 3;
    options[i] = initial;
    options[i].noLocal = k->options[i] >> 2 & 1;
    options[i].retainAsPublished = k->options[i] >> 3 & 1;
    options[i].retainHandling = k->options[i] >> 4 & 3;
  }
  if (qos && options) {
    if (c->owner.version == 5) {
      response->subscribeOptions = options[0];
      response->subscribeOptionsCount = (int)k->count;
      response->subscribeOptionsList = options;
    }
    mqn_port_expect_identifier(MQN_ID_SUBSCRIBE, k->count);
    code = MQTTAsync_subscribeMany(c->owner.paho, (int)k->count, k->filters, qos, response);
  }
  free(qos);
  free(options);
  return code;
}

static void run(mqn_command* command) {
  subscribe_command* k = (subscribe_command*)command;
  mqn_client* c = mqn_client_find(command->env, k->number);
  int kind = k->unsubscribe ? MQN_REQUEST_UNSUBSCRIBE : MQN_REQUEST_SUBSCRIBE;
  MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
  mqn_request* request = NULL;
  int code = MQN_OK;
  if (!c) {
    free_command(k);
    return;
  }
  if (c->state != MQN_CLIENT_CONNECTED || !c->owner.link) code = MQN_ERR_CONNECTION_LOST;
  else if (k->properties_length && c->owner.version == 5)
    code = mqn_port_read_properties(k->properties, k->properties_length, (struct MQTTProperties*)&response.properties);
  if (code == MQN_OK && !(request = mqn_request_new(c, kind, k->slot, 0))) code = MQN_ERR_NO_MEMORY;
  if (code == MQN_OK) {
    mqn_request_callbacks(c, &response, request);
    /* Paho lowers this to the server's Receive Maximum and then holds SUBSCRIBE back, too; only publishes count (4.9) */
    ((MQTTAsyncs*)c->owner.paho)->c->maxInflightMessages = 65535;
    if (k->unsubscribe) {
      mqn_port_expect_identifier(MQN_ID_UNSUBSCRIBE, k->count);
      code = MQTTAsync_unsubscribeMany(c->owner.paho, (int)k->count, k->filters, &response);
    } else {
      code = subscribe(c, k, &response);
    }
    if (code != MQN_OK) {
      mqn_request_free(request);
      code = MQN_ERR_ARGUMENT;
    }
  }
  MQTTProperties_free(&response.properties);
  if (code != MQN_OK) mqn_event_put(c, k->unsubscribe ? MQN_EVENT_UNSUBSCRIBED : MQN_EVENT_SUBSCRIBED, k->slot, code, NULL, 0, NULL, 0);
  free_command(k);
}

static int post(mqn_env* env, int32_t number, int32_t slot, int unsubscribe, uint32_t count, const char* const* filters, const uint8_t* options,
                const void* properties, uint32_t properties_length) {
  subscribe_command* k;
  uint32_t i;
  int complete;
  if (mqn_client_check(env, number) != MQN_OK || count == 0 || !filters) return MQN_ERR_ARGUMENT;
  if (count > env->o.messages_size / 8) return MQN_ERR_ARGUMENT;   /* the answer must fit into the ring */
  if (!(k = calloc(1, sizeof *k))) return MQN_ERR_NO_MEMORY;
  k->number = number;
  k->slot = slot;
  k->unsubscribe = unsubscribe;
  k->count = count;
  k->filters = calloc(count, sizeof *k->filters);
  k->options = calloc(count, 1);
  k->properties = malloc(properties_length + 1);
  complete = k->filters && k->options && k->properties;
  for (i = 0; complete && i < count; i++) {
    if (!(k->filters[i] = malloc(strlen(filters[i]) + 1))) complete = 0;
    else strcpy(k->filters[i], filters[i]);
  }
  if (!complete) {
    free_command(k);
    return MQN_ERR_NO_MEMORY;
  }
  if (options) memcpy(k->options, options, count);
  if (properties_length) memcpy(k->properties, properties, properties_length);
  k->properties_length = properties_length;
  mqn_command_post(&k->command, env, run);
  return MQN_OK;
}

int mqn_client_subscribe(mqn_env* env, int32_t client, int32_t slot, uint32_t count, const char* const* filters, const uint8_t* options,
                         const void* properties, uint32_t properties_length) {
  return options ? post(env, client, slot, 0, count, filters, options, properties, properties_length) : MQN_ERR_ARGUMENT;
}
int mqn_client_unsubscribe(mqn_env* env, int32_t client, int32_t slot, uint32_t count, const char* const* filters, const void* properties,
                           uint32_t properties_length) {
  return post(env, client, slot, 1, count, filters, NULL, properties, properties_length);
}
