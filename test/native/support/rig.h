/* One environment with clients whose events are counted: what most of the core's tests start from. */
#ifndef MQN_TEST_RIG_H
#define MQN_TEST_RIG_H
#include <stdint.h>
#include <uv.h>
#include "mqtt_native.h"

typedef struct rig rig;
typedef struct rig_client {
  rig* rig;
  int32_t number;
  int connected, open_failed, disconnected, destroyed;      /* how often */
  int session_present, code, reason_code;                   /* of the last of them */
  char text[512];
  int done, failed, last_code;                              /* publishes with a slot; failed: code != 0 */
  int subscribed, unsubscribed, subscribe_code;             /* a SUBACK's first reason code, or the code */
  uint64_t messages, bytes, disorder;                       /* disorder: payload does not start with "%010u" of messages */
  int last_qos, last_retain;
  char last_topic[64];
  uint32_t last_length, last_properties;
  uint8_t last_property_bytes[256];
  int check_order, check_fill;                              /* check_fill: byte i of the payload is i * 31 from byte 10 on */
  int auto_ack;                                             /* default 1 */
  uint32_t to_ack;                                          /* QoS 1/2 messages not yet acknowledged */
  int unsent;                                               /* publishes that went back, and the first of them in order */
  struct { char topic[16], payload[16]; uint32_t length, properties, expiry; int qos; int32_t slot; } back[64];
  int credits, credits_at_connect;                          /* publishes that left the queue, and when CONNECTED came */
  int kept;                                                 /* in flight after the end of the last attempt or connection */
} rig_client;

struct rig {
  mqn_env* env;
  uv_sem_t notified;
  rig_client* clients[8192];
  int dropped_events;
};

void rig_start(rig* r, const mqn_env_options* options);
void rig_stop(rig* r);
rig_client* rig_add(rig* r);
mqn_open_options rig_options(int port, int version, const char* client_id);
void rig_drain(rig* r);
/* drains until *value >= least, or `seconds` have passed: 1 or 0 */
int rig_wait(rig* r, const int* value, int least, double seconds);
int rig_wait_messages(rig* r, const rig_client* c, uint64_t least, double seconds);
void rig_run(rig* r, double seconds);                       /* drains for so long */
int rig_connect(rig_client* c, const mqn_open_options* options);
int rig_subscribe(rig_client* c, const char* filter, int qos);
/* publishes with slot 0; waits for room when the ring is full */
void rig_publish(rig_client* c, const char* topic, const void* payload, size_t length, int qos, int retain);
/* 50 MB there and back at QoS 0, 1 and 2, every byte checked; the client is connected */
void rig_large_round_trips(rig_client* c);
double rig_now(void);
#endif
