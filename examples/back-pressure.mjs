// Back-pressure both ways. Publishing: write() returns false when much is on its way, 'drain' says when to go on. Receiving: a loop that is
// slow makes the client stop reading from the server, and memory does not grow.
//
//   node examples/back-pressure.mjs [url]
import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { connect } from 'mqtt-native';

const url = process.argv[2] ?? 'mqtt://localhost:1883';
const topic = 'examples/back-pressure';
const COUNT = 500;

const consumer = await connect(url);
const numbers = await consumer.subscribe(topic, { qos: 1 });

const producer = await connect(url, { queue: { highWaterMessages: 100 } });
producer.on('drop', ({ error }) => console.log(`lost: ${error.message}`));

async function produce() {
  let pauses = 0;
  for (let number = 1; number <= COUNT; number++) {
    if (producer.write(topic, String(number), { qos: 1 })) continue;
    pauses++;
    await once(producer, 'drain');
  }
  console.log(`wrote ${COUNT}, waited for 'drain' ${pauses} times`);
  await producer.close(); // waits until the server has them all
}

async function consume() {
  let expected = 1;
  for await (const message of numbers) {
    if (Number(message.text()) !== expected) console.log(`expected ${expected}, got ${message.text()}`);
    await turn(); // work that takes its time
    if (expected++ === COUNT) break;
  }
  console.log(`read ${expected - 1}, in order`);
  await consumer.close();
}

await Promise.all([produce(), consume()]);
