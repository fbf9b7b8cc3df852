#include "environment.h"

#include "to_js.h"

namespace mqn {

/* The constructor of the class above, one an instance of the addon: workers have their own. */
struct InstanceData {
  Napi::FunctionReference environment;
};

Napi::Function Environment::Define(Napi::Env env) {
  Napi::Function constructor = DefineClass(env, "Environment",
                                           {
                                               InstanceMethod<&Environment::CreateClient>("createClient"),
                                               InstanceMethod<&Environment::Open>("open"),
                                               InstanceMethod<&Environment::Subscribe>("subscribe"),
                                               InstanceMethod<&Environment::Unsubscribe>("unsubscribe"),
                                               InstanceMethod<&Environment::Close>("close"),
                                               InstanceMethod<&Environment::DestroyClient>("destroyClient"),
                                               InstanceMethod<&Environment::Wake>("wake"),
                                               InstanceMethod<&Environment::PutLarge>("putLarge"),
                                               InstanceMethod<&Environment::TakeLarge>("takeLarge"),
                                               InstanceMethod<&Environment::CopyLarge>("copyLarge"),
                                               InstanceMethod<&Environment::Ref>("ref"),
                                               InstanceMethod<&Environment::Unref>("unref"),
                                               InstanceMethod<&Environment::DisposeCall>("dispose"),
                                           });
  auto* data = new InstanceData{Napi::Persistent(constructor)};
  env.SetInstanceData(data);
  return constructor;
}

Napi::Value Environment::Create(const Napi::CallbackInfo& info) {
  Napi::Object object = info.Env().GetInstanceData<InstanceData>()->environment.New({});
  Unwrap(object)->Start(info);
  return object;
}

Environment::Environment(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Environment>(info) {}

/* Collected, or the end of the JavaScript environment: OnEnvironmentExit() has come before. */
Environment::~Environment() { Dispose(); }

void Environment::Start(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (info.Length() < 6 || !info[0].IsTypedArray() || !info[1].IsTypedArray() || !info[2].IsTypedArray() || !info[3].IsTypedArray() ||
      !info[4].IsFunction() || !info[5].IsNumber()) {
    throw Napi::TypeError::New(env, "createEnvironment(control, submissions, completions, messages, onWake, logLevel)");
  }
  auto control = info[0].As<Napi::Int32Array>();
  auto submissions = info[1].As<Napi::Uint8Array>();
  auto completions = info[2].As<Napi::Int32Array>();
  auto messages = info[3].As<Napi::Uint8Array>();
  if (control.ElementLength() < MQN_CTL_WORDS) throw Napi::RangeError::New(env, "control words");

  mqn_env_options options{};
  options.struct_size = sizeof options;
  options.control = control.Data();
  options.submissions = submissions_ = submissions.Data();
  options.submissions_size = static_cast<uint32_t>(submissions_size_ = submissions.ByteLength());
  options.completions = completions.Data();
  options.completions_entries = static_cast<uint32_t>(completions.ElementLength() / MQN_COMPLETION_WORDS);
  options.messages = messages_ = messages.Data();
  options.messages_size = static_cast<uint32_t>(messages_size_ = messages.ByteLength());
  options.notify = EventBridge::Notify;
  options.user = &bridge_;
  options.log_level = info[5].As<Napi::Number>().Int32Value();

  for (size_t i = 0; i < 4; i++) memory_[i] = Napi::Reference<Napi::TypedArray>::New(info[i].As<Napi::TypedArray>(), 1);
  if (!bridge_.Open(env, info[4])) throw Napi::Error::New(env);
  int code = mqn_env_create(&options, &core_);
  if (code != MQN_OK) {
    core_ = nullptr;
    bridge_.Close();
    throw ErrorFromCode(env, "mqn_env_create", code);
  }
  /* After the bridge was opened: hooks run in the reverse order, so the reactor lets go before Node closes the bridge's function. */
  napi_add_env_cleanup_hook(env, OnEnvironmentExit, this);
}

/* The order matters: first nobody touches the rings or notifies any more, then they and the bridge go. */
void Environment::Dispose() {
  if (core_ == nullptr) return;
  mqn_env_destroy(core_);
  core_ = nullptr;
  bridge_.Close();
  for (auto& memory : memory_) memory.Reset();
  napi_remove_env_cleanup_hook(Env(), OnEnvironmentExit, this);
}

/* The end of the main thread, process.exit() in a worker, worker.terminate(). */
void Environment::OnEnvironmentExit(void* environment) { static_cast<Environment*>(environment)->Dispose(); }

void Environment::Wake(const Napi::CallbackInfo&) {
  if (core_ != nullptr) mqn_env_wake(core_);
}

void Environment::Ref(const Napi::CallbackInfo& info) { bridge_.Ref(info.Env()); }

void Environment::Unref(const Napi::CallbackInfo& info) { bridge_.Unref(info.Env()); }

void Environment::DisposeCall(const Napi::CallbackInfo&) { Dispose(); }

}  // namespace mqn
