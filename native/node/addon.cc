/* The addon's door: { version, processor, createEnvironment }. Any number of JavaScript environments of a process may load it: nothing is global. */
#include "environment.h"
#include "mqtt_native.h"
#include "napi_door.h"

static Napi::Object Init(Napi::Env env, Napi::Object exports) {
  mqn::Environment::Define(env);
  exports.Set("version", Napi::String::New(env, mqn_version()));
  exports.Set("processor", Napi::String::New(env, mqn_processor()));
  exports.Set("createEnvironment", Napi::Function::New<mqn::Environment::Create>(env, "createEnvironment"));
  return exports;
}

NODE_API_MODULE(mqtt_native, Init)
