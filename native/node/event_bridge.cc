#include "event_bridge.h"

namespace mqn {

bool EventBridge::Open(napi_env env, napi_value on_wake) {
  napi_value name;
  if (napi_create_string_utf8(env, "mqtt-native", NAPI_AUTO_LENGTH, &name) != napi_ok) return false;
  /* A queue of one: a second notify before the first was called has nothing to add. */
  napi_status status = napi_create_threadsafe_function(env, on_wake, nullptr, name, 1, 1, nullptr, nullptr, nullptr, CallJs, &function_);
  if (status != napi_ok) return false;
  Unref(env);
  return true;
}

void EventBridge::Close() {
  if (function_ != nullptr) napi_release_threadsafe_function(function_, napi_tsfn_abort);
  function_ = nullptr;
}

void EventBridge::Ref(napi_env env) {
  if (function_ != nullptr) napi_ref_threadsafe_function(env, function_);
}

void EventBridge::Unref(napi_env env) {
  if (function_ != nullptr) napi_unref_threadsafe_function(env, function_);
}

void EventBridge::Notify(void* bridge) {
  napi_call_threadsafe_function(static_cast<EventBridge*>(bridge)->function_, nullptr, napi_tsfn_nonblocking);
}

/* An exception that is left pending here would only be printed as a warning by Node (DEP0168): a listener that throws has to end the
 * process, or reach process.on('uncaughtException'), as everywhere else. */
void EventBridge::CallJs(napi_env env, napi_value on_wake, void* context, void* data) {
  (void)context;
  (void)data;
  if (env == nullptr || on_wake == nullptr) return; /* the environment is going away */
  napi_value undefined;
  if (napi_get_undefined(env, &undefined) != napi_ok) return;
  napi_call_function(env, undefined, on_wake, 0, nullptr, nullptr);
  bool pending = false;
  napi_value error;
  if (napi_is_exception_pending(env, &pending) != napi_ok || !pending) return;
  if (napi_get_and_clear_last_exception(env, &error) == napi_ok) napi_fatal_exception(env, error);
}

}  // namespace mqn
