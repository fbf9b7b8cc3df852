/**
 * Waiting for events. Time appears only as a safety net that ends a test which would otherwise hang, and says what it was waiting for.
 */
import type { EventEmitter } from 'node:events';

/** How long a test waits for an event that should follow at once. Long, because it only decides how late a failure is reported. */
export const SAFETY_NET = 20_000;

/** The promise's result, or an error that names what did not happen. */
export async function withSafetyNet<T>(what: string, promise: Promise<T>, more?: () => string, milliseconds = SAFETY_NET): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const net = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not come within ${milliseconds / 1000} s${more === undefined ? '' : `; ${more()}`}`)), milliseconds);
  });
  try {
    return await Promise.race([promise, net]);
  } finally {
    clearTimeout(timer);
  }
}

/** What an emitter will emit, in order; `next()` awaits one, `take(n)` several. */
export class Inbox<T> {
  readonly all: T[] = [];
  #taken = 0;
  #wake: (() => void) | undefined;

  constructor(readonly what: string) {}

  /** Listens to `event` and keeps what `pick` makes of it. */
  static of<T, A extends unknown[]>(emitter: Pick<EventEmitter, 'on'>, event: string, pick: (...args: A) => T): Inbox<T> {
    const inbox = new Inbox<T>(`'${event}'`);
    emitter.on(event, (...args: unknown[]) => inbox.push(pick(...(args as A))));
    return inbox;
  }

  /** Arrived and not taken. */
  get waiting(): number {
    return this.all.length - this.#taken;
  }

  push(item: T): void {
    this.all.push(item);
    this.#wake?.();
  }

  async next(): Promise<T> {
    return (await this.take(1))[0]!;
  }

  async take(count: number, milliseconds = SAFETY_NET): Promise<T[]> {
    const end = this.#taken + count;
    let seen = -1;
    while (this.all.length < end) {
      // The net is for the next item and not for all of them: two thousand messages may take as long as they like while they keep coming.
      seen = this.all.length;
      const more = (): string => `${this.all.length} of ${end} came`;
      await withSafetyNet(this.what, new Promise<void>((resolve) => { this.#wake = resolve; }), more, milliseconds);
      if (this.all.length === seen) {
        throw new Error(`${this.what}: woken without an item`);
      }
    }
    const items = this.all.slice(this.#taken, end);
    this.#taken = end;
    return items;
  }

  /** Takes until one comes that is looked for; returns it with those before it. */
  async until(wanted: (item: T) => boolean): Promise<T[]> {
    const items: T[] = [];
    for (;;) {
      const item = await this.next();
      items.push(item);
      if (wanted(item)) {
        return items;
      }
    }
  }
}
