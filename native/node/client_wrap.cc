/* Calls about one client, by its number: everything that is not in the rings. Each returns MQN_OK or MQN_ERR_*; the outcome comes as an
 * event. */
#include "environment.h"
#include "from_js.h"

namespace mqn {

static int32_t ClientOf(const Napi::CallbackInfo& info) { return info[0].As<Napi::Number>().Int32Value(); }

static Napi::Value Code(const Napi::CallbackInfo& info, int code) { return Napi::Number::New(info.Env(), code); }

/* createClient(): its number, or MQN_ERR_* */
Napi::Value Environment::CreateClient(const Napi::CallbackInfo& info) {
  if (core_ == nullptr) return Code(info, MQN_ERR_STATE);
  int32_t client = 0;
  int code = mqn_client_create(core_, &client);
  return Code(info, code == MQN_OK ? client : code);
}

/* open(client, options) */
Napi::Value Environment::Open(const Napi::CallbackInfo& info) {
  if (core_ == nullptr) return Code(info, MQN_ERR_STATE);
  OpenOptions options(info[1].As<Napi::Object>());
  return Code(info, mqn_client_open(core_, ClientOf(info), options.get()));
}

/* subscribe(client, slot, filters, options, properties) */
Napi::Value Environment::Subscribe(const Napi::CallbackInfo& info) {
  if (core_ == nullptr) return Code(info, MQN_ERR_STATE);
  Filters filters(info[2].As<Napi::Array>());
  Bytes options = BytesFrom(info[3]);
  Bytes properties = BytesFrom(info[4]);
  if (options.length != filters.count()) return Code(info, MQN_ERR_ARGUMENT);
  int32_t slot = info[1].As<Napi::Number>().Int32Value();
  return Code(info, mqn_client_subscribe(core_, ClientOf(info), slot, filters.count(), filters.get(), options.data, properties.data,
                                         properties.length));
}

/* unsubscribe(client, slot, filters, properties) */
Napi::Value Environment::Unsubscribe(const Napi::CallbackInfo& info) {
  if (core_ == nullptr) return Code(info, MQN_ERR_STATE);
  Filters filters(info[2].As<Napi::Array>());
  Bytes properties = BytesFrom(info[3]);
  int32_t slot = info[1].As<Napi::Number>().Int32Value();
  return Code(info, mqn_client_unsubscribe(core_, ClientOf(info), slot, filters.count(), filters.get(), properties.data,
                                           properties.length));
}

/* close(client, reasonCode, properties) */
Napi::Value Environment::Close(const Napi::CallbackInfo& info) {
  if (core_ == nullptr) return Code(info, MQN_ERR_STATE);
  auto reason_code = static_cast<uint8_t>(info[1].As<Napi::Number>().Uint32Value());
  Bytes properties = BytesFrom(info[2]);
  return Code(info, mqn_client_close(core_, ClientOf(info), reason_code, properties.data, properties.length));
}

/* destroyClient(client) */
Napi::Value Environment::DestroyClient(const Napi::CallbackInfo& info) {
  if (core_ == nullptr) return Code(info, MQN_ERR_STATE);
  return Code(info, mqn_client_destroy(core_, ClientOf(info)));
}

}  // namespace mqn
