/**
 * Ten thousand filters in one client, each with a handler of its own. A message is found its handlers by a tree, so their number does
 * not matter to it.
 */
import { expect } from 'vitest';
import { forEachEngine, upTo } from '../support/engines.js';
import { eventsOf, SOON, untilEvent } from '../support/events.js';
import { LinkProxy } from '../support/link-proxy.js';
import { forEachServer, freshTopic, startServers } from '../support/servers.js';
import { Inbox } from '../support/waiting.js';
import type { Client, Subscription } from 'mqtt-native';

const servers = startServers();

const FILTERS = 10_000;

/** Subscribes to `base/<n>/+` for each n, `each` of them in one call, and notes the topics of what arrives, with the number of the call. */
async function subscribeMany(client: Client, base: string, each: number, got: Inbox<string>): Promise<Subscription[]> {
  return Promise.all(upTo(FILTERS / each).map((call) => {
    const filters = upTo(each).map((index) => `${base}/${call * each + index}/+`);
    return client.subscribe(filters, { qos: 1, timeout: 0 }, (message) => { got.push(`${call} ${message.topic}`); });
  }));
}

/** Some of the numbers. */
const SAMPLE = upTo(FILTERS).filter((index) => index % 97 === 0);

forEachEngine((engine) => {
  forEachServer(servers, (server) => {
    const options = { protocolVersion: server.version };

    engine.case('10,000 filters in one subscribe(), and in one unsubscribe()', async () => {
      const base = freshTopic(engine);
      const client = await engine.connected(server.url, options);
      const got = new Inbox<string>('a message of the handler');
      const filters = upTo(FILTERS).map((index) => `${base}/${index}/+`);
      const subscription = await client.subscribe(filters, { qos: 1, timeout: 0 }, (message) => { got.push(message.topic); });
      expect(subscription.grants.length).toBe(FILTERS);
      expect(new Set(subscription.grants.map((grant) => grant.reasonCode))).toEqual(new Set([1]));
      const sample = upTo(FILTERS).filter((index) => index % 101 === 0).map((index) => `${base}/${index}/x`);
      await Promise.all(sample.map((topic) => client.publish(topic, 'x', { qos: 1 })));
      expect(await got.take(sample.length)).toEqual(sample);
      await client.unsubscribe(filters.slice(1), { timeout: 0 });
      expect(subscription.filters).toEqual([filters[0]]);
      await client.publish(`${base}/5/x`, 'gone', { qos: 1 });
      await client.publish(`${base}/0/x`, 'still', { qos: 1 });
      expect(await got.next()).toBe(`${base}/0/x`);
    }, { timeout: 60_000 });
  });

  engine.case('10,000 subscriptions, each with a handler: a message reaches its own', async () => {
    const base = freshTopic(engine);
    const client = await engine.connected(servers.mosquitto.url, { protocolVersion: 5 });
    const got = new Inbox<string>('a message of a handler');
    const subscriptions = await subscribeMany(client, base, 1, got);
    await Promise.all(SAMPLE.map((index) => client.publish(`${base}/${index}/x`, 'hello', { qos: 1 })));
    expect(await got.take(SAMPLE.length)).toEqual(SAMPLE.map((index) => `${index} ${base}/${index}/x`));
    await subscriptions[0]!.unsubscribe();
    await client.publish(`${base}/0/x`, 'gone', { qos: 1 });
    await client.publish(`${base}/97/x`, 'still', { qos: 1 });
    expect(await got.next()).toBe(`97 ${base}/97/x`);
  }, { timeout: 60_000 });

  engine.case('10,000 filters are subscribed again when the session is gone', async () => {
    const base = freshTopic(engine);
    const proxy = await LinkProxy.before(servers.mosquitto.url);
    const client = await engine.connected(proxy.url, { reconnect: SOON, protocolVersion: 5 });
    const events = eventsOf(client);
    const got = new Inbox<string>('a message of a handler');
    await subscribeMany(client, base, 50, got);
    proxy.cut();
    await untilEvent(events, 'disconnect');
    await untilEvent(events, 'connect');
    await Promise.all(SAMPLE.map((index) => client.publish(`${base}/${index}/x`, 'again', { qos: 1, timeout: 0 })));
    expect(await got.take(SAMPLE.length)).toEqual(SAMPLE.map((index) => `${Math.floor(index / 50)} ${base}/${index}/x`));
  }, { timeout: 60_000 });
});
