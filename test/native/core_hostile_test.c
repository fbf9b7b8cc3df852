/* ctest-timeout: 60
 * A server that breaks the protocol: the process lives, the application hears MQN_ERR_PROTOCOL with the reason code that names the fault, an MQTT 5 server gets it in a DISCONNECT, the
 * connection is closed, and the client can connect again. The guard's own test has the long list; these go through the whole core. */
#include <stdlib.h>
#include <string.h>
#include "check.h"
#include "mini_broker.h"
#include "rig.h"

static int last_reason;     /* of the DISCONNECT the broker got; broker's thread, read after it came */
static int note_disconnect(mini_broker* broker, mini_link* link, const uint8_t* packet, size_t size, void* user) {
  (void)broker; (void)link; (void)user;
  if (packet[0] == 0xe0) last_reason = size > 2 ? packet[2] : 0;
  return 0;
}

static void hostile(const char* what, int version, const void* bytes, size_t length, int reason) {
  mini_script script;
  mini_broker* broker;
  rig r;
  rig_client* c;
  mqn_open_options o;
  memset(&script, 0, sizeof script);
  script.on_packet = note_disconnect;
  broker = mini_broker_start(&script);
  last_reason = -1;
  rig_start(&r, NULL);
  c = rig_add(&r);
  o = rig_options(mini_broker_port(broker), version, "hostile");
  o.maximum_packet_size = 1000;
  o.topic_alias_maximum = 2;
  CHECK(rig_connect(c, &o), "%s: %s", what, c->text);
  rig_publish(c, "pending", "0123456789", 10, 0, 0);
  mini_broker_send_all(broker, bytes, length);
  CHECK(rig_wait(&r, &c->disconnected, 1, 5), "%s: not noticed", what);
  CHECK(c->code == MQN_ERR_PROTOCOL && c->reason_code == reason, "%s: code %d reason %02x (%s)", what, c->code, c->reason_code, c->text);
  /* it ends, or it goes back when the reactor has found the fault before it */
  CHECK((c->done || rig_wait(&r, &c->unsent, 1, 5)) && c->done + c->unsent == 1, "%s: publish ended %d times, went back %d times", what, c->done, c->unsent);
  uv_sleep(20);
  CHECK(mini_broker_count(broker, 14) == (version == 5), "%s: DISCONNECT %d times", what, (int)mini_broker_count(broker, 14));
  if (version == 5) CHECK(last_reason == reason, "%s: DISCONNECT with %02x", what, last_reason);
  CHECK(rig_connect(c, &o), "%s: again: %s", what, c->text);
  rig_stop(&r);
  mini_broker_stop(broker);
}
#define HOSTILE(what, version, bytes, reason) hostile(what, version, bytes, sizeof(bytes) - 1, reason)

/* ---- acknowledged before it was read: the client is done with the payload, and still has to send the rest of it ---- */
#define LARGE ((size_t)12 << 20)
static unsigned long long broken_bytes, whole_packets;   /* broker's thread */
static int check_payload(mini_broker* broker, mini_link* link, const uint8_t* packet, size_t size, void* user) {
  size_t i;
  (void)broker; (void)link; (void)user;
  if (packet[0] >> 4 != 3) return 0;
  ++whole_packets;
  if (size < LARGE) broken_bytes += LARGE;
  else for (i = 0; i < LARGE; i++) broken_bytes += packet[size - LARGE + i] != (uint8_t)(i * 31 >> 3);
  return 1;
}

static void acknowledged_before_it_was_read(int version, int gone) {
  mini_script script;
  mini_broker* broker;
  rig r;
  rig_client* c;
  mqn_open_options o;
  uint8_t* payload = malloc(LARGE);
  size_t i;
  if (!payload) abort();
  for (i = 0; i < LARGE; i++) payload[i] = (uint8_t)(i * 31 >> 3);
  memset(&script, 0, sizeof script);
  script.on_packet = check_payload;
  broken_bytes = whole_packets = 0;
  broker = mini_broker_start(&script);
  rig_start(&r, NULL);
  c = rig_add(&r);
  o = rig_options(mini_broker_port(broker), version, "eager");
  CHECK(rig_connect(c, &o), "connect: %s", c->text);
  mini_broker_pause_all(broker, 1);
  rig_publish(c, "topic", payload, LARGE, 1, 0);
  rig_run(&r, 0.1);
  CHECK(c->done == 0, "done before it was acknowledged");
  mini_broker_send_all(broker, "\x40\x02\x00\x01", 4);
  CHECK(rig_wait(&r, &c->done, 1, 5) && c->failed == 0, "done %d, failed %d: %s", c->done, c->failed, c->text);
  memset(payload, 0, LARGE);
  rig_publish(c, "topic", payload, 3, 0, 0);             /* memory comes and goes meanwhile */
  if (gone) {
    mini_broker_cut_all(broker);
    CHECK(rig_wait(&r, &c->disconnected, 1, 5), "the end was not noticed");
  } else {
    mini_broker_pause_all(broker, 0);
    CHECK(rig_wait(&r, &c->done, 2, 10), "done %d", c->done);
    for (i = 0; i < 500 && mini_broker_count(broker, 3) < 2; i++) rig_run(&r, 0.01);
    CHECK(whole_packets == 2 && broken_bytes == LARGE, "%llu packets, %llu bytes differ", whole_packets, broken_bytes - LARGE);   /* the second is short */
    CHECK(c->disconnected == 0, "%s", c->text);
  }
  rig_stop(&r);
  mini_broker_stop(broker);
  free(payload);
}

int main(void) {
  HOSTILE("PUBREL without a body", 4, "\x62\x00", 0x81);
  HOSTILE("PUBREL without a body", 5, "\x62\x00", 0x81);
  HOSTILE("a second CONNACK", 5, "\x20\x03\x00\x00\x00", 0x82);
  HOSTILE("256 MB announced", 5, "\x30\xff\xff\xff\x7f\x00", 0x95);
  HOSTILE("a remaining length of five bytes", 5, "\x30\xff\xff\xff\xff\x01", 0x81);
  HOSTILE("SUBACK nobody asked for", 5, "\x90\x04\x00\x01\x00\x00", 0x82);
  HOSTILE("AUTH nobody asked for", 5, "\xf0\x02\x18\x00", 0x82);
  HOSTILE("a topic alias nobody announced", 5, "\x30\x06\x00\x00\x03\x23\x00\x01", 0x82);
  HOSTILE("a topic alias above the maximum", 5, "\x30\x07\x00\x01t\x03\x23\x00\x03", 0x94);
  HOSTILE("a topic alias of 0", 5, "\x30\x07\x00\x01t\x03\x23\x00\x00", 0x94);
  HOSTILE("a wildcard in a topic", 5, "\x30\x04\x00\x01#\x00", 0x82);
  HOSTILE("QoS 3", 4, "\x36\x05\x00\x01t\x00\x01", 0x81);
  HOSTILE("CONNECT from the server", 4, "\x10\x00", 0x82);
  HOSTILE("PINGREQ from the server", 5, "\xc0\x00", 0x82);
  acknowledged_before_it_was_read(4, 0);
  acknowledged_before_it_was_read(5, 0);
  acknowledged_before_it_was_read(5, 1);
  return check_result();
}
