/* Forced into the compilation of MQTTAsyncUtils.c, which itself stays byte for byte as released. System headers come first, so that
 * only Paho's calls are renamed and never a system's declaration. */
#ifndef MQN_SEAMS_ASYNC_UTILS_H
#define MQN_SEAMS_ASYNC_UTILS_H
#if defined(_WIN32)
#include <winsock2.h>      /* before windows.h */
#include <ws2tcpip.h>
#include <windows.h>
#define ExitThread(code) ((void)0)             /* both loops end so on Windows (MQTTAsyncUtils.c:1879, :2405): that would be the reactor's thread */
#define Sleep(ms) ((void)0)
#else
#include <sys/socket.h>
#include <unistd.h>
int mqn_paho_usleep(unsigned us);
#define usleep mqn_paho_usleep                 /* MQTTAsync_stop() waiting for threads */
#endif
#include <stdint.h>
#include "seams_memory.h"
int mqn_paho_getsockopt(uintptr_t socket, int level, int name, void* value, void* length);
#define getsockopt mqn_paho_getsockopt         /* of a number that is no descriptor (:2910); never reached, see socket.c */
#define MQTTProtocol_retry mqn_paho_retry      /* a reconnect sends everything again, of all clients (:2038); walks all clients once a packet (:2839) */
#define MQTTProtocol_keepalive mqn_paho_keepalive   /* the granularity is the last connected client's (:2702); keepalive has timers of its own */
#endif
