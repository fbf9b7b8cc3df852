// Reads the messages of a subscription with `for await`. A message is acknowledged when the loop asks for the next one.
//
//   node examples/subscribe.mjs [url]
import { connect } from 'mqtt-native';

const client = await connect(process.argv[2] ?? 'mqtt://localhost:1883');

const readings = await client.subscribe('examples/subscribe/+/temperature', { qos: 1 });
console.log(`subscribed at QoS ${readings.grants[0].reasonCode}`);

// Something to read. Messages that arrive before the loop runs are kept for it.
for (const [room, celsius] of [['kitchen', '21.5'], ['cellar', '12.0'], ['attic', '27.3']]) {
  await client.publish(`examples/subscribe/${room}/temperature`, celsius, { qos: 1 });
}

let count = 0;
for await (const message of readings) {
  console.log(`${message.topic}: ${message.text()}`);
  if (++count === 3) break;
}

await client.close();
