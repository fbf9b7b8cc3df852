import type { MqttError } from '../errors.js';
import { timeoutError } from '../errors.js';
import type { Stats } from '../stats.js';

/** Milliseconds between two looks at the clock of waiting requests. */
const TICK = 100;

/** As `started`: a SUBSCRIBE or UNSUBSCRIBE, of which nothing is counted. */
export const REQUEST = -1;

/** Resolves a promise; with a Failure, rejects it. */
export type Settle = (value: unknown) => void;

/**
 * A promise that is resolved with this is rejected, one microtask later. So a promise that waits needs no second function: what is alive
 * for each of many thousands is what garbage collection costs.
 */
class Failure {
  constructor(private readonly error: unknown) {}

  then(_resolve: unknown, reject: (error: unknown) => void): void {
    reject(this.error);
  }
}

function forgotten(): void {
  // Nobody waits for this slot any more, but the engine still holds it.
}

function written(): void {
  // A message of write() with a slot: nobody waits, but when it fails that is told.
}

/** What Pending does not know. */
export interface PendingEvents {
  /** Whether what the slot is for had not been handed to the engine; it is not going to be. */
  withdraw(slot: number): boolean;
  /** A message of write() has failed. */
  dropped(topic: string | undefined, flags: number | undefined, error: MqttError): void;
  /** A tick has passed; whether the clock is needed though nobody waits. */
  tick(): boolean;
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
 * slot, and it becomes free when the engine answers or ends. A slot that is not with the engine (it waits in the queue) is free at once.
 */
export class Pending {
  /** Promises not settled yet. */
  waiting = 0;
  /** Called when `waiting` becomes 0; set while the client closes. */
  onIdle: (() => void) | undefined = undefined;

  /** Undefined: the slot is free. */
  readonly #settles: (Settle | undefined)[] = [];
  /** The tick after which the request has waited too long; 0: it may wait for ever. */
  readonly #expires: number[] = [];
  /** When a publish whose round trip is measured began; 0: a publish; REQUEST. */
  readonly #started: number[] = [];
  readonly #free: number[] = [];
  #tick = 1;
  #timer: NodeJS.Timeout | undefined = undefined;

  constructor(
    private readonly stats: Stats,
    private readonly events: PendingEvents,
  ) {}

  /**
   * How many ticks a time lasts. Ticks are counted, not measured: when the event loop was busy for seconds only one has passed, and
   * answers that came meanwhile are heard first. One more than it takes, because the current one is already under way.
   */
  static ticks(milliseconds: number): number {
    return milliseconds === 0 ? 0 : Math.ceil(milliseconds / TICK) + 1;
  }

  /** Keeps what settles a promise; returns its slot. */
  add(settle: Settle, ticks: number, started: number): number {
    const slot = this.#take(settle, started);
    this.#expires[slot] = ticks === 0 ? 0 : this.#tick + ticks;
    this.waiting++;
    if (this.#timer === undefined) this.startClock();
    return slot;
  }

  /** A slot for a message of write(). */
  addWritten(started: number): number {
    const slot = this.#take(written, started);
    this.#expires[slot] = 0;
    return slot;
  }

  #take(settle: Settle, started: number): number {
    const slot = this.#free.length > 0 ? this.#free.pop()! : this.#settles.length;
    this.#settles[slot] = settle;
    this.#started[slot] = started;
    return slot;
  }

  /** A publish is through. */
  deliver(slot: number, value: unknown): void {
    const settle = this.#settles[slot];
    if (settle === undefined) return;
    this.#release(slot);
    if (settle === forgotten) return;
    this.stats.delivered++;
    const started = this.#started[slot]!;
    if (started > 0) this.stats.roundTrip.add(performance.now() - started);
    if (settle === written) return;
    settle(value);
    this.#settled();
  }

  /** A SUBSCRIBE or UNSUBSCRIBE was answered. */
  resolve(slot: number, value: unknown): void {
    const settle = this.#settles[slot];
    if (settle === undefined) return;
    this.#release(slot);
    if (settle === forgotten) return;
    settle(value);
    this.#settled();
  }

  /** What was asked for has failed, and the slot is free. `topic` and `flags` where they are known. */
  fail(slot: number, error: MqttError, topic?: string, flags?: number): void {
    const settle = this.#settles[slot];
    if (settle === undefined) return;
    this.#release(slot);
    if (settle === forgotten) return;
    if (this.#started[slot] !== REQUEST) this.stats.dropped(error.code);
    if (settle === written) {
      this.events.dropped(topic, flags, error);
      return;
    }
    settle(new Failure(error));
    this.#settled();
  }

  /** As fail(), of something that was not taken in the first place: nothing is counted or told but to the promise. */
  refuse(slot: number, error: unknown): void {
    const settle = this.#settles[slot];
    if (settle === undefined) return;
    this.#release(slot);
    if (settle === forgotten || settle === written) return;
    settle(new Failure(error));
    this.#settled();
  }

  /** Rejects a promise; the slot stays taken until the engine answers, if it has it. */
  abandon(slot: number, error: MqttError): void {
    const settle = this.#settles[slot];
    if (settle === undefined || settle === forgotten || settle === written) return;
    if (this.events.withdraw(slot)) {
      this.fail(slot, error);
      return;
    }
    this.#settles[slot] = forgotten;
    this.#expires[slot] = 0;
    if (this.#started[slot] !== REQUEST) this.stats.dropped(error.code);
    settle(new Failure(error));
    this.#settled();
  }

  /** Whether the slot is a publish's. */
  isPublish(slot: number): boolean {
    return this.#settles[slot] !== undefined && this.#started[slot] !== REQUEST;
  }

  /** Whether the slot is of write(), or nobody's. */
  isWritten(slot: number): boolean {
    return slot === -1 || this.#settles[slot] === written;
  }

  /** Whether the request was abandoned: there is no need to hand it to the engine any more. */
  isAbandoned(slot: number): boolean {
    return this.#settles[slot] === forgotten;
  }

  /** The slots that are taken, now. */
  taken(): number[] {
    const slots: number[] = [];
    for (let slot = 0; slot < this.#settles.length; slot++) if (this.#settles[slot] !== undefined) slots.push(slot);
    return slots;
  }

  #release(slot: number): void {
    this.#settles[slot] = undefined;
    this.#free.push(slot);
  }

  #settled(): void {
    if (--this.waiting === 0 && this.onIdle !== undefined) this.onIdle();
  }

  // ---- clock --------------------------------------------------------------------------------------------------------------

  /** One timer a client, running only while it is needed. It does not keep the process alive: the connection does. */
  startClock(): void {
    if (this.#timer !== undefined) return;
    this.#timer = setInterval(() => this.#sweep(), TICK);
    this.#timer.unref();
  }

  #sweep(): void {
    const needed = this.events.tick();
    if (this.waiting === 0) {
      if (needed) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
      return;
    }
    this.#tick++;
    const expires = this.#expires;
    for (let slot = 0; slot < expires.length; slot++) {
      const at = expires[slot]!;
      if (at !== 0 && at <= this.#tick && this.#settles[slot] !== undefined) this.abandon(slot, timeoutError('request'));
    }
  }
}
