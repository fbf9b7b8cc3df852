/* The yardstick of many clients: bare sockets that do what the cells of many clients do and nothing else. It shows what the machine, the
 * kernel and the null broker leave to any client, because with few publishes outstanding on a connection every packet is a write and a read
 * of its own on both sides.
 *
 *   clients PORT CLIENTS OUTSTANDING SIZE SECONDS WARM_UP
 *
 * Connects CLIENTS sockets at once (CONNECT of 3.1.1, CONNACK), then publishes SIZE bytes at QoS 1 with OUTSTANDING in all on their way,
 * spread over the sockets, and prints a line of JSON. 0 SECONDS: only connects. Linux (epoll). */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define TOPIC "bench/t"
#define PERIOD 16381u                 /* words of the pattern, as null-broker.c says */
#define BATCH ((size_t)64 * 1024)     /* bytes of one write, at most */

typedef struct client {
  int fd;
  uint32_t sequence, due;             /* next sequence number; publishes to be written now */
  size_t part;                        /* bytes of a PUBACK that is not whole */
} client;

static client* clients;
static uint32_t count, outstanding;
static uint64_t sent, acked;
static uint8_t *packet, *batch;
static size_t packet_length, id_at, payload_at;
static int poller;

static void fail(const char* what) {
  perror(what);
  exit(1);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void write_all(int fd, const uint8_t* from, size_t length) {
  while (length > 0) {
    ssize_t n = send(fd, from, length, MSG_NOSIGNAL);
    if (n <= 0) {
      fail("write");
    }
    from += n;
    length -= (size_t)n;
  }
}

static void connect_all(uint16_t port) {
  static const uint8_t hello[] = {0x10, 12, 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 60, 0, 0};
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  for (uint32_t i = 0; i < count; i++) {
    clients[i].fd = socket(AF_INET, SOCK_STREAM, 0);
    if (clients[i].fd < 0 || connect(clients[i].fd, (struct sockaddr*)&address, sizeof(address)) != 0) {
      fail("connect");
    }
    setsockopt(clients[i].fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    write_all(clients[i].fd, hello, sizeof(hello));
  }
  for (uint32_t i = 0; i < count; i++) {
    uint8_t answer[4];
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};
    if (recv(clients[i].fd, answer, 4, MSG_WAITALL) != 4 || answer[0] != 0x20 || answer[3] != 0) {
      fail("CONNACK");
    }
    if (epoll_ctl(poller, EPOLL_CTL_ADD, clients[i].fd, &event) != 0) {
      fail("epoll_ctl");
    }
  }
}

static void make_packet(size_t size) {
  size_t topic = strlen(TOPIC), remaining = 2 + topic + 2 + size;
  packet = calloc(1, remaining + 8 + 4);
  batch = malloc(BATCH + remaining + 8);
  if (packet == NULL || batch == NULL) {
    fail("memory");
  }
  packet[packet_length++] = 0x32;
  for (; remaining > 127; remaining >>= 7) {
    packet[packet_length++] = (uint8_t)(remaining | 128);
  }
  packet[packet_length++] = (uint8_t)remaining;
  packet[packet_length++] = 0;
  packet[packet_length++] = (uint8_t)topic;
  memcpy(packet + packet_length, TOPIC, topic);
  id_at = packet_length + topic;
  payload_at = id_at + 2;
  packet_length = payload_at + size;
  for (size_t i = 0; i < size; i++) {
    packet[payload_at + i] = (uint8_t)((uint32_t)(i / 4 % PERIOD) * 0x9E3779B1u >> 8 * (i % 4));
  }
}

static void publish(client* c) {
  while (c->due > 0) {
    size_t length = 0;
    for (; c->due > 0 && length < BATCH; c->due--, c->sequence++, sent++) {
      uint8_t* at = batch + length;
      uint32_t id = c->sequence % 65535 + 1, stamp = c->sequence;
      memcpy(at, packet, packet_length);
      at[id_at] = (uint8_t)(id >> 8);
      at[id_at + 1] = (uint8_t)id;
      for (size_t i = 0; i < 4 && i < packet_length - payload_at; i++) {
        at[payload_at + i] = (uint8_t)(stamp >> 8 * i);
      }
      length += packet_length;
    }
    write_all(c->fd, batch, length);
  }
}

/* The publish behind one of client `i`: of the same client, or where there are more clients than publishes of the next one in its row. */
static uint32_t following(uint32_t i) {
  return outstanding >= count ? i : i + outstanding < count ? i + outstanding : i % outstanding;
}

static void on_readable(uint32_t i, bool running) {
  static uint8_t acks[BATCH];
  client* c = &clients[i];
  ssize_t n = recv(c->fd, acks, sizeof(acks), 0);
  if (n <= 0) {
    fail("read");
  }
  uint32_t whole = (uint32_t)((c->part + (size_t)n) / 4);
  c->part = (c->part + (size_t)n) % 4;
  acked += whole;
  if (running && whole > 0) {
    client* next = &clients[following(i)];
    next->due += whole;
    publish(next);
  }
}

/* Until `end`, or with running false until all is acknowledged. */
static void run(double end, bool running) {
  struct epoll_event events[256];
  while (running ? now() < end : acked < sent) {
    int n = epoll_wait(poller, events, 256, 100);
    for (int i = 0; i < n; i++) {
      on_readable(events[i].data.u32, running);
    }
  }
}

int main(int words, char** word) {
  struct rlimit files;
  if (words != 7) {
    fprintf(stderr, "usage: clients PORT CLIENTS OUTSTANDING SIZE SECONDS WARM_UP\n");
    return 2;
  }
  count = (uint32_t)atoi(word[2]);
  outstanding = (uint32_t)atoi(word[3]);
  double seconds = atof(word[5]), warm_up = atof(word[6]);
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  clients = calloc(count, sizeof(*clients));
  poller = epoll_create1(0);
  if (clients == NULL || poller < 0) {
    fail("start");
  }
  make_packet((size_t)atoi(word[4]));
  double begin = now();
  connect_all((uint16_t)atoi(word[1]));
  double connected = now();
  if (seconds > 0) {
    for (uint32_t i = 0; i < outstanding; i++) {
      clients[i % count].due++;
    }
    for (uint32_t i = 0; i < count; i++) {
      publish(&clients[i]);
    }
  }
  run(now() + warm_up, true);
  uint64_t before = acked;
  double from = now();
  run(from + seconds, true);
  uint64_t messages = acked - before;
  double time = now() - from;
  run(0, false);
  printf("{\"ms\":%.3f,\"messages\":%llu,\"rate\":%.1f,\"total\":%llu}\n", (connected - begin) * 1e3, (unsigned long long)messages,
    seconds > 0 ? (double)messages / time : 0, (unsigned long long)sent);
  return 0;
}
