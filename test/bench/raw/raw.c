/* What loopback TCP carries when nobody looks at the bytes: the yardstick of the sizes. A process that does nothing but write and one that
 * does nothing but read, each with one buffer of 256 KiB and blocking calls. Prints what the reader got: {"bytes":...,"rate":...}.
 *
 *   raw [seconds] [seconds to warm up]
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BUFFER ((size_t)256 * 1024)

static char buffer[BUFFER];

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int failed(const char* what) {
  perror(what);
  return 1;
}

/* until the reader is gone */
static int write_all(struct sockaddr_in address) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  memset(buffer, 'x', sizeof(buffer)); /* pages of its own: memory nobody has written is one page of zeros */
  if (fd < 0 || connect(fd, (struct sockaddr*)&address, sizeof(address)) != 0) {
    return failed("raw: connect");
  }
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
  while (send(fd, buffer, sizeof(buffer), MSG_NOSIGNAL) >= 0 || errno == EINTR) {}
  return errno == EPIPE || errno == ECONNRESET ? 0 : failed("raw: send");
}

/* Bytes read in `seconds`, and in *took how long that was; -1: the connection has failed. */
static int64_t read_for(int fd, double seconds, double* took) {
  int64_t bytes = 0;
  double start = now(), time = start;
  while (time - start < seconds) {
    ssize_t got = recv(fd, buffer, sizeof(buffer), 0);
    if (got == 0 || (got < 0 && errno != EINTR)) {
      return -1;
    }
    bytes += got > 0 ? got : 0;
    time = now();
  }
  *took = time - start;
  return bytes;
}

int main(int count, char** words) {
  double seconds = count > 1 ? atof(words[1]) : 1, warm_up = count > 2 ? atof(words[2]) : 0.2, took = 0;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof(address);
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), status = 0;
  if (!(seconds > 0) || !(warm_up >= 0)) {
    fprintf(stderr, "usage: %s [seconds] [seconds to warm up]\n", words[0]);
    return 2;
  }
  if (listener < 0 || bind(listener, (struct sockaddr*)&address, length) != 0 || listen(listener, 1) != 0 ||
      getsockname(listener, (struct sockaddr*)&address, &length) != 0) {
    return failed("raw: listen");
  }
  pid_t writer = fork();
  if (writer < 0) {
    return failed("raw: fork");
  }
  if (writer == 0) {
    _exit(write_all(address));
  }
  int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
  int64_t bytes = fd < 0 || read_for(fd, warm_up, &took) < 0 ? -1 : read_for(fd, seconds, &took);
  if (bytes < 0) {
    perror("raw: read");
    kill(writer, SIGKILL);
  }
  close(fd);
  waitpid(writer, &status, 0);
  if (bytes < 0 || status != 0) {
    return 1;
  }
  printf("{\"bytes\":%lld,\"rate\":%.0f}\n", (long long)bytes, (double)bytes / took);
  return 0;
}
