/** What this side waits for an answer to: a state for each Packet Identifier that it has sent. Valid for the session. */
import { PACKET_NAMES, PROTOCOL_ERROR, PUBACK, PUBCOMP, PUBREC, SUBACK } from './guard-rules.js';
import { DROP, PASS } from './guard-verdict.js';
import type { Fault, Verdict } from './guard-verdict.js';

export const PUBLISHED_1 = 2;
export const PUBLISHED_2 = 3;
export const RELEASED = 4;
export const SUBSCRIBING = 5;
export const UNSUBSCRIBING = 6;
/* A state has three bits; above them stands the count of filters. */
const STATE = 7;
const COUNT = 3;

export class OutgoingIdentifiers {
  readonly #states = new Map<number, number>();
  readonly #fault: Fault;

  constructor(fault: Fault) {
    this.#fault = fault;
  }

  get size(): number {
    return this.#states.size;
  }

  /** A new connection. SUBSCRIBE and UNSUBSCRIBE that were not answered are no part of the session. */
  start(): void {
    for (const [id, value] of this.#states) {
      if ((value & STATE) >= SUBSCRIBING) this.#states.delete(id);
    }
  }

  forget(): void {
    this.#states.clear();
  }

  expect(id: number, state: number, count: number): void {
    if (id === 0) return;
    // A PUBLISH that is repeated although PUBREC has come: PUBCOMP may still be under way.
    if (state === PUBLISHED_2 && this.#states.get(id) === RELEASED) return;
    this.#states.set(id, state | count << COUNT);
  }

  /** PUBACK, PUBREC or PUBCOMP of the server. */
  answer(type: number, id: number, code: number): Verdict {
    switch (this.#states.get(id)) {
      // An acknowledgement of nothing: what it is about ended long ago, or the server has lost count. PUBREC is not ignored: the server
      // waits for a PUBREL. A PUBREC that refuses waits for nothing.
      case undefined: return type === PUBREC && code < 0x80 ? PASS : DROP;
      case PUBLISHED_1:
        if (type !== PUBACK) return this.#inUse(type, id);
        break;
      case PUBLISHED_2:
        if (type !== PUBREC) return this.#inUse(type, id);
        if (code >= 0x80) break;
        this.#states.set(id, RELEASED);
        return PASS;
      case RELEASED:
        if (type === PUBREC && code < 0x80) return PASS;
        if (type !== PUBCOMP) return this.#inUse(type, id);
        break;
      default: return this.#inUse(type, id);
    }
    this.#states.delete(id);
    return PASS;
  }

  /** Filters of the request that SUBACK or UNSUBACK with this identifier answers; -1: there is none. */
  filtersOf(type: number, id: number): number {
    const value = this.#states.get(id) ?? 0;
    return (value & STATE) === (type === SUBACK ? SUBSCRIBING : UNSUBSCRIBING) ? value >>> COUNT : -1;
  }

  answered(id: number): void {
    this.#states.delete(id);
  }

  #inUse(type: number, id: number): Verdict {
    return this.#fault.fail(PROTOCOL_ERROR, `${PACKET_NAMES[type]!}: identifier ${id} waits for another packet`);
  }
}
