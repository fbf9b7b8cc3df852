/* Writing to a connection that the peer has closed raises SIGPIPE in the writing thread, which by default ends the process, and libuv leaves it to its user.
 * The reactor's thread blocks it: the error comes back from the write, and the application's own disposition is not touched. */
#include "core.h"
#if !defined(_WIN32)
#include <pthread.h>
#include <signal.h>
#endif

void mqn_signals_block(void) {
#if !defined(_WIN32)
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
#endif
}
