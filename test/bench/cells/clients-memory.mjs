// One sample of what idle clients cost. Memory is looked at after collecting garbage, before and behind opening them; what the first ones
// cost once (code, the engine's rings, its thread) is there before.
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { closeMany, openMany, reportOfAll } from './many.mjs';
import { runScenario } from './scenario.mjs';

const FIRST = 100;        // they stay open: memory they gave back would hide some of the others'
const COLLECTIONS = 6;    // what one collection lets go of may be the last hold on something else
const SETTLE_TIME = 100;  // between them, for finalizers and for what is closed later

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');

async function look() {
  for (let i = 0; i < COLLECTIONS; i++) {
    collect();
    await sleep(SETTLE_TIME);
  }
  return process.memoryUsage();
}

await runScenario(async (open, plan) => {
  const { clients } = plan;
  const first = await openMany(open, plan, FIRST);
  const before = await look();
  const libraries = await openMany(open, plan, clients);
  const after = await look();
  const problems = [];
  const broker = await reportOfAll(first[0]);
  if (broker.open !== clients + FIRST) problems.push(`the broker has ${broker.open} of ${clients + FIRST} connections`);
  const each = (name) => (after[name] - before[name]) / clients;
  const rss = each('rss'), heap = each('heapUsed'), external = each('external');
  const { about } = libraries[0];
  await closeMany([...first, ...libraries]);
  // Free room in V8's heap that is resident counts as native: it can only make that figure too large.
  return { ...about, clients, rss, heap, external, native: rss - heap - external, problems };
});
