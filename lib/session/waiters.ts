import { abortedError, type MqttError } from '../errors.js';
import type { ConnectResult } from '../protocol/connack.js';

interface Waiter {
  resolve(result: ConnectResult): void;
  reject(error: Error): void;
}

/** Everybody who has called connect() and waits for the same connection. */
export class Waiters {
  #waiters = new Set<Waiter>();

  get size(): number {
    return this.#waiters.size;
  }

  /** `onNobody` is called when the last one has given up by its signal. */
  add(signal: AbortSignal | undefined, onNobody: (error: MqttError) => void): Promise<ConnectResult> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        const error = abortedError(signal!);
        this.#waiters.delete(waiter);
        reject(error);
        if (this.#waiters.size === 0) onNobody(error);
      };
      const forget = (): void => signal?.removeEventListener('abort', onAbort);
      const waiter: Waiter = {
        resolve(result) {
          forget();
          resolve(result);
        },
        reject(error) {
          forget();
          reject(error);
        },
      };
      this.#waiters.add(waiter);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  succeed(result: ConnectResult): void {
    for (const waiter of this.#take()) waiter.resolve(result);
  }

  fail(error: Error): void {
    for (const waiter of this.#take()) waiter.reject(error);
  }

  #take(): Set<Waiter> {
    const waiters = this.#waiters;
    this.#waiters = new Set();
    return waiters;
  }
}
