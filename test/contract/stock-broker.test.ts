/**
 * A Mosquitto that nobody has tuned takes 20 QoS 2 messages at a time from a 3.1.1 client, acknowledges more, and forgets them.
 * Nothing that a
 * promise says was delivered may be lost on it.
 */
import { expect } from 'vitest';
import { forEachEngine, messagesOf } from '../support/engines.js';
import { forEachServer, freshTopic, startServers } from '../support/servers.js';

const servers = startServers({ extra: ['max_inflight_messages 20'] });

forEachEngine((engine) => {
  forEachServer(servers, (server) => {
    engine.case('500 messages of QoS 2 at once all arrive, once and in order [MQTT-4.3.3]', async () => {
      const topic = freshTopic(engine);
      const options = { protocolVersion: server.version };
      const receiver = await engine.connected(server.url, options);
      const messages = messagesOf(receiver);
      await receiver.subscribe(topic, { qos: 2 });
      const sender = await engine.connected(server.url, options);
      const expected = Array.from({ length: 500 }, (_, i) => `message ${i}`);
      await Promise.all(expected.map((text) => sender.publish(topic, text, { qos: 2 })));
      expect((await messages.take(500)).map((message) => message.text())).toEqual(expected);
      await sender.publish(topic, 'last', { qos: 2 });
      expect((await messages.next()).text()).toBe('last');
    });
  });
});
