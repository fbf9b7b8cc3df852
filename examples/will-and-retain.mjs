// The state of a device, for everybody at any time: a retained message says "online", and the will, which the server publishes when the
// connection ends without a DISCONNECT, says "offline".
//
//   node examples/will-and-retain.mjs [url]
import { connect } from 'mqtt-native';

const url = process.argv[2] ?? 'mqtt://localhost:1883';
const topic = 'examples/will-and-retain/status';

const watcher = await connect(url);
const states = await watcher.subscribe(topic, { qos: 1 });

const device = await connect(url, { will: { topic, payload: 'offline', qos: 1, retain: true } });
await device.publish(topic, 'online', { qos: 1, retain: true });

for await (const message of states) {
  console.log(`the device is ${message.text()}`);
  if (message.text() === 'online') device.destroy(); // as a power cut would: no DISCONNECT
  else break;
}

// Who comes later is told, too: the server has kept the last retained message.
const latecomer = await connect(url);
for await (const message of await latecomer.subscribe(topic, { qos: 1 })) {
  console.log(`a latecomer learns: ${message.text()}${message.retain ? ' (retained)' : ''}`);
  break;
}

await latecomer.publish(topic, '', { qos: 1, retain: true }); // an empty one takes it away
await latecomer.close();
await watcher.close();
