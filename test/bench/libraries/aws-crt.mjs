// aws-crt's MQTT 5 client, called as its documentation says, with its default options. Installed in ../peers alone.
import { once } from 'node:events';
import { createRequire } from 'node:module';

process.removeAllListeners('warning'); // that a future version will want a newer Node
const require = createRequire(new URL('../peers/', import.meta.url));
const { io, mqtt5 } = require('aws-crt');

const { version } = require('aws-crt/package.json');

export async function open({ port, ca }) {
  const tls = new io.TlsContextOptions();
  if (ca !== undefined) tls.override_default_trust_store(ca);
  const tlsCtx = ca === undefined ? undefined : new io.ClientTlsContext(tls);
  const client = new mqtt5.Mqtt5Client({ hostName: '127.0.0.1', port, tlsCtx, connectProperties: { clientId: 'bench', keepAliveIntervalSeconds: 60 } });
  const connected = new Promise((resolve, reject) => {
    client.once('connectionSuccess', resolve);
    client.once('connectionFailure', ({ error }) => reject(error));
  });
  client.start();
  await connected;
  return connection(client);
}

const connection = (client) => ({
  about: { name: 'aws-crt', version },
  // Its own threads keep the process alive for some time after close(): that is not what is measured.
  lingers: true,
  publish: (topicName, payload, qos) => client.publish({ topicName, payload, qos }),
  // It has no publish without a promise: as many as may be outstanding are kept on their way, without waiting for one in particular.
  write: ({ topic, lanes, next, written, running, starved }) => new Promise((resolve, reject) => {
    let open = 0, filling = false;
    const left = () => {
      open--;
      written();
      if (!filling) fill();
    };
    const fill = () => {
      filling = true;
      while (open < lanes && running()) {
        if (starved()) {
          filling = false;
          return setImmediate(fill);
        }
        open++;
        client.publish({ topicName: topic, payload: next(), qos: 0 }).then(left, reject);
      }
      filling = false;
      if (open === 0 && !running()) resolve();
    };
    fill();
  }),
  onPayload(listener) {
    const wrapped = ({ message }) => listener(new Uint8Array(message.payload));
    client.on('messageReceived', wrapped);
    return () => client.off('messageReceived', wrapped);
  },
  onMessage(listener) {
    const wrapped = ({ message }) => listener(message.topicName, Buffer.from(message.payload));
    client.on('messageReceived', wrapped);
    return () => client.off('messageReceived', wrapped);
  },
  subscribe: (topicFilter, qos) => client.subscribe({ subscriptions: [{ topicFilter, qos }] }),
  unsubscribe: (topicFilter) => client.unsubscribe({ topicFilters: [topicFilter] }),
  async close() {
    const stopped = once(client, 'stopped');
    client.stop();
    await stopped;
    client.close();
  },
});
