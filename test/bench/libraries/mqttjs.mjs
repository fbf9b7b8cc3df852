// Bare mqtt.js, called as its documentation says.
import { createRequire } from 'node:module';
import mqtt from 'mqtt';

const { version } = createRequire(import.meta.url)('mqtt/package.json');
const options = [{ qos: 0 }, { qos: 1 }, { qos: 2 }];

export async function open(plan) {
  const { client, connected } = begin(plan);
  await connected;
  // It has no option for it, and leaves Nagle's algorithm on: packets wait for the server's acknowledgement of the one before.
  if (plan.noDelay) client.stream.setNoDelay(true);
  return connection(client);
}

/** A client that is about to connect. */
export function begin({ port, ca, keepAlive }) {
  const url = `${ca === undefined ? 'mqtt' : 'mqtts'}://127.0.0.1:${port}`;
  const client = mqtt.connect(url, { ...(ca === undefined ? {} : { ca }), ...(keepAlive === undefined ? {} : { keepalive: keepAlive }) });
  const connected = new Promise((resolve, reject) => {
    client.once('connect', resolve);
    client.once('error', reject);
  });
  return { client, connected, destroy: () => client.end(true) };
}

const connection = (client) => ({
  about: { name: 'mqtt.js', version },
  // A publish at QoS 0 settles while its payload is still in the stream, by reference: as much as the stream's mark, and some more.
  heldBytes: 256 * 1024,
  publish: (topic, payload, qos) => client.publishAsync(topic, payload, options[qos]),
  // It has no publish that says when to wait: the callback is its cheapest sign that a message has left.
  write: ({ topic, qos = 0, lanes, next, written, running, starved }) => new Promise((resolve, reject) => {
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
        client.publish(topic, next(), options[qos], left);
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
  // What its documentation gives for back-pressure: the next packet is taken, and PUBACK sent, when the callback was called.
  async handle(filter, qos, handler) {
    client.handleMessage = ({ topic, payload }, done) => {
      if (topic !== filter) done();
      else void Promise.resolve(handler(payload)).then(() => done(), done);
    };
    await client.subscribeAsync(filter, options[qos]);
  },
  subscribe: (filter, qos) => client.subscribeAsync(filter, options[qos]),
  unsubscribe: (filter) => client.unsubscribeAsync(filter),
  close: () => client.endAsync(),
});
