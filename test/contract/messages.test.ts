/**
 * What an application can do with a message, and what happens when a listener is slow, throws or asks for more. Real brokers deliver; the
 * number and order of what arrives is what counts.
 */
import { expect } from 'vitest';
import { forEachEngine, messagesOf, upTo } from '../support/engines.js';
import { forEachServer, freshTopic, startServers } from '../support/servers.js';
import { withSafetyNet } from '../support/waiting.js';

const servers = startServers();

forEachEngine((engine) => {
  forEachServer(servers, (server) => {
    const options = { protocolVersion: server.version };

    engine.case('a message has topic, payload, text(), json(), QoS, retain, dup and properties', async () => {
      const topic = freshTopic(engine);
      const client = await engine.connected(server.url, options);
      const messages = messagesOf(client);
      await client.subscribe(topic, { qos: 1 });
      await client.publish(topic, '{"a":[1,2,{"b":"ä"}]}', { qos: 1 });
      const message = await messages.next();
      expect(message.topic).toBe(topic);
      expect(Buffer.isBuffer(message.payload)).toBe(true);
      expect(message.json()).toEqual({ a: [1, 2, { b: 'ä' }] });
      expect(message).toMatchObject({ qos: 1, retain: false, dup: false });
      expect(message.payload).toBe(message.payload);
    });

    engine.case('json() of something else throws, and the client lives', async () => {
      const topic = freshTopic(engine);
      const client = await engine.connected(server.url, options);
      const messages = messagesOf(client);
      await client.subscribe(topic, { qos: 1 });
      await client.publish(topic, 'no json', { qos: 1 });
      const message = await messages.next();
      expect(() => message.json()).toThrow();
      await client.publish(topic, 'next', { qos: 1 });
      expect((await messages.next()).text()).toBe('next');
    });

    engine.case('a payload that is kept stays as it was while 5,000 more arrive', async () => {
      const topic = freshTopic(engine);
      const client = await engine.connected(server.url, options);
      const messages = messagesOf(client);
      await client.subscribe(topic, { qos: 0 });
      await client.publish(topic, 'x'.repeat(1000));
      const kept = (await messages.next()).payload;
      for (let round = 0; round < 5; round += 1) {
        await Promise.all(Array.from({ length: 1000 }, () => client.publish(topic, 'y'.repeat(1000))));
      }
      await messages.take(5000);
      expect(kept.toString()).toBe('x'.repeat(1000));
    }, { timeout: 60_000 });

    engine.case('detach() gives a message with memory of its own', async () => {
      const topic = freshTopic(engine);
      const client = await engine.connected(server.url, options);
      const messages = messagesOf(client);
      await client.subscribe(topic, { qos: 1 });
      await client.publish(topic, 'detached', { qos: 1 });
      const message = await messages.next();
      message.detach();
      expect(message.payload.toString()).toBe('detached');
      expect(message.payload.buffer.byteLength).toBeLessThan(16 * 1024);
    });

    engine.case('1,000 retained messages arrive at once, each with its topic', async () => {
      const base = freshTopic(engine);
      const client = await engine.connected(server.url, options);
      const topics = upTo(1000).map((index) => `${base}/${index}`);
      await Promise.all(topics.map((topic) => client.publish(topic, topic, { qos: 1, retain: true })));
      const messages = messagesOf(client);
      await client.subscribe(`${base}/+`, { qos: 1 });
      const got = await messages.take(1000);
      expect(got.every((message) => message.retain && message.text() === message.topic)).toBe(true);
      expect(new Set(got.map((message) => message.topic)).size).toBe(1000);
      await Promise.all(topics.map((topic) => client.publish(topic, '', { qos: 1, retain: true })));
    });

    engine.case('every listener and the handler of the filter get the message', async () => {
      const topic = freshTopic(engine);
      const client = await engine.connected(server.url, options);
      const first = messagesOf(client);
      const second = messagesOf(client);
      let handled = 0;
      await client.subscribe(topic, { qos: 1 }, () => { handled += 1; });
      await client.publish(topic, '1', { qos: 1 });
      await client.publish(topic, '2', { qos: 1 });
      expect((await first.take(2)).length + (await second.take(2)).length).toBe(4);
      expect(handled).toBe(2);
    });

    engine.case('a loop that takes its time loses nothing', async () => {
      const topic = freshTopic(engine);
      const client = await engine.connected(server.url, options);
      const subscription = await client.subscribe(topic, { qos: 1 });
      const sending = Promise.all(upTo(200).map((index) => client.publish(topic, String(index), { qos: 1 })));
      const got: number[] = [];
      for await (const message of subscription) {
        got.push(Number(message.text()));
        await new Promise((resolve) => { setImmediate(resolve); });
        if (got.length === 200) {
          break;
        }
      }
      await sending;
      expect(got).toEqual(upTo(200));
    });

    engine.case('a listener may publish, subscribe and unsubscribe', async () => {
      const base = freshTopic(engine);
      const client = await engine.connected(server.url, options);
      const done = new Promise<string>((resolve, reject) => {
        client.on('message', (message) => {
          if (message.topic === `${base}/question`) {
            client.subscribe(`${base}/answer`, { qos: 1 }).then(() => client.publish(`${base}/answer`, `re: ${message.text()}`, { qos: 1 })).catch(reject);
          } else {
            client.unsubscribe(`${base}/answer`).then(() => resolve(message.text()), reject);
          }
        });
      });
      await client.subscribe(`${base}/question`, { qos: 1 });
      await client.publish(`${base}/question`, 'hello', { qos: 1 });
      expect(await withSafetyNet('the answer', done)).toBe('re: hello');
    });

    engine.case('a listener may close the client in the middle of a burst', async () => {
      const topic = freshTopic(engine);
      const [client, publisher] = await Promise.all([engine.connected(server.url, options), engine.connected(server.url, options)]);
      await client.subscribe(topic, { qos: 0 });
      let seen = 0;
      const closed = new Promise<void>((resolve) => { client.once('close', () => resolve()); });
      client.on('message', () => {
        seen += 1;
        if (seen === 10) {
          client.destroy();
        }
      });
      await Promise.all(upTo(500).map((index) => publisher.publish(topic, String(index))));
      await withSafetyNet("'close'", closed);
      expect(seen).toBe(10);
    });
  });
});
