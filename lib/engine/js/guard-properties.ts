/** Properties of MQTT 5 (2.2.2): which may stand where, how often, and with what values. */
import {
  AUTH, CONNACK, DISCONNECT, MALFORMED, PACKET_NAMES, PROTOCOL_ERROR, PUBACK, PUBCOMP, PUBLISH, PUBREC, PUBREL, REASON_STRING, SUBACK,
  SUBSCRIPTION_IDENTIFIER, TOPIC_ALIAS, TOPIC_ALIAS_INVALID, UNSUBACK, USER_PROPERTY,
} from './guard-rules.js';
import { ILL_FORMED, scanText } from './guard-text.js';
import type { Fault, GuardLimits, Verdict } from './guard-verdict.js';
import { readVariable, variableSize } from './packet-view.js';

const BOOLEAN = 1;
const TWO = 2;
const TWO_POSITIVE = 3;
const FOUR = 4;
const FOUR_POSITIVE = 5;
const VARIABLE_POSITIVE = 6;
const TEXT = 7;
const TOPIC = 8;
const BINARY = 9;
const PAIR = 10;

const inPackets = (...types: number[]): number => types.reduce((bits, type) => bits | 1 << type, 0);
const ACKS = inPackets(PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK, UNSUBACK);
const ENDS = inPackets(CONNACK, DISCONNECT);
const ALWAYS_EXPLAINED = ENDS | inPackets(PUBLISH);

const KINDS = new Uint8Array(256);
const PACKETS = new Uint16Array(256);
/* Only packets that come from a server count here, and every property of one byte that a server may send is 0 or 1. */
const RULES: [id: number, kind: number, packets: number][] = [
  [1, BOOLEAN, inPackets(PUBLISH)],                   // Payload Format Indicator
  [2, FOUR, inPackets(PUBLISH)],                      // Message Expiry Interval
  [3, TEXT, inPackets(PUBLISH)],                      // Content Type
  [8, TOPIC, inPackets(PUBLISH)],                     // Response Topic
  [9, BINARY, inPackets(PUBLISH)],                    // Correlation Data
  [11, VARIABLE_POSITIVE, inPackets(PUBLISH)],        // Subscription Identifier
  [17, FOUR, ENDS],                                   // Session Expiry Interval; of DISCONNECT only a client may send it, see there
  [18, TEXT, inPackets(CONNACK)],                     // Assigned Client Identifier
  [19, TWO, inPackets(CONNACK)],                      // Server Keep Alive
  [21, TEXT, inPackets(CONNACK, AUTH)],               // Authentication Method
  [22, BINARY, inPackets(CONNACK, AUTH)],             // Authentication Data
  [26, TEXT, inPackets(CONNACK)],                     // Response Information
  [28, TEXT, ENDS],                                   // Server Reference
  [31, TEXT, ACKS | ENDS | inPackets(AUTH)],          // Reason String
  [33, TWO_POSITIVE, inPackets(CONNACK)],             // Receive Maximum
  [34, TWO, inPackets(CONNACK)],                      // Topic Alias Maximum
  [35, TWO, inPackets(PUBLISH)],                      // Topic Alias
  [36, BOOLEAN, inPackets(CONNACK)],                  // Maximum QoS
  [37, BOOLEAN, inPackets(CONNACK)],                  // Retain Available
  [38, PAIR, ACKS | ENDS | inPackets(PUBLISH, AUTH)], // User Property
  [39, FOUR_POSITIVE, inPackets(CONNACK)],            // Maximum Packet Size
  [40, BOOLEAN, inPackets(CONNACK)],                  // Wildcard Subscription Available
  [41, BOOLEAN, inPackets(CONNACK)],                  // Subscription Identifiers Available
  [42, BOOLEAN, inPackets(CONNACK)],                  // Shared Subscription Available
];
for (const [id, kind, packets] of RULES) {
  KINDS[id] = kind;
  PACKETS[id] = packets;
}

const CUT_OFF = 'longer than the packet';
const OUT_OF_RANGE = 'value out of range';
const BAD_TEXT = 'ill-formed UTF-8';
const BAD_VARIABLE = 'not a variable byte integer';
const A_WILDCARD = 'a wildcard';

/** Checks one list of properties at a time; what it found stays until the next. */
export class PropertyCheck {
  /** PUBLISH, 0: none. */
  topicAlias = 0;
  /* Bit n of the first for identifier n, of the second for identifier n + 32. */
  #low = 0;
  #high = 0;
  readonly #fault: Fault;
  /** What was wrong with the last value. */
  #wrongWith = '';

  constructor(fault: Fault) {
    this.#fault = fault;
  }

  clear(): void {
    this.topicAlias = this.#low = this.#high = 0;
  }

  has(id: number): boolean {
    return ((id < 32 ? this.#low >>> id : this.#high >>> (id - 32)) & 1) === 1;
  }

  /** A packet that should end with its properties does not. */
  bytesBehind(type: number): Verdict {
    return this.#fault.fail(MALFORMED, `${PACKET_NAMES[type]!}: bytes behind the properties`);
  }

  /** The place behind the properties whose length stands at `at`, or -1: the fault says what was wrong. */
  check(type: number, data: Uint8Array, at: number, end: number, limits: GuardLimits): number {
    this.clear();
    const length = readVariable(data, at, end);
    if (length === 0) return at + 1;
    const name = PACKET_NAMES[type]!;
    if (length < 0) return this.#fail(MALFORMED, `${name}: property length`);
    at += variableSize(length);
    if (length > end - at) return this.#fail(MALFORMED, `${name}: property length`);
    end = at + length;
    while (at < end) {
      const id = data[at]!;
      at += 1;
      if ((PACKETS[id]! & 1 << type) === 0) return this.#fail(MALFORMED, `${name}: property ${id}`);
      if (this.has(id) && id !== USER_PROPERTY && id !== SUBSCRIPTION_IDENTIFIER) {
        return this.#fail(PROTOCOL_ERROR, `${name}: property ${id} twice`);
      }
      if (id < 32) this.#low |= 1 << id;
      else this.#high |= 1 << (id - 32);
      if ((id === REASON_STRING || id === USER_PROPERTY) && !limits.requestProblemInformation && (1 << type & ALWAYS_EXPLAINED) === 0) {
        return this.#fail(PROTOCOL_ERROR, `${name}: property ${id}, but Request Problem Information was 0`);
      }
      const value = at;
      at = this.#checkValue(KINDS[id]!, data, at, end);
      if (at < 0) {
        const readable = this.#wrongWith === OUT_OF_RANGE || this.#wrongWith === A_WILDCARD;
        return this.#fail(readable ? PROTOCOL_ERROR : MALFORMED, `${name}: property ${id}: ${this.#wrongWith}`);
      }
      if (id === TOPIC_ALIAS) {
        this.topicAlias = data[value]! << 8 | data[value + 1]!;
        if (this.topicAlias === 0 || this.topicAlias > limits.topicAliasMaximum) {
          const { topicAliasMaximum } = limits;
          return this.#fail(TOPIC_ALIAS_INVALID, `PUBLISH: Topic Alias ${this.topicAlias}, Topic Alias Maximum is ${topicAliasMaximum}`);
        }
      }
    }
    return at;
  }

  #fail(reason: number, text: string): -1 {
    this.#fault.fail(reason, text);
    return -1;
  }

  #wrong(what: string): -1 {
    this.#wrongWith = what;
    return -1;
  }

  /** The place behind the value, or -1: #wrongWith says what was wrong. */
  #checkValue(kind: number, data: Uint8Array, at: number, end: number): number {
    const left = end - at;
    switch (kind) {
      case BOOLEAN:
        if (left < 1) return this.#wrong(CUT_OFF);
        return data[at]! > 1 ? this.#wrong(OUT_OF_RANGE) : at + 1;
      case TWO: case TWO_POSITIVE:
        if (left < 2) return this.#wrong(CUT_OFF);
        return kind === TWO_POSITIVE && (data[at]! | data[at + 1]!) === 0 ? this.#wrong(OUT_OF_RANGE) : at + 2;
      case FOUR: case FOUR_POSITIVE:
        if (left < 4) return this.#wrong(CUT_OFF);
        if (kind === FOUR_POSITIVE && (data[at]! | data[at + 1]! | data[at + 2]! | data[at + 3]!) === 0) return this.#wrong(OUT_OF_RANGE);
        return at + 4;
      case VARIABLE_POSITIVE: {
        const value = readVariable(data, at, end);
        if (value < 0) return this.#wrong(BAD_VARIABLE);
        return value === 0 ? this.#wrong(OUT_OF_RANGE) : at + variableSize(value);
      }
      case BINARY:
        return this.#skipCounted(data, at, end);
      case PAIR: {
        const behind = this.#checkText(data, at, end, false);
        return behind < 0 ? -1 : this.#checkText(data, behind, end, false);
      }
      default:
        return this.#checkText(data, at, end, kind === TOPIC);
    }
  }

  /** Behind two bytes of length and as many bytes as they say. */
  #skipCounted(data: Uint8Array, at: number, end: number): number {
    if (end - at < 2) return this.#wrong(CUT_OFF);
    const behind = at + 2 + (data[at]! << 8 | data[at + 1]!);
    return behind > end ? this.#wrong(CUT_OFF) : behind;
  }

  #checkText(data: Uint8Array, at: number, end: number, topic: boolean): number {
    const behind = this.#skipCounted(data, at, end);
    if (behind < 0) return -1;
    const met = scanText(data, at + 2, behind);
    if ((met & ILL_FORMED) !== 0) return this.#wrong(BAD_TEXT);
    return topic && met !== 0 ? this.#wrong(A_WILDCARD) : behind;
  }
}
