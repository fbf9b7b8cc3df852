/* Clients: numbers, life, close. A number is given on the caller's thread, the client itself lives on the reactor's. */
#include <stdlib.h>
#include <string.h>
#include "core.h"
#include "MQTTAsync.h"

static mqn_client** by_key;      /* all clients of the process: Paho knows them by this number */
static int keys;

mqn_link_owner* mqn_core_find_owner(int key) { return key >= 0 && key < keys && by_key[key] ? &by_key[key]->owner : NULL; }
mqn_client* mqn_client_find(mqn_env* env, int32_t number) {
  return number >= 0 && number < env->clients_capacity ? env->clients[number] : NULL;
}

/* ---- numbers: any thread, under the lock ---- */
static int32_t take_number(mqn_env* env) {
  int32_t i, capacity;
  uint8_t* grown;
  for (i = 0; i < env->numbers_capacity; i++)
    if (!env->numbers[i]) break;
  if (i == env->numbers_capacity) {
    capacity = env->numbers_capacity ? env->numbers_capacity * 2 : 16;
    if (!(grown = realloc(env->numbers, (size_t)capacity))) return -1;
    memset(grown + env->numbers_capacity, 0, (size_t)(capacity - env->numbers_capacity));
    env->numbers = grown;
    env->numbers_capacity = capacity;
  }
  env->numbers[i] = 1;
  return i;
}
static void give_number(mqn_env* env, int32_t number) {
  mqn_reactor_lock();
  env->numbers[number] = 0;
  mqn_reactor_unlock();
}
static int known(mqn_env* env, int32_t number) {
  int yes;
  mqn_reactor_lock();
  yes = number >= 0 && number < env->numbers_capacity && env->numbers[number];
  mqn_reactor_unlock();
  return yes;
}
int mqn_client_check(mqn_env* env, int32_t number) { return env && known(env, number) ? MQN_OK : MQN_ERR_ARGUMENT; }

/* ---- create ---- */
typedef struct { mqn_command command; mqn_client* client; } create_command;

static int place_key(mqn_client* c) {
  int i, size;
  mqn_client** grown;
  for (i = 0; i < keys; i++) if (!by_key[i]) break;
  if (i == keys) {
    size = keys ? keys * 2 : 64;
    if (!(grown = realloc(by_key, sizeof *by_key * (size_t)size))) return -1;
    memset(grown + keys, 0, sizeof *by_key * (size_t)(size - keys));
    by_key = grown;
    keys = size;
  }
  by_key[i] = c;
  c->key = i;
  return 0;
}
static int place_number(mqn_env* env, mqn_client* c) {
  if (c->number >= env->clients_capacity) {
    int32_t capacity = env->clients_capacity ? env->clients_capacity : 16;
    mqn_client** grown;
    while (capacity <= c->number) capacity *= 2;
    if (!(grown = realloc(env->clients, sizeof *env->clients * (size_t)capacity))) return -1;
    memset(grown + env->clients_capacity, 0, sizeof *env->clients * (size_t)(capacity - env->clients_capacity));
    env->clients = grown;
    env->clients_capacity = capacity;
  }
  env->clients[c->number] = c;
  return 0;
}

static void run_create(mqn_command* command) {
  mqn_client* c = ((create_command*)command)->client;
  uv_timer_init(mqn_reactor_loop(), &c->timer);
  c->timer.data = c;
  if (place_key(c) != 0 || place_number(c->env, c) != 0) abort();   /* some hundred bytes: there is nothing left to report with */
  free(command);
}

int mqn_client_create(mqn_env* env, int32_t* number) {
  mqn_client* c = calloc(1, sizeof *c);
  create_command* create = calloc(1, sizeof *create);
  if (!env || !number || !c || !create) {
    free(c);
    free(create);
    return env && number ? MQN_ERR_NO_MEMORY : MQN_ERR_ARGUMENT;
  }
  mqn_reactor_lock();
  c->number = take_number(env);
  mqn_reactor_unlock();
  if (c->number < 0) {
    free(c);
    free(create);
    return MQN_ERR_NO_MEMORY;
  }
  c->env = env;
  c->key = -1;
  create->client = c;
  *number = c->number;
  mqn_command_post(&create->command, env, run_create);
  return MQN_OK;
}

/* ---- destroy ---- */
static void on_timer_closed(uv_handle_t* handle) { free(handle->data); }

void mqn_client_forget(mqn_client* c, int tell) {
  mqn_env* env = c->env;
  c->end_code = MQN_ERR_CLOSED;
  c->state = MQN_CLIENT_DESTROYED;
  mqn_port_abandon(&c->owner);
  mqn_port_destroy(&c->owner);
  mqn_outgoing_fail(c, MQN_ERR_CLOSED);
  mqn_message_forget_aliases(c);
  mqn_port_leftovers_forget(&c->owner);
  mqn_port_forget_acks(&c->owner);
  mqn_guard_free(&c->owner.guard);
  mqn_buffer_free(&c->owner.error_properties);
  if (c->owner.endpoint.tls) mqn_tls_context_release(c->owner.endpoint.tls);
  if (tell) {
    mqn_credit_tell(c);
    mqn_event_put(c, MQN_EVENT_DESTROYED, 0, 0, NULL, 0, NULL, 0);
  }
  mqn_reactor_forget(c);
  by_key[c->key] = NULL;
  env->clients[c->number] = NULL;
  give_number(env, c->number);
  free(c->host);
  free(c->server_name);
  uv_close((uv_handle_t*)&c->timer, on_timer_closed);
}

typedef struct { mqn_command command; int32_t number; } number_command;
static void run_destroy(mqn_command* command) {
  mqn_client* c = mqn_client_find(command->env, ((number_command*)command)->number);
  if (c) mqn_client_forget(c, 1);
  free(command);
}

int mqn_client_destroy(mqn_env* env, int32_t number) {
  number_command* destroy;
  if (mqn_client_check(env, number) != MQN_OK) return MQN_ERR_ARGUMENT;
  if (!(destroy = calloc(1, sizeof *destroy))) return MQN_ERR_NO_MEMORY;
  destroy->number = number;
  mqn_command_post(&destroy->command, env, run_destroy);
  return MQN_OK;
}

void mqn_clients_end(void) {
  free(by_key);
  by_key = NULL;
  keys = 0;
}
