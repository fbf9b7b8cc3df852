// One sample of many publishes at once at QoS 1, with a promise each, while the server takes only a few at a time: how long until all have
// settled. Against a real broker a second client receives them and compares every byte and the order; the null broker does so itself.
//
//   node receive-maximum.mjs '{"library":"mqttjs.mjs","port":1883,"messages":2000,"size":64,"witness":true}'
import { setTimeout as sleep } from 'node:timers/promises';
import { makeComparer, makeStampedPayload } from '../payload.mjs';
import { expectPublished, reportWhen } from './expect.mjs';
import { mainThreadCpu } from './measure.mjs';
import { runScenario } from './scenario.mjs';

const TOPIC = 'bench/t';
const ARRIVE_TIME = 10_000;

await runScenario(async (open, { messages, size, witness, ...plan }) => {
  const library = await open(plan);
  const problems = [];
  const hear = witness ? await listen(await open(plan), size, problems) : undefined;
  const payloads = Array.from({ length: messages }, (_, sequence) => {
    const { payload, stamp } = makeStampedPayload(size);
    stamp(sequence);
    return payload;
  });
  const main = mainThreadCpu(), all = process.cpuUsage(), began = performance.now();
  const results = await Promise.allSettled(payloads.map((payload) => library.publish(TOPIC, payload, 1)));
  const time = performance.now() - began, used = process.cpuUsage(all), mainUsed = mainThreadCpu() - main;
  const failed = results.filter(({ status }) => status === 'rejected');
  if (failed.length > 0) problems.push(`${failed.length} of ${messages} publishes failed: ${failed[0].reason.message}`);
  let report;
  if (hear) {
    await hear(messages);
  } else {
    report = await reportWhen(library, (counters) => counters.messages >= messages);
    expectPublished(problems, report, { total: messages, size, qos: 1 });
  }
  await library.close();
  return {
    ...library.about, messages, time, rate: messages / time * 1000,
    mainNs: Number.isNaN(mainUsed) ? null : mainUsed / messages, processNs: (used.user + used.system) * 1000 / messages,
    rss: process.memoryUsage.rss(), problems, report,
  };
});

/** Subscribes with a second client. What it returns waits until all have come, says what was wrong with them, and closes it. */
async function listen(client, size, problems) {
  const isRight = makeComparer(size);
  let heard = 0, wrong = 0;
  client.onMessage((topic, payload) => {
    if (topic !== TOPIC || !isRight(payload, heard)) wrong++;
    heard++;
  });
  await client.subscribe(TOPIC, 1);
  return async (expected) => {
    for (const until = performance.now() + ARRIVE_TIME; heard < expected && performance.now() < until;) await sleep(5);
    await sleep(50); // one too many would come now
    if (heard !== expected) problems.push(`the second client got ${heard} messages, not ${expected}`);
    if (wrong > 0) problems.push(`${wrong} messages came to the second client out of order or changed`);
    await client.close();
  };
}
