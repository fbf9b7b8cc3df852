// One sample of the time that many clients of one process take to connect, all at once: from the first call until the last of them is
// connected. The broker is asked how many it has.
import { closeMany, openMany, reportOfAll } from './many.mjs';
import { mainThreadCpu } from './measure.mjs';
import { runScenario } from './scenario.mjs';

await runScenario(async (open, plan) => {
  const { clients } = plan, problems = [];
  const first = await open(plan); // what is loaded and made once a process
  const main = mainThreadCpu(), all = process.cpuUsage(), time = performance.now();
  const libraries = await openMany(open, plan, clients, clients);
  const ms = performance.now() - time, { user, system } = process.cpuUsage(all);
  const result = { ms, mainMs: main === undefined ? null : (mainThreadCpu() - main) / 1e6, processMs: (user + system) / 1000 };
  const broker = await reportOfAll(first);
  if (broker.open !== clients + 1 || broker.accepted !== clients + 1) {
    problems.push(`the broker has ${broker.open} of ${clients + 1} connections, and has accepted ${broker.accepted}`);
  }
  const { about } = first;
  await closeMany([first, ...libraries]);
  return { ...about, ...result, clients, problems };
});
