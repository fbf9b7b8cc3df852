/**
 * Several servers: the first one that is there is used, another when it fails, and the first one again when a connection is needed and it
 * is back. Proxies that are up or down stand for the servers.
 */
import { expect } from 'vitest';
import { forEachEngine, messagesOf } from '../support/engines.js';
import { eventsOf, LATER, SOON, untilEvent } from '../support/events.js';
import { LinkProxy } from '../support/link-proxy.js';
import { USERS } from '../support/mosquitto.js';
import { codeOf } from '../support/outcomes.js';
import { freePorts } from '../support/ports.js';
import { freshTopic, startServers } from '../support/servers.js';
import { Inbox } from '../support/waiting.js';
import type { ConnectResult } from 'mqtt-native';

const servers = startServers({ users: true });

/** An address where nobody listens. */
async function nobody(): Promise<string> {
  return `mqtt://127.0.0.1:${(await freePorts(1))[0]!}`;
}

forEachEngine((engine) => {
  const two = async (): Promise<[LinkProxy, LinkProxy]> => {
    const { url } = servers.mosquitto;
    return [await LinkProxy.before(url), await LinkProxy.before(url)];
  };

  engine.case('the first server is used while it is there', async () => {
    const [first, second] = await two();
    const client = await engine.connected(first.url, { servers: [second.url] });
    expect([first.accepted, second.accepted]).toEqual([1, 0]);
    expect(new URL(client.server!).port).toBe(new URL(first.url).port);
  });

  engine.case('the next one is used where the first refuses the connection, within one connect()', async () => {
    const [first, second] = await two();
    first.down();
    const client = await engine.connected(await nobody(), { servers: [first.url, second.url], protocolVersion: 5 });
    expect([first.accepted, second.accepted]).toEqual([1, 1]);
    expect(client.server).toContain(new URL(second.url).host);
    await client.publish('t', 'x', { qos: 1 });
  });

  engine.case('fail over: what waits when a server is lost is sent to the next one', async () => {
    const topic = freshTopic(engine);
    const watcher = await engine.connected(servers.mosquitto.url);
    const messages = messagesOf(watcher);
    await watcher.subscribe(topic, { qos: 1 });
    const [first, second] = await two();
    const client = engine.client(first.url, { servers: [second.url], reconnect: SOON });
    const events = eventsOf(client);
    await client.connect();
    first.down();
    await untilEvent(events, 'disconnect');
    await client.publish(topic, 'x', { qos: 1 });
    expect((await messages.next()).text()).toBe('x');
    expect(client.server).toContain(new URL(second.url).host);
    expect(second.accepted).toBe(1);
    // Both servers are one attempt.
    expect(events.all.filter((event) => event.name === 'reconnect').length).toBe(1);
  });

  engine.case('fail back: the first one is used again when it is back and a connection is needed', async () => {
    const [first, second] = await two();
    first.down();
    const client = engine.client(first.url, { servers: [second.url], reconnect: SOON, protocolVersion: 5 });
    const events = eventsOf(client);
    await client.connect();
    expect(client.server).toContain(new URL(second.url).host);
    first.up();
    second.cut();
    await untilEvent(events, 'disconnect');
    await untilEvent(events, 'connect');
    expect(client.server).toContain(new URL(first.url).host);
  });

  engine.case('all down: connect() rejects after one round', async () => {
    const [first, second] = await two();
    first.down();
    second.down();
    const client = engine.client(first.url, { servers: [second.url], reconnect: SOON, protocolVersion: 5 });
    expect(await codeOf(client.connect())).toMatch(/^ERR_MQTT_(CONNECT|CONNECTION_LOST)$/);
    expect([first.accepted, second.accepted]).toEqual([1, 1]);
    expect(client.stats.attempts).toBe(2);
  });

  engine.case('all down for a while: the list is gone through until one is there', async () => {
    const [first, second] = await two();
    const client = engine.client(first.url, { servers: [second.url, await nobody()], reconnect: SOON, protocolVersion: 5 });
    const events = eventsOf(client);
    await client.connect();
    first.down();
    second.down();
    await events.until((event) => event.name === 'reconnect' && event.attempt === 3);
    second.up();
    await untilEvent(events, 'connect');
    expect(client.server).toContain(new URL(second.url).host);
    expect(first.accepted).toBeGreaterThanOrEqual(3);
  });

  engine.case('maxAttempts counts rounds and not servers', async () => {
    const [first, second] = await two();
    const client = engine.client(first.url, { servers: [second.url], reconnect: { ...SOON, maxAttempts: 2 }, protocolVersion: 5 });
    const events = eventsOf(client);
    await client.connect();
    first.down();
    second.down();
    await untilEvent(events, 'disconnect');
    expect(await codeOf(client.publish('t', 'x', { qos: 1 }))).toMatch(/^ERR_MQTT_(CONNECT|CONNECTION_LOST)$/);
    expect([first.accepted, second.accepted]).toEqual([3, 2]);
  });

  engine.case('user name and password of the first URL are for all of them, and client.server shows neither', async () => {
    const withUser = (await nobody()).replace('mqtt://', `mqtt://admin:${encodeURIComponent(USERS.admin)}@`);
    const client = await engine.connected(withUser, { servers: [servers.mosquitto.usersUrl] });
    await client.publish('t', 'x', { qos: 1 });
    expect(client.server).toContain(new URL(servers.mosquitto.usersUrl).host);
    expect(client.server).not.toMatch(/admin|correct/);
  });

  engine.case('servers of different versions: 5 with the one, 3.1.1 with the other', async () => {
    const proxy = await LinkProxy.before(servers.mosquitto.url);
    const client = engine.client(proxy.url, { servers: [servers.aedes.url], reconnect: SOON });
    const events = eventsOf(client);
    const versions = Inbox.of<number, [ConnectResult]>(client, 'connect', (result) => result.protocolVersion);
    await client.connect();
    const topic = freshTopic(engine);
    const messages = messagesOf(client);
    await client.subscribe(topic, { qos: 1 });
    proxy.down();
    await events.until((event) => event.name === 'disconnect');
    await client.publish(topic, 'to Aedes', { qos: 1 });
    expect(await versions.take(2)).toEqual([5, 4]);
    expect((await messages.next()).text()).toBe('to Aedes');
  });

  engine.case('an aborted connect() does not go on to the next server', async () => {
    const [first, second] = await two();
    first.hold();
    const aborting = new AbortController();
    const client = engine.client(first.url, { servers: [second.url], reconnect: LATER });
    const connecting = codeOf(client.connect({ signal: aborting.signal }));
    aborting.abort();
    expect(await connecting).toBe('ERR_MQTT_ABORTED');
    await engine.connected(second.url);
    expect(second.accepted).toBe(1);
  });

  engine.case('a server that does not answer is left for the next one after its time', async () => {
    const [first, second] = await two();
    first.hold();
    const client = engine.client(first.url, { servers: [second.url], connectTimeout: 400, protocolVersion: 5 });
    await client.connect();
    expect(client.server).toContain(new URL(second.url).host);
    await client.publish('t', 'x', { qos: 1 });
  });
});
