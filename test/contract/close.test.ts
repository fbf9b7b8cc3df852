/**
 * close() lets everything that was taken arrive before it says goodbye; destroy() does not wait. What can be called afterwards, and how
 * often, is part of it.
 */
import { expect } from 'vitest';
import { forEachEngine, messagesOf, numbersOf, upTo } from '../support/engines.js';
import { codeOf, outcomeOf } from '../support/outcomes.js';
import { forEachServer, freshTopic, startServers } from '../support/servers.js';
import { Inbox, withSafetyNet } from '../support/waiting.js';

const servers = startServers();

forEachEngine((engine) => {
  forEachServer(servers, (server) => {
    const options = { protocolVersion: server.version };

    for (const qos of [0, 1, 2] as const) {
      engine.case(`close() drains: 1,000 messages of QoS ${qos} that were just written all arrive`, async () => {
        const topic = freshTopic(engine);
        const [publisher, subscriber] = await Promise.all([engine.connected(server.url, options), engine.connected(server.url, options)]);
        const messages = messagesOf(subscriber);
        await subscriber.subscribe(topic, { qos });
        for (let index = 0; index < 1000; index += 1) {
          publisher.write(topic, String(index), { qos });
        }
        await publisher.close();
        expect(numbersOf(await messages.take(1000))).toEqual(upTo(1000));
      }, { timeout: 60_000 });
    }

    engine.case('promises of publish() are fulfilled before close() is', async () => {
      const client = await engine.connected(server.url, options);
      let fulfilled = 0;
      for (let index = 0; index < 50; index += 1) {
        void client.publish('t', 'x', { qos: 2 }).then(() => { fulfilled += 1; });
      }
      await client.close();
      expect(fulfilled).toBe(50);
    });

    engine.case("'close' is emitted once, and everything afterwards is ERR_MQTT_CLOSED", async () => {
      const client = await engine.connected(server.url, options);
      const closes = Inbox.of<null, []>(client, 'close', () => null);
      const subscription = await client.subscribe('t');
      await client.close();
      await closes.next();
      client.destroy();
      expect(await outcomeOf(client.close())).toBe('ok');
      expect(closes.waiting).toBe(0);
      expect(await codeOf((async () => client.publish('t', 'x'))())).toBe('ERR_MQTT_CLOSED');
      expect(await codeOf((async () => client.subscribe('t'))())).toBe('ERR_MQTT_CLOSED');
      expect(await codeOf((async () => client.connect())())).toBe('ERR_MQTT_CLOSED');
      // An iterator ends and does not hang.
      const rest: unknown[] = [];
      for await (const message of subscription) {
        rest.push(message);
      }
      expect(rest).toEqual([]);
    });

    engine.case('close() twice at the same time is one close', async () => {
      const client = await engine.connected(server.url, options);
      await Promise.all([client.close(), client.close()]);
    });

    engine.case('close() of a client that was never connected', async () => {
      const client = engine.client(server.url, options);
      await client.close();
      expect(await codeOf((async () => client.connect())())).toBe('ERR_MQTT_CLOSED');
    });

    engine.case('a loop over a subscription ends when the client is closed', async () => {
      const topic = freshTopic(engine);
      const client = await engine.connected(server.url, options);
      const subscription = await client.subscribe(topic, { qos: 1 });
      await client.publish(topic, 'last', { qos: 1 });
      const texts: string[] = [];
      const loop = (async () => {
        for await (const message of subscription) {
          texts.push(message.text());
          void client.close();
        }
      })();
      await withSafetyNet('the end of the loop', loop);
      expect(texts).toEqual(['last']);
    });

    engine.case('await using closes the client at the end of its block', async () => {
      const topic = freshTopic(engine);
      const watcher = await engine.connected(server.url, options);
      const messages = messagesOf(watcher);
      await watcher.subscribe(topic, { qos: 1 });
      let closed = false;
      {
        await using client = engine.client(server.url, { ...options, will: { topic, payload: 'will', qos: 1, retain: false } });
        client.once('close', () => { closed = true; });
        await client.connect();
        client.write(topic, 'from the block', { qos: 1 });
      }
      expect(closed).toBe(true);
      await watcher.publish(topic, 'mark', { qos: 1 });
      expect((await messages.take(2)).map((message) => message.text())).toEqual(['from the block', 'mark']);
    });

    engine.case('destroy() emits close and is not an error of anybody', async () => {
      const client = await engine.connected(server.url, options);
      const closes = Inbox.of<null, []>(client, 'close', () => null);
      client.destroy();
      await closes.next();
    });
  });

  engine.case('close() with a timeout ends also where the broker answers nothing', async () => {
    const client = await engine.connected(servers.mosquitto.url, { protocolVersion: 5 });
    servers.mosquitto.freeze();
    try {
      const waiting = outcomeOf(client.publish('t', 'x', { qos: 1 }));
      const closing = outcomeOf(client.close({ timeout: 200 }));
      expect(await closing).toMatch(/^(ok|ERR_MQTT_TIMEOUT)$/);
      expect(await waiting).toMatch(/^ERR_MQTT_(CLOSED|TIMEOUT)$/);
    } finally {
      servers.mosquitto.thaw();
    }
  });
});
