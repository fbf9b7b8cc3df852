// A handler for each filter. A message goes to every subscription whose filter matches, once to each.
//
//   node examples/routes.mjs [url]
import { EventEmitter, once } from 'node:events';
import { connect } from 'mqtt-native';

const client = await connect(process.argv[2] ?? 'mqtt://localhost:1883');
const progress = new EventEmitter();
const ended = once(progress, 'end');

await client.subscribe('examples/routes/+/temperature', (message) => {
  console.log(`thermometer: ${message.topic} is ${message.text()}`);
});
await client.subscribe('examples/routes/+/door', (message) => {
  const { open } = message.json();
  console.log(`door: ${message.topic} is ${open ? 'open' : 'closed'}`);
});
// QoS 1, and a handler that takes its time: the message is acknowledged when its promise has settled.
await client.subscribe('examples/routes/end', { qos: 1 }, async (message) => {
  await Promise.resolve();
  console.log(`end: ${message.text()}`);
  progress.emit('end');
});

await client.publish('examples/routes/hall/temperature', '19.0');
await client.publish('examples/routes/hall/door', JSON.stringify({ open: true }));
await client.publish('examples/routes/nobody/listens', 'here');
await client.publish('examples/routes/end', 'that was all', { qos: 1 });

await ended;
await client.close();
