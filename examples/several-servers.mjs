// A list of servers. An attempt goes through all of them, the first one first, and so does each one after a lost connection.
//
//   node examples/several-servers.mjs url url ...
import { Client } from 'mqtt-native';

const [first = 'mqtt://localhost:1883', ...servers] = process.argv.slice(2);

const client = new Client(first, { servers, connectTimeout: 3000 });
client.on('connect', () => console.log(`connected to ${client.server}`));

await client.connect();
await client.publish('examples/several-servers', 'whoever is there', { qos: 1 });
console.log(`published after ${client.stats.attempts} attempts`);
await client.close();
