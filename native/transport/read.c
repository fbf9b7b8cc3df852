/* Socket -> (TLS) -> c->in, and when not to read. */
#include <stdint.h>
#include <stdlib.h>
#include "connection_private.h"
#include "mqtt_native.h"
#include "tls.h"

#define SHRINK_FROM (2u * MQN_READ_AHEAD)

/* of the announced packet, what is still to come */
static size_t expected(const mqn_connection* c) {
  return c->p->expected_end > c->bytes_in ? (size_t)(c->p->expected_end - c->bytes_in) : 0;
}

/* of what comes behind the announced packet: one read, so that its last bytes do not make a buffer of its size move; or little, in a block of its own */
static size_t behind(const mqn_connection* c) { return c->p->direct ? MQN_READ_BEHIND : MQN_SCRATCH_SIZE; }

/* Room for the announced packet. A peer that only announces gets MQN_EXPECT_AT_ONCE; what it really sends is trusted four-fold. -1: no memory, c has failed */
static int more_room(mqn_connection* c) {
  size_t have = mqn_buffer_length(&c->in), room = expected(c);
  size_t most = have < MQN_EXPECT_AT_ONCE / 4 ? MQN_EXPECT_AT_ONCE - have : 3 * have;
  int fits = room <= most + MQN_SCRATCH_SIZE;   /* a round number of bytes of payload has a header in front of it */
  if (!fits && c->p->direct) fits = mqn_buffer_block_waits(&c->in, have + room + behind(c));   /* memory that is there: none is reserved for it */
  room = (fits ? room : most) + behind(c);
  if (c->p->direct ? mqn_buffer_dedicate(&c->in, have + room) == 0 : mqn_buffer_reserve(&c->in, room) != NULL) return 0;
  mqn_connection_end(c, MQN_ERR_NO_MEMORY, "out of memory for a packet of %zu bytes", have + expected(c));
  return -1;
}

static int make_room(mqn_connection* c) {
  size_t room = expected(c);
  if (room == 0 || c->in.capacity - c->in.end >= (room < MQN_SCRATCH_SIZE ? room : MQN_SCRATCH_SIZE) + behind(c)) return 0;
  return more_room(c);
}

static void on_alloc(uv_handle_t* handle, size_t suggested, uv_buf_t* buffer) {
  mqn_transport* t = &mqn_the_transport;
  mqn_connection* c = ((mqn_attempt*)handle->data)->connection;
  size_t least = c->p->direct ? 1 : MQN_SCRATCH_SIZE;
  (void)suggested;
  if (!c->p->tls && c->state == MQN_CONNECTION_OPEN && !c->p->held && expected(c) >= least) {   /* in place */
    size_t room = c->in.capacity - c->in.end;
    if (room >= least) {
      *buffer = uv_buf_init(c->in.data + c->in.end, (unsigned)(room < 1u << 30 ? room : 1u << 30));
      return;
    }
  }
  if (!t->scratch) t->scratch = malloc(MQN_SCRATCH_SIZE);
  *buffer = uv_buf_init(t->scratch, !t->scratch ? 0 : c->p->head_next ? MQN_READ_BEHIND : MQN_SCRATCH_SIZE);   /* 0: on_read gets UV_ENOBUFS */
}

static void read_failed(mqn_connection* c, int status) {
  char where[320];
  int end = status == UV_EOF;
  if (status == UV_ENOBUFS) mqn_connection_end(c, MQN_ERR_NO_MEMORY, "out of memory");
  else if (c->state == MQN_CONNECTION_HANDSHAKE)
    mqn_connection_end(c, MQN_ERR_TLS, "TLS handshake with %s: %s%s", mqn_connection_where(c, where, sizeof where),
                       end ? "the server closed the connection" : uv_strerror(status), mqn_tls_answered(c) ? "" : " (is this a TLS port?)");
  else if (end)
    mqn_connection_end(c, MQN_ERR_CONNECTION_LOST, "the server closed the connection%s", c->p->tls ? " without a TLS close_notify" : "");
  else mqn_connection_lost(c, status);
}

/* Bytes of the socket into c->in. -1: c has failed */
static int take_in(mqn_connection* c, const uv_buf_t* buffer, size_t length) {
  if (buffer->base != mqn_the_transport.scratch) {
    c->in.end += length;
  } else {
    mqn_buffer_take_spare(&c->in, length > 4096 ? length : SIZE_MAX);
    if (mqn_buffer_append(&c->in, buffer->base, length) < 0) {
      mqn_connection_end(c, MQN_ERR_NO_MEMORY, "out of memory");
      return -1;
    }
  }
  c->bytes_in += length;
  return 0;
}

static void on_read(uv_stream_t* stream, ssize_t count, const uv_buf_t* buffer) {
  mqn_connection* c = ((mqn_attempt*)stream->data)->connection;
  mqn_connection_private* p = c->p;
  uint64_t before = c->bytes_in;
  int head = p->head_next;             /* for this read */
  if (count == 0) return;
  p->head_next = 0;
  if (count < 0) {
    p->end_seen = 1;
    p->reading = 0;
    uv_read_stop(stream);
  }
  if (c->state == MQN_CONNECTION_DRAINING) {
    mqn_close_read(c, count < 0 ? (int)count : 0);
    return;
  }
  if (count < 0) {
    read_failed(c, (int)count);
    return;
  }
  if (c->state != MQN_CONNECTION_HANDSHAKE && c->state != MQN_CONNECTION_OPEN) return;
  if (p->tls) mqn_tls_feed(c, buffer->base, (size_t)count);
  else if (take_in(c, buffer, (size_t)count) < 0) return;
  if (p->direct && expected(c) == 0) {
    p->direct = 0;
    p->head_next = head = 1;
  }
  if (head && !p->held) p->full = 1;   /* the owner looks first: what comes next may have a place of its own. One that is held does not look */
  if (c->state == MQN_CONNECTION_OPEN && c->bytes_in != before) c->handler->received(c);
  if (p->tls) {
    mqn_tls_fed(c);          /* a failure is told after the bytes before it */
    mqn_write_flush(c);      /* handshake, alert */
    mqn_write_report(c);
  }
  if (c->state != MQN_CONNECTION_OPEN) return;
  if (mqn_buffer_length(&c->in) >= (p->held ? MQN_READ_AHEAD : MQN_READ_AT_ONCE) && (p->held || expected(c) == 0)) p->full = 1;
  if (!p->full) make_room(c);
  mqn_read_update(c);
}

void mqn_read_update(mqn_connection* c) {
  mqn_connection_private* p = c->p;
  int status, wanted = p->socket && !p->dead && !p->end_seen &&
                       (c->state == MQN_CONNECTION_HANDSHAKE || c->state == MQN_CONNECTION_DRAINING ||
                        (c->state == MQN_CONNECTION_OPEN && !p->full));
  if (wanted == (int)p->reading || !p->socket) return;
  p->reading = wanted;
  if (!wanted) {
    if (!uv_is_closing((uv_handle_t*)&p->socket->tcp)) uv_read_stop((uv_stream_t*)&p->socket->tcp);
    return;
  }
  status = uv_read_start((uv_stream_t*)&p->socket->tcp, on_alloc, on_read);
  if (status == 0) return;
  p->reading = 0;
  p->end_seen = 1;
  if (c->state == MQN_CONNECTION_DRAINING) mqn_close_now(c);
  else read_failed(c, status);
}

void mqn_connection_taken(mqn_connection* c) {
  mqn_connection_private* p = c->p;
  size_t left = mqn_buffer_length(&c->in);
  if (left == 0) {
    mqn_buffer_give_spare(&c->in, 4096);
  } else if (c->in.capacity > SHRINK_FROM && left < c->in.capacity / 8 && expected(c) == 0) {
    /* a large packet is gone and the beginning of a small one keeps its memory */
    mqn_buffer small = { NULL, 0, 0, 0, 0, 0 };
    if (mqn_buffer_append(&small, c->in.data + c->in.start, left) == 0) {
      mqn_buffer_free(&c->in);
      c->in = small;
    }
  }
  if (!p->held || left < MQN_READ_AHEAD) p->full = 0;
  mqn_read_update(c);
}

/* `length` counts from c->in.start. What is announced holds until that many bytes have come, whatever is taken meanwhile.
 *
 * A packet that is large is read from the socket into a block of its own, which its owner may take over (mqn_buffer_hand_over()): what has come of it moves
 * there first, little when the packet before it was large as well. Not with TLS: OpenSSL wants room for a record, and writes in between. */
void mqn_connection_expect(mqn_connection* c, size_t length, size_t landmark) {
  mqn_connection_private* p = c->p;
  size_t have = mqn_buffer_length(&c->in);
  uint64_t end = c->bytes_in - have + length;
  if (c->state != MQN_CONNECTION_OPEN) return;
  if (end != p->expected_end) p->direct = 0;
  p->expected_end = end;
  c->in.landmark = landmark;
  if (expected(c) == 0 || p->held) return;
  if (!p->tls && !p->direct && landmark > 0 && length >= MQN_DIRECT_FROM) {
    p->direct = 1;
    if (more_room(c) < 0) return;
  } else if (!p->tls && landmark == 0 && length >= MQN_DIRECT_FROM && have < MQN_READ_BEHIND) {
    p->head_next = 1;                      /* where its payload begins is not known yet */
  } else if (make_room(c) < 0) return;
  p->full = 0;
  mqn_read_update(c);
}

void mqn_connection_hold(mqn_connection* c, int hold) {
  c->p->held = hold != 0;
  c->p->full = hold && mqn_buffer_length(&c->in) >= MQN_READ_AHEAD;
  if (!hold && !c->p->tls && mqn_buffer_length(&c->in) > 0 && expected(c) == 0) c->p->head_next = 1;   /* a large packet may begin in what waits */
  mqn_read_update(c);
}
