/* ctest-timeout: 60
 * Keepalive of each client by its own interval: PINGREQ when nothing else was sent, the end of the connection when PINGRESP does not come, the server's
 * interval instead of one's own, and no PINGREQ where none is due. */
#include <string.h>
#include "check.h"
#include "mini_broker.h"
#include "rig.h"

static void pings(void) {
  mini_broker* broker = mini_broker_start(NULL);
  rig r;
  rig_client *fast, *slow;
  mqn_open_options o = rig_options(mini_broker_port(broker), 5, "fast");
  rig_start(&r, NULL);
  fast = rig_add(&r);
  slow = rig_add(&r);
  o.keep_alive = 1;
  CHECK(rig_connect(fast, &o), "%s", fast->text);
  o.client_id = "slow";
  o.keep_alive = 60;     /* connects last: must not slow the first one down (paho.md 15) */
  CHECK(rig_connect(slow, &o), "%s", slow->text);
  rig_run(&r, 3.6);
  CHECK(mini_broker_count(broker, 12) == 3, "PINGREQ in 3.6 s at 1 s: %d", (int)mini_broker_count(broker, 12));   /* [MQTT-3.1.2-20] */
  CHECK(fast->disconnected == 0 && slow->disconnected == 0, "%s", fast->text);
  rig_stop(&r);
  mini_broker_stop(broker);
}

static void silent_server(int traffic) {
  mini_script script;
  mini_broker* broker;
  rig r;
  rig_client *c, *other;
  mqn_open_options o;
  double start;
  memset(&script, 0, sizeof script);
  script.no_pingresp = 1;
  broker = mini_broker_start(&script);
  rig_start(&r, NULL);
  c = rig_add(&r);
  other = rig_add(&r);
  o = rig_options(mini_broker_port(broker), 5, "silent");
  o.keep_alive = 1;
  CHECK(rig_connect(c, &o), "%s", c->text);
  o.client_id = "other";
  o.keep_alive = 0;
  CHECK(rig_connect(other, &o), "%s", other->text);
  start = rig_now();
  while (!c->disconnected && rig_now() - start < 8) {
    /* what this side sends is no sign of the server's life */
    if (traffic) rig_publish(c, "t", "0123456789", 10, 0, 0);
    rig_run(&r, 0.05);
  }
  CHECK(c->disconnected == 1 && c->code == MQN_ERR_KEEP_ALIVE, "after %.1f s: code %d %s", rig_now() - start, c->code, c->text);
  CHECK(other->disconnected == 0, "keep alive 0: never");
  rig_stop(&r);
  mini_broker_stop(broker);
}

/* [MQTT-3.1.2-21] the server's interval is used; 0 turns it off. */
static void server_keep_alive(uint8_t seconds, int expected) {
  uint8_t properties[3] = { 19, 0, 0 };
  mini_script script;
  mini_broker* broker;
  rig r;
  rig_client* c;
  mqn_open_options o;
  memset(&script, 0, sizeof script);
  properties[2] = seconds;
  script.connack_properties = properties;
  script.connack_properties_length = sizeof properties;
  broker = mini_broker_start(&script);
  rig_start(&r, NULL);
  c = rig_add(&r);
  o = rig_options(mini_broker_port(broker), 5, "server");
  o.keep_alive = seconds ? 60 : 1;
  CHECK(rig_connect(c, &o), "%s", c->text);
  rig_run(&r, 2.5);
  CHECK((int)mini_broker_count(broker, 12) == expected, "Server Keep Alive %d: %d PINGREQ in 2.5 s", seconds, (int)mini_broker_count(broker, 12));
  rig_stop(&r);
  mini_broker_stop(broker);
}

int main(void) {
  pings();
  silent_server(0);
  silent_server(1);
  server_keep_alive(1, 2);
  server_keep_alive(0, 0);
  return check_result();
}
