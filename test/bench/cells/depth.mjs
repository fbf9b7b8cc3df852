// One sample of a rate at a fixed number of publishes outstanding, one promise each. It differs from rate.mjs in when it begins to measure:
// when as many publishes have settled as are outstanding, so that the first of them, which met an empty client, do not count.
//
//   node depth.mjs '{"library":"mqttjs.mjs","qos":1,"port":1883,"seconds":1,"warmUp":0.5,"size":64,"depth":60000}'
import { setImmediate as immediate, setTimeout as sleep } from 'node:timers/promises';
import { makeStampedPayload } from '../payload.mjs';
import { expectPublished, reportWhen } from './expect.mjs';
import { measure } from './measure.mjs';
import { runScenario } from './scenario.mjs';

const TOPIC = 'bench/t';
const LONGEST_WARM_UP = 10_000; // a library that has not been through them all by then is measured as it is
const STARVED_AFTER = 20;

await runScenario(async (open, { qos, depth, size, seconds, warmUp, ...plan }) => {
  const library = await open(plan);
  const meter = { done: 0 };
  let sequence = 0, running = true;
  // At QoS 0 a publish may settle while the library still refers to its payload: there are some more of them, and they go round.
  const held = qos === 0 ? Math.ceil((library.heldBytes ?? 0) / Math.max(size, 16)) : 0;
  const stamped = Array.from({ length: depth + held }, () => makeStampedPayload(size));
  const next = (lane) => {
    const { payload, stamp } = stamped[qos === 0 ? sequence % stamped.length : lane];
    stamp(sequence++);
    return payload;
  };
  // At QoS 0 publishes may settle without a turn of the event loop: then all of them wait for one now and then, or no clock would run.
  let turned = performance.now(), looked = 0, turn;
  const clock = setInterval(() => { turned = performance.now(); }, 5);
  const starves = () => {
    if (sequence - looked < 1024) return false;
    looked = sequence;
    return performance.now() - turned > STARVED_AFTER;
  };
  const finished = Promise.all(Array.from({ length: depth }, async (_, lane) => {
    while (running) {
      if (qos === 0) {
        if (turn === undefined && starves()) turn = immediate().then(() => { turn = undefined; });
        if (turn !== undefined) await turn;
      }
      await library.publish(TOPIC, next(lane), qos);
      meter.done++;
    }
  }));
  finished.catch(() => {}); // reported below
  for (const until = performance.now() + LONGEST_WARM_UP; meter.done < depth && performance.now() < until;) await sleep(5);
  const measured = await measure(meter, warmUp, seconds);
  running = false;
  await finished;
  clearInterval(clock);
  const report = await reportWhen(library, ({ messages }) => messages >= sequence);
  await library.close();
  const problems = [];
  if (meter.done !== sequence) problems.push(`${sequence - meter.done} of ${sequence} publishes did not settle`);
  expectPublished(problems, report, { total: sequence, size, qos });
  return { ...library.about, ...measured, depth, total: sequence, problems, report };
});
