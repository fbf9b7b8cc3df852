'use strict';
// Brings a client into a state and does nothing more: whether the process stays is the client's doing.
const net = require('node:net');
const { Client } = require('mqtt-native');

const [engine, url, how] = process.argv.slice(2);
const topic = `stay/${process.pid}`;
process.once('beforeExit', () => console.log('event loop empty'));

async function connected() {
  const client = new Client(url, { engine });
  await client.connect();
  return client;
}

/** The client ends when it is told to. */
async function stayUntilTold(client) {
  client.on('message', () => {
    console.log('told to stop');
    client.close().then(() => console.log('closed'));
  });
  await client.subscribe(topic, { qos: 1 });
  console.log('ready');
}

const STATES = {
  'open': async () => stayUntilTold(await connected()),
  'unref-then-ref': async () => {
    const client = await connected();
    client.unref();
    client.ref();
    await stayUntilTold(client);
  },
  'close': async () => {
    await (await connected()).close();
    console.log('ready');
  },
  'destroy': async () => {
    (await connected()).destroy();
    console.log('ready');
  },
  'connect-fails': async () => {
    await new Client('mqtt://127.0.0.1:1', { engine }).connect().catch(() => console.log('ready'));
  },
  'never-connected': async () => {
    new Client(url, { engine });
    console.log('ready');
  },
  // A server that takes the connection and ends it: what is left of the client must not hold the process.
  'server-ends': async () => {
    const server = net.createServer((socket) => {
      socket.once('data', () => socket.end(Buffer.from([0x20, 2, 0, 0])));
      socket.on('error', () => undefined);
    });
    await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
    const client = new Client(`mqtt://127.0.0.1:${server.address().port}`, { engine, protocolVersion: 4, reconnect: false });
    const lost = new Promise((resolve) => { client.once('disconnect', resolve); });
    await client.connect();
    await lost;
    server.close();
    console.log('ready');
  },
  'unref-after-connect': async () => {
    (await connected()).unref();
    console.log('ready');
  },
  'unref-with-subscription': async () => {
    const client = await connected();
    client.on('message', () => undefined);
    await client.subscribe(topic, { qos: 1 });
    client.unref();
    console.log('ready');
  },
  'unref-and-receive': async () => {
    const client = await connected();
    let received = 0;
    const timer = setInterval(() => undefined, 1000);
    await client.subscribe(topic, { qos: 1 });
    client.unref();
    console.log('ready');
    client.on('message', () => {
      received += 1;
      if (received === 100) {
        console.log('received 100');
        clearInterval(timer);
      }
    });
    for (let index = 0; index < 100; index += 1) client.write(topic, 'x', { qos: 1 });
  },
};

STATES[how]();
