/* Packet identifiers: one table a client knows what is in use, for Paho that wants a free one and for the guard that wants to know what an
 * answer belongs to. Identifiers go up by one, so the next is free unless it is 65,535 requests old (2.2.1-3). */
#include "link.h"

static uint8_t expected_state = MQN_ID_RESERVED;
static uint32_t expected_count;

void mqn_port_expect_identifier(uint8_t state, uint32_t count) {
  expected_state = state;
  expected_count = count;
}

uint16_t mqn_next_identifier(const mqn_link_owner* owner) {
  int id = ((const MQTTAsyncs*)owner->paho)->c->msgID;
  if (owner->guard.outgoing.used >= 65535) return 0;
  do id = id >= 65535 ? 1 : id + 1; while (mqn_ids_find(&owner->guard.outgoing, (uint16_t)id));
  return (uint16_t)id;
}

/* Called by MQTTAsync.c as MQTTAsync_assignMsgId(); 0: none is free. */
int mqn_paho_assign_identifier(MQTTAsyncs* m) {
  mqn_link_owner* owner = m->clContext;
  mqn_id_entry* entry;
  int id = mqn_next_identifier(owner);
  if (!id) return 0;
  if (!(entry = mqn_ids_add(&owner->guard.outgoing, (uint16_t)id, expected_state))) return 0;
  entry->count = expected_count;
  m->c->msgID = id;
  return id;
}
