/* A growing run of bytes: data[start..end) is live. Reactor thread only. */
#ifndef MQN_BUFFER_H
#define MQN_BUFFER_H
#include <stddef.h>

typedef struct mqn_buffer {
  char* data;
  size_t start, end, capacity;
} mqn_buffer;

static inline size_t mqn_buffer_length(const mqn_buffer* b) { return b->end - b->start; }
char* mqn_buffer_reserve(mqn_buffer* b, size_t length);   /* room for `length` bytes behind the end; NULL: no memory, nothing changed */
int mqn_buffer_append(mqn_buffer* b, const void* data, size_t length);   /* 0, or -1: no memory */
void mqn_buffer_trim(mqn_buffer* b, size_t keep);         /* empty and larger than `keep`: gives the memory back */
void mqn_buffer_free(mqn_buffer* b);
#endif
