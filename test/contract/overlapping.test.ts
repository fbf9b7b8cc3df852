/**
 * Subscriptions of one client that match the same message: each gets it once, and its listener once, however many copies the broker sends.
 * A shared subscription gives each message to one of its members.
 */
import { describe, expect } from 'vitest';
import { forEachEngine, messagesOf, numbersOf, upTo } from '../support/engines.js';
import { eventsOf, SOON, untilEvent } from '../support/events.js';
import { LinkProxy } from '../support/link-proxy.js';
import { forEachServer, freshTopic, startServers } from '../support/servers.js';
import { Inbox } from '../support/waiting.js';
import type { Client, Message, SubscribeOptions } from 'mqtt-native';

const servers = startServers();

/** Subscribes with a handler that notes what it gets. */
async function noting(client: Client, filter: string, options: SubscribeOptions = { qos: 1 }) {
  const inbox = new Inbox<Message>(`a message of ${filter}`);
  const subscription = await client.subscribe(filter, options, (message) => { inbox.push(message); });
  return { inbox, subscription };
}

const texts = (inbox: Inbox<Message>): string[] => inbox.all.map((message) => message.text());

forEachEngine((engine) => {
  forEachServer(servers, (server) => {
    const options = { protocolVersion: server.version };
    // In MQTT 5 Mosquitto sends a copy for each subscription, in 3.1.1 it does not.
    const copies = server.version === 5 ? ', from a broker that sends copies' : '';

    engine.case('two subscriptions, with and without a wildcard: each gets the message once', async () => {
      const base = freshTopic(engine);
      const client = await engine.connected(server.url, options);
      const exact = await noting(client, `${base}/a`);
      const wild = await noting(client, `${base}/+`);
      for (const index of upTo(5)) {
        await client.publish(`${base}/a`, String(index), { qos: 1 });
      }
      await client.publish(`${base}/b`, 'end', { qos: 1 });
      await wild.inbox.until((message) => message.text() === 'end');
      expect(texts(exact.inbox)).toEqual(upTo(5).map(String));
      expect(texts(wild.inbox)).toEqual([...upTo(5).map(String), 'end']);
    });

    engine.case('three subscriptions of different QoS: each gets the message once', async () => {
      const base = freshTopic(engine);
      const client = await engine.connected(server.url, options);
      const inboxes = [
        (await noting(client, `${base}/a/x`, { qos: 0 })).inbox,
        (await noting(client, `${base}/+/x`, { qos: 1 })).inbox,
        (await noting(client, `${base}/#`, { qos: 2 })).inbox,
      ];
      const end = await noting(client, `${base}/end`, { qos: 2 });
      for (const index of upTo(5)) {
        await client.publish(`${base}/a/x`, String(index), { qos: 2 });
      }
      await client.publish(`${base}/end`, 'end', { qos: 2 });
      await end.inbox.next();
      // Copies of different QoS may pass each other: the end of QoS 2 is behind all that were sent before it only for QoS 2.
      await client.publish(`${base}/a/x`, 'last', { qos: 2 });
      for (const inbox of inboxes) {
        await inbox.until((message) => message.text() === 'last');
        expect(texts(inbox).filter((text) => text !== 'end')).toEqual([...upTo(5).map(String), 'last']);
      }
    });

    engine.case(`'message' is emitted once for a message that two subscriptions match${copies}`, async () => {
      const base = freshTopic(engine);
      const client = await engine.connected(server.url, options);
      const messages = messagesOf(client);
      await client.subscribe(`${base}/a`, { qos: 1 });
      await client.subscribe(`${base}/#`, { qos: 1 });
      for (const index of upTo(5)) {
        await client.publish(`${base}/a`, String(index), { qos: 1 });
      }
      await client.publish(`${base}/end`, '5', { qos: 1 });
      expect(numbersOf(await messages.take(6))).toEqual(upTo(6));
    });

    engine.case('a filter subscribed twice: both get each message, and one can go', async () => {
      const topic = freshTopic(engine);
      const client = await engine.connected(server.url, options);
      const first = await noting(client, topic);
      const second = await noting(client, topic);
      await client.publish(topic, '1', { qos: 1 });
      await Promise.all([first.inbox.next(), second.inbox.next()]);
      await first.subscription.unsubscribe();
      await client.publish(topic, '2', { qos: 1 });
      await second.inbox.next();
      expect(texts(first.inbox)).toEqual(['1']);
      expect(texts(second.inbox)).toEqual(['1', '2']);
      expect(first.subscription.active).toBe(false);
      expect(second.subscription.active).toBe(true);
    });

    engine.case(`filters of one subscribe() that overlap are one subscription: it gets the message once${copies}`, async () => {
      const base = freshTopic(engine);
      const client = await engine.connected(server.url, options);
      const inbox = new Inbox<Message>('a message');
      await client.subscribe([`${base}/a`, `${base}/+`, `${base}/#`], { qos: 1 }, (message) => { inbox.push(message); });
      for (const index of upTo(5)) {
        await client.publish(`${base}/a`, String(index), { qos: 1 });
      }
      await client.publish(`${base}/deep/er`, 'end', { qos: 1 });
      await inbox.until((message) => message.text() === 'end');
      expect(texts(inbox)).toEqual([...upTo(5).map(String), 'end']);
    });

    engine.case('two loops over subscriptions that overlap read at their own pace', async () => {
      const base = freshTopic(engine);
      const client = await engine.connected(server.url, options);
      const exact = await client.subscribe(`${base}/a`, { qos: 1 });
      const wild = await client.subscribe(`${base}/+`, { qos: 1 });
      const [quick, slow] = [exact[Symbol.asyncIterator](), wild[Symbol.asyncIterator]()];
      const first = quick.next();
      await Promise.all(upTo(20).map((index) => client.publish(`${base}/a`, String(index), { qos: 1 })));
      const quickTexts = [(await first).value!.text()];
      while (quickTexts.length < 20) {
        quickTexts.push((await quick.next()).value!.text());
      }
      const slowTexts: string[] = [];
      while (slowTexts.length < 20) {
        slowTexts.push((await slow.next()).value!.text());
      }
      expect(quickTexts).toEqual(upTo(20).map(String));
      expect(slowTexts).toEqual(quickTexts);
      await Promise.all([quick.return!(), slow.return!()]);
    });

    engine.case('each gets it once after a reconnection, too', async () => {
      const base = freshTopic(engine);
      const proxy = await LinkProxy.before(server.url);
      const client = await engine.connected(proxy.url, { ...options, reconnect: SOON });
      const events = eventsOf(client);
      const exact = await noting(client, `${base}/a`);
      const wild = await noting(client, `${base}/+`);
      proxy.cut();
      await untilEvent(events, 'disconnect');
      await untilEvent(events, 'connect');
      await client.publish(`${base}/a`, '1', { qos: 1 });
      await client.publish(`${base}/b`, 'end', { qos: 1 });
      await wild.inbox.until((message) => message.text() === 'end');
      expect(texts(exact.inbox)).toEqual(['1']);
      expect(texts(wild.inbox)).toEqual(['1', 'end']);
    });
  });

  describe('Mosquitto, 5', () => {
    const connect = () => engine.connected(servers.mosquitto.url, { protocolVersion: 5 });

    engine.case('identifiers of the application stay what they were, and no others are shown', async () => {
      const base = freshTopic(engine);
      const client = await connect();
      const own = await noting(client, `${base}/a`, { qos: 1, subscriptionIdentifier: 5 });
      const without = await noting(client, `${base}/+`);
      await client.publish(`${base}/a`, 'x', { qos: 1 });
      await client.publish(`${base}/b`, 'end', { qos: 1 });
      await without.inbox.until((message) => message.text() === 'end');
      expect(own.inbox.all.length).toBe(1);
      expect(own.inbox.all[0]!.properties.subscriptionIdentifiers).toEqual([5]);
      expect(without.inbox.all.at(-1)!.properties.subscriptionIdentifiers).toBeUndefined();
    });

    engine.case('a shared subscription and another one that overlap: each gets the message once', async () => {
      const topic = freshTopic(engine);
      const client = await connect();
      const shared = await noting(client, `$share/${engine.name}/${topic}`);
      const plain = await noting(client, topic);
      const end = await noting(client, `${topic}/end`);
      for (const index of upTo(5)) {
        await client.publish(topic, String(index), { qos: 1 });
      }
      await client.publish(`${topic}/end`, 'end', { qos: 1 });
      await end.inbox.next();
      expect(texts(shared.inbox)).toEqual(upTo(5).map(String));
      expect(texts(plain.inbox)).toEqual(upTo(5).map(String));
    });

    engine.case('two clients share a subscription: each message arrives once between them, also when one of them leaves', async () => {
      const topic = freshTopic(engine);
      const [first, second, publisher] = await Promise.all([connect(), connect(), connect()]);
      const got = new Inbox<number>('a message of either');
      for (const client of [first, second]) {
        await client.subscribe(`$share/${engine.name}-two/${topic}`, { qos: 1 }, (message) => { got.push(Number(message.text())); });
      }
      await Promise.all(upTo(50).map((index) => publisher.publish(topic, String(index), { qos: 1 })));
      await got.take(50);
      const from = servers.mosquitto.log.length;
      await second.close();
      // Until the broker has read DISCONNECT it gives messages to who is not there any more.
      await servers.mosquitto.logged(`Client ${second.clientId} disconnected`, 1, from);
      for (const index of upTo(50)) {
        await publisher.publish(topic, String(50 + index), { qos: 1 });
      }
      await got.take(50);
      expect([...got.all].sort((a, b) => a - b)).toEqual(upTo(100));
    });
  });
});
