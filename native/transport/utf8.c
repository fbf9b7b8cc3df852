#include "utf8.h"
#include <string.h>

#define EACH(byte) ((uint64_t)(byte) * 0x0101010101010101u)

/* Nonzero when one of eight bytes is not plain: not ASCII, NUL, '+' or '#'. Errs only by asking for a closer look at plain bytes. */
static uint64_t needs_a_look(uint64_t word) {
  uint64_t plus = word ^ EACH('+'), hash = word ^ EACH('#');
  return (word | ((word - EACH(1)) & ~word) | ((plus - EACH(1)) & ~plus) | ((hash - EACH(1)) & ~hash)) & EACH(0x80);
}

static uint64_t load(const uint8_t* at) {
  uint64_t word;
  memcpy(&word, at, sizeof word);
  return word;
}

/* Bytes of the character at `at`, 0: ill-formed. The second byte's range excludes overlong forms, surrogates and all above U+10FFFF. */
static size_t character(const uint8_t* at, size_t left) {
  uint8_t first = at[0], low = 0x80, high = 0xbf;
  size_t length, i;
  if (first < 0x80) return first != 0;
  if (first < 0xc2 || first > 0xf4) return 0;
  length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (length > left) return 0;
  if (first == 0xe0) low = 0xa0;
  if (first == 0xed) high = 0x9f;
  if (first == 0xf0) low = 0x90;
  if (first == 0xf4) high = 0x8f;
  if (at[1] < low || at[1] > high) return 0;
  for (i = 2; i < length; i++)
    if ((at[i] & 0xc0) != 0x80) return 0;
  return length;
}

int mqn_utf8_scan(const uint8_t* text, size_t length) {
  size_t i = 0, until;
  int met = 0;
  while (i < length) {
    if (length - i >= 8) {
      if (!needs_a_look(load(text + i))) {
        i += 8;
        continue;
      }
    } else if (length >= 8 && !needs_a_look(load(text + length - 8))) {
      break;     /* the last eight bytes, of which some have been seen */
    }
    until = length - i > 8 ? i + 8 : length;
    while (i < until) {
      size_t step = character(text + i, length - i);
      if (step == 0) return met | MQN_UTF8_ILL_FORMED;
      if (text[i] == '+' || text[i] == '#') met |= MQN_UTF8_WILDCARD;
      i += step;
    }
  }
  return met;
}
