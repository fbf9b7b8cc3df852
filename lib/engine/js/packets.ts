/**
 * The packets this engine writes itself: CONNECT and DISCONNECT, so that properties go out byte for byte as given and neither password nor
 * will is ever in the hands of mqtt.js (it logs them), the acknowledgements of incoming messages, and PINGREQ. All else is mqtt.js's; see
 * outgoing-packets.ts.
 */
import type { EngineOpen } from '../engine.js';
import { variableSize } from './packet-view.js';

export const PINGREQ_PACKET = Buffer.from([0xc0, 0]);
/** Largest Remaining Length (2.1.4). */
export const LARGEST_LENGTH = 268_435_455;
const LARGEST_FIELD = 65_535;

/** A Variable Byte Integer (1.5.5); returns the place behind it. */
export function writeLength(to: Buffer, at: number, value: number): number {
  while (value > 127) {
    to[at++] = (value & 127) | 128;
    value >>>= 7;
  }
  to[at++] = value;
  return at;
}

/** Collects the fields of one packet. For packets of a connection's beginning and end: not for those that come once a message. */
class Fields {
  readonly #parts: Uint8Array[] = [];
  length = 0;

  raw(bytes: Uint8Array): this {
    this.#parts.push(bytes);
    this.length += bytes.length;
    return this;
  }

  byte(value: number): this {
    return this.raw(Buffer.from([value]));
  }

  word(value: number): this {
    return this.raw(Buffer.from([value >> 8, value & 255]));
  }

  /** A length of two bytes, then the text or the bytes. */
  field(value: string | Uint8Array, name: string): this {
    const bytes = typeof value === 'string' ? Buffer.from(value) : value;
    if (bytes.length > LARGEST_FIELD) {
      throw new RangeError(`${name} has ${bytes.length} bytes, 65,535 is the most`);
    }
    return this.word(bytes.length).raw(bytes);
  }

  properties(bytes: Uint8Array | undefined): this {
    const length = bytes?.length ?? 0;
    const size = Buffer.alloc(variableSize(length));
    writeLength(size, 0, length);
    this.raw(size);
    return bytes === undefined ? this : this.raw(bytes);
  }

  packet(first: number): Buffer {
    const head = Buffer.alloc(1 + variableSize(this.length));
    head[0] = first;
    writeLength(head, 1, this.length);
    return Buffer.concat([head, ...this.#parts]);
  }
}

/** Throws RangeError when a field is longer than the protocol can say. */
export function connectPacket(options: EngineOpen): Buffer {
  const { will, username, password } = options;
  const flags = (username === undefined ? 0 : 0x80) | (password === undefined ? 0 : 0x40) |
    (will === undefined ? 0 : 4 | will.qos << 3 | (will.retain ? 0x20 : 0)) | (options.cleanStart ? 2 : 0);
  const fields = new Fields().field('MQTT', 'protocol name').byte(options.protocolVersion).byte(flags).word(options.keepAlive);
  if (options.protocolVersion === 5) {
    fields.properties(options.properties);
  }
  fields.field(options.clientId, 'clientId');
  if (will !== undefined) {
    if (options.protocolVersion === 5) {
      fields.properties(will.properties);
    }
    fields.field(will.topic, 'will.topic').field(will.payload, 'will.payload');
  }
  if (username !== undefined) {
    fields.field(username, 'username');
  }
  if (password !== undefined) {
    fields.field(password, 'password');
  }
  return fields.packet(0x10);
}

export function disconnectPacket(version: 4 | 5, reasonCode: number, properties: Uint8Array | undefined): Buffer {
  const fields = new Fields();
  if (version === 5 && (reasonCode !== 0 || properties !== undefined)) {
    fields.byte(reasonCode);
    if (properties !== undefined) {
      fields.properties(properties);
    }
  }
  return fields.packet(0xe0);
}

/** A copy, because an answer is kept for longer than what was received with it; undefined when empty. */
export function copyOf(data: Uint8Array, start: number, end: number): Uint8Array | undefined {
  return start === end ? undefined : new Uint8Array(data.subarray(start, end));
}
