/* One connection: its buffers, reading, writing. */
#define _GNU_SOURCE
#include "null-broker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define SMALLEST_BUFFER ((size_t)64 * 1024)
#define LARGEST_SPARE ((size_t)1024 * 1024)
#define SPARES 64
#define TAKES_A_SECOND 100 /* with --take one read takes a part of what a second may bring */
#define SENDS_A_TURN 8 /* then others have their turn; epoll brings us back */

static mqn_nb_link* dead_links;
static mqn_nb_buffer spares[SPARES];
static int spare_count;
static uint8_t read_buffer[MQN_NB_HEAD_LIMIT + MQN_NB_READ_SIZE];

/* ---- buffers ---------------------------------------------------------------------------------------------------- */

bool mqn_nb_buffer_reserve(mqn_nb_buffer* buffer, size_t more) {
  if (buffer->data == NULL && spare_count > 0) {
    *buffer = spares[--spare_count];
  }
  if (buffer->capacity - buffer->length >= more) {
    return true;
  }
  if (buffer->at > 0) {
    memmove(buffer->data, buffer->data + buffer->at, buffer->length - buffer->at);
    buffer->length -= buffer->at;
    buffer->at = 0;
  }
  size_t capacity = buffer->capacity < SMALLEST_BUFFER ? SMALLEST_BUFFER : buffer->capacity;
  while (capacity - buffer->length < more) {
    capacity *= 2;
  }
  if (capacity != buffer->capacity) {
    uint8_t* data = realloc(buffer->data, capacity);
    if (data == NULL) {
      return false;
    }
    buffer->data = data;
    buffer->capacity = capacity;
  }
  return true;
}

void mqn_nb_buffer_release(mqn_nb_buffer* buffer) {
  if (buffer->data != NULL && buffer->capacity <= LARGEST_SPARE && spare_count < SPARES) {
    spares[spare_count++] = (mqn_nb_buffer){.data = buffer->data, .capacity = buffer->capacity};
  } else {
    free(buffer->data);
  }
  *buffer = (mqn_nb_buffer){0};
}

void mqn_nb_buffers_free(void) {
  while (spare_count > 0) {
    free(spares[--spare_count].data);
  }
}

size_t mqn_nb_varint(uint8_t* to, size_t value) {
  size_t length = 0;
  do {
    to[length] = value & 127;
    value >>= 7;
    if (value > 0) {
      to[length] |= 128;
    }
    length++;
  } while (value > 0);
  return length;
}

/* ---- opening and closing ------------------------------------------------------------------------------------------- */

mqn_nb_link* mqn_nb_link_open(int fd) {
  mqn_nb_link* link = calloc(1, sizeof(*link));
  if (link == NULL) {
    return NULL;
  }
  link->fd = fd;
  link->echo_qos = -1;
  if ((mqn_nb_config.tls && !mqn_nb_tls_open(link)) || !mqn_nb_watch(link, EPOLLIN, true)) {
    mqn_nb_tls_free(link);
    free(link);
    return NULL;
  }
  link->next = mqn_nb_links;
  if (link->next != NULL) {
    link->next->previous = link;
  }
  mqn_nb_links = link;
  mqn_nb_accepted++;
  mqn_nb_open++;
  if (mqn_nb_open > mqn_nb_open_peak) {
    mqn_nb_open_peak = mqn_nb_open;
  }
  return link;
}

/* The link stays readable as memory until the end of the turn: its caller, or an event that was already fetched, may still look at it. */
void mqn_nb_link_close(mqn_nb_link* link) {
  if (link->dead) {
    return;
  }
  if (mqn_nb_config.log) {
    char text[2048];
    mqn_nb_report(link, text, sizeof(text));
    fprintf(stderr, "%s\n", text);
  }
  link->dead = true;
  close(link->fd);
  mqn_nb_counters_add(&mqn_nb_ended, &link->counters);
  mqn_nb_open--;
  if (link->previous != NULL) {
    link->previous->next = link->next;
  } else {
    mqn_nb_links = link->next;
  }
  if (link->next != NULL) {
    link->next->previous = link->previous;
  }
  link->next = dead_links;
  dead_links = link;
}

void mqn_nb_link_free_dead(void) {
  while (dead_links != NULL) {
    mqn_nb_link* link = dead_links;
    dead_links = link->next;
    mqn_nb_buffer_release(&link->out);
    mqn_nb_buffer_release(&link->later);
    mqn_nb_buffer_release(&link->echoes);
    mqn_nb_source_free(link);
    mqn_nb_tls_free(link);
    free(link->head);
    free(link->open_ids);
    free(link->aliases);
    free(link->ids.state);
    free(link);
  }
}

/* ---- reading ------------------------------------------------------------------------------------------------------- */

/* How long the client was silent, and until when what it sent now keeps it waiting. */
static void note_time(mqn_nb_link* link, size_t got) {
  uint64_t silence = mqn_nb_now - link->heard_ns;
  if (link->heard_ns > 0 && silence > link->silence_ns) {
    link->silence_ns = silence;
  }
  link->heard_ns = mqn_nb_now;
  if (mqn_nb_config.take > 0) {
    uint64_t from = link->read_ns > mqn_nb_now ? link->read_ns : mqn_nb_now;
    link->read_ns = from + (uint64_t)((double)got * 1e9 / (double)mqn_nb_config.take);
  }
}

/* Every read lands in one buffer that all connections share, behind the few bytes this connection left over from the last one. */
void mqn_nb_link_readable(mqn_nb_link* link) {
  size_t length = link->head_length, most = MQN_NB_READ_SIZE, slow = mqn_nb_config.take / TAKES_A_SECOND + 1;
  if (mqn_nb_config.take > 0 && slow < most) {
    most = slow;
  }
  if (length > 0) {
    memcpy(read_buffer, link->head, length);
  }
  ssize_t got = link->tls != NULL ? mqn_nb_tls_receive(link, read_buffer + length, most)
                                  : recv(link->fd, read_buffer + length, most, 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
    return;
  }
  if (got <= 0) {
    mqn_nb_link_close(link);
    return;
  }
  note_time(link, (size_t)got);
  length += (size_t)got;
  ptrdiff_t used = mqn_nb_take(link, read_buffer, length);
  if (link->dead) {
    return;
  }
  size_t rest = length - (size_t)(used < 0 ? 0 : used);
  if (used < 0 || rest > MQN_NB_HEAD_LIMIT) {
    link->counters.malformed++;
    mqn_nb_link_flush(link); /* a CONNACK with an error may wait */
    mqn_nb_link_close(link);
    return;
  }
  free(link->head);
  link->head = NULL;
  link->head_length = 0;
  if (rest > 0) {
    link->head = malloc(rest);
    if (link->head == NULL) {
      mqn_nb_link_close(link);
      return;
    }
    memcpy(link->head, read_buffer + used, rest);
    link->head_length = rest;
  }
}

/* ---- writing ------------------------------------------------------------------------------------------------------- */

bool mqn_nb_link_put(mqn_nb_link* link, const void* bytes, size_t length) {
  mqn_nb_buffer* buffer = link->source != NULL && link->source->left > 0 ? &link->later : &link->out;
  if (!mqn_nb_buffer_reserve(buffer, length)) {
    mqn_nb_link_close(link);
    return false;
  }
  memcpy(buffer->data + buffer->length, bytes, length);
  buffer->length += length;
  return true;
}

/* Puts into `out` what may go next: first what waited for the end of a large payload, then more of the source. */
static void prepare(mqn_nb_link* link) {
  if (link->later.length > 0 && (link->source == NULL || link->source->left == 0)) {
    if (link->out.length == 0) {
      mqn_nb_buffer swap = link->out;
      link->out = link->later;
      link->later = swap;
    } else if (mqn_nb_link_put(link, link->later.data + link->later.at, link->later.length - link->later.at)) {
      mqn_nb_buffer_release(&link->later);
    }
  }
  if (!link->dead) {
    mqn_nb_source_fill(link);
  }
}

/* Sends what waits in `out` and behind it a stretch of the large payload that is open. Returns whether the kernel took all of it. */
static bool send_some(mqn_nb_link* link) {
  struct iovec parts[2];
  struct msghdr message = {.msg_iov = parts};
  size_t waiting = link->out.length - link->out.at, stretch = 0;
  if (waiting > 0) {
    parts[message.msg_iovlen++] = (struct iovec){.iov_base = link->out.data + link->out.at, .iov_len = waiting};
  }
  if (link->source != NULL && link->source->left > 0) {
    stretch = link->source->left < MQN_NB_READ_SIZE ? link->source->left : MQN_NB_READ_SIZE;
    parts[message.msg_iovlen++] =
      (struct iovec){.iov_base = mqn_nb_pattern + link->source->at % MQN_NB_PATTERN_PERIOD, .iov_len = stretch};
  }
  ssize_t sent = 0;
  if (link->tls == NULL) {
    sent = sendmsg(link->fd, &message, MSG_NOSIGNAL);
  } else { /* a record at a time */
    for (size_t i = 0; i < message.msg_iovlen; i++) {
      ssize_t one = mqn_nb_tls_send(link, parts[i].iov_base, parts[i].iov_len);
      sent = one <= 0 && sent == 0 ? -1 : one <= 0 ? sent : sent + one;
      if (one < (ssize_t)parts[i].iov_len) {
        break;
      }
    }
  }
  if (sent < 0) {
    if (errno != EAGAIN && errno != EINTR) {
      mqn_nb_link_close(link);
    }
    return false;
  }
  size_t from_out = (size_t)sent < waiting ? (size_t)sent : waiting;
  link->out.at += from_out;
  if (link->out.at == link->out.length) {
    mqn_nb_buffer_release(&link->out);
  }
  if ((size_t)sent > from_out) {
    mqn_nb_source_payload_sent(link, (size_t)sent - from_out);
  }
  return (size_t)sent == waiting + stretch;
}

static bool wants_to_write(const mqn_nb_link* link) {
  return link->out.length > 0 || link->later.length > 0 || (link->source != NULL && link->source->left > 0);
}

void mqn_nb_link_flush(mqn_nb_link* link) {
  for (int i = 0; i < SENDS_A_TURN && !link->dead; i++) {
    prepare(link);
    if (link->dead || !wants_to_write(link) || !send_some(link)) {
      break;
    }
  }
  if (!link->dead) {
    prepare(link); /* so that EPOLLOUT is asked for when there is more to send */
  }
  if (link->dead) {
    return;
  }
  uint32_t interest = wants_to_write(link) ? EPOLLOUT : 0;
  if (link->read_ns > mqn_nb_now) {
    mqn_nb_wake_at(link->read_ns);
  } else if (link->out.length + link->later.length < MQN_NB_HOLD_MARK) {
    interest |= EPOLLIN;
  }
  if (interest != link->interest && !mqn_nb_watch(link, interest, false)) {
    mqn_nb_link_close(link);
  }
}
