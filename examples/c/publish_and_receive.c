/* The core from C: connect, subscribe, publish, receive, close. No Node.js, no mapped rings: mqn_env_drain() hands out what has come.
 *
 *   publish_and_receive HOST PORT [TOPIC]
 *
 * Prints what it sees; exits with 0 when its own message came back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "mqtt_native.h"

typedef struct {
  mqn_env* env;
  int32_t client;
  const char* topic;
  int received, acknowledged, ended;
} session;

static void publish(session* s) {
  static const char payload[] = "hello from C";
  mqn_publish_options options;
  memset(&options, 0, sizeof options);
  options.struct_size = sizeof options;
  options.qos = 1;
  options.slot = 0;                    /* comes back in the completion */
  if (mqn_publish(s->env, s->client, s->topic, payload, sizeof payload - 1, &options) != MQN_OK) s->ended = 1;
}

static void on_event(void* user, const mqn_event* e) {
  session* s = user;
  uint8_t qos = 1;
  switch (e->kind) {
    case MQN_EVENT_CONNECTED:
      printf("connected\n");
      if (mqn_client_subscribe(s->env, s->client, 1, 1, &s->topic, &qos, NULL, 0) != MQN_OK) s->ended = 1;
      break;
    case MQN_EVENT_SUBSCRIBED:
      printf("subscribed, granted QoS %d\n", e->payload_length ? e->payload[0] : -1);
      publish(s);
      break;
    case MQN_EVENT_MESSAGE:
      printf("received %.*s: %.*s\n", (int)e->topic_length, e->topic, (int)e->payload_length, (const char*)e->payload);
      s->received = 1;
      if (e->qos) mqn_ack(s->env, s->client, 1, 0);     /* done with it: now PUBACK may leave */
      break;
    case 0:
      printf("publish ended: %s\n", mqn_strerror(e->code));
      s->acknowledged = e->code == MQN_OK;
      break;
    case MQN_EVENT_OPEN_FAILED:
    case MQN_EVENT_DISCONNECTED:
      printf("%s: %.*s\n", mqn_strerror(e->slot), (int)e->payload_length, (const char*)e->payload);
      s->ended = 1;
      break;
    default:
      break;
  }
}

int main(int argc, char** argv) {
  session s;
  mqn_open_options options;
  time_t until = time(NULL) + 10;
  int closing = 0;
  if (argc < 3) {
    fprintf(stderr, "usage: publish_and_receive HOST PORT [TOPIC]\n");
    return 2;
  }
  memset(&s, 0, sizeof s);
  memset(&options, 0, sizeof options);
  s.topic = argc > 3 ? argv[3] : "mqtt-native/c";
  options.struct_size = sizeof options;
  options.host = argv[1];
  options.port = (uint16_t)atoi(argv[2]);
  options.protocol_version = 5;
  options.clean_start = 1;
  options.keep_alive = 60;
  options.client_id = "";
  printf("%s\n", mqn_version());
  if (mqn_env_create(NULL, &s.env) != MQN_OK || mqn_client_create(s.env, &s.client) != MQN_OK) return 1;
  if (mqn_client_open(s.env, s.client, &options) != MQN_OK) return 1;
  while (!s.ended && time(NULL) < until) {
    struct timespec pause = { 0, 1000000 };            /* a program with a loop of its own waits for `notify` instead */
    mqn_env_drain(s.env, on_event, &s, 0);
    if (s.received && s.acknowledged && !closing) closing = mqn_client_close(s.env, s.client, 0, NULL, 0) == MQN_OK;
    nanosleep(&pause, NULL);
  }
  mqn_env_destroy(s.env);
  return s.received && s.acknowledged ? 0 : 1;
}
