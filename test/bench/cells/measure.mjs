// What every sample is measured with: its rate, the CPU time of its main thread, the delay of its event loop.
import { readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

const LONGEST = 10_000; // wait for messages that are as slow as they are large

/**
 * Counts what happens in `seconds`, after `warmUp` seconds of the same. `least`, for messages so large that few come in that time: it
 * begins and ends with the end of a message, and lasts until so many have come.
 */
export async function measure(meter, warmUp, seconds, least = 0) {
  await sleep(warmUp * 1000);
  if (least > 0) await untilDone(meter, meter.done + 1);
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const before = { done: meter.done, main: mainThreadCpu(), all: process.cpuUsage(), time: performance.now() };
  await sleep(seconds * 1000);
  if (least > 0) await untilDone(meter, Math.max(before.done + least, meter.done + 1));
  const time = performance.now() - before.time, messages = meter.done - before.done;
  const main = mainThreadCpu(), all = process.cpuUsage(before.all);
  delay.disable();
  return {
    messages,
    rate: messages / time * 1000,
    mainNs: main === undefined ? null : (main - before.main) / messages,
    processNs: (all.user + all.system) * 1000 / messages,
    loopP99: delay.percentile(99) / 1e6,
    loopMax: delay.max / 1e6,
    rss: process.memoryUsage.rss(),
  };
}

async function untilDone(meter, count) {
  for (const until = performance.now() + LONGEST; meter.done < count && performance.now() < until;) await sleep(1);
}

/** CPU time of this thread alone, ns: garbage collection helpers and a library's own threads are not in it. */
export function mainThreadCpu() {
  if (process.threadCpuUsage) {
    const { user, system } = process.threadCpuUsage();
    return (user + system) * 1000;
  }
  try {
    return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'latin1').split(' ')[0]);
  } catch {
    return undefined; // a kernel without scheduler statistics
  }
}
