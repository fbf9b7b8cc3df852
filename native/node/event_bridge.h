/* From the reactor thread to JavaScript: one call of onWake a notify. */
#ifndef MQN_NODE_EVENT_BRIDGE_H
#define MQN_NODE_EVENT_BRIDGE_H
#include <node_api.h>

namespace mqn {

class EventBridge {
 public:
  /* JavaScript thread. False: an exception is pending. The process is not kept alive until Ref(). */
  bool Open(napi_env env, napi_value on_wake);
  /* JavaScript thread, when the reactor can notify no more. What was notified and not yet called is forgotten. */
  void Close();
  void Ref(napi_env env);
  void Unref(napi_env env);

  /* Reactor thread: mqn_env_options.notify, with the bridge as user. Never blocks. */
  static void Notify(void* bridge);

 private:
  static void CallJs(napi_env env, napi_value on_wake, void* context, void* data);

  napi_threadsafe_function function_ = nullptr;
};

}  // namespace mqn
#endif
