/* ctest-timeout: 120
 * Messages there and back through Paho's engine, in both versions and at every QoS: each arrives once, in order, with its bytes, and each publish is
 * answered once. Small ones by the thousand, and one of 50 MB. */
#include <stdio.h>
#include <string.h>
#include "check.h"
#include "mini_broker.h"
#include "rig.h"

static void round_trips(int port, int version, int qos) {
  rig r;
  rig_client *a, *b;
  mqn_open_options o;
  char payload[64] = "";
  unsigned i;
  rig_start(&r, NULL);
  a = rig_add(&r);
  b = rig_add(&r);
  o = rig_options(port, version, "a");
  CHECK(rig_connect(a, &o), "%s", a->text);
  o.client_id = "b";
  CHECK(rig_connect(b, &o), "%s", b->text);
  CHECK(rig_subscribe(b, "round/#", qos) && b->subscribe_code == qos, "granted %d", b->subscribe_code);
  b->check_order = 1;
  for (i = 0; i < 5000; i++) {
    sprintf(payload, "%010u", i);
    rig_publish(a, "round/trip", payload, sizeof payload, qos, 0);
  }
  CHECK(rig_wait(&r, &a->done, 5000, 20), "answered %d", a->done);
  CHECK(rig_wait_messages(&r, b, 5000, 20), "arrived %d", (int)b->messages);
  rig_run(&r, 0.05);
  CHECK(a->done == 5000 && a->failed == 0, "done %d failed %d", a->done, a->failed);
  CHECK(b->messages == 5000 && b->disorder == 0, "messages %d disorder %d", (int)b->messages, (int)b->disorder);
  CHECK(b->last_qos == qos && strcmp(b->last_topic, "round/trip") == 0, "qos %d topic %s", b->last_qos, b->last_topic);
  mqn_client_close(r.env, a->number, 0, NULL, 0);
  CHECK(rig_wait(&r, &a->disconnected, 1, 5) && a->code == MQN_ERR_CLOSED, "code %d", a->code);
  rig_stop(&r);
}

/* [MQTT-3.3.2-20] properties arrive unaltered and in order; [MQTT-3.1.2-24] an empty payload is a message, too. */
static void properties_and_empty_payload(int port) {
  static const uint8_t properties[] = { 3, 0, 4, 't', 'e', 'x', 't', 8, 0, 2, 'r', 'e', 9, 0, 3, 0, 1, 2, 38, 0, 1, 'k', 0, 1, 'v', 38, 0, 1, 'k', 0, 1, 'w' };
  mqn_publish_options p;
  rig r;
  rig_client* c;
  mqn_open_options o = rig_options(port, 5, "properties");
  int qos;
  rig_start(&r, NULL);
  c = rig_add(&r);
  CHECK(rig_connect(c, &o) && rig_subscribe(c, "p", 2), "%s", c->text);
  for (qos = 0; qos <= 2; qos++) {
    memset(&p, 0, sizeof p);
    p.struct_size = sizeof p;
    p.qos = (uint8_t)qos;
    p.properties = properties;
    p.properties_length = sizeof properties;
    CHECK(mqn_publish(r.env, c->number, "p", "", 0, &p) == MQN_OK, "publish");
    CHECK(rig_wait_messages(&r, c, (uint64_t)qos + 1, 5) && rig_wait(&r, &c->done, qos + 1, 5), "qos %d", qos);
    CHECK(c->last_length == 0 && c->last_properties == sizeof properties && memcmp(c->last_property_bytes, properties, sizeof properties) == 0, "qos %d properties %u", qos,
          c->last_properties);
  }
  p.properties = "\x7f";
  p.properties_length = 1;
  CHECK(mqn_publish(r.env, c->number, "p", "", 0, &p) == MQN_OK && rig_wait(&r, &c->done, 4, 5) && c->last_code == MQN_ERR_ARGUMENT, "properties that are none: code %d", c->last_code);
  rig_stop(&r);
}

static void large(int port, int version) {
  rig r;
  rig_client* c;
  mqn_open_options o = rig_options(port, version, "large");
  rig_start(&r, NULL);
  c = rig_add(&r);
  CHECK(rig_connect(c, &o), "%s", c->text);
  rig_large_round_trips(c);
  rig_stop(&r);
}

int main(void) {
  mini_broker* broker = mini_broker_start(NULL);
  int port = mini_broker_port(broker), version, qos;
  for (version = 4; version <= 5; version++)
    for (qos = 0; qos <= 2; qos++) round_trips(port, version, qos);
  properties_and_empty_payload(port);
  large(port, 4);
  large(port, 5);
  mini_broker_stop(broker);
  return check_result();
}
