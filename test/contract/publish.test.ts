/**
 * Messages leave at every QoS and arrive as they were sent: payload, flags, order and number. Each case runs against Aedes and Mosquitto,
 * in the versions they speak.
 */
import { describe, expect } from 'vitest';
import { forEachEngine, messagesOf, numbersOf, upTo } from '../support/engines.js';
import type { EngineUnderTest } from '../support/engines.js';
import { forEachServer, freshTopic, startServers } from '../support/servers.js';
import type { Server } from '../support/servers.js';

const servers = startServers();

/** One client that publishes and one that is subscribed to `topic`, with what arrives there. */
async function publisherAndSubscriber(engine: EngineUnderTest, server: Server, filter: string, qos: 0 | 1 | 2 = 2) {
  const options = { protocolVersion: server.version };
  const [publisher, subscriber] = await Promise.all([engine.connected(server.url, options), engine.connected(server.url, options)]);
  const messages = messagesOf(subscriber);
  await subscriber.subscribe(filter, { qos });
  return { publisher, subscriber, messages };
}

forEachEngine((engine) => {
  forEachServer(servers, (server) => {
    engine.case('a loop of awaited publishes at QoS 0 lets the event loop turn', async () => {
      const topic = freshTopic(engine);
      const publisher = await engine.connected(server.url, { protocolVersion: server.version });
      let turned = false;
      setImmediate(() => { turned = true; });
      let published = 0;
      while (!turned && published < 20_000) {
        await publisher.publish(topic, 'x');
        published += 1;
      }
      expect(turned).toBe(true);
    });

    for (const qos of [0, 1, 2] as const) {
      engine.case(`a message of QoS ${qos} arrives with its topic, payload and QoS`, async () => {
        const topic = freshTopic(engine);
        const { publisher, messages } = await publisherAndSubscriber(engine, server, topic);
        const result = await publisher.publish(topic, 'hello', { qos });
        expect(result.reasonCode).toBe(0);
        const message = await messages.next();
        expect(message).toMatchObject({ topic, qos, retain: false, dup: false });
        expect(message.payload.toString()).toBe('hello');
        expect(message.text()).toBe('hello');
      });

      engine.case(`2,000 messages of QoS ${qos} arrive once each and in order`, async () => {
        const topic = freshTopic(engine);
        const { publisher, messages } = await publisherAndSubscriber(engine, server, topic);
        const results = await Promise.all(upTo(2000).map((index) => publisher.publish(topic, String(index), { qos })));
        expect(results.length).toBe(2000);
        const texts = (await messages.take(2000)).map((message) => message.text());
        expect(texts).toEqual(upTo(2000).map(String));
        // Anything that came twice would be before this one.
        await publisher.publish(topic, 'last', { qos });
        expect((await messages.next()).text()).toBe('last');
      }, { timeout: 60_000 });
    }

    engine.case('write() needs no promise, and arrives', async () => {
      const topic = freshTopic(engine);
      const { publisher, messages } = await publisherAndSubscriber(engine, server, topic);
      for (const qos of [0, 1, 2] as const) {
        expect(publisher.write(topic, `written ${qos}`, { qos })).toBe(true);
      }
      // Messages of one QoS have an order, messages of different ones do not.
      expect((await messages.take(3)).map((message) => message.text()).sort()).toEqual(['written 0', 'written 1', 'written 2']);
    });

    engine.case('text, Buffer and a view into a larger buffer are payloads; changing the buffer afterwards changes nothing', async () => {
      const topic = freshTopic(engine);
      const { publisher, messages } = await publisherAndSubscriber(engine, server, topic);
      const whole = new Uint8Array([9, 9, 1, 2, 3, 9, 9]);
      const sent = [
        publisher.publish(topic, 'ä😀', { qos: 1 }), publisher.publish(topic, Buffer.from([0, 255, 0]), { qos: 1 }),
        publisher.publish(topic, whole.subarray(2, 5), { qos: 1 }),
      ];
      whole.fill(0);
      await Promise.all(sent);
      const payloads = (await messages.take(3)).map((message) => message.payload.toString('hex'));
      expect(payloads).toEqual([Buffer.from('ä😀').toString('hex'), '00ff00', '010203']);
    });

    engine.case('a payload of 0 bytes arrives as 0 bytes', async () => {
      const topic = freshTopic(engine);
      const { publisher, messages } = await publisherAndSubscriber(engine, server, topic);
      await publisher.publish(topic, '', { qos: 1 });
      await publisher.publish(topic, new Uint8Array(0), { qos: 2 });
      expect((await messages.take(2)).map((message) => message.payload.length)).toEqual([0, 0]);
    });

    engine.case('a retained message meets a later subscriber, and is cleared by an empty one', async () => {
      const topic = freshTopic(engine);
      const options = { protocolVersion: server.version };
      const publisher = await engine.connected(server.url, options);
      await publisher.publish(topic, 'kept', { qos: 1, retain: true });
      const late = await engine.connected(server.url, options);
      const messages = messagesOf(late);
      const subscription = await late.subscribe(topic, { qos: 1 });
      const kept = await messages.next();
      expect(kept).toMatchObject({ topic, retain: true, qos: 1 });
      expect(kept.text()).toBe('kept');
      await subscription.unsubscribe();
      await publisher.publish(topic, '', { qos: 1, retain: true });
      await late.subscribe(topic, { qos: 1 });
      await publisher.publish(topic, 'now', { qos: 1 });
      const now = await messages.next();
      expect(now.text()).toBe('now');
      expect(now.retain).toBe(false);
    });

    engine.case('the QoS that arrives is the lower of the two', async () => {
      const topic = freshTopic(engine);
      const { publisher, messages } = await publisherAndSubscriber(engine, server, topic, 1);
      await publisher.publish(topic, 'x', { qos: 2 });
      await publisher.publish(topic, 'x', { qos: 0 });
      expect((await messages.take(2)).map((message) => message.qos).sort()).toEqual([0, 1]);
    });

    engine.case('topics of every script, with spaces and U+FEFF, arrive unaltered [MQTT-1.5.4-3]', async () => {
      const base = freshTopic(engine);
      const { publisher, messages } = await publisherAndSubscriber(engine, server, `${base}/#`, 1);
      const topics = ['ä', '温度', '😀', 'with space', '\uFEFFmark', '/leading', 'trailing/', '//'].map((name) => `${base}/${name}`);
      for (const topic of topics) {
        await publisher.publish(topic, 'x', { qos: 1 });
      }
      expect((await messages.take(topics.length)).map((message) => message.topic)).toEqual(topics);
    });

    engine.case('a topic of 65,535 bytes', async () => {
      const base = freshTopic(engine);
      const topic = `${base}/${'x'.repeat(65_535 - base.length - 1)}`;
      const { publisher, messages } = await publisherAndSubscriber(engine, server, `${base}/+`, 1);
      await publisher.publish(topic, 'long', { qos: 1 });
      const message = await messages.next();
      expect(message.topic.length).toBe(65_535);
      expect(message.topic === topic).toBe(true);
      expect(message.text()).toBe('long');
    });

    engine.case('messages of mixed QoS to one topic keep their order within a QoS', async () => {
      const topic = freshTopic(engine);
      const { publisher, messages } = await publisherAndSubscriber(engine, server, topic);
      await Promise.all(upTo(300).map((index) => publisher.publish(topic, String(index), { qos: (index % 3) as 0 | 1 | 2 })));
      const all = await messages.take(300);
      for (const qos of [0, 1, 2]) {
        const numbers = all.filter((message) => message.qos === qos).map((message) => Number(message.text()));
        expect(numbers).toEqual(Array.from({ length: 100 }, (_, index) => index * 3 + qos));
      }
    });

    engine.case('a client gets its own messages', async () => {
      const topic = freshTopic(engine);
      const client = await engine.connected(server.url, { protocolVersion: server.version });
      const messages = messagesOf(client);
      await client.subscribe(topic, { qos: 2 });
      await Promise.all(upTo(500).map((index) => client.publish(topic, String(index), { qos: 2 })));
      expect(numbersOf(await messages.take(500))).toEqual(upTo(500));
    }, { timeout: 60_000 });
  });

  describe('Mosquitto, 5', () => {
    engine.case('a message for nobody is a success with reason 0x10', async () => {
      const client = await engine.connected(servers.mosquitto.url, { protocolVersion: 5 });
      // Mosquitto answers QoS 2 before it looks for subscribers: no reason there.
      expect((await client.publish(freshTopic(engine), 'x', { qos: 1 })).reasonCode).toBe(0x10);
      expect((await client.publish(freshTopic(engine), 'x', { qos: 2 })).reasonCode).toBe(0);
    });
  });
});
