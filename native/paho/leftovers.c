/* QoS 2 exchanges that an earlier process left at the server.
 *
 *   1. a process publishes with identifier 7, the server answers PUBREC, the process is killed;
 *   2. its successor connects, Session Present is 1, and it remembers nothing; its identifiers begin at 1 again;
 *   3. it publishes with identifier 7: to the server a repetition of the old message. It answers PUBREC and PUBCOMP, and the new message is gone,
 *      though it was acknowledged.
 * So in a session like that an identifier is released before it is used for QoS 2 the first time: PUBREL ends the old exchange, if there is one (the
 * message of it had been sent), and is answered with PUBCOMP in any case (4.3.3-11). Some at a time, ahead of what is published. */
#include <stdlib.h>
#include <string.h>
#include "mqtt_native.h"
#include "link.h"

#define BYTES 8192             /* a bit an identifier: the server may have an exchange under it */
#define AT_ONCE 64

static int is_left(const mqn_link_owner* owner, uint16_t id) { return owner->leftovers[id >> 3] >> (id & 7) & 1; }

void mqn_port_leftovers_begin(mqn_link_owner* owner) {
  mqn_port_leftovers_forget(owner);
  if (!(owner->leftovers = malloc(BYTES))) mqn_port_fail(owner, MQN_ERR_NO_MEMORY, 0x97, "no memory for a session");
  else memset(owner->leftovers, 0xff, BYTES);
}

void mqn_port_leftovers_forget(mqn_link_owner* owner) {
  mqn_port_leftovers_end_link(owner);
  free(owner->leftovers);
  owner->leftovers = NULL;
}

/* PUBRELs without an answer: their identifiers are free again, and still not released. */
void mqn_port_leftovers_end_link(mqn_link_owner* owner) {
  uint32_t i;
  for (i = 0; i < owner->releasing; i++) mqn_ids_remove(&owner->guard.outgoing, owner->released[i]);
  owner->releasing = 0;
}

static void release_some(mqn_link_owner* owner, uint16_t id) {
  Clients* client = ((MQTTAsyncs*)owner->paho)->c;
  uint32_t i;
  for (i = 0; i < AT_ONCE; i++, id = id == 65535 ? 1 : (uint16_t)(id + 1)) {
    if (!is_left(owner, id) || mqn_ids_find(&owner->guard.outgoing, id)) continue;
    if (MQTTPacket_send_pubrel(owner->version, id, 0, &client->net, client->clientID) != TCPSOCKET_COMPLETE) return;
    owner->released[owner->releasing++] = id;
  }
}

int mqn_port_can_publish_2(mqn_link_owner* owner) {
  uint16_t id;
  if (!owner->leftovers) return 1;
  if (!(id = mqn_next_identifier(owner))) return 1;       /* none is free: that is told elsewhere */
  if (!is_left(owner, id)) return 1;
  if (!owner->releasing) release_some(owner, id);
  return 0;
}

int mqn_leftover_released(mqn_link_owner* owner, uint16_t id) {
  uint32_t i;
  for (i = 0; i < owner->releasing && owner->released[i] != id; i++) {}
  if (i == owner->releasing) return 0;
  owner->released[i] = owner->released[--owner->releasing];
  owner->leftovers[id >> 3] &= (uint8_t)~(1u << (id & 7));
  return 1;
}
