// A client in each worker thread. With the native engine all clients of the process share one thread for sockets, TLS and the protocol.
//
//   node examples/worker-threads.mjs [url]
import { once } from 'node:events';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { connect } from 'mqtt-native';

const url = process.argv[2] ?? 'mqtt://localhost:1883';

if (isMainThread) {
  const client = await connect(url);
  const results = await client.subscribe('examples/worker-threads/+', { qos: 1 });

  const workers = [1, 2, 3].map((number) => new Worker(new URL(import.meta.url), { argv: [url], workerData: number }));
  const ends = workers.map((worker) => once(worker, 'exit'));

  const seen = [];
  for await (const message of results) {
    seen.push(`${message.topic}: ${message.text()}`);
    if (seen.length === workers.length) break;
  }
  for (const line of seen.sort()) console.log(line);

  const codes = (await Promise.all(ends)).map(([code]) => code);
  console.log(`the workers ended with ${codes.join(', ')}`);
  await client.close();
} else {
  const client = await connect(url);
  let sum = 0;
  for (let i = 1; i <= workerData * 1e6; i++) sum += i; // the main thread is not held up
  await client.publish(`examples/worker-threads/${workerData}`, String(sum), { qos: 1 });
  await client.close();
  parentPort.close();
}
