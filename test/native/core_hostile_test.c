/* ctest-timeout: 60
 * A server that breaks the protocol: the process lives, the application hears MQN_ERR_PROTOCOL with the reason code that names the fault, an MQTT 5 server gets it in a DISCONNECT, the
 * connection is closed, and the client can connect again. The guard's own test has the long list; these go through the whole core. */
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
  return check_result();
}
