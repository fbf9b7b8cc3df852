/* What a test program says and how it ends: each CHECK prints its failure with the place, check_result() is main()'s return value. */
#ifndef MQN_TEST_CHECK_H
#define MQN_TEST_CHECK_H
#include <stdio.h>

extern int check_count, check_failures;
int check_result(void);      /* prints "N checks, N failures"; 0 when none failed and at least one ran */

#define CHECK(condition, ...) do { \
  ++check_count; \
  if (!(condition)) { \
    ++check_failures; \
    fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #condition); \
    fprintf(stderr, __VA_ARGS__); \
    fputc('\n', stderr); \
  } \
} while (0)
#endif
