import { abortedError } from '../errors.js';
import type { Pending } from './pending.js';

/** A promise and the slot that settles it. A signal, and the two functions it needs, is paid for only by those who give one. */
export function waitFor<T>(pending: Pending, ticks: number, signal: AbortSignal | undefined): { promise: Promise<T>; slot: number } {
  let slot = -1;
  const promise = new Promise<T>((resolve, reject) => {
    if (signal === undefined) {
      slot = pending.add(resolve as (value: unknown) => void, reject, ticks);
      return;
    }
    const onAbort = (): void => pending.abandon(slot, abortedError(signal));
    slot = pending.add(
      (value) => {
        signal.removeEventListener('abort', onAbort);
        resolve(value as T);
      },
      (error) => {
        signal.removeEventListener('abort', onAbort);
        reject(error);
      },
      ticks,
    );
    signal.addEventListener('abort', onAbort, { once: true });
  });
  return { promise, slot };
}
