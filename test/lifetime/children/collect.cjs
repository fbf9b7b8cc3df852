'use strict';
// Makes clients, brings them into a state, forgets them, and runs the collector until they are gone or it has had its chances.
const { Client } = require('mqtt-native');

const [engine, url, how] = process.argv.slice(2);

async function makeAndForget() {
  const client = new Client(how === 'failed' ? 'mqtt://127.0.0.1:1' : url, { engine });
  const seen = [];
  client.on('message', (message) => seen.push(message));
  if (how === 'failed') {
    await client.connect().catch(() => undefined);
    client.destroy();
  } else if (how !== 'never-connected') {
    await client.connect();
    await client.subscribe(`collect/${process.pid}`, { qos: 1 });
    await client.publish(`collect/${process.pid}`, Buffer.alloc(10_000), { qos: 1 });
    if (how === 'closed') await client.close();
    else client.destroy();
  }
  return new WeakRef(client);
}

const turn = () => new Promise((resolve) => { setImmediate(resolve); });

async function collectAll() {
  const references = [];
  for (let index = 0; index < 10; index += 1) references.push(await makeAndForget());
  let gone = 0;
  // A client ends in several turns of the event loop; each chance is a collection and one turn, and there are plenty.
  for (let chance = 0; chance < 500 && gone < 10; chance += 1) {
    await turn();
    global.gc();
    gone = references.filter((reference) => reference.deref() === undefined).length;
  }
  console.log(`collected ${gone} of 10`);
}

async function open() {
  const topic = `open/${process.pid}`;
  await (async () => {
    const client = new Client(url, { engine });
    await client.connect();
    await client.subscribe(topic, { qos: 1 });
    client.on('message', () => {
      console.log('received after collection');
      client.close().then(() => console.log('closed'));
    });
  })();
  for (let chance = 0; chance < 20; chance += 1) {
    await turn();
    global.gc();
  }
  const other = new Client(url, { engine });
  await other.connect();
  await other.publish(topic, 'x', { qos: 1 });
  await other.close();
}

if (how === 'open') open();
else collectAll();
