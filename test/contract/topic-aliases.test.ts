/**
 * Topic aliases are the client's own affair: it gives numbers to topics and the broker does, and no application sees the difference. Every
 * message must arrive with its full topic, over reconnections, too, where numbers begin anew.
 */
import { expect } from 'vitest';
import { forEachEngine, messagesOf, upTo } from '../support/engines.js';
import { eventsOf, SOON, untilEvent } from '../support/events.js';
import { LinkProxy, PUBLISH, typeOf } from '../support/link-proxy.js';
import { freshTopic, startMosquitto } from '../support/servers.js';

// Mosquitto takes 10 aliases unless told otherwise.
const mosquitto = startMosquitto();

const TOPICS = 30;

forEachEngine((engine) => {
  /** Names of 200 bytes, which are worth an alias. */
  const topicsBelow = (base: string): string[] => upTo(TOPICS).map((index) => `${base}/${String(index).padStart(3, '0')}/${'long'.repeat(50)}`);

  for (const [name, aliases, qos] of [
    ['as many as the broker takes', 65_535, 1], ['three', 3, 1], ['none', 0, 1], ['the default, QoS 0', undefined, 0], ['the default, QoS 2', undefined, 2],
  ] as const) {
    engine.case(`600 messages to 30 topics arrive where they belong; outgoing aliases: ${name}`, async () => {
      const topics = topicsBelow(freshTopic(engine));
      const watcher = await engine.connected(mosquitto.broker.url, { protocolVersion: 5, topicAliasMaximum: 5 });
      const messages = messagesOf(watcher);
      await watcher.subscribe(topics, { qos });
      const client = await engine.connected(mosquitto.broker.url, { protocolVersion: 5, outgoingTopicAliases: aliases });
      const sent = upTo(600).map((index) => topics[(index * 7) % TOPICS]!);
      await Promise.all(sent.map((topic) => client.publish(topic, topic, { qos })));
      const got = await messages.take(600);
      expect(got.map((message) => message.topic)).toEqual(sent);
      expect(got.every((message) => message.text() === message.topic)).toBe(true);
    });
  }

  engine.case('with aliases, later messages to a topic go without its text', async () => {
    const topic = `${freshTopic(engine)}/${'long'.repeat(50)}`;
    const proxy = await LinkProxy.before(mosquitto.broker.url);
    const client = await engine.connected(proxy.url, { protocolVersion: 5 });
    const sizes: number[] = [];
    proxy.onPacket = (from, packet) => {
      if (from === 'client' && typeOf(packet) === PUBLISH) {
        sizes.push(packet.length);
      }
      return 'pass';
    };
    for (const index of upTo(3)) {
      await client.publish(topic, String(index), { qos: 1 });
    }
    expect(sizes[0]).toBeGreaterThan(topic.length);
    expect(sizes.slice(1).every((size) => size < 30)).toBe(true);
  });

  engine.case('a new connection begins without aliases: what waits is sent with its topic [MQTT-3.3.2-7]', async () => {
    const topics = topicsBelow(freshTopic(engine));
    const watcher = await engine.connected(mosquitto.broker.url, { protocolVersion: 5 });
    const messages = messagesOf(watcher);
    await watcher.subscribe(topics, { qos: 2 });
    const proxy = await LinkProxy.before(mosquitto.broker.url);
    const client = await engine.connected(proxy.url, { protocolVersion: 5, sessionExpiryInterval: 100, reconnect: SOON });
    const events = eventsOf(client);
    await Promise.all(topics.map((topic) => client.publish(topic, topic, { qos: 2 })));
    let packets = 0;
    // Some are in flight and some wait when the link goes.
    proxy.onPacket = (from, packet) => {
      packets += from === 'client' && typeOf(packet) === PUBLISH ? 1 : 0;
      return packets === 20 ? (packets += 1, 'cut') : 'pass';
    };
    const results = [...topics, ...topics].map((topic) => client.publish(topic, topic, { qos: 2 }));
    await untilEvent(events, 'disconnect');
    await Promise.all(results);
    const got = await messages.take(3 * TOPICS);
    expect(got.map((message) => message.topic)).toEqual([...topics, ...topics, ...topics]);
    expect(got.every((message) => message.text() === message.topic)).toBe(true);
  });

  engine.case("the broker's aliases are resolved over a reconnection, too", async () => {
    const topics = topicsBelow(freshTopic(engine));
    const proxy = await LinkProxy.before(mosquitto.broker.url);
    const options = { protocolVersion: 5, sessionExpiryInterval: 100, topicAliasMaximum: 10, reconnect: SOON } as const;
    const reader = await engine.connected(proxy.url, options);
    const events = eventsOf(reader);
    const messages = messagesOf(reader);
    await reader.subscribe(topics, { qos: 2 });
    const client = await engine.connected(mosquitto.broker.url, { protocolVersion: 5 });
    await Promise.all([...topics, ...topics].map((topic) => client.publish(topic, topic, { qos: 2 })));
    await messages.take(2 * TOPICS);
    proxy.cut();
    await untilEvent(events, 'disconnect');
    await Promise.all([...topics, ...topics].map((topic) => client.publish(topic, topic, { qos: 2 })));
    const got = await messages.take(2 * TOPICS);
    expect(got.map((message) => message.topic)).toEqual([...topics, ...topics]);
    expect(got.every((message) => message.text() === message.topic)).toBe(true);
  });
});
