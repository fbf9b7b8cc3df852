// What each thread of this process has done so far, from /proc (Linux): CPU time, and how often the kernel switched away from it. A thread
// that sleeps is switched to, and away from, once a wake-up, so the switches are an upper bound of its wake-ups.
import { readdirSync, readFileSync } from 'node:fs';

const read = (tid, name) => readFileSync(`/proc/self/task/${tid}/${name}`, 'latin1');

/** @returns {Map<number, { switches: number, cpuNs: number, slices: number }>} By thread id; that of the main thread is process.pid. */
export function readThreads() {
  const threads = new Map();
  for (const tid of readdirSync('/proc/self/task').map(Number)) {
    try {
      const status = read(tid, 'status');
      // Time on a core, time in the queue for one, and how often it got one.
      const [cpuNs, , slices] = read(tid, 'schedstat').split(' ').map(Number);
      const count = (name) => Number(new RegExp(`^${name}:\\s+(\\d+)$`, 'm').exec(status)[1]);
      threads.set(tid, { switches: count('voluntary_ctxt_switches') + count('nonvoluntary_ctxt_switches'), cpuNs, slices });
    } catch (error) {
      if (error.code !== 'ENOENT' && error.code !== 'ESRCH') throw error; // the thread has just ended
    }
  }
  return threads;
}

/**
 * What was done between two readings, by kind of thread: `main`, `own` (those the library has started, which are not in `known`) and
 * `node` (Node's helpers).
 */
export function between(before, after, known) {
  const sums = Object.fromEntries(['main', 'own', 'node'].map((kind) => [kind, { switches: 0, cpuNs: 0, slices: 0 }]));
  for (const [tid, now] of after) {
    const sum = sums[tid === process.pid ? 'main' : known.has(tid) ? 'node' : 'own'];
    for (const name of Object.keys(sum)) sum[name] += now[name] - (before.get(tid)?.[name] ?? 0);
  }
  return sums;
}
