/* What the rest of native/transport sees of TLS; only tls.c and tls_context.c include OpenSSL's headers. Reactor thread only. */
#ifndef MQN_TLS_H
#define MQN_TLS_H
#include "connection.h"

struct ssl_ctx_st;

/* tls.c */
void mqn_tls_start(mqn_connection* c);    /* begins the handshake; p->cipher holds what to send. c may have failed afterwards */
void mqn_tls_feed(mqn_connection* c, const char* data, size_t length);   /* bytes of the socket -> handshake, c->in */
void mqn_tls_fed(mqn_connection* c);      /* after received(): tells what ended the connection in mqn_tls_feed() */
/* Up to `most` bytes (and the rest of a record) -> p->cipher; returns how many. c may have failed afterwards. */
size_t mqn_tls_encrypt(mqn_connection* c, const char* data, size_t length, size_t most);
int mqn_tls_shutdown(mqn_connection* c);  /* 1: close_notify is in p->cipher, for the first time */
int mqn_tls_answered(const mqn_connection* c);   /* 1: the peer has sent a ServerHello, so it does speak TLS */
int mqn_tls_unjudged(const mqn_connection* c);   /* 1: the handshake is over, and the server has said nothing on the certificate it asked for */
void mqn_tls_free(mqn_connection* c);

/* tls_context.c */
void mqn_tls_library_init(void);
void mqn_tls_library_end(void);           /* on the thread that used TLS: statically linked OpenSSL hears of no thread end */
mqn_tls_context* mqn_tls_context_retain(mqn_tls_context* context);
struct ssl_ctx_st* mqn_tls_context_get(const mqn_tls_context* context);
const char* mqn_tls_context_server_name(const mqn_tls_context* context);   /* NULL: none given */
int mqn_tls_context_verifies(const mqn_tls_context* context);              /* 0: insecure_skip_verify */
#endif
