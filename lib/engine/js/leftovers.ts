/**
 * QoS 2 exchanges that an earlier process left at the server.
 *   1. A process publishes with identifier 7, the server answers PUBREC, the process is killed.
 *   2. Its successor connects, Session Present is 1, and it remembers nothing: its identifiers begin at 1 again.
 *   3. It publishes with identifier 7: to the server a repetition of the old message. It answers PUBREC and PUBCOMP, and the new message is
 *      gone, though it was acknowledged.
 * So in a session like that an identifier is released before it is used for QoS 2 the first time: PUBREL ends the old exchange, if there
 * is one (the message of it had been sent), and is answered with PUBCOMP in any case [MQTT-4.3.3-11]. Some at a time, ahead of what is
 * published. native/paho/leftovers.c does the same.
 */
import { writeAck } from './acks.js';
import type { Guard } from './guard.js';
import type { Identifiers } from './identifiers.js';
import type { OutgoingStream } from './outgoing-stream.js';

const LARGEST = 65_535;
const AT_ONCE = 64;
const PUBREL_HEADER = 0x62;

export class Leftovers {
  readonly #identifiers: Identifiers;
  readonly #guard: Guard;
  /** Identifiers that have been released, or were never used: a bit each. */
  readonly #clean = new Uint8Array((LARGEST + 1) / 8);
  /** PUBREL was sent for these, and is not answered. */
  readonly #releasing = new Set<number>();

  constructor(identifiers: Identifiers, guard: Guard) {
    this.#identifiers = identifiers;
    this.#guard = guard;
  }

  /** Whether the next identifier may be used for QoS 2; if not it is being released. */
  canPublish(out: OutgoingStream): boolean {
    const id = this.#identifiers.next;
    if (id === undefined || this.#isClean(id)) return true;
    if (this.#releasing.size === 0) this.#releaseSome(id, out);
    return false;
  }

  /** PUBCOMP has come. Whether it is about a leftover: then it is for nobody else. */
  answered(id: number): boolean {
    if (!this.#releasing.delete(id)) return false;
    this.#identifiers.deallocate(id);
    this.#clean[id >> 3]! |= 1 << (id & 7);
    return true;
  }

  /** PUBRELs without an answer: their identifiers are free again, and still not released. */
  disconnected(): void {
    for (const id of this.#releasing) {
      this.#guard.forgetSent(id);
    }
    this.#releasing.clear();
  }

  #isClean(id: number): boolean {
    return (this.#clean[id >> 3]! >> (id & 7) & 1) === 1;
  }

  #releaseSome(first: number, out: OutgoingStream): void {
    for (let count = 0, id = first; count < AT_ONCE; count += 1, id = id === LARGEST ? 1 : id + 1) {
      if (this.#isClean(id) || !this.#identifiers.take(id)) continue;
      writeAck(out, PUBREL_HEADER, id, 0);
      this.#guard.sent(PUBREL_HEADER, id, 0, 0);
      this.#releasing.add(id);
    }
  }
}
