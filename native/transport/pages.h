/* Memory for megabytes that are about to be written from end to end. */
#ifndef MQN_PAGES_H
#define MQN_PAGES_H
#include <stddef.h>

/* Says so to the kernel: Linux then maps it in large pages, where its settings allow that. Otherwise a fault for every 4 KiB costs more than the
 * copying. Changes nothing about the memory; any thread. */
void mqn_pages_expect(void* memory, size_t length);
#endif
