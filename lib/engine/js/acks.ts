/**
 * Acknowledgements of incoming messages. A message is delivered at its PUBLISH, QoS 2 included (4.3.3, method A), and PUBACK or PUBREC
 * leaves when the application is done with it, in order of arrival [MQTT-4.6.0-2] [MQTT-4.6.0-3]. Why PUBREC is held back, and not
 * PUBCOMP:
 *   1. PUBLISH arrives, PUBREC is sent at once: the server may now forget the message;
 *   2. the process is killed before the application was done;
 *   3. on the next connection the server sends PUBREL only: the message is gone, though it was acknowledged.
 * mqtt.js never sees a PUBLISH: it would answer at once, keep the payload of QoS 2 until PUBREL, and count an exchange that was refused
 * for ever.
 */
import type { Guard } from './guard.js';
import type { OutgoingStream } from './outgoing-stream.js';

const PUBACK_HEADER = 0x40;
const PUBREC_HEADER = 0x50;

export class Acks {
  readonly #out: OutgoingStream;
  readonly #guard: Guard;
  readonly #version: 4 | 5;
  /** Header << 16 | identifier, in order of arrival. */
  #waiting: number[] = [];
  #next = 0;

  constructor(version: 4 | 5, out: OutgoingStream, guard: Guard) {
    this.#version = version;
    this.#out = out;
    this.#guard = guard;
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
      this.#send(PUBREC_HEADER, id, 0);
    }
    return false;
  }

  ack(count: number, reasonCode: number): void {
    const reason = this.#version === 5 ? reasonCode : 0;
    for (; count > 0 && this.#next < this.#waiting.length; count -= 1) {
      const entry = this.#waiting[this.#next]!;
      this.#next += 1;
      this.#send(entry >> 16, entry & 0xffff, reason);
    }
    if (this.#next === this.#waiting.length) {
      this.#waiting.length = this.#next = 0;
    } else if (this.#next > 4096) {
      this.#waiting.splice(0, this.#next);
      this.#next = 0;
    }
  }

  #send(header: number, id: number, reasonCode: number): void {
    writeAck(this.#out, header, id, reasonCode);
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
