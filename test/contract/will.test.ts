/**
 * The will is published when a client is lost and not when it says goodbye. A second client watches its topic.
 */
import { describe, expect } from 'vitest';
import { forEachEngine, messagesOf } from '../support/engines.js';
import type { EngineUnderTest } from '../support/engines.js';
import { hexOf } from '../support/packets.js';
import { refusalOf } from '../support/outcomes.js';
import { forEachServer, freshTopic, startServers } from '../support/servers.js';
import type { Server } from '../support/servers.js';

const servers = startServers();

async function watcher(engine: EngineUnderTest, server: Pick<Server, 'url' | 'version'>, topic: string) {
  const client = await engine.connected(server.url, { protocolVersion: server.version });
  const messages = messagesOf(client);
  await client.subscribe(topic, { qos: 2 });
  return { client, messages };
}

forEachEngine((engine) => {
  forEachServer(servers, (server) => {
    for (const qos of [0, 1, 2] as const) {
      engine.case(`a client that is cut off leaves its will of QoS ${qos}`, async () => {
        const topic = freshTopic(engine, 'will');
        const { messages } = await watcher(engine, server, topic);
        const client = await engine.connected(server.url, { protocolVersion: server.version, will: { topic, payload: 'gone', qos, retain: false } });
        client.destroy();
        const will = await messages.next();
        expect(will).toMatchObject({ topic, qos, retain: false });
        expect(will.text()).toBe('gone');
      });
    }

    engine.case('a client that closes leaves none', async () => {
      const topic = freshTopic(engine, 'will');
      const { client: other, messages } = await watcher(engine, server, topic);
      const client = await engine.connected(server.url, { protocolVersion: server.version, will: { topic, payload: 'gone', qos: 1, retain: false } });
      await client.close();
      await other.publish(topic, 'mark', { qos: 1 });
      expect((await messages.next()).text()).toBe('mark');
    });

    engine.case('a retained will with bytes meets who comes later', async () => {
      const topic = freshTopic(engine, 'will');
      const { messages } = await watcher(engine, server, topic);
      const payload = Buffer.from([0, 255, 128, 10]);
      const will = { topic, payload, qos: 1, retain: true } as const;
      const client = await engine.connected(server.url, { protocolVersion: server.version, will });
      client.destroy();
      await messages.next();
      const late = await watcher(engine, server, topic);
      const kept = await late.messages.next();
      expect(kept.retain).toBe(true);
      expect(kept.payload.toString('hex')).toBe(payload.toString('hex'));
      await late.client.publish(topic, '', { qos: 1, retain: true });
    });

    engine.case('a will of 65,535 bytes', async () => {
      const topic = freshTopic(engine, 'will');
      const { messages } = await watcher(engine, server, topic);
      const will = { topic, payload: Buffer.alloc(65_535, 1), qos: 1, retain: false } as const;
      const client = await engine.connected(server.url, { protocolVersion: server.version, will });
      client.destroy();
      expect((await messages.next()).payload.length).toBe(65_535);
    });
  });

  describe('Mosquitto, 5', () => {
    const server = { get url() { return servers.mosquitto.url; }, version: 5 as const };

    engine.case('a will carries its properties', async () => {
      const topic = freshTopic(engine, 'will');
      const { messages } = await watcher(engine, server, topic);
      const client = await engine.connected(server.url, {
        protocolVersion: 5,
        will: {
          topic, payload: 'gone', qos: 1, retain: false,
          properties: {
            payloadFormatIndicator: 1, contentType: 'text/plain', responseTopic: 'r', correlationData: Buffer.from([1, 2]), messageExpiryInterval: 100,
            userProperties: [['b', '2'], ['a', '1'], ['b', '2']],
          },
        },
      });
      client.destroy();
      const { properties } = await messages.next();
      expect(properties).toMatchObject({
        payloadFormatIndicator: 1, contentType: 'text/plain', responseTopic: 'r', userProperties: [['b', '2'], ['a', '1'], ['b', '2']],
      });
      expect(hexOf(properties?.correlationData)).toBe('0102');
    });

    engine.case('a delayed will is not published when the client comes back in time [MQTT-3.1.3-9]', async () => {
      const topic = freshTopic(engine, 'will');
      const { client: other, messages } = await watcher(engine, server, topic);
      const options = {
        protocolVersion: 5, clientId: `delayed-${engine.name}`, sessionExpiryInterval: 100, will: { topic, payload: 'gone', qos: 1, retain: false, delay: 30 },
      } as const;
      const client = await engine.connected(server.url, options);
      client.destroy();
      const back = await engine.connected(server.url, { ...options, cleanStart: false });
      await other.publish(topic, 'mark', { qos: 1 });
      expect((await messages.next()).text()).toBe('mark');
      await back.close();
    });

    engine.case('close() with reason 0x04 leaves the will all the same [MQTT-3.14.4-3]', async () => {
      const topic = freshTopic(engine, 'will');
      const { messages } = await watcher(engine, server, topic);
      const client = await engine.connected(server.url, { protocolVersion: 5, will: { topic, payload: 'on purpose', qos: 1, retain: false } });
      await client.close({ reasonCode: 0x04 });
      expect((await messages.next()).text()).toBe('on purpose');
    });
  });

  engine.case('a wrong will is refused by name', async () => {
    const wrong: { will: unknown; names: string }[] = [
      { will: { topic: 'a/+', payload: 'x' }, names: 'will.topic' }, { will: { topic: '', payload: 'x' }, names: 'will.topic' },
      { will: { payload: 'x' }, names: 'will.topic' }, { will: { topic: 'a', payload: 'x', qos: 3 }, names: 'will.qos' },
      { will: { topic: 'a', payload: Buffer.alloc(65_536) }, names: 'will.payload' }, { will: { topic: 'a', payload: 'x', delay: -1 }, names: 'will.delay' },
      { will: { topic: 'a', payload: 'x', properties: { contentType: 1 } }, names: 'will.properties.contentType' },
    ];
    for (const { will, names } of wrong) {
      const error = await refusalOf(() => engine.client(servers.mosquitto.url, { will } as never).connect());
      expect(error.code).toMatch(/^ERR_MQTT_(OPTION|TOPIC)$/);
      expect(error.message).toContain(names);
    }
  });
});
