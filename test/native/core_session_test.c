/* ctest-timeout: 120
 * A session over connections (4.1): what was sent and not acknowledged is sent again, what was not sent goes back to the binding, and a QoS 2 message is
 * delivered once, whenever the application is done with it. The server is a script that cuts the link in the middle and says whether it has the session. */
#include <stdlib.h>
#include <string.h>
#include "check.h"
#include "mini_broker.h"
#include "rig.h"

typedef struct {
  mini_broker* broker;
  rig r;
  rig_client* c;
  mqn_open_options o;
  int version;
  /* set before a connection is made; read on the broker's thread */
  int session_present, receive_maximum, expiry_0, expiry_granted, maximum_packet;
  uint8_t refuse;
  char log[8192];                 /* what the client has sent, in words; on the broker's thread */
} scene;

static const uint8_t expiry_100[] = { 17, 0, 0, 0, 100 };

static void connack(scene* s, mini_link* link) {
  uint8_t packet[32] = { 0x20, 2, 0, 0 };
  uint8_t n = 4;
  packet[2] = (uint8_t)(s->refuse ? 0 : s->session_present);
  packet[3] = s->refuse;
  if (s->version == 5) {
    n = 5;
    if (s->receive_maximum) packet[n++] = 33, packet[n++] = 0, packet[n++] = (uint8_t)s->receive_maximum;
    if (s->expiry_0 || s->expiry_granted) packet[n] = 17, packet[n + 4] = (uint8_t)s->expiry_granted, n = (uint8_t)(n + 5);
    if (s->maximum_packet) packet[n++] = 39, packet[n++] = 0, packet[n++] = 0, packet[n++] = 0, packet[n++] = (uint8_t)s->maximum_packet;
    packet[4] = (uint8_t)(n - 5);
    packet[1] = (uint8_t)(n - 2);
  }
  mini_broker_send(link, packet, n);
}

static void note_publish(scene* s, const uint8_t* packet, size_t size, char* text) {
  const uint8_t *at = packet + 1, *end = packet + size;
  int qos = packet[0] >> 1 & 3, id = 0;
  unsigned expiry = 0;
  while (*at++ & 128) {}
  at += 2 + (at[0] << 8 | at[1]);
  if (qos) id = at[0] << 8 | at[1], at += 2;
  if (s->version == 5) {
    if (at[0] == 5 && at[1] == 2) expiry = (unsigned)at[4] << 8 | at[5];
    at += 1 + at[0];
  }
  sprintf(text, "%s%d #%d %.*s%s; ", packet[0] & 8 ? "again " : "publish ", qos, id, (int)(end - at < 4 ? end - at : 4), (const char*)at, expiry ? " expires" : "");
}

static int on_packet(mini_broker* broker, mini_link* link, const uint8_t* packet, size_t size, void* user) {
  static const char* const names[] = { "", "", "", "", "puback", "pubrec", "pubrel", "pubcomp", "subscribe", "", "unsubscribe", "", "ping", "", "disconnect", "" };
  scene* s = user;
  char text[64] = "";
  int type = packet[0] >> 4;
  (void)broker;
  if (type == 1) {
    connack(s, link);
    return 1;
  }
  if (type == 3) note_publish(s, packet, size, text);
  else if (type >= 4 && type <= 7 && size > 4) sprintf(text, "%s #%d %02x; ", names[type], packet[2] << 8 | packet[3], packet[4]);
  else if (type >= 4 && type <= 7) sprintf(text, "%s #%d; ", names[type], packet[2] << 8 | packet[3]);
  else sprintf(text, "%s; ", names[type]);
  strncat(s->log, text, sizeof s->log - strlen(s->log) - 1);
  return type != 14;
}

static void start(scene* s, int version) {
  mini_script script;
  memset(s, 0, sizeof *s);
  memset(&script, 0, sizeof script);
  script.on_packet = on_packet;
  script.user = s;
  s->version = version;
  s->broker = mini_broker_start(&script);
  rig_start(&s->r, NULL);
  s->c = rig_add(&s->r);
  s->o = rig_options(mini_broker_port(s->broker), version, "session");
  s->o.clean_start = version == 5;      /* in 3.1.1 a clean session ends with its connection */
  if (version == 5) {
    s->o.properties = expiry_100;
    s->o.properties_length = sizeof expiry_100;
  }
  CHECK(rig_connect(s->c, &s->o), "%s", s->c->text);
  s->o.clean_start = 0;
}
static void stop(scene* s) {
  rig_stop(&s->r);
  mini_broker_stop(s->broker);
}

static void copy_log(mini_broker* broker, void* argument) {
  char** pair = argument;
  (void)broker;
  strcpy(pair[1], pair[0]);
}
static void clear_log(mini_broker* broker, void* log) { (void)broker; *(char*)log = 0; }

/* waits until the client has sent so much, and compares */
#define EXPECT(s, want) expect(s, want, __LINE__)
static void expect(scene* s, const char* want, int line) {
  char got[sizeof s->log] = "";
  char* pair[2];
  double until = rig_now() + 5;
  pair[0] = s->log;
  pair[1] = got;
  while (strlen(got) < strlen(want) && rig_now() < until) {
    rig_drain(&s->r);
    uv_sleep(1);
    mini_broker_call(s->broker, copy_log, pair);
  }
  CHECK(strcmp(got, want) == 0, "line %d, version %d\n  got  %s\n  want %s", line, s->version, got, want);
  mini_broker_call(s->broker, clear_log, s->log);
}

/* packets of the server: an acknowledgement by type and identifier; PUBLISH to "t" */
static void answer(scene* s, int type, int id) {
  uint8_t packet[4] = { 0, 2, 0, 0 };
  packet[0] = (uint8_t)(type << 4 | (type == 6 ? 2 : 0));
  packet[3] = (uint8_t)id;
  mini_broker_send_all(s->broker, packet, 4);
}
static void deliver_to(scene* s, char topic, int qos, int id, int dup) {
  uint8_t packet[16] = { 0x30, 0, 0, 1, (uint8_t)topic };
  uint8_t n = 5;
  packet[0] = (uint8_t)(0x30 | qos << 1 | dup << 3);
  if (qos) packet[n++] = 0, packet[n++] = (uint8_t)id;
  if (s->version == 5) packet[n++] = 0;
  packet[n++] = 'x';
  packet[1] = (uint8_t)(n - 2);
  mini_broker_send_all(s->broker, packet, n);
}
static void deliver(scene* s, int qos, int id, int dup) { deliver_to(s, 't', qos, id, dup); }
/* a message of QoS 0 that has come through: so has everything before it */
static void barrier(scene* s) {
  double until = rig_now() + 5;
  s->c->last_topic[0] = 0;
  deliver_to(s, 'b', 0, 0, 0);
  while (s->c->last_topic[0] != 'b' && rig_now() < until) {
    rig_drain(&s->r);
    uv_sleep(1);
  }
  CHECK(s->c->last_topic[0] == 'b', "no barrier");
}

static void publish(scene* s, int qos, const char* payload) { rig_publish(s->c, "topic", payload, strlen(payload), qos, 0); }
static void cut(scene* s) {
  int before = s->c->disconnected;
  mini_broker_cut_all(s->broker);
  CHECK(rig_wait(&s->r, &s->c->disconnected, before + 1, 5), "cut");
}
static void reconnect(scene* s, int session_present) {
  s->session_present = session_present;
  CHECK(rig_connect(s->c, &s->o) && s->c->session_present == session_present, "%s", s->c->text);
}

/* [MQTT-4.4.0-1] [MQTT-4.6.0-1] [MQTT-3.3.1-1] */
static void sent_again(int version) {
  scene s;
  const char* filter = "f";
  uint8_t option = 0;
  start(&s, version);
  publish(&s, 1, "a");
  publish(&s, 2, "b");
  publish(&s, 1, "c");
  publish(&s, 2, "d");
  publish(&s, 1, "e");
  EXPECT(&s, "publish 1 #1 a; publish 2 #2 b; publish 1 #3 c; publish 2 #4 d; publish 1 #5 e; ");
  answer(&s, 5, 2);
  answer(&s, 4, 3);
  EXPECT(&s, "pubrel #2; ");
  CHECK(rig_wait(&s.r, &s.c->done, 1, 5), "c is done");
  mqn_client_subscribe(s.r.env, s.c->number, 1, 1, &filter, &option, NULL, 0);
  EXPECT(&s, "subscribe; ");
  cut(&s);
  CHECK(s.c->kept == 4 && s.c->done == 1 && s.c->unsent == 0, "kept %d done %d", s.c->kept, s.c->done);
  CHECK(s.c->subscribed == 1 && s.c->subscribe_code == MQN_ERR_CONNECTION_LOST, "SUBSCRIBE is no part of the session: %d", s.c->subscribe_code);
  /* an attempt that fails changes nothing */
  s.refuse = (uint8_t)(version == 5 ? 0x88 : 3);
  CHECK(!rig_connect(s.c, &s.o) && s.c->code == MQN_ERR_REFUSED && s.c->kept == 4, "code %d kept %d", s.c->code, s.c->kept);
  s.refuse = 0;
  reconnect(&s, 1);
  publish(&s, 0, "f");
  publish(&s, 1, "g");
  EXPECT(&s, "pubrel #2; again 1 #1 a; again 2 #4 d; again 1 #5 e; publish 0 #0 f; publish 1 #7 g; ");
  /* cut once more, before anything was answered */
  cut(&s);
  CHECK(s.c->kept == 5, "kept %d", s.c->kept);
  reconnect(&s, 1);
  EXPECT(&s, "pubrel #2; again 1 #1 a; again 2 #4 d; again 1 #5 e; again 1 #7 g; ");
  answer(&s, 4, 1);
  answer(&s, 7, 2);
  answer(&s, 5, 4);
  answer(&s, 4, 5);
  answer(&s, 4, 7);
  EXPECT(&s, "pubrel #4; ");
  answer(&s, 7, 4);
  CHECK(rig_wait(&s.r, &s.c->done, 7, 5) && s.c->failed == 0, "done %d failed %d", s.c->done, s.c->failed);
  cut(&s);
  CHECK(s.c->kept == 0, "kept %d", s.c->kept);
  stop(&s);
}

/* [MQTT-3.2.2-5]: with Session Present 0 what was in flight fails before the connection is told, and nothing of it is sent. */
static void session_lost(int version) {
  scene s;
  start(&s, version);
  publish(&s, 1, "a");
  publish(&s, 2, "b");
  publish(&s, 2, "c");
  publish(&s, 2, "d");
  EXPECT(&s, "publish 1 #1 a; publish 2 #2 b; publish 2 #3 c; publish 2 #4 d; ");
  answer(&s, 5, 4);
  answer(&s, 5, 2);
  EXPECT(&s, "pubrel #4; pubrel #2; ");
  cut(&s);
  reconnect(&s, 1);              /* [MQTT-4.6.0-4] PUBRELs in the order of the PUBRECs */
  EXPECT(&s, "pubrel #4; pubrel #2; again 1 #1 a; again 2 #3 c; ");
  answer(&s, 7, 4);
  CHECK(rig_wait(&s.r, &s.c->done, 1, 5), "d is done");
  s.c->done = s.c->credits = 0;
  cut(&s);
  CHECK(s.c->kept == 3 && s.c->done == 0, "kept %d done %d", s.c->kept, s.c->done);
  reconnect(&s, 0);
  CHECK(s.c->failed == 3 && s.c->last_code == MQN_ERR_CONNECTION_LOST, "failed %d code %d", s.c->failed, s.c->last_code);
  CHECK(s.c->credits_at_connect == 3, "credits %d", s.c->credits_at_connect);
  publish(&s, 1, "new");
  EXPECT(&s, "publish 1 #1 new; ");
  answer(&s, 4, 1);
  CHECK(rig_wait(&s.r, &s.c->done, 4, 5) && s.c->failed == 3, "done %d failed %d", s.c->done, s.c->failed);
  stop(&s);
}

/* [MQTT-3.1.2-4]: a clean start, another version or another client gives the session up, before the attempt. */
static void given_up(int version, int how) {
  scene s;
  start(&s, version);
  publish(&s, 1, "a");
  publish(&s, 2, "b");
  EXPECT(&s, "publish 1 #1 a; publish 2 #2 b; ");
  cut(&s);
  CHECK(s.c->kept == 2, "kept %d", s.c->kept);
  if (how == 0) s.o.clean_start = 1;
  if (how == 1) s.o.client_id = "other";
  if (how == 2) {
    s.o.protocol_version = (uint8_t)(s.version = version ^ 1);
    s.o.properties_length = 0;
  }
  s.refuse = (uint8_t)(s.version == 5 ? 0x88 : 3);
  CHECK(!rig_connect(s.c, &s.o) && s.c->kept == 0, "kept %d", s.c->kept);
  CHECK(s.c->failed == 2 && s.c->last_code == MQN_ERR_CONNECTION_LOST, "failed %d code %d", s.c->failed, s.c->last_code);
  s.refuse = 0;
  reconnect(&s, 0);
  publish(&s, 1, "new");
  EXPECT(&s, "publish 1 #1 new; ");
  stop(&s);
}

/* The session ends with the connection: without a Session Expiry Interval, or when the server or DISCONNECT says so (3.1.2.11.2). */
static void not_kept(int version, int how) {
  static const uint8_t expiry_none[] = { 17, 0, 0, 0, 0 };
  scene s;
  start(&s, version);
  cut(&s);
  s.expiry_0 = how == 0 && version == 5;
  if (version == 4) s.o.clean_start = 1;
  reconnect(&s, 0);
  publish(&s, 1, "a");
  EXPECT(&s, "publish 1 #1 a; ");
  if (how == 0) {
    cut(&s);
  } else {
    int before = s.c->disconnected;
    mqn_client_close(s.r.env, s.c->number, 0, expiry_none, sizeof expiry_none);
    CHECK(rig_wait(&s.r, &s.c->disconnected, before + 1, 5), "closed");
  }
  CHECK(s.c->kept == 0 && s.c->failed == 1, "kept %d failed %d", s.c->kept, s.c->failed);
  stop(&s);
}

/* 3.2.2.3.2: the server gives a Session Expiry Interval that was not asked for. An attempt that asks for none, and fails, ends nothing either. */
static void kept_by_the_server(void) {
  scene s;
  start(&s, 5);
  cut(&s);
  s.o.properties_length = 0;
  s.o.clean_start = 1;
  s.expiry_granted = 100;
  reconnect(&s, 0);
  publish(&s, 1, "a");
  publish(&s, 2, "b");
  EXPECT(&s, "publish 1 #1 a; publish 2 #2 b; ");
  cut(&s);
  CHECK(s.c->kept == 2 && s.c->failed == 0, "kept %d failed %d", s.c->kept, s.c->failed);
  s.o.clean_start = 0;
  s.refuse = 0x88;
  CHECK(!rig_connect(s.c, &s.o) && s.c->kept == 2, "kept %d", s.c->kept);
  s.refuse = 0;
  reconnect(&s, 1);
  EXPECT(&s, "again 1 #1 a; again 2 #2 b; ");
  stop(&s);
}

/* [MQTT-3.1.3-7]: the identifier that was left to the server and then assigned is the same session. */
static void assigned_identifier(void) {
  scene s;
  start(&s, 5);
  s.o.client_id = "";
  s.o.clean_start = 1;
  cut(&s);
  reconnect(&s, 0);
  publish(&s, 1, "a");
  EXPECT(&s, "publish 1 #1 a; ");
  cut(&s);
  s.o.client_id = "assigned";
  s.o.clean_start = 0;
  reconnect(&s, 1);
  EXPECT(&s, "again 1 #1 a; ");
  stop(&s);
}

/* The link breaks while large publishes are being written: each of them is done, kept or given back, and what was kept is sent again. */
static void broken_while_writing(int version) {
  size_t large = 1 << 20;
  char* payload = calloc(1, large);
  scene s;
  int i, k, published = 0;
  if (!payload) abort();
  start(&s, version);
  for (i = 0; i < 20; i++) {
    int ended = s.c->disconnected, kept = s.c->kept;
    s.c->unsent = 0;
    mini_broker_pause_all(s.broker, 1);
    for (k = 0; k < 4; k++) rig_publish(s.c, "topic", payload, large, 1 + k % 2, 0);
    if (i % 2) rig_run(&s.r, 0.002);
    mini_broker_cut_all(s.broker);
    for (k = 0; k < 4; k++) rig_publish(s.c, "topic", payload, large, 1 + k % 2, 0);
    published += 8;
    CHECK(rig_wait(&s.r, &s.c->disconnected, ended + 1, 5), "round %d", i);
    CHECK(rig_wait(&s.r, &s.c->unsent, 8 - (s.c->kept - kept), 5), "round %d: kept %d, %d before, %d went back", i, s.c->kept, kept, s.c->unsent);
    published -= s.c->unsent;
    CHECK(s.c->done == 0 && published == s.c->kept, "round %d: done %d, %d publishes, kept %d", i, s.c->done, published, s.c->kept);
    if (s.c->kept > 40) break;
    reconnect(&s, 1);
  }
  s.o.clean_start = 1;
  if (s.c->disconnected < s.c->connected) cut(&s);
  reconnect(&s, 0);
  CHECK(s.c->done == published && s.c->failed == published, "done %d of %d", s.c->done, published);
  stop(&s);
  free(payload);
}

/* What waited for the window goes back in order, small and large, with and without properties, and so does what is submitted when the end is not yet known. */
static void goes_back(int version) {
  static const uint8_t expiry[] = { 2, 0, 0, 0, 90 };
  size_t large = 300000;
  char* payload = calloc(1, large);
  mqn_publish_options p;
  scene s;
  int i, ended;
  if (!payload) abort();
  start(&s, version);
  s.o.window = 2;
  cut(&s);
  reconnect(&s, 1);
  memset(&p, 0, sizeof p);
  p.struct_size = sizeof p;
  for (i = 0; i < 12; i++) {
    char topic[16];
    p.qos = (uint8_t)(i % 3 ? i % 3 : i < 3);
    p.slot = 100 + i;
    p.properties = expiry;
    p.properties_length = version == 5 && i % 4 == 3 ? sizeof expiry : 0;
    sprintf(topic, "t/%d", i);
    snprintf(payload, 8, "%d", i);
    CHECK(mqn_publish(s.r.env, s.c->number, topic, payload, i % 2 ? large : 2, &p) == MQN_OK, "publish %d", i);
  }
  EXPECT(&s, "publish 1 #1 0; publish 1 #2 1; ");
  ended = s.c->disconnected;
  mini_broker_cut_all(s.broker);
  uv_sleep(50);                 /* most likely the reactor knows by now and this side does not; the order is the same if not */
  p.slot = 112;
  p.qos = 0;
  CHECK(mqn_publish(s.r.env, s.c->number, "t/12", "12", 2, &p) == MQN_OK, "late publish");
  CHECK(rig_wait(&s.r, &s.c->disconnected, ended + 1, 5) && rig_wait(&s.r, &s.c->unsent, 11, 5), "unsent %d", s.c->unsent);
  CHECK(s.c->kept == 2 && s.c->done == 0, "kept %d done %d", s.c->kept, s.c->done);
  for (i = 2; i < 13; i++) {
    char topic[16], number[16];
    sprintf(topic, "t/%d", i);
    sprintf(number, "%d", i);
    CHECK(strcmp(s.c->back[i - 2].topic, topic) == 0 && strncmp(s.c->back[i - 2].payload, number, strlen(number)) == 0, "place %d: %s %s", i, s.c->back[i - 2].topic,
          s.c->back[i - 2].payload);
    CHECK(s.c->back[i - 2].slot == 100 + i && s.c->back[i - 2].qos == (i < 12 ? i % 3 : 0), "slot %d qos %d", s.c->back[i - 2].slot, s.c->back[i - 2].qos);
    CHECK(s.c->back[i - 2].length == (i % 2 ? large : 2), "length %u", s.c->back[i - 2].length);
    if (i < 12) CHECK(s.c->back[i - 2].properties == (version == 5 && i % 4 == 3 ? sizeof expiry : 0), "properties %u", s.c->back[i - 2].properties);
    if (s.c->back[i - 2].properties) CHECK(s.c->back[i - 2].expiry <= 90 && s.c->back[i - 2].expiry > 60, "expiry %u", s.c->back[i - 2].expiry);
  }
  /* and to a client that has no connection at all */
  CHECK(mqn_publish(s.r.env, s.c->number, "t/13", "13", 2, &p) == MQN_OK && rig_wait(&s.r, &s.c->unsent, 12, 5), "unsent %d", s.c->unsent);
  reconnect(&s, 1);
  EXPECT(&s, "again 1 #1 0; again 1 #2 1; ");
  stop(&s);
  free(payload);
}

/* [MQTT-3.3.4-7]: a server that takes less than before gets no more than it says, in the first order, and nothing new overtakes the rest. */
static void smaller_receive_maximum(void) {
  const char* filter = "f";
  uint8_t option = 0;
  scene s;
  start(&s, 5);
  publish(&s, 2, "a");
  publish(&s, 1, "b");
  publish(&s, 1, "c");
  publish(&s, 2, "d");
  publish(&s, 1, "e");
  EXPECT(&s, "publish 2 #1 a; publish 1 #2 b; publish 1 #3 c; publish 2 #4 d; publish 1 #5 e; ");
  answer(&s, 5, 4);
  EXPECT(&s, "pubrel #4; ");
  cut(&s);
  s.receive_maximum = 3;
  reconnect(&s, 1);
  publish(&s, 0, "f");
  publish(&s, 1, "g");
  mqn_client_subscribe(s.r.env, s.c->number, 1, 1, &filter, &option, NULL, 0);
  EXPECT(&s, "pubrel #4; again 2 #1 a; again 1 #2 b; subscribe; ");
  answer(&s, 4, 3);               /* of a PUBLISH that was not sent here: an answer to nothing */
  barrier(&s);
  CHECK(s.c->done == 0, "done %d", s.c->done);
  answer(&s, 7, 4);
  EXPECT(&s, "again 1 #3 c; ");
  answer(&s, 4, 3);
  EXPECT(&s, "again 1 #5 e; publish 0 #0 f; ");
  answer(&s, 4, 2);
  EXPECT(&s, "publish 1 #7 g; ");
  answer(&s, 4, 7);
  answer(&s, 4, 5);
  answer(&s, 5, 1);
  EXPECT(&s, "pubrel #1; ");
  answer(&s, 7, 1);
  CHECK(rig_wait(&s.r, &s.c->done, 7, 5) && s.c->failed == 0, "done %d failed %d", s.c->done, s.c->failed);
  stop(&s);
}

/* [MQTT-3.2.2-15]: a server that takes smaller packets than before does not get the larger ones again; their publishes fail. */
static void smaller_packets(void) {
  char large[100];
  scene s;
  memset(large, 'l', sizeof large);
  start(&s, 5);
  publish(&s, 1, "a");
  rig_publish(s.c, "topic", large, sizeof large, 1, 0);
  rig_publish(s.c, "topic", large, sizeof large, 2, 0);
  rig_publish(s.c, "topic", large, sizeof large, 2, 0);
  publish(&s, 1, "e");
  EXPECT(&s, "publish 1 #1 a; publish 1 #2 llll; publish 2 #3 llll; publish 2 #4 llll; publish 1 #5 e; ");
  answer(&s, 5, 3);
  EXPECT(&s, "pubrel #3; ");
  cut(&s);
  s.maximum_packet = 80;
  reconnect(&s, 1);
  EXPECT(&s, "pubrel #3; again 1 #1 a; again 1 #5 e; ");
  CHECK(rig_wait(&s.r, &s.c->done, 2, 5) && s.c->failed == 2 && s.c->last_code == MQN_ERR_PACKET_TOO_LARGE, "done %d code %d", s.c->done, s.c->last_code);
  answer(&s, 4, 1);
  answer(&s, 7, 3);
  answer(&s, 4, 5);
  CHECK(rig_wait(&s.r, &s.c->done, 5, 5) && s.c->failed == 2, "done %d failed %d", s.c->done, s.c->failed);
  stop(&s);
}

/* [MQTT-4.3.3-10]: a QoS 2 message that was answered is known on the next connection. */
static void incoming_answered(int version) {
  scene s;
  start(&s, version);
  deliver(&s, 2, 9, 0);
  EXPECT(&s, "pubrec #9; ");
  cut(&s);
  reconnect(&s, 1);
  deliver(&s, 2, 9, 1);
  EXPECT(&s, "pubrec #9; ");
  deliver(&s, 2, 9, 1);
  EXPECT(&s, "pubrec #9; ");
  cut(&s);
  reconnect(&s, 1);
  answer(&s, 6, 9);               /* this time the server has had the PUBREC */
  EXPECT(&s, "pubcomp #9; ");
  CHECK(s.c->messages == 1, "messages %d", (int)s.c->messages);
  deliver(&s, 2, 9, 0);           /* and now it is a new one */
  EXPECT(&s, "pubrec #9; ");
  CHECK(s.c->messages == 2, "messages %d", (int)s.c->messages);
  stop(&s);
}

/* The link is lost while the application is busy with it: the answer comes when it is done, on the connection there is then. */
enum { DONE_AT_LAST, DONE_WITHOUT_A_LINK, DONE_BEFORE_IT_IS_REPEATED };
static void incoming_busy(int version, int when) {
  const char* filter = "f";
  uint8_t option = 0;
  scene s;
  start(&s, version);
  s.c->auto_ack = 0;
  deliver(&s, 1, 3, 0);
  deliver(&s, 2, 9, 0);
  barrier(&s);
  cut(&s);
  if (when == DONE_WITHOUT_A_LINK) mqn_ack(s.r.env, s.c->number, 2, 0);
  reconnect(&s, 1);
  if (when == DONE_BEFORE_IT_IS_REPEATED) mqn_ack(s.r.env, s.c->number, 2, 0);
  mqn_client_subscribe(s.r.env, s.c->number, 1, 1, &filter, &option, NULL, 0);
  EXPECT(&s, "subscribe; ");      /* nothing is answered that this connection has not brought */
  deliver(&s, 2, 9, 1);
  barrier(&s);
  CHECK(s.c->messages == 4, "delivered once, with two barriers and a QoS 1: %d", (int)s.c->messages);
  if (when == DONE_AT_LAST) {
    deliver(&s, 1, 3, 1);         /* QoS 1 is delivered again */
    barrier(&s);
    mqn_ack(s.r.env, s.c->number, 2, 0);
    EXPECT(&s, "pubrec #9; ");
    mqn_ack(s.r.env, s.c->number, 1, 0);
    EXPECT(&s, "puback #3; ");
  } else {
    EXPECT(&s, "pubrec #9; ");
  }
  answer(&s, 6, 9);
  EXPECT(&s, "pubcomp #9; ");
  stop(&s);
}

/* [MQTT-4.3.3-12]: refused by the application. The exchange is over, and a repetition is a new message. */
static void incoming_refused(int repeated_before) {
  scene s;
  start(&s, 5);
  s.c->auto_ack = 0;
  deliver(&s, 2, 9, 0);
  barrier(&s);
  cut(&s);
  if (!repeated_before) mqn_ack(s.r.env, s.c->number, 1, 0x83);
  reconnect(&s, 1);
  if (repeated_before) {
    deliver(&s, 2, 9, 1);
    barrier(&s);
    mqn_ack(s.r.env, s.c->number, 1, 0x83);
    EXPECT(&s, "pubrec #9 83; ");
    CHECK(s.c->messages == 3, "messages %d", (int)s.c->messages);
  }
  deliver(&s, 2, 9, !repeated_before);
  CHECK(rig_wait_messages(&s.r, s.c, repeated_before ? 4 : 3, 5), "messages %d", (int)s.c->messages);
  mqn_ack(s.r.env, s.c->number, 1, 0);
  EXPECT(&s, "pubrec #9; ");
  answer(&s, 6, 9);
  EXPECT(&s, "pubcomp #9; ");
  stop(&s);
}

/* The server has lost the session: the same identifiers are new messages, and the application's count goes on. */
static void incoming_lost(int version) {
  scene s;
  start(&s, version);
  s.c->auto_ack = 0;
  deliver(&s, 2, 9, 0);
  deliver(&s, 1, 3, 0);
  barrier(&s);
  cut(&s);
  reconnect(&s, 0);
  deliver(&s, 1, 3, 0);
  deliver(&s, 2, 9, 0);
  barrier(&s);
  CHECK(s.c->messages == 6, "messages %d", (int)s.c->messages);
  mqn_ack(s.r.env, s.c->number, 3, 0);
  EXPECT(&s, "puback #3; ");
  mqn_ack(s.r.env, s.c->number, 1, 0);
  EXPECT(&s, "pubrec #9; ");
  stop(&s);
}

/* 3.3.2.3.3: what waits for the window grows older. */
static void expires_in_the_queue(void) {
  static const uint8_t one[] = { 2, 0, 0, 0, 1 }, hundred[] = { 2, 0, 0, 0, 100 };
  mqn_publish_options p;
  scene s;
  start(&s, 5);
  s.o.window = 1;
  cut(&s);
  reconnect(&s, 1);
  publish(&s, 1, "a");
  memset(&p, 0, sizeof p);
  p.struct_size = sizeof p;
  p.qos = 1;
  p.properties = one;
  p.properties_length = sizeof one;
  mqn_publish(s.r.env, s.c->number, "t", "b", 1, &p);
  p.properties = hundred;
  mqn_publish(s.r.env, s.c->number, "t", "c", 1, &p);
  mqn_publish(s.r.env, s.c->number, "t", "d", 1, &p);
  publish(&s, 1, "e");
  EXPECT(&s, "publish 1 #1 a; ");
  uv_sleep(2100);                /* time itself is what this is about */
  answer(&s, 4, 1);
  EXPECT(&s, "publish 1 #2 c expires; ");
  CHECK(rig_wait(&s.r, &s.c->done, 2, 5) && s.c->failed == 1 && s.c->last_code == MQN_ERR_EXPIRED, "done %d code %d", s.c->done, s.c->last_code);
  cut(&s);
  CHECK(s.c->unsent == 2 && s.c->back[0].expiry <= 98 && s.c->back[0].expiry >= 90, "unsent %d expiry %u", s.c->unsent, s.c->back[0].expiry);
  stop(&s);
}

/* Destroyed with a session that waits for a connection: each of its publishes ends. */
static void destroyed(int version) {
  scene s;
  start(&s, version);
  publish(&s, 1, "a");
  publish(&s, 2, "b");
  EXPECT(&s, "publish 1 #1 a; publish 2 #2 b; ");
  deliver(&s, 2, 9, 0);
  EXPECT(&s, "pubrec #9; ");
  cut(&s);
  mqn_client_destroy(s.r.env, s.c->number);
  CHECK(rig_wait(&s.r, &s.c->destroyed, 1, 5) && s.c->failed == 2 && s.c->last_code == MQN_ERR_CLOSED, "failed %d code %d", s.c->failed, s.c->last_code);
  s.c = rig_add(&s.r);
  reconnect(&s, 0);
  publish(&s, 2, "c");
  EXPECT(&s, "publish 2 #1 c; ");
  cut(&s);
  CHECK(s.c->kept == 1, "kept %d", s.c->kept);
  stop(&s);                      /* the environment goes with it */
}

int main(void) {
  int version, how;
  for (version = 4; version <= 5; version++) {
    sent_again(version);
    session_lost(version);
    for (how = 0; how < 3; how++) given_up(version, how);
    not_kept(version, 0);
    goes_back(version);
    broken_while_writing(version);
    incoming_answered(version);
    incoming_busy(version, DONE_AT_LAST);
    incoming_busy(version, DONE_WITHOUT_A_LINK);
    incoming_busy(version, DONE_BEFORE_IT_IS_REPEATED);
    incoming_lost(version);
    destroyed(version);
  }
  not_kept(5, 1);
  kept_by_the_server();
  assigned_identifier();
  smaller_receive_maximum();
  smaller_packets();
  incoming_refused(0);
  incoming_refused(1);
  expires_in_the_queue();
  return check_result();
}
