/* Memory of Paho, and of what the core queues for it: small blocks by the million, all on the reactor thread. A freed block waits in a list of its
 * size for the next one that is asked for: no lock, no search, and no call into the C library. */
#ifndef MQN_MEMORY_H
#define MQN_MEMORY_H
#include <stddef.h>

void* mqn_memory_new(size_t length);                    /* NULL: no memory */
void* mqn_memory_new_zeroed(size_t count, size_t length);
void* mqn_memory_resize(void* block, size_t length);    /* NULL: no memory, nothing changed */
void mqn_memory_free(void* block);
/* Blocks above the largest size of the lists may change hands: any thread may allocate and free one. */
void* mqn_memory_new_shared(size_t length);
void mqn_memory_free_shared(void* block);
/* Of a shared block only what begins at `part` is wanted, which lies at least 16 bytes behind its beginning and is aligned to 16; what is in front of it is
 * overwritten. Freeing `part` frees the block. */
void mqn_memory_keep_part(void* block, void* part);
/* Whether a shared block for so many bytes waits to be used again. Another thread may take it first: who counts on it gets fresh memory then. */
int mqn_memory_waits(size_t length);
size_t mqn_memory_length(const void* block);            /* of a shared block: at least what was asked for */
/* One owner more for a block above the largest size of the lists: it is gone when each has called mqn_memory_free(). As long as there are two it stays
 * on the reactor thread. */
void mqn_memory_keep(void* block);
/* Blocks from 16 KiB on that wait for the next one of their size (large.c; any thread). */
void* mqn_large_new(size_t* length);                    /* *length becomes what it really has; NULL: no memory */
void mqn_large_free(void* memory, size_t length);
int mqn_large_waits(size_t length);                     /* one that mqn_large_new() would give for this length */
int mqn_large_waiting(void);                            /* how many */
int mqn_large_give_back(int everything);                /* those that have waited since the last call; how many are left */
void mqn_memory_end(void);                              /* the reactor ends: gives back what waits in the lists */
#endif
