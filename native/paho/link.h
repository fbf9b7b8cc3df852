/* Links, inside of the port. Reactor thread only. */
#ifndef MQN_LINK_H
#define MQN_LINK_H
#include "port.h"
#include "MQTTAsync.h"
#include "MQTTAsyncUtils.h"
#include "MQTTPacketOut.h"

typedef struct mqn_aliases mqn_aliases;

struct mqn_link {
  int socket;                   /* the number Paho knows; 0: Paho has let go of it */
  mqn_connection* connection;
  mqn_link_owner* owner;        /* NULL once Paho has let go of it */
  mqn_link* next_ready;
  int queued;                   /* in the list of links to look at */
  int budget;                   /* packets still allowed in this turn */
  int held, failed;
  size_t packet_size;           /* size of the packet at the start of connection->in, 0: not known yet */
  mqn_packet_view view;         /* the packet Paho is handling */
  int handling;                 /* view is good */
  int content_taken;            /* with the packet in front of it: it is not in connection->in any more */
  const char* shown;            /* what Paho has not read of this packet */
  size_t shown_left;
  uint8_t exchange[8];          /* shown to it instead of a PUBLISH of QoS 2 */
  uint64_t bytes_written, bytes_seen;
  /* Of a PINGREQ that waits behind other bytes: how many were written with it; 0: none waits.
   *   1. a large packet is on its way over a slow link, and for the keepalive nothing comes in: PINGREQ is written behind it
   *   2. half a keepalive later the packet is still leaving, and the link is given up because PINGRESP has not come; so is the next one
   * so the answer is awaited from when the question has left, and until then what leaves is the sign of life. */
  uint64_t ping_end;
  mqn_aliases* aliases;         /* of this side's topics, NULL until the first */
};

extern List* MQTTAsync_handles;       /* MQTTAsync.c */
extern ClientStates* bstate;          /* MQTTAsync.c */
extern int MQTTAsync_tostop;          /* MQTTAsync.c */

mqn_link* mqn_link_find(SOCKET socket);
mqn_link* mqn_link_of(const networkHandles* net);
void mqn_link_ready(mqn_link* link);          /* look at it in the next receive step */
void mqn_link_note_failure(mqn_link* link);   /* why the connection has failed becomes the reason, when nothing else is */
void mqn_link_prime(mqn_link* link);
Clients* mqn_link_client(mqn_link* link);
int mqn_link_write(mqn_link* link, const void* data, size_t length);
void mqn_link_free_later(mqn_link* link);
/* The alias this topic has, or gets now, on this connection; 0: none. *announced: the server knows it. (aliases.c) */
uint16_t mqn_alias_for(mqn_link* link, const char* topic, uint32_t length, int* announced);
void mqn_aliases_free(mqn_link* link);
uint16_t mqn_next_identifier(const mqn_link_owner* owner);    /* that Paho will get; 0: none is free. (identifiers.c) */
int mqn_leftover_released(mqn_link_owner* owner, uint16_t id);   /* PUBCOMP has come: 1: it is about a leftover, and not for Paho. (leftovers.c) */
int mqn_ack_later(mqn_link_owner* owner, uint8_t type, uint16_t id);   /* it was delivered: answered when the application is done. 0, or -1: the link has failed (acks.c) */
mqn_link* mqn_link_current(void);             /* the link whose packet Paho is handling, or NULL */
int mqn_link_table_start(void);
void mqn_link_table_end(void);
#endif
