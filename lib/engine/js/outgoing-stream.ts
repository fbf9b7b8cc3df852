/**
 * Bytes on their way to the transport. Small packets of one turn are gathered and leave as one write; a large payload goes as it is, in
 * pieces. No more than HIGH bytes are with the transport at a time, so that what is written is known and a payload is never copied whole
 * by TLS.
 */
import type { Transport } from './transport.js';

const SMALLEST = 1024;
const LARGEST = 64 * 1024;
const PIECE = 256 * 1024;
const HIGH = 1024 * 1024;
const NOTHING = Buffer.alloc(0);

export class OutgoingStream {
  /** Where claimed bytes go; another one after each claim(). Never written again where it has been handed over. */
  buffer: Buffer = NOTHING;
  /** Bytes ever taken here, and ever taken by the kernel. */
  appended = 0;
  written = 0;
  /** Where in `appended` what is gathered at the moment begins. */
  gathered = 0;

  readonly #transport: Transport;
  readonly #progress: () => void;
  #start = 0;
  #end = 0;
  #size = SMALLEST;
  #pieces: Uint8Array[] = [];
  #next = 0;
  #handed = 0;
  #scheduled = false;
  /** progress() is planned. */
  #telling = false;
  #stopped = false;

  /** `progress` is called when the kernel has taken bytes, once a turn of the event loop, never from inside a call. */
  constructor(transport: Transport, progress: () => void) {
    this.#transport = transport;
    this.#progress = progress;
  }

  /** More than this waits: nothing that can wait should be appended. */
  get congested(): boolean {
    return this.appended - this.written > HIGH;
  }

  /** Room for `length` bytes in `buffer`: returns where they start. The caller fills all of them before anything else is called. */
  claim(length: number): number {
    if (this.buffer.length - this.#end < length) {
      this.#cut();
      this.#hand();
      this.#size = Math.min(this.#size * 2, LARGEST);
      this.buffer = Buffer.allocUnsafeSlow(Math.max(this.#size, length));
      this.#start = this.#end = 0;
    }
    const at = this.#end;
    this.#end += length;
    this.appended += length;
    if (!this.#scheduled) {
      this.#scheduled = true;
      process.nextTick(this.#flush);
    }
    return at;
  }

  /** Copies; for small packets. */
  append(bytes: Uint8Array): void {
    const at = this.claim(bytes.length);
    this.buffer.set(bytes, at);
  }

  /** Keeps the bytes themselves: they must not change any more. */
  appendLarge(bytes: Uint8Array): void {
    this.#cut();
    this.appended += bytes.length;
    this.gathered = this.appended;
    for (let at = 0; at < bytes.length; at += PIECE) {
      this.#pieces.push(bytes.subarray(at, at + PIECE));
    }
    this.#hand();
  }

  /** Nothing is handed over or reported any more. */
  stop(): void {
    this.#stopped = true;
    this.#pieces = [];
    this.buffer = NOTHING;
  }

  readonly #flush = (): void => {
    this.#scheduled = false;
    if (this.#stopped) {
      return;
    }
    if (this.#end - this.#start < this.#size / 8 && this.#size > SMALLEST) {
      this.#size /= 2;
    }
    this.#cut();
    this.#hand();
  };

  /**
   * In the next turn of the event loop. A socket that has room takes bytes within the call and says so in the same turn: a loop of
   * publishes, each awaited, would then never let the event loop turn, and each would leave in a write of its own.
   */
  #progressSoon(): void {
    if (this.#telling) return;
    this.#telling = true;
    setImmediate(() => {
      this.#telling = false;
      if (!this.#stopped) this.#progress();
    });
  }

  #cut(): void {
    if (this.#end > this.#start) {
      this.#pieces.push(this.buffer.subarray(this.#start, this.#end));
      this.#start = this.#end;
      this.gathered = this.appended;
    }
  }

  #hand(): void {
    while (this.#next < this.#pieces.length && this.#handed < HIGH && !this.#stopped) {
      const piece = this.#pieces[this.#next]!;
      this.#next += 1;
      this.#handed += piece.length;
      this.#transport.write(piece, () => {
        if (!this.#stopped) {
          this.#handed -= piece.length;
          this.written += piece.length;
          this.#hand();
          this.#progressSoon();
        }
      });
    }
    if (this.#next === this.#pieces.length) {
      this.#pieces.length = this.#next = 0;
    } else if (this.#next > 1024) {
      this.#pieces.splice(0, this.#next);
      this.#next = 0;
    }
  }
}
