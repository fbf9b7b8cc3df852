import type { ClientStats } from './stats.js';

/** Buckets for each doubling of the time: a quantile is at most 2.2 % off. */
const PER_DOUBLING = 16;
/** Doublings below 1 ms that are told apart (about 1 µs), and all of them: up to 2^22 ms, more than an hour. */
const BELOW = 10;
const BUCKETS = (BELOW + 22) * PER_DOUBLING;

/** Times in milliseconds, kept as how often each order of magnitude came: 4 KiB, whatever is counted. */
export class RoundTrip {
  #count = 0;
  #sum = 0;
  #min = Infinity;
  #max = 0;
  /** Made with the first sample: a client that publishes nothing has none. */
  #buckets: Float64Array | undefined = undefined;

  add(time: number): void {
    const buckets = (this.#buckets ??= new Float64Array(BUCKETS));
    this.#count++;
    this.#sum += time;
    if (time < this.#min) this.#min = time;
    if (time > this.#max) this.#max = time;
    const bucket = Math.floor((Math.log2(time) + BELOW) * PER_DOUBLING);
    // Also for a time of 0, whose logarithm is -Infinity.
    buckets[bucket < 0 ? 0 : bucket >= BUCKETS ? BUCKETS - 1 : bucket]!++;
  }

  summary(): ClientStats['roundTrip'] {
    const some = this.#count > 0;
    return Object.freeze({
      count: this.#count,
      min: some ? this.#min : NaN,
      max: some ? this.#max : NaN,
      mean: some ? this.#sum / this.#count : NaN,
      p50: this.#quantile(0.5),
      p90: this.#quantile(0.9),
      p99: this.#quantile(0.99),
    });
  }

  /** The middle of the bucket in which the share `q` of all times is reached. */
  #quantile(q: number): number {
    if (this.#buckets === undefined) return NaN;
    let left = Math.ceil(q * this.#count);
    let bucket = 0;
    while (bucket < BUCKETS - 1 && (left -= this.#buckets[bucket]!) > 0) bucket++;
    const middle = 2 ** ((bucket + 0.5) / PER_DOUBLING - BELOW);
    return Math.min(Math.max(middle, this.#min), this.#max);
  }
}
