// What the scenarios with many clients in one process share: opening and closing them, and asking the broker about each.
import { reportWhen } from './expect.mjs';

const AT_ONCE = 250;   // connections under way: more would only wait in the broker's listen queue
const SPARE_FILES = 64; // what a process has open besides its sockets
const SHOWN = 3;

/** Does `work` for each of them, `atOnce` at a time. */
export async function forEach(items, work, atOnce = AT_ONCE) {
  let next = 0;
  const results = new Array(items.length);
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, async () => {
    while (next < items.length) {
      const index = next++;
      results[index] = await work(items[index], index);
    }
  }));
  return results;
}

/** Clients of the plan's library, all connected. Node raises its limit of open files itself: what it says is what there is. */
export async function openMany(open, plan, count, atOnce = AT_ONCE) {
  const files = process.report.getReport().userLimits.open_files.soft;
  if (files !== 'unlimited' && Number(files) < count + SPARE_FILES) {
    throw new Error(`${count} clients need as many open files, and this process may have ${files} (ulimit -Hn)`);
  }
  return await forEach(Array.from({ length: count }), () => open(plan), atOnce);
}

export const closeMany = (libraries) => forEach(libraries, (library) => library.close());

/**
 * Has the broker's counters of each connection checked.
 * @param {(problems: string[], report: object, index: number) => void} expect
 * @param {(report: object, index: number) => boolean} complete Whether all of this connection has come.
 */
export async function checkEach(libraries, problems, complete, expect) {
  const wrong = [];
  await forEach(libraries, async (library, index) => {
    const report = await reportWhen(library, (counters) => complete(counters, index));
    const own = [];
    expect(own, report, index);
    if (own.length > 0) wrong.push(`client ${index + 1} of ${libraries.length}: ${own.join('; ')}`);
  });
  problems.push(...wrong.slice(0, SHOWN));
  if (wrong.length > SHOWN) problems.push(`${wrong.length - SHOWN} more clients like these`);
}

/** The broker's counters of all connections that there are and were, asked by one of them. */
export async function reportOfAll(library) {
  const text = await new Promise((resolve, reject) => {
    const stop = library.onMessage((topic, payload) => {
      stop();
      resolve(Buffer.from(payload).toString());
    });
    library.subscribe('report', 0).catch(reject);
  });
  return JSON.parse(text).broker;
}
