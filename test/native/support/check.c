#include "check.h"

int check_count, check_failures;

int check_result(void) {
  printf("%d checks, %d failures\n", check_count, check_failures);
  return check_failures != 0 || check_count == 0;
}
