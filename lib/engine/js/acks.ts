/**
 * Acknowledgements of incoming messages. A message is delivered at its PUBLISH, QoS 2 included (4.3.3, method A), and PUBACK or PUBREC
 * leaves when the application is done with it, in order of arrival [MQTT-4.6.0-2] [MQTT-4.6.0-3]. Why PUBREC is held back, and not
 * PUBCOMP:
 *   1. PUBLISH arrives, PUBREC is sent at once: the server may now forget the message;
 *   2. the process is killed before the application was done;
 *   3. on the next connection the server sends PUBREL only: the message is gone, though it was acknowledged.
 * mqtt.js never sees a PUBLISH: it would answer at once, keep the payload of QoS 2 until PUBREL, and count an exchange that was refused
 * for ever.
 *
 * One line for all connections of a session, because the application may still be busy with messages of an earlier one. For QoS 1 nothing
 * is sent then: the server sends the message again. For QoS 2:
 *   1. PUBLISH 9 arrives, the application is busy with it, the connection is lost;
 *   2. on the next connection the server repeats PUBLISH 9: it is not delivered again, and its place in the line counts again;
 *   3. the application is done: PUBREC 9.
 * When 3 comes before 2 the guard is told that the exchange has been answered, and the repetition gets its PUBREC at once.
 */
import type { Guard } from './guard.js';
import type { OutgoingStream } from './outgoing-stream.js';

const PUBACK_HEADER = 0x40;
const PUBREC_HEADER = 0x50;
const FIRST_ERROR = 0x80;
/** Of an earlier connection: nothing is sent, unless the server repeats it. */
const EARLIER = 1 << 24;
/** A place in the line of which nothing is left but that ack() counts it. */
const VOID = 0;

export class Acks {
  readonly #guard: Guard;
  /** Undefined: there is no connection that could carry an answer. */
  #out: OutgoingStream | undefined;
  #version: 4 | 5 = 5;
  /** In order of arrival: EARLIER | header << 16 | identifier, or VOID. */
  #waiting: number[] = [];
  #next = 0;

  constructor(guard: Guard) {
    this.#guard = guard;
  }

  /** A connection has begun. */
  attach(version: 4 | 5, out: OutgoingStream): void {
    this.#version = version;
    this.#out = out;
  }

  /** The connection takes no more packets. */
  detach(): void {
    if (this.#out === undefined) return;
    this.#out = undefined;
    for (let at = this.#next; at < this.#waiting.length; at += 1) {
      const entry = this.#waiting[at]!;
      this.#waiting[at] = (entry >> 16 & 0xff) === PUBREC_HEADER ? entry | EARLIER : VOID;
    }
  }

  /** The session is gone. */
  forget(): void {
    this.#waiting.fill(VOID, this.#next);
  }

  /** A PUBLISH of QoS 1 or 2 has come; `repeated`: of an exchange that is under way. False: it has been delivered before. */
  received(qos: number, id: number, repeated: boolean): boolean {
    if (qos === 1) {
      this.#waiting.push(PUBACK_HEADER << 16 | id);
      return true;
    }
    const entry = PUBREC_HEADER << 16 | id;
    if (!repeated) {
      this.#waiting.push(entry);
      return true;
    }
    // Every repetition gets its PUBREC [MQTT-4.3.3-10]; one that is still owed answers them all.
    if (!this.#waiting.includes(entry, this.#next)) {
      const earlier = this.#waiting.indexOf(entry | EARLIER, this.#next);
      if (earlier >= 0) {
        this.#waiting[earlier] = entry;
      } else {
        this.#send(PUBREC_HEADER, id, 0);
      }
    }
    return false;
  }

  ack(count: number, reasonCode: number): void {
    for (; count > 0 && this.#next < this.#waiting.length; count -= 1) {
      const entry = this.#waiting[this.#next]!;
      this.#next += 1;
      if (entry >= EARLIER) {
        this.#settleEarlier(entry & 0xffff, reasonCode);
      } else if (entry !== VOID) {
        this.#send(entry >> 16, entry & 0xffff, this.#version === 5 ? reasonCode : 0);
      }
    }
    if (this.#next === this.#waiting.length) {
      this.#waiting.length = this.#next = 0;
    } else if (this.#next > 4096) {
      this.#waiting.splice(0, this.#next);
      this.#next = 0;
    }
  }

  #settleEarlier(id: number, reasonCode: number): void {
    if (reasonCode >= FIRST_ERROR) {
      this.#guard.forgetReceived(id);
    } else {
      this.#guard.sent(PUBREC_HEADER, id, 0, reasonCode);
    }
  }

  #send(header: number, id: number, reasonCode: number): void {
    writeAck(this.#out!, header, id, reasonCode);
    this.#guard.sent(header, id, 0, reasonCode);
  }
}

/** PUBACK, PUBREC, PUBREL, PUBCOMP; a reason code of 0 is left out. */
export function writeAck(out: OutgoingStream, header: number, id: number, reasonCode: number): void {
  const at = out.claim(reasonCode === 0 ? 4 : 5);
  const to = out.buffer;
  to[at] = header;
  to[at + 1] = reasonCode === 0 ? 2 : 3;
  to[at + 2] = id >> 8;
  to[at + 3] = id & 255;
  if (reasonCode !== 0) {
    to[at + 4] = reasonCode;
  }
}
