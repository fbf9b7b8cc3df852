/* Large data that is written from where it lies. The stream of the application's bytes is `out` with loans in between: each says how many bytes of `out`
 * stand in front of it. A loan whose turn has come becomes `sending`, or is encrypted piece by piece. */
#include <stdlib.h>
#include "connection_private.h"

static void give_back(mqn_loan* loan) {
  loan->release(loan->data);
  free(loan);
}

static mqn_loan* pop(mqn_connection_private* p) {
  mqn_loan* loan = p->loans_first;
  p->loans_first = loan->next;
  if (!p->loans_first) p->loans_last = NULL;
  return loan;
}

/* As mqn_connection_write(): calls no handler. */
int mqn_connection_lend(mqn_connection* c, void* data, size_t length, void (*release)(void* data)) {
  mqn_connection_private* p = c->p;
  mqn_loan *loan = NULL, *l;
  int result;
  if (length >= MQN_LEND_FROM && c->state < MQN_CONNECTION_FAILED && !p->dropping) loan = malloc(sizeof *loan);
  if (!loan) {
    result = mqn_connection_write(c, data, length);
    release(data);
    return result;
  }
  mqn_connection_mark_dirty(c);
  loan->next = NULL;
  loan->data = data;
  loan->length = length;
  loan->taken = 0;
  loan->before = mqn_buffer_length(&p->out);
  for (l = p->loans_first; l; l = l->next) loan->before -= l->before;
  loan->release = release;
  if (p->loans_last) p->loans_last->next = loan; else p->loans_first = loan;
  p->loans_last = loan;
  p->accepted += length;
  if (mqn_connection_backlog(c) >= MQN_FLUSH_EARLY && c->state == MQN_CONNECTION_OPEN) mqn_write_flush(c);
  return c->state >= MQN_CONNECTION_FAILED ? -1 : 0;
}

size_t mqn_loans_next(const mqn_connection_private* p, char** data) {
  const mqn_loan* loan = p->loans_first;
  if (loan && loan->before == 0) {
    *data = loan->data + loan->taken;
    return loan->length - loan->taken;
  }
  *data = p->out.data ? p->out.data + p->out.start : NULL;
  return loan ? loan->before : mqn_buffer_length(&p->out);
}

unsigned mqn_loans_gather(const mqn_connection_private* p, uv_buf_t* pieces, unsigned count, size_t most) {
  const mqn_loan* loan = p->loans_first;
  char* out = p->out.data ? p->out.data + p->out.start : NULL;
  size_t left = mqn_buffer_length(&p->out);
  unsigned n = 0;
  while (n < count && most > 0 && (loan || left > 0)) {
    size_t length = loan ? loan->before : left;
    if (length > 0) {
      pieces[n++] = uv_buf_init(out, (unsigned)(length = length < most ? length : most));
      most -= length;
      out += length;
      left -= length;
    }
    if (!loan) continue;
    if (n < count && most > 0) {
      length = loan->length - loan->taken;
      pieces[n++] = uv_buf_init(loan->data + loan->taken, (unsigned)(length = length < most ? length : most));
      most -= length;
    }
    loan = loan->next;
  }
  return n;
}

void mqn_loans_took(mqn_connection_private* p, size_t length) {
  mqn_loan* loan = p->loans_first;
  if (loan && loan->before == 0) {
    loan->taken += length;
    if (loan->taken == loan->length) give_back(pop(p));
  } else {
    p->out.start += length;
    if (loan) loan->before -= length;
  }
}

int mqn_loans_fill_sending(mqn_connection_private* p) {
  mqn_loan* loan = p->loans_first;
  mqn_buffer t = p->sending;
  if (loan && loan->before == 0) {
    mqn_buffer_give_spare(&p->sending, 0);
    p->sending_loan = loan = pop(p);
    p->sending.data = loan->data;
    p->sending.start = loan->taken;
    p->sending.end = p->sending.capacity = loan->length;
    return 0;
  }
  if (loan && loan->before < mqn_buffer_length(&p->out)) {
    if (mqn_buffer_append(&p->sending, p->out.data + p->out.start, loan->before) < 0) return -1;
    mqn_loans_took(p, loan->before);
    return 0;
  }
  p->sending = p->out;
  p->out = t;
  p->out.start = p->out.end = 0;
  if (loan) loan->before = 0;
  return 0;
}

void mqn_loans_end_sending(mqn_connection_private* p) {
  static const mqn_buffer none = { NULL, 0, 0, 0, 0, 0 };
  if (!p->sending_loan) return;
  p->sending = none;
  give_back(p->sending_loan);
  p->sending_loan = NULL;
}

size_t mqn_loans_drop(mqn_connection_private* p) {
  size_t length = 0;
  while (p->loans_first) {
    length += p->loans_first->length - p->loans_first->taken;
    give_back(pop(p));
  }
  return length;
}

void mqn_loans_free(mqn_connection_private* p) {
  mqn_loans_drop(p);
  mqn_loans_end_sending(p);
  mqn_buffer_free(&p->sending);
}
