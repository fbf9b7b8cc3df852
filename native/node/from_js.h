/* Options of JavaScript as the core takes them. What lib/ has checked is not checked again. */
#ifndef MQN_NODE_FROM_JS_H
#define MQN_NODE_FROM_JS_H
#include <deque>
#include <string>
#include <vector>

#include "mqtt_native.h"
#include "napi_door.h"

namespace mqn {

/* Bytes of a Uint8Array, valid while nothing of JavaScript runs. Undefined: nullptr and 0. */
struct Bytes {
  const uint8_t* data = nullptr;
  uint32_t length = 0;
};
Bytes BytesFrom(Napi::Value value);

/* mqn_open_options and the strings it points to: valid as long as this object. */
class OpenOptions {
 public:
  explicit OpenOptions(Napi::Object from);
  OpenOptions(const OpenOptions&) = delete;
  OpenOptions& operator=(const OpenOptions&) = delete;
  ~OpenOptions();
  const mqn_open_options* get() const { return &options_; }

 private:
  const char* Text(Napi::Object from, const char* name, size_t* length = nullptr);
  void ReadTls(Napi::Object from);
  void ReadWill(Napi::Object from);

  mqn_open_options options_{};
  mqn_tls_options tls_{};
  std::deque<std::string> strings_; /* a deque: their addresses stay */
};

/* Topic filters as the core takes them. */
class Filters {
 public:
  explicit Filters(Napi::Array from);
  uint32_t count() const { return static_cast<uint32_t>(pointers_.size()); }
  const char* const* get() const { return pointers_.data(); }

 private:
  std::vector<std::string> strings_;
  std::vector<const char*> pointers_;
};

}  // namespace mqn
#endif
