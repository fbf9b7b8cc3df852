import { optionError } from '../errors.js';
import { MAX_STRING_BYTES, utf8Problem } from '../protocol/utf8.js';

/** The longest time a Node timer takes, milliseconds. */
export const MAX_TIME = 2_147_483_647;

/** What other clients call it, where the spelling alone would not lead there. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  clean: 'cleanStart',
  cleansession: 'cleanStart',
  keepalive: 'keepAlive',
  rejectunauthorized: 'insecureSkipVerify',
  lwt: 'will',
  user: 'username',
  pass: 'password',
  protocol: 'protocolVersion',
};

/** How many letters must change to make one name of the other; case does not count. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length]!;
}

/** The known name that looks most like it. */
export function nearestName(name: string, known: Iterable<string>): string {
  const lower = name.toLowerCase();
  let best = '';
  let least = Infinity;
  for (const candidate of known) {
    if (OTHER_NAMES[lower] === candidate) return candidate;
    const changes = distance(lower.slice(0, 64), candidate.toLowerCase());
    if (changes < least) {
      least = changes;
      best = candidate;
    }
  }
  return best;
}

/** The error for a name nobody knows; `what` is the object it stands in, '' for the client's options. */
export function unknownName(what: string, name: string, known: Iterable<string>): Error {
  return optionError(what === '' ? name : `${what}.${name}`, `unknown option, did you mean ${nearestName(name, known)}?`);
}

/** Refuses anything but a plain object with known names. */
export function checkNames(what: string, given: unknown, known: ReadonlySet<string>): asserts given is Record<string, unknown> {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw optionError(what === '' ? 'options' : what, 'must be an object');
  }
  for (const name in given) if (!known.has(name)) throw unknownName(what, name, known);
}

export function integer(name: string, value: unknown, min: number, max: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
    throw optionError(name, `must be an integer from ${min} to ${max}`);
  }
  return value;
}

/** Milliseconds; 0 is no limit. */
export function milliseconds(name: string, value: unknown): number {
  if (typeof value !== 'number' || !(value >= 0 && value <= MAX_TIME)) throw optionError(name, `must be milliseconds from 0 to ${MAX_TIME}`);
  return value;
}

export function boolean(name: string, value: unknown): boolean {
  if (typeof value !== 'boolean') throw optionError(name, 'must be true or false');
  return value;
}

export function oneOf<const T>(name: string, value: unknown, allowed: readonly T[]): T {
  if (!allowed.includes(value as T)) throw optionError(name, `must be one of ${allowed.map((a) => JSON.stringify(a)).join(', ')}`);
  return value as T;
}

/** A text MQTT can write (1.5.4). */
export function mqttText(name: string, value: unknown): string {
  if (typeof value !== 'string') throw optionError(name, 'must be a string');
  const problem = utf8Problem(value);
  if (problem !== undefined) throw optionError(name, problem);
  return value;
}

export function plainText(name: string, value: unknown): string {
  if (typeof value !== 'string' || value === '') throw optionError(name, 'must be a string and not empty');
  if (value.includes('\0')) throw optionError(name, 'has the character U+0000');
  return value;
}

/** Bytes of whatever holds bytes, not copied; undefined: it holds none. */
export function bytesOf(value: unknown): Uint8Array | undefined {
  if (value instanceof Uint8Array) return value;
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  if (value instanceof ArrayBuffer || (typeof SharedArrayBuffer !== 'undefined' && value instanceof SharedArrayBuffer)) return new Uint8Array(value);
  // Made in another realm (a vm context): instanceof does not know it.
  const tag = Object.prototype.toString.call(value);
  if (tag === '[object ArrayBuffer]' || tag === '[object SharedArrayBuffer]') return new Uint8Array(value as ArrayBuffer);
  return undefined;
}

/** Binary Data (1.5.6) of CONNECT: copied, at most 65,535 bytes. */
export function binaryData(name: string, value: unknown): Uint8Array {
  const bytes = typeof value === 'string' ? Buffer.from(value) : bytesOf(value);
  if (bytes === undefined) throw optionError(name, 'must be a string or bytes');
  if (bytes.length > MAX_STRING_BYTES) throw optionError(name, 'is longer than 65,535 bytes');
  return Buffer.from(bytes);
}

export function checkSignal(name: string, value: unknown): AbortSignal {
  if (typeof value !== 'object' || value === null || !('aborted' in value) || !('addEventListener' in value)) {
    throw optionError(name, 'must be an AbortSignal');
  }
  return value as AbortSignal;
}
