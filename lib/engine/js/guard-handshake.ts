/** The packets that begin and end a connection: CONNACK, AUTH, DISCONNECT. */
import {
  AUTH, AUTHENTICATION_DATA, AUTHENTICATION_METHOD, CONNACK, DISCONNECT, MALFORMED, PROTOCOL_ERROR, SESSION_EXPIRY_INTERVAL, isListed,
} from './guard-rules.js';
import type { PropertyCheck } from './guard-properties.js';
import { FAIL, PASS } from './guard-verdict.js';
import type { Fault, GuardLimits, Verdict } from './guard-verdict.js';

/** Valid for the connection. */
export class Handshake {
  /** CONNACK 0 was passed. */
  connected = false;
  /** What it said. */
  sessionPresent = false;
  /** DISCONNECT or a CONNACK that refuses was passed. */
  endedByServer = false;
  /** The server's turn to send AUTH: CONNECT or AUTH of ours asks for it. */
  challenge = false;
  readonly #fault: Fault;
  readonly #properties: PropertyCheck;

  constructor(fault: Fault, properties: PropertyCheck) {
    this.#fault = fault;
    this.#properties = properties;
  }

  start(limits: GuardLimits): void {
    this.connected = this.sessionPresent = this.endedByServer = false;
    this.challenge = limits.version === 5 && limits.authentication;
  }

  connack(limits: GuardLimits, data: Uint8Array, body: number, end: number): Verdict {
    const { version } = limits;
    const flags = data[body]!;
    const code = data[body + 1]!;
    // A server of 3.1.1 refuses a CONNECT of version 5 in its own format (3.1.1: 3.2.2.3), without a property length.
    const older = version === 5 && end - body === 2 && code >= 1 && code <= 5;
    this.#properties.clear();
    if ((flags & 0xfe) !== 0) return this.#fault.fail(MALFORMED, `CONNACK: reserved flags ${flags}`);
    if (version === 5 && !older && this.#checkProperties(CONNACK, data, body + 2, end, limits) === FAIL) return FAIL;
    if (!isListed(older ? 4 : version, CONNACK, code)) return this.#fault.fail(PROTOCOL_ERROR, `CONNACK: code ${code}`);
    if (flags !== 0) {
      if (code !== 0) return this.#fault.fail(PROTOCOL_ERROR, `CONNACK: Session Present with code ${code}`);
      if (limits.cleanStart) return this.#fault.fail(PROTOCOL_ERROR, 'CONNACK: Session Present with a clean start');
      if (version === 5 && !limits.session) return this.#fault.fail(PROTOCOL_ERROR, 'CONNACK: Session Present, but no session here');
    }
    if (version === 5 && this.#checkMethod(limits.authentication, code) === FAIL) return FAIL;
    this.challenge = false;
    this.connected = code === 0;
    this.sessionPresent = flags !== 0;
    this.endedByServer = code !== 0;
    return PASS;
  }

  disconnect(limits: GuardLimits, data: Uint8Array, body: number, end: number): Verdict {
    const code = body < end ? data[body]! : 0;
    this.#properties.clear();
    if (!isListed(5, DISCONNECT, code)) return this.#fault.fail(PROTOCOL_ERROR, `DISCONNECT: code ${code}`);
    if (end - body > 1 && this.#checkProperties(DISCONNECT, data, body + 1, end, limits) === FAIL) return FAIL;
    if (this.#properties.has(SESSION_EXPIRY_INTERVAL)) {
      return this.#fault.fail(PROTOCOL_ERROR, 'DISCONNECT: Session Expiry Interval from a server');
    }
    this.endedByServer = true;
    return PASS;
  }

  /** Before CONNACK a server can only go on (0x18): its success is CONNACK. Later it may also close a re-authentication with 0. */
  auth(limits: GuardLimits, data: Uint8Array, body: number, end: number): Verdict {
    const code = body < end ? data[body]! : 0;
    if (!isListed(5, AUTH, code) || (code === 0 && !this.connected)) return this.#fault.fail(PROTOCOL_ERROR, `AUTH: code ${code}`);
    if (body < end) {
      if (this.#checkProperties(AUTH, data, body + 1, end, limits) === FAIL) return FAIL;
      if (!this.#properties.has(AUTHENTICATION_METHOD)) {
        return this.#fault.fail(PROTOCOL_ERROR, 'AUTH: Authentication Method left out');
      }
    }
    this.challenge = false;
    return PASS;
  }

  /** They reach to the end of the packet. */
  #checkProperties(type: number, data: Uint8Array, at: number, end: number, limits: GuardLimits): Verdict {
    const behind = this.#properties.check(type, data, at, end, limits);
    if (behind < 0) return FAIL;
    return behind === end ? PASS : this.#properties.bytesBehind(type);
  }

  #checkMethod(asked: boolean, code: number): Verdict {
    const named = this.#properties.has(AUTHENTICATION_METHOD);
    if (named && !asked) return this.#fault.fail(PROTOCOL_ERROR, 'CONNACK: Authentication Method not asked for');
    if (!named && this.#properties.has(AUTHENTICATION_DATA)) {
      return this.#fault.fail(PROTOCOL_ERROR, 'CONNACK: Authentication Data without a method');
    }
    // Or a server that skips the method would be believed without having proved anything.
    if (!named && asked && code === 0) return this.#fault.fail(PROTOCOL_ERROR, 'CONNACK: Authentication Method left out');
    return PASS;
  }
}
