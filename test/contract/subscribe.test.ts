/**
 * Subscriptions to real brokers: filters, options, several at once, shared ones, and what is refused. What arrives decides, not what was
 * answered.
 */
import { describe, expect } from 'vitest';
import { forEachEngine, messagesOf } from '../support/engines.js';
import { codeOf, failureOf } from '../support/outcomes.js';
import { forEachServer, freshTopic, startServers } from '../support/servers.js';
import type { Message } from 'mqtt-native';

const servers = startServers({ users: true });

forEachEngine((engine) => {
  forEachServer(servers, (server) => {
    const options = { protocolVersion: server.version };

    engine.case('+ matches one level and # the rest', async () => {
      const base = freshTopic(engine);
      const client = await engine.connected(server.url, options);
      const messages = messagesOf(client);
      await client.subscribe(`${base}/+/temp`, { qos: 1 });
      await client.subscribe(`${base}/deep/#`, { qos: 1 });
      for (const name of ['a/temp', 'a/b/temp', 'deep/x/y/z', 'deep', 'other']) {
        await client.publish(`${base}/${name}`, name, { qos: 1 });
      }
      await client.publish(`${base}/deep/end`, 'end', { qos: 1 });
      expect((await messages.take(4)).map((message) => message.text())).toEqual(['a/temp', 'deep/x/y/z', 'deep', 'end']);
    });

    engine.case('a handler gets the messages of its own filter', async () => {
      const base = freshTopic(engine);
      const client = await engine.connected(server.url, options);
      const got: string[] = [];
      let arrived: () => void = () => undefined;
      const last = new Promise<void>((resolve) => { arrived = resolve; });
      await client.subscribe(`${base}/a`, { qos: 1 }, (message: Message) => { got.push(`a ${message.text()}`); });
      await client.subscribe(`${base}/b`, { qos: 1 }, (message: Message) => {
        got.push(`b ${message.text()}`);
        arrived();
      });
      await client.publish(`${base}/a`, '1', { qos: 1 });
      await client.publish(`${base}/b`, '2', { qos: 1 });
      await last;
      expect(got).toEqual(['a 1', 'b 2']);
    });

    engine.case('a subscription is an async iterable of its messages', async () => {
      const topic = freshTopic(engine);
      const client = await engine.connected(server.url, options);
      const subscription = await client.subscribe(topic, { qos: 2 });
      for (const text of ['1', '2', '3']) {
        await client.publish(topic, text, { qos: 2 });
      }
      const got: string[] = [];
      for await (const message of subscription) {
        got.push(message.text());
        if (got.length === 3) {
          break;
        }
      }
      expect(got).toEqual(['1', '2', '3']);
    });

    engine.case('several filters in one SUBSCRIBE, each with what the server granted [MQTT-3.9.3-1]', async () => {
      const base = freshTopic(engine);
      const client = await engine.connected(server.url, options);
      const messages = messagesOf(client);
      await client.subscribe([`${base}/a`, `${base}/b/+`, `${base}/c/#`], { qos: 1 });
      for (const name of ['a', 'b/1', 'c/1/2', 'd']) {
        await client.publish(`${base}/${name}`, name, { qos: 1 });
      }
      await client.publish(`${base}/a`, 'end', { qos: 1 });
      expect((await messages.take(4)).map((message) => message.text())).toEqual(['a', 'b/1', 'c/1/2', 'end']);
    });

    engine.case('nothing arrives after unsubscribe(), and the other filters go on', async () => {
      const base = freshTopic(engine);
      const client = await engine.connected(server.url, options);
      const messages = messagesOf(client);
      const gone = await client.subscribe(`${base}/gone`, { qos: 1 });
      await client.subscribe(`${base}/stays`, { qos: 1 });
      await gone.unsubscribe();
      await client.publish(`${base}/gone`, 'x', { qos: 1 });
      await client.publish(`${base}/stays`, 'y', { qos: 1 });
      expect((await messages.next()).text()).toBe('y');
    });

    engine.case('client.unsubscribe() by filter, and several at once', async () => {
      const base = freshTopic(engine);
      const client = await engine.connected(server.url, options);
      const messages = messagesOf(client);
      await client.subscribe([`${base}/a`, `${base}/b`, `${base}/c`], { qos: 1 });
      await client.unsubscribe(`${base}/a`);
      await client.unsubscribe([`${base}/b`]);
      for (const name of ['a', 'b', 'c']) {
        await client.publish(`${base}/${name}`, name, { qos: 1 });
      }
      expect((await messages.next()).text()).toBe('c');
    });

    engine.case('subscribing twice to one filter delivers once, at the new QoS', async () => {
      const topic = freshTopic(engine);
      const client = await engine.connected(server.url, options);
      const messages = messagesOf(client);
      await client.subscribe(topic, { qos: 0 });
      await client.subscribe(topic, { qos: 1 });
      await client.publish(topic, '1', { qos: 1 });
      await client.publish(topic, '2', { qos: 1 });
      expect((await messages.take(2)).map((message) => [message.text(), message.qos])).toEqual([['1', 1], ['2', 1]]);
    });

    engine.case('200 subscriptions at once, each with its message', async () => {
      const base = freshTopic(engine);
      const client = await engine.connected(server.url, options);
      const messages = messagesOf(client);
      const names = Array.from({ length: 200 }, (_, index) => `${base}/${index}`);
      await Promise.all(names.map((name) => client.subscribe(name, { qos: 1 })));
      await Promise.all(names.map((name) => client.publish(name, name, { qos: 1 })));
      expect((await messages.take(200)).map((message) => message.text()).sort()).toEqual([...names].sort());
    });

    engine.case('a filter of 65,535 bytes', async () => {
      const base = freshTopic(engine);
      const filter = `${base}/${'x'.repeat(65_535 - base.length - 1)}`;
      const client = await engine.connected(server.url, options);
      const messages = messagesOf(client);
      await client.subscribe(filter, { qos: 1 });
      await client.publish(filter, 'x', { qos: 1 });
      expect((await messages.next()).topic.length).toBe(65_535);
    });
  });

  describe('Mosquitto, 5: subscribe options', () => {
    const connect = () => engine.connected(servers.mosquitto.url, { protocolVersion: 5 });

    engine.case('noLocal keeps the own messages away [MQTT-3.8.3-3]', async () => {
      const topic = freshTopic(engine);
      const [client, other] = await Promise.all([connect(), connect()]);
      const messages = messagesOf(client);
      await client.subscribe(topic, { qos: 1, noLocal: true });
      await client.publish(topic, 'own', { qos: 1 });
      await other.publish(topic, 'other', { qos: 1 });
      expect((await messages.next()).text()).toBe('other');
    });

    engine.case('retainAsPublished keeps the flag of a live message, and it is cleared without', async () => {
      const topic = freshTopic(engine);
      const [keeps, clears, publisher] = await Promise.all([connect(), connect(), connect()]);
      const kept = messagesOf(keeps);
      const cleared = messagesOf(clears);
      await keeps.subscribe(topic, { qos: 1, retainAsPublished: true });
      await clears.subscribe(topic, { qos: 1 });
      await publisher.publish(topic, 'x', { qos: 1, retain: true });
      expect((await kept.next()).retain).toBe(true);
      expect((await cleared.next()).retain).toBe(false);
      await publisher.publish(topic, '', { retain: true, qos: 1 });
    });

    engine.case('retainHandling: 0 always, 1 for a new subscription only, 2 never', async () => {
      const topic = freshTopic(engine);
      const client = await connect();
      await client.publish(topic, 'kept', { qos: 1, retain: true });
      const messages = messagesOf(client);
      /** What arrives until a mark that is published after the subscription. */
      const afterSubscribing = async (retainHandling: 0 | 1 | 2): Promise<string[]> => {
        await client.subscribe(topic, { qos: 1, retainHandling });
        await client.publish(topic, 'mark', { qos: 1 });
        const texts: string[] = [];
        for (;;) {
          const text = (await messages.next()).text();
          if (text === 'mark') {
            return texts;
          }
          texts.push(text);
        }
      };
      expect(await afterSubscribing(2)).toEqual([]);
      expect(await afterSubscribing(0)).toEqual(['kept']);
      expect(await afterSubscribing(0)).toEqual(['kept']);
      expect(await afterSubscribing(1)).toEqual([]);
      await client.unsubscribe(topic);
      expect(await afterSubscribing(1)).toEqual(['kept']);
      await client.publish(topic, '', { retain: true, qos: 1 });
    });

    engine.case('subscription identifiers arrive with the messages of their subscription [MQTT-3.3.4-3]', async () => {
      const base = freshTopic(engine);
      const client = await connect();
      const messages = messagesOf(client);
      await client.subscribe(`${base}/a`, { qos: 1, subscriptionIdentifier: 1 });
      await client.subscribe(`${base}/b`, { qos: 1, subscriptionIdentifier: 268_435_455 });
      await client.subscribe(`${base}/c`, { qos: 1 });
      for (const name of ['a', 'b', 'c']) {
        await client.publish(`${base}/${name}`, name, { qos: 1 });
      }
      const identifiers = (await messages.take(3)).map((message) => message.properties?.subscriptionIdentifiers ?? []);
      expect(identifiers).toEqual([[1], [268_435_455], []]);
    });

    engine.case('a shared subscription splits the messages: each arrives at one member', async () => {
      const topic = freshTopic(engine);
      const group = `g${topic.replaceAll('/', '-')}`;
      const [first, second, publisher] = await Promise.all([connect(), connect(), connect()]);
      const got: string[][] = [[], []];
      let all: () => void;
      const done = new Promise<void>((resolve) => { all = resolve; });
      [first, second].forEach((client, index) => {
        client.on('message', (message) => {
          got[index]!.push(message.text());
          if (got[0]!.length + got[1]!.length === 100) {
            all();
          }
        });
      });
      await first.subscribe(`$share/${group}/${topic}`, { qos: 1 });
      await second.subscribe(`$share/${group}/${topic}`, { qos: 1 });
      for (let index = 0; index < 100; index += 1) {
        await publisher.publish(topic, String(index), { qos: 1 });
      }
      await done;
      expect(got[0]!.length).toBeGreaterThan(0);
      expect(got[1]!.length).toBeGreaterThan(0);
      expect([...got[0]!, ...got[1]!].map(Number).sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, index) => index));
    });

    engine.case('a handler of a shared subscription gets its messages', async () => {
      const topic = freshTopic(engine);
      const client = await connect();
      let arrived: (message: Message) => void = () => undefined;
      const message = new Promise<Message>((resolve) => { arrived = resolve; });
      await client.subscribe(`$share/group/${topic}`, { qos: 1 }, (shared) => { arrived(shared); });
      await client.publish(topic, 'shared', { qos: 1 });
      expect((await message).text()).toBe('shared');
    });

    engine.case('unsubscribing what was never subscribed is a success with reason 0x11', async () => {
      const client = await connect();
      const result = await client.unsubscribe(freshTopic(engine));
      expect(result.reasonCodes).toEqual([0x11]);
    });
  });

  describe('a subscription the server refuses', () => {
    // Mosquitto 2.0 answers a filter its ACL denies with 0x87 in version 5 and 0x80 in 3.1.1 only for a subscribe rule; a filter that
    // breaks its own rules ends the connection. The listener `users` denies guests to subscribe where they have no right to read, which
    // Mosquitto grants and then delivers nothing.
    engine.case('is granted by Mosquitto for a topic without a right to read, and nothing arrives', async () => {
      const topic = freshTopic(engine);
      const guest = await engine.connected(servers.mosquitto.usersUrl, { username: 'guest', password: 'guest password' });
      const admin = await engine.connected(servers.mosquitto.usersUrl, { username: 'admin', password: 'correct horse' });
      const messages = messagesOf(guest);
      await guest.subscribe(topic, { qos: 1 });
      await guest.subscribe('open/#', { qos: 1 });
      await admin.publish(topic, 'secret', { qos: 1 });
      await admin.publish(`open/${topic}`, 'open', { qos: 1 });
      expect((await messages.next()).text()).toBe('open');
    });

    engine.case('is refused locally where 3.1.1 has no such option', async () => {
      const client = await engine.connected(servers.mosquitto.url, { protocolVersion: 4 });
      const only5 = [{ noLocal: true }, { retainAsPublished: true }, { retainHandling: 1 as const }, { subscriptionIdentifier: 1 }];
      for (const options of only5) {
        expect(await codeOf((async () => client.subscribe('a', options))()), JSON.stringify(options)).toMatch(/^ERR_MQTT_(NOT_SUPPORTED|OPTION)$/);
      }
    });

    engine.case('without a connection is ERR_MQTT_NOT_CONNECTED', async () => {
      const client = engine.client(servers.mosquitto.url);
      expect((await failureOf((async () => client.subscribe('a'))())).code).toBe('ERR_MQTT_NOT_CONNECTED');
      expect((await failureOf((async () => client.unsubscribe('a'))())).code).toBe('ERR_MQTT_NOT_CONNECTED');
    });
  });
});
