/* Values for JavaScript. */
#ifndef MQN_NODE_TO_JS_H
#define MQN_NODE_TO_JS_H
#include "napi_door.h"

namespace mqn {

/* "<what>: <sentence of the core>" */
Napi::Error ErrorFromCode(Napi::Env env, const char* what, int code);

/* `length` bytes at `payload`, from mqn_payload_new(), as an ArrayBuffer that owns them: they are freed when it is collected. Where the
 * embedder allows no memory of others (Electron) they are copied and freed. An empty ArrayBuffer for length 0. */
Napi::Value ArrayBufferFromPayload(Napi::Env env, void* payload, size_t length);

}  // namespace mqn
#endif
