// Publishes while there is no connection: the messages wait, in order, and leave when there is one. Start it without a broker, then start
// the broker.
//
//   node examples/offline-queue.mjs [url]
import { Client } from 'mqtt-native';

const client = new Client(process.argv[2] ?? 'mqtt://localhost:1883', {
  operationTimeout: 0, // the readings may wait for as long as it takes; the default is 30 s
  reconnect: { initial: true, initialDelay: 100, maxDelay: 1000 }, // `initial`: go on, too, when the first attempt fails
  queue: { maxMessages: 1000, overflow: 'drop-oldest' }, // the newest 1,000 readings matter
});
client.on('reconnecting', (attempt) => console.log(`no connection; attempt ${attempt} follows`));
client.on('connect', () => console.log('connected'));

const connected = client.connect();

const published = [1, 2, 3, 4, 5].map(async (reading) => {
  await client.publish('examples/offline-queue', String(reading), { qos: 1 });
  console.log(`the server has reading ${reading}`);
});
console.log(`${client.stats.queue.messages} readings wait`);

await connected;
await Promise.all(published);
await client.close();
