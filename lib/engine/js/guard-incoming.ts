/** Messages of QoS 1 and 2 that the server waits for an answer to: QoS 2 by Packet Identifier, QoS 1 only by count. */
import { PROTOCOL_ERROR, RECEIVE_MAXIMUM_EXCEEDED } from './guard-rules.js';
import { PASS } from './guard-verdict.js';
import type { Fault, GuardLimits, Verdict } from './guard-verdict.js';

/* Before our PUBREC, after it, after the server's PUBREL. */
const RECEIVED = 2;
const ANSWERED = 3;
const COMPLETING = 4;
const STATE = 7;
/* Above the state: the exchange counts in `unacknowledged`. */
const COUNTED = 8;

export class IncomingIdentifiers {
  /** PUBLISH QoS 1/2 received and not yet answered with PUBACK, PUBCOMP or PUBREC >= 0x80. Valid for the connection. */
  unacknowledged = 0;
  /** Valid for the session. */
  readonly #states = new Map<number, number>();
  readonly #fault: Fault;
  #version: 4 | 5 = 5;
  #receiveMaximum = 0;
  /**
   * Exchanges of an earlier connection that were completed on this one.
   *   1. The last connection ended between our PUBREC and the server's PUBREL;
   *   2. on this one the server has its full quota again (4.9) and uses all of it;
   *   3. it sends the PUBREL, our PUBCOMP gives it one slot more, and the next PUBLISH would look like one too many.
   * So each of them raises the limit by one. With Session Present, those count too that this side has forgotten and the server has not.
   */
  #carried = 0;

  constructor(fault: Fault) {
    this.#fault = fault;
  }

  get size(): number {
    return this.#states.size;
  }

  start(limits: GuardLimits): void {
    this.#version = limits.version;
    this.#receiveMaximum = limits.receiveMaximum || 65_535;
    this.unacknowledged = this.#carried = 0;
    for (const [id, value] of this.#states) {
      // A server that restores an older state of the session sends its PUBLISH again.
      this.#states.set(id, (value & STATE) === COMPLETING ? ANSWERED : value & STATE);
    }
  }

  forget(): void {
    this.#states.clear();
    this.unacknowledged = this.#carried = 0;
  }

  /** One exchange that has not been repeated on this connection: the server's quota does not change. */
  forgetOne(id: number): void {
    this.#states.delete(id);
  }

  /** The exchange of this identifier is under way. */
  has(id: number): boolean {
    return this.#states.size > 0 && this.#states.has(id);
  }

  publish1(id: number): Verdict {
    if (this.has(id)) return this.#fault.fail(PROTOCOL_ERROR, `PUBLISH: identifier ${id} is in use by QoS 2`);
    return this.#countOne();
  }

  /** A repeat passes and does not count twice. */
  publish2(id: number): Verdict {
    const value = this.#states.get(id) ?? RECEIVED;
    if ((value & STATE) === COMPLETING) return this.#fault.fail(PROTOCOL_ERROR, `PUBLISH: identifier ${id} again before PUBCOMP`);
    if ((value & COUNTED) !== 0) return PASS;
    const verdict = this.#countOne();
    if (verdict === PASS) this.#states.set(id, value | COUNTED);
    return verdict;
  }

  /** The server's PUBREL. For an identifier nobody knows it must be answered too (4.3.3-11). */
  release(id: number): Verdict {
    const value = this.#states.get(id);
    if (value === undefined) return PASS;
    if ((value & STATE) === RECEIVED) return this.#fault.fail(PROTOCOL_ERROR, `PUBREL: identifier ${id} before PUBREC`);
    this.#states.set(id, (value & COUNTED) | COMPLETING);
    return PASS;
  }

  sentPuback(): void {
    if (this.unacknowledged > 0) this.unacknowledged -= 1;
  }

  sentPubrec(id: number, reasonCode: number): void {
    const value = this.#states.get(id);
    if (value === undefined) return;
    if (reasonCode >= 0x80) this.#complete(id, value);
    else if ((value & STATE) === RECEIVED) this.#states.set(id, (value & COUNTED) | ANSWERED);
  }

  sentPubcomp(id: number, sessionPresent: boolean): void {
    const value = this.#states.get(id);
    if (value !== undefined) this.#complete(id, value);
    // Of a session that this side does not remember; it had no more than there are identifiers.
    else if (sessionPresent && this.#carried < 65_535) this.#carried += 1;
  }

  /** The exchange is over: the server may use the identifier again, and has one slot more. */
  #complete(id: number, value: number): void {
    if ((value & COUNTED) === 0) this.#carried += 1;
    else this.sentPuback();
    this.#states.delete(id);
  }

  /** One more that waits for our answer. 3.1.1 knows no limit. */
  #countOne(): Verdict {
    if (this.#version === 5 && this.unacknowledged >= this.#receiveMaximum + this.#carried) {
      return this.#fault.fail(RECEIVE_MAXIMUM_EXCEEDED, `PUBLISH: one more than the Receive Maximum of ${this.#receiveMaximum}`);
    }
    this.unacknowledged += 1;
    return PASS;
  }
}
