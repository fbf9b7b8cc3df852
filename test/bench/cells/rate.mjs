// One sample of a rate, in a process of its own: connects one client to one null broker, publishes or receives as fast as it can, and
// proves at the far end that nothing was lost. What is measured is the loop in publish() and the listener in receive().
//
//   node rate.mjs '{"library":"mqttjs.mjs","cell":"publish-q1","port":1883,"seconds":2,"warmUp":0.5,"size":64,"depth":100}'
import { setImmediate as immediate, setTimeout as sleep } from 'node:timers/promises';
import { makeComparer, makeStampedPayload } from '../payload.mjs';
import { expectPublished, expectReceived, reportWhen } from './expect.mjs';
import { measure } from './measure.mjs';
import { runScenario } from './scenario.mjs';

const LANE_BYTES = 64 * 1024 * 1024; // payloads outstanding at most, unless the plan says how many
const COMPARED = 10_000;             // messages compared byte by byte behind the measured ones, or what comes in COMPARE_TIME
const COMPARE_TIME = 200;
const COMPARE_AT_MOST = 10_000;      // until the first of them has come
const STARVED_AFTER = 20;

const CELL = /^(?:tls-)?(publish|receive)-q([012])(?:-(write|loop))?$/;

await runScenario(async (open, plan) => {
  const [, kind, qos, way] = CELL.exec(plan.cell);
  const library = await open(plan);
  const run = kind === 'publish' ? publish : receive;
  const result = await run(library, { ...plan, qos: Number(qos), way });
  await library.close();
  return { ...library.about, ...result };
});

async function publish(library, { qos, way, size, depth, seconds, warmUp, least, laneBytes = LANE_BYTES, leastLanes = 1 }) {
  const lanes = Math.max(leastLanes, Math.min(depth, Math.floor(laneBytes / Math.max(size, 1))));
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
  const measured = await measure(meter, warmUp, seconds, least);
  running = false;
  await finished;
  clearInterval(clock);
  const report = await reportWhen(library, ({ messages }) => messages >= sequence);
  const problems = [];
  if (meter.done !== sequence) problems.push(`${sequence - meter.done} of ${sequence} publishes did not settle`);
  expectPublished(problems, report, { total: sequence, size, qos });
  return { ...measured, depth: lanes, total: sequence, problems, report };
}

async function receive(library, { qos, way, size, seconds, warmUp, floodRate, least }) {
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
    measured = await measure(meter, warmUp, seconds, least);
    startComparing();
  } else {
    const stopCounting = library.onPayload(count);
    await library.subscribe(filter, qos);
    measured = await measure(meter, warmUp, seconds, least);
    stopCounting();
    library.onMessage(compare);
  }
  const since = performance.now();
  while (compared < COMPARED && performance.now() < since + (compared === 0 ? COMPARE_AT_MOST : COMPARE_TIME)) await sleep(5);
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
