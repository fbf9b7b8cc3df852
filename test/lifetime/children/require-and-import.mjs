// The CommonJS and the ESM entrance lead to the same code.
import { createRequire } from 'node:module';
import { Client } from 'mqtt-native';

const require = createRequire(import.meta.url);
const [engine, url] = process.argv.slice(2);

console.log(require('mqtt-native').Client === Client ? 'one class' : 'two classes');
const client = new Client(url, { engine });
await client.connect();
await client.publish('t', 'x', { qos: 1 });
await client.close();
console.log('done');
