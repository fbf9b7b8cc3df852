/** The last packet of a connection, a DISCONNECT: it leaves behind everything that was appended before it, and then the transport ends. */
import type { Guard } from './guard.js';
import type { OutgoingStream } from './outgoing-stream.js';
import type { Transport } from './transport.js';

/** ms for it to leave when the connection is given up for a fault of the server. */
const LONGEST = 250;

export class Farewell {
  readonly #out: OutgoingStream;
  readonly #transport: Transport;
  readonly #guard: Guard;
  /** close() was called: what is to be sent once everything taken has been. */
  planned: Buffer | undefined;
  /** It has been appended: called when the server can know of the end. */
  #ended: (() => void) | undefined;
  /** It is written: the transport clears itself away. */
  #written = false;

  constructor(out: OutgoingStream, transport: Transport, guard: Guard) {
    this.#out = out;
    this.#transport = transport;
    this.#guard = guard;
  }

  /** It has been appended: nothing may follow it. */
  get said(): boolean {
    return this.#ended !== undefined;
  }

  say(last: Buffer, ended: () => void): void {
    this.planned = undefined;
    this.#out.append(last);
    this.#guard.sent(last[0]!, 0, 0, 0);
    this.#ended = ended;
  }

  /** The connection is given up: it goes out if it can, and nobody waits for it. */
  sayAndGo(last: Buffer): void {
    this.say(last, () => undefined);
    setTimeout(() => this.cut(), LONGEST).unref();
  }

  /** End of a turn: the transport ends when all is written. */
  settle(): void {
    if (this.#ended !== undefined && !this.#written && this.#out.written === this.#out.appended) {
      this.#written = true;
      this.#out.stop();
      this.#transport.end(this.#ended);
    }
  }

  /** Ends the transport now, unless it is ending in good order. */
  cutUnlessWritten(): void {
    if (!this.#written) {
      this.cut();
    }
  }

  cut(): void {
    this.#out.stop();
    this.#transport.destroy();
  }
}
