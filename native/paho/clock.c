/* MQTTTime.h: one reading of the clock a turn, shared by all that happens in it. */
#include "link.h"
#include "MQTTTime.h"

static uint64_t now_ms;
static START_TIME_TYPE now;     /* struct timeval; on Windows milliseconds */

void mqn_port_refresh_clock(void) {
  uint64_t ns = uv_hrtime();
  now_ms = ns / 1000000;
#if defined(_WIN32)
  now = (START_TIME_TYPE)now_ms;
#else
  now.tv_sec = (time_t)(ns / 1000000000);
  now.tv_usec = (suseconds_t)(ns % 1000000000 / 1000);
#endif
}

uint64_t mqn_port_now_ms(void) { return now_ms; }

START_TIME_TYPE MQTTTime_start_clock(void) { return now; }
START_TIME_TYPE MQTTTime_now(void) { return now; }

DIFF_TIME_TYPE MQTTTime_difftime(START_TIME_TYPE later, START_TIME_TYPE earlier) {
#if defined(_WIN32)
  return (DIFF_TIME_TYPE)(later - earlier);
#else
  return (DIFF_TIME_TYPE)(later.tv_sec - earlier.tv_sec) * 1000 + ((DIFF_TIME_TYPE)later.tv_usec - earlier.tv_usec) / 1000;
#endif
}

ELAPSED_TIME_TYPE MQTTTime_elapsed(START_TIME_TYPE since) { return (ELAPSED_TIME_TYPE)MQTTTime_difftime(now, since); }
void MQTTTime_sleep(ELAPSED_TIME_TYPE ms) { (void)ms; }
int mqn_paho_usleep(unsigned us) { (void)us; return 0; }   /* MQTTAsync_stop() would wait for threads that are not there */

static uint64_t age(START_TIME_TYPE t) {
  DIFF_TIME_TYPE d = MQTTTime_difftime(now, t);
  return d < 0 || (uint64_t)d > now_ms ? 0 : now_ms - (uint64_t)d;
}
uint64_t mqn_port_last_sent(const mqn_link_owner* owner) { return age(((MQTTAsyncs*)owner->paho)->c->net.lastSent); }
uint64_t mqn_port_last_received(const mqn_link_owner* owner) { return age(((MQTTAsyncs*)owner->paho)->c->net.lastReceived); }
uint64_t mqn_port_last_ping(const mqn_link_owner* owner) { return age(((MQTTAsyncs*)owner->paho)->c->net.lastPing); }
int mqn_port_ping_outstanding(const mqn_link_owner* owner) { return ((MQTTAsyncs*)owner->paho)->c->ping_outstanding; }
