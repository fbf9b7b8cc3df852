#include "from_js.h"

#include <cstring>

namespace mqn {

Bytes BytesFrom(Napi::Value value) {
  Bytes bytes;
  if (!value.IsTypedArray()) return bytes;
  auto array = value.As<Napi::Uint8Array>();
  static const uint8_t nothing = 0; /* there, and empty: not the same as not there */
  bytes.length = static_cast<uint32_t>(array.ByteLength());
  bytes.data = bytes.length == 0 ? &nothing : array.Data();
  return bytes;
}

static uint32_t Number(Napi::Object from, const char* name) {
  Napi::Value value = from.Get(name);
  return value.IsNumber() ? value.As<Napi::Number>().Uint32Value() : 0;
}

static bool Flag(Napi::Object from, const char* name) { return from.Get(name).ToBoolean(); }

/* nullptr: undefined */
const char* OpenOptions::Text(Napi::Object from, const char* name, size_t* length) {
  Napi::Value value = from.Get(name);
  if (!value.IsString()) return nullptr;
  strings_.push_back(value.As<Napi::String>().Utf8Value());
  if (length != nullptr) *length = strings_.back().size();
  return strings_.back().c_str();
}

OpenOptions::OpenOptions(Napi::Object from) {
  mqn_open_options& o = options_;
  o.struct_size = sizeof o;
  o.host = Text(from, "host");
  o.port = static_cast<uint16_t>(Number(from, "port"));
  o.protocol_version = static_cast<uint8_t>(Number(from, "protocolVersion"));
  o.clean_start = Flag(from, "cleanStart");
  o.keep_alive = static_cast<uint16_t>(Number(from, "keepAlive"));
  o.client_id = Text(from, "clientId");
  o.user_name = Text(from, "username");
  o.receive_maximum = static_cast<uint16_t>(Number(from, "receiveMaximum"));
  o.maximum_packet_size = Number(from, "maximumPacketSize");
  o.topic_alias_maximum = static_cast<uint16_t>(Number(from, "topicAliasMaximum"));
  o.outgoing_aliases = static_cast<uint16_t>(Number(from, "outgoingAliases"));
  o.window = static_cast<uint16_t>(Number(from, "window"));
  o.connect_timeout = Number(from, "connectTimeout");
  Napi::Value tls = from.Get("tls");
  if (tls.IsObject()) ReadTls(tls.As<Napi::Object>());
  ReadWill(from);
  Bytes password = BytesFrom(from.Get("password"));
  o.password = password.data;
  o.password_length = password.length;
  Bytes properties = BytesFrom(from.Get("properties"));
  o.properties = properties.data;
  o.properties_length = properties.length;
}

void OpenOptions::ReadTls(Napi::Object from) {
  mqn_tls_options& t = tls_;
  t.struct_size = sizeof t;
  t.ca = Text(from, "ca", &t.ca_length);
  t.cert = Text(from, "cert", &t.cert_length);
  t.key = Text(from, "key", &t.key_length);
  t.passphrase = Text(from, "passphrase");
  t.server_name = Text(from, "serverName");
  t.ciphers = Text(from, "ciphers");
  t.alpn = Text(from, "alpn");
  t.min_version = static_cast<int>(Number(from, "minVersion"));
  t.max_version = static_cast<int>(Number(from, "maxVersion"));
  t.insecure_skip_verify = Flag(from, "insecureSkipVerify");
  options_.tls = &t;
}

void OpenOptions::ReadWill(Napi::Object from) {
  mqn_open_options& o = options_;
  o.will_topic = Text(from, "willTopic");
  if (o.will_topic == nullptr) return;
  Bytes payload = BytesFrom(from.Get("willPayload"));
  o.will_payload = payload.data;
  o.will_payload_length = payload.length;
  o.will_qos = static_cast<uint8_t>(Number(from, "willQos"));
  o.will_retain = Flag(from, "willRetain");
  Bytes properties = BytesFrom(from.Get("willProperties"));
  o.will_properties = properties.data;
  o.will_properties_length = properties.length;
}

/* Key and passphrase are among them. */
OpenOptions::~OpenOptions() {
  for (std::string& text : strings_) {
    volatile char* bytes = text.data();
    for (size_t i = 0; i < text.size(); i++) bytes[i] = 0;
  }
}

Filters::Filters(Napi::Array from) {
  uint32_t length = from.Length();
  strings_.reserve(length); /* no string moves any more */
  pointers_.reserve(length);
  for (uint32_t i = 0; i < length; i++) {
    strings_.push_back(from.Get(i).As<Napi::String>().Utf8Value());
    pointers_.push_back(strings_.back().c_str());
  }
}

}  // namespace mqn
