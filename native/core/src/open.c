/* One attempt to connect: the caller's options are copied, a Paho handle is made for them, or the one that holds the session is taken again, Paho writes
 * CONNECT, and the transport brings it to the server once TCP and TLS are up. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core.h"
#include "MQTTAsync.h"

#define DEFAULT_TIMEOUT 10000
#define MAXIMUM_WINDOW 100      /* Paho searches its lists linearly: measured, beyond this it gets slower */

typedef struct {
  mqn_command command;
  int32_t number;
  mqn_open_options o;            /* pointers are into this block's copies */
  mqn_tls_options tls;
  char* copies[16];
  int copied;
  int failed;
} open_command;

static const void* copy(open_command* k, const void* data, size_t length) {
  char* text;
  if (!data) return NULL;
  if (!(text = malloc(length + 1))) {
    k->failed = 1;
    return NULL;
  }
  memcpy(text, data, length);
  text[length] = 0;
  k->copies[k->copied++] = text;
  return text;
}
static const char* copy_text(open_command* k, const char* text) { return copy(k, text, text ? strlen(text) : 0); }

/* secrets do not stay in freed memory */
static void free_command(open_command* k) {
  int i;
  if (k->o.password) memset((void*)(uintptr_t)k->o.password, 0, k->o.password_length);
  if (k->tls.key) memset((void*)(uintptr_t)k->tls.key, 0, k->tls.key_length);
  if (k->tls.passphrase) memset((void*)(uintptr_t)k->tls.passphrase, 0, strlen(k->tls.passphrase));
  for (i = 0; i < k->copied; i++) free(k->copies[i]);
  free(k);
}

static void copy_tls(open_command* k, const mqn_tls_options* tls) {
  memcpy(&k->tls, tls, tls->struct_size < sizeof k->tls ? tls->struct_size : sizeof k->tls);
  k->tls.ca = copy(k, tls->ca, tls->ca_length);
  k->tls.cert = copy(k, tls->cert, tls->cert_length);
  k->tls.key = copy(k, tls->key, tls->key_length);
  k->tls.passphrase = copy_text(k, tls->passphrase);
  k->tls.server_name = copy_text(k, tls->server_name);
  k->tls.ciphers = copy_text(k, tls->ciphers);
  k->tls.alpn = copy_text(k, tls->alpn);
  k->o.tls = &k->tls;
}

static void copy_options(open_command* k, const mqn_open_options* o) {
  k->o.host = copy_text(k, o->host);
  k->o.client_id = copy_text(k, o->client_id ? o->client_id : "");
  k->o.user_name = copy_text(k, o->user_name);
  k->o.password = copy(k, o->password, o->password_length);
  k->o.properties = copy(k, o->properties, o->properties_length);
  k->o.will_topic = copy_text(k, o->will_topic);
  k->o.will_payload = copy(k, o->will_payload, o->will_payload_length);
  k->o.will_properties = copy(k, o->will_properties, o->will_properties_length);
  if (o->tls) copy_tls(k, o->tls);
}

/* ---- reactor thread ---- */
static void fail(mqn_client* c, int code, const char* text) {
  mqn_end_put(c, MQN_EVENT_OPEN_FAILED, code, 0, NULL, 0, text);
}

static void on_connect_timeout(uv_timer_t* timer) {
  mqn_client* c = timer->data;
  mqn_port_fail(&c->owner, MQN_ERR_TIMEOUT, 0, "the server sent no CONNACK within the connect timeout");
}

static void on_success(void* context, MQTTAsync_successData* data) { mqn_on_connected(context, data->alt.connect.sessionPresent); }
static void on_success5(void* context, MQTTAsync_successData5* data) { mqn_on_connected(context, data->alt.connect.sessionPresent); }
/* Whatever ends an attempt closes its link, which tells us; this is for an attempt that never had one. */
static void on_failure(void* context, MQTTAsync_failureData* data) { (void)data; mqn_reactor_ending(context); }
static void on_failure5(void* context, MQTTAsync_failureData5* data) { (void)data; mqn_reactor_ending(context); }
static void on_lost(void* context, char* cause) { (void)context; (void)cause; }

static int on_message(void* context, char* topic, int length, MQTTAsync_message* message) { return mqn_on_message(context, topic, length, message); }

static int make_handle(mqn_client* c, const mqn_open_options* o) {
  MQTTAsync_createOptions create = MQTTAsync_createOptions_initializer5;
  char uri[32];
  snprintf(uri, sizeof uri, "tcp://%d:1", c->key);
  create.MQTTVersion = o->protocol_version;
  create.maxBufferedMessages = 65535;
  create.sendWhileDisconnected = 0;
  if (MQTTAsync_createWithOptions((MQTTAsync*)&c->owner.paho, uri, o->client_id, MQTTCLIENT_PERSISTENCE_NONE, NULL, &create) != MQTTASYNC_SUCCESS) return -1;
  mqn_port_created(&c->owner);
  MQTTAsync_setCallbacks(c->owner.paho, c, on_lost, on_message, NULL);
  return 0;
}

static uint32_t default_if(uint32_t value, uint32_t otherwise) { return value ? value : otherwise; }

static void prepare(mqn_client* c, const mqn_open_options* o) {
  mqn_guard_limits limits;
  int found = 0;
  c->owner.version = o->protocol_version;
  c->end_code = 0;
  c->window = (uint16_t)(o->window && o->window < MAXIMUM_WINDOW ? o->window : MAXIMUM_WINDOW);
  c->receive_maximum = (uint16_t)default_if(o->receive_maximum, 65535);
  c->owner.server_maximum_packet = 0;
  c->keep_alive_ms = (uint32_t)o->keep_alive * 1000;
  c->inbox_messages = default_if(o->inbox_messages, 16384);
  c->inbox_bytes = default_if(o->inbox_bytes, 3u << 19);
  c->alias_maximum = o->protocol_version == 5 ? o->topic_alias_maximum : 0;
  c->alias_out_maximum = o->protocol_version == 5 ? o->outgoing_aliases : 0;
  c->session_expiry = o->protocol_version == 5 ? mqn_property_number(o->properties, o->properties_length, 17, &found) : !o->clean_start;
  c->unread_messages = c->unread_bytes = 0;
  c->holds = 0;
  memset(&limits, 0, sizeof limits);
  limits.version = o->protocol_version;
  limits.clean_start = o->clean_start;
  limits.maximum_packet_size = o->maximum_packet_size;
  limits.receive_maximum = c->receive_maximum;
  limits.topic_alias_maximum = c->alias_maximum;
  limits.request_problem_information = (uint8_t)mqn_property_number(o->properties, o->properties_length, 23, &found);
  if (!found) limits.request_problem_information = 1;
  /* what the server keeps of an earlier process's session is not known here; only with Clean Start there can be none (3.2.2-4) */
  limits.session = !o->clean_start;
  mqn_guard_start(&c->owner.guard, &limits);
}

static int send_connect(mqn_client* c, const mqn_open_options* o) {
  MQTTAsync_connectOptions v4 = MQTTAsync_connectOptions_initializer, v5 = MQTTAsync_connectOptions_initializer5;
  MQTTAsync_connectOptions* k = o->protocol_version == 5 ? &v5 : &v4;
  MQTTAsync_willOptions will = MQTTAsync_willOptions_initializer;
  MQTTProperties properties = MQTTProperties_initializer, will_properties = MQTTProperties_initializer;
  int code = MQN_OK;
  k->keepAliveInterval = o->keep_alive;
  k->connectTimeout = 1000000;         /* seconds: ours is a timer of its own */
  k->maxInflight = 65535;              /* the window is ours, too */
  k->username = o->user_name;
  k->binarypwd.data = o->password;
  k->binarypwd.len = (int)o->password_length;
  k->context = c;
  k->MQTTVersion = o->protocol_version;
  if (o->protocol_version == 5) {
    k->cleansession = 0;
    k->cleanstart = o->clean_start;
    k->onSuccess5 = on_success5;
    k->onFailure5 = on_failure5;
    code = mqn_port_read_properties(o->properties, o->properties_length, (struct MQTTProperties*)&properties);
    if (code == MQN_OK) code = mqn_port_read_properties(o->will_properties, o->will_properties_length, (struct MQTTProperties*)&will_properties);
    k->connectProperties = &properties;
    if (o->will_topic) k->willProperties = &will_properties;
  } else {
    k->cleansession = o->clean_start;
    k->onSuccess = on_success;
    k->onFailure = on_failure;
  }
  if (o->will_topic) {
    will.struct_version = 1;
    will.topicName = o->will_topic;
    will.message = NULL;
    will.payload.data = o->will_payload_length ? o->will_payload : NULL;
    will.payload.len = (int)o->will_payload_length;
    will.qos = o->will_qos;
    will.retained = o->will_retain;
    k->will = &will;
  }
  if (code == MQN_OK && MQTTAsync_connect(c->owner.paho, k) != MQTTASYNC_SUCCESS) code = MQN_ERR_ARGUMENT;
  MQTTProperties_free(&properties);
  MQTTProperties_free(&will_properties);
  return code;
}

static char* duplicate(const char* text) {
  char* copied = malloc(strlen(text) + 1);
  if (copied) strcpy(copied, text);
  return copied;
}

/* This attempt goes on with the session of an earlier connection. An identifier that was left to the server may be the one it has assigned (3.1.3-7). */
static int resumes(const mqn_client* c, const mqn_open_options* o) {
  const char* id = c->owner.paho ? mqn_port_client_id(&c->owner) : "";
  return c->owner.paho && !o->clean_start && o->protocol_version == c->owner.version && (!*id || strcmp(id, o->client_id) == 0);
}

static void open_client(mqn_client* c, const mqn_open_options* o) {
  char error[512] = "out of memory";
  mqn_tls_context* tls = NULL;
  int code;
  if (c->state != MQN_CLIENT_IDLE) {
    fail(c, MQN_ERR_STATE, "the client is already open");
    return;
  }
  if (o->tls && !(tls = mqn_tls_context_new(o->tls, error, sizeof error))) {
    fail(c, MQN_ERR_TLS, error);
    return;
  }
  free(c->host);
  free(c->server_name);
  c->host = duplicate(o->host);
  c->server_name = o->tls && o->tls->server_name ? duplicate(o->tls->server_name) : NULL;
  if (c->owner.endpoint.tls) mqn_tls_context_release(c->owner.endpoint.tls);
  c->owner.endpoint.host = c->host;
  c->owner.endpoint.port = o->port;
  c->owner.endpoint.tls = tls;
  c->owner.endpoint.server_name = c->server_name;
  if (!resumes(c, o)) {
    c->end_code = MQN_ERR_CONNECTION_LOST;
    mqn_session_discard(c);
  }
  prepare(c, o);
  if (!c->host || (c->owner.paho ? mqn_port_set_client_id(&c->owner, o->client_id) : make_handle(c, o)) != MQN_OK) {
    fail(c, MQN_ERR_NO_MEMORY, "out of memory");
    return;
  }
  if ((code = send_connect(c, o)) != MQN_OK) {
    if (!c->session) mqn_session_discard(c);
    fail(c, code, mqn_strerror(code));
    return;
  }
  c->state = MQN_CLIENT_OPENING;
  mqn_port_step_send();
  mqn_port_keep(&c->owner);
  uv_update_time(mqn_reactor_loop());
  uv_timer_start(&c->timer, on_connect_timeout, default_if(o->connect_timeout, DEFAULT_TIMEOUT), 0);
}

static void run_open(mqn_command* command) {
  open_command* k = (open_command*)command;
  mqn_client* c = mqn_client_find(command->env, k->number);
  if (c) open_client(c, &k->o);
  free_command(k);
}

int mqn_client_open(mqn_env* env, int32_t number, const mqn_open_options* o) {
  open_command* k;
  int authentication;
  if (mqn_client_check(env, number) != MQN_OK || !o || !o->host || !o->port || o->struct_size > sizeof k->o) return MQN_ERR_ARGUMENT;
  if (o->protocol_version != 4 && o->protocol_version != 5) return MQN_ERR_ARGUMENT;
  if (o->will_topic && (!*o->will_topic || o->will_qos > 2)) return MQN_ERR_ARGUMENT;
  mqn_property_number(o->properties, o->properties_length, 21, &authentication);
  if (authentication) return MQN_ERR_ARGUMENT;   /* AUTH is not spoken yet, so no Authentication Method may be announced (3.1.2.11.9) */
  if (!(k = calloc(1, sizeof *k))) return MQN_ERR_NO_MEMORY;
  memcpy(&k->o, o, o->struct_size);
  k->number = number;
  copy_options(k, o);
  if (k->failed) {
    free_command(k);
    return MQN_ERR_NO_MEMORY;
  }
  mqn_command_post(&k->command, env, run_open);
  return MQN_OK;
}
