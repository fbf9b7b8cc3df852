import { timeoutError } from '../errors.js';

/** Milliseconds between two looks at the clock of waiting requests. */
const TICK = 100;

type Settle = (value: unknown) => void;

function forgotten(): void {
  // Nobody waits for this slot any more, but the engine still holds it.
}

/**
 * Every promise that waits for the engine, by slot: publishes, subscribes and unsubscribes. Parallel arrays instead of an object a
 * request, because making, settling and collecting those objects would cost more than the rest of a publish. Valid for the client's
 * lifetime.
 *
 * Settling exactly once, and why a slot outlives its promise:
 * 1. A request times out or is aborted; its promise is rejected.
 * 2. The engine knows nothing of that and will still answer with this slot.
 * 3. Were the slot given to another request meanwhile, that answer would settle the wrong promise. So abandon() rejects but keeps the
 * slot, and it becomes free when the engine answers or ends.
 */
export class Pending {
  /** Promises not settled yet. */
  waiting = 0;
  /** Called when `waiting` becomes 0; set while the client closes. */
  onIdle: (() => void) | undefined = undefined;

  /** Both undefined: the slot is free. */
  readonly #resolves: (Settle | undefined)[] = [];
  readonly #rejects: (Settle | undefined)[] = [];
  /** The tick after which the request has waited too long; 0: it may wait for ever. */
  readonly #expires: number[] = [];
  readonly #free: number[] = [];
  #tick = 1;
  #timer: NodeJS.Timeout | undefined = undefined;

  /**
   * How many ticks a time lasts. Ticks are counted, not measured: when the event loop was busy for seconds only one has passed, and
   * answers that came meanwhile are heard first. One more than it takes, because the current one is already under way.
   */
  static ticks(milliseconds: number): number {
    return milliseconds === 0 ? 0 : Math.ceil(milliseconds / TICK) + 1;
  }

  /** Keeps a promise's two ends; returns its slot. */
  add(resolve: Settle, reject: Settle, ticks: number): number {
    const slot = this.#free.length > 0 ? this.#free.pop()! : this.#resolves.length;
    this.#resolves[slot] = resolve;
    this.#rejects[slot] = reject;
    this.#expires[slot] = ticks === 0 ? 0 : this.#tick + ticks;
    this.waiting++;
    if (this.#timer === undefined) this.#startClock();
    return slot;
  }

  resolve(slot: number, value: unknown): void {
    const resolve = this.#resolves[slot];
    if (resolve === undefined) return;
    this.#release(slot);
    if (resolve !== forgotten) {
      resolve(value);
      this.#settled();
    }
  }

  reject(slot: number, error: unknown): void {
    const reject = this.#rejects[slot];
    if (reject === undefined) return;
    this.#release(slot);
    if (reject !== forgotten) {
      reject(error);
      this.#settled();
    }
  }

  /** Rejects now; the slot stays taken until the engine answers. */
  abandon(slot: number, error: unknown): void {
    const reject = this.#rejects[slot];
    if (reject === undefined || reject === forgotten) return;
    this.#resolves[slot] = forgotten;
    this.#rejects[slot] = forgotten;
    this.#expires[slot] = 0;
    reject(error);
    this.#settled();
  }

  /** Whether the request was abandoned: there is no need to hand it to the engine any more. */
  isAbandoned(slot: number): boolean {
    return this.#rejects[slot] === forgotten;
  }

  /** Rejects everything and frees every slot: the engine will not answer any more. */
  rejectAll(error: unknown): void {
    for (let slot = 0; slot < this.#rejects.length; slot++) this.reject(slot, error);
  }

  #release(slot: number): void {
    this.#resolves[slot] = undefined;
    this.#rejects[slot] = undefined;
    this.#free.push(slot);
  }

  #settled(): void {
    if (--this.waiting === 0 && this.onIdle !== undefined) this.onIdle();
  }

  /** One timer a client, running only while something waits. It does not keep the process alive: the connection does. */
  #startClock(): void {
    this.#timer = setInterval(() => this.#sweep(), TICK);
    this.#timer.unref();
  }

  #sweep(): void {
    if (this.waiting === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
      return;
    }
    this.#tick++;
    const expires = this.#expires;
    for (let slot = 0; slot < expires.length; slot++) {
      const at = expires[slot]!;
      if (at !== 0 && at <= this.#tick && this.#rejects[slot] !== undefined) this.abandon(slot, timeoutError('request'));
    }
  }
}
