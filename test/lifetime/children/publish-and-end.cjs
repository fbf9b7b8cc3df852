'use strict';
// Publishes and receives as fast as it can, and ends in the way its third argument names.
const { Client } = require('mqtt-native');

const [engine, url, how] = process.argv.slice(2);
const client = new Client(url, { engine });
const topic = `ends/${process.pid}`;
let received = 0;

client.on('message', () => {
  received += 1;
  if (received === 1000) {
    console.log('publishing');
    if (how === 'exit-in-listener') process.exit(7);
    if (how === 'throw-in-listener') throw new Error('thrown by the test');
    if (how === 'exit-in-timer') setTimeout(() => process.exit(7), 5);
  }
});

function publishOn() {
  for (let index = 0; index < 100; index += 1) {
    client.publish(topic, `message ${index}`, { qos: index % 3 }).catch(() => undefined);
  }
  setImmediate(publishOn);
}

const connecting = client.connect();
if (how === 'exit-while-connecting') {
  console.log('connecting');
  setImmediate(() => process.exit(7));
}
connecting.then(() => client.subscribe(topic, { qos: 2 })).then(publishOn);
