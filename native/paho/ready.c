/* Socket_getReadySocket(): which link Paho looks at next. A link is named only when the guard has passed a whole packet of it, or when it
 * has ended and all that came before the end is handled: Paho never sees a partial, malformed or unsolicited packet.
 *
 * Order of a link's life as Paho sees it: packets in order of arrival, then the failure, once. */
#include <stdlib.h>
#include <string.h>
#include "mqtt_native.h"
#include "link.h"
#include "Socket.h"

#define PACKETS_PER_LINK 512     /* of one link before the next has its turn */
#define PACKETS_PER_STEP 16384   /* then what they caused is written */

static mqn_link *ready_first, *ready_last;   /* to look at in this step */
static mqn_link *later_first, *later_last;   /* budget used up: next step */
static mqn_link* current;                    /* named to Paho, until it asks for the next one */
static size_t current_end;                   /* where its packet ends in connection->in */
static int step_budget;

mqn_link* mqn_link_current(void) { return current; }

void mqn_link_ready(mqn_link* link) {
  if (link->queued || link->held) return;
  link->queued = 1;
  link->budget = PACKETS_PER_LINK;
  link->next_ready = NULL;
  if (ready_last) ready_last->next_ready = link; else ready_first = link;
  ready_last = link;
}

static mqn_link* pop(void) {
  mqn_link* link = ready_first;
  ready_first = link->next_ready;
  if (!ready_first) ready_last = NULL;
  link->next_ready = NULL;
  link->queued = 0;
  return link;
}

/* Paho has closed the link while a step may be looking at it: it is freed when its turn in the list comes. */
void mqn_link_free_later(mqn_link* link) {
  int at_once = link->failed == 2;
  if (link == current) current = NULL;
  mqn_connection_close(link->connection, at_once);
  link->connection = NULL;
  link->handling = 0;
  link->held = 0;
  mqn_link_ready(link);
}

/* The packet Paho was handling is over, whatever Paho took of it. */
static void finish_current(void) {
  if (!current) return;
  current->connection->in.start = current_end;
  current->handling = 0;
  current->packet_size = 0;
  current = NULL;
}

/* What Paho reads next: the packet as it lies in the buffer. */
static void show(mqn_link* link, const uint8_t* data) {
  link->shown = (const char*)data;
  link->shown_left = link->packet_size;
}

/* Of a QoS 2 exchange Paho keeps the identifier. The message was delivered: without topic, properties and payload there is nothing to copy. */
static void show_exchange(mqn_link* link, uint8_t first_byte) {
  uint8_t* p = link->exchange;
  *p++ = first_byte;
  *p++ = link->owner->version == 5 ? 5 : 4;
  *p++ = 0;
  *p++ = 0;
  *p++ = (uint8_t)(link->view.id >> 8);
  *p++ = (uint8_t)link->view.id;
  if (link->owner->version == 5) *p++ = 0;
  link->shown = (const char*)link->exchange;
  link->shown_left = (size_t)(p - link->exchange);
}

/* A PUBLISH is delivered from where it lies, before Paho could copy it, at every QoS: in 3.1.1 Paho would deliver QoS 2 after its PUBREC has promised
 * the message (see acks.c). 1: that was all, Paho has no part in it; 0: it has one, or the link has failed. */
static int on_publish(mqn_link* link, uint8_t first_byte) {
  mqn_link_owner* owner = link->owner;
  unsigned qos = link->view.flags >> 1 & 3;
  if (qos == 2) {
    show_exchange(link, first_byte);
    mqn_core_on_publish(owner, &link->view);
    return 0;
  }
  mqn_core_on_publish(owner, &link->view);
  if (link->failed) return 0;
  if (qos == 1 && mqn_ack_later(owner, PUBACK, link->view.id) != 0) return 0;
  mqn_link_client(link)->net.lastReceived = MQTTTime_now();
  return 1;
}

/* 1: a whole packet that Paho may see; 2: one in which it has no part; 0: none yet; -1: the link has ended */
static int next_packet(mqn_link* link) {
  mqn_connection* c = link->connection;
  mqn_guard* guard = &link->owner->guard;
  while (!link->failed) {
    const uint8_t* data = (const uint8_t*)c->in.data + c->in.start;
    size_t length = mqn_buffer_length(&c->in);
    mqn_verdict verdict;
    if (link->packet_size == 0) {
      verdict = length == 0 ? MQN_GUARD_WAIT : mqn_guard_header(guard, data, length, &link->packet_size);
      if (verdict == MQN_GUARD_WAIT) return 0;
      if (verdict == MQN_GUARD_FAIL) break;
    }
    if (length < link->packet_size) {
      Clients* client = mqn_link_client(link);
      /* a large packet arrives slowly: a sign of life that Paho does not count (MQTTProtocolClient.c:730) */
      if (client) client->net.lastReceived = MQTTTime_now();
      mqn_connection_expect(c, link->packet_size, mqn_packet_content_place(data, length, link->owner->version));
      return 0;
    }
    if (*data >> 4 == PUBLISH && !mqn_core_can_receive(link->owner)) return 0;
    verdict = mqn_guard_packet(guard, data, link->packet_size);
    if (verdict == MQN_GUARD_FAIL) break;
    ++mqn_port_count.packets_in;
    if (verdict == MQN_GUARD_DROP) {
      c->in.start += link->packet_size;
      link->packet_size = 0;
      continue;
    }
    mqn_packet_read(data, link->packet_size, link->owner->version, &link->view);
    if (link->owner->releasing && link->view.type == PUBCOMP && mqn_leftover_released(link->owner, link->view.id)) {
      c->in.start += link->packet_size;
      link->packet_size = 0;
      mqn_core_on_link_writable(link->owner);
      continue;
    }
    show(link, data);
    if (link->view.type == PUBLISH) {
      if (on_publish(link, data[0])) {
        if (!link->content_taken) c->in.start += link->packet_size;
        link->content_taken = 0;
        link->packet_size = 0;
        return 2;
      }
      if (link->failed) break;
    }
    link->handling = 1;
    return 1;
  }
  if (!link->failed) mqn_port_fail(link->owner, guard->no_memory ? MQN_ERR_NO_MEMORY : MQN_ERR_PROTOCOL, guard->reason, guard->text);
  return -1;
}

void* mqn_port_take_content(mqn_link_owner* owner, void** block) {
  mqn_link* link = owner->link;
  mqn_buffer* in = &link->connection->in;
  const mqn_packet_view* view = &link->view;
  const uint8_t* content = view->properties_length ? view->properties : view->payload;
  size_t from = (size_t)((const char*)content - (in->data + in->start));
  void* taken = mqn_buffer_hand_over(in, from, (size_t)view->properties_length + view->payload_length, block);
  link->content_taken = taken != NULL;
  return taken;
}

/* Those whose budget was used up come again, when all others have had their turn. */
static int next_round(void) {
  mqn_link* link;
  if (!later_first) return 0;
  ready_first = later_first;
  ready_last = later_last;
  later_first = later_last = NULL;
  for (link = ready_first; link; link = link->next_ready) link->budget = PACKETS_PER_LINK;
  return 1;
}

SOCKET Socket_getReadySocket(int more_work, int timeout, mutex_type mutex, int* rc, int* interrupted) {
  (void)more_work; (void)timeout; (void)mutex; (void)interrupted;
  *rc = 0;
  finish_current();
  while (step_budget > 0 && (ready_first || next_round())) {
    mqn_link* link = ready_first;
    int state;
    if (!link->socket) {
      free(pop());
      continue;
    }
    if (link->held) {
      pop();
      continue;
    }
    if (link->budget == 0) {
      pop();
      link->queued = 1;
      if (later_last) later_last->next_ready = link; else later_first = link;
      later_last = link;
      continue;
    }
    state = next_packet(link);
    if (state > 0) {
      --link->budget;
      --step_budget;
      if (state == 2) continue;
      current = link;
      current_end = link->connection->in.start + link->packet_size;
      mqn_link_prime(link);
      return (SOCKET)link->socket;
    }
    if (link->held) {                /* its packets come before whatever ended it */
      pop();
      mqn_connection_taken(link->connection);
      continue;
    }
    if (state < 0 || link->connection->state == MQN_CONNECTION_FAILED) {
      pop();                       /* told once; Paho closes it, which brings it back to be freed */
      link->failed = link->failed ? link->failed : 1;
      mqn_link_note_failure(link);
      *rc = SOCKET_ERROR;
      mqn_link_prime(link);
      return (SOCKET)link->socket;
    }
    pop();
    mqn_connection_taken(link->connection);
  }
  MQTTAsync_tostop = 1;
  return 0;
}

int mqn_port_step_receive(void) {
  uint64_t before = mqn_port_count.packets_in;
  mqn_link* link;
  for (link = ready_first; link; link = link->next_ready) link->budget = PACKETS_PER_LINK;
  step_budget = PACKETS_PER_STEP;
  MQTTAsync_tostop = 0;
  MQTTAsync_receiveThread(NULL);
  MQTTAsync_tostop = 0;
  return (int)(mqn_port_count.packets_in - before);
}
int mqn_port_receive_pending(void) { return ready_first != NULL || later_first != NULL; }

void mqn_port_hold(mqn_link_owner* owner, int hold) {
  mqn_link* link = owner->link;
  if (!link || link->held == hold) return;
  link->held = hold;
  mqn_connection_hold(link->connection, hold);
  if (!hold) {
    Clients* client = mqn_link_client(link);
    if (client) client->net.lastReceived = MQTTTime_now();   /* what came meanwhile was not read: the silence was ours */
    mqn_link_ready(link);
  }
}
int mqn_port_held(const mqn_link_owner* owner) { return owner->link && owner->link->held; }

void mqn_port_fail(mqn_link_owner* owner, int error, uint8_t reason_code, const char* text) {
  mqn_link* link = owner->link;
  if (!link || link->failed) return;
  if (!owner->error) {
    owner->error = error;
    owner->reason_code = reason_code;
    strncpy(owner->error_text, text, sizeof owner->error_text - 1);
    owner->error_text[sizeof owner->error_text - 1] = 0;
  }
  if (owner->version == 5 && owner->guard.connected && reason_code) {
    uint8_t disconnect[3] = { 0xe0, 1, 0 };
    disconnect[2] = reason_code;
    mqn_link_write(link, disconnect, sizeof disconnect);
  }
  link->failed = 1;
  link->held = 0;
  mqn_link_ready(link);
}

/* destroyed by the application: nothing more is written, not even what is buffered */
void mqn_port_abandon(mqn_link_owner* owner) {
  if (owner->link) owner->link->failed = 2;
}

const mqn_packet_view* mqn_port_current_packet(const mqn_link_owner* owner) {
  return owner->link && owner->link->handling ? &owner->link->view : NULL;
}

int mqn_port_can_write(mqn_link_owner* owner) {
  MQTTAsyncs* m = owner->paho;
  return m && owner->link && !owner->link->failed && m->c->connected && m->c->connect_state == NOT_IN_PROGRESS &&
         !mqn_connection_backlogged(owner->link->connection);
}
uint64_t mqn_port_written(const mqn_link_owner* owner) { return owner->link ? owner->link->bytes_written : 0; }
uint64_t mqn_port_flushed(const mqn_link_owner* owner) { return owner->link ? owner->link->connection->bytes_out : 0; }

int mqn_port_start(uv_loop_t* loop) {
  ready_first = ready_last = later_first = later_last = current = NULL;
  mqn_transport_init(loop);
  mqn_port_refresh_clock();
  return mqn_link_table_start();
}
void mqn_port_end(void) {
  while (ready_first) free(pop());
  while (later_first) {
    mqn_link* link = later_first;
    later_first = link->next_ready;
    free(link);
  }
  mqn_link_table_end();
  mqn_transport_end();
  mqn_memory_end();
}
