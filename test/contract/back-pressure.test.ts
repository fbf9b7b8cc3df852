/**
 * A reader that is slow makes the broker wait and loses nothing; a writer that is fast is told so. Both keep their connection, however
 * long it takes.
 */
import { describe, expect } from 'vitest';
import { forEachEngine, messagesOf, numbersOf, upTo } from '../support/engines.js';
import { eventsOf } from '../support/events.js';
import { LinkProxy, PUBACK, PUBCOMP, PUBLISH, typeOf } from '../support/link-proxy.js';
import type { Side } from '../support/link-proxy.js';
import { packetIdentifier } from '../support/packets.js';
import { forEachServer, freshTopic, startServers } from '../support/servers.js';
import { Inbox, withSafetyNet } from '../support/waiting.js';

const servers = startServers();

/** Watches how many PUBLISH packets of one side are on their way without the packet that ends them; the most there were. */
function countingOpen(proxy: LinkProxy, side: Side, ends: number): { most: number } {
  const counted = { most: 0 };
  let open = 0;
  proxy.onPacket = (from, packet) => {
    if (from === side && typeOf(packet) === PUBLISH) {
      open += 1;
      counted.most = Math.max(counted.most, open);
    } else if (from !== side && typeOf(packet) === ends) {
      open -= 1;
    }
    return 'pass';
  };
  return counted;
}

forEachEngine((engine) => {
  forEachServer(servers, (server) => {
    const options = { protocolVersion: server.version };

    engine.case('a loop that takes a turn of the event loop for each of 3,000 messages gets them all, in order', async () => {
      const topic = freshTopic(engine);
      const [reader, writer] = await Promise.all([engine.connected(server.url, options), engine.connected(server.url, options)]);
      const subscription = await reader.subscribe(topic, { qos: 1 });
      const sending = Promise.all(upTo(3000).map((index) => writer.publish(topic, String(index), { qos: 1 })));
      const got: number[] = [];
      for await (const message of subscription) {
        got.push(Number(message.text()));
        await new Promise((resolve) => { setImmediate(resolve); });
        if (got.length === 3000) {
          break;
        }
      }
      await sending;
      expect(got).toEqual(upTo(3000));
    }, { timeout: 60_000 });

    engine.case('while a handler holds its messages, acknowledgements wait; they follow in the order of arrival [MQTT-4.6.0-2]', async () => {
      const topic = freshTopic(engine);
      const proxy = await LinkProxy.before(server.url);
      const reader = await engine.connected(proxy.url, options);
      const acknowledged = new Inbox<number>('PUBACK');
      const sent: number[] = [];
      proxy.onPacket = (from, packet) => {
        if (from === 'server' && typeOf(packet) === PUBLISH) {
          sent.push(packetIdentifier(packet)!);
        } else if (from === 'client' && typeOf(packet) === PUBACK) {
          acknowledged.push(packetIdentifier(packet)!);
        }
        return 'pass';
      };
      const held: (() => void)[] = [];
      const arrived = new Inbox<null>('a message of the handler');
      await reader.subscribe(topic, { qos: 1 }, () => new Promise<void>((resolve) => {
        held.push(resolve);
        arrived.push(null);
      }));
      const writer = await engine.connected(server.url, options);
      await Promise.all(upTo(5).map((index) => writer.publish(topic, String(index), { qos: 1 })));
      await arrived.take(5);
      // The last one first: nothing may leave before the first is done.
      for (const release of held.slice(1).reverse()) {
        release();
      }
      await reader.publish('somewhere/else', 'x', { qos: 2 });
      expect(acknowledged.all).toEqual([]);
      held[0]!();
      expect(await acknowledged.take(5)).toEqual(sent);
      expect(sent.length).toBe(5);
    });

    engine.case("write() says false at the high-water mark; 'drain' follows, and everything arrives", async () => {
      const topic = freshTopic(engine);
      const reader = await engine.connected(server.url, options);
      const writer = await engine.connected(server.url, { ...options, queue: { highWaterMessages: 100 } });
      const messages = messagesOf(reader);
      await reader.subscribe(topic, { qos: 1 });
      const drains = Inbox.of<null, []>(writer, 'drain', () => null);
      let refusals = 0;
      for (const index of upTo(1000)) {
        if (!writer.write(topic, String(index), { qos: 1 })) {
          refusals += 1;
          await drains.next();
        }
      }
      expect(refusals).toBeGreaterThan(1);
      expect(numbersOf(await messages.take(1000))).toEqual(upTo(1000));
    }, { timeout: 60_000 });

    engine.case('write() says false above highWaterBytes, too', async () => {
      const proxy = await LinkProxy.before(server.url);
      const writer = await engine.connected(proxy.url, { ...options, queue: { highWaterBytes: 10_000 } });
      const drains = Inbox.of<null, []>(writer, 'drain', () => null);
      proxy.hold();
      expect(writer.write('t', 'x'.repeat(4000), { qos: 1 })).toBe(true);
      expect(writer.write('t', 'x'.repeat(7000), { qos: 1 })).toBe(false);
      expect(drains.all.length).toBe(0);
      proxy.release();
      await drains.next();
      expect(writer.write('t', 'x')).toBe(true);
    });

    for (const [qos, ends] of [[1, PUBACK], [2, PUBCOMP]] as const) {
      engine.case(`window: 3: never more than three publishes of QoS ${qos} are on their way`, async () => {
        const proxy = await LinkProxy.before(server.url);
        const writer = await engine.connected(proxy.url, { ...options, window: 3 });
        const open = countingOpen(proxy, 'client', ends);
        await Promise.all(upTo(100).map((index) => writer.publish('t', String(index), { qos })));
        expect(open.most).toBe(3);
      });
    }
  });

  describe('Mosquitto', () => {
    for (const version of [4, 5] as const) {
      engine.case(`${version === 4 ? '3.1.1' : '5'}: a loop that stands still for several times the keep alive loses neither a message nor its connection`, async () => {
        const topic = freshTopic(engine);
        const reader = await engine.connected(servers.mosquitto.url, { protocolVersion: version, keepAlive: 1 });
        const events = eventsOf(reader);
        const writer = await engine.connected(servers.mosquitto.url, { protocolVersion: version });
        const subscription = await reader.subscribe(topic, { qos: 1 });
        const from = servers.mosquitto.log.length;
        // More than the sockets and the inbox hold together.
        const payload = 'x'.repeat(10_000);
        const sending = Promise.all(upTo(1500).map((index) => writer.publish(topic, `${index} ${payload}`, { qos: 1, timeout: 0 })));
        const got: number[] = [];
        for await (const message of subscription) {
          if (got.length === 0) {
            await servers.mosquitto.logged(`Received PINGREQ from ${reader.clientId}`, 3, from);
          }
          got.push(Number.parseInt(message.text(), 10));
          if (got.length === 1500) {
            break;
          }
        }
        await sending;
        expect(got).toEqual(upTo(1500));
        expect(events.all).toEqual([]);
      }, { timeout: 60_000 });
    }

    engine.case('5: receiveMaximum bounds what the broker sends before it is acknowledged [MQTT-3.3.4-9]', async () => {
      const topic = freshTopic(engine);
      const proxy = await LinkProxy.before(servers.mosquitto.url);
      const reader = await engine.connected(proxy.url, { protocolVersion: 5, receiveMaximum: 5 });
      const open = countingOpen(proxy, 'server', PUBACK);
      const held: (() => void)[] = [];
      const arrived = new Inbox<null>('a message of the handler');
      await reader.subscribe(topic, { qos: 1 }, () => new Promise<void>((resolve) => {
        held.push(resolve);
        arrived.push(null);
      }));
      const writer = await engine.connected(servers.mosquitto.url, { protocolVersion: 5 });
      await Promise.all(upTo(20).map((index) => writer.publish(topic, String(index), { qos: 1 })));
      await arrived.take(5);
      await withSafetyNet('an answer behind them', reader.publish('somewhere/else', 'x', { qos: 1 }));
      expect(held.length).toBe(5);
      expect(open.most).toBe(5);
    });

    engine.case('5: handlers that take their time for more messages than the server was told lose neither a message nor the connection', async () => {
      const topic = freshTopic(engine);
      const reader = await engine.connected(servers.mosquitto.url, { protocolVersion: 5 });
      const events = eventsOf(reader);
      const got = new Inbox<number>('a message of the handler');
      await reader.subscribe(topic, { qos: 1 }, async (message) => {
        await new Promise((resolve) => { setTimeout(resolve, 50); });
        got.push(Number(message.text()));
      });
      const writer = await engine.connected(servers.mosquitto.url, { protocolVersion: 5 });
      await Promise.all(upTo(4000).map((index) => writer.publish(topic, String(index), { qos: 1 })));
      expect((await got.take(4000)).sort((a, b) => a - b)).toEqual(upTo(4000));
      expect(events.all).toEqual([]);
    });
  });
});
