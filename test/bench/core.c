/* The same core driven from C, without Node.js: what a binding could reach at best. Run by cells/core.mjs, which checks the counters.
 *
 *   core CELL PORT SECONDS WARM_UP SIZE DEPTH
 *
 * CELL as in sample.mjs: publish-q0-write, publish-q1, receive-q2 ... One line of JSON comes out. Linux only, as the null broker. */
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include "mqtt_native.h"

#define AHEAD 4096                 /* without a slot: messages handed over and not credited; lib/engine/native keeps to the same */
#define PERIOD 16381               /* of the pattern, words; payload.mjs says what it is */

static struct {
  mqn_env* env;
  int32_t client;
  sem_t notified;
  int ready, ended;
  char failure[256];
  /* publishing */
  int64_t outstanding;
  /* receiving */
  int receiving;
  uint64_t done, wrong;
  uint32_t to_ack;
  char report[4096];
} b;

static void on_notify(void* user) { (void)user; sem_post(&b.notified); }

static double seconds_of(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void on_message(const mqn_event* e) {
  uint32_t sequence = 0;
  if (e->topic_length == 6 && memcmp(e->topic, "report", 6) == 0) {
    snprintf(b.report, sizeof b.report, "%.*s", (int)e->payload_length, (const char*)e->payload);
    return;
  }
  if (e->payload_length >= 4) {
    memcpy(&sequence, e->payload, 4);
    if (sequence != (uint32_t)b.done) b.wrong++;
  }
  b.done++;
  if (e->qos) b.to_ack++;
}

static void on_event(void* user, const mqn_event* e) {
  (void)user;
  switch (e->kind) {
    case 0:
      b.outstanding--;
      b.done++;
      if (e->code != 0) b.wrong++;
      break;
    case -1:
      if (!b.receiving) b.outstanding -= e->code;
      break;
    case MQN_EVENT_MESSAGE:
      on_message(e);
      break;
    case MQN_EVENT_CONNECTED:
    case MQN_EVENT_SUBSCRIBED:
    case MQN_EVENT_UNSUBSCRIBED:
      b.ready++;
      break;
    case MQN_EVENT_OPEN_FAILED:
    case MQN_EVENT_DISCONNECTED:
      b.ended = 1;
      snprintf(b.failure, sizeof b.failure, "%.*s", (int)e->payload_length, (const char*)e->payload);
      break;
    default:
      break;
  }
}

/* Takes what has come; waits for something when there is nothing. */
static void take(void) {
  if (mqn_env_drain(b.env, on_event, NULL, 0) == 0) {
    sem_wait(&b.notified);
    return;
  }
  if (b.to_ack) {
    mqn_ack(b.env, b.client, b.to_ack, 0);
    b.to_ack = 0;
  }
}

static void until_ready(int count) {
  while (b.ready < count && !b.ended) take();
}

static void subscribe(const char* filter, int qos) {
  uint8_t option = (uint8_t)qos;
  int next = b.ready + 1;
  mqn_client_subscribe(b.env, b.client, 1, 1, &filter, &option, NULL, 0);
  until_ready(next);
}
static void unsubscribe(const char* filter) {
  int next = b.ready + 1;
  mqn_client_unsubscribe(b.env, b.client, 1, 1, &filter, NULL, 0);
  until_ready(next);
}

/* Asks for the broker's counters until it has so many acknowledgements. */
static void read_report(uint64_t acked) {
  int tries;
  for (tries = 0; tries < 1000 && !b.ended; tries++) {
    const char* found;
    b.report[0] = 0;
    subscribe("report", 0);
    while (!b.report[0] && !b.ended) take();
    found = strstr(b.report, "\"acked\":");
    if (found && strtoull(found + 8, NULL, 10) >= acked) return;
    unsubscribe("report");
  }
}

typedef struct { double time, thread, process; uint64_t done; } mark;
static mark mark_now(void) {
  return (mark){ seconds_of(CLOCK_MONOTONIC), seconds_of(CLOCK_THREAD_CPUTIME_ID), seconds_of(CLOCK_PROCESS_CPUTIME_ID), b.done };
}

static uint8_t* make_payload(size_t size) {
  uint8_t* payload = calloc(1, (size + 7) & ~(size_t)3);
  size_t i;
  for (i = 0; payload && i * 4 < size; i++) {
    uint32_t word = (uint32_t)(i % PERIOD) * 0x9E3779B1u;
    memcpy(payload + i * 4, &word, 4);
  }
  return payload;
}

/* One step of a publisher: as many as may be outstanding. With a slot a message is done when it is answered, without when it is taken. */
static uint64_t publish(uint8_t* payload, size_t size, int qos, int64_t depth, int with_slot, uint32_t* sequence) {
  mqn_publish_options o = { sizeof o, (uint8_t)qos, 0, NULL, 0, with_slot ? 0 : MQN_NO_SLOT };
  uint64_t taken = 0;
  while (b.outstanding < depth) {
    if (size >= 4) memcpy(payload, sequence, 4);
    if (mqn_publish(b.env, b.client, "bench/t", payload, size, &o) != MQN_OK) break;
    ++*sequence;
    ++b.outstanding;
    ++taken;
  }
  return taken;
}

int main(int argc, char** argv) {
  mqn_env_options eo;
  mqn_open_options o;
  const char* cell = argc == 7 ? argv[1] : "";
  char filter[64];
  int qos = 0, publishing = strncmp(cell, "publish-q", 9) == 0, with_slot = !strstr(cell, "-write"), state = 0;
  double time_measured = argc == 7 ? atof(argv[3]) : 0, warm_up = argc == 7 ? atof(argv[4]) : 0, start;
  size_t size = argc == 7 ? (size_t)atol(argv[5]) : 0;
  int64_t depth = argc == 7 ? atol(argv[6]) : 0;
  uint8_t* payload;
  uint32_t sequence = 0;
  struct rusage usage;
  mark first, last;
  if (argc != 7 || (!publishing && strncmp(cell, "receive-q", 9) != 0)) {
    fprintf(stderr, "usage: core CELL PORT SECONDS WARM_UP SIZE DEPTH\n");
    return 2;
  }
  qos = cell[9] - '0';
  memset(&first, 0, sizeof first);
  last = first;
  memset(&eo, 0, sizeof eo);
  memset(&o, 0, sizeof o);
  sem_init(&b.notified, 0, 0);
  eo.struct_size = sizeof eo;
  eo.notify = on_notify;
  o.struct_size = sizeof o;
  o.host = "127.0.0.1";
  o.port = (uint16_t)atoi(argv[2]);
  o.protocol_version = 5;
  o.clean_start = 1;
  o.client_id = "core";
  o.receive_maximum = 1000;
  o.properties = "\x21\x03\xe8";
  o.properties_length = 3;
  payload = make_payload(size);
  if (!payload || mqn_env_create(&eo, &b.env) != MQN_OK || mqn_client_create(b.env, &b.client) != MQN_OK ||
      mqn_client_open(b.env, b.client, &o) != MQN_OK) {
    fprintf(stderr, "cannot begin\n");
    return 1;
  }
  until_ready(1);
  if (!with_slot) depth = AHEAD;
  b.receiving = !publishing || with_slot;         /* credits count only where nothing else does */
  snprintf(filter, sizeof filter, "flood/1000000000000/%zu/%d", size, qos);
  if (!publishing) subscribe(filter, qos);
  start = seconds_of(CLOCK_MONOTONIC);
  while (!b.ended && state < 2) {
    double now = seconds_of(CLOCK_MONOTONIC);
    if (state == 0 && now - start >= warm_up) {
      first = mark_now();
      state = 1;
    } else if (state == 1 && now - first.time >= time_measured) {
      last = mark_now();
      state = 2;
    }
    if (publishing) {
      uint64_t taken = publish(payload, size, qos, depth, with_slot, &sequence);
      if (!with_slot) b.done += taken;
    }
    take();
  }
  while (!b.ended && publishing && b.outstanding > 0) take();
  if (!publishing) unsubscribe(filter);
  read_report(publishing || qos == 0 ? 0 : b.done);
  getrusage(RUSAGE_SELF, &usage);
  printf("{\"name\":\"the core from C\",\"version\":\"%s\",\"messages\":%llu,\"rate\":%.1f,\"mainNs\":%.1f,\"processNs\":%.1f,\"loopP99\":null,\"rss\":%ld,"
         "\"depth\":%lld,\"total\":%llu,\"wrong\":%llu,\"failure\":\"%s\",\"report\":%s}\n",
         mqn_version(), (unsigned long long)(last.done - first.done), (double)(last.done - first.done) / (last.time - first.time),
         (last.thread - first.thread) * 1e9 / (double)(last.done - first.done), (last.process - first.process) * 1e9 / (double)(last.done - first.done),
         usage.ru_maxrss * 1024L, (long long)depth, (unsigned long long)(publishing ? sequence : b.done), (unsigned long long)b.wrong, b.failure,
         b.report[0] ? b.report : "null");
  mqn_env_destroy(b.env);
  free(payload);
  return b.ended ? 1 : 0;
}
