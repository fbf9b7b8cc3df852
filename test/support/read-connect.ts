/** Reading what a client sent where comparing bytes is not enough: CONNECT field by field, and properties, which have no order. */
import { headerSize, hexDump } from './packets.js';

/** Properties as `identifier: bytes in hexadecimal`, sorted by identifier: the standard gives them no order. Repeated ones keep theirs. */
export function readProperties(data: Uint8Array): string[] {
  const view = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const found: { id: number; text: string }[] = [];
  let at = 0;
  while (at < view.length) {
    const id = view[at]!;
    at += 1;
    const size = propertySize(id, view.subarray(at));
    if (at + size > view.length) {
      throw new Error(`property ${id.toString(16)} reaches beyond its packet`);
    }
    found.push({ id, text: `${id.toString(16).padStart(2, '0')}: ${view.subarray(at, at + size).toString('hex')}` });
    at += size;
  }
  return found.sort((a, b) => a.id - b.id).map(({ text }) => text);
}

/** Bytes of the value of a property, from table 2-4 of the standard. */
function propertySize(id: number, rest: Buffer): number {
  switch (id) {
    case 0x01: case 0x17: case 0x19: case 0x24: case 0x25: case 0x28: case 0x29: case 0x2a:
      return 1;
    case 0x13: case 0x21: case 0x22: case 0x23:
      return 2;
    case 0x02: case 0x11: case 0x18: case 0x27:
      return 4;
    case 0x0b: {
      let size = 1;
      while (((rest[size - 1] ?? 0) & 0x80) !== 0) {
        size += 1;
      }
      return size;
    }
    case 0x26: {
      const name = 2 + rest.readUInt16BE(0);
      return name + 2 + rest.readUInt16BE(name);
    }
    case 0x03: case 0x08: case 0x09: case 0x12: case 0x15: case 0x16: case 0x1a: case 0x1c: case 0x1f:
      return 2 + rest.readUInt16BE(0);
    default:
      throw new Error(`the client sent property ${id.toString(16)}, which does not exist`);
  }
}

/** What a CONNECT says, read field by field; throws when a byte is left over or missing. */
export interface ConnectFields {
  level: number;
  flags: number;
  keepAlive: number;
  properties: string[];
  clientId: string;
  willProperties?: string[];
  willTopic?: string;
  willPayload?: string;
  username?: string;
  password?: string;
}

export function readConnect(data: Uint8Array): ConnectFields {
  const view = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  let at = headerSize(view);
  const take = (size: number): Buffer => {
    if (at + size > view.length) {
      throw new Error(`CONNECT ends within a field:\n${hexDump(view)}`);
    }
    at += size;
    return view.subarray(at - size, at);
  };
  const text = (): string => take(take(2).readUInt16BE()).toString('utf8');
  const properties = (): string[] => {
    let size = 0;
    let shift = 1;
    let byte: number;
    do {
      byte = take(1)[0]!;
      size += (byte & 0x7f) * shift;
      shift *= 128;
    } while ((byte & 0x80) !== 0);
    return readProperties(take(size));
  };
  const name = text();
  if (name !== 'MQTT') {
    throw new Error(`the protocol name of CONNECT is ${JSON.stringify(name)}`);
  }
  const level = take(1)[0]!;
  const flags = take(1)[0]!;
  const keepAlive = take(2).readUInt16BE();
  const fields: ConnectFields = { level, flags, keepAlive, properties: level === 5 ? properties() : [], clientId: text() };
  if ((flags & 4) !== 0) {
    if (level === 5) {
      fields.willProperties = properties();
    }
    fields.willTopic = text();
    fields.willPayload = take(take(2).readUInt16BE()).toString('hex');
  }
  if ((flags & 0x80) !== 0) {
    fields.username = text();
  }
  if ((flags & 0x40) !== 0) {
    fields.password = take(take(2).readUInt16BE()).toString('hex');
  }
  if (at !== view.length) {
    throw new Error(`CONNECT has ${view.length - at} bytes behind its last field:\n${hexDump(view)}`);
  }
  return fields;
}
