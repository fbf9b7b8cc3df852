'use strict';
// Publishes a message of QoS 1 and one of QoS 2 with a client identifier that would be a bad file name, closes, and says nothing.
const { Client } = require('mqtt-native');

const [engine, url] = process.argv.slice(2);
const client = new Client(url, { engine, protocolVersion: 5, clientId: '../../out-of-here', cleanStart: false, sessionExpiryInterval: 100, reconnect: false });

async function run() {
  await client.connect();
  await client.publish('t', 'one', { qos: 1 });
  await client.publish('t', 'two', { qos: 2 });
  await client.close();
}

run().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
