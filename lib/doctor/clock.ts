/**
 * The time of one run. Every step takes its share of what is left, so that the whole never takes longer than --timeout says, whatever
 * the servers do.
 */
export class Clock {
  readonly #start = performance.now();

  /** @param total - Milliseconds for everything. */
  constructor(readonly total: number) {}

  get elapsed(): number {
    return performance.now() - this.#start;
  }

  /** Milliseconds, 0 when there are none left. */
  get left(): number {
    return Math.max(0, this.total - this.elapsed);
  }

  /** Milliseconds a wait may take: `most`, but only this part of what is left, and 1 at least, as timers want it. */
  share(most: number, part = 1): number {
    return Math.max(1, Math.ceil(Math.min(most, this.left * part)));
  }
}

/** Resolves with the promise's result, or with undefined when it has none in time; what comes later is not heard. */
export async function within<T>(milliseconds: number, promise: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const end = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), milliseconds);
  });
  try {
    return await Promise.race([promise, end]);
  } finally {
    clearTimeout(timer);
  }
}
