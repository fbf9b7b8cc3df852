/**
 * The counters of a client say what has happened, no more and no less: an operator reads them when something is wrong.
 */
import { describe, expect } from 'vitest';
import { forEachEngine, messagesOf, upTo } from '../support/engines.js';
import { eventsOf, SOON, untilEvent } from '../support/events.js';
import { LinkProxy } from '../support/link-proxy.js';
import { codeOf, outcomeOf } from '../support/outcomes.js';
import { forEachServer, freshTopic, startServers } from '../support/servers.js';
import { Inbox } from '../support/waiting.js';

const servers = startServers({ users: true });

forEachEngine((engine) => {
  engine.case('of a new client are all 0, and the round trip is not known', () => {
    const { roundTrip, ...rest } = engine.client(servers.mosquitto.url).stats;
    expect(rest).toEqual({
      connections: 0, reconnections: 0, attempts: 0, published: { messages: 0, bytes: 0 }, delivered: 0, dropped: {},
      received: { messages: 0, bytes: 0 }, queue: { messages: 0, bytes: 0 }, inFlight: 0,
    });
    const { NaN: unknown } = Number;
    expect(roundTrip).toEqual({ count: 0, min: unknown, max: unknown, mean: unknown, p50: unknown, p90: unknown, p99: unknown });
  });

  forEachServer(servers, (server) => {
    const options = { protocolVersion: server.version };

    engine.case('publishes and messages are counted with their bytes', async () => {
      const topic = freshTopic(engine);
      const client = await engine.connected(server.url, options);
      const messages = messagesOf(client);
      await client.subscribe(topic, { qos: 2 });
      for (const qos of [0, 1, 2] as const) {
        await client.publish(topic, 'ä'.repeat(50), { qos });
        client.write(topic, Buffer.alloc(100), { qos });
      }
      await client.publish(topic, '', { qos: 2 });
      await messages.take(7);
      const { stats } = client;
      expect(stats.published).toEqual({ messages: 7, bytes: 600 + 7 * topic.length });
      expect(stats.received).toEqual({ messages: 7, bytes: 600 });
      expect(stats.delivered).toBe(7);
      expect(stats.dropped).toEqual({});
      expect(stats.queue).toEqual({ messages: 0, bytes: 0 });
      expect(stats.inFlight).toBe(0);
      expect(stats).toMatchObject({ connections: 1, reconnections: 0, attempts: 1 });
    });

    engine.case('connections and attempts are counted, and what waits is shown', async () => {
      const proxy = await LinkProxy.before(server.url);
      const client = engine.client(proxy.url, { ...options, reconnect: SOON });
      const events = eventsOf(client);
      await client.connect();
      proxy.cut();
      await untilEvent(events, 'disconnect');
      await untilEvent(events, 'connect');
      expect(client.stats).toMatchObject({ connections: 2, reconnections: 1, attempts: 2 });
      proxy.down();
      await events.until((event) => event.name === 'reconnecting' && event.attempt! >= 4);
      const waiting = Promise.all(upTo(3).map(() => client.publish('topic', '12345', { qos: 1 })));
      expect(client.stats.queue).toEqual({ messages: 3, bytes: 30 });
      expect(client.stats.attempts).toBeGreaterThan(2);
      proxy.up();
      await waiting;
      expect(client.stats.queue).toEqual({ messages: 0, bytes: 0 });
      expect(client.stats).toMatchObject({ connections: 3, reconnections: 2, delivered: 3 });
    });

    engine.case('the round trip is measured for one of sixteen publishes', async () => {
      const client = await engine.connected(server.url, options);
      for (let index = 0; index < 64; index += 1) {
        await client.publish('t', 'x', { qos: 1 });
      }
      const { roundTrip } = client.stats;
      expect(roundTrip.count).toBe(4);
      expect(roundTrip.min).toBeGreaterThanOrEqual(0);
      expect(roundTrip.min).toBeLessThanOrEqual(roundTrip.p50);
      expect(roundTrip.p50).toBeLessThanOrEqual(roundTrip.p90);
      expect(roundTrip.p90).toBeLessThanOrEqual(roundTrip.p99);
      expect(roundTrip.mean).toBeGreaterThanOrEqual(roundTrip.min);
      expect(roundTrip.mean).toBeLessThanOrEqual(roundTrip.max);
    });
  });

  describe('what was given up', () => {
    engine.case('is counted by the code of its error, with and without a promise', async () => {
      const proxy = await LinkProxy.before(servers.mosquitto.url);
      const client = engine.client(proxy.url, { protocolVersion: 5, reconnect: SOON, queue: { maxMessages: 4, overflow: 'drop-newest' } });
      const events = eventsOf(client);
      const drops = Inbox.of<string, [{ error: { code: string } }]>(client, 'drop', ({ error }) => error.code);
      await client.connect();
      proxy.down();
      await untilEvent(events, 'disconnect');
      const aborted = codeOf(client.publish('t', 'x', { signal: AbortSignal.abort() }));
      const late = codeOf(client.publish('t', 'x', { timeout: 1 }));
      const waiting = upTo(3).map((index) => outcomeOf(client.publish('t', String(index))));
      const full = codeOf(client.publish('t', 'x'));
      client.write('t', 'x');
      expect(await full).toBe('ERR_MQTT_QUEUE_FULL');
      expect(await drops.next()).toBe('ERR_MQTT_QUEUE_FULL');
      await Promise.all([aborted, late]);
      await client.close();
      expect(await Promise.all(waiting)).toEqual(Array(3).fill('ERR_MQTT_CLOSED'));
      const { dropped, queue, inFlight, delivered } = client.stats;
      expect(dropped).toMatchObject({ ERR_MQTT_QUEUE_FULL: 2, ERR_MQTT_TIMEOUT: 1, ERR_MQTT_CLOSED: 3 });
      expect(queue).toEqual({ messages: 0, bytes: 0 });
      expect(inFlight).toBe(0);
      expect(delivered).toBe(0);
    });

    engine.case('by the server, too: a refused publish is no delivered one, and without a promise it is told by drop', async () => {
      const client = await engine.connected(servers.mosquitto.usersUrl, { protocolVersion: 5, username: 'guest', password: 'guest password' });
      const drops = Inbox.of<string, [{ error: { code: string; reasonCode?: number } }]>(client, 'drop', ({ error }) => `${error.code} ${error.reasonCode}`);
      expect(await codeOf(client.publish('closed/t', 'x', { qos: 1 }))).toBe('ERR_MQTT_PUBLISH');
      client.write('closed/t', 'x', { qos: 1 });
      expect(await drops.next()).toBe('ERR_MQTT_PUBLISH 135');
      expect(client.stats.dropped).toEqual({ ERR_MQTT_PUBLISH: 2 });
      expect(client.stats.delivered).toBe(0);
    });
  });

  engine.case('what the server has not answered is in flight', async () => {
    const proxy = await LinkProxy.before(servers.mosquitto.url);
    const client = await engine.connected(proxy.url);
    proxy.hold();
    const waiting = Promise.all(upTo(10).map(() => client.publish('t', 'x', { qos: 1 })));
    expect(client.stats.inFlight).toBe(10);
    proxy.release();
    await waiting;
    await client.publish('t', 'x', { qos: 1 });
    expect(client.stats).toMatchObject({ inFlight: 0, delivered: 11 });
  });
});
