import { abortedError, timeoutError } from '../errors.js';
import type { Wait } from '../options/call-options.js';

/** Milliseconds a DISCONNECT may still take when the time to wait for other things is over. */
const GRACE = 250;

interface Steps {
  /** Asks the engine for DISCONNECT and the end. */
  sendDisconnect(): void;
  /** Ends at once. */
  giveUp(): void;
  /** What is on its way is not waited for any more. */
  stopWaiting(): void;
}

/** One close(): waits for what is on its way, then for DISCONNECT to be written, and not longer than it may. */
export class Closing {
  readonly promise: Promise<void>;
  readonly #steps: Steps;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort: () => void;
  #resolve!: () => void;
  #reject!: (error: Error) => void;
  #timer: NodeJS.Timeout | undefined;
  #asked = false;
  /** Why it was cut short. */
  #failure: Error | undefined = undefined;

  constructor(wait: Wait, timeout: number, steps: Steps) {
    this.#steps = steps;
    this.#signal = wait.signal;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // The connection keeps the process alive, if it is to be kept.
    this.#timer = timeout === 0 ? undefined : setTimeout(() => this.#late(), timeout).unref();
    this.#onAbort = () => {
      this.#failure = abortedError(this.#signal!);
      this.#steps.giveUp();
    };
    if (this.#signal?.aborted) queueMicrotask(this.#onAbort);
    else this.#signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** Nothing is on its way any more. */
  idle(): void {
    this.#asked = true;
    this.#steps.sendDisconnect();
  }

  #late(): void {
    this.#failure = timeoutError('close');
    if (this.#asked) {
      this.#steps.giveUp();
      return;
    }
    this.#asked = true;
    this.#steps.stopWaiting();
    this.#timer = setTimeout(() => this.#steps.giveUp(), GRACE).unref();
    this.#steps.sendDisconnect();
  }

  /** The connection has ended. */
  settle(): void {
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener('abort', this.#onAbort);
    if (this.#failure === undefined) this.#resolve();
    else this.#reject(this.#failure);
  }
}
