/* Thread.h: no threads and no locks. Both of Paho's loops are called by the reactor; where a loop would wait, it returns instead:
 * MQTTAsync_tostop ends it, and the reactor clears the flag before it calls again. */
#include <stdint.h>
#include "link.h"
#include "Thread.h"

/* Windows' Paho asks for handles that are not NULL (MQTTAsync.c:143); nobody looks inside. */
static uint64_t opaque[32];

void Paho_thread_start(thread_fn fn, void* arg) { (void)fn; (void)arg; }
int Thread_set_name(const char* name) { (void)name; return 0; }
thread_id_type Paho_thread_getid(void) { return (thread_id_type)1; }
mutex_type Paho_thread_create_mutex(int* rc) { *rc = 0; return (mutex_type)opaque; }
int Paho_thread_lock_mutex(mutex_type mutex) { (void)mutex; return 0; }
int Paho_thread_unlock_mutex(mutex_type mutex) { (void)mutex; return 0; }
int Paho_thread_destroy_mutex(mutex_type mutex) { (void)mutex; return 0; }
evt_type Thread_create_evt(int* rc) { *rc = 0; return (evt_type)opaque; }
int Thread_destroy_evt(evt_type event) { (void)event; return 0; }
int Thread_signal_evt(evt_type event) { (void)event; return 0; }

int Thread_wait_evt(evt_type event, int timeout) {   /* the send loop is idle */
  (void)event; (void)timeout;
  MQTTAsync_tostop = 1;
  return 0;
}

void mqn_port_step_send(void) {
  MQTTAsync_tostop = 0;
  MQTTAsync_sendThread(NULL);
  MQTTAsync_tostop = 0;
}
