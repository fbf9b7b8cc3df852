/**
 * The channels of node:diagnostics_channel tell what a monitoring tool wants to know, of every client, without a word from the
 * application. Passwords are in none of them.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { expect, onTestFinished } from 'vitest';
import { forEachEngine, messagesOf } from '../support/engines.js';
import { eventsOf, SOON, untilEvent } from '../support/events.js';
import { LinkProxy } from '../support/link-proxy.js';
import { USERS } from '../support/mosquitto.js';
import { codeOf } from '../support/outcomes.js';
import { forEachServer, freshTopic, startServers } from '../support/servers.js';
import { Inbox } from '../support/waiting.js';
import type { Client, MqttError } from 'mqtt-native';

const servers = startServers({ users: true });

/** What a channel publishes about one client, until the end of the test. */
function channelOf<T extends { clientId: string }>(name: string, client: Client): Inbox<T> {
  const inbox = new Inbox<T>(`a message of the channel ${name}`);
  const listener = (message: unknown): void => {
    if ((message as T).clientId === client.clientId) {
      inbox.push(message as T);
    }
  };
  subscribe(name, listener);
  onTestFinished(() => { unsubscribe(name, listener); });
  return inbox;
}

interface Connected { clientId: string; server: string; result: { protocolVersion: number } }
interface Ended { clientId: string; server: string; error: MqttError }
interface Planned { clientId: string; attempt: number; delay: number }
interface Published { clientId: string; topic: string; qos: number; bytes: number }
interface Arrived { clientId: string; message: { topic: string; text(): string } }
interface Dropped { clientId: string; dropped: { topic: string | undefined; error: MqttError } }

forEachEngine((engine) => {
  forEachServer(servers, (server) => {
    engine.case('connect, disconnect and reconnect', async () => {
      const proxy = await LinkProxy.before(server.url);
      const client = engine.client(proxy.url, { protocolVersion: server.version, reconnect: SOON });
      const connects = channelOf<Connected>('mqtt-native:connect', client);
      const disconnects = channelOf<Ended>('mqtt-native:disconnect', client);
      const reconnects = channelOf<Planned>('mqtt-native:reconnect', client);
      const events = eventsOf(client);
      const result = await client.connect();
      const connect = await connects.next();
      expect(connect.result).toBe(result);
      expect(connect.server).toBe(client.server);
      proxy.cut();
      await untilEvent(events, 'disconnect');
      const ended = await disconnects.next();
      expect(ended.error.code).toMatch(/^ERR_MQTT_(CONNECTION_LOST|SERVER_DISCONNECT)$/);
      expect(ended.server).toBe(client.server);
      expect(await reconnects.next()).toMatchObject({ attempt: 1, delay: 10 });
      await connects.next();
      await client.close();
    });

    engine.case('publish and message', async () => {
      const topic = freshTopic(engine);
      const client = await engine.connected(server.url, { protocolVersion: server.version });
      const published = channelOf<Published>('mqtt-native:publish', client);
      const arrived = channelOf<Arrived>('mqtt-native:message', client);
      const messages = messagesOf(client);
      await client.subscribe(topic, { qos: 1 });
      await client.publish(topic, 'hello', { qos: 1 });
      client.write(topic, Buffer.alloc(7), { qos: 0 });
      await messages.take(2);
      const [first, second] = await published.take(2);
      expect(first).toMatchObject({ topic, qos: 1 });
      expect(second).toMatchObject({ topic, qos: 0 });
      expect(second!.bytes - first!.bytes).toBe(2);
      expect((await arrived.take(2)).map(({ message }) => message.topic)).toEqual([topic, topic]);
    });
  });

  engine.case('an attempt that failed is in the channel disconnect', async () => {
    const proxy = await LinkProxy.before(servers.mosquitto.url);
    proxy.down();
    const client = engine.client(proxy.url, { protocolVersion: 5 });
    const disconnects = channelOf<Ended>('mqtt-native:disconnect', client);
    const code = await codeOf(client.connect());
    expect((await disconnects.next()).error.code).toBe(code);
  });

  engine.case('drop', async () => {
    const proxy = await LinkProxy.before(servers.mosquitto.url);
    const client = engine.client(proxy.url, { reconnect: SOON, queue: { maxMessages: 1, overflow: 'drop-oldest' } });
    const drops = channelOf<Dropped>('mqtt-native:drop', client);
    const events = eventsOf(client);
    await client.connect();
    proxy.down();
    await untilEvent(events, 'disconnect');
    client.write('first', 'x');
    client.write('second', 'x');
    const { dropped } = await drops.next();
    expect(dropped.topic).toBe('first');
    expect(dropped.error.code).toBe('ERR_MQTT_QUEUE_FULL');
  });

  engine.case('a password is in no channel', async () => {
    const url = servers.mosquitto.usersUrl.replace('mqtt://', `mqtt://admin:${encodeURIComponent(USERS.admin)}@`);
    const client = engine.client(url);
    const seen: string[] = [];
    const connects = channelOf<Connected>('mqtt-native:connect', client);
    const disconnects = channelOf<Ended>('mqtt-native:disconnect', client);
    await client.connect();
    await client.close();
    seen.push(JSON.stringify(connects.all), JSON.stringify(disconnects.all));
    expect(connects.all.length).toBe(1);
    expect(disconnects.all.length).toBe(1);
    expect(seen.join()).not.toMatch(/correct/);
  });

  engine.case('a client nobody watches and one whose watcher left go on as ever', async () => {
    const client = await engine.connected(servers.mosquitto.url);
    const listener = (): void => { throw new Error('must not be called any more'); };
    subscribe('mqtt-native:publish', listener);
    unsubscribe('mqtt-native:publish', listener);
    await client.publish('t', 'x', { qos: 1 });
  });
});
