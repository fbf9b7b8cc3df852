/**
 * A broker stops and starts again, a link is cut, nobody is there at all: the client comes back by itself, as often as it is told to. What
 * it says on the way, and in which state, is what an application shows its operators.
 */
import { describe, expect } from 'vitest';
import { forEachEngine, messagesOf, upTo } from '../support/engines.js';
import type { EngineUnderTest } from '../support/engines.js';
import { errorsOf, eventsOf, LATER, SOON, untilEvent } from '../support/events.js';
import { LinkProxy } from '../support/link-proxy.js';
import { codeOf, outcomeOf } from '../support/outcomes.js';
import { forEachServer, freshTopic, startServers } from '../support/servers.js';
import { Inbox, withSafetyNet } from '../support/waiting.js';
import type { ClientOptions } from 'mqtt-native';

const servers = startServers();

forEachEngine((engine) => {
  forEachServer(servers, (server) => {
    engine.case('a broker that stops and starts again: events in order, offline once, and the client works', async () => {
      const client = engine.client(server.url, { protocolVersion: server.version, reconnect: SOON });
      const events = eventsOf(client);
      await client.connect();
      await server.leave();
      await events.until((event) => event.name === 'reconnect' && event.attempt === 3);
      const waiting = client.publish('t', 'x', { qos: 1 });
      await server.comeBack();
      await untilEvent(events, 'connect');
      await waiting;
      const [first, lost, offline, ...attempts] = events.all;
      expect(first).toMatchObject({ name: 'connect', state: 'connected' });
      expect(lost).toMatchObject({ name: 'disconnect', state: 'reconnecting' });
      expect(lost!.code).toMatch(/^ERR_MQTT_(CONNECTION_LOST|SERVER_DISCONNECT)$/);
      expect(offline).toMatchObject({ name: 'offline', state: 'reconnecting' });
      const planned = attempts.slice(0, -1);
      expect(planned.map(({ name, attempt }) => `${name} ${attempt}`))
        .toEqual(upTo(planned.length).map((index) => `${index % 2 === 0 ? 'reconnecting' : 'reconnect'} ${Math.floor(index / 2) + 1}`));
      expect(new Set(planned.map(({ state }) => state))).toEqual(new Set(['reconnecting']));
      expect(attempts.at(-1)).toMatchObject({ name: 'connect', state: 'connected' });
    });

    engine.case('ten outages in a row are ten reconnections, and each time what waited is sent', async () => {
      const topic = freshTopic(engine);
      const watcher = await engine.connected(server.url, { protocolVersion: server.version });
      const messages = messagesOf(watcher);
      await watcher.subscribe(topic, { qos: 1 });
      const proxy = await LinkProxy.before(server.url);
      const client = engine.client(proxy.url, { protocolVersion: server.version, reconnect: SOON });
      const events = eventsOf(client);
      await client.connect();
      for (const outage of upTo(10)) {
        proxy.cut();
        await untilEvent(events, 'disconnect');
        await client.publish(topic, String(outage), { qos: 1 });
      }
      expect((await messages.take(10)).map((message) => message.text())).toEqual(upTo(10).map(String));
      expect(events.all.filter((event) => event.name === 'offline').length).toBe(10);
      expect(events.all.filter((event) => event.name === 'connect').length).toBe(11);
    });

    engine.case("reconnect: false: 'disconnect', nothing else, and connect() makes the next one", async () => {
      const proxy = await LinkProxy.before(server.url);
      const client = engine.client(proxy.url, { protocolVersion: server.version, reconnect: false });
      const events = eventsOf(client);
      await client.connect();
      proxy.cut();
      await untilEvent(events, 'disconnect');
      expect(client.state).toBe('disconnected');
      expect(await codeOf(client.publish('t', 'x', { qos: 1 }))).toBe('ERR_MQTT_NOT_CONNECTED');
      await client.connect();
      await client.publish('t', 'x', { qos: 1 });
      expect(events.all.map(({ name, state }) => `${name} ${state}`)).toEqual(['connect connected', 'disconnect disconnected', 'connect connected']);
    });

    engine.case('connect() while reconnecting begins the next attempt at once', async () => {
      const proxy = await LinkProxy.before(server.url);
      const client = engine.client(proxy.url, { protocolVersion: server.version, reconnect: LATER });
      const events = eventsOf(client);
      await client.connect();
      proxy.cut();
      await untilEvent(events, 'reconnecting');
      expect((await client.connect()).protocolVersion).toBe(server.version);
      expect(client.state).toBe('connected');
    });

    engine.case('connect() while reconnecting rejects when that attempt fails, and the client goes on', async () => {
      const proxy = await LinkProxy.before(server.url);
      const client = engine.client(proxy.url, { protocolVersion: server.version, reconnect: LATER });
      const events = eventsOf(client);
      await client.connect();
      proxy.down();
      await untilEvent(events, 'reconnecting');
      expect(await codeOf(client.connect())).toMatch(/^ERR_MQTT_(CONNECT|CONNECTION_LOST)$/);
      expect(client.state).toBe('reconnecting');
      await untilEvent(events, 'reconnecting');
      const waiting = client.publish('t', 'x', { qos: 1 });
      proxy.up();
      await client.connect();
      await waiting;
      expect(events.all.filter((event) => event.name === 'offline').length).toBe(1);
    });
  });

  describe('delays', () => {
    /** The first `count` delays of a client that cannot come back. */
    async function delaysOf(reconnect: Exclude<ClientOptions['reconnect'], undefined | false>, count: number): Promise<number[]> {
      const proxy = await LinkProxy.before(servers.mosquitto.url);
      const client = engine.client(proxy.url, { reconnect });
      const events = eventsOf(client);
      await client.connect();
      proxy.down();
      const delays: number[] = [];
      while (delays.length < count) {
        delays.push((await untilEvent(events, 'reconnecting')).at(-1)!.delay!);
      }
      return delays;
    }

    engine.case("jitter 'none': they double up to maxDelay", async () => {
      expect(await delaysOf({ initialDelay: 2, maxDelay: 20, jitter: 'none' }, 6)).toEqual([2, 4, 8, 16, 20, 20]);
    });

    engine.case("jitter 'full': anything up to a bound that doubles", async () => {
      const delays = await delaysOf({ initialDelay: 8, maxDelay: 32, jitter: 'full' }, 8);
      for (const [index, delay] of delays.entries()) {
        expect(delay).toBeGreaterThanOrEqual(0);
        expect(delay).toBeLessThanOrEqual(Math.min(32, 8 * 2 ** index));
      }
      // Eight numbers that are all the same are not chance.
      expect(new Set(delays).size).toBeGreaterThan(1);
    });

    // What is told is rounded to whole milliseconds.
    engine.case("jitter 'decorrelated': from initialDelay to three times the one before", async () => {
      const delays = await delaysOf({ initialDelay: 4, maxDelay: 60, jitter: 'decorrelated' }, 8);
      for (const [index, delay] of delays.entries()) {
        expect(delay).toBeGreaterThanOrEqual(4);
        expect(delay).toBeLessThanOrEqual(Math.min(60, 3 * ((delays[index - 1] ?? 4) + 0.5) + 0.5));
      }
      expect(new Set(delays).size).toBeGreaterThan(1);
    });

    engine.case('a server that accepts and closes is not stormed: a connection that did not hold begins no new sequence', async () => {
      const proxy = await LinkProxy.before(servers.mosquitto.url);
      const client = engine.client(proxy.url, { reconnect: { initialDelay: 2, maxDelay: 1000, jitter: 'none' } });
      const events = eventsOf(client);
      client.on('connect', () => proxy.cut());
      await client.connect();
      const delays: number[] = [];
      while (delays.length < 4) {
        delays.push((await untilEvent(events, 'reconnecting')).at(-1)!.delay!);
      }
      expect(delays).toEqual([2, 4, 8, 16]);
    });
  });

  describe('giving up', () => {
    engine.case('after maxAttempts the client is disconnected and everything that waited has failed', async () => {
      const proxy = await LinkProxy.before(servers.mosquitto.url);
      const client = engine.client(proxy.url, { reconnect: { ...SOON, maxAttempts: 3 } });
      const events = eventsOf(client);
      const errors = errorsOf(client);
      const drops = Inbox.of<string, [{ topic: string | undefined; error: { code: string } }]>(client, 'drop', ({ topic, error }) => `${topic} ${error.code}`);
      await client.connect();
      proxy.down();
      await untilEvent(events, 'disconnect');
      const waiting = [client.publish('a', 'x'), client.publish('b', 'x', { qos: 2, timeout: 0 }), client.subscribe('c'), client.unsubscribe('d')].map(outcomeOf);
      expect(client.write('e', 'x', { qos: 1 })).toBe(true);
      const code = await errors.next();
      expect(code).toMatch(/^ERR_MQTT_(CONNECT|CONNECTION_LOST)$/);
      expect(await Promise.all(waiting)).toEqual(Array(4).fill(code));
      expect(await drops.next()).toBe(`e ${code}`);
      expect(client.state).toBe('disconnected');
      expect(events.all.filter((event) => event.name === 'reconnect').map((event) => event.attempt)).toEqual([1, 2, 3]);
      expect(await codeOf(client.publish('t', 'x'))).toBe('ERR_MQTT_NOT_CONNECTED');
      proxy.up();
      await client.connect();
      await client.publish('t', 'x', { qos: 1 });
    });

    engine.case('without a listener for it, giving up is no uncaught exception', async () => {
      const proxy = await LinkProxy.before(servers.mosquitto.url);
      const client = engine.client(proxy.url, { reconnect: { ...SOON, maxAttempts: 1 } });
      const events = eventsOf(client);
      await client.connect();
      proxy.down();
      await untilEvent(events, 'disconnect');
      // Vitest fails a file in which anything was uncaught.
      expect(await codeOf(client.publish('t', 'x', { qos: 1 }))).toMatch(/^ERR_MQTT_(CONNECT|CONNECTION_LOST)$/);
      expect(client.state).toBe('disconnected');
    });

    engine.case('a connection that is lost at once does not begin the count anew', async () => {
      const proxy = await LinkProxy.before(servers.mosquitto.url);
      const client = engine.client(proxy.url, { reconnect: { ...SOON, maxAttempts: 3 } });
      const events = eventsOf(client);
      const errors = errorsOf(client);
      client.on('connect', () => proxy.cut());
      await client.connect();
      expect(await errors.next()).toMatch(/^ERR_MQTT_/);
      expect(client.state).toBe('disconnected');
      expect(events.all.filter((event) => event.name === 'connect').length).toBe(4);
      expect(events.all.filter((event) => event.name === 'offline').length).toBe(3);
    });
  });

  describe('ending it', () => {
    /** A client that is reconnecting, with a publish that waits; and whether it tried again after `end`. */
    async function whileReconnecting(how: EngineUnderTest, end: (client: ReturnType<EngineUnderTest['client']>) => unknown): Promise<void> {
      const proxy = await LinkProxy.before(servers.mosquitto.url);
      const client = how.client(proxy.url, { reconnect: SOON });
      const events = eventsOf(client);
      await client.connect();
      proxy.down();
      await untilEvent(events, 'reconnect');
      const waiting = [client.publish('t', 'x', { qos: 1 }), client.subscribe('t'), client.unsubscribe('t')].map(outcomeOf);
      await end(client);
      expect(await Promise.all(waiting)).toEqual(Array(3).fill('ERR_MQTT_CLOSED'));
      await untilEvent(events, 'close');
      expect(client.state).toBe('closed');
      // Somebody else makes attempts for as long as several of this client's would have taken.
      const before = events.all.length;
      const other = how.client(proxy.url, { reconnect: { ...SOON, initial: true, maxAttempts: 8 } });
      await outcomeOf(other.connect());
      expect(events.all.length).toBe(before);
    }

    engine.case('close() while reconnecting ends it at once, and what waited is ERR_MQTT_CLOSED', () => whileReconnecting(engine, (client) => client.close()));

    engine.case('destroy() while reconnecting does, too', () => whileReconnecting(engine, (client) => client.destroy()));

    engine.case('connect() that waits for an attempt is rejected by close()', async () => {
      const proxy = await LinkProxy.before(servers.mosquitto.url);
      const client = engine.client(proxy.url, { reconnect: LATER });
      const events = eventsOf(client);
      await client.connect();
      proxy.cut();
      await untilEvent(events, 'reconnecting');
      proxy.hold();
      const connecting = codeOf(client.connect());
      await client.close();
      expect(await connecting).toBe('ERR_MQTT_CLOSED');
    });
  });

  describe('the first connection', () => {
    engine.case('initial: true goes on until the broker is there', async () => {
      const proxy = await LinkProxy.before(servers.mosquitto.url);
      proxy.down();
      const client = engine.client(proxy.url, { reconnect: { ...SOON, initial: true } });
      const events = eventsOf(client);
      const connecting = client.connect();
      const published = client.publish('t', 'early', { qos: 1 });
      await events.until((event) => event.name === 'reconnect' && event.attempt === 3);
      proxy.up();
      expect((await connecting).sessionPresent).toBe(false);
      await published;
      expect(events.all.filter((event) => event.name === 'offline').length).toBe(1);
      expect(events.all.filter((event) => event.name === 'disconnect').length).toBe(0);
    });

    engine.case('without it connect() rejects, and nothing is tried any more', async () => {
      const proxy = await LinkProxy.before(servers.mosquitto.url);
      proxy.down();
      const client = engine.client(proxy.url, { reconnect: SOON, protocolVersion: 5 });
      const events = eventsOf(client);
      expect(await codeOf(client.connect())).toMatch(/^ERR_MQTT_(CONNECT|CONNECTION_LOST)$/);
      expect(client.state).toBe('disconnected');
      expect(proxy.accepted).toBe(1);
      expect(await codeOf(client.publish('t', 'x'))).toBe('ERR_MQTT_NOT_CONNECTED');
      expect(events.all).toEqual([]);
    });

    engine.case('initial: true and maxAttempts: connect() rejects when the client gives up', async () => {
      const proxy = await LinkProxy.before(servers.mosquitto.url);
      proxy.down();
      const client = engine.client(proxy.url, { reconnect: { ...SOON, initial: true, maxAttempts: 2 }, protocolVersion: 5 });
      const events = eventsOf(client);
      expect(await codeOf(client.connect())).toMatch(/^ERR_MQTT_(CONNECT|CONNECTION_LOST)$/);
      expect(client.state).toBe('disconnected');
      expect(events.all.filter((event) => event.name === 'reconnect').map((event) => event.attempt)).toEqual([1, 2]);
      expect(proxy.accepted).toBe(3);
    });

    engine.case('initial: true and a signal: aborting ends the attempts', async () => {
      const proxy = await LinkProxy.before(servers.mosquitto.url);
      proxy.down();
      const client = engine.client(proxy.url, { reconnect: { ...SOON, initial: true } });
      const events = eventsOf(client);
      const aborting = new AbortController();
      const connecting = codeOf(client.connect({ signal: aborting.signal }));
      await untilEvent(events, 'reconnecting');
      aborting.abort();
      expect(await connecting).toBe('ERR_MQTT_ABORTED');
      expect(client.state).toBe('disconnected');
    });

    engine.case('what cannot pass is not tried again: a broker that does not speak 5', async () => {
      const client = engine.client(servers.aedes.url, { protocolVersion: 5, reconnect: { ...SOON, initial: true, maxAttempts: 5 } });
      const events = eventsOf(client);
      const code = await codeOf(client.connect());
      expect(code).toMatch(/^ERR_MQTT_(REFUSED|CONNECTION_LOST)$/);
      // Aedes may close instead of saying why; that alone may pass.
      expect(events.all.filter((event) => event.name === 'reconnect').length).toBe(code === 'ERR_MQTT_REFUSED' ? 0 : 5);
    });
  });

  engine.case('a broker that has fallen silent is left, and found again when it answers', async () => {
    const proxy = await LinkProxy.before(servers.mosquitto.url);
    const client = engine.client(proxy.url, { keepAlive: 1, reconnect: SOON });
    const events = eventsOf(client);
    await client.connect();
    proxy.hold();
    const waiting = client.publish('t', 'x', { qos: 0 });
    expect((await untilEvent(events, 'disconnect')).at(-1)!.code).toBe('ERR_MQTT_KEEP_ALIVE');
    proxy.release();
    await untilEvent(events, 'connect');
    await outcomeOf(waiting);
    await withSafetyNet('an answer', client.publish('t', 'x', { qos: 1 }));
  });
});
