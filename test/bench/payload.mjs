// The payloads of the bench, as the null broker sends and expects them: a sequence number in the first four bytes, little endian, then a
// pattern that both sides know, so that every byte of every message can be compared.
const PERIOD = 16381; // words; odd, so that a block of any usual size that went to the wrong place is seen

/** A payload of the pattern with sequence number 0. */
export function makePayload(size) {
  const bytes = Buffer.alloc(Math.ceil(size / 4) * 4);
  for (let i = 0; i * 4 < size; i++) bytes.writeUInt32LE(Math.imul(i % PERIOD, 0x9E3779B1) >>> 0, i * 4);
  return bytes.subarray(0, size);
}

/** A payload and a way to number it that costs next to nothing. */
export function makeStampedPayload(size) {
  const payload = makePayload(size);
  if (size < 4) return { payload, stamp: () => {} };
  const words = new Uint32Array(payload.buffer, payload.byteOffset, 1);
  return { payload, stamp(sequence) { words[0] = sequence; } };
}

/** Compares all bytes of a payload with what sequence number `sequence` should be. */
export function makeComparer(size) {
  const { payload, stamp } = makeStampedPayload(size);
  return (received, sequence) => {
    stamp(sequence);
    return payload.equals(received);
  };
}
