/* Payloads too large for a ring: a record carries their address, and ownership goes with the record. */
#include <cstring>

#include "environment.h"
#include "to_js.h"

namespace mqn {

static void CheckPlace(const Napi::CallbackInfo& info, size_t place, size_t size) {
  if (place > size || size - place < sizeof(uint64_t)) throw Napi::RangeError::New(info.Env(), "no place in the ring for an address");
}

/* putLarge(place, payload): bytes. The reactor frees the copy. */
Napi::Value Environment::PutLarge(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  size_t place = info[0].As<Napi::Number>().Uint32Value();
  CheckPlace(info, place, submissions_size_);
  size_t length = 0;
  void* copy;
  if (info[1].IsString()) {
    napi_get_value_string_utf8(env, info[1], nullptr, 0, &length);
    copy = mqn_payload_new(length + 1); /* Node writes a NUL behind it */
    if (copy != nullptr) napi_get_value_string_utf8(env, info[1], static_cast<char*>(copy), length + 1, &length);
  } else {
    auto payload = info[1].As<Napi::Uint8Array>();
    length = payload.ByteLength();
    copy = mqn_payload_new(length);
    if (copy != nullptr && length != 0) std::memcpy(copy, payload.Data(), length);
  }
  if (copy == nullptr) throw Napi::RangeError::New(env, "no memory for a payload of " + std::to_string(length) + " bytes");
  uint64_t address = reinterpret_cast<uintptr_t>(copy);
  if (core_ == nullptr) mqn_payload_free(copy); /* disposed: nobody will read the record */
  else std::memcpy(submissions_ + place, &address, sizeof address);
  return Napi::Number::New(env, static_cast<double>(length));
}

/* takeLarge(place, length): ArrayBuffer. The place is emptied: should the environment end before the ring's head has moved, the core frees
 * what it finds behind the head. */
Napi::Value Environment::TakeLarge(const Napi::CallbackInfo& info) {
  size_t place = info[0].As<Napi::Number>().Uint32Value();
  size_t length = info[1].As<Napi::Number>().Uint32Value();
  CheckPlace(info, place, messages_size_);
  if (core_ == nullptr) return Napi::ArrayBuffer::New(info.Env(), length); /* disposed: the core has freed it */
  void* payload;
  std::memcpy(&payload, messages_ + place, sizeof payload);
  std::memset(messages_ + place, 0, sizeof payload);
  return ArrayBufferFromPayload(info.Env(), payload, length);
}

/* copyLarge(place, slab): as takeLarge(), but the bytes are copied into memory of JavaScript, and the payload is freed. */
Napi::Value Environment::CopyLarge(const Napi::CallbackInfo& info) {
  size_t place = info[0].As<Napi::Number>().Uint32Value();
  auto slab = info[1].As<Napi::Uint8Array>();
  CheckPlace(info, place, messages_size_);
  if (core_ == nullptr) { /* disposed: the core has freed it, and what the slab's memory held before is nobody's business */
    std::memset(slab.Data(), 0, slab.ByteLength());
    return info.Env().Undefined();
  }
  void* payload;
  std::memcpy(&payload, messages_ + place, sizeof payload);
  std::memset(messages_ + place, 0, sizeof payload);
  std::memcpy(slab.Data(), payload, slab.ByteLength());
  mqn_payload_free(payload);
  return info.Env().Undefined();
}

}  // namespace mqn
