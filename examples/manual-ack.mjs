// Acknowledges by hand. A message is acknowledged when its handler is done with it; ack() does so earlier, or with a reason code.
// Acknowledgements leave in order of arrival: a message that is held holds those behind it.
//
//   node examples/manual-ack.mjs [url]
import { EventEmitter, once } from 'node:events';
import { Client } from 'mqtt-native';

const PAYLOAD_FORMAT_INVALID = 0x99;

const client = new Client(process.argv[2] ?? 'mqtt://localhost:1883');
const { protocolVersion } = await client.connect();
const orders = new EventEmitter();
const ended = once(orders, 'end');

await client.subscribe('examples/manual-ack', { qos: 1 }, async (message) => {
  let order;
  try {
    order = message.json();
  } catch {
    console.log(`no JSON: ${message.text()}`);
    if (protocolVersion === 5) message.ack(PAYLOAD_FORMAT_INVALID); // 3.1.1 has no reason codes
    return;
  }
  console.log(`order ${order.number} is stored`);
  message.ack(); // the server may forget it now: what follows must not hold up other messages
  await ship(order);
  console.log(`order ${order.number} has left`);
  if (order.last) orders.emit('end');
});

/** Takes its time. */
function ship() {
  return new Promise((resolve) => { setTimeout(resolve, 50); });
}

await client.publish('examples/manual-ack', '{"number":1}', { qos: 1 });
await client.publish('examples/manual-ack', 'two teas, please', { qos: 1 });
await client.publish('examples/manual-ack', '{"number":2,"last":true}', { qos: 1 });

await ended;
await client.close();
