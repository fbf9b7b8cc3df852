// One sample, in a process of its own: connects one client to one null broker, runs one cell, proves at the far end that nothing was lost,
// and prints the result as one line of JSON. What is measured is the loop in publish() and the listener in receive(); the files beside this
// one say how each library is called.
//
//   node <library>.mjs '{"cell":"publish-q1","port":1883,"seconds":2,"warmUp":0.5,"size":64,"depth":100}'
import { readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setImmediate as immediate, setTimeout as sleep } from 'node:timers/promises';
import { makeComparer, makeStampedPayload } from '../payload.mjs';
import { expectPublished, expectReceived } from './expect.mjs';

const LANE_BYTES = 64 * 1024 * 1024; // payloads outstanding at most
const COMPARED = 10_000;             // messages compared byte by byte behind the measured ones, or what comes in COMPARE_TIME
const COMPARE_TIME = 200;
const STARVED_AFTER = 20;
const SETTLE_TIME = 10_000;

/**
 * @typedef {object} Library How one library is called. One client a process, so these are called from one place each.
 * @property {(port: number, plan: { ca?: string }) => Promise<object>} connect With `ca` over TLS, that certificate being trusted.
 *   Resolves to what to say about the connection: { name, version, ... }.
 * @property {(topic: string, payload: Uint8Array, qos: number) => Promise<unknown>} publish
 * @property {(writer: Writer) => Promise<void>} write Publishes at QoS 0 without promises until running() says no; waits where
 *   the library says so.
 * @property {(listener: (payload: Uint8Array) => void) => () => void} onPayload The library's own event; returns how to stop.
 * @property {(listener: (topic: string, payload: Uint8Array) => void) => () => void} onMessage The same with the topic.
 * @property {(filter: string, qos: number, count: (payload: Uint8Array) => void, compare: (topic: string, payload: Uint8Array) => void) =>
 *   Promise<() => void>} [loop] Subscribes and reads with `for await`: calls `count` with each payload, and `compare` once the function it
 *   resolves to was called. Where a library has no such loop its event takes part.
 * @property {(filter: string, qos: number) => Promise<unknown>} subscribe
 * @property {(filter: string) => Promise<unknown>} unsubscribe
 * @property {() => Promise<unknown>} close
 * @property {number} [heldBytes] Payload bytes that the library may still refer to when a publish at QoS 0 has settled.
 */

/**
 * @typedef {object} Writer
 * @property {string} topic
 * @property {number} lanes The depth, where the library needs one.
 * @property {() => boolean} running
 * @property {() => Uint8Array} next The next payload.
 * @property {() => void} written A message has been taken.
 * @property {() => boolean} starved The event loop has not turned for a while: wait for setImmediate().
 */

/** @param {Library} library */
export async function runCell(library) {
  const plan = JSON.parse(process.argv[2]);
  const [, kind, qos, way] = /^(?:tls-)?(publish|receive)-q([012])(?:-(write|loop))?$/.exec(plan.cell);
  const about = await library.connect(plan.port, plan);
  const run = kind === 'publish' ? publish : receive;
  const result = await run(library, { ...plan, qos: Number(qos), way });
  await library.close();
  console.log(JSON.stringify({ ...about, ...result }));
}

async function publish(library, { qos, way, size, depth, seconds, warmUp }) {
  const lanes = Math.max(1, Math.min(depth, Math.floor(LANE_BYTES / Math.max(size, 1))));
  const topic = 'bench/t';
  const meter = { done: 0 };
  let sequence = 0, running = true, finished;
  // At QoS 1 and 2 a lane stamps its payload again when its publish has settled. At QoS 0 payloads go round, so that one is
  // not stamped while the library still refers to it.
  const held = qos === 0 ? Math.ceil((library.heldBytes ?? 0) / Math.max(size, 16)) : 0;
  const stamped = Array.from({ length: lanes + held }, () => makeStampedPayload(size));
  const next = (lane) => {
    const { payload, stamp } = stamped[qos === 0 ? sequence % stamped.length : lane];
    stamp(sequence++);
    return payload;
  };
  // A library whose publishes settle without a turn of the event loop would keep the clock of this measurement from running: such a
  // publisher has to step back now and then. Looked at once in 1,024 publishes.
  let turned = performance.now(), looked = 0, late = false;
  const clock = setInterval(() => {
    turned = performance.now();
    late = false;
  }, 5);
  const starved = () => {
    if (sequence - looked >= 1024) {
      looked = sequence;
      late = performance.now() - turned > STARVED_AFTER;
    }
    return late;
  };
  if (way === 'write') {
    finished = library.write({
      topic, lanes, next, running: () => running, written() { meter.done++; },
      starved,
    });
  } else {
    finished = Promise.all(Array.from({ length: lanes }, async (_, lane) => {
      while (running) {
        if (starved()) await immediate();
        await library.publish(topic, next(lane), qos);
        meter.done++;
      }
    }));
  }
  finished.catch(() => {}); // reported below
  const measured = await measure(meter, warmUp, seconds);
  running = false;
  await finished;
  clearInterval(clock);
  const report = await reportWhen(library, ({ messages }) => messages >= sequence);
  const problems = [];
  if (meter.done !== sequence) problems.push(`${sequence - meter.done} of ${sequence} publishes did not settle`);
  expectPublished(problems, report, { total: sequence, size, qos });
  return { ...measured, depth: lanes, total: sequence, problems, report };
}

async function receive(library, { qos, way, size, seconds, warmUp, floodRate }) {
  // Endless, but for a library that reads on while its listener is behind: what it has piled up must be heard to the end.
  const flood = floodRate === undefined ? 1_000_000_000_000 : Math.ceil(floodRate * (warmUp + seconds));
  const filter = `flood/${flood}/${size}/${qos}`;
  const meter = { done: 0 };
  let wrong = 0, corrupt = 0, compared = 0;
  const count = size < 4 ? () => { meter.done++; } : (payload) => {
    if ((payload[0] | payload[1] << 8 | payload[2] << 16 | payload[3] << 24) !== (meter.done | 0)) wrong++;
    meter.done++;
  };
  const isRight = makeComparer(size);
  const compare = (topic, payload) => {
    if (topic === 'report') return;
    if (topic !== filter || !isRight(payload, meter.done >>> 0)) corrupt++;
    meter.done++;
    compared++;
  };
  // Behind the measured messages comes the same flood, compared byte by byte.
  let measured;
  if (way === 'loop' && library.loop) {
    const startComparing = await library.loop(filter, qos, count, compare);
    measured = await measure(meter, warmUp, seconds);
    startComparing();
  } else {
    const stopCounting = library.onPayload(count);
    await library.subscribe(filter, qos);
    measured = await measure(meter, warmUp, seconds);
    stopCounting();
    library.onMessage(compare);
  }
  for (const until = performance.now() + COMPARE_TIME; compared < COMPARED && performance.now() < until;) await sleep(5);
  await library.unsubscribe(filter);
  const report = await reportWhen(library, ({ sent, acked }) => qos === 0 || acked === sent);
  const problems = [];
  if (meter.done - compared === flood) problems.push('the flood was over before the time was');
  if (wrong > 0) problems.push(`${wrong} messages did not have the sequence number expected`);
  if (corrupt > 0) problems.push(`${corrupt} of ${compared} messages differ from what was sent`);
  if (compared === 0) problems.push('no message was compared');
  expectReceived(problems, report, { total: meter.done, qos });
  return { ...measured, total: meter.done, compared, problems, report };
}

/** Counts what happens in `seconds`, after `warmUp` seconds of the same. */
async function measure(meter, warmUp, seconds) {
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
function mainThreadCpu() {
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

/** Asks the broker for its counters until `complete` says that all has arrived, or gives the last ones. */
async function reportWhen(library, complete) {
  for (const until = performance.now() + SETTLE_TIME; ;) {
    const text = await new Promise((resolve, reject) => {
      const stop = library.onMessage((topic, payload) => {
        if (topic !== 'report') return;
        stop();
        resolve(Buffer.from(payload).toString());
      });
      library.subscribe('report', 0).catch(reject);
    });
    await library.unsubscribe('report');
    const { connection } = JSON.parse(text);
    if (complete(connection) || performance.now() > until) return connection;
    await sleep(20);
  }
}
