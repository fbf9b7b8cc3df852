/* A small MQTT broker for the core's tests: a thread and a loop of its own, 3.1.1 and 5, QoS 0 to 2, exact filters and those that end in `#`. What a test wants
 * otherwise it sets in the script before the client connects, or asks for with mini_broker_call(). */
#ifndef MQN_TEST_MINI_BROKER_H
#define MQN_TEST_MINI_BROKER_H
#include <stddef.h>
#include <stdint.h>
#include "tls_fixture.h"

typedef struct mini_broker mini_broker;
typedef struct mini_link mini_link;

typedef struct mini_script {
  /* 1: handled, the broker does nothing itself. Called on the broker's thread with a whole packet. */
  int (*on_packet)(mini_broker* broker, mini_link* link, const uint8_t* packet, size_t size, void* user);
  void* user;
  int mute;                  /* accepts and never answers anything */
  int no_pingresp;
  uint8_t connack_reason;    /* 3.1.1: return code */
  const uint8_t* connack_properties;
  size_t connack_properties_length;
  const tls_identity* identity;   /* TLS with this certificate; NULL: plain TCP */
} mini_script;

mini_broker* mini_broker_start(const mini_script* script);   /* on a free port of 127.0.0.1 */
int mini_broker_port(const mini_broker* broker);
void mini_broker_stop(mini_broker* broker);                  /* cuts what is connected */

/* Runs fn on the broker's thread and waits for it. */
void mini_broker_call(mini_broker* broker, void (*fn)(mini_broker* broker, void* argument), void* argument);

/* ---- on the broker's thread (from on_packet or fn) ---- */
void mini_broker_send(mini_link* link, const void* bytes, size_t length);
void mini_broker_cut(mini_link* link);                       /* closes without a word */
mini_link* mini_broker_first(mini_broker* broker);           /* of the links that are connected, newest first */
mini_link* mini_broker_next(mini_link* link);
void mini_broker_pause(mini_link* link, int pause);          /* 1: reads nothing more */
int mini_link_version(const mini_link* link);

/* ---- any thread, through mini_broker_call() ---- */
void mini_broker_send_all(mini_broker* broker, const void* bytes, size_t length);
void mini_broker_cut_all(mini_broker* broker);
void mini_broker_pause_all(mini_broker* broker, int pause);
/* packets of this type (1 CONNECT .. 15 AUTH) that have come, over all links */
unsigned long mini_broker_count(mini_broker* broker, int type);
/* sends `count` PUBLISH of `size` bytes at this QoS to every link; the payload starts with "%010u" of its number. Without waiting for acknowledgements */
void mini_broker_flood(mini_broker* broker, const char* topic, unsigned count, size_t size, int qos);
/* bytes written to links and not yet taken by the kernel */
size_t mini_broker_backlog(mini_broker* broker);
#endif
