/* The port: Paho's platform layer on our transport. This header is what native/core sees of it; the other half of the port
 * implements Paho's own internal headers (Thread.h, Socket.h, WebSocket.h, ...). Everything runs on the reactor thread.
 *
 * A link is one connection as Paho sees it: Paho holds a small number instead of a descriptor, Socket_new() made it. */
#ifndef MQN_PORT_H
#define MQN_PORT_H
#include <stddef.h>
#include <stdint.h>
#include "connection.h"
#include "guard.h"
#include "memory.h"

typedef struct mqn_link mqn_link;
typedef struct mqn_link_owner mqn_link_owner;

/* The client behind a link, embedded in the core's client. Outlives its links. */
struct mqn_link_owner {
  mqn_guard guard;
  mqn_link* link;                 /* NULL: none */
  void* paho;                     /* MQTTAsync */
  void *handle_element, *client_element;   /* of Paho's two lists, as long as `paho` lives */
  uint8_t version;                /* 4 or 5 */
  mqn_endpoint endpoint;          /* where Socket_new() connects to */
  /* of CONNACK, 0 until then: topic aliases to use in PUBLISH, and the largest packet the server takes (0: no limit) */
  uint16_t outgoing_aliases;
  uint32_t server_maximum_packet;
  /* why the link ended; the first cause wins */
  int error;                      /* MQN_ERR_*, 0: not yet */
  uint8_t reason_code;
  char error_text[512];
  mqn_buffer error_properties;    /* of CONNACK or DISCONNECT */
  /* valid for the client */
  /* Messages delivered at PUBLISH and not yet answered, in order of arrival: PUBACK or PUBREC waits for the application. The application counts
   * messages and not connections, so an entry stays until it is done with, also when there is nothing left to be answered: type 0.
   *   1. QoS 2 message 7 is delivered; before the application is done with it the link is lost;
   *   2. on the next one the server, which has the session, repeats the PUBLISH: it is not delivered again, and not answered either;
   *   3. the application is done: PUBREC.
   * When 3 comes before 2, the guard's entry of 7 says so (MQN_ID_IN_RELEASE), and the repetition is answered at once. When the server has lost the
   * session, 7 may be the identifier of a new message: the old entry is of type 0 then, and answers nothing. */
  struct mqn_pending_ack { uint16_t id; uint8_t type; } *acks;
  uint32_t acks_capacity, acks_head, acks_tail;   /* a power-of-two ring, positions run freely */
  uint32_t acks_earlier;          /* so many of them, the first, came by earlier links */
  /* valid for the session (leftovers.c) */
  uint8_t* leftovers;             /* identifiers under which the server may have an exchange of an earlier process; NULL: none */
  uint16_t released[64];          /* PUBREL was sent for these, and is not answered */
  uint32_t releasing;
  /* valid for the connection */
  uint32_t resend;                /* PUBLISH of the session that are to be sent again, before anything new */
};

/* ---- what the core implements (native/core/src) ---- */
mqn_link_owner* mqn_core_find_owner(int key);               /* Paho's URI is tcp://<key>:1 */
void mqn_core_on_link_writable(mqn_link_owner* owner);      /* bytes left, or the backlog fell: more may be sent */
void mqn_core_on_link_closed(mqn_link_owner* owner);        /* Paho let go of the link; owner->error may be 0: closed on purpose */
void mqn_core_on_publish(mqn_link_owner* owner, const mqn_packet_view* view);  /* guard.repeated: a message that was delivered before */
int mqn_core_can_receive(mqn_link_owner* owner);            /* 0: no PUBLISH now; the link was held, and is let go when there is room */
void mqn_core_log(int level, const char* text);

/* ---- life ---- */
int mqn_port_start(uv_loop_t* loop);     /* 0, or MQN_ERR_NO_MEMORY */
void mqn_port_end(void);
void mqn_port_refresh_clock(void);       /* once a turn: Paho's clock answers from a cache */
uint64_t mqn_port_now_ms(void);

/* ---- steps of the reactor ---- */
void mqn_port_step_send(void);           /* Paho's send loop until it is idle */
int mqn_port_step_receive(void);         /* Paho's receive loop until it is idle or the turn's budget is used up; packets handled */
int mqn_port_receive_pending(void);      /* packets are left over for the next turn */

/* ---- a client's link ---- */
void mqn_port_created(mqn_link_owner* owner);          /* after MQTTAsync_create(): owner->paho is the newest of all */
void mqn_port_destroy(mqn_link_owner* owner);          /* MQTTAsync_destroy(), if there is one */
void mqn_port_prime(mqn_link_owner* owner);            /* makes Paho's next look-up of this client O(1) */
int mqn_port_can_write(mqn_link_owner* owner);         /* connected, and the backlog is below the high mark */
uint64_t mqn_port_written(const mqn_link_owner* owner);/* bytes given to the connection since it opened */
uint64_t mqn_port_flushed(const mqn_link_owner* owner);/* of these, bytes the kernel has taken */
void mqn_port_hold(mqn_link_owner* owner, int hold);   /* 1: no packet of this client reaches Paho */
int mqn_port_held(const mqn_link_owner* owner);
/* Ends the link: MQTT 5 says why in a DISCONNECT with this reason code, when CONNACK has come and reason_code is not 0. Paho hears of it in the next receive step. */
void mqn_port_fail(mqn_link_owner* owner, int error, uint8_t reason_code, const char* text);
void mqn_port_abandon(mqn_link_owner* owner);           /* before MQTTAsync_destroy(): without DISCONNECT, and what is buffered is dropped */
int mqn_port_ping(mqn_link_owner* owner);              /* PINGREQ; 0 or -1 */
/* The packet Paho is handling now for this client; NULL outside of a receive step. Good until the callback returns. */
const mqn_packet_view* mqn_port_current_packet(const mqn_link_owner* owner);
/* keepalive's clock, ms of mqn_port_now_ms(): when bytes last went out or came in */
uint64_t mqn_port_last_sent(const mqn_link_owner* owner);
uint64_t mqn_port_last_received(const mqn_link_owner* owner);
uint64_t mqn_port_last_ping(const mqn_link_owner* owner);
int mqn_port_ping_outstanding(const mqn_link_owner* owner);

/* ---- acknowledgements (acks.c) ---- */
void mqn_port_ack(mqn_link_owner* owner, uint32_t count, uint8_t reason_code);   /* the next `count` pending ones leave */
void mqn_port_acks_ended(mqn_link_owner* owner);        /* the link is gone: no PUBACK any more, the rest belongs to the session */
void mqn_port_acks_void(mqn_link_owner* owner);         /* the session is gone, too; they still count */
void mqn_port_forget_acks(mqn_link_owner* owner);       /* the client is gone, so are they */
uint32_t mqn_port_acks_pending(const mqn_link_owner* owner);

/* ---- a session over connections (session.c): owner->paho is there ---- */
void mqn_port_keep(mqn_link_owner* owner);              /* CONNECT was written: from here on nothing but CONNACK ends Paho's session */
const char* mqn_port_client_id(const mqn_link_owner* owner);
int mqn_port_set_client_id(mqn_link_owner* owner, const char* id);   /* MQN_OK, or MQN_ERR_NO_MEMORY */
void mqn_port_end_link(mqn_link_owner* owner);          /* the link goes, requests but publishes fail; the session stays */
void mqn_port_resend_begin(mqn_link_owner* owner);      /* CONNACK said Session Present: nothing was sent on this connection */
/* Every PUBREL that is due, and the next PUBLISH, at most `quota`; the rest waits for the next call. The request of a PUBLISH that is larger than the
 * server takes now fails. */
void mqn_port_resend(mqn_link_owner* owner, uint32_t quota);

/* ---- exchanges of an earlier process (leftovers.c) ---- */
void mqn_port_leftovers_begin(mqn_link_owner* owner);   /* CONNACK said Session Present, and there is no session here */
void mqn_port_leftovers_end_link(mqn_link_owner* owner);
void mqn_port_leftovers_forget(mqn_link_owner* owner);  /* the session is gone, so are they */
/* Whether the identifier that Paho will get next may be used for QoS 2; 0: it is being released, mqn_core_on_link_writable() follows. */
int mqn_port_can_publish_2(mqn_link_owner* owner);

/* ---- packet identifiers (identifiers.c) ---- */
/* Paho asks for an identifier while the core is inside MQTTAsync_send() and friends; what it is for is said here before. */
void mqn_port_expect_identifier(uint8_t state, uint32_t count);

/* MQTTAsync_send() was called with a payload of no bytes, and Paho has not looked at it yet: it gets this one, from mqn_memory_new_shared(), and
 * frees it. */
void mqn_port_give_payload(void* payload, uint32_t length);

/* Inside mqn_core_on_publish(), for QoS 0 and 1: the memory that the message came in is the core's, with all that the view points to. Returns its payload
 * with the properties in front of it, *block is that memory: to mqn_memory_free_shared(), or, when all else in it has been read, what is returned alone to
 * mqn_memory_keep_part(). NULL: it has to be copied. */
void* mqn_port_take_content(mqn_link_owner* owner, void** block);

/* ---- properties as on the wire (without the length) to Paho's, and free them with MQTTProperties_free() ---- */
struct MQTTProperties;
int mqn_port_read_properties(const void* bytes, uint32_t length, struct MQTTProperties* properties);   /* 0, or MQN_ERR_ARGUMENT / MQN_ERR_NO_MEMORY */

typedef struct mqn_port_counters { uint64_t packets_in, packets_out, bytes_in, bytes_out, connections; } mqn_port_counters;
extern mqn_port_counters mqn_port_count;
#endif
