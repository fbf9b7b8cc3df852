// One connect() that gets no answer: what the process does while it waits, thread by thread.
//
//   node idle-connect.mjs '{"library":"mqttjs.mjs","port":1883,"seconds":3}'
import { setTimeout as sleep } from 'node:timers/promises';
import { between, readThreads } from './threads.mjs';

const plan = JSON.parse(process.argv[2]);
const { begin } = await import(new URL(`../libraries/${plan.library}`, import.meta.url));
const known = new Set(readThreads().keys());
await sleep(500); // code is compiled, garbage of the start is collected
const { connected, destroy } = begin(plan);
let outcome;
connected.then(() => { outcome = 'it connected'; }, (error) => { outcome = `it failed: ${error.message}`; });
await sleep(200);
const before = readThreads();
await sleep(plan.seconds * 1000);
const waiting = between(before, readThreads(), known);
const problems = outcome === undefined ? [] : [`connect() was to wait, and ${outcome}`];
destroy();
console.log(JSON.stringify({ seconds: plan.seconds, waiting, problems }));
