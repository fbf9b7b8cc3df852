// mqtt-native on the engine that the plan names, with default options but for those that a scenario is about.
import { once } from 'node:events';
import { setImmediate as immediate } from 'node:timers/promises';
import { Client } from 'mqtt-native';

const options = [{ qos: 0 }, { qos: 1 }, { qos: 2 }];

export async function open(plan) {
  const { client, connected } = begin(plan);
  await connected;
  return connection(client);
}

/** A client that is about to connect. `keepAlive`, seconds, and `queue` as the options of these names. */
export function begin({ port, engine, ca, keepAlive, queue }) {
  const url = `${ca === undefined ? 'mqtt' : 'mqtts'}://127.0.0.1:${port}`;
  const client = new Client(url, { engine, tls: ca === undefined ? undefined : { ca }, keepAlive, queue });
  return { client, connected: client.connect(), destroy: () => client.destroy() };
}

const connection = (client) => ({
  about: { name: `mqtt-native, ${client.engine.name} engine`, version: client.engine.version, reason: client.engine.reason },
  copies: true,
  publish: (topic, payload, qos) => client.publish(topic, payload, options[qos]),
  async write({ topic, qos = 0, next, written, running, starved }) {
    while (running()) {
      if (starved()) await immediate();
      const below = client.write(topic, next(), options[qos]);
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
  handle: (filter, qos, handler) => client.subscribe(filter, options[qos], (message) => handler(message.payload)),
  async handleInLoop(filter, qos, handler) {
    const subscription = await client.subscribe(filter, options[qos]);
    const read = async () => { for await (const message of subscription) await handler(message.payload); };
    void read();
  },
  listen: (filter, qos, listener) => client.subscribe(filter, options[qos], (message) => listener(message.topic, message.payload)),
  subscribe: (filter, qos) => client.subscribe(filter, options[qos]),
  unsubscribe: (filter) => client.unsubscribe(filter),
  close: () => client.close(),
});
