/** Variable Byte Integers (1.5.5): seven bits a byte, the smallest first, at most four bytes. */
export const MAX_VARINT = 268_435_455;

/** How many bytes a value takes. */
export function varintSize(value: number): number {
  return value < 128 ? 1 : value < 16_384 ? 2 : value < 2_097_152 ? 3 : 4;
}

/** Writes a value at `at`; returns the place behind it. */
export function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  let rest = value;
  while (rest > 127) {
    bytes[at++] = (rest & 127) | 128;
    rest >>>= 7;
  }
  bytes[at++] = rest;
  return at;
}

/** Reads the value at `at`; undefined when it is cut off, above four bytes, or longer than it needs to be (1.5.5-1). */
export function readVarint(bytes: Uint8Array, at: number): { value: number; end: number } | undefined {
  let value = 0;
  for (let shift = 0; shift < 28; shift += 7) {
    const byte = bytes[at++];
    if (byte === undefined) return undefined;
    value |= (byte & 127) << shift;
    if (byte < 128) return byte === 0 && shift > 0 ? undefined : { value, end: at };
  }
  return undefined;
}
