// A publisher that is faster than its broker: what waits in the client must stay within the high-water mark, and all of it arrive.
//
//   node memory-publish.mjs '{"library":"mqttjs.mjs","port":1883,"way":"write","total":100000,"size":1024,"lanes":16384,"cap":1e9}'
import { makeStampedPayload } from '../payload.mjs';
import { expectPublished, reportWhen } from './expect.mjs';
import { watchResident } from './resident.mjs';
import { runScenario } from './scenario.mjs';

const TOPIC = 'bench/t';

await runScenario(async (open, plan) => {
  const { way, total, size, lanes, cap } = plan;
  const library = await open(plan);
  // A library that does not copy refers to a payload until the message is acknowledged; so many are on their way at most.
  const stamped = Array.from({ length: library.copies ? 1 : lanes }, () => makeStampedPayload(size));
  let sequence = 0, settled = 0, failed, stopped;
  const next = () => {
    const { payload, stamp } = stamped[sequence % stamped.length];
    stamp(sequence++);
    return payload;
  };
  const running = () => sequence < total && stopped === undefined && failed === undefined;

  const resident = watchResident(cap, (growth) => { stopped = growth; });
  const start = performance.now();
  let taken;
  if (way === 'write') {
    await library.write({ topic: TOPIC, qos: 1, lanes, next, running, written() {}, starved: () => false });
    taken = performance.now() - start;
  } else {
    await new Promise((resolve) => {
      let open = 0;
      const left = () => {
        settled++;
        open--;
        fill();
      };
      const fill = () => {
        while (open < lanes && running()) {
          open++;
          library.publish(TOPIC, next(), 1).then(left, (error) => {
            failed ??= error;
            open--;
            fill();
          });
        }
        if (sequence === total) taken ??= performance.now() - start;
        if (open === 0 && !running()) resolve();
      };
      fill();
    });
  }
  const report = await reportWhen(library, ({ messages }) => messages >= sequence);
  const time = performance.now() - start, growth = resident.stop();
  const problems = [];
  if (failed !== undefined) problems.push(`a publish failed: ${failed.message}`);
  if (way !== 'write' && settled !== sequence) problems.push(`${sequence - settled} of ${sequence} publishes did not settle`);
  expectPublished(problems, report, { total: sequence, size, qos: 1 });
  await library.close();
  const rate = sequence / time * 1000;
  return { ...library.about, total: sequence, time, taken, rate, before: resident.before, growth, stopped, problems, report };
});
