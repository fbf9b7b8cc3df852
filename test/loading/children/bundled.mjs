// What is bundled, behind the import of the addon's entry: sends itself a message and prints which engine did it, as try-engine.cjs does.
import { Client } from 'mqtt-native';

async function main() {
  const client = new Client(process.argv[2], { reconnect: false });
  await client.connect();
  const topic = `loading/${process.pid}`;
  const arrived = new Promise((resolve) => client.on('message', (message) => resolve(message.text())));
  await client.subscribe(topic, { qos: 1 });
  await client.publish(topic, 'hello 你好', { qos: 1 });
  console.log(JSON.stringify([{ message: await arrived, engine: { ...client.engine } }]));
  await client.close();
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
