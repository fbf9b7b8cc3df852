/* Host name -> addresses, in the order in which they are tried. */
#include <stdlib.h>
#include <string.h>
#include "connection_private.h"
#include "mqtt_native.h"

static int usable(const struct addrinfo* a) {
  return (a->ai_family == AF_INET && a->ai_addrlen >= sizeof(struct sockaddr_in)) ||
         (a->ai_family == AF_INET6 && a->ai_addrlen >= sizeof(struct sockaddr_in6));
}

static int same_address(const struct sockaddr_storage* a, const struct sockaddr_storage* b) {
  if (a->ss_family != b->ss_family) return 0;
  if (a->ss_family == AF_INET)
    return memcmp(&((const struct sockaddr_in*)a)->sin_addr, &((const struct sockaddr_in*)b)->sin_addr, sizeof(struct in_addr)) == 0;
  return memcmp(&((const struct sockaddr_in6*)a)->sin6_addr, &((const struct sockaddr_in6*)b)->sin6_addr, sizeof(struct in6_addr)) == 0 &&
         ((const struct sockaddr_in6*)a)->sin6_scope_id == ((const struct sockaddr_in6*)b)->sin6_scope_id;
}

static void add(mqn_connection_private* p, const struct addrinfo* a) {
  struct sockaddr_storage* to = &p->addresses[p->address_count];
  uint16_t port = htons(p->port);
  int i;
  memset(to, 0, sizeof *to);
  if (a->ai_family == AF_INET) {
    memcpy(to, a->ai_addr, sizeof(struct sockaddr_in));
    ((struct sockaddr_in*)to)->sin_port = port;
  } else {
    memcpy(to, a->ai_addr, sizeof(struct sockaddr_in6));
    ((struct sockaddr_in6*)to)->sin6_port = port;
  }
  for (i = 0; i < p->address_count; ++i)       /* a hosts file may name an address twice */
    if (same_address(&p->addresses[i], to)) return;
  ++p->address_count;
}

static const struct addrinfo* next_of(const struct addrinfo* a, int family, int same) {
  while (a && (!usable(a) || (a->ai_family == family) != same)) a = a->ai_next;
  return a;
}

/* RFC 8305 section 4: the system's order (RFC 6724) within a family; families take turns, the first answer's begins. */
int mqn_resolve_order(mqn_connection* c, const struct addrinfo* answers) {
  mqn_connection_private* p = c->p;
  const struct addrinfo *a, *one, *other;
  size_t count = 0;
  int family = 0;
  for (a = answers; a; a = a->ai_next) {
    if (!usable(a)) continue;
    if (count == 0) family = a->ai_family;
    ++count;
  }
  if (count == 0) return 0;
  p->addresses = calloc(count, sizeof *p->addresses);
  if (!p->addresses) return -1;
  one = next_of(answers, family, 1);
  other = next_of(answers, family, 0);
  while (one || other) {
    if (one) {
      add(p, one);
      one = next_of(one->ai_next, family, 1);
    }
    if (other) {
      add(p, other);
      other = next_of(other->ai_next, family, 0);
    }
  }
  return p->address_count;
}

static void use(mqn_connection* c, const struct addrinfo* answers) {
  char where[320];
  int count = mqn_resolve_order(c, answers);
  if (count < 0) mqn_connection_end(c, MQN_ERR_NO_MEMORY, "out of memory");
  else if (count == 0) mqn_connection_end(c, MQN_ERR_RESOLVE, "resolve %s: no address", mqn_connection_where(c, where, sizeof where));
  else mqn_tcp_start(c);
}

static void resolve_failed(mqn_connection* c, int status) {
  char where[320];
  int error = status == UV_ENOMEM || status == UV_EAI_MEMORY ? MQN_ERR_NO_MEMORY : MQN_ERR_RESOLVE;
  mqn_connection_end(c, error, "resolve %s: %s", mqn_connection_where(c, where, sizeof where), uv_strerror(status));
}

static void on_resolved(uv_getaddrinfo_t* request, int status, struct addrinfo* answers) {
  mqn_connection* c = request->data;
  c->p->resolve_pending = 0;
  if (c->state == MQN_CONNECTION_RESOLVING) {
    if (status < 0) resolve_failed(c, status);
    else use(c, answers);
  }
  if (answers) uv_freeaddrinfo(answers);
  mqn_close_free_if_done(c);
}

void mqn_resolve_start(mqn_connection* c) {
  mqn_connection_private* p = c->p;
  union { struct sockaddr any; struct sockaddr_in v4; struct sockaddr_in6 v6; } literal;
  struct addrinfo hints;
  int status;
  memset(&hints, 0, sizeof hints);
  if (uv_ip4_addr(p->host, p->port, &literal.v4) == 0) {
    hints.ai_family = AF_INET;
    hints.ai_addrlen = sizeof literal.v4;
  } else if (uv_ip6_addr(p->host, p->port, &literal.v6) == 0) {
    hints.ai_family = AF_INET6;
    hints.ai_addrlen = sizeof literal.v6;
  }
  if (hints.ai_addrlen) {              /* an address needs no thread and no resolver */
    hints.ai_addr = &literal.any;
    use(c, &hints);
    return;
  }
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;     /* else every address comes once for each kind of socket */
  hints.ai_protocol = IPPROTO_TCP;
  p->resolve_request.data = c;
  status = p->host[0] ? uv_getaddrinfo(mqn_the_transport.loop, &p->resolve_request, on_resolved, p->host, NULL, &hints) : UV_EAI_NONAME;
  if (status < 0) resolve_failed(c, status);
  else p->resolve_pending = 1;
}
