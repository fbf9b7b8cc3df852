// What an application of CommonJS does: connects to the URL of its first argument, publishes on the topic of its second, and tells which
// engine that was and which addons are loaded.
const { Client } = require('mqtt-native');

async function main() {
  const client = new Client(process.argv[2]);
  const { engine } = await client.connect();
  await client.publish(process.argv[3], 'from publish.cjs', { qos: 1 });
  await client.close();
  process.report.excludeNetwork = true;
  const addons = process.report.getReport().sharedObjects.filter((file) => file.endsWith('.node'));
  console.log(JSON.stringify({ engine: engine.name, addons }));
}

void main();
