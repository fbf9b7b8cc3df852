/** UTF-8 as MQTT wants it (1.5.4): well-formed, no surrogates, no U+0000. */

export const ILL_FORMED = 1;
export const WILDCARD = 2;

/**
 * Bytes of the character at `at`, 0: ill-formed. The second byte's range excludes overlong forms, surrogates and all above U+10FFFF.
 */
function characterSize(data: Uint8Array, at: number, end: number): number {
  const first = data[at]!;
  if (first < 0xc2 || first > 0xf4) return 0;
  const size = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (size > end - at) return 0;
  const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  const second = data[at + 1]!;
  if (second < low || second > high) return 0;
  for (let i = at + 2; i < at + size; i += 1) {
    if ((data[i]! & 0xc0) !== 0x80) return 0;
  }
  return size;
}

/** 0, or what was met: ill-formed bytes or U+0000 (the scan ends there), a '+' or '#'. */
export function scanText(data: Uint8Array, at: number, end: number): number {
  let met = 0;
  while (at < end) {
    const byte = data[at]!;
    if (byte >= 0x80) {
      const size = characterSize(data, at, end);
      if (size === 0) return met | ILL_FORMED;
      at += size;
      continue;
    }
    if (byte === 0) return met | ILL_FORMED;
    if (byte === 0x2b || byte === 0x23) met |= WILDCARD;
    at += 1;
  }
  return met;
}
