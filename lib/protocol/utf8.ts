/** The longest UTF-8 string and the longest Binary Data MQTT can write (1.5.4, 1.5.6). */
export const MAX_STRING_BYTES = 65_535;

/** Node 20 has it; the `lib` this project compiles against does not name it yet. */
interface WellFormed {
  isWellFormed(): boolean;
}

/** What keeps a text from being an MQTT UTF-8 string, in words; undefined: nothing. */
export function utf8Problem(text: string): string | undefined {
  // A UTF-16 unit takes three bytes at most: short texts need no counting.
  if (text.length > MAX_STRING_BYTES / 3 && Buffer.byteLength(text) > MAX_STRING_BYTES) return 'is longer than 65,535 bytes of UTF-8';
  if (!(text as unknown as WellFormed).isWellFormed()) return 'has a lone surrogate, which UTF-8 cannot express';
  if (text.includes('\0')) return 'has the character U+0000';
  return undefined;
}
