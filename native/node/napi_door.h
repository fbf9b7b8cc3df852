/* node-addon-api, as every file here includes it. A worker that is being terminated refuses every call into JavaScript, and the exception
 * that says so cannot be thrown into JavaScript either; without this definition node-addon-api throws it on in C++, and the process ends. */
#ifndef MQN_NODE_NAPI_DOOR_H
#define MQN_NODE_NAPI_DOOR_H
#ifndef NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS
#define NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS
#endif
#include <napi.h>
#endif
