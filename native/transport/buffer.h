/* A growing run of bytes: data[start..end) is live. Reactor thread only. */
#ifndef MQN_BUFFER_H
#define MQN_BUFFER_H
#include <stddef.h>

typedef struct mqn_buffer {
  char* data;
  size_t start, end, capacity;
  size_t landmark;         /* how far behind the start a byte is that large memory shall have at an aligned place; 0: none */
  int shared;              /* the memory is a block of mqn_memory_new_shared(), else of malloc() */
} mqn_buffer;

static inline size_t mqn_buffer_length(const mqn_buffer* b) { return b->end - b->start; }
char* mqn_buffer_reserve(mqn_buffer* b, size_t length);   /* room for `length` bytes behind the end; NULL: no memory, nothing changed */
int mqn_buffer_append(mqn_buffer* b, const void* data, size_t length);   /* 0, or -1: no memory */
/* The bytes move into a block that has room for `length` of them, not less than there are, and is meant for one packet: the landmark, which is not 0,
 * comes to an aligned place. 0, or -1: no memory, nothing changed */
int mqn_buffer_dedicate(mqn_buffer* b, size_t length);
/* Whether that would use a block again that waits, see mqn_memory_waits(). */
int mqn_buffer_block_waits(const mqn_buffer* b, size_t length);
/* The buffer gives up its memory, but for what stands behind `length` bytes that are `from` behind its start. They are returned, and *block is what they lie
 * in: a block of mqn_memory_new_shared(), and the place is one for mqn_memory_keep_part(). NULL: nothing changed,
 * because it is no such block, or one that is larger than those bytes by more than an eighth */
void* mqn_buffer_hand_over(mqn_buffer* b, size_t from, size_t length, void** block);
void mqn_buffer_trim(mqn_buffer* b, size_t keep);         /* empty and larger than `keep`: gives the memory back */
void mqn_buffer_free(mqn_buffer* b);
#endif
