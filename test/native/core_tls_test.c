/* ctest-timeout: 120
 * The whole core over TLS: messages of 50 MB there and back in both versions and at every QoS, and servers that do not prove who they are, to whom not one byte of
 * CONNECT, and so no password, is sent.
 */
#include <string.h>
#include "check.h"
#include "mini_broker.h"
#include "rig.h"
#include "tls_fixture.h"

static tls_identity ca, server, other;

static void make_identities(void) {
  tls_identity_options o;
  memset(&o, 0, sizeof o);
  o.name = "test CA";
  o.is_ca = 1;
  ca = tls_identity_make(&o);
  memset(&o, 0, sizeof o);
  o.name = "server";
  o.alternatives = "DNS:localhost,IP:127.0.0.1";
  o.issuer = &ca;
  server = tls_identity_make(&o);
  o.alternatives = "DNS:somebody.else";
  other = tls_identity_make(&o);
}

static mqn_tls_options tls_options(const tls_identity* trusted) {
  mqn_tls_options t;
  memset(&t, 0, sizeof t);
  t.struct_size = sizeof t;
  t.ca = trusted->cert;
  t.ca_length = trusted->cert_length;
  return t;
}

static void large(int version) {
  mini_script script;
  mini_broker* broker;
  mqn_tls_options t = tls_options(&ca);
  mqn_open_options o;
  rig r;
  rig_client* c;
  memset(&script, 0, sizeof script);
  script.identity = &server;
  broker = mini_broker_start(&script);
  rig_start(&r, NULL);
  c = rig_add(&r);
  o = rig_options(mini_broker_port(broker), version, "large");
  o.tls = &t;
  CHECK(rig_connect(c, &o), "%s", c->text);
  rig_large_round_trips(c);
  mqn_client_close(r.env, c->number, 0, NULL, 0);
  CHECK(rig_wait(&r, &c->disconnected, 1, 5) && c->code == MQN_ERR_CLOSED, "code %d", c->code);
  rig_stop(&r);
  mini_broker_stop(broker);
}

static void refused(const char* what, const tls_identity* identity, const tls_identity* trusted) {
  mini_script script;
  mini_broker* broker;
  mqn_tls_options t = tls_options(trusted);
  mqn_open_options o;
  rig r;
  rig_client* c;
  memset(&script, 0, sizeof script);
  script.identity = identity;
  broker = mini_broker_start(&script);
  rig_start(&r, NULL);
  c = rig_add(&r);
  o = rig_options(mini_broker_port(broker), 5, "refused");
  o.user_name = "user";
  o.password = "password";
  o.password_length = 8;
  o.tls = &t;
  CHECK(!rig_connect(c, &o) && c->code == MQN_ERR_TLS, "%s: code %d %s", what, c->code, c->text);
  CHECK(mini_broker_count(broker, 1) == 0, "%s: CONNECT was sent", what);
  CHECK(!strstr(c->text, "password"), "%s: %s", what, c->text);
  rig_stop(&r);
  mini_broker_stop(broker);
}

int main(void) {
  make_identities();
  large(4);
  large(5);
  refused("a certificate for somebody else", &other, &ca);
  refused("a certificate of an unknown CA", &server, &other);
  tls_identity_free(&ca);
  tls_identity_free(&server);
  tls_identity_free(&other);
  return check_result();
}
