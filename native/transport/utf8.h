/* UTF-8 as MQTT wants it (1.5.4): well-formed, no surrogates, no U+0000. */
#ifndef MQN_UTF8_H
#define MQN_UTF8_H
#include <stddef.h>
#include <stdint.h>

enum { MQN_UTF8_ILL_FORMED = 1, MQN_UTF8_WILDCARD = 2 };

/* 0, or what was met: ill-formed bytes or U+0000 (the scan ends there), a '+' or '#'. */
int mqn_utf8_scan(const uint8_t* text, size_t length);
#endif
