// One sample of latency, in a process of its own: one client publishes at QoS 1 at a given rate, and each publish is timed from the call
// of publish() to its PUBACK (the promise settles) or to its echo (the listener is called). Messages are sent when they are due, whether
// or not earlier ones have come back; a rate above 1,000 a second comes in small bursts, as timers fire once a millisecond.
//
//   node latency.mjs '{"library":"mqttjs.mjs","cell":"latency-echo","port":1883,"rate":100,"seconds":2,"warmUp":0.5,"size":64}'
import { setTimeout as sleep } from 'node:timers/promises';
import { makeComparer, makeStampedPayload } from '../payload.mjs';
import { expectEchoed, expectPublished, reportWhen } from './expect.mjs';
import { mainThreadCpu } from './measure.mjs';
import { runScenario } from './scenario.mjs';

const SETTLE_TIME = 10_000;
const SECOND = 1000;

await runScenario(async (open, plan) => {
  const library = await open(plan);
  const result = await exchange(library, plan);
  await library.close();
  return { ...library.about, ...result };
});

async function exchange(library, { cell, rate, seconds, warmUp, size, phase = 0 }) {
  const echoed = cell === 'latency-echo';
  const unmeasured = Math.max(1, Math.round(rate * warmUp));
  const total = unmeasured + Math.max(1, Math.round(rate * seconds));
  const topic = echoed ? 'echo/t' : 'bench/t';
  const called = new Float64Array(total), took = new Float64Array(total).fill(-1);
  const { payload, stamp } = makeStampedPayload(size);
  const problems = [];
  let settled = 0, heard = 0, wrong = 0, stopHearing;
  const acknowledged = (sequence) => {
    if (!echoed) took[sequence] = performance.now() - called[sequence];
    settled++;
  };
  if (echoed) {
    const isRight = makeComparer(size);
    stopHearing = library.onMessage((from, received) => {
      const now = performance.now(), sequence = heard++;
      if (from !== topic || sequence >= total || !isRight(received, sequence)) wrong++;
      else took[sequence] = now - called[sequence];
    });
    await library.subscribe('echo/#', 1);
  }
  let cpu, main;
  const late = await pace(rate, total, phase, (sequence) => {
    if (sequence === unmeasured) {
      cpu = process.cpuUsage();
      main = mainThreadCpu();
    }
    stamp(sequence);
    const copy = Buffer.from(payload); // the library may refer to it until PUBACK
    called[sequence] = performance.now();
    library.publish(topic, copy, 1).then(() => acknowledged(sequence), (error) => problems.push(`publish ${sequence}: ${error.message}`));
  });
  const done = () => settled === total && (!echoed || heard === total);
  for (const until = performance.now() + SETTLE_TIME; !done() && performance.now() < until;) await sleep(5);
  const all = process.cpuUsage(cpu), mainSpent = main === undefined ? undefined : mainThreadCpu() - main;
  if (settled !== total) problems.push(`${total - settled} of ${total} publishes did not settle`);
  if (echoed && heard !== total) problems.push(`${heard} messages came back of ${total}`);
  if (wrong > 0) problems.push(`${wrong} echoes were not what was sent, in its order`);
  stopHearing?.();
  if (echoed) await library.unsubscribe('echo/#');
  const report = await reportWhen(library, ({ messages, sent, acked }) => messages >= total && acked === sent);
  if (echoed) expectEchoed(problems, report, { total, size });
  else expectPublished(problems, report, { total, size, qos: 1 });
  const measured = total - unmeasured;
  const latencies = took.subarray(unmeasured).filter((time) => time >= 0).sort().map((time) => time * 1000);
  return {
    total, measured, late, problems, report,
    latencies: measured <= 1000 ? [...latencies].map((time) => Math.round(time * 10) / 10) : undefined,
    p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99), max: latencies.at(-1),
    mainNs: mainSpent === undefined ? null : mainSpent / measured, processNs: (all.user + all.system) * 1000 / measured,
  };
}

/** Calls `send` when a message is due; resolves to how late the latest was, ms. `phase`: the part of a second of the clock to begin at. */
function pace(rate, total, phase, send) {
  const period = SECOND / rate;
  const begin = performance.now() + (phase > 0 ? 2 * SECOND - ((Date.now() - phase * SECOND) % SECOND) : 1);
  let next = 0, late = 0;
  return new Promise((resolve) => {
    const tick = () => {
      const now = performance.now(), due = Math.min(total, Math.floor((now - begin) / period) + 1);
      if (next < due) late = Math.max(late, now - begin - next * period);
      while (next < due) send(next++);
      if (next === total) resolve(late);
      else setTimeout(tick, Math.max(1, begin + next * period - performance.now()));
    };
    setTimeout(tick, begin - performance.now());
  });
}

function quantile(sorted, part) {
  return sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)];
}
