import { abortedError } from '../errors.js';
import type { Pending, Settle } from './pending.js';

/**
 * A promise and the slot that settles it. A signal, and the functions it needs, is paid for only by those who give one. `onSettled` is
 * called before the slot can be anybody else's.
 */
export function waitFor<T>(
  pending: Pending,
  ticks: number,
  signal: AbortSignal | undefined,
  started: number,
  onSettled?: (slot: number) => void,
): { promise: Promise<T>; slot: number } {
  let slot = -1;
  const promise = new Promise<T>((resolve) => {
    if (signal === undefined && onSettled === undefined) {
      slot = pending.add(resolve as Settle, ticks, started);
      return;
    }
    const onAbort = (): void => pending.abandon(slot, abortedError(signal!));
    const settled = (): void => {
      signal?.removeEventListener('abort', onAbort);
      onSettled?.(slot);
    };
    const settle: Settle = (value) => {
      settled();
      resolve(value as T);
    };
    slot = pending.add(settle, ticks, started);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
  return { promise, slot };
}
