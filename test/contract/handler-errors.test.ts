/**
 * A handler that fails: the application hears of it, and `onHandlerError` decides whether the message is done with or comes again. The
 * client and its other messages do not suffer.
 */
import { describe, expect } from 'vitest';
import { forEachEngine, upTo } from '../support/engines.js';
import { eventsOf, SOON, untilEvent } from '../support/events.js';
import { LinkProxy, typeOf } from '../support/link-proxy.js';
import { forEachServer, freshTopic, startServers } from '../support/servers.js';
import { Inbox } from '../support/waiting.js';
import type { Client, Message } from 'mqtt-native';

const servers = startServers();

const failures = [
  ['throws', () => { throw new Error('cannot be handled'); }],
  ['rejects', () => Promise.reject(new Error('cannot be handled'))],
] as const;

/** The messages of 'error'. */
function errorTexts(client: Client): Inbox<string> {
  return Inbox.of<string, [unknown]>(client, 'error', (error) => (error as Error).message);
}

forEachEngine((engine) => {
  forEachServer(servers, (server) => {
    /** A client whose session goes on. */
    const keeping = () => ({
      protocolVersion: server.version, clientId: freshTopic(engine, server.name).replace(/\W/g, ''), cleanStart: false, reconnect: SOON,
      ...(server.version === 5 ? { sessionExpiryInterval: 1000 } : {}),
    });

    for (const [how, fail] of failures) {
      for (const qos of [1, 2] as const) {
        engine.case(`'ack': a handler that ${how} for one of five messages of QoS ${qos}: 'error', and the message does not come again`, async () => {
          const topic = freshTopic(engine);
          const proxy = await LinkProxy.before(server.url);
          const client = await engine.connected(proxy.url, keeping());
          const events = eventsOf(client);
          const errors = errorTexts(client);
          const got = new Inbox<string>('a message of the handler');
          await client.subscribe(topic, { qos }, (message) => {
            got.push(message.text());
            return message.text() === '2' ? fail() : undefined;
          });
          for (const index of upTo(5)) {
            await client.publish(topic, String(index), { qos });
          }
          expect(await got.take(5)).toEqual(upTo(5).map(String));
          expect(await errors.next()).toBe('cannot be handled');
          // Behind the acknowledgements; then another connection of the same session.
          await client.publish('somewhere/else', 'x', { qos: 2 });
          proxy.cut();
          await untilEvent(events, 'connect');
          await client.publish(topic, 'end', { qos });
          expect(await got.next()).toBe('end');
          expect(errors.all.length).toBe(1);
        });

        engine.case(`'disconnect': a handler that ${how} gets its message of QoS ${qos} again, over a new connection`, async () => {
          const topic = freshTopic(engine);
          const client = await engine.connected(server.url, { ...keeping(), onHandlerError: 'disconnect' });
          const events = eventsOf(client);
          const errors = errorTexts(client);
          const got = new Inbox<Message>('a message of the handler');
          let failed = false;
          await client.subscribe(topic, { qos }, (message) => {
            got.push(message);
            if (message.text() === '2' && !failed) {
              failed = true;
              return fail();
            }
            return undefined;
          });
          const publisher = await engine.connected(server.url, { protocolVersion: server.version });
          for (const index of upTo(5)) {
            await publisher.publish(topic, String(index), { qos });
          }
          await publisher.publish(topic, 'end', { qos });
          // What comes behind the one that failed may have come by either connection.
          const due = ['0', '1', '2', '2', '3', '4', 'end'];
          const texts = (await got.until((message) => {
            const at = due.indexOf(message.text());
            return at >= 0 && due.splice(at, 1).length > 0 && due.length === 0;
          })).map((message) => message.text());
          expect(await errors.next()).toBe('cannot be handled');
          expect(errors.all.length).toBe(1);
          expect(texts.filter((text) => text === '2').length).toBe(2);
          // Those before it were acknowledged and stay away; Aedes 1.2 repeats a QoS 2 message whose PUBCOMP it has not read.
          if (server.broker !== 'aedes' || qos === 1) {
            expect(texts.filter((text) => text === '0' || text === '1')).toEqual(['0', '1']);
          }
          expect(events.all.filter((event) => event.name === 'disconnect').length).toBe(1);
        });
      }
    }
  });

  describe('Mosquitto, 5', () => {
    engine.case("'disconnect' says 0x83, Implementation specific error, to the server", async () => {
      const topic = freshTopic(engine);
      const proxy = await LinkProxy.before(servers.mosquitto.url);
      const client = await engine.connected(proxy.url, { protocolVersion: 5, onHandlerError: 'disconnect' });
      const errors = errorTexts(client);
      const said = new Inbox<string>('DISCONNECT');
      proxy.onPacket = (from, packet) => {
        if (from === 'client' && typeOf(packet) === 14) {
          said.push(packet.toString('hex'));
        }
        return 'pass';
      };
      await client.subscribe(topic, { qos: 1 }, () => { throw new Error('cannot be handled'); });
      client.write(topic, 'x', { qos: 1 });
      expect(await said.next()).toMatch(/^e0..83/);
      expect(await errors.next()).toBe('cannot be handled');
    });
  });

  engine.case('a message the application has acknowledged itself is done with, whatever its handler does then', async () => {
    const topic = freshTopic(engine);
    const client = await engine.connected(servers.mosquitto.url, {
      protocolVersion: 5, sessionExpiryInterval: 1000, reconnect: SOON, onHandlerError: 'disconnect',
    });
    const errors = errorTexts(client);
    const got = new Inbox<string>('a message of the handler');
    await client.subscribe(topic, { qos: 1 }, (message) => {
      got.push(message.text());
      message.ack();
      if (message.text() === 'bad') {
        throw new Error('too late');
      }
    });
    client.write(topic, 'bad', { qos: 1 });
    expect(await errors.next()).toBe('too late');
    await client.publish(topic, 'end', { qos: 1 });
    expect((await got.until((text) => text === 'end')).filter((text) => text === 'bad').length).toBe(1);
  });

  engine.case('a listener of error may close the client', async () => {
    const topic = freshTopic(engine);
    const client = await engine.connected(servers.mosquitto.url);
    const closed = Inbox.of<null, []>(client, 'close', () => null);
    client.on('error', () => { void client.close(); });
    await client.subscribe(topic, { qos: 1 }, () => { throw new Error('cannot be handled'); });
    client.write(topic, 'x', { qos: 1 });
    await closed.next();
    expect(client.state).toBe('closed');
  });
});
