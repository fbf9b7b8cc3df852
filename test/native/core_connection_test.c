/* ctest-timeout: 120
 * Connections that do not come about, and connections that end: every attempt and every request is told once, with the reason, whatever the moment of
 * the cut. Clients are created, connected and destroyed at every stage. */
#include <stdlib.h>
#include <string.h>
#include "check.h"
#include "mini_broker.h"
#include "rig.h"

static void refused(int version, uint8_t reason) {
  static const uint8_t why[] = { 31, 0, 2, 'n', 'o' };
  mini_script script;
  mini_broker* broker;
  rig r;
  rig_client* c;
  mqn_open_options o;
  memset(&script, 0, sizeof script);
  script.connack_reason = reason;
  script.connack_properties = why;
  script.connack_properties_length = version == 5 ? sizeof why : 0;
  broker = mini_broker_start(&script);
  rig_start(&r, NULL);
  c = rig_add(&r);
  o = rig_options(mini_broker_port(broker), version, "refused");
  CHECK(!rig_connect(c, &o) && c->code == MQN_ERR_REFUSED && c->reason_code == reason, "version %d: code %d reason %d", version, c->code, c->reason_code);
  CHECK(c->open_failed == 1 && c->connected == 0 && c->disconnected == 0, "told once");
  rig_stop(&r);
  mini_broker_stop(broker);
}

static void never_connected(void) {
  mini_script script;
  mini_broker* broker;
  rig r;
  rig_client* c;
  mqn_open_options o;
  int port;
  memset(&script, 0, sizeof script);
  script.mute = 1;
  broker = mini_broker_start(&script);
  port = mini_broker_port(broker);
  rig_start(&r, NULL);
  c = rig_add(&r);
  o = rig_options(port, 5, "never");
  o.connect_timeout = 200;
  CHECK(!rig_connect(c, &o) && c->code == MQN_ERR_TIMEOUT, "no CONNACK: code %d %s", c->code, c->text);
  mqn_client_open(r.env, c->number, &o);
  rig_run(&r, 0.05);
  mqn_client_close(r.env, c->number, 0, NULL, 0);
  CHECK(rig_wait(&r, &c->open_failed, 2, 5) && c->code == MQN_ERR_CLOSED, "closed while opening: code %d", c->code);
  mini_broker_stop(broker);
  CHECK(!rig_connect(c, &o) && c->code == MQN_ERR_CONNECT, "closed port: code %d %s", c->code, c->text);
  o.host = "no-such-host.invalid";
  CHECK(!rig_connect(c, &o) && c->code == MQN_ERR_RESOLVE, "name: code %d %s", c->code, c->text);
  CHECK(c->open_failed == 4 && c->connected == 0 && c->disconnected == 0, "failed %d", c->open_failed);
  rig_stop(&r);
}

/* cuts the link when the n-th packet of a type has come */
typedef struct { int type, left; } cut_plan;
static int cut_at(mini_broker* broker, mini_link* link, const uint8_t* packet, size_t size, void* user) {
  cut_plan* plan = user;
  (void)broker; (void)size;
  if (packet[0] >> 4 != plan->type || plan->left-- != 1) return 0;
  mini_broker_cut(link);
  return 1;
}

/* The link goes between any two packets of an exchange: each of 100 publishes ends or goes back exactly once, and a SUBSCRIBE ends. */
static void cut_between_packets(int version, int qos, int type, int nth) {
  cut_plan plan;
  mini_script script;
  mini_broker* broker;
  rig r;
  rig_client* c;
  mqn_open_options o;
  const char* filter = "x";
  uint8_t option = 0;
  double until;
  int i;
  plan.type = type;
  plan.left = nth;
  memset(&script, 0, sizeof script);
  script.on_packet = cut_at;
  script.user = &plan;
  broker = mini_broker_start(&script);
  rig_start(&r, NULL);
  c = rig_add(&r);
  o = rig_options(mini_broker_port(broker), version, "cut");
  rig_connect(c, &o);
  if (type == 1) {
    CHECK(c->open_failed == 1 && c->code == MQN_ERR_CONNECTION_LOST, "cut at CONNECT: code %d", c->code);
  } else {
    CHECK(c->connected == 1, "connected");
    for (i = 0; i < 100; i++) rig_publish(c, "t", "0123456789", 10, qos, 0);
    mqn_client_subscribe(r.env, c->number, 1, 1, &filter, &option, NULL, 0);
    CHECK(rig_wait(&r, &c->disconnected, 1, 10), "version %d qos %d: cut at packet %d number %d was not noticed", version, qos, type, nth);
    for (until = rig_now() + 5; c->done + c->unsent < 100 && rig_now() < until;) rig_run(&r, 0.005);
    rig_run(&r, 0.02);
    CHECK(c->done + c->unsent == 100, "version %d qos %d cut at packet %d number %d: %d ended and %d went back of 100 publishes", version, qos, type, nth,
          c->done, c->unsent);
    CHECK(c->subscribed == 1, "SUBSCRIBE ended %d times", c->subscribed);
    CHECK(c->disconnected == 1 && c->code == MQN_ERR_CONNECTION_LOST, "told %d times, code %d", c->disconnected, c->code);
    if (qos && type != 8) CHECK(c->failed > 0 && c->last_code == MQN_ERR_CONNECTION_LOST, "failed %d code %d", c->failed, c->last_code);
  }
  /* and the same client connects again */
  CHECK(rig_connect(c, &o), "again: %s", c->text);
  rig_stop(&r);
  mini_broker_stop(broker);
}

static void server_disconnects(void) {
  static const uint8_t disconnect[] = { 0xe0, 2, 0x8b, 0 };
  mini_broker* broker = mini_broker_start(NULL);
  rig r;
  rig_client* c;
  mqn_open_options o = rig_options(mini_broker_port(broker), 5, "away");
  rig_start(&r, NULL);
  c = rig_add(&r);
  CHECK(rig_connect(c, &o), "%s", c->text);
  mini_broker_send_all(broker, disconnect, sizeof disconnect);
  CHECK(rig_wait(&r, &c->disconnected, 1, 5) && c->code == MQN_ERR_SERVER_DISCONNECT && c->reason_code == 0x8b, "code %d reason %02x", c->code, c->reason_code);
  CHECK(mini_broker_count(broker, 14) == 0, "no DISCONNECT back");
  rig_stop(&r);
  mini_broker_stop(broker);
}

static void life_cycles(void) {
  mini_broker* broker = mini_broker_start(NULL);
  rig r;
  mqn_open_options o = rig_options(mini_broker_port(broker), 5, "life");
  mqn_counters before, after;
  int i, k;
  rig_start(&r, NULL);
  mqn_counters_read(&before);
  for (i = 0; i < 200; i++) {
    rig_client* c = rig_add(&r);
    o.protocol_version = (uint8_t)(4 + (i & 1));
    CHECK(rig_connect(c, &o), "cycle %d: %s", i, c->text);
    if (i & 2) {
      mqn_client_close(r.env, c->number, 0, NULL, 0);
      CHECK(rig_wait(&r, &c->disconnected, 1, 5), "close in cycle %d", i);
    }
    mqn_client_destroy(r.env, c->number);
    CHECK(rig_wait(&r, &c->destroyed, 1, 5), "destroy in cycle %d", i);
  }
  for (i = 0; i < 200; i++) {     /* at every stage of connecting */
    rig_client* c = rig_add(&r);
    mqn_client_open(r.env, c->number, &o);
    for (k = 0; k < i % 8; k++) rig_drain(&r);
    if (i & 1) rig_run(&r, 0.001);
    mqn_client_destroy(r.env, c->number);
    CHECK(rig_wait(&r, &c->destroyed, 1, 5), "destroy while connecting, %d", i);
  }
  mqn_counters_read(&after);
  CHECK(after.connections - before.connections >= 200, "connections %d", (int)(after.connections - before.connections));
  rig_stop(&r);
  mini_broker_stop(broker);
}

static void environments(void) {
  mini_broker* broker = mini_broker_start(NULL);
  mqn_open_options o = rig_options(mini_broker_port(broker), 5, "environment");
  int i;
  for (i = 0; i < 30; i++) {      /* the reactor thread starts and ends; open clients are left to it */
    rig a, b;
    rig_client* c;
    rig_start(&a, NULL);
    rig_start(&b, NULL);
    c = rig_add(&a);
    mqn_client_open(a.env, c->number, &o);
    if (i % 3) CHECK(rig_wait(&a, &c->connected, 1, 5), "connect in round %d", i);
    if (i % 3 == 2) rig_publish(c, "x", "0123456789", 10, 1, 0);
    rig_stop(&a);
    c = rig_add(&b);
    CHECK(rig_connect(c, &o), "the other environment lives on");
    rig_stop(&b);
  }
  mini_broker_stop(broker);
}

int main(void) {
  int version, qos, nth;
  refused(4, 5);
  refused(5, 0x87);
  never_connected();
  for (version = 4; version <= 5; version++) {
    cut_between_packets(version, 0, 1, 1);
    for (qos = 0; qos <= 2; qos++)
      for (nth = 1; nth <= 50; nth += 7) cut_between_packets(version, qos, 3, nth);
    cut_between_packets(version, 2, 6, 1);
    cut_between_packets(version, 2, 6, 30);
    cut_between_packets(version, 1, 8, 1);
  }
  server_disconnects();
  life_cycles();
  environments();
  return check_result();
}
