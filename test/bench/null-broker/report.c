/* The counters as JSON: of one connection, and of the broker since it started. */
#include "null-broker.h"

#include <stdio.h>

void mqn_nb_counters_add(mqn_nb_counters* to, const mqn_nb_counters* from) {
  uint64_t* sum = (uint64_t*)to;
  const uint64_t* part = (const uint64_t*)from;
  for (size_t i = 0; i < sizeof(*to) / sizeof(uint64_t); i++) {
    sum[i] += part[i];
  }
}
_Static_assert(sizeof(mqn_nb_counters) % sizeof(uint64_t) == 0, "counters are added as an array");

#define U(value) ((unsigned long long)(value))

static int print_counters(char* to, size_t size, const mqn_nb_counters* c) {
  return snprintf(to, size,
    "\"messages\":%llu,\"bytes\":%llu,\"qos0\":%llu,\"qos1\":%llu,\"qos2\":%llu,\"unchecked\":%llu,\"gaps\":%llu,\"duplicates\":%llu,"
    "\"corrupt\":%llu,\"resent\":%llu,\"misusedIds\":%llu,\"overQuota\":%llu,\"malformed\":%llu,\"pings\":%llu,\"sent\":%llu,"
    "\"sentBytes\":%llu,\"acked\":%llu,\"badAcks\":%llu",
    U(c->messages), U(c->bytes), U(c->by_qos[0]), U(c->by_qos[1]), U(c->by_qos[2]), U(c->unchecked), U(c->gaps), U(c->duplicates),
    U(c->corrupt), U(c->resent), U(c->misused_ids), U(c->over_quota), U(c->malformed), U(c->pings), U(c->sent), U(c->sent_bytes),
    U(c->acked), U(c->bad_acks));
}

int mqn_nb_report(const mqn_nb_link* link, char* to, size_t size) {
  mqn_nb_counters all = mqn_nb_ended;
  for (const mqn_nb_link* each = mqn_nb_links; each != NULL; each = each->next) {
    mqn_nb_counters_add(&all, &each->counters);
  }
  int n = snprintf(to, size, "{\"connection\":{");
  n += print_counters(to + n, size - (size_t)n, &link->counters);
  n += snprintf(to + n, size - (size_t)n, ",\"openIds\":%u,\"inFlight\":%u,\"spanNs\":%llu,\"silenceNs\":%llu},\"broker\":{",
    link->open_count, link->ids.in_flight, U(link->last_ns - link->first_ns), U(link->silence_ns));
  n += print_counters(to + n, size - (size_t)n, &all);
  n += snprintf(to + n, size - (size_t)n, ",\"accepted\":%llu,\"open\":%llu,\"openPeak\":%llu}}", U(mqn_nb_accepted), U(mqn_nb_open),
    U(mqn_nb_open_peak));
  return n;
}
