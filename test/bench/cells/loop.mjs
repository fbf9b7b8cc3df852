// One sample of how long a library holds the event loop, in a process of its own, while it receives or publishes. First the delay of a
// timer is watched, as any application can; then a chain of setImmediate() times every turn of the loop, which finds the longest one.
//
//   node loop.mjs '{"library":"mqttjs.mjs","flow":"receive-q0","port":1883,"seconds":2,"warmUp":0.5,"size":64}'
import { makeStampedPayload } from '../payload.mjs';
import { expectPublished, expectReceived, reportWhen } from './expect.mjs';
import { measure } from './measure.mjs';
import { runScenario } from './scenario.mjs';
import { longestTurn } from './turns.mjs';

const ENDLESS = 1_000_000_000_000;
const LANES = 1000;

await runScenario(async (open, plan) => {
  const library = await open(plan);
  const result = await (plan.flow === 'publish-q1' ? publish : receive)(library, plan);
  await library.close();
  return { ...library.about, ...result };
});

/** Half of the time for each of the two measurements. */
async function watch(meter, { warmUp, seconds }) {
  const measured = await measure(meter, warmUp, seconds / 2);
  return { ...measured, ...await longestTurn(seconds / 2) };
}

async function publish(library, plan) {
  const meter = { done: 0 };
  let sequence = 0, running = true;
  const finished = Promise.all(Array.from({ length: LANES }, async () => {
    const { payload, stamp } = makeStampedPayload(plan.size);
    while (running) {
      stamp(sequence++);
      await library.publish('bench/t', payload, 1);
      meter.done++;
    }
  }));
  finished.catch(() => {}); // reported below
  const watched = await watch(meter, plan);
  running = false;
  await finished;
  const report = await reportWhen(library, ({ messages }) => messages >= sequence);
  const problems = [];
  expectPublished(problems, report, { total: sequence, size: plan.size, qos: 1 });
  return { ...watched, total: sequence, problems, report };
}

async function receive(library, plan) {
  const { flow, size, pace } = plan, qos = flow.endsWith('1') ? 1 : 0;
  const filter = pace === undefined ? `flood/${ENDLESS}/${size}/${qos}` : `paced/${ENDLESS}/${size}/${qos}/${pace}`;
  const meter = { done: 0 };
  let wrong = 0;
  const count = (payload) => {
    if (size >= 4 && (payload[0] | payload[1] << 8 | payload[2] << 16 | payload[3] << 24) !== (meter.done | 0)) wrong++;
    meter.done++;
  };
  const stopCounting = library.onPayload(count);
  await library.subscribe(filter, qos);
  const watched = await watch(meter, plan);
  stopCounting();
  library.onMessage((topic, payload) => { if (topic !== 'report') count(payload); });
  await library.unsubscribe(filter);
  const report = await reportWhen(library, ({ sent, acked }) => qos === 0 || acked === sent);
  const problems = [];
  if (wrong > 0) problems.push(`${wrong} messages did not have the sequence number expected`);
  expectReceived(problems, report, { total: meter.done, qos });
  return { ...watched, total: meter.done, problems, report };
}
