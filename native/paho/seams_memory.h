/* Forced into the compilation of each of Paho's files: its small blocks come from lists of the reactor thread (memory.c). System headers come first, so
 * that only Paho's calls are renamed. */
#ifndef MQN_SEAMS_MEMORY_H
#define MQN_SEAMS_MEMORY_H
#include <stdlib.h>
#include <string.h>
#if defined(_WIN32)
#include <malloc.h>
#endif
#include "../transport/memory.h"
#define malloc mqn_memory_new
#define calloc mqn_memory_new_zeroed
#define realloc mqn_memory_resize
#define free mqn_memory_free
#endif
