// Clients that are connected and have nothing to do: what their process does in some seconds, thread by thread, beside what the same
// process did in the same time before there were any. The broker counts the PINGREQs, the only reason to wake up.
//
//   node idle-clients.mjs '{"library":"mqttjs.mjs","port":1883,"clients":1000,"seconds":5,"settle":1.5,"keepAlive":2}'
import { setTimeout as sleep } from 'node:timers/promises';
import { askBroker } from './expect.mjs';
import { runScenario } from './scenario.mjs';
import { between, readThreads } from './threads.mjs';

const AT_ONCE = 50; // that connect at the same time

await runScenario(async (open, plan) => {
  const { clients, seconds, settle, keepAlive } = plan;
  // The first client brings what a library has once a process: its threads, its code. What it leaves for Node to clean up is over when
  // the process that sleeps is measured.
  const known = new Set(readThreads().keys());
  const first = await open(plan);
  await first.close();
  await sleep(settle * 1000);
  const empty = await watch(seconds, known);

  const all = [];
  while (all.length < clients) {
    all.push(...await Promise.all(Array.from({ length: Math.min(AT_ONCE, clients - all.length) }, () => open(plan))));
  }
  await sleep(settle * 1000);
  const before = (await askBroker(all[0])).broker;
  const idle = await watch(seconds, known);
  const after = (await askBroker(all[0])).broker;

  const problems = [];
  const pings = after.pings - before.pings;
  if (after.open !== clients) problems.push(`${after.open} of ${clients} clients are connected at the end`);
  if (after.accepted !== clients + 1) problems.push(`${after.accepted} connections were made, not ${clients + 1}`);
  // A client that heard and sent nothing for its keep-alive pings: the report above is all that the first one had.
  const due = keepAlive === undefined ? 0 : (clients - 1) * Math.floor(seconds / (keepAlive * 1.5));
  if (pings < due) problems.push(`${pings} PINGREQs came, ${due} were due`);
  await Promise.all(all.map((library) => library.close()));
  return { ...first.about, clients, seconds, pings, empty, idle, problems };
});

/** Nothing runs meanwhile but one timer at the end. */
async function watch(seconds, known) {
  await sleep(20); // what was called just now is over
  const before = readThreads();
  await sleep(seconds * 1000);
  return between(before, readThreads(), known);
}
