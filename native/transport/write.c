/* c->p->out -> (TLS) -> socket. Small writes collect until the end of the turn, large ones go to the kernel without a copy. */
#include <string.h>
#include "connection_private.h"
#include "mqtt_native.h"
#include "tls.h"

/* One uv_try_write at most. Windows takes a buffer of any size at once into kernel memory, where no backlog is seen, or answers ENOBUFS. */
#if defined(_WIN32)
#define TRY_CHUNK (256u << 10)
#else
#define TRY_CHUNK (1u << 30)
#endif
#define PIECES 64                 /* of one call to the kernel */
#define KEEP 1024                 /* of a buffer, while the connection is idle */
#define ENCRYPT_AT_ONCE (64u << 10)

size_t mqn_connection_backlog(const mqn_connection* c) { return (size_t)(c->p->accepted - c->bytes_out); }

int mqn_connection_backlogged(mqn_connection* c) {
  if (mqn_connection_backlog(c) <= MQN_BACKLOG_HIGH) return 0;
  c->p->blocked = 1;
  return 1;
}

int mqn_write_empty(const mqn_connection* c) {
  const mqn_connection_private* p = c->p;
  return !p->writing && mqn_buffer_length(&p->sending) == 0 && mqn_buffer_length(&p->cipher) == 0 &&
         (p->sealed || (mqn_buffer_length(&p->out) == 0 && !p->loans_first));
}

void mqn_write_drop(mqn_connection* c) {
  mqn_connection_private* p = c->p;
  size_t dropped = mqn_buffer_length(&p->out) + mqn_loans_drop(p);
  p->accepted = p->dead ? c->bytes_out : p->accepted - dropped;
  mqn_buffer_free(&p->out);
}

static void write_failed(mqn_connection* c, int status) {
  mqn_connection_private* p = c->p;
  char where[320];
  if (c->state == MQN_CONNECTION_HANDSHAKE) {
    mqn_connection_end(c, MQN_ERR_TLS, "TLS handshake with %s: %s%s", mqn_connection_where(c, where, sizeof where), uv_strerror(status),
                       mqn_tls_answered(c) ? "" : " (is this a TLS port?)");
  } else if (c->state == MQN_CONNECTION_OPEN && p->reading) {   /* see write_error */
    if (p->write_error) return;
    p->write_error = status;
    p->dropping = 1;
    mqn_write_drop(c);
    mqn_transport_time(c, MQN_TIMED_ATTEMPT);
  } else {
    mqn_connection_lost(c, status);
  }
}

/* `length` wire bytes of `sending` are out of our hands. With TLS the application's count follows when the whole batch is. */
static void sent(mqn_connection* c, size_t length) {
  mqn_connection_private* p = c->p;
  p->sending.start += length;
  if (!p->tls) {
    c->bytes_out += length;
    if (mqn_buffer_length(&p->sending) == 0) mqn_loans_end_sending(p);
  } else if (mqn_buffer_length(&p->sending) == 0) {
    c->bytes_out += p->sending_application;
    p->sending_application = 0;
  }
}

static void swap(mqn_buffer* a, mqn_buffer* b) {
  mqn_buffer t = *a;
  *a = *b;
  *b = t;
  b->start = b->end = 0;
}

/* Refills `sending`. 0: there is nothing to send */
static int refill(mqn_connection* c) {
  mqn_connection_private* p = c->p;
  if (mqn_buffer_length(&p->sending) > 0) return 1;
  if (p->tls) {
    char* data;
    size_t length = p->sealed ? 0 : mqn_loans_next(p, &data), taken = length > 0 ? mqn_tls_encrypt(c, data, length, ENCRYPT_AT_ONCE) : 0;
    if (taken > 0) mqn_loans_took(p, taken);
    swap(&p->sending, &p->cipher);
    p->sending_application = p->cipher_application;
    p->cipher_application = 0;
  } else if (!p->sealed && mqn_loans_fill_sending(p) < 0) {
    mqn_connection_end(c, MQN_ERR_NO_MEMORY, "out of memory");
  }
  return mqn_buffer_length(&p->sending) > 0;
}

static int usable(const mqn_connection* c) {
  const mqn_connection_private* p = c->p;
  return p->socket && !p->dead && !p->write_error && !p->writing && !p->flushing && c->state != MQN_CONNECTION_CLOSED;
}

static void on_written(uv_write_t* request, int status) {
  mqn_connection* c = request->data;
  c->p->writing = 0;
  if (c->state == MQN_CONNECTION_CLOSED || c->p->dead) return;
  if (status < 0) {
    write_failed(c, status);
    return;
  }
  sent(c, c->p->write_length);
  mqn_write_flush(c);
  mqn_write_report(c);
  if (c->state == MQN_CONNECTION_DRAINING) mqn_close_step(c);
}

/* The kernel takes no more: the next chunk leaves when it does. */
static void start_write(mqn_connection* c) {
  mqn_connection_private* p = c->p;
  size_t length = mqn_buffer_length(&p->sending);
  uv_buf_t b;
  int status;
  if (length > MQN_WRITE_CHUNK) length = MQN_WRITE_CHUNK;
  b = uv_buf_init(p->sending.data + p->sending.start, (unsigned)length);
  p->write_request.data = c;
  p->write_length = length;
  p->writing = 1;
  status = uv_write(&p->write_request, (uv_stream_t*)&p->socket->tcp, &b, 1, on_written);
  if (status == 0) return;
  p->writing = 0;
  write_failed(c, status);
}

static void release(mqn_connection_private* p) {
  mqn_buffer_give_spare(&p->out, KEEP);
  mqn_buffer_give_spare(&p->cipher, KEEP);
  if (!p->writing) mqn_buffer_give_spare(&p->sending, KEEP);
}

/* As many pieces as wait, in one call: a header and the payload it belongs to, or many of both. With TLS there is only `sending`. */
static int try_write(mqn_connection* c) {
  mqn_connection_private* p = c->p;
  size_t first = mqn_buffer_length(&p->sending), rest, length;
  uv_buf_t pieces[PIECES];
  unsigned n = 0;
  char* data;
  int status;
  if (first > TRY_CHUNK) first = TRY_CHUNK;
  if (first > 0) pieces[n++] = uv_buf_init(p->sending.data + p->sending.start, (unsigned)first);
  if (!p->tls) n += mqn_loans_gather(p, pieces + n, PIECES - n, TRY_CHUNK - first);
  status = uv_try_write((uv_stream_t*)&p->socket->tcp, pieces, n);
  if (status <= 0) return status;
  rest = (size_t)status;
  if (first > 0) {
    sent(c, rest < first ? rest : first);
    rest -= rest < first ? rest : first;
  }
  c->bytes_out += rest;
  for (; rest > 0; rest -= length) {
    length = mqn_loans_next(p, &data);
    if (length > rest) length = rest;
    mqn_loans_took(p, length);
  }
  return status;
}

static int waits(const mqn_connection_private* p) { return !p->sealed && (mqn_buffer_length(&p->out) > 0 || p->loans_first); }

void mqn_write_flush(mqn_connection* c) {
  mqn_connection_private* p = c->p;
  if (!usable(c)) return;
  p->flushing = 1;
  while (p->tls ? refill(c) : mqn_buffer_length(&p->sending) > 0 || waits(p)) {
    int status = try_write(c);
    if (status > 0) continue;
    if (status == 0 || status == UV_EAGAIN || status == UV_ENOBUFS) {
      if (refill(c)) start_write(c);
    } else write_failed(c, status);
    break;
  }
  p->flushing = 0;
  release(p);
}

void mqn_write_report(mqn_connection* c) {
  mqn_connection_private* p = c->p;
  if (c->state == MQN_CONNECTION_OPEN && p->reported != c->bytes_out) {
    p->reported = c->bytes_out;
    c->handler->progress(c);
  }
  if (c->state == MQN_CONNECTION_OPEN && p->blocked && !p->dropping && mqn_connection_backlog(c) <= MQN_BACKLOG_LOW) {
    p->blocked = 0;
    c->handler->writable(c);
  }
}

/* Large data straight from the caller's memory, together with the small writes before it (a packet's header). Returns how much of
 * it needs no copy: the kernel, or TLS, has taken it. */
size_t mqn_write_through(mqn_connection* c, const char* data, size_t length) {
  mqn_connection_private* p = c->p;
  size_t done = 0;
  if (c->state != MQN_CONNECTION_OPEN || !usable(c)) return 0;
  if (p->tls || mqn_buffer_length(&p->sending) > 0 || p->loans_first) mqn_write_flush(c);
  while (done < length && c->state == MQN_CONNECTION_OPEN && usable(c) && mqn_buffer_length(&p->sending) == 0 && !p->loans_first) {
    if (p->tls) {
      size_t taken;
      if (p->sealed || mqn_buffer_length(&p->out) > 0) break;
      taken = mqn_tls_encrypt(c, data + done, length - done, ENCRYPT_AT_ONCE);
      p->accepted += taken;
      done += taken;
      mqn_write_flush(c);
      if (taken == 0) break;
    } else {
      size_t before = mqn_buffer_length(&p->out), rest = length - done, most = before < TRY_CHUNK ? TRY_CHUNK - before : 0;
      uv_buf_t b[2];
      int status;
      if (most == 0) break;
      b[0] = uv_buf_init(p->out.data ? p->out.data + p->out.start : NULL, (unsigned)before);
      b[1] = uv_buf_init((char*)data + done, (unsigned)(rest < most ? rest : most));
      status = uv_try_write((uv_stream_t*)&p->socket->tcp, before ? b : b + 1, before ? 2 : 1);
      if (status <= 0) {
        if (status < 0 && status != UV_EAGAIN && status != UV_ENOBUFS) write_failed(c, status);
        break;
      }
      c->bytes_out += (size_t)status;
      if ((size_t)status <= before) {
        p->out.start += (size_t)status;
        break;
      }
      p->out.start += before;
      p->accepted += (size_t)status - before;
      done += (size_t)status - before;
    }
  }
  return done;
}

/* Calls no handler: what it reports, it reports in flush_all. */
int mqn_connection_write(mqn_connection* c, const void* data, size_t length) {
  mqn_connection_private* p = c->p;
  const char* from = data;
  if (c->state >= MQN_CONNECTION_FAILED) return -1;
  if (length == 0) return 0;
  mqn_connection_mark_dirty(c);
  if (length >= MQN_FLUSH_EARLY && !p->dropping) {
    size_t done = mqn_write_through(c, from, length);
    from += done;
    length -= done;
  }
  if (c->state >= MQN_CONNECTION_FAILED) return -1;
  if (p->dropping || length == 0) return 0;
  mqn_buffer_take_spare(&p->out, length);
  if (mqn_buffer_append(&p->out, from, length) < 0) {
    mqn_connection_end(c, MQN_ERR_NO_MEMORY, "out of memory");
    return -1;
  }
  p->accepted += length;
  if (mqn_buffer_length(&p->out) >= MQN_FLUSH_EARLY && c->state == MQN_CONNECTION_OPEN) mqn_write_flush(c);
  return c->state >= MQN_CONNECTION_FAILED ? -1 : 0;
}
