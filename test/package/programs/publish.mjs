// The same as publish.cjs, as an ECMAScript module.
import { Client } from 'mqtt-native';

const client = new Client(process.argv[2]);
const { engine } = await client.connect();
await client.publish(process.argv[3], 'from publish.mjs', { qos: 1 });
await client.close();
process.report.excludeNetwork = true;
const addons = process.report.getReport().sharedObjects.filter((file) => file.endsWith('.node'));
console.log(JSON.stringify({ engine: engine.name, addons }));
