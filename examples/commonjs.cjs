// The same package from CommonJS.
//
//   node examples/commonjs.cjs [url]
const { Client } = require('mqtt-native');

async function main() {
  const client = new Client(process.argv[2] ?? 'mqtt://localhost:1883');
  const { engine } = await client.connect();
  console.log(`connected with the ${engine.name} engine`);

  const echo = await client.subscribe('examples/commonjs', { qos: 1 });
  await client.publish('examples/commonjs', 'hello', { qos: 1 });
  for await (const message of echo) {
    console.log(`received ${message.text()}`);
    break;
  }
  await client.close();
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
