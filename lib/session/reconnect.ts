import type { ResolvedReconnect } from '../options/reconnect-options.js';

/**
 * Milliseconds a connection must hold to count as one. A server that accepts and closes would otherwise be visited again and again after
 * the shortest delay, by all its clients.
 */
const HELD = 5000;

/** The attempt that is due next. */
export interface Plan {
  /** 1 for the first one after a connection that held. */
  readonly attempt: number;
  /** Milliseconds to wait before it. */
  readonly delay: number;
}

/** How long to wait before each attempt of an outage. Keeps no timer. */
export class Reconnect {
  #attempt = 0;
  /** The delay before, for 'decorrelated'. */
  #last = 0;
  /** When the connection of now, or the last one, was made. */
  #connectedAt: number | undefined = undefined;

  constructor(
    private readonly options: ResolvedReconnect,
    private readonly random: () => number = Math.random,
    private readonly now: () => number = () => performance.now(),
  ) {}

  connected(): void {
    this.#connectedAt = this.now();
  }

  /** The connection has ended. */
  lost(): void {
    if (this.#connectedAt !== undefined && this.now() - this.#connectedAt >= HELD) this.reset();
    this.#connectedAt = undefined;
  }

  /** The next outage begins with the shortest delay. */
  reset(): void {
    this.#attempt = 0;
    this.#last = 0;
  }

  /** Undefined: there were as many attempts as the user wants. */
  next(): Plan | undefined {
    const { maxAttempts } = this.options;
    if (maxAttempts !== 0 && this.#attempt >= maxAttempts) return undefined;
    this.#attempt++;
    this.#last = this.#delay();
    return { attempt: this.#attempt, delay: Math.round(this.#last) };
  }

  #delay(): number {
    const { initialDelay, maxDelay, jitter } = this.options;
    if (jitter === 'decorrelated') {
      const upper = Math.max(initialDelay, this.#last * 3);
      return Math.min(maxDelay, initialDelay + this.random() * (upper - initialDelay));
    }
    // 2 ** 1024 and above is Infinity, of which maxDelay is the smaller one.
    const bound = Math.min(maxDelay, initialDelay * 2 ** (this.#attempt - 1));
    return jitter === 'none' ? bound : this.random() * bound;
  }
}
