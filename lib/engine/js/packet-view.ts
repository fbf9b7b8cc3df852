/** Where the fields of a whole packet from a server stand. */

/** Places in the array that was given to readPacket(); every end is exclusive, start = end: the field is empty or not there. */
export interface PacketView {
  type: number;
  flags: number;
  /** Packet Identifier, 0: none. */
  id: number;
  /** CONNACK's, acks', DISCONNECT's, AUTH's; 0 when left out. */
  reasonCode: number;
  sessionPresent: boolean;
  /** PUBLISH. */
  topicStart: number;
  topicEnd: number;
  /** Behind the property length. */
  propertiesStart: number;
  propertiesEnd: number;
  /** PUBLISH: payload; SUBACK, UNSUBACK: reason codes. */
  payloadStart: number;
  payloadEnd: number;
  /** PUBLISH, 0: none. */
  topicAlias: number;
}

const CONNACK = 2;
const PUBLISH = 3;
const PUBACK = 4;
const SUBACK = 9;
const UNSUBACK = 11;

/** Variable Byte Integer (1.5.5), or -1: cut off by the end, longer than four bytes or not the shortest form. */
export function readVariable(data: Uint8Array, at: number, end: number): number {
  let value = 0;
  for (let shift = 0; shift < 28 && at < end; shift += 7) {
    const byte = data[at]!;
    at += 1;
    value |= (byte & 127) << shift;
    if (byte < 128) return byte === 0 && shift > 0 ? -1 : value;
  }
  return -1;
}

/** Bytes of its shortest form. */
export function variableSize(value: number): number {
  return value < 128 ? 1 : value < 16_384 ? 2 : value < 2_097_152 ? 3 : 4;
}

/** Where a whole packet's bytes behind the header begin; -1: the remaining length does not fit the size. */
export function bodyOf(data: Uint8Array, offset: number, end: number): number {
  const remaining = readVariable(data, offset + 1, end);
  const body = offset + 1 + variableSize(remaining);
  return remaining >= 0 && remaining === end - body ? body : -1;
}

const word = (data: Uint8Array, at: number): number => data[at]! << 8 | data[at + 1]!;
const skipCounted = (data: Uint8Array, at: number, end: number): number => end - at < 2 ? end : at + 2 + word(data, at);

function findAlias(data: Uint8Array, at: number, end: number): number {
  while (at < end) {
    const id = data[at]!;
    at += 1;
    switch (id) {
      case 1: at += 1; break;
      case 2: at += 4; break;
      case 3: case 8: case 9: at = skipCounted(data, at, end); break;
      case 11: {
        const value = readVariable(data, at, end);
        if (value < 0) return 0;
        at += variableSize(value);
        break;
      }
      case 35: return end - at < 2 ? 0 : word(data, at);
      case 38: at = skipCounted(data, skipCounted(data, at, end), end); break;
      default: return 0;
    }
  }
  return 0;
}

/** Where the length of the properties stands at `at`: fills the view, returns the place behind them, or -1: they reach over the end. */
function readProperties(view: PacketView, data: Uint8Array, at: number, end: number): number {
  const length = readVariable(data, at, end);
  if (length < 0) return -1;
  at += variableSize(length);
  if (length > end - at) return -1;
  view.propertiesStart = at;
  return view.propertiesEnd = at + length;
}

function readPublish(view: PacketView, data: Uint8Array, at: number, end: number, version: 4 | 5): void {
  if (end - at < 2) return;
  const length = word(data, at);
  at += 2;
  if (end - at < length) return;
  view.topicStart = at;
  at = view.topicEnd = at + length;
  if ((view.flags & 6) !== 0) {
    if (end - at < 2) return;
    view.id = word(data, at);
    at += 2;
  }
  if (version === 5) {
    at = readProperties(view, data, at, end);
    if (at < 0) return;
    view.topicAlias = findAlias(data, view.propertiesStart, view.propertiesEnd);
  }
  view.payloadStart = at;
  view.payloadEnd = end;
}

function readOther(view: PacketView, data: Uint8Array, at: number, end: number, version: 4 | 5): void {
  const { type } = view;
  const hasCodes = type === SUBACK || type === UNSUBACK;
  if (type === CONNACK && at < end) {
    view.sessionPresent = (data[at]! & 1) === 1;
    at += 1;
  }
  if (type >= PUBACK && type <= UNSUBACK) {
    if (end - at < 2) return;
    view.id = word(data, at);
    at += 2;
  }
  if (!hasCodes && at < end) {
    view.reasonCode = data[at]!;
    at += 1;
  }
  if (version === 5 && at < end) {
    at = readProperties(view, data, at, end);
    if (at < 0) return;
  }
  if (!hasCodes) return;
  view.payloadStart = at;
  view.payloadEnd = end;
}

/**
 * Of a packet that has passed Guard.packet() every field is right. Of any other bytes nothing behind `end` is read, and what cannot be
 * found is 0.
 */
export function readPacket(data: Uint8Array, offset: number, end: number, version: 4 | 5): PacketView {
  const view: PacketView = {
    type: 0, flags: 0, id: 0, reasonCode: 0, sessionPresent: false, topicStart: 0, topicEnd: 0, propertiesStart: 0, propertiesEnd: 0,
    payloadStart: 0, payloadEnd: 0, topicAlias: 0,
  };
  const body = bodyOf(data, offset, end);
  if (body < 0) return view;
  const first = data[offset]!;
  view.type = first >> 4;
  view.flags = first & 15;
  if (view.type === PUBLISH) readPublish(view, data, body, end, version);
  else readOther(view, data, body, end, version);
  return view;
}
