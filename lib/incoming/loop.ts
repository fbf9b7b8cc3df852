import type { IncomingMessage, Message } from './message.js';
import type { RoutedSubscription } from './subscription.js';

type Result = IteratorResult<Message, undefined>;

interface Waiter {
  readonly resolve: (result: Result) => void;
  readonly reject: (error: Error) => void;
}

function done(): Promise<Result> {
  return Promise.resolve({ value: undefined, done: true });
}

/**
 * One `for await` over a subscription. A plain iterator, not an async generator: what has arrived already costs one microtask a message.
 * Asking for the next message says that the one before is done with.
 */
export class SubscriptionLoop implements AsyncIterableIterator<Message> {
  /** Why no further message comes once those that wait are read: an error, or null for an end without one. Undefined: they still come. */
  failure: Error | null | undefined = undefined;

  /** The message the loop body works on, if it is held for the loop. */
  #current: IncomingMessage | undefined = undefined;
  /** What next() put here is answered by give(), in order. */
  readonly #waiters: Waiter[] = [];
  #left = false;

  constructor(private readonly subscription: RoutedSubscription) {}

  next(): Promise<Result> {
    this.#release();
    if (this.#left) return done();
    const { subscription } = this;
    let value = subscription.takeEarly();
    if (value === undefined) value = this.#current = subscription.takeHeld();
    if (value !== undefined) return Promise.resolve({ value, done: false });
    if (this.failure !== undefined) {
      const { failure } = this;
      this.#left = true;
      return failure === null ? done() : Promise.reject(failure);
    }
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
      subscription.ask(this);
    });
  }

  return(): Promise<Result> {
    if (!this.#left) {
      this.#left = true;
      this.subscription.left(this);
    }
    this.#release();
    for (const waiter of this.#waiters.splice(0)) waiter.resolve({ value: undefined, done: true });
    return done();
  }

  throw(error: Error): Promise<Result> {
    void this.return();
    return Promise.reject(error);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** From the subscription, once for each time it was asked: a message, to be released when the loop is done with it. */
  give(message: IncomingMessage): void {
    // Two next() calls at once: the message before this one will not be heard of again.
    this.#release();
    this.#current = message;
    this.#waiters.shift()!.resolve({ value: message, done: false });
  }

  /** From the subscription: no further message. */
  end(failure: Error | null): void {
    this.failure = failure;
    const waiters = this.#waiters.splice(0);
    if (waiters.length === 0) return;
    this.#left = true;
    this.#release();
    // Only one call can throw: the loop is over then.
    const [first, ...rest] = waiters;
    if (failure === null) first!.resolve({ value: undefined, done: true });
    else first!.reject(failure);
    for (const waiter of rest) waiter.resolve({ value: undefined, done: true });
  }

  #release(): void {
    const current = this.#current;
    if (current === undefined) return;
    this.#current = undefined;
    current.release();
  }
}
