#include "to_js.h"

#include <cstring>
#include <string>

#include "mqtt_native.h"

namespace mqn {

Napi::Error ErrorFromCode(Napi::Env env, const char* what, int code) {
  return Napi::Error::New(env, std::string(what) + ": " + mqn_strerror(code));
}

static void FreePayload(napi_env, void* payload, void*) { mqn_payload_free(payload); }

Napi::Value ArrayBufferFromPayload(Napi::Env env, void* payload, size_t length) {
  napi_value result = nullptr;
  napi_status status = napi_generic_failure;
  if (length != 0) status = napi_create_external_arraybuffer(env, payload, length, FreePayload, nullptr, &result);
  if (status == napi_ok) return Napi::Value(env, result);
  void* copy = nullptr;
  status = napi_create_arraybuffer(env, length, &copy, &result);
  if (status == napi_ok && length != 0) std::memcpy(copy, payload, length);
  mqn_payload_free(payload);
  if (status != napi_ok) throw Napi::Error::New(env, "no memory for a message");
  return Napi::Value(env, result);
}

}  // namespace mqn
