/* Keepalive of one client: a timer that fires when a PINGREQ may be due, not a walk over all clients. The client's timer is also its connect timeout, before. */
#include "core.h"

static void arm(mqn_client* c);

static void on_timer(uv_timer_t* timer) {
  mqn_client* c = timer->data;
  uint64_t now, sent, received;
  mqn_port_refresh_clock();
  now = mqn_port_now_ms();
  if (!c->owner.paho || !c->owner.link) return;
  sent = mqn_port_last_sent(&c->owner);
  received = mqn_port_last_received(&c->owner);
  if (mqn_port_held(&c->owner)) {
    /* nothing is read on purpose, so a PINGRESP may lie unread: only keep the server content */
    if (now - sent >= c->keep_alive_ms) mqn_port_ping(&c->owner);
  } else if (mqn_port_ping_outstanding(&c->owner)) {
    /* bytes of a large packet are an answer, too (Paho's rule, MQTTProtocolClient.c:730) */
    if (now - mqn_port_last_ping(&c->owner) >= c->keep_alive_ms / 2 && now - received >= c->keep_alive_ms + c->keep_alive_ms / 2) {
      mqn_port_fail(&c->owner, MQN_ERR_KEEP_ALIVE, 0x8d, "no PINGRESP within one and a half times the keep alive");
      return;
    }
  } else if (now - sent >= c->keep_alive_ms || now - received >= c->keep_alive_ms) {
    mqn_port_ping(&c->owner);
  }
  arm(c);
}

static void arm(mqn_client* c) {
  uint64_t now = mqn_port_now_ms(), sent = mqn_port_last_sent(&c->owner), received = mqn_port_last_received(&c->owner), due;
  if (mqn_port_held(&c->owner)) {
    due = sent + c->keep_alive_ms;
  } else if (mqn_port_ping_outstanding(&c->owner)) {
    due = received + c->keep_alive_ms + c->keep_alive_ms / 2;
    if (due < mqn_port_last_ping(&c->owner) + c->keep_alive_ms / 2) due = mqn_port_last_ping(&c->owner) + c->keep_alive_ms / 2;
  } else {
    due = (sent < received ? sent : received) + c->keep_alive_ms;
  }
  /* libuv's clock and ours differ by the age of the turn: never spin on a due time that is just reached */
  uv_update_time(mqn_reactor_loop());
  uv_timer_start(&c->timer, on_timer, due > now ? due - now + 1 : 10, 0);
}

void mqn_keep_alive_start(mqn_client* c) {
  uv_timer_stop(&c->timer);
  if (c->keep_alive_ms) arm(c);
}
void mqn_keep_alive_stop(mqn_client* c) { uv_timer_stop(&c->timer); }
