// How long the event loop is held: the longest of its turns, timed from inside. The delay of a timer (measure.mjs) says what an application
// notices; this says what the longest single hold was, and how much of it was the kernel's.
import { readFileSync } from 'node:fs';

/**
 * The longest turn of the event loop in `seconds`, ms: a chain of setImmediate() looks at the clock in every turn, and never lets the loop
 * sleep. `held` is without the time in which the kernel had given the core to another thread, null where it does not say.
 */
export function longestTurn(seconds) {
  const until = performance.now() + seconds * 1000;
  let last = performance.now(), lastWaited = timeWaited(), turn = 0, held = 0;
  return new Promise((resolve) => {
    const look = () => {
      const now = performance.now(), waited = timeWaited();
      turn = Math.max(turn, now - last);
      held = Math.max(held, now - last - (waited - lastWaited) / 1e6);
      // What this look took is no part of the next turn.
      last = performance.now();
      lastWaited = waited;
      if (now < until) setImmediate(look);
      else resolve({ turn, held: Number.isFinite(held) ? held : null });
    };
    setImmediate(look);
  });
}

/** Time that this thread was ready to run and had no core, ns. */
function timeWaited() {
  try {
    return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'latin1').split(' ')[1]);
  } catch {
    return NaN; // a kernel without scheduler statistics
  }
}
