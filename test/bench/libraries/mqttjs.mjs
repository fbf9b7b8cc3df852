// Bare mqtt.js, called as its documentation says.
import { createRequire } from 'node:module';
import mqtt from 'mqtt';

const { version } = createRequire(import.meta.url)('mqtt/package.json');
const options = [{ qos: 0 }, { qos: 1 }, { qos: 2 }];

export async function open({ port, ca }) {
  return connection(await (ca === undefined ? mqtt.connectAsync(`mqtt://127.0.0.1:${port}`) : mqtt.connectAsync(`mqtts://127.0.0.1:${port}`, { ca })));
}

const connection = (client) => ({
  about: { name: 'mqtt.js', version },
  // A publish at QoS 0 settles while its payload is still in the stream, by reference: as much as the stream's mark, and some more.
  heldBytes: 256 * 1024,
  publish: (topic, payload, qos) => client.publishAsync(topic, payload, options[qos]),
  // It has no publish that says when to wait: the callback is its cheapest sign that a message has left.
  write: ({ topic, lanes, next, written, running, starved }) => new Promise((resolve, reject) => {
    let open = 0, filling = false;
    const left = (error) => {
      open--;
      if (error) return reject(error);
      written();
      if (!filling) fill();
    };
    const fill = () => {
      filling = true;
      while (open < lanes && running()) {
        if (starved()) return setImmediate(fill);
        open++;
        client.publish(topic, next(), options[0], left);
      }
      filling = false;
      if (open === 0) resolve();
    };
    fill();
  }),
  onPayload(listener) {
    const wrapped = (_topic, payload) => listener(payload);
    client.on('message', wrapped);
    return () => client.off('message', wrapped);
  },
  onMessage(listener) {
    client.on('message', listener);
    return () => client.off('message', listener);
  },
  subscribe: (filter, qos) => client.subscribeAsync(filter, options[qos]),
  unsubscribe: (filter) => client.unsubscribeAsync(filter),
  close: () => client.endAsync(),
});
