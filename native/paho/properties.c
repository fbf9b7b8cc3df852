/* Properties as on the wire to Paho's structure. The bytes come from the application's side of the border: checked here, never trusted. */
#include <stdlib.h>
#include <string.h>
#include "mqtt_native.h"
#include "link.h"

int mqn_port_read_properties(const void* bytes, uint32_t length, struct MQTTProperties* properties) {
  MQTTProperties none = MQTTProperties_initializer;
  char* prefixed;
  char* at;
  uint32_t rest = length;
  int prefix = 0, ok;
  *properties = none;
  if (length == 0) return MQN_OK;
  if (length > 268435455u) return MQN_ERR_ARGUMENT;
  if (!(prefixed = malloc((size_t)length + 4))) return MQN_ERR_NO_MEMORY;
  do {
    prefixed[prefix++] = (char)(rest % 128 | (rest > 127 ? 128 : 0));
    rest /= 128;
  } while (rest);
  memcpy(prefixed + prefix, bytes, length);
  at = prefixed;
  ok = MQTTProperties_read(properties, &at, prefixed + prefix + length) == 1 && at == prefixed + prefix + length;
  free(prefixed);
  if (ok) return MQN_OK;
  MQTTProperties_free(properties);
  *properties = none;
  return MQN_ERR_ARGUMENT;
}
