/** What the standard lists: packet types, their shortest and fixed sizes, and the reason codes that a server may send. */

export const CONNECT = 1;
export const CONNACK = 2;
export const PUBLISH = 3;
export const PUBACK = 4;
export const PUBREC = 5;
export const PUBREL = 6;
export const PUBCOMP = 7;
export const SUBSCRIBE = 8;
export const SUBACK = 9;
export const UNSUBSCRIBE = 10;
export const UNSUBACK = 11;
export const PINGREQ = 12;
export const PINGRESP = 13;
export const DISCONNECT = 14;
export const AUTH = 15;

export const PACKET_NAMES: readonly string[] = [
  'packet type 0', 'CONNECT', 'CONNACK', 'PUBLISH', 'PUBACK', 'PUBREC', 'PUBREL', 'PUBCOMP',
  'SUBSCRIBE', 'SUBACK', 'UNSUBSCRIBE', 'UNSUBACK', 'PINGREQ', 'PINGRESP', 'DISCONNECT', 'AUTH',
];

/* The reason codes a client may close with (3.14.2.1). */
export const MALFORMED = 0x81;
export const PROTOCOL_ERROR = 0x82;
export const RECEIVE_MAXIMUM_EXCEEDED = 0x93;
export const TOPIC_ALIAS_INVALID = 0x94;
export const PACKET_TOO_LARGE = 0x95;

/* The property identifiers that are looked at by name. */
export const SUBSCRIPTION_IDENTIFIER = 11;
export const SESSION_EXPIRY_INTERVAL = 17;
export const AUTHENTICATION_METHOD = 21;
export const AUTHENTICATION_DATA = 22;
export const REASON_STRING = 31;
export const TOPIC_ALIAS = 35;
export const USER_PROPERTY = 38;

/** Remaining lengths that no packet of this type can have need no memory to be refused. */
export function isLengthPossible(version: 4 | 5, type: number, flags: number, length: number): boolean {
  const v5 = version === 5;
  switch (type) {
    case PUBLISH: return length >= 2 + ((flags & 6) !== 0 ? 2 : 0) + (v5 ? 1 : 0);
    case SUBACK: return length >= (v5 ? 3 : 2);
    case UNSUBACK: return v5 ? length >= 3 : length === 2;
    case PINGRESP: return length === 0;
    case DISCONNECT: return true;
    case AUTH: return length !== 1;
    // CONNACK and the four acknowledgements of PUBLISH.
    default: return v5 ? length >= 2 : length === 2;
  }
}

function table(...codes: number[]): Uint8Array {
  const listed = new Uint8Array(256);
  for (const code of codes) {
    listed[code] = 1;
  }
  return listed;
}

/* The lists without a number are of MQTT 5. */
const PUBLISH_CODES = table(0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99);
const RELEASE_CODES = table(0x00, 0x92);
const CONNACK_CODES = table(
  0x00, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8c, 0x90, 0x95, 0x97, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9f,
);
const SUBACK_CODES = table(0x00, 0x01, 0x02, 0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2);
const UNSUBACK_CODES = table(0x00, 0x11, 0x80, 0x83, 0x87, 0x8f, 0x91);
const DISCONNECT_CODES = table(
  0x00, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8b, 0x8c, 0x8d, 0x8e, 0x8f, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99,
  0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f, 0xa0, 0xa1, 0xa2,
);
const AUTH_CODES = table(0x00, 0x18);
const CONNACK_4_CODES = table(0, 1, 2, 3, 4, 5);
const SUBACK_4_CODES = table(0, 1, 2, 0x80);

/** The standard lists this code for a packet of the server (MQTT 5, or SUBACK and CONNACK of 3.1.1). */
export function isListed(version: 4 | 5, type: number, code: number): boolean {
  const v5 = version === 5;
  switch (type) {
    case CONNACK: return (v5 ? CONNACK_CODES : CONNACK_4_CODES)[code] === 1;
    case SUBACK: return (v5 ? SUBACK_CODES : SUBACK_4_CODES)[code] === 1;
    case UNSUBACK: return UNSUBACK_CODES[code] === 1;
    case DISCONNECT: return DISCONNECT_CODES[code] === 1;
    case AUTH: return AUTH_CODES[code] === 1;
    case PUBACK: case PUBREC: return PUBLISH_CODES[code] === 1;
    default: return RELEASE_CODES[code] === 1;
  }
}
