/* The null broker: the other side of every benchmark. It takes whatever one client sends, or sends a client whatever it asks for, as fast
 * as one thread can, and checks every message, so that the client is what is measured and nothing can be lost unseen. Linux only (epoll).
 *
 *   null-broker [--host 127.0.0.1] [--port 0] [--receive-maximum N] [--topic-alias-maximum N] [--window 1000] [--take BYTES]
 *               [--together N] [--tls] [--log]
 *
 * It prints `port N`, with --tls in front of it a certificate to trust, and serves until its standard input is closed (a pipe, so that it dies with whoever started it), or SIGTERM or SIGINT.
 *
 * --take makes it slow: it reads that many bytes a second from each connection, and TCP does the rest.
 * --together holds floods back until there are N: so they begin at once for many connections.
 *
 * What it speaks: MQTT 3.1.1 and 5 over TCP and TLS. CONNECT, PUBLISH at QoS 0, 1 and 2 both ways, SUBSCRIBE, UNSUBSCRIBE, PINGREQ, DISCONNECT.
 * Every connection is an island: nothing published here reaches another client. Control is by topics:
 *
 *   publish   bench/...                           counted and compared: see below
 *   publish   echo or echo/...                    comes back to its sender once it has subscribed to any of these, at the lower QoS of both
 *   publish   anything else                       counted
 *   subscribe flood/<count>/<size>/<qos>          sends that many messages on that topic, as fast as they are taken
 *   subscribe paced/<count>/<size>/<qos>/<rate>   the same at `rate` messages a second
 *   subscribe report                              one message of JSON: the counters of this connection and of the broker
 *   unsubscribe flood/... or paced/...            ends it; UNSUBACK comes behind its last message
 *
 * Payloads. Bytes 0..3 are a sequence number, little endian, that starts at 0 with the connection (published) or the subscription (sent);
 * 32-bit word i > 0 is (i mod 16381) * 0x9E3779B1, little endian too. Below 4 bytes there is only the pattern. A flood sends this, and what
 * is published to bench/ is compared with it byte by byte. The odd period shows a block of any usual size that was lost, repeated or
 * exchanged.
 *
 * What it does not speak: sessions (Session Present is always 0), retained messages, wills, authentication, keepalive timeouts, wildcards,
 * WebSocket. Properties are skipped except Receive Maximum (CONNECT) and Topic Alias (PUBLISH). The part of a packet in front of a
 * PUBLISH's payload may have 128 KiB, and so may any other packet. Payloads may have all that MQTT allows: in and out they are streamed;
 * only an echo is kept in memory.
 */
#define _GNU_SOURCE
#include "null-broker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

mqn_nb_options mqn_nb_config = {.host = "127.0.0.1", .window = 1000};
uint64_t mqn_nb_now;
mqn_nb_link* mqn_nb_links;
mqn_nb_counters mqn_nb_ended;
uint64_t mqn_nb_accepted, mqn_nb_open, mqn_nb_open_peak;

static int poller = -1, listener = -1, timer = -1, signals = -1;
static bool ending;
static uint64_t timer_at = UINT64_MAX; /* when the timer will fire */

static void read_clock(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  mqn_nb_now = (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

bool mqn_nb_watch(mqn_nb_link* link, uint32_t interest, bool added) {
  struct epoll_event event = {.events = interest, .data.ptr = link};
  link->interest = interest;
  return epoll_ctl(poller, added ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, link->fd, &event) == 0;
}

void mqn_nb_wake_at(uint64_t ns) {
  if (ns >= timer_at) {
    return;
  }
  timer_at = ns;
  struct itimerspec when = {.it_value = {.tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u)}};
  timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL);
}

static bool watch_own(int* fd) {
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = fd};
  return *fd >= 0 && epoll_ctl(poller, EPOLL_CTL_ADD, *fd, &event) == 0;
}

static void accept_all(void) {
  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
      if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
        perror("null-broker: accept");
      }
      return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    if (mqn_nb_link_open(fd) == NULL) {
      close(fd);
    }
  }
}

static bool listen_on(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(mqn_nb_config.port)};
  socklen_t length = sizeof(address);
  if (inet_pton(AF_INET, mqn_nb_config.host, &address.sin_addr) != 1) {
    fprintf(stderr, "null-broker: --host wants an IPv4 address, not %s\n", mqn_nb_config.host);
    return false;
  }
  listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) != 0 ||
      bind(listener, (struct sockaddr*)&address, length) != 0 || listen(listener, 4096) != 0 ||
      getsockname(listener, (struct sockaddr*)&address, &length) != 0) {
    perror("null-broker: listen");
    return false;
  }
  printf("port %u\n", ntohs(address.sin_port));
  return fflush(stdout) == 0;
}

static bool set_up(void) {
  struct rlimit files;
  sigset_t set;
  int in = STDIN_FILENO;
  struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP, .data.ptr = &ending};

  signal(SIGPIPE, SIG_IGN);
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigprocmask(SIG_BLOCK, &set, NULL);
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  poller = epoll_create1(EPOLL_CLOEXEC);
  timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  if (!mqn_nb_pattern_make() || (mqn_nb_config.tls && !mqn_nb_tls_start()) || !listen_on() || !watch_own(&listener) || !watch_own(&timer) || !watch_own(&signals)) {
    return false;
  }
  /* A file or /dev/null cannot be watched (EPERM): then only a signal ends the program. */
  return epoll_ctl(poller, EPOLL_CTL_ADD, in, &event) == 0 || errno == EPERM;
}

static void on_event(const struct epoll_event* event) {
  char rest[256];
  if (event->data.ptr == &listener) {
    accept_all();
  } else if (event->data.ptr == &timer) {
    if (read(timer, rest, sizeof(rest)) > 0) {
      timer_at = UINT64_MAX;
      mqn_nb_source_tick();
    }
  } else if (event->data.ptr == &signals) {
    ending = true;
  } else if (event->data.ptr == &ending) {
    ending = read(STDIN_FILENO, rest, sizeof(rest)) <= 0;
  } else {
    mqn_nb_link* link = event->data.ptr;
    if (!link->dead && (event->events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
      do {
        mqn_nb_link_readable(link);
      } while (!link->dead && link->tls_more);
    }
    if (!link->dead) {
      mqn_nb_link_flush(link);
    }
  }
}

static bool number(const char* text, uint16_t* to) {
  char* end;
  long value = strtol(text, &end, 10);
  if (*text == '\0' || *end != '\0' || value < 0 || value > 65535) {
    return false;
  }
  *to = (uint16_t)value;
  return true;
}

static bool options(int count, char** words) {
  static const struct option known[] = {{"host", required_argument, NULL, 'h'}, {"port", required_argument, NULL, 'p'},
    {"receive-maximum", required_argument, NULL, 'r'}, {"topic-alias-maximum", required_argument, NULL, 'a'},
    {"together", required_argument, NULL, 'g'}, {"window", required_argument, NULL, 'w'}, {"take", required_argument, NULL, 's'},
    {"tls", no_argument, NULL, 't'}, {"log", no_argument, NULL, 'l'}, {NULL, 0, NULL, 0}};
  bool good = true;
  for (int found; good && (found = getopt_long(count, words, "", known, NULL)) != -1;) {
    switch (found) {
      case 'h': mqn_nb_config.host = optarg; break;
      case 'p': good = number(optarg, &mqn_nb_config.port); break;
      case 'r': good = number(optarg, &mqn_nb_config.receive_maximum); break;
      case 'a': good = number(optarg, &mqn_nb_config.topic_alias_maximum); break;
      case 'g': good = number(optarg, &mqn_nb_config.together); break;
      case 'w': good = number(optarg, &mqn_nb_config.window) && mqn_nb_config.window > 0; break;
      case 's': good = (mqn_nb_config.take = strtoull(optarg, NULL, 10)) > 0; break;
      case 't': mqn_nb_config.tls = true; break;
      case 'l': mqn_nb_config.log = true; break;
      default: good = false;
    }
  }
  if (!good || optind != count) {
    fprintf(stderr,
      "usage: %s [--host A] [--port N] [--receive-maximum N] [--topic-alias-maximum N] [--window N] [--together N] [--take N] [--tls] [--log]\n", words[0]);
  }
  return good && optind == count;
}

int main(int count, char** words) {
  struct epoll_event events[256];
  if (!options(count, words)) {
    return 2;
  }
  if (!set_up()) {
    return 1;
  }
  while (!ending) {
    int n = epoll_wait(poller, events, (int)(sizeof(events) / sizeof(*events)), -1);
    if (n < 0 && errno != EINTR) {
      perror("null-broker: epoll_wait");
      return 1;
    }
    for (int i = 0; i < n; i++) {
      read_clock();
      on_event(&events[i]);
    }
    mqn_nb_link_free_dead();
  }
  while (mqn_nb_links != NULL) {
    mqn_nb_link_close(mqn_nb_links);
  }
  mqn_nb_link_free_dead();
  mqn_nb_buffers_free();
  mqn_nb_tls_end();
  free(mqn_nb_pattern);
  close(listener);
  close(timer);
  close(signals);
  close(poller);
  return 0;
}
