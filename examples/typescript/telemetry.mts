// Typed from end to end: options, events, errors, payloads.
//
//   npx tsc -p examples/typescript && node build/examples/typescript/telemetry.mjs [url]
import { Client, MqttError, type ClientOptions, type Message } from 'mqtt-native';

interface Reading {
  readonly sensor: string;
  readonly celsius: number;
}

const options: ClientOptions = {
  keepAlive: 30,
  will: { topic: 'examples/typescript/status', payload: 'lost', qos: 1 },
};

function describe(message: Message): string {
  const { sensor, celsius } = message.json<Reading>();
  return `${sensor}: ${celsius.toFixed(1)} °C at QoS ${message.qos}`;
}

await using client = new Client(process.argv[2] ?? 'mqtt://localhost:1883', options);
client.on('disconnect', (reason) => console.log(`disconnected: ${reason.code}`));
await client.connect();

const readings = await client.subscribe({ 'examples/typescript/readings': { qos: 1 } });
const reading: Reading = { sensor: 'boiler', celsius: 61.5 };
await client.publish('examples/typescript/readings', JSON.stringify(reading), { qos: 1 });

for await (const message of readings) {
  console.log(describe(message));
  break;
}

try {
  await client.publish('not/a/+/topic', '');
} catch (error) {
  if (!(error instanceof MqttError)) throw error;
  console.log(`refused before anything was sent: ${error.code}`);
}
