// Three workers share one subscription: the server gives each message to one of them. MQTT 5, and brokers that offer it in 3.1.1, too.
//
//   node examples/shared-subscription.mjs [url]
import { EventEmitter, once } from 'node:events';
import { connect } from 'mqtt-native';

const url = process.argv[2] ?? 'mqtt://localhost:1883';
const JOBS = 12;

const done = new Map(); // job -> the worker that did it
const progress = new EventEmitter();
const allDone = once(progress, 'all');

const workers = [];
for (const name of ['ann', 'bob', 'eve']) {
  const worker = await connect(url);
  await worker.subscribe('$share/workers/examples/jobs', { qos: 1 }, (message) => {
    const job = message.text();
    if (done.has(job)) console.log(`job ${job} was given out twice`);
    done.set(job, name);
    if (done.size === JOBS) progress.emit('all');
  });
  workers.push(worker);
}

const boss = await connect(url);
for (let job = 1; job <= JOBS; job++) await boss.publish('examples/jobs', String(job), { qos: 1 });
await allDone;

for (const name of [...new Set(done.values())].sort()) {
  console.log(`${name} did ${[...done.values()].filter((who) => who === name).length} jobs`);
}
await Promise.all([...workers, boss].map((client) => client.close()));
