/**
 * The input guard: what a server sends reaches mqtt.js only as whole, well-formed, solicited packets. No I/O and no clock; reads bytes,
 * keeps what it must remember. The same rules stand in native/transport/guard.c; both pass test/vectors/guard.json.
 *
 * Use: header() as bytes arrive, until it knows a packet's size; when the packet is whole, packet(). What goes out is shown to sent(), so
 * that answers can be matched with their requests.
 */
import { Handshake } from './guard-handshake.js';
import { IncomingIdentifiers } from './guard-incoming.js';
import { OutgoingIdentifiers, PUBLISHED_1, PUBLISHED_2, RELEASED, SUBSCRIBING, UNSUBSCRIBING } from './guard-outgoing.js';
import { PropertyCheck } from './guard-properties.js';
import {
  AUTH, CONNACK, CONNECT, DISCONNECT, MALFORMED, PACKET_NAMES, PACKET_TOO_LARGE, PINGREQ, PINGRESP, PROTOCOL_ERROR, PUBACK, PUBCOMP,
  PUBLISH, PUBREC, PUBREL, SUBACK, SUBSCRIBE, UNSUBACK, UNSUBSCRIBE, isLengthPossible, isListed,
} from './guard-rules.js';
import { ILL_FORMED, scanText } from './guard-text.js';
import { DROP, FAIL, Fault, PASS, WAIT } from './guard-verdict.js';
import type { GuardLimits, Verdict } from './guard-verdict.js';
import { bodyOf } from './packet-view.js';

export { DROP, FAIL, PASS, WAIT } from './guard-verdict.js';
export type { GuardLimits, Verdict } from './guard-verdict.js';
export { readPacket } from './packet-view.js';
export type { PacketView } from './packet-view.js';

const LARGEST_PACKET = 268_435_460;

export class Guard {
  /** Of header()'s PASS: the whole packet's size, header included. */
  size = 0;
  /** The PUBLISH that was passed belongs to a QoS 2 exchange under way: its message is known already. */
  repeated = false;

  readonly #fault = new Fault();
  readonly #properties = new PropertyCheck(this.#fault);
  readonly #handshake = new Handshake(this.#fault, this.#properties);
  readonly #outgoing = new OutgoingIdentifiers(this.#fault);
  readonly #incoming = new IncomingIdentifiers(this.#fault);
  /* Valid for the connection. */
  #limits: GuardLimits = {
    version: 5, cleanStart: true, authentication: false, requestProblemInformation: true, maximumPacketSize: 0, receiveMaximum: 0,
    topicAliasMaximum: 0, session: false,
  };
  #largest = LARGEST_PACKET;
  /** Our DISCONNECT was written: what is still under way is dropped, it could not be answered (3.14.4-1). */
  #endedByUs = false;
  /** PINGREQ sent and not answered. */
  #pings = 0;
  /** A byte an alias, 1: announced; made at the first. */
  #aliases: Uint8Array | undefined;

  /** Of FAIL: the reason code for DISCONNECT. Stays that of the first fault. */
  get reason(): number {
    return this.#fault.reason;
  }

  /** Of FAIL: what was wrong; no payload and nothing secret. */
  get text(): string {
    return this.#fault.text;
  }

  /** CONNACK 0 was passed. */
  get connected(): boolean {
    return this.#handshake.connected;
  }

  /** PUBLISH QoS 1/2 received and not yet answered with PUBACK, PUBCOMP or PUBREC >= 0x80. */
  get unacknowledged(): number {
    return this.#incoming.unacknowledged;
  }

  /** Packet Identifiers that wait for something. */
  get identifiersInUse(): { outgoing: number; incoming: number } {
    return { outgoing: this.#outgoing.size, incoming: this.#incoming.size };
  }

  /** A new connection: aliases, counts and the verdict are forgotten, identifiers of the session stay. */
  start(limits: GuardLimits): void {
    this.#limits = { ...limits };
    this.#largest = limits.maximumPacketSize || LARGEST_PACKET;
    this.#fault.clear();
    this.#handshake.start(limits);
    this.#outgoing.start();
    this.#incoming.start(limits);
    this.#endedByUs = this.repeated = false;
    this.#pings = this.size = 0;
    this.#aliases = undefined;
  }

  /** The session is gone: the server said Session Present 0, or this side starts clean. packet() does not do it by itself. */
  forget(): void {
    this.#outgoing.forget();
    this.#incoming.forget();
  }

  /** A QoS 2 exchange with this identifier is under way. */
  isReceiving(id: number): boolean {
    return this.#incoming.has(id);
  }

  /** Nothing is awaited for this identifier any more: what was sent with it is given up. */
  forgetSent(id: number): void {
    this.#outgoing.answered(id);
  }

  /** The exchange of an earlier connection with this identifier, which has not been repeated on this one, is given up. */
  forgetReceived(id: number): void {
    this.#incoming.forgetOne(id);
  }

  /**
   * The first bytes of a packet. WAIT: more are needed (at most 5). PASS: `size` is the whole packet's; type and flags are allowed now and
   * the size is within the limits: only then may memory be reserved. FAIL.
   */
  header(data: Uint8Array, offset: number, end: number): Verdict {
    if (offset >= end) return WAIT;
    if (this.#fault.reason !== 0) return FAIL;
    const first = data[offset]!;
    const type = first >> 4;
    if (this.#checkFirstByte(type, first & 15) === FAIL) return FAIL;
    const name = PACKET_NAMES[type]!;
    let remaining = 0;
    let used = 1;
    for (;;) {
      if (offset + used === end) return WAIT;
      const byte = data[offset + used]!;
      remaining |= (byte & 127) << (7 * (used - 1));
      used += 1;
      if (byte < 128) {
        if (byte === 0 && used > 2) return this.#fault.fail(MALFORMED, `${name}: remaining length not in its shortest form`);
        break;
      }
      if (used === 5) return this.#fault.fail(MALFORMED, `${name}: remaining length of more than four bytes`);
    }
    if (!isLengthPossible(this.#limits.version, type, first & 15, remaining)) {
      return this.#fault.fail(MALFORMED, `${name}: remaining length ${remaining}`);
    }
    if (used + remaining > this.#largest) {
      return this.#fault.fail(PACKET_TOO_LARGE, `${name}: ${used + remaining} bytes, Maximum Packet Size is ${this.#largest}`);
    }
    this.size = used + remaining;
    return PASS;
  }

  /** A whole packet that header() has passed. PASS, DROP or FAIL; on PASS the guard's memory has moved on. */
  packet(data: Uint8Array, offset: number, end: number): Verdict {
    if (this.#fault.reason !== 0) return FAIL;
    this.repeated = false;
    const first = offset < end ? data[offset]! : 0;
    const type = first >> 4;
    const body = bodyOf(data, offset, end);
    if (body < 0 || !isLengthPossible(this.#limits.version, type, first & 15, end - body)) {
      return this.#fault.fail(MALFORMED, `${PACKET_NAMES[type]!}: not whole`);
    }
    if (this.#endedByUs) return DROP;
    switch (type) {
      case CONNACK: return this.#handshake.connack(this.#limits, data, body, end);
      case PUBLISH: return this.#publish(first >> 1 & 3, data, body, end);
      case PUBACK: case PUBREC: case PUBREL: case PUBCOMP: return this.#ack(type, data, body, end);
      case SUBACK: case UNSUBACK: return this.#requestAck(type, data, body, end);
      case PINGRESP: return this.#pingresp();
      case DISCONNECT: return this.#handshake.disconnect(this.#limits, data, body, end);
      case AUTH: return this.#handshake.auth(this.#limits, data, body, end);
      default: return this.#fault.fail(PROTOCOL_ERROR, `${PACKET_NAMES[type]!}: may not come from a server`);
    }
  }

  /**
   * A packet that this side writes, in the order of the wire and before the server can answer it. `header`: its first byte; `id`: its
   * Packet Identifier, 0 where it has none; `count`: filters of SUBSCRIBE and UNSUBSCRIBE; `reasonCode`: of PUBREC. CONNECT may be shown
   * and changes nothing.
   */
  sent(header: number, id: number, count: number, reasonCode: number): void {
    switch (header >> 4) {
      case PUBLISH:
        if ((header & 6) !== 0) this.#outgoing.expect(id, (header & 4) === 0 ? PUBLISHED_1 : PUBLISHED_2, 0);
        return;
      case PUBACK: this.#incoming.sentPuback(); return;
      case PUBREC: this.#incoming.sentPubrec(id, reasonCode); return;
      // PUBREL for an identifier that is not in use answers a PUBREC for nothing. The identifier is taken until PUBCOMP comes, or the next
      // PUBLISH that gets it would be answered by that PUBCOMP.
      case PUBREL: this.#outgoing.expect(id, RELEASED, 0); return;
      case PUBCOMP: this.#incoming.sentPubcomp(id, this.#handshake.sessionPresent); return;
      case SUBSCRIBE: this.#outgoing.expect(id, SUBSCRIBING, count); return;
      case UNSUBSCRIBE: this.#outgoing.expect(id, UNSUBSCRIBING, count); return;
      case PINGREQ: this.#pings = Math.min(this.#pings + 1, 255); return;
      case DISCONNECT: this.#endedByUs ||= this.#fault.reason === 0 && !this.#handshake.endedByServer; return;
      case AUTH: this.#handshake.challenge = true; return;
      default:
    }
  }

  /** Type, flags and what the connection's state says about them: all that the first byte tells. */
  #checkFirstByte(type: number, flags: number): Verdict {
    const name = PACKET_NAMES[type]!;
    const { connected, endedByServer, challenge } = this.#handshake;
    if (type === 0) return this.#fault.fail(MALFORMED, name);
    if (type === CONNECT || type === SUBSCRIBE || type === UNSUBSCRIBE || type === PINGREQ ||
        (type >= DISCONNECT && this.#limits.version < 5)) {
      return this.#fault.fail(PROTOCOL_ERROR, `${name}: may not come from a server`);
    }
    if (type === PUBLISH) {
      if ((flags & 6) === 6) return this.#fault.fail(MALFORMED, 'PUBLISH: QoS 3');
      if ((flags & 14) === 8) return this.#fault.fail(MALFORMED, 'PUBLISH: DUP with QoS 0');
    } else if (flags !== (type === PUBREL ? 2 : 0)) {
      return this.#fault.fail(MALFORMED, `${name}: flags ${flags}`);
    }
    if (endedByServer) return this.#fault.fail(PROTOCOL_ERROR, `${name}: after the server ended the connection`);
    if (type === AUTH) return challenge ? PASS : this.#fault.fail(PROTOCOL_ERROR, 'AUTH: not asked for');
    if (type === CONNACK && connected) return this.#fault.fail(PROTOCOL_ERROR, 'CONNACK: the second one');
    if (type !== CONNACK && !connected) return this.#fault.fail(PROTOCOL_ERROR, `${name}: before CONNACK`);
    return PASS;
  }

  #pingresp(): Verdict {
    if (this.#pings === 0) return DROP;
    this.#pings -= 1;
    return PASS;
  }

  #publish(qos: number, data: Uint8Array, body: number, end: number): Verdict {
    const topicLength = data[body]! << 8 | data[body + 1]!;
    let at = body + 2;
    let id = 0;
    let alias = 0;
    if (end - at < topicLength) return this.#fault.fail(MALFORMED, 'PUBLISH: topic longer than the packet');
    const met = scanText(data, at, at + topicLength);
    if ((met & ILL_FORMED) !== 0) return this.#fault.fail(MALFORMED, 'PUBLISH: ill-formed UTF-8 in the topic');
    if (met !== 0) return this.#fault.fail(PROTOCOL_ERROR, 'PUBLISH: a wildcard in the topic');
    at += topicLength;
    if (qos > 0) {
      if (end - at < 2) return this.#fault.fail(MALFORMED, 'PUBLISH: no identifier');
      id = data[at]! << 8 | data[at + 1]!;
      at += 2;
      if (id === 0) return this.#fault.fail(MALFORMED, 'PUBLISH: identifier 0');
    }
    if (this.#limits.version === 5) {
      if (this.#properties.check(PUBLISH, data, at, end, this.#limits) < 0) return FAIL;
      alias = this.#properties.topicAlias;
    }
    if (topicLength === 0) {
      if (alias === 0) return this.#fault.fail(PROTOCOL_ERROR, 'PUBLISH: empty topic');
      if (this.#aliases?.[alias] !== 1) return this.#fault.fail(PROTOCOL_ERROR, `PUBLISH: Topic Alias ${alias} is unknown`);
    }
    if (qos === 1 && this.#incoming.publish1(id) === FAIL) return FAIL;
    if (qos === 2) {
      this.repeated = this.#incoming.has(id);
      if (this.#incoming.publish2(id) === FAIL) return FAIL;
    }
    if (topicLength > 0 && alias > 0) {
      this.#aliases ??= new Uint8Array(this.#limits.topicAliasMaximum + 1);
      this.#aliases[alias] = 1;
    }
    return PASS;
  }

  #ack(type: number, data: Uint8Array, body: number, end: number): Verdict {
    const name = PACKET_NAMES[type]!;
    const id = data[body]! << 8 | data[body + 1]!;
    const at = body + 2;
    const code = at < end ? data[at]! : 0;
    if (id === 0) return this.#fault.fail(MALFORMED, `${name}: identifier 0`);
    if (at < end && !isListed(5, type, code)) return this.#fault.fail(PROTOCOL_ERROR, `${name}: code ${code}`);
    if (end - at > 1) {
      const behind = this.#properties.check(type, data, at + 1, end, this.#limits);
      if (behind < 0) return FAIL;
      if (behind !== end) return this.#properties.bytesBehind(type);
    }
    return type === PUBREL ? this.#incoming.release(id) : this.#outgoing.answer(type, id, code);
  }

  /** SUBACK and UNSUBACK: one code a filter; UNSUBACK of 3.1.1 has none. */
  #requestAck(type: number, data: Uint8Array, body: number, end: number): Verdict {
    const name = PACKET_NAMES[type]!;
    const { version } = this.#limits;
    const id = data[body]! << 8 | data[body + 1]!;
    let at = body + 2;
    if (id === 0) return this.#fault.fail(MALFORMED, `${name}: identifier 0`);
    if (version === 5 && (at = this.#properties.check(type, data, at, end, this.#limits)) < 0) return FAIL;
    const filters = this.#outgoing.filtersOf(type, id);
    if (filters < 0) return this.#fault.fail(PROTOCOL_ERROR, `${name}: identifier ${id} was not asked with`);
    if (version === 5 || type === SUBACK) {
      if (end - at !== filters) return this.#fault.fail(PROTOCOL_ERROR, `${name}: ${end - at} codes for ${filters} filters`);
      for (; at < end; at += 1) {
        if (!isListed(version, type, data[at]!)) return this.#fault.fail(PROTOCOL_ERROR, `${name}: code ${data[at]!}`);
      }
    }
    this.#outgoing.answered(id);
    return PASS;
  }
}
