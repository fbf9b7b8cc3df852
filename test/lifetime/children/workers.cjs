'use strict';
// The main thread starts four workers a round, waits until each has received enough, and ends them; or lets them close; or exits while
// they run.
const { Worker, isMainThread, parentPort, workerData } = require('node:worker_threads');
const { Client } = require('mqtt-native');

const ENOUGH = 300;

async function work({ engine, url, name, how }) {
  const client = new Client(url, { engine });
  const topic = `workers/${name}`;
  let received = 0;
  let enough;
  const done = new Promise((resolve) => { enough = resolve; });
  client.on('message', () => {
    received += 1;
    if (received === ENOUGH) {
      parentPort.postMessage('enough');
      enough();
    }
  });
  await client.connect();
  await client.subscribe(topic, { qos: 1 });
  const batch = () => Array.from({ length: 50 }, (_, index) => client.publish(topic, 'x'.repeat(100), { qos: index % 3 }));
  if (how === 'close') {
    for (let sent = 0; sent < ENOUGH; sent += 50) await Promise.all(batch());
    await done;
    await client.close();
    return;
  }
  // As much as goes: this worker is ended in the middle of it.
  const publishOn = () => {
    for (const promise of batch()) promise.catch(() => undefined);
    setImmediate(publishOn);
  };
  publishOn();
}

async function main([engine, url, how]) {
  const rounds = { terminate: 5, close: 2, exit: 1 }[how];
  for (let round = 1; round <= rounds; round += 1) {
    const workers = Array.from({ length: 4 }, (_, index) => {
      const name = `${process.pid}/${round}/${index}`;
      const worker = new Worker(__filename, { workerData: { engine, url, name, how } });
      const ended = new Promise((resolve, reject) => {
        worker.once('exit', resolve);
        worker.once('error', reject);
      });
      const enough = new Promise((resolve) => { worker.once('message', resolve); });
      return { worker, ended, enough };
    });
    await Promise.all(workers.map(({ enough, ended }) => Promise.race([
      enough, ended.then((code) => { throw new Error(`a worker ended too early, with code ${code}`); }),
    ])));
    console.log(`round ${round}`);
    if (how === 'exit') process.exit(7);
    if (how === 'terminate') await Promise.all(workers.map(({ worker }) => worker.terminate()));
    else await Promise.all(workers.map(({ ended }) => ended));
  }
  const client = new Client(url, { engine });
  await client.connect();
  let received = 0;
  const all = new Promise((resolve) => { client.on('message', () => { if (++received === 100) resolve(); }); });
  await client.subscribe('main', { qos: 1 });
  for (let index = 0; index < 100; index += 1) await client.publish('main', 'x', { qos: 1 });
  await all;
  console.log(`main thread: ${received} messages`);
  await client.close();
  console.log('done');
}

if (isMainThread) main(process.argv.slice(2));
else work(workerData);
