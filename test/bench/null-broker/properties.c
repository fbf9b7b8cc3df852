/* MQTT 5 properties (2.2.2): all are stepped over, two are read. */
#include "null-broker.h"

enum { UNKNOWN, ONE, TWO, FOUR, VARINT, TEXT, PAIR };

static int form_of(uint8_t id) {
  static const uint8_t forms[] = {
    [0x01] = ONE, [0x02] = FOUR, [0x03] = TEXT, [0x08] = TEXT, [0x09] = TEXT, [0x0b] = VARINT, [0x11] = FOUR, [0x12] = TEXT, [0x13] = TWO,
    [0x15] = TEXT, [0x16] = TEXT, [0x17] = ONE, [0x18] = FOUR, [0x19] = ONE, [0x1a] = TEXT, [0x1c] = TEXT, [0x1f] = TEXT, [0x21] = TWO,
    [0x22] = TWO, [0x23] = TWO, [0x24] = ONE, [0x25] = ONE, [0x26] = PAIR, [0x27] = FOUR, [0x28] = ONE, [0x29] = ONE, [0x2a] = ONE
  };
  return id < sizeof(forms) ? forms[id] : UNKNOWN;
}

/* bytes of a variable byte integer at `at`, 0: not whole or longer than four */
static size_t varint_at(const uint8_t* at, size_t available, size_t* value) {
  *value = 0;
  for (size_t i = 0; i < available && i < 4; i++) {
    *value |= (size_t)(at[i] & 127) << 7 * i;
    if ((at[i] & 128) == 0) {
      return i + 1;
    }
  }
  return 0;
}

static size_t text_at(const uint8_t* at, size_t available) {
  size_t length = available < 2 ? 0 : (size_t)(at[0] << 8 | at[1]) + 2;
  return length <= available ? length : 0;
}

bool mqn_nb_properties_read(const uint8_t* at, size_t available, mqn_nb_properties* found) {
  size_t length, value, step = varint_at(at, available, &length);
  if (step == 0 || length > available - step) {
    return false;
  }
  found->length = step + length;
  at += step;
  while (length > 0) {
    uint8_t id = *at++;
    length--;
    switch (form_of(id)) {
      case ONE: step = 1; break;
      case TWO: step = 2; break;
      case FOUR: step = 4; break;
      case VARINT: step = varint_at(at, length, &value); break;
      case TEXT: step = text_at(at, length); break;
      case PAIR:
        step = text_at(at, length);
        value = step == 0 ? 0 : text_at(at + step, length - step);
        step = value == 0 ? 0 : step + value;
        break;
      default: step = 0;
    }
    if (step == 0 || step > length) {
      return false;
    }
    if (id == 0x21) {
      found->receive_maximum = (uint16_t)(at[0] << 8 | at[1]);
    } else if (id == 0x23) {
      found->topic_alias = (uint16_t)(at[0] << 8 | at[1]);
    }
    at += step;
    length -= step;
  }
  return true;
}
