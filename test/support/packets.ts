/**
 * Bytes of MQTT packets for scripts of a broker. Nothing here shares code with the library or with mqtt.js: what a test expects must not
 * come from what it tests.
 */

export type Version = 4 | 5;

const PACKET_NAMES = [
  'RESERVED 0', 'CONNECT', 'CONNACK', 'PUBLISH', 'PUBACK', 'PUBREC', 'PUBREL', 'PUBCOMP', 'SUBSCRIBE', 'SUBACK', 'UNSUBSCRIBE', 'UNSUBACK', 'PINGREQ',
  'PINGRESP', 'DISCONNECT', 'AUTH',
] as const;

/**
 * Bytes written as in the standard's figures: pairs of hexadecimal digits, text in single quotes, spaces anywhere: `00 04 'MQTT' 05`. As
 * in the vectors of test/vectors, `[ ... ]` is its content with a Variable Byte Integer of its length in front, `{ ... }` with two bytes,
 * and `*3` repeats what is left of it.
 */
export function bytes(text: string): Buffer {
  const token = /\s+|'([^']*)'|((?:[0-9a-fA-F]{2})+)|\*(\d+)|([[{])|([\]}])/y;
  const open: { bracket: string; parts: Buffer[] }[] = [{ bracket: '', parts: [] }];
  for (let at = 0; at < text.length; at = token.lastIndex) {
    token.lastIndex = at;
    const found = token.exec(text);
    const innermost = open.at(-1)!;
    const wrong = (): Error => new Error(`no bytes can be read at position ${at} of ${JSON.stringify(text)}`);
    if (found === null) {
      throw wrong();
    }
    const [, quoted, hex, times, opening, closing] = found;
    if (quoted !== undefined) {
      innermost.parts.push(Buffer.from(quoted, 'utf8'));
    } else if (hex !== undefined) {
      innermost.parts.push(Buffer.from(hex, 'hex'));
    } else if (times !== undefined) {
      const last = innermost.parts.pop();
      if (last === undefined) {
        throw wrong();
      }
      innermost.parts.push(Buffer.alloc(last.length * Number(times), last));
    } else if (opening !== undefined) {
      open.push({ bracket: opening, parts: [] });
    } else if (closing !== undefined) {
      if (innermost.bracket !== (closing === ']' ? '[' : '{')) {
        throw wrong();
      }
      open.pop();
      const body = Buffer.concat(innermost.parts);
      open.at(-1)!.parts.push(Buffer.concat([closing === ']' ? variableByteInteger(body.length) : uint16(body.length), body]));
    }
  }
  if (open.length > 1) {
    throw new Error(`a bracket is not closed in ${JSON.stringify(text)}`);
  }
  return Buffer.concat(open[0]!.parts);
}

/** What `bytes()` reads, or bytes already. */
export type Bytes = string | Uint8Array;

export function toBytes(value: Bytes): Buffer {
  return typeof value === 'string' ? bytes(value) : Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}

/** Bytes as hexadecimal digits; undefined has a name of its own, so that it equals nothing else. */
export function hexOf(value: Uint8Array | undefined): string {
  return value === undefined ? 'undefined' : Buffer.from(value).toString('hex');
}

export function variableByteInteger(value: number): Buffer {
  const out: number[] = [];
  let rest = value;
  do {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    out.push(rest > 0 ? low | 0x80 : low);
  } while (rest > 0);
  return Buffer.from(out);
}

export function uint16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff]);
}

export function uint32(value: number): Buffer {
  const out = Buffer.alloc(4);
  out.writeUInt32BE(value);
  return out;
}

/** A UTF-8 string or binary data with its two-byte length. */
export function field(value: string | Uint8Array): Buffer {
  const body = typeof value === 'string' ? Buffer.from(value, 'utf8') : Buffer.from(value);
  return Buffer.concat([uint16(body.length), body]);
}

/** A packet from its first byte and the rest; the Remaining Length is put in between. */
export function packet(first: number, ...rest: Bytes[]): Buffer {
  const body = Buffer.concat(rest.map(toBytes));
  return Buffer.concat([Buffer.from([first]), variableByteInteger(body.length), body]);
}

export interface PublishFields {
  topic: string;
  payload?: string | Uint8Array;
  qos?: 0 | 1 | 2;
  id?: number;
  retain?: boolean;
  dup?: boolean;
  properties?: Bytes;
}

/** The packets a broker sends, of one version of the protocol. Properties are the bytes without their length. */
export function packetsOf(version: Version) {
  const properties = (value: Bytes | undefined): Buffer => {
    if (version === 4) {
      return Buffer.alloc(0);
    }
    const body = toBytes(value ?? '');
    return Buffer.concat([variableByteInteger(body.length), body]);
  };
  const acknowledgement = (first: number) => (id: number, reason?: number, props?: Bytes): Buffer => {
    if (reason === undefined || version === 4) {
      return packet(first, uint16(id));
    }
    return packet(first, uint16(id), Buffer.from([reason]), props === undefined ? '' : properties(props));
  };
  return {
    version,
    connack: (reason = 0, sessionPresent = false, props?: Bytes): Buffer => (
      packet(0x20, Buffer.from([sessionPresent ? 1 : 0, reason]), properties(props))
    ),
    publish: (fields: PublishFields): Buffer => {
      const qos = fields.qos ?? 0;
      const first = 0x30 | (fields.dup === true ? 8 : 0) | (qos << 1) | (fields.retain === true ? 1 : 0);
      const payload = typeof fields.payload === 'string' ? Buffer.from(fields.payload, 'utf8') : (fields.payload ?? Buffer.alloc(0));
      return packet(first, field(fields.topic), qos > 0 ? uint16(fields.id ?? 1) : '', properties(fields.properties), payload);
    },
    puback: acknowledgement(0x40),
    pubrec: acknowledgement(0x50),
    pubrel: acknowledgement(0x62),
    pubcomp: acknowledgement(0x70),
    suback: (id: number, reasons: number[], props?: Bytes): Buffer => packet(0x90, uint16(id), properties(props), Buffer.from(reasons)),
    unsuback: (id: number, reasons: number[] = [], props?: Bytes): Buffer => packet(0xb0, uint16(id), properties(props), version === 5 ? Buffer.from(reasons) : ''),
    pingresp: (): Buffer => packet(0xd0),
    disconnect: (reason?: number, props?: Bytes): Buffer => {
      if (reason === undefined) {
        return packet(0xe0);
      }
      return packet(0xe0, Buffer.from([reason]), props === undefined ? '' : properties(props));
    },
  };
}

export type Packets = ReturnType<typeof packetsOf>;

/** Size of the first whole packet, header included; 0: more bytes are needed. */
export function wholePacketSize(data: Uint8Array): number {
  let length = 0;
  for (let at = 1; at < 5; at += 1) {
    const byte = data[at];
    if (byte === undefined) {
      return 0;
    }
    length += (byte & 0x7f) * 128 ** (at - 1);
    if ((byte & 0x80) === 0) {
      const size = at + 1 + length;
      return data.length >= size ? size : 0;
    }
  }
  throw new Error(`the client sent a Remaining Length of more than four bytes: ${Buffer.from(data.subarray(0, 5)).toString('hex')}`);
}

/** Where the Remaining Length ends. */
export function headerSize(data: Uint8Array): number {
  let at = 1;
  while (((data[at] ?? 0) & 0x80) !== 0) {
    at += 1;
  }
  return at + 1;
}

/** The Packet Identifier of a whole packet that has one, else undefined. */
export function packetIdentifier(data: Uint8Array): number | undefined {
  const type = (data[0] ?? 0) >> 4;
  const body = headerSize(data);
  const view = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  if (type === 3) {
    return (data[0]! & 6) === 0 ? undefined : view.readUInt16BE(body + 2 + view.readUInt16BE(body));
  }
  return type >= 4 && type <= 11 ? view.readUInt16BE(body) : undefined;
}

/** One line about a packet, for a person who reads why a test failed. */
export function describePacket(data: Uint8Array): string {
  const view = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const first = view[0];
  if (first === undefined) {
    return 'no bytes';
  }
  const type = first >> 4;
  let text = `${PACKET_NAMES[type]}`;
  try {
    const id = packetIdentifier(view);
    if (type === 3) {
      const body = headerSize(view);
      const topic = view.subarray(body + 2, body + 2 + view.readUInt16BE(body)).toString('utf8');
      text += ` QoS ${(first >> 1) & 3}${(first & 8) !== 0 ? ' DUP' : ''}${(first & 1) !== 0 ? ' RETAIN' : ''} topic ${JSON.stringify(topic.slice(0, 60))}`;
    } else if ((first & 15) !== 0) {
      text += ` flags ${(first & 15).toString(2).padStart(4, '0')}`;
    }
    if (id !== undefined) {
      text += ` id ${id}`;
    }
  } catch {
    text += ' (cut short)';
  }
  return `${text}, ${view.length} bytes`;
}

/** Rows of sixteen bytes with what can be read of them; the row of the first difference is marked. */
export function hexDump(data: Uint8Array, mark = -1): string {
  const rows: string[] = [];
  const start = mark > 256 ? mark - (mark % 16) - 128 : 0;
  for (let at = start; at < data.length && at < start + 512; at += 16) {
    const row = Buffer.from(data.subarray(at, at + 16));
    const hex = row.toString('hex').replace(/(..)/g, '$1 ').padEnd(48);
    const text = row.toString('latin1').replace(/[^\x20-\x7e]/g, '.');
    rows.push(`${mark >= at && mark < at + 16 ? '>' : ' '} ${at.toString(16).padStart(4, '0')}  ${hex} ${text}`);
  }
  return rows.join('\n');
}

/** Undefined when equal, else a text that shows both and where they part. */
export function difference(expected: Uint8Array, actual: Uint8Array): string | undefined {
  if (Buffer.compare(expected, actual) === 0) {
    return undefined;
  }
  let at = 0;
  while (at < expected.length && at < actual.length && expected[at] === actual[at]) {
    at += 1;
  }
  return [
    `the bytes differ from place ${at} on`,
    `expected ${describePacket(expected)}`, hexDump(expected, at),
    `the client sent ${describePacket(actual)}`, hexDump(actual, at),
  ].join('\n');
}
