/**
 * What is published while the broker is away waits and arrives afterwards: all of it, in order, once. What does not fit, has expired or
 * was given up is told to whoever published it, and never arrives.
 */
import { describe, expect } from 'vitest';
import { forEachEngine, messagesOf, numbersOf, upTo } from '../support/engines.js';
import { eventsOf, SOON, untilEvent } from '../support/events.js';
import { LinkProxy } from '../support/link-proxy.js';
import { codeOf, outcomeOf } from '../support/outcomes.js';
import { forEachServer, freshTopic, startServers } from '../support/servers.js';
import type { Server } from '../support/servers.js';
import { Inbox } from '../support/waiting.js';
import type { ClientOptions, Message } from 'mqtt-native';

const servers = startServers();

interface Dropped {
  topic: string | undefined;
  qos: number | undefined;
  error: { code: string };
}

forEachEngine((engine) => {
  /** A client that was connected through a proxy and is away, and somebody who gets what it publishes to `topic`. */
  async function away(server: Pick<Server, 'url' | 'version'>, options: Partial<ClientOptions> = {}) {
    const topic = freshTopic(engine);
    const watcher = await engine.connected(server.url, { protocolVersion: server.version });
    const messages = messagesOf(watcher);
    await watcher.subscribe(topic, { qos: 2 });
    const proxy = await LinkProxy.before(server.url);
    const client = engine.client(proxy.url, { protocolVersion: server.version, reconnect: SOON, ...options });
    const events = eventsOf(client);
    const drops = Inbox.of<string, [Dropped]>(client, 'drop', (dropped) => `${dropped.topic} ${dropped.qos} ${dropped.error.code}`);
    await client.connect();
    proxy.down();
    await untilEvent(events, 'disconnect');
    /** What arrives until a message that is published after all that waited; of their QoS, because only those have an order. */
    const arrived = async (qos: 1 | 2 = 1): Promise<Message[]> => {
      proxy.up();
      await untilEvent(events, 'connect');
      await client.publish(topic, 'end', { qos });
      return (await messages.until((message) => message.text() === 'end')).slice(0, -1);
    };
    return { topic, client, events, drops, messages, arrived, proxy };
  }

  forEachServer(servers, (server) => {
    for (const qos of [0, 1, 2] as const) {
      engine.case(`200 messages of QoS ${qos} published while the broker is away arrive in order`, async () => {
        const { topic, client, messages, proxy } = await away(server);
        const results = upTo(200).map((index) => client.publish(topic, String(index), { qos }));
        proxy.up();
        await Promise.all(results);
        expect(numbersOf(await messages.take(200))).toEqual(upTo(200));
      });
    }

    engine.case('write() while the broker is away arrives in order, too', async () => {
      const { topic, client, arrived } = await away(server);
      for (const index of upTo(100)) {
        expect(client.write(topic, String(index), { qos: 2 })).toBe(true);
      }
      expect(numbersOf(await arrived(2))).toEqual(upTo(100));
    });

    engine.case('messages with and without promises, buffers and texts, keep one order', async () => {
      const { topic, client, arrived } = await away(server);
      const results: Promise<unknown>[] = [];
      for (const index of upTo(50)) {
        if (index % 3 === 0) {
          client.write(topic, String(index), { qos: 2 });
        } else if (index % 3 === 1) {
          results.push(client.publish(topic, String(index), { qos: 2 }));
        } else {
          const bytes = Buffer.from(String(index));
          results.push(client.publish(topic, bytes, { qos: 2 }));
          bytes.fill('?');
        }
      }
      expect(numbersOf(await arrived(2))).toEqual(upTo(50));
      await Promise.all(results);
    });

    engine.case('a message that was aborted or ran out of time while it waited never arrives', async () => {
      const { topic, client, arrived } = await away(server);
      const aborting = new AbortController();
      const aborted = codeOf(client.publish(topic, 'aborted', { qos: 1, signal: aborting.signal }));
      const late = codeOf(client.publish(topic, 'late', { qos: 1, timeout: 1 }));
      const kept = client.publish(topic, 'kept', { qos: 1 });
      aborting.abort();
      expect(await aborted).toBe('ERR_MQTT_ABORTED');
      expect(await late).toBe('ERR_MQTT_TIMEOUT');
      expect((await arrived()).map((message) => message.text())).toEqual(['kept']);
      await kept;
    });

    engine.case('subscribe() and unsubscribe() wait, too, and go before the messages', async () => {
      const { topic, client, proxy } = await away(server);
      const own = messagesOf(client);
      const published = client.publish(topic, 'own', { qos: 1 });
      const subscribed = client.subscribe(topic, { qos: 1 });
      const unsubscribed = client.unsubscribe('never/subscribed');
      proxy.up();
      expect((await subscribed).grants).toEqual([{ filter: topic, reasonCode: 1 }]);
      await Promise.all([published, unsubscribed]);
      expect((await own.next()).text()).toBe('own');
    });

    engine.case('what is published right after connect() was called, and before it is done, is sent', async () => {
      const topic = freshTopic(engine);
      const client = engine.client(server.url, { protocolVersion: server.version });
      const messages = messagesOf(client);
      const connecting = client.connect();
      const subscribed = client.subscribe(topic, { qos: 1 });
      const published = client.publish(topic, 'early', { qos: 1 });
      await Promise.all([connecting, subscribed, published]);
      expect((await messages.next()).text()).toBe('early');
    });
  });

  describe('limits', () => {
    const server: Pick<Server, 'url' | 'version'> = { get url() { return servers.mosquitto.url; }, version: 5 };

    engine.case("'reject': what is too much is ERR_MQTT_QUEUE_FULL, by promise and by throw", async () => {
      const { topic, client, arrived, drops } = await away(server, { queue: { maxMessages: 5 } });
      const outcomes = upTo(8).map((index) => outcomeOf(client.publish(topic, String(index), { qos: 1 })));
      expect(() => client.write(topic, 'x', { qos: 1 })).toThrow(expect.objectContaining({ code: 'ERR_MQTT_QUEUE_FULL' }));
      expect(numbersOf(await arrived())).toEqual(upTo(5));
      expect(await Promise.all(outcomes)).toEqual([...Array<string>(5).fill('ok'), ...Array<string>(3).fill('ERR_MQTT_QUEUE_FULL')]);
      expect(drops.all).toEqual([]);
    });

    engine.case("'drop-oldest': the newest arrive, and the others say what became of them", async () => {
      const { topic, client, arrived, drops } = await away(server, { queue: { maxMessages: 5, overflow: 'drop-oldest' } });
      client.write(topic, '0', { qos: 1 });
      const outcomes = upTo(8).slice(1).map((index) => outcomeOf(client.publish(topic, String(index), { qos: 1 })));
      expect(numbersOf(await arrived())).toEqual([3, 4, 5, 6, 7]);
      expect(await Promise.all(outcomes)).toEqual([...Array<string>(2).fill('ERR_MQTT_QUEUE_FULL'), ...Array<string>(5).fill('ok')]);
      expect(drops.all).toEqual([`${topic} 1 ERR_MQTT_QUEUE_FULL`]);
    });

    engine.case("'drop-newest': the oldest arrive, and the others say what became of them", async () => {
      const { topic, client, arrived, drops } = await away(server, { queue: { maxMessages: 5, overflow: 'drop-newest' } });
      const outcomes = upTo(7).map((index) => outcomeOf(client.publish(topic, String(index), { qos: 1 })));
      client.write(topic, '7', { qos: 0 });
      expect(numbersOf(await arrived())).toEqual(upTo(5));
      expect(await Promise.all(outcomes)).toEqual([...Array<string>(5).fill('ok'), ...Array<string>(2).fill('ERR_MQTT_QUEUE_FULL')]);
      expect(drops.all).toEqual([`${topic} 0 ERR_MQTT_QUEUE_FULL`]);
    });

    engine.case("'wait': everything arrives, and write(), which cannot wait, throws", async () => {
      const { topic, client, arrived } = await away(server, { queue: { maxMessages: 5, overflow: 'wait' } });
      const outcomes = upTo(20).map((index) => outcomeOf(client.publish(topic, String(index), { qos: 1 })));
      expect(() => client.write(topic, 'x', { qos: 1 })).toThrow(expect.objectContaining({ code: 'ERR_MQTT_QUEUE_FULL' }));
      expect(numbersOf(await arrived())).toEqual(upTo(20));
      expect(await Promise.all(outcomes)).toEqual(Array(20).fill('ok'));
    });

    engine.case("'wait': who waits for room can be aborted or run out of time", async () => {
      const { topic, client, arrived } = await away(server, { queue: { maxMessages: 1, overflow: 'wait' } });
      const first = outcomeOf(client.publish(topic, '0', { qos: 1 }));
      const aborting = new AbortController();
      const aborted = outcomeOf(client.publish(topic, 'aborted', { qos: 1, signal: aborting.signal }));
      const late = outcomeOf(client.publish(topic, 'late', { qos: 1, timeout: 1 }));
      const last = outcomeOf(client.publish(topic, '1', { qos: 1 }));
      aborting.abort();
      expect(await aborted).toBe('ERR_MQTT_ABORTED');
      expect(await late).toBe('ERR_MQTT_TIMEOUT');
      expect(numbersOf(await arrived())).toEqual([0, 1]);
      expect(await Promise.all([first, last])).toEqual(['ok', 'ok']);
    });

    for (const [overflow, stays] of [['reject', [0, 1, 2]], ['drop-newest', [0, 1, 2]], ['drop-oldest', [2, 3, 4]], ['wait', [0, 1, 2, 3, 4]]] as const) {
      engine.case(`maxBytes counts topics and payloads: '${overflow}'`, async () => {
        const { topic, client, arrived } = await away(server, { queue: { maxBytes: 3 * 140, overflow } });
        const size = 140 - Buffer.byteLength(topic);
        const outcomes = upTo(5).map((index) => outcomeOf(client.publish(topic, String(index).padStart(size, '0'), { qos: 1 })));
        expect(numbersOf(await arrived())).toEqual([...stays]);
        expect((await Promise.all(outcomes)).map((outcome, index) => (outcome === 'ok' ? index : outcome)))
          .toEqual(upTo(5).map((index) => (stays.some((kept) => kept === index) ? index : 'ERR_MQTT_QUEUE_FULL')));
      });
    }

    engine.case('a single message may be larger than maxBytes', async () => {
      const { topic, client, arrived } = await away(server, { queue: { maxBytes: 100 } });
      const large = outcomeOf(client.publish(topic, 'x'.repeat(10_000), { qos: 1 }));
      expect(await codeOf(client.publish(topic, 'y', { qos: 1 }))).toBe('ERR_MQTT_QUEUE_FULL');
      expect((await arrived()).map((message) => message.length)).toEqual([10_000]);
      expect(await large).toBe('ok');
    });

    engine.case('qos0: false: QoS 0 fails at once, QoS 1 and 2 wait', async () => {
      const { topic, client, arrived } = await away(server, { queue: { qos0: false } });
      const outcomes = upTo(3).map((qos) => outcomeOf(client.publish(topic, String(qos), { qos: qos as 0 | 1 | 2 })));
      expect(await outcomes[0]).toBe('ERR_MQTT_NOT_CONNECTED');
      expect(() => client.write(topic, 'x')).toThrow(expect.objectContaining({ code: 'ERR_MQTT_NOT_CONNECTED' }));
      expect((await arrived(2)).map((message) => message.text()).sort()).toEqual(['1', '2']);
      expect(await Promise.all(outcomes.slice(1))).toEqual(['ok', 'ok']);
      await client.publish(topic, 'now', { qos: 0 });
    });

    engine.case("write() says false at the high-water mark while the broker is away, and 'drain' follows when it is back", async () => {
      const { topic, client, messages, proxy } = await away(server, { queue: { highWaterMessages: 10 } });
      const drains = Inbox.of<null, []>(client, 'drain', () => null);
      const answers = upTo(12).map((index) => client.write(topic, String(index), { qos: 1 }));
      expect(answers).toEqual([...Array<boolean>(9).fill(true), false, false, false]);
      expect(drains.all.length).toBe(0);
      proxy.up();
      await drains.next();
      expect(numbersOf(await messages.take(12))).toEqual(upTo(12));
      expect(client.write(topic, 'next')).toBe(true);
    });
  });

  describe('Mosquitto, 5: expiry', () => {
    engine.case('runs while a message waits: what has expired never arrives, the rest arrives with what is left of it', async () => {
      const { topic, client, arrived, drops } = await away({ url: servers.mosquitto.url, version: 5 });
      const start = performance.now();
      const expired = outcomeOf(client.publish(topic, 'expired', { qos: 1, properties: { messageExpiryInterval: 1 } }));
      client.write(topic, 'expired, too', { qos: 1, properties: { messageExpiryInterval: 1 } });
      const kept = client.publish(topic, 'kept', { qos: 1, properties: { messageExpiryInterval: 1000 } });
      // The passing of time is what is tested here: 1 s must be over, whatever else happens.
      while (performance.now() - start < 2100) {
        await new Promise((resolve) => { setTimeout(resolve, 2100 - (performance.now() - start)); });
      }
      const messages = await arrived();
      expect(messages.map((message) => message.text())).toEqual(['kept']);
      expect(messages[0]!.properties.messageExpiryInterval).toBeLessThanOrEqual(998);
      expect(messages[0]!.properties.messageExpiryInterval).toBeGreaterThan(900);
      expect(await expired).toBe('ERR_MQTT_EXPIRED');
      expect(await drops.next()).toBe(`${topic} 1 ERR_MQTT_EXPIRED`);
      await kept;
    });
  });

  engine.case('what the next server cannot take fails by itself, and the others arrive', async () => {
    // From a connection of MQTT 5 to one of 3.1.1: properties are of no use there.
    const topic = freshTopic(engine);
    const proxy = await LinkProxy.before(servers.mosquitto.url);
    const client = engine.client(proxy.url, { reconnect: SOON });
    const events = eventsOf(client);
    await client.connect();
    const watcher = await engine.connected(servers.aedes.url, { protocolVersion: 4 });
    const messages = messagesOf(watcher);
    await watcher.subscribe(topic, { qos: 1 });
    proxy.down();
    await untilEvent(events, 'disconnect');
    const outcomes = [
      outcomeOf(client.publish(topic, 'first', { qos: 1 })),
      outcomeOf(client.publish(topic, 'with properties', { qos: 1, properties: { contentType: 'text/plain' } })),
      outcomeOf(client.publish(topic, 'last', { qos: 1 })),
    ];
    proxy.target = servers.aedes.port;
    proxy.up();
    expect(await Promise.all(outcomes)).toEqual(['ok', 'ERR_MQTT_NOT_SUPPORTED', 'ok']);
    expect((await messages.take(2)).map((message) => message.text())).toEqual(['first', 'last']);
  });
});
