/* Headers of Paho's platform layer that nothing here needs: proxies belong to native/transport, persistence to the application,
 * and no write is ever interrupted. */
#include "link.h"
#include "Proxy.h"
#include "SocketBuffer.h"
#include "MQTTPersistenceDefault.h"

int Proxy_connect(networkHandles* net, int ssl, const char* host) { (void)net; (void)ssl; (void)host; return SOCKET_ERROR; }
int Proxy_noProxy(const char* destination, char* no_proxy) { (void)destination; (void)no_proxy; return 0; }
/* Paho would look into http_proxy when PAHO_C_CLIENT_USE_HTTP_PROXY is set; "no proxy found" keeps the environment out. */
int Proxy_setHTTPProxy(Clients* client, char* source, char** destination, char** authorization, char* prefix) {
  (void)client; (void)source; (void)destination; (void)authorization; (void)prefix;
  return 0;
}

pending_writes* SocketBuffer_updateWrite(SOCKET socket, char* topic, char* payload) { (void)socket; (void)topic; (void)payload; return NULL; }

int pstopen(void** handle, const char* client_id, const char* uri, void* context) {
  (void)handle; (void)client_id; (void)uri; (void)context;
  return MQTTCLIENT_PERSISTENCE_ERROR;
}
int pstclose(void* handle) { (void)handle; return MQTTCLIENT_PERSISTENCE_ERROR; }
int pstput(void* handle, char* key, int count, char* buffers[], int lengths[]) {
  (void)handle; (void)key; (void)count; (void)buffers; (void)lengths;
  return MQTTCLIENT_PERSISTENCE_ERROR;
}
int pstget(void* handle, char* key, char** buffer, int* length) {
  (void)handle; (void)key; (void)buffer; (void)length;
  return MQTTCLIENT_PERSISTENCE_ERROR;
}
int pstremove(void* handle, char* key) { (void)handle; (void)key; return MQTTCLIENT_PERSISTENCE_ERROR; }
int pstkeys(void* handle, char*** keys, int* count) { (void)handle; (void)keys; (void)count; return MQTTCLIENT_PERSISTENCE_ERROR; }
int pstclear(void* handle) { (void)handle; return MQTTCLIENT_PERSISTENCE_ERROR; }
int pstcontainskey(void* handle, char* key) { (void)handle; (void)key; return MQTTCLIENT_PERSISTENCE_ERROR; }
