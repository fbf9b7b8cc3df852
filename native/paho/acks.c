/* Acknowledgements leave when the application is done with the message, in order of arrival (4.6.0-2, -3).
 *
 * Paho would send PUBREC as soon as it has the PUBLISH; MQTTProtocolClient.c calls these instead. The core delivers every message at
 * its PUBLISH: QoS 1 and 2, 3.1.1 and 5 alike. So PUBACK and PUBREC wait, and a process that dies before its handler is done gets the
 * message again. Why PUBREC and not PUBCOMP:
 *   1. PUBLISH arrives, Paho answers PUBREC: the server may now forget the payload;
 *   2. the process is killed before the handler ran;
 *   3. on the next connection the server sends PUBREL only: the message is gone, though it was acknowledged.
 * A repeated PUBLISH of an exchange that has been answered is answered again at once. */
#include <stdlib.h>
#include "mqtt_native.h"
#include "link.h"
#include "MQTTProtocolClient.h"

int mqn_ack_later(mqn_link_owner* owner, uint8_t type, uint16_t id) {
  if (owner->link->failed) return SOCKET_ERROR;   /* no memory: it was not delivered, so nobody will be done with it */
  if (owner->acks_tail - owner->acks_head == owner->acks_capacity) {
    uint32_t i, count = owner->acks_tail - owner->acks_head, capacity = owner->acks_capacity ? owner->acks_capacity * 2 : 64;
    struct mqn_pending_ack* grown = malloc(sizeof *grown * capacity);
    if (!grown) {
      mqn_port_fail(owner, MQN_ERR_NO_MEMORY, 0x97, "no memory for an acknowledgement");
      return SOCKET_ERROR;
    }
    for (i = 0; i < count; i++) grown[i] = owner->acks[(owner->acks_head + i) & (owner->acks_capacity - 1)];
    free(owner->acks);
    owner->acks = grown;
    owner->acks_capacity = capacity;
    owner->acks_head = 0;
    owner->acks_tail = count;
  }
  owner->acks[owner->acks_tail & (owner->acks_capacity - 1)].id = id;
  owner->acks[owner->acks_tail++ & (owner->acks_capacity - 1)].type = type;
  return TCPSOCKET_COMPLETE;
}

static int waits(const mqn_link_owner* owner, uint16_t id) {
  uint32_t i;
  for (i = owner->acks_head; i != owner->acks_tail; i++)
    if (owner->acks[i & (owner->acks_capacity - 1)].id == id && owner->acks[i & (owner->acks_capacity - 1)].type == PUBREC) return 1;
  return 0;
}

int mqn_paho_send_puback(int version, int id, networkHandles* net, const char* client_id) {
  mqn_link* link = mqn_link_of(net);
  (void)version; (void)client_id;
  return link ? mqn_ack_later(link->owner, PUBACK, (uint16_t)id) : SOCKET_ERROR;
}

static Messages* incoming_message(const mqn_link_owner* owner, uint16_t id) {
  const MQTTAsyncs* m = owner->paho;
  int key = id;
  const ListElement* e = m ? ListFindItem(m->c->inboundMsgs, &key, messageIDCompare) : NULL;
  return e ? e->content : NULL;
}

/* The exchange is over: a PUBLISH with this identifier is a new message (4.3.3-12). */
static void forget_message(mqn_link_owner* owner, uint16_t id) {
  Messages* message = incoming_message(owner, id);
  if (!message) return;
  MQTTProtocol_removePublication(message->publish);
  if (message->MQTTVersion >= MQTTVERSION_5) MQTTProperties_free(&message->properties);   /* 3.1.1 leaves them unset */
  ListRemove(((MQTTAsyncs*)owner->paho)->c->inboundMsgs, message);
}

/* In MQTT 5 nobody will ask for the payload of a repeated PUBLISH, and Paho would never free it (MQTTProtocolClient.c:629). */
static void drop_repeated_payload(mqn_link_owner* owner, uint16_t id) {
  Messages* message = incoming_message(owner, id);
  if (!message) return;
  MQTTProtocol_removePublication(message->publish);
  message->publish = NULL;
}

int mqn_paho_send_pubrec(int version, int id, networkHandles* net, const char* client_id) {
  mqn_link* link = mqn_link_of(net);
  const mqn_id_entry* entry;
  if (!link) return SOCKET_ERROR;
  if (link->owner->guard.repeated && version >= 5) drop_repeated_payload(link->owner, (uint16_t)id);
  entry = mqn_ids_find(&link->owner->guard.incoming, (uint16_t)id);
  if (entry && entry->state == MQN_ID_IN_RELEASE) return MQTTPacket_send_pubrec(version, id, net, client_id);
  if (link->owner->guard.repeated && waits(link->owner, (uint16_t)id)) return TCPSOCKET_COMPLETE;   /* repeated before the application was done: one answer */
  return mqn_ack_later(link->owner, PUBREC, (uint16_t)id);
}

static int send_with_reason(mqn_link* link, uint8_t type, uint16_t id, uint8_t reason_code) {
  uint8_t packet[5] = { 0, 3, 0, 0, 0 };
  packet[0] = (uint8_t)(type << 4);
  packet[2] = (uint8_t)(id >> 8);
  packet[3] = (uint8_t)id;
  packet[4] = reason_code;
  ++mqn_port_count.packets_out;
  if (mqn_guard_sent(&link->owner->guard, packet[0], id, 0, reason_code) != 0) return SOCKET_ERROR;
  return mqn_link_write(link, packet, sizeof packet) == 0 ? TCPSOCKET_COMPLETE : SOCKET_ERROR;
}

/* PUBREL is answered at once. For an identifier nobody knows the answer says so (4.3.3-11, reason code 0x92). */
int mqn_paho_send_pubcomp(int version, int id, networkHandles* net, const char* client_id) {
  mqn_link* link = mqn_link_of(net);
  if (!link) return SOCKET_ERROR;
  if (version >= 5 && !mqn_ids_find(&link->owner->guard.incoming, (uint16_t)id)) return send_with_reason(link, PUBCOMP, (uint16_t)id, 0x92);
  return MQTTPacket_send_pubcomp(version, id, net, client_id);
}

static int can_answer(const mqn_link_owner* owner) {
  const MQTTAsyncs* m = owner->paho;
  return owner->link && !owner->link->failed && m && m->c->connected;
}

static void answer(mqn_link_owner* owner, struct mqn_pending_ack ack, uint8_t reason_code) {
  MQTTAsyncs* m = owner->paho;
  if (owner->version == 5 && reason_code) {
    send_with_reason(owner->link, ack.type, ack.id, reason_code);
    if (ack.type == PUBREC && reason_code >= 0x80) forget_message(owner, ack.id);
  } else if (ack.type == PUBACK) {
    MQTTPacket_send_puback(owner->version, ack.id, &m->c->net, m->c->clientID);
  } else {
    MQTTPacket_send_pubrec(owner->version, ack.id, &m->c->net, m->c->clientID);
  }
}

/* Of a message that came by a link that is gone: its PUBLISH is answered when it has come again on this one, else the session remembers what to answer. */
static void answer_earlier(mqn_link_owner* owner, struct mqn_pending_ack ack, uint8_t reason_code) {
  mqn_id_entry* entry = ack.type == PUBREC ? mqn_ids_find(&owner->guard.incoming, ack.id) : NULL;
  if (!entry || entry->state != MQN_ID_IN_2) return;
  if (entry->count && can_answer(owner)) {
    answer(owner, ack, reason_code);
  } else if (reason_code >= 0x80) {   /* nothing is sent, so 3.1.1 can have it as well */
    mqn_ids_remove(&owner->guard.incoming, ack.id);
    forget_message(owner, ack.id);
  } else {
    entry->state = MQN_ID_IN_RELEASE;
  }
}

void mqn_port_ack(mqn_link_owner* owner, uint32_t count, uint8_t reason_code) {
  for (; count > 0 && owner->acks_head != owner->acks_tail; count--) {
    struct mqn_pending_ack ack = owner->acks[owner->acks_head++ & (owner->acks_capacity - 1)];
    if (owner->acks_earlier) {
      --owner->acks_earlier;
      answer_earlier(owner, ack, reason_code);
    } else if (can_answer(owner)) {
      answer(owner, ack, reason_code);
    } else {
      answer_earlier(owner, ack, reason_code);
    }
  }
}

static void make_void(mqn_link_owner* owner, int puback_only) {
  uint32_t i;
  for (i = owner->acks_head; i != owner->acks_tail; i++) {
    struct mqn_pending_ack* ack = &owner->acks[i & (owner->acks_capacity - 1)];
    if (!puback_only || ack->type == PUBACK) ack->type = 0;
  }
  owner->acks_earlier = owner->acks_tail - owner->acks_head;
}
void mqn_port_acks_ended(mqn_link_owner* owner) { make_void(owner, 1); }
void mqn_port_acks_void(mqn_link_owner* owner) { make_void(owner, 0); }

void mqn_port_forget_acks(mqn_link_owner* owner) {
  free(owner->acks);
  owner->acks = NULL;
  owner->acks_capacity = owner->acks_head = owner->acks_tail = owner->acks_earlier = 0;
}
uint32_t mqn_port_acks_pending(const mqn_link_owner* owner) { return owner->acks_tail - owner->acks_head; }
