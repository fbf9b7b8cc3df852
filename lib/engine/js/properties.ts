/** Reads single numbers out of MQTT 5 properties as on the wire: what the engine itself must know of CONNECT, CONNACK and PUBLISH. */

export const MESSAGE_EXPIRY_INTERVAL = 0x02;
export const SERVER_KEEP_ALIVE = 0x13;
export const REQUEST_PROBLEM_INFORMATION = 0x17;
export const RECEIVE_MAXIMUM = 0x21;
export const TOPIC_ALIAS_MAXIMUM = 0x22;
export const MAXIMUM_PACKET_SIZE = 0x27;

/** Bytes of the value at `at`, from table 2-4; the bytes have been checked, by the guard or by lib/protocol. */
function sizeOf(id: number, bytes: Uint8Array, at: number): number {
  const field = (from: number): number => 2 + (bytes[from]! << 8 | bytes[from + 1]!);
  switch (id) {
    case 0x01: case 0x17: case 0x19: case 0x24: case 0x25: case 0x28: case 0x29: case 0x2a:
      return 1;
    case 0x13: case 0x21: case 0x22: case 0x23:
      return 2;
    case 0x02: case 0x11: case 0x18: case 0x27:
      return 4;
    case 0x0b: {
      let size = 1;
      while (((bytes[at + size - 1] ?? 0) & 0x80) !== 0) {
        size += 1;
      }
      return size;
    }
    case 0x26: {
      const name = field(at);
      return name + field(at + name);
    }
    default:
      return field(at);
  }
}

/** Where the value of a property stands; -1: it is not there. */
export function placeOf(properties: Uint8Array, wanted: number): number {
  for (let at = 0; at < properties.length;) {
    const id = properties[at]!;
    at += 1;
    if (id === wanted) {
      return at;
    }
    at += sizeOf(id, properties, at);
  }
  return -1;
}

/** The value of a property of one, two or four bytes; undefined when it is not there. */
export function numberIn(properties: Uint8Array | undefined, wanted: number): number | undefined {
  const place = properties === undefined ? -1 : placeOf(properties, wanted);
  if (place < 0) {
    return undefined;
  }
  let value = 0;
  for (let at = place, end = place + sizeOf(wanted, properties!, place); at < end; at += 1) {
    value = value * 256 + properties![at]!;
  }
  return value;
}
