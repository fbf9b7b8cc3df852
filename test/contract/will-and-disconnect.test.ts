/**
 * How a client leaves decides what it leaves behind: its will, at once or after a delay, and its session, for as long as it said. The cases
 * of will.test.ts are about the will's content.
 */
import { describe, expect } from 'vitest';
import { forEachEngine, messagesOf } from '../support/engines.js';
import type { EngineUnderTest } from '../support/engines.js';
import { eventsOf, SOON, untilEvent } from '../support/events.js';
import { LinkProxy, typeOf } from '../support/link-proxy.js';
import { codeOf } from '../support/outcomes.js';
import { forEachServer, freshTopic, startServers } from '../support/servers.js';

const servers = startServers();

async function watcherOf(engine: EngineUnderTest, url: string, version: 4 | 5, topic: string) {
  const client = await engine.connected(url, { protocolVersion: version });
  const messages = messagesOf(client);
  await client.subscribe(topic, { qos: 1 });
  return { client, messages };
}

forEachEngine((engine) => {
  forEachServer(servers, (server) => {
    engine.case('each lost connection of a client that comes back leaves its will once; close() leaves none', async () => {
      const topic = freshTopic(engine);
      const { client: other, messages } = await watcherOf(engine, server.url, server.version, topic);
      const proxy = await LinkProxy.before(server.url);
      const client = engine.client(proxy.url, { protocolVersion: server.version, reconnect: SOON, will: { topic, payload: 'lost', qos: 1 } });
      const events = eventsOf(client);
      await client.connect();
      for (let outage = 1; outage <= 3; outage += 1) {
        proxy.cut();
        await untilEvent(events, 'disconnect');
        expect((await messages.next()).text()).toBe('lost');
        await client.publish('somewhere/else', 'x', { qos: 1 });
      }
      await client.close();
      await other.publish(topic, 'mark', { qos: 1 });
      expect((await messages.next()).text()).toBe('mark');
    });

    engine.case('close() ends with DISCONNECT, and nothing after it [MQTT-3.14.4-2]', async () => {
      const proxy = await LinkProxy.before(server.url);
      const client = await engine.connected(proxy.url, { protocolVersion: server.version });
      const sent: number[] = [];
      proxy.onPacket = (from, packet) => {
        if (from === 'client') {
          sent.push(typeOf(packet));
        }
        return 'pass';
      };
      client.write('t', 'x', { qos: 1 });
      await client.close();
      await proxy.ended();
      expect(sent).toEqual([3, 14]);
    });

    engine.case('destroy() sends nothing', async () => {
      const topic = freshTopic(engine);
      const { messages } = await watcherOf(engine, server.url, server.version, topic);
      const proxy = await LinkProxy.before(server.url);
      const client = await engine.connected(proxy.url, { protocolVersion: server.version, will: { topic, payload: 'gone', qos: 1 } });
      const sent: number[] = [];
      proxy.onPacket = (from, packet) => {
        if (from === 'client') {
          sent.push(typeOf(packet));
        }
        return 'pass';
      };
      client.destroy();
      expect((await messages.next()).text()).toBe('gone');
      await proxy.ended();
      expect(sent).toEqual([]);
    });
  });

  describe('Mosquitto, 5', () => {
    const url = () => servers.mosquitto.url;

    engine.case('a delayed will is published when its delay is over, not before [MQTT-3.1.3-9]', async () => {
      const topic = freshTopic(engine);
      const { client: other, messages } = await watcherOf(engine, url(), 5, topic);
      const client = await engine.connected(url(), { protocolVersion: 5, sessionExpiryInterval: 100, will: { topic, payload: 'gone', qos: 1, delay: 1 } });
      client.destroy();
      await other.publish(topic, 'mark', { qos: 1 });
      expect((await messages.take(2)).map((message) => message.text())).toEqual(['mark', 'gone']);
    });

    engine.case('a client that is back by itself within the delay leaves no will', async () => {
      const topic = freshTopic(engine);
      const { client: other, messages } = await watcherOf(engine, url(), 5, topic);
      const proxy = await LinkProxy.before(url());
      const client = engine.client(proxy.url, { protocolVersion: 5, sessionExpiryInterval: 100, reconnect: SOON, will: { topic, payload: 'gone', qos: 1, delay: 1 } });
      const events = eventsOf(client);
      await client.connect();
      proxy.cut();
      await untilEvent(events, 'disconnect');
      await untilEvent(events, 'connect');
      // A will of another client with the same delay, which began later: this one's would have come before it.
      const second = await engine.connected(url(), { protocolVersion: 5, sessionExpiryInterval: 100, will: { topic, payload: 'of the second', qos: 1, delay: 1 } });
      second.destroy();
      expect((await messages.next()).text()).toBe('of the second');
      await other.close();
    });

    engine.case('DISCONNECT with 0x04 and a delay: the will follows after the delay', async () => {
      const topic = freshTopic(engine);
      const { client: other, messages } = await watcherOf(engine, url(), 5, topic);
      const client = await engine.connected(url(), { protocolVersion: 5, sessionExpiryInterval: 100, will: { topic, payload: 'on purpose', qos: 1, delay: 1 } });
      await client.close({ reasonCode: 4 });
      await other.publish(topic, 'mark', { qos: 1 });
      expect((await messages.take(2)).map((message) => message.text())).toEqual(['mark', 'on purpose']);
    });

    engine.case('reason code, session expiry and user properties of close() are in DISCONNECT', async () => {
      const proxy = await LinkProxy.before(url());
      const client = await engine.connected(proxy.url, { protocolVersion: 5, sessionExpiryInterval: 100 });
      let said = '';
      proxy.onPacket = (from, packet) => {
        if (from === 'client' && typeOf(packet) === 14) {
          said = packet.toString('latin1');
        }
        return 'pass';
      };
      await client.close({ reasonCode: 4, properties: { sessionExpiryInterval: 7, reasonString: 'for maintenance', userProperties: [['who', 'me']] } });
      await proxy.ended();
      expect(said.charCodeAt(2)).toBe(4);
      expect(said).toContain('\x11\x00\x00\x00\x07');
      expect(said).toContain('\x1f\x00\x0ffor maintenance');
      expect(said).toContain('\x26\x00\x03who\x00\x02me');
    });

    engine.case('session expiry 0 at close() ends the session', async () => {
      const clientId = freshTopic(engine, 'expiry').replace(/\W/g, '');
      const options = { protocolVersion: 5, clientId, cleanStart: false, sessionExpiryInterval: 1000 } as const;
      const client = await engine.connected(url(), options);
      await client.subscribe('t');
      await client.close({ properties: { sessionExpiryInterval: 0 } });
      expect((await engine.client(url(), options).connect()).sessionPresent).toBe(false);
    });

    engine.case('a longer session expiry at close() keeps it', async () => {
      const clientId = freshTopic(engine, 'expiry').replace(/\W/g, '');
      const options = { protocolVersion: 5, clientId, cleanStart: false, sessionExpiryInterval: 1 } as const;
      const client = await engine.connected(url(), options);
      await client.subscribe('t');
      await client.close({ properties: { sessionExpiryInterval: 1000 } });
      // The second it would have lived is over when a will of the same delay has come.
      const topic = freshTopic(engine);
      const { messages } = await watcherOf(engine, url(), 5, topic);
      const other = await engine.connected(url(), { protocolVersion: 5, sessionExpiryInterval: 100, will: { topic, payload: 'later', qos: 1, delay: 2 } });
      other.destroy();
      await messages.next();
      expect((await engine.client(url(), options).connect()).sessionPresent).toBe(true);
    });

    engine.case('what began with expiry 0 cannot be made longer [MQTT-3.14.2-2]', async () => {
      const client = await engine.connected(url(), { protocolVersion: 5 });
      expect(await codeOf(client.close({ properties: { sessionExpiryInterval: 5 } }))).toBe('ERR_MQTT_OPTION');
      expect(client.state).toBe('connected');
      await client.close();
    });
  });

  engine.case('3.1.1: close() takes no reason code and no properties, and the client goes on', async () => {
    const client = await engine.connected(servers.aedes.url, { protocolVersion: 4 });
    expect(await codeOf(client.close({ reasonCode: 4 }))).toBe('ERR_MQTT_NOT_SUPPORTED');
    expect(await codeOf(client.close({ properties: { reasonString: 'x' } }))).toBe('ERR_MQTT_NOT_SUPPORTED');
    await client.publish('t', 'x', { qos: 1 });
  });
});
