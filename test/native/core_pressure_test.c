/* ctest-timeout: 180
 * Back-pressure both ways: a binding that does not take its messages stops the reading of that one client, a server that does not read stops the writing,
 * memory stays bounded, keepalive survives, and nothing is lost or out of order. A thousand clients share one thread, idle ones cost no wake-ups. */
#include <stdlib.h>
#include <string.h>
#include "check.h"
#include "mini_broker.h"
#include "rig.h"

static void slow_binding(int version, int qos) {
  mini_broker* broker = mini_broker_start(NULL);
  rig r;
  rig_client *slow, *other;
  mqn_open_options o = rig_options(mini_broker_port(broker), version, "slow");
  mqn_env_options e;
  double until;
  memset(&e, 0, sizeof e);
  e.messages_size = 256u << 10;
  e.completions_entries = 64;
  rig_start(&r, &e);
  slow = rig_add(&r);
  other = rig_add(&r);
  o.keep_alive = 1;
  o.receive_maximum = 60000;
  CHECK(rig_connect(slow, &o), "%s", slow->text);
  slow->check_order = 1;
  mini_broker_flood(broker, "flood", 50000, 200, qos);     /* 10 MB, into a ring of 256 KiB */
  o.client_id = "other";
  until = rig_now() + 2.5;
  while (rig_now() < until) uv_sleep(10);                  /* takes nothing: longer than two keepalives */
  CHECK(slow->messages == 0, "nothing was taken");
  CHECK(mini_broker_count(broker, 12) >= 1, "PINGREQ while reading is held: %d", (int)mini_broker_count(broker, 12));
  CHECK(rig_wait_messages(&r, slow, 50000, 60), "messages %d", (int)slow->messages);
  CHECK(slow->disorder == 0 && slow->disconnected == 0, "disorder %d, disconnected %d: %s", (int)slow->disorder, slow->disconnected, slow->text);
  until = rig_now() + 20;
  while (qos && mini_broker_count(broker, qos == 1 ? 4 : 5) < 50000 && rig_now() < until) rig_run(&r, 0.05);
  if (qos) CHECK(mini_broker_count(broker, qos == 1 ? 4 : 5) == 50000, "acknowledged %d", (int)mini_broker_count(broker, qos == 1 ? 4 : 5));
  CHECK(rig_connect(other, &o), "%s", other->text);
  rig_stop(&r);
  mini_broker_stop(broker);
}

/* 3.1.1 has no Receive Maximum: what the application has not acknowledged is bounded by not reading on. */
static void unacknowledged_is_bounded(int version) {
  mini_broker* broker = mini_broker_start(NULL);
  rig r;
  rig_client* c;
  mqn_open_options o = rig_options(mini_broker_port(broker), version, "unacknowledged");
  rig_start(&r, NULL);
  c = rig_add(&r);
  c->auto_ack = 0;
  o.receive_maximum = 10;
  CHECK(rig_connect(c, &o), "%s", c->text);
  mini_broker_flood(broker, "flood", 100, 10, 1);
  if (version == 5) {
    /* [MQTT-3.3.4-9] the server sends more than Receive Maximum: DISCONNECT 0x93 */
    CHECK(rig_wait(&r, &c->disconnected, 1, 5) && c->code == MQN_ERR_PROTOCOL && c->reason_code == 0x93, "code %d reason %02x", c->code, c->reason_code);
    CHECK(c->messages == 10, "messages %d", (int)c->messages);
  } else {
    uint64_t done = 0;
    CHECK(rig_wait_messages(&r, c, 10, 5), "messages %d", (int)c->messages);
    rig_run(&r, 0.1);
    CHECK(c->messages == 10, "read on: %d", (int)c->messages);
    CHECK(mini_broker_count(broker, 4) == 0, "PUBACK before the application was done");
    while (done < 100 && rig_wait_messages(&r, c, done + 10, 5)) {
      mqn_ack(r.env, c->number, 10, 0);
      done += 10;
    }
    rig_run(&r, 0.1);
    CHECK(c->messages == 100 && mini_broker_count(broker, 4) == 100, "messages %d PUBACK %d", (int)c->messages, (int)mini_broker_count(broker, 4));
  }
  rig_stop(&r);
  mini_broker_stop(broker);
}

static void slow_server(void) {
  mini_broker* broker = mini_broker_start(NULL);
  char* payload = calloc(1, 1 << 20);
  rig r;
  rig_client* c;
  mqn_open_options o = rig_options(mini_broker_port(broker), 5, "upload");
  int i;
  if (!payload) abort();
  rig_start(&r, NULL);
  c = rig_add(&r);
  CHECK(rig_connect(c, &o) && rig_subscribe(c, "up", 0), "%s", c->text);
  mini_broker_pause_all(broker, 1);
  for (i = 0; i < 64; i++) rig_publish(c, "up", payload, 1 << 20, i % 3, 0);
  rig_run(&r, 0.5);
  CHECK(c->done < 64, "64 MB fit into nowhere: %d done", c->done);
  mini_broker_pause_all(broker, 0);
  CHECK(rig_wait(&r, &c->done, 64, 60) && c->failed == 0, "done %d failed %d", c->done, c->failed);
  CHECK(rig_wait_messages(&r, c, 64, 60), "messages %d", (int)c->messages);
  /* destroyed with a backlog: gone at once, requests told */
  mini_broker_pause_all(broker, 1);
  for (i = 0; i < 16; i++) rig_publish(c, "up", payload, 1 << 20, 1, 0);
  mqn_client_destroy(r.env, c->number);
  CHECK(rig_wait(&r, &c->destroyed, 1, 5) && c->done == 80 && c->last_code == MQN_ERR_CLOSED, "done %d code %d", c->done, c->last_code);
  rig_stop(&r);
  mini_broker_stop(broker);
  free(payload);
}

static void thousand_clients(void) {
  mini_broker* broker = mini_broker_start(NULL);
  rig r;
  rig_client* clients[1000];
  mqn_open_options o = rig_options(mini_broker_port(broker), 5, "");
  mqn_counters before, after;
  char name[32];
  int i, connected = 0, done = 0, messages = 0;
  double until;
  rig_start(&r, NULL);
  for (i = 0; i < 1000; i++) {
    clients[i] = rig_add(&r);
    sprintf(name, "client-%d", i);
    o.client_id = name;
    o.protocol_version = (uint8_t)(4 + i % 2);
    mqn_client_open(r.env, clients[i]->number, &o);
  }
  until = rig_now() + 30;
  while (connected < 1000 && rig_now() < until) {
    rig_run(&r, 0.01);
    for (connected = i = 0; i < 1000; i++) connected += clients[i]->connected;
  }
  CHECK(connected == 1000, "connected %d", connected);
  for (i = 0; i < 1000; i++) {
    const char* filter = name;
    uint8_t option = 1;
    sprintf(name, "own/%d", i);
    mqn_client_subscribe(r.env, clients[i]->number, 1, 1, &filter, &option, NULL, 0);
  }
  for (i = 0; i < 1000; i++) CHECK(rig_wait(&r, &clients[i]->subscribed, 1, 20), "subscribe of %d", i);
  for (i = 0; i < 3000; i++) {
    sprintf(name, "own/%d", i % 1000);
    rig_publish(clients[(i * 7) % 1000], name, "0123456789", 10, 1 + i % 2, 0);
  }
  until = rig_now() + 60;
  while ((done < 3000 || messages < 3000) && rig_now() < until) {
    rig_run(&r, 0.01);
    for (done = messages = i = 0; i < 1000; i++) done += clients[i]->done, messages += (int)clients[i]->messages;
  }
  CHECK(done == 3000 && messages == 3000, "done %d messages %d", done, messages);
  for (i = 0; i < 1000; i++) CHECK(clients[i]->messages == 3, "client %d got %d", i, (int)clients[i]->messages);
  rig_run(&r, 0.2);
  mqn_counters_read(&before);
  uv_sleep(2000);
  mqn_counters_read(&after);
  CHECK(after.turns - before.turns <= 5, "idle for 2 s with 1,000 clients: %d turns", (int)(after.turns - before.turns));
  rig_stop(&r);
  mini_broker_stop(broker);
}

/* Many clients and a ring that holds a small part of what comes for them. Nothing is lost or out of order, none waits until all the others have everything, and
 * one that is destroyed while it waits for the ring takes nobody with it. */
static void full_ring(int qos) {
  enum { CLIENTS = 200, MESSAGES = 1500, SIZE = 100 };
  mini_broker* broker = mini_broker_start(NULL);
  rig r;
  rig_client* clients[CLIENTS];
  mqn_open_options o = rig_options(mini_broker_port(broker), 5, "");
  mqn_env_options e;
  char name[32];
  int i, without = 0, finished = 0, watched = 0;
  double until;
  memset(&e, 0, sizeof e);
  e.messages_size = 256u << 10;
  rig_start(&r, &e);
  o.receive_maximum = 60000;
  for (i = 0; i < CLIENTS; i++) {
    clients[i] = rig_add(&r);
    clients[i]->check_order = 1;
    sprintf(name, "full-%d", i);
    o.client_id = name;
    CHECK(rig_connect(clients[i], &o), "%s", clients[i]->text);
  }
  mini_broker_flood(broker, "flood", MESSAGES, SIZE, qos);
  uv_sleep(500);                                             /* takes nothing: all of them wait */
  for (i = 1; i < CLIENTS; i += 10) mqn_client_destroy(r.env, clients[i]->number);
  until = rig_now() + 60;
  while (finished < CLIENTS - CLIENTS / 10 && rig_now() < until) {
    rig_run(&r, 0.001);
    for (finished = without = i = 0; i < CLIENTS; i++) {
      if (i % 10 == 1) continue;
      finished += clients[i]->messages == MESSAGES;
      without += clients[i]->messages == 0;
    }
    if (finished > CLIENTS / 4 && !watched) {
      watched = 1;
      CHECK(without == 0, "%d clients had everything, %d nothing", finished, without);
    }
  }
  for (i = 0; i < CLIENTS; i++) {
    if (i % 10 == 1) CHECK(clients[i]->destroyed == 1, "client %d", i);
    else CHECK(clients[i]->messages == MESSAGES && clients[i]->disorder == 0 && clients[i]->disconnected == 0, "client %d: %d messages, %d out of order: %s",
               i, (int)clients[i]->messages, (int)clients[i]->disorder, clients[i]->text);
  }
  rig_stop(&r);
  mini_broker_stop(broker);
}

/* A connect that hangs costs nothing (paho.md 5). */
static void pending_connect_sleeps(void) {
  mini_script script;
  mini_broker* broker;
  rig r;
  rig_client* c;
  mqn_open_options o;
  mqn_counters before, after;
  memset(&script, 0, sizeof script);
  script.mute = 1;
  broker = mini_broker_start(&script);
  rig_start(&r, NULL);
  c = rig_add(&r);
  o = rig_options(mini_broker_port(broker), 5, "pending");
  mqn_client_open(r.env, c->number, &o);
  rig_run(&r, 0.2);
  mqn_counters_read(&before);
  uv_sleep(1000);
  mqn_counters_read(&after);
  CHECK(after.turns - before.turns <= 3, "turns while CONNACK is awaited: %d", (int)(after.turns - before.turns));
  rig_stop(&r);
  mini_broker_stop(broker);
}

int main(void) {
  int version;
  for (version = 4; version <= 5; version++) {
    slow_binding(version, 0);
    slow_binding(version, 1);
    slow_binding(version, 2);
    unacknowledged_is_bounded(version);
  }
  slow_server();
  full_ring(0);
  full_ring(1);
  thousand_clients();
  pending_connect_sleeps();
  return check_result();
}
