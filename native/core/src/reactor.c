/* The reactor: the one thread on which libuv, our transport and Paho live. A turn:
 *   receive    Paho handles the packets that have come; acknowledgements free the window
 *   submit     commands and submission rings, in the order they were made
 *   send       Paho's send loop; queues that have room now
 *   flush      what was written goes to the kernel
 *   publish    ring positions are stored, each environment is woken at most once
 *   sleep      in libuv, until a socket, a timer or another thread has something */
#include <stdlib.h>
#include "core.h"
#include "MQTTAsync.h"
#include "MQTTAsyncUtils.h"

#define GIVE_BACK_MS 500

struct mqn_core_counters mqn_core_count;

static uv_once_t once = UV_ONCE_INIT;
static uv_mutex_t lock;                 /* commands, users, client numbers */
static uv_thread_t thread;
static uv_loop_t loop;
static uv_async_t wake;
static uv_timer_t give_back;            /* runs while large blocks wait to be used again */
static int users;                       /* environments; under the lock */
static mqn_command *commands_first, *commands_last;   /* under the lock */
static int32_t commands_pending, stopping;            /* shared words */

static mqn_env* envs;
static mqn_client *pump_first, *touched_first, *ending_first, *flushing_first;
static MQTTAsync sentinel;              /* never connected: with it Paho's lists outlive the last client, and destroying one waits for nothing */

static void make_lock(void) { if (uv_mutex_init(&lock) != 0) abort(); }
void mqn_reactor_lock(void) { uv_once(&once, make_lock); uv_mutex_lock(&lock); }
void mqn_reactor_unlock(void) { uv_mutex_unlock(&lock); }
uv_loop_t* mqn_reactor_loop(void) { return &loop; }
mqn_env* mqn_reactor_envs(void) { return envs; }

/* ---- lists of the turn ---- */
void mqn_reactor_pump(mqn_client* c) { if (!c->pumping) { c->pumping = 1; c->next_pumping = pump_first; pump_first = c; } }
void mqn_reactor_touch(mqn_client* c) { if (!c->touched) { c->touched = 1; c->next_touched = touched_first; touched_first = c; } }
void mqn_reactor_ending(mqn_client* c) { if (!c->ending) { c->ending = 1; c->next_ending = ending_first; ending_first = c; } }
void mqn_reactor_flushing(mqn_client* c) { if (!c->flushing) { c->flushing = 1; c->next_flushing = flushing_first; flushing_first = c; } }

#define UNLINK(first, client, member, next_member) do { \
  mqn_client** p_; \
  if ((client)->member) \
    for (p_ = &(first); *p_; p_ = &(*p_)->next_member) \
      if (*p_ == (client)) { *p_ = (client)->next_member; break; } \
  (client)->member = 0; \
} while (0)

void mqn_reactor_forget(mqn_client* c) {
  UNLINK(pump_first, c, pumping, next_pumping);
  UNLINK(touched_first, c, touched, next_touched);
  UNLINK(ending_first, c, ending, next_ending);
  UNLINK(flushing_first, c, flushing, next_flushing);
  if (c->ring_waiting) {
    mqn_client* each;
    UNLINK(c->env->ring_waiting, c, ring_waiting, next_ring_waiting);
    c->env->ring_waiting_last = c->env->ring_waiting_again = NULL;
    for (each = c->env->ring_waiting; each; each = each->next_ring_waiting) c->env->ring_waiting_last = each;
  }
}

void mqn_reactor_attach(mqn_env* env) { env->next = envs; envs = env; env->attached = 1; }
void mqn_reactor_detach(mqn_env* env) {
  mqn_env** p;
  for (p = &envs; *p; p = &(*p)->next) if (*p == env) { *p = env->next; break; }
  env->attached = 0;
}

/* ---- commands ---- */
void mqn_command_post(mqn_command* command, mqn_env* env, void (*run)(mqn_command*)) {
  command->next = NULL;
  command->env = env;
  command->run = run;
  command->after = (uint32_t)mqn_load(env->o.control + MQN_CTL_SQ_TAIL);
  mqn_reactor_lock();
  if (commands_last) commands_last->next = command; else commands_first = command;
  commands_last = command;
  mqn_store(&commands_pending, 1);
  mqn_reactor_unlock();
  uv_async_send(&wake);
}

static void run_commands(void) {
  mqn_command *command, *next;
  if (!mqn_load(&commands_pending)) return;
  mqn_reactor_lock();
  command = commands_first;
  commands_first = commands_last = NULL;
  mqn_store(&commands_pending, 0);
  mqn_reactor_unlock();
  for (; command; command = next) {
    next = command->next;
    if (command->env->attached) mqn_submissions_take(command->env, command->after);
    command->run(command);
  }
}

/* ---- the turn ---- */
static void tell_ended(void) {
  while (ending_first) {
    mqn_client* c = ending_first;
    ending_first = c->next_ending;
    c->ending = 0;
    mqn_on_ended(c);
  }
}

static int pump(void) {
  mqn_client *c = pump_first, *next;
  int more = 0;
  pump_first = NULL;
  for (; c; c = next) {
    next = c->next_pumping;
    c->pumping = 0;
    if (mqn_outgoing_pump(c)) {
      mqn_reactor_pump(c);
      more = 1;
    }
  }
  return more;
}

static void complete_flushed(void) {
  mqn_client *c = flushing_first, *next;
  flushing_first = NULL;
  for (; c; c = next) {
    next = c->next_flushing;
    c->flushing = 0;
    mqn_outgoing_flushed(c);       /* puts itself back while something waits */
  }
}

static void publish(int more) {
  mqn_env* env;
  while (touched_first) {
    mqn_client* c = touched_first;
    touched_first = c->next_touched;
    c->touched = 0;
    mqn_credit_tell(c);
  }
  for (env = envs; env; env = env->next) mqn_events_publish(env, more);
}

static int work_pending(void) {
  mqn_env* env;
  if (mqn_load(&commands_pending)) return 1;
  for (env = envs; env; env = env->next)
    if (mqn_submissions_pending(env) || mqn_events_waiting(env) > 1) return 1;
  return 0;
}

static void on_give_back(uv_timer_t* timer) { if (!mqn_large_give_back(0)) uv_timer_stop(timer); }

/* A lost wake-up:
 *   1. the reactor finds the rings empty;
 *   2. JavaScript writes a record, sees "awake", and does not wake;
 *   3. the reactor goes to sleep.
 * So the reactor says "asleep" first, and looks once more. */
static void sleep_until_work(void) {
  mqn_env* env;
  if (mqn_large_waiting() && !uv_is_active((uv_handle_t*)&give_back)) uv_timer_start(&give_back, on_give_back, GIVE_BACK_MS, GIVE_BACK_MS);
  for (env = envs; env; env = env->next) mqn_store(env->o.control + MQN_CTL_SQ_ASLEEP, 1);
  uv_run(&loop, work_pending() ? UV_RUN_NOWAIT : UV_RUN_ONCE);
  for (env = envs; env; env = env->next) mqn_store(env->o.control + MQN_CTL_SQ_ASLEEP, 0);
}

/* A publish that overtakes a SUBSCRIBE:
 *   1. the reactor finds no command, and is not run for a moment;
 *   2. JavaScript gives the command to subscribe, and writes publishes that come behind it into the ring;
 *   3. the reactor takes the ring, and the command in its next turn.
 * So it looks how far the ring goes first: what is written there by then has its command given by then, too. */
static void turn(void) {
  mqn_env* env;
  int packets, more;
  ++mqn_core_count.turns;
  mqn_port_refresh_clock();
  packets = mqn_port_step_receive();
  tell_ended();
  for (env = envs; env; env = env->next) mqn_submissions_look(env);
  run_commands();
  for (env = envs; env; env = env->next) {
    mqn_submissions_take(env, env->sq_seen);
    mqn_events_flush_held(env);
  }
  mqn_port_step_send();
  more = pump() || mqn_port_receive_pending();
  tell_ended();
  mqn_connection_flush_all();
  complete_flushed();
  publish(more || packets > 0);
  if (more || packets > 0) uv_run(&loop, UV_RUN_NOWAIT);
  else sleep_until_work();
}

static void on_wake(uv_async_t* handle) { (void)handle; ++mqn_core_count.wakeups; }

static void run(void* argument) {
  (void)argument;
  mqn_signals_block();
  while (!mqn_load(&stopping)) turn();
  /* Paho's lists are gone with the sentinel: only the last bytes go out */
  MQTTAsync_destroy(&sentinel);
  while (mqn_transport_alive() > 0) {
    mqn_connection_flush_all();
    if (mqn_transport_alive() > 0) uv_run(&loop, UV_RUN_ONCE);
  }
  uv_close((uv_handle_t*)&wake, NULL);
  uv_close((uv_handle_t*)&give_back, NULL);
  mqn_port_end();
  uv_run(&loop, UV_RUN_DEFAULT);
  mqn_request_pool_free();
  mqn_clients_end();
}

/* ---- life of the thread: under the lock ---- */
static int start(void) {
  mqn_store(&stopping, 0);
  mqn_store(&commands_pending, 0);
  if (uv_loop_init(&loop) != 0) return MQN_ERR_NO_MEMORY;
  uv_timer_init(&loop, &give_back);
  if (uv_async_init(&loop, &wake, on_wake) != 0 || mqn_port_start(&loop) != 0) return MQN_ERR_NO_MEMORY;
  if (MQTTAsync_create(&sentinel, "tcp://sentinel:1", "sentinel", MQTTCLIENT_PERSISTENCE_NONE, NULL) != MQTTASYNC_SUCCESS) return MQN_ERR_NO_MEMORY;
  return uv_thread_create(&thread, run, NULL) == 0 ? MQN_OK : MQN_ERR_NO_MEMORY;
}

int mqn_reactor_acquire(void) {
  int code = MQN_OK;
  mqn_reactor_lock();
  if (users == 0) code = start();
  if (code == MQN_OK) ++users;
  mqn_reactor_unlock();
  return code;
}

void mqn_reactor_release(void) {
  mqn_reactor_lock();
  if (--users == 0) {
    mqn_store(&stopping, 1);
    uv_async_send(&wake);
    uv_thread_join(&thread);       /* the thread takes the lock only in run_commands(), and there are no commands any more */
    uv_loop_close(&loop);
  }
  mqn_reactor_unlock();
}

void mqn_env_wake(mqn_env* env) { (void)env; uv_async_send(&wake); }
