// One sample of many clients that publish at QoS 1: as many publishes are outstanding as the plan says, spread evenly over the clients, and
// the broker's counters of every connection are checked.
import { makeStampedPayload } from '../payload.mjs';
import { expectPublished } from './expect.mjs';
import { checkEach, closeMany, openMany } from './many.mjs';
import { measure } from './measure.mjs';
import { runScenario } from './scenario.mjs';

const TOPIC = 'bench/t';

await runScenario(async (open, plan) => {
  const { clients, outstanding, size, seconds, warmUp } = plan;
  const libraries = await openMany(open, plan, clients);
  const published = libraries.map(() => 0);
  const meter = { done: 0 };
  let running = true;
  // A lane has one publish outstanding. Where there are fewer lanes than clients each goes round among its own, so that every client
  // publishes and the number outstanding stays what it is with one client.
  const publish = async (lane) => {
    const { payload, stamp } = makeStampedPayload(size), first = lane % clients;
    for (let client = first; running; client = client + outstanding < clients ? client + outstanding : first) {
      stamp(published[client]++);
      await libraries[client].publish(TOPIC, payload, 1);
      meter.done++;
    }
  };
  const finished = Promise.all(Array.from({ length: outstanding }, (_, lane) => publish(lane)));
  finished.catch(() => {}); // thrown below
  const measured = await measure(meter, warmUp, seconds);
  running = false;
  await finished;
  const total = published.reduce((sum, count) => sum + count, 0);
  const problems = [];
  if (meter.done !== total) problems.push(`${total - meter.done} of ${total} publishes did not settle`);
  await checkEach(libraries, problems, ({ messages }, index) => messages >= published[index], (own, report, index) => {
    expectPublished(own, report, { total: published[index], size, qos: 1 });
  });
  await closeMany(libraries);
  return { ...libraries[0].about, ...measured, clients, outstanding, total, problems };
});
