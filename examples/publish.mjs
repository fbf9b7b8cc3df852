// Publishes a message at each QoS and says what became of it.
//
//   node examples/publish.mjs [url]
import { connect } from 'mqtt-native';

const client = await connect(process.argv[2] ?? 'mqtt://localhost:1883');

for (const qos of [0, 1, 2]) {
  await client.publish('examples/publish', `sent at QoS ${qos}`, { qos });
  // At QoS 0 the promise resolves when the message was written: nobody answers it.
  console.log(`QoS ${qos}: ${qos === 0 ? 'written' : 'the server has it'}`);
}

await client.close();
