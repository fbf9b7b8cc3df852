/**
 * What a broker keeps for a client that is away, and what both say about it when the client is back. Clean start, session expiry and
 * session present are what an application sees of it.
 */
import { describe, expect } from 'vitest';
import { forEachEngine, messagesOf, upTo } from '../support/engines.js';
import { forEachServer, freshTopic, startServers } from '../support/servers.js';

const servers = startServers();

forEachEngine((engine) => {
  forEachServer(servers, (server) => {
    /** Options of a client whose session outlives its connection. */
    const keeping = (clientId: string) => ({
      protocolVersion: server.version, clientId: `${engine.name}-${clientId}-${server.name.replace(/\W/g, '')}`, cleanStart: false,
      ...(server.version === 5 ? { sessionExpiryInterval: 1000 } : {}),
    });

    engine.case('messages of QoS 1 and 2 wait for a client that is away, in order; session present says so', async () => {
      const topic = freshTopic(engine);
      const first = engine.client(server.url, keeping('away'));
      expect((await first.connect()).sessionPresent).toBe(false);
      await first.subscribe(topic, { qos: 2 });
      await first.close();
      const publisher = await engine.connected(server.url, { protocolVersion: server.version });
      for (let index = 0; index < 20; index += 1) {
        await publisher.publish(topic, String(index), { qos: index % 2 === 0 ? 1 : 2 });
      }
      const back = engine.client(server.url, keeping('away'));
      const messages = messagesOf(back);
      expect((await back.connect()).sessionPresent).toBe(true);
      const texts = (await messages.take(20)).map((message) => message.text());
      expect(texts).toEqual(upTo(20).map(String));
    });

    engine.case('the same client object connects again and has its session', async () => {
      const topic = freshTopic(engine);
      const client = engine.client(server.url, keeping('same-object'));
      await client.connect();
      await client.subscribe(topic, { qos: 1 });
      await client.close();
      const publisher = await engine.connected(server.url, { protocolVersion: server.version });
      await publisher.publish(topic, 'waited', { qos: 1 });
      const again = engine.client(server.url, keeping('same-object'));
      const messages = messagesOf(again);
      expect((await again.connect()).sessionPresent).toBe(true);
      expect((await messages.next()).text()).toBe('waited');
    });

    engine.case('a clean start ends the session: nothing old arrives', async () => {
      const topic = freshTopic(engine);
      const first = await engine.connected(server.url, keeping('clean'));
      await first.subscribe(topic, { qos: 1 });
      await first.close();
      const publisher = await engine.connected(server.url, { protocolVersion: server.version });
      await publisher.publish(topic, 'old', { qos: 1 });
      const back = engine.client(server.url, { ...keeping('clean'), cleanStart: true });
      const messages = messagesOf(back);
      expect((await back.connect()).sessionPresent).toBe(false);
      await back.subscribe(topic, { qos: 1 });
      await publisher.publish(topic, 'new', { qos: 1 });
      expect((await messages.next()).text()).toBe('new');
    });

    engine.case('a message that arrived and was acknowledged does not come again', async () => {
      const topic = freshTopic(engine);
      const first = await engine.connected(server.url, keeping('acknowledged'));
      const messages = messagesOf(first);
      await first.subscribe(topic, { qos: 2 });
      await first.publish(topic, 'once', { qos: 2 });
      await messages.next();
      await first.close();
      const back = engine.client(server.url, keeping('acknowledged'));
      const later = messagesOf(back);
      await back.connect();
      await back.publish(topic, 'mark', { qos: 2 });
      expect((await later.next()).text()).toBe('mark');
    });
  });

  describe('Mosquitto, 5: session expiry', () => {
    engine.case('0 ends the session with the connection [MQTT-3.1.2-23]', async () => {
      const options = { protocolVersion: 5, clientId: `expiry-0-${engine.name}`, cleanStart: false, sessionExpiryInterval: 0 } as const;
      const first = await engine.connected(servers.mosquitto.url, options);
      await first.subscribe(freshTopic(engine), { qos: 1 });
      await first.close();
      const back = engine.client(servers.mosquitto.url, options);
      expect((await back.connect()).sessionPresent).toBe(false);
    });

    engine.case('4,294,967,295 never ends it: the session survives a restart of the broker', async () => {
      const topic = freshTopic(engine);
      const options = { protocolVersion: 5, clientId: `expiry-max-${engine.name}`, cleanStart: false, sessionExpiryInterval: 0xffff_ffff } as const;
      const first = await engine.connected(servers.mosquitto.url, options);
      await first.subscribe(topic, { qos: 1 });
      await first.close();
      const publisher = await engine.connected(servers.mosquitto.url, { protocolVersion: 5 });
      await publisher.publish(topic, 'kept', { qos: 1 });
      await publisher.close();
      await servers.mosquitto.shutDown();
      await servers.mosquitto.restart();
      const back = engine.client(servers.mosquitto.url, options);
      const messages = messagesOf(back);
      expect((await back.connect()).sessionPresent).toBe(true);
      expect((await messages.next()).text()).toBe('kept');
    });
  });
});
