/* Environments: the memory of three rings and what belongs to it. */
#include <stdlib.h>
#include <string.h>
#include "core.h"

int mqn_reactor_acquire(void);
void mqn_reactor_release(void);

static int power_of_two(uint32_t n) { return n && (n & (n - 1)) == 0; }

static int check_options(const mqn_env_options* o) {
  int mapped = o->control || o->submissions || o->completions || o->messages;
  if (mapped && !(o->control && o->submissions && o->completions && o->messages)) return MQN_ERR_ARGUMENT;
  if (!power_of_two(o->submissions_size) || o->submissions_size < 4096 || o->submissions_size > 1u << 30) return MQN_ERR_ARGUMENT;
  if (!power_of_two(o->messages_size) || o->messages_size < 256u << 10 || o->messages_size > 1u << 30) return MQN_ERR_ARGUMENT;
  if (!power_of_two(o->completions_entries) || o->completions_entries < 64 || o->completions_entries > 1u << 26) return MQN_ERR_ARGUMENT;
  return MQN_OK;
}

static void free_memory(mqn_env* env) {
  if (env->owns_memory) {
    free(env->o.control);
    free(env->o.submissions);
    free(env->o.completions);
    free(env->o.messages);
  }
  free(env->topics);
  free(env->clients);
  free(env->numbers);
  free(env);
}

static int allocate(mqn_env* env) {
  mqn_env_options* o = &env->o;
  if (!o->control) {
    env->owns_memory = 1;
    o->control = calloc(MQN_CTL_WORDS, sizeof *o->control);
    o->submissions = calloc(1, o->submissions_size);
    o->completions = calloc(o->completions_entries, MQN_COMPLETION_WORDS * sizeof *o->completions);
    o->messages = calloc(1, o->messages_size);
  }
  env->topics = calloc(MQN_MAX_TOPICS, sizeof *env->topics);
  env->known_topics = calloc(MQN_MAX_TOPICS, sizeof *env->known_topics);
  return o->control && o->submissions && o->completions && o->messages && env->topics && env->known_topics ? MQN_OK : MQN_ERR_NO_MEMORY;
}

typedef struct { mqn_command command; } attach_command;
static void run_attach(mqn_command* command) {
  mqn_reactor_attach(command->env);
  free(command);
}

int mqn_env_create(const mqn_env_options* options, mqn_env** out) {
  mqn_env* env;
  attach_command* attach;
  int code;
  if (!out) return MQN_ERR_ARGUMENT;
  *out = NULL;
  if (!(env = calloc(1, sizeof *env))) return MQN_ERR_NO_MEMORY;
  if (options) memcpy(&env->o, options, options->struct_size < sizeof env->o ? options->struct_size : sizeof env->o);
  if (!env->o.submissions_size) env->o.submissions_size = 256u << 10;
  if (!env->o.completions_entries) env->o.completions_entries = 8192;
  if (!env->o.messages_size) env->o.messages_size = 1u << 20;
  attach = calloc(1, sizeof *attach);
  code = check_options(&env->o);
  if (code == MQN_OK) code = allocate(env);
  if (code == MQN_OK && !attach) code = MQN_ERR_NO_MEMORY;
  if (code == MQN_OK) code = mqn_reactor_acquire();
  if (code != MQN_OK) {
    free(env->known_topics);
    free(attach);
    free_memory(env);
    return code;
  }
  mqn_store(env->o.control + MQN_CTL_LISTENING, 1);
  mqn_command_post(&attach->command, env, run_attach);
  *out = env;
  return MQN_OK;
}

typedef struct { mqn_command command; uv_sem_t done; } detach_command;
static void run_detach(mqn_command* command) {
  detach_command* d = (detach_command*)command;
  mqn_env* env = command->env;
  int32_t i;
  env->gone = 1;                 /* nothing is put into the rings any more */
  for (i = 0; i < env->clients_capacity; i++)
    if (env->clients[i]) mqn_client_forget(env->clients[i], 0);
  mqn_reactor_detach(env);
  mqn_submissions_free(env);
  mqn_events_free(env);
  uv_sem_post(&d->done);         /* the waiting caller frees the command and the environment */
}

void mqn_env_destroy(mqn_env* env) {
  detach_command d;
  uint32_t i;
  if (!env) return;
  memset(&d, 0, sizeof d);
  if (uv_sem_init(&d.done, 0) != 0) abort();
  mqn_command_post(&d.command, env, run_detach);
  uv_sem_wait(&d.done);
  uv_sem_destroy(&d.done);
  mqn_reactor_release();
  for (i = 0; env->drain_topics && i < MQN_MAX_TOPICS; i++) free(env->drain_topics[i]);
  free(env->drain_topics);
  free(env->drain_topic_lengths);
  free_memory(env);
}
