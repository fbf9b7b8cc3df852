// What every sample is measured with: its rate, the CPU time of its main thread, the delay of its event loop.
import { readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

/** Counts what happens in `seconds`, after `warmUp` seconds of the same. */
export async function measure(meter, warmUp, seconds) {
  await sleep(warmUp * 1000);
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const before = { done: meter.done, main: mainThreadCpu(), all: process.cpuUsage(), time: performance.now() };
  await sleep(seconds * 1000);
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
