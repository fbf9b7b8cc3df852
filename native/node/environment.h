/* One environment of the core as a JavaScript object. Each thread of JavaScript that loads the addon makes its own; everything here
 * runs on that thread, except EventBridge::Notify(). */
#ifndef MQN_NODE_ENVIRONMENT_H
#define MQN_NODE_ENVIRONMENT_H
#include "event_bridge.h"
#include "mqtt_native.h"
#include "napi_door.h"

namespace mqn {

class Environment : public Napi::ObjectWrap<Environment> {
 public:
  /* createEnvironment(control, submissions, completions, messages, onWake, logLevel) */
  static Napi::Value Create(const Napi::CallbackInfo& info);

  /* Called by Create() only: the class is not exported. Memory and bridge are set up by Start(). */
  explicit Environment(const Napi::CallbackInfo& info);
  ~Environment() override;

  static Napi::Function Define(Napi::Env env);

 private:
  void Start(const Napi::CallbackInfo& info);
  void Dispose();
  static void OnEnvironmentExit(void* environment);

  /* client_wrap.cc */
  Napi::Value CreateClient(const Napi::CallbackInfo& info);
  Napi::Value Open(const Napi::CallbackInfo& info);
  Napi::Value Subscribe(const Napi::CallbackInfo& info);
  Napi::Value Unsubscribe(const Napi::CallbackInfo& info);
  Napi::Value Close(const Napi::CallbackInfo& info);
  Napi::Value DestroyClient(const Napi::CallbackInfo& info);

  /* payload.cc */
  Napi::Value PutLarge(const Napi::CallbackInfo& info);
  Napi::Value TakeLarge(const Napi::CallbackInfo& info);
  Napi::Value CopyLarge(const Napi::CallbackInfo& info);

  /* environment.cc */
  void Wake(const Napi::CallbackInfo& info);
  void Ref(const Napi::CallbackInfo& info);
  void Unref(const Napi::CallbackInfo& info);
  void DisposeCall(const Napi::CallbackInfo& info);

  mqn_env* core_ = nullptr; /* nullptr: not started, or disposed */
  EventBridge bridge_;
  /* The rings. The references keep JavaScript from freeing them; they go after mqn_env_destroy() has returned. */
  Napi::Reference<Napi::TypedArray> memory_[4];
  uint8_t* submissions_ = nullptr;
  uint8_t* messages_ = nullptr;
  size_t submissions_size_ = 0;
  size_t messages_size_ = 0;
};

}  // namespace mqn
#endif
