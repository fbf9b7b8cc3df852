// The same as publish.cjs, in TypeScript that becomes an ECMAScript module. What has to be an error is one, so the types are the package's.
import { Client, MqttError } from 'mqtt-native';
import type { ClientOptions, ConnectResult, PublishResult } from 'mqtt-native';

interface Report {
  sharedObjects: string[];
}

const options: ClientOptions = { keepAlive: 30 };
// @ts-expect-error: keepAlive is a number of seconds
options.keepAlive = '30';
options.keepAlive = 30;

const client: Client = new Client(process.argv[2]!, options);
const { engine }: ConnectResult = await client.connect();
const result: PublishResult = await client.publish(process.argv[3]!, 'from typed.mts', { qos: 1 });
await client.close();
if (result === undefined || !(MqttError.prototype instanceof Error)) throw new Error('not what its types say');
const addons = (process.report.getReport() as unknown as Report).sharedObjects.filter((file) => file.endsWith('.node'));
console.log(JSON.stringify({ engine: engine.name, addons }));
