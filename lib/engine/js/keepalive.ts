/**
 * Keepalive (3.1.2.10), ours because mqtt.js's does not know three things: that Server Keep Alive counts also when the client asked for
 * none, that reading may be paused on purpose, and that a large packet under way is a sign of life.
 *
 * PINGREQ goes out when nothing was sent, or nothing came, for the keepalive interval. The connection is given up when nothing at all has
 * come for one and a half intervals after it.
 */

const PATIENCE = 1.5;

export interface KeepaliveHandler {
  /** Sends PINGREQ; returns the place in the outgoing stream where it ends. */
  ping(): number;
  /** How far the kernel has taken the outgoing stream. */
  written(): number;
  lost(): void;
}

export class Keepalive {
  readonly #handler: KeepaliveHandler;
  #interval = 0;
  #timer: NodeJS.Timeout | undefined;
  #lastIn = 0;
  #lastOut = 0;
  /** Place where the oldest PINGREQ that waits for its answer ends; 0: none does. */
  #ping = 0;
  /** It has not left yet. */
  #leaving = false;
  /** Since when the answer has been awaited. */
  #since = 0;
  #paused = false;

  constructor(handler: KeepaliveHandler) {
    this.#handler = handler;
  }

  /** seconds; 0: none. */
  start(seconds: number): void {
    this.#interval = seconds * 1000;
    this.#lastIn = this.#lastOut = performance.now();
    if (seconds > 0) {
      this.#wait(this.#interval);
    }
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#interval = 0;
  }

  received(): void {
    this.#lastIn = performance.now();
  }

  sent(): void {
    this.#lastOut = performance.now();
    // The answer cannot come before the question has left.
    if (this.#leaving) {
      this.#since = this.#lastOut;
      this.#leaving = this.#handler.written() < this.#ping;
    }
  }

  answered(): void {
    this.#ping = 0;
    this.#leaving = false;
  }

  /** Reading stops on purpose, or goes on: meanwhile no answer is missed. */
  pause(on: boolean): void {
    this.#paused = on;
    this.#lastIn = this.#since = performance.now();
  }

  #wait(time: number): void {
    this.#timer = setTimeout(this.#look, Math.max(1, Math.ceil(time))).unref();
  }

  readonly #look = (): void => {
    const now = performance.now();
    const interval = this.#interval;
    if (this.#paused) {
      this.#lastIn = this.#since = now;
    }
    if (this.#isOverdue(now)) {
      // When the process was busy for long the answer may lie in the socket: it is read before this comes.
      setImmediate(() => {
        if (this.#isOverdue(now)) {
          this.#handler.lost();
        } else if (this.#interval > 0) {
          this.#look();
        }
      });
      return;
    }
    // The server must hear from this side also while an answer is awaited: reading may be paused, or a large packet on its way.
    if (this.#lastOut + interval <= now || (this.#ping === 0 && this.#lastIn + interval <= now)) {
      const end = this.#handler.ping();
      if (this.#ping === 0) {
        this.#ping = end;
        this.#leaving = true;
        this.#since = now;
      }
      this.#lastOut = now;
    }
    const silence = this.#ping === 0 ? this.#lastIn + interval : this.#limit();
    this.#wait(Math.min(silence, this.#lastOut + interval) - now);
  };

  /** When the awaited answer is late. */
  #limit(): number {
    return Math.max(this.#since, this.#lastIn) + this.#interval * PATIENCE;
  }

  #isOverdue(now: number): boolean {
    return this.#ping !== 0 && this.#interval > 0 && this.#limit() <= now;
  }
}
