'use strict';
// A client that cannot come back is ended in one way or another: nothing of it may hold the process.
const { Client } = require('mqtt-native');

const [engine, url, how] = process.argv.slice(2);
process.once('beforeExit', () => console.log('nothing left to do'));

const reconnect = how === 'given-up' ? { initialDelay: 10, jitter: 'none', maxAttempts: 3 } : { initialDelay: 600000, maxDelay: 600000, jitter: 'none' };
const client = new Client(url, { engine, reconnect });
client.once('connect', () => console.log('connected'));
client.once('reconnecting', () => {
  console.log('reconnecting');
  for (const promise of [client.publish('t', 'x', { qos: 1 }), client.subscribe('t')]) {
    promise.then(() => console.log('sent without a connection'), () => undefined);
  }
  switch (how) {
    case 'closed': void client.close(); break;
    case 'destroyed': client.destroy(); break;
    case 'unref': client.unref(); break;
    default: break;
  }
});
client.connect().catch((error) => console.log(error.code));
