// How much memory a process takes beyond what it had: its resident set, all of it, with buffers of C code and what the allocator keeps.
import { readFileSync, writeFileSync } from 'node:fs';

const EVERY = 20; // ms between two samples

/**
 * Begins to watch. stop() tells the largest growth: by the kernel's own record (VmHWM) where that can be begun anew, otherwise the largest
 * sample.
 * @param {number} [limit] Bytes of growth; `onOver` is called once, when a sample is above.
 */
export function watchResident(limit = Infinity, onOver = () => {}) {
  const before = process.memoryUsage.rss();
  const exact = beginRecord();
  let largest = before, told = false;
  const look = () => {
    largest = Math.max(largest, process.memoryUsage.rss());
    if (largest - before <= limit || told) return;
    told = true;
    onOver(largest - before);
  };
  const timer = setInterval(look, EVERY);
  return {
    before,
    now: () => process.memoryUsage.rss() - before,
    stop() {
      clearInterval(timer);
      look();
      const recorded = exact ? Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1]) * 1024 : NaN;
      return (Number.isFinite(recorded) ? recorded : largest) - before;
    },
  };
}

/** Makes the kernel's record of the largest size begin with the size of now. */
function beginRecord() {
  try {
    writeFileSync('/proc/self/clear_refs', '5');
    return true;
  } catch {
    return false;
  }
}
