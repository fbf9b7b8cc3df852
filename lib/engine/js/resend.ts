/**
 * What a session sends again when the server still has it [MQTT-4.4.0-1], past mqtt.js: that one leaves DUP out and sends the next only
 * when the one before is acknowledged. The new mqtt.js knows nothing of these exchanges, so their answers are handled here too; their
 * identifiers stay taken, and it does not hand them out.
 */
import { writeAck } from './acks.js';
import { PUBREC } from './guard-rules.js';
import type { OutgoingStream } from './outgoing-stream.js';
import type { Publication } from './publication.js';
import type { PublishWriter } from './publish-writer.js';
import type { Session } from './session.js';

const PUBREL_HEADER = 0x62;
const DUP = 8;
const FIRST_ERROR = 0x80;

export class Resend {
  readonly #session: Session;
  readonly #out: OutgoingStream;
  readonly #writer: PublishWriter;
  /** Not yet sent on this connection, in order. */
  readonly #held = new Map<number, Publication>();
  /** Exchanges of an earlier connection that are not over. */
  readonly #ids = new Set<number>();

  constructor(session: Session, out: OutgoingStream, writer: PublishWriter) {
    this.#session = session;
    this.#out = out;
    this.#writer = writer;
  }

  /** So many wait to be sent again: nothing new may go before them [MQTT-4.6.0-1]. */
  get held(): number {
    return this.#held.size;
  }

  /** The one that is due. */
  get next(): Publication | undefined {
    return this.#held.values().next().value;
  }

  /** The answer for this identifier is not for mqtt.js. */
  owns(id: number): boolean {
    return this.#ids.size > 0 && this.#ids.has(id);
  }

  /** The server has the session. Each PUBREL goes at once, no matter what the window says; each PUBLISH waits for send(). */
  start(): void {
    const released: Publication[] = [];
    for (const publication of this.#session.inFlight.values()) {
      this.#ids.add(publication.id);
      if (publication.released > 0) {
        released.push(publication);
      } else {
        this.#held.set(publication.id, publication);
      }
    }
    released.sort((a, b) => a.released - b.released);
    for (const { id } of released) {
      this.#release(id);
    }
  }

  /** With DUP and its first identifier [MQTT-3.3.1-1]. */
  send(publication: Publication): void {
    const { topic, flags, id } = publication;
    this.#held.delete(id);
    const topicLength = Buffer.byteLength(topic);
    const head = Buffer.allocUnsafe(topicLength + 4);
    head.writeUInt16BE(topicLength);
    head.write(topic, 2);
    head.writeUInt16BE(id, topicLength + 2);
    this.#writer.write(0x30 | DUP | (flags & 3) << 1 | (flags & 4) >> 2, head, 0, head.length, publication);
  }

  /** PUBACK, PUBREC or PUBCOMP for an identifier that owns() knows. */
  answered(type: number, id: number, reasonCode: number): void {
    this.#held.delete(id);
    if (type === PUBREC && reasonCode < FIRST_ERROR) {
      this.#release(id);
    } else {
      this.#ids.delete(id);
      this.#session.identifiers.deallocate(id);
    }
  }

  /** It is not sent again. */
  giveUp({ id }: Publication): void {
    this.#held.delete(id);
    this.#ids.delete(id);
    this.#session.inFlight.delete(id);
    this.#session.identifiers.deallocate(id);
    this.#session.guard.forgetSent(id);
  }

  #release(id: number): void {
    writeAck(this.#out, PUBREL_HEADER, id, 0);
    this.#session.guard.sent(PUBREL_HEADER, id, 0, 0);
  }
}
