// mqtt-native on the engine that the plan names, with default options.
import { once } from 'node:events';
import { setImmediate as immediate } from 'node:timers/promises';
import { Client } from 'mqtt-native';

const options = [{ qos: 0 }, { qos: 1 }, { qos: 2 }];

export async function open({ port, engine, ca }) {
  const client = ca === undefined ? new Client(`mqtt://127.0.0.1:${port}`, { engine }) : new Client(`mqtts://127.0.0.1:${port}`, { engine, tls: { ca } });
  await client.connect();
  return connection(client);
}

const connection = (client) => ({
  about: { name: `mqtt-native, ${client.engine.name} engine`, version: client.engine.version, reason: client.engine.reason },
  publish: (topic, payload, qos) => client.publish(topic, payload, options[qos]),
  async write({ topic, next, written, running, starved }) {
    while (running()) {
      if (starved()) await immediate();
      const below = client.write(topic, next(), options[0]);
      written();
      if (!below) await once(client, 'drain');
    }
  },
  onPayload(listener) {
    const wrapped = (message) => listener(message.payload);
    client.on('message', wrapped);
    return () => client.off('message', wrapped);
  },
  onMessage(listener) {
    const wrapped = (message) => listener(message.topic, message.payload);
    client.on('message', wrapped);
    return () => client.off('message', wrapped);
  },
  async loop(filter, qos, count, compare) {
    const subscription = await client.subscribe(filter, options[qos]);
    let comparing = false;
    const read = async () => {
      for await (const message of subscription) {
        if (comparing) compare(message.topic, message.payload);
        else count(message.payload);
      }
    };
    void read();
    return () => { comparing = true; };
  },
  subscribe: (filter, qos) => client.subscribe(filter, options[qos]),
  unsubscribe: (filter) => client.unsubscribe(filter),
  close: () => client.close(),
});
