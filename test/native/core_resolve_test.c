/* ctest-timeout: 60
 * Names whose look-up hangs do not hold up another client, nor its own end (paho.md 4). getaddrinfo() is this program's: it waits for one name until the test
 * lets it go, on libuv's threads as the real one would, and leaves everything else to the real one. */
#include <string.h>
#include "check.h"
#include "mini_broker.h"
#include "rig.h"

#if !defined(_WIN32)
#include <dlfcn.h>
#include <netdb.h>

static uv_sem_t let_go;
static uv_sem_t asked;

typedef int (*lookup)(const char* node, const char* service, const struct addrinfo* hints, struct addrinfo** answers);

/* Takes the place of the C library's for everything in this program: libuv is linked statically. */
__attribute__((visibility("default")))
int getaddrinfo(const char* node, const char* service, const struct addrinfo* hints, struct addrinfo** answers) {
  lookup real;
  if (node == NULL || strcmp(node, "black.hole") != 0) {
    *(void**)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    return real(node, service, hints, answers);
  }
  uv_sem_post(&asked);
  uv_sem_wait(&let_go);
  uv_sem_post(&let_go);
  return EAI_NONAME;
}

enum { STUCK = 8 };

static void hanging_lookups_hold_up_nobody(void) {
  mini_broker* broker = mini_broker_start(NULL);
  rig r;
  rig_client* stuck[STUCK];
  rig_client* other;
  mqn_open_options o = rig_options(mini_broker_port(broker), 5, "stuck");
  int i;
  uv_sem_init(&let_go, 0);
  uv_sem_init(&asked, 0);
  rig_start(&r, NULL);
  o.host = "black.hole";
  for (i = 0; i < STUCK; i++) {
    stuck[i] = rig_add(&r);
    mqn_client_open(r.env, stuck[i]->number, &o);
  }
  other = rig_add(&r);
  uv_sem_wait(&asked);                        /* from here on one of them hangs for certain */
  o = rig_options(mini_broker_port(broker), 5, "other");
  CHECK(rig_connect(other, &o), "%s", other->text);
  CHECK(rig_subscribe(other, "t", 1), "subscribe");
  for (i = 0; i < 100; i++) rig_publish(other, "t", "x", 1, 1, 0);
  CHECK(rig_wait(&r, &other->done, 100, 20), "publishes done: %d", other->done);
  CHECK(rig_wait_messages(&r, other, 100, 20), "messages: %d", (int)other->messages);
  for (i = 0; i < STUCK; i++) CHECK(stuck[i]->open_failed == 0, "%d has failed: %s", i, stuck[i]->text);
  /* Half of them are given up while they hang. */
  for (i = 0; i < STUCK / 2; i++) mqn_client_destroy(r.env, stuck[i]->number);
  for (i = 0; i < STUCK / 2; i++) CHECK(rig_wait(&r, &stuck[i]->destroyed, 1, 20), "destroy of %d", i);
  uv_sem_post(&let_go);
  for (; i < STUCK; i++) {
    CHECK(rig_wait(&r, &stuck[i]->open_failed, 1, 20), "%d hears nothing", i);
    CHECK(stuck[i]->code == MQN_ERR_RESOLVE, "code %d", stuck[i]->code);
  }
  rig_publish(other, "t", "x", 1, 1, 0);
  CHECK(rig_wait(&r, &other->done, 101, 20), "the other one after that");
  rig_stop(&r);
  mini_broker_stop(broker);
}
#endif

int main(void) {
#if !defined(_WIN32)
  hanging_lookups_hold_up_nobody();
#endif
  return check_result();
}
