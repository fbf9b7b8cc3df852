import { varintSize } from './varint.js';

/** The largest packet there can be: a first byte, four bytes of length, and the most these can say (2.1.4). */
export const MAX_PACKET_SIZE = 268_435_460;

/** More than the bytes of a PUBLISH that are neither topic nor payload nor properties: 1 + 4 + 2 + 2 + 4. */
export const PUBLISH_OVERHEAD = 13;

function packetSize(remaining: number): number {
  return 1 + varintSize(remaining) + remaining;
}

function propertiesSize(protocolVersion: 4 | 5, bytes: number): number {
  return protocolVersion === 5 ? varintSize(bytes) + bytes : 0;
}

/** The bytes of a PUBLISH; above what varintSize() can say the result is still above MAX_PACKET_SIZE. */
export function publishSize(protocolVersion: 4 | 5, qos: number, topic: number, payload: number, properties: number): number {
  return packetSize(2 + topic + (qos > 0 ? 2 : 0) + propertiesSize(protocolVersion, properties) + payload);
}

/** The bytes of a SUBSCRIBE or UNSUBSCRIBE; `each` is 1 for SUBSCRIBE, whose filters have a byte of options. */
export function filtersSize(protocolVersion: 4 | 5, filters: readonly string[], each: 0 | 1, properties: number): number {
  let remaining = 2 + propertiesSize(protocolVersion, properties);
  for (const filter of filters) remaining += 2 + Buffer.byteLength(filter) + each;
  return packetSize(remaining);
}
