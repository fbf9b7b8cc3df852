/* Log.h: Paho's own messages at level error and above become log records of level debug. Below that they are not even formatted.
 * None of Paho's error messages holds a payload, a password or a user name. */
#include <stdarg.h>
#include <stdio.h>
#include "link.h"
#include "Log.h"

trace_settings_type trace_settings;
#if defined(_WIN32)
mutex_type log_mutex;        /* MQTTAsync.c:137, there only */
#endif

void Log(enum LOG_LEVELS level, int number, const char* format, ...) {
  char text[256];
  va_list arguments;
  (void)number;
  if (level < LOG_ERROR || !format) return;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  mqn_core_log(4, text);
}
int Log_initialize(Log_nameValue* info) { (void)info; return 0; }
void Log_terminate(void) {}
void Log_setTraceCallback(Log_traceCallback* callback) { (void)callback; }
void Log_setTraceLevel(enum LOG_LEVELS level) { (void)level; }
