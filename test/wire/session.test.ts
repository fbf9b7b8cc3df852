/**
 * What a client still owes the server when a connection is lost and the session goes on: unfinished messages are sent again with DUP,
 * with their identifiers, in their order, and only then. The broker is a script that cuts the link in the middle of a handshake and says
 * whether it has the session.
 */
import { afterAll, beforeAll, describe, expect } from 'vitest';
import type { MqttError } from 'mqtt-native';
import { forEachEngine, messagesOf } from '../support/engines.js';
import { outcomeOf } from '../support/outcomes.js';
import { packetIdentifier } from '../support/packets.js';
import { readConnect } from '../support/read-connect.js';
import { ScriptedBroker } from '../support/scripted-broker.js';
import type { ScriptedLink } from '../support/scripted-broker.js';
import { connected, keeping } from '../support/scripted-client.js';
import type { ScriptedPair } from '../support/scripted-client.js';

let broker: ScriptedBroker;
beforeAll(async () => { broker = await ScriptedBroker.start(); });
afterAll(() => broker.stop());

/** Cuts the link and lets the same client connect again. */
async function cutAndConnect({ client, link, packets }: ScriptedPair, sessionPresent: boolean): Promise<ScriptedLink> {
  const lost = new Promise<MqttError>((resolve) => { client.once('disconnect', resolve); });
  link.end();
  expect((await lost).code).toBe('ERR_MQTT_CONNECTION_LOST');
  const connecting = client.connect();
  const next = await broker.accept();
  await next.expectType(1);
  next.send(packets.connack(0, sessionPresent));
  expect((await connecting).sessionPresent).toBe(sessionPresent);
  return next;
}

forEachEngine((engine) => {
  for (const version of [4, 5] as const) {
    describe(version === 4 ? '3.1.1' : '5', () => {
      engine.case('an unacknowledged QoS 1 is sent again with DUP and its identifier [MQTT-3.3.1-1] [MQTT-4.4.0-1]', async () => {
        const pair = await connected(engine, broker, version, keeping(version));
        const outcome = outcomeOf(pair.client.publish('t', 'x', { qos: 1 }));
        const first = await pair.link.expectType(3);
        const next = await cutAndConnect(pair, true);
        const again = Buffer.from(first);
        again[0]! |= 0x08;
        await next.expect(again);
        next.send(pair.packets.puback(packetIdentifier(first)!));
        await next.barrier(version);
        expect(await outcome).toMatch(/^(ok|ERR_MQTT_CONNECTION_LOST)$/);
      });

      engine.case('QoS 2 is sent again before its PUBREC, and only PUBREL after it [MQTT-4.3.3-6] [MQTT-4.4.0-1]', async () => {
        const pair = await connected(engine, broker, version, keeping(version));
        const outcomes = [outcomeOf(pair.client.publish('a', 'x', { qos: 2 })), outcomeOf(pair.client.publish('b', 'x', { qos: 2 }))];
        const first = await pair.link.expectType(3);
        const second = await pair.link.expectType(3);
        const [firstId, secondId] = [packetIdentifier(first)!, packetIdentifier(second)!];
        pair.link.send(pair.packets.pubrec(firstId));
        await pair.link.expect(pair.packets.pubrel(firstId));
        const next = await cutAndConnect(pair, true);
        const again = Buffer.from(second);
        again[0]! |= 0x08;
        await next.expect(pair.packets.pubrel(firstId), again);
        next.send(pair.packets.pubcomp(firstId), pair.packets.pubrec(secondId));
        await next.expect(pair.packets.pubrel(secondId));
        next.send(pair.packets.pubcomp(secondId));
        await next.barrier(version);
        await Promise.all(outcomes);
      });

      engine.case('ten of them are sent again in their first order, and new ones follow behind [MQTT-4.6.0-1]', async () => {
        const pair = await connected(engine, broker, version, keeping(version));
        const outcomes = Array.from({ length: 10 }, (_, index) => outcomeOf(pair.client.publish('t', String(index), { qos: 1 })));
        const sent: Buffer[] = [];
        for (let index = 0; index < 10; index += 1) {
          sent.push(await pair.link.expectType(3));
        }
        // Two in the middle are done.
        pair.link.send(pair.packets.puback(packetIdentifier(sent[3]!)!), pair.packets.puback(packetIdentifier(sent[7]!)!));
        await outcomes[3];
        await outcomes[7];
        const next = await cutAndConnect(pair, true);
        const later = outcomeOf(pair.client.publish('t', 'later', { qos: 1 }));
        for (const [index, first] of sent.entries()) {
          if (index !== 3 && index !== 7) {
            const again = Buffer.from(first);
            again[0]! |= 0x08;
            await next.expect(again);
            next.send(pair.packets.puback(packetIdentifier(first)!));
          }
        }
        const last = await next.expectType(3);
        expect(last[0]).toBe(0x32);
        expect(last.toString('latin1')).toMatch(/later$/);
        next.send(pair.packets.puback(packetIdentifier(last)!));
        expect(await later).toBe('ok');
        await Promise.all(outcomes);
      });

      engine.case('where the server has no session nothing is sent again [MQTT-3.2.2-5]', async () => {
        const pair = await connected(engine, broker, version, keeping(version));
        const outcomes = [1, 2].map((qos) => outcomeOf(pair.client.publish('t', 'x', { qos: qos as 1 | 2 })));
        await pair.link.expectType(3);
        await pair.link.expectType(3);
        const next = await cutAndConnect(pair, false);
        await next.barrier(version);
        const fresh = outcomeOf(pair.client.publish('t', 'fresh', { qos: 1 }));
        const publish = await next.expectType(3);
        expect(publish[0]).toBe(0x32);
        next.send(pair.packets.puback(packetIdentifier(publish)!));
        expect(await fresh).toBe('ok');
        expect(await Promise.all(outcomes)).toEqual(['ERR_MQTT_CONNECTION_LOST', 'ERR_MQTT_CONNECTION_LOST']);
      });

      engine.case('a clean start forgets what was under way: nothing is sent again [MQTT-3.1.2-4]', async () => {
        const pair = await connected(engine, broker, version, { cleanStart: true });
        const outcome = outcomeOf(pair.client.publish('t', 'x', { qos: 2 }));
        await pair.link.expectType(3);
        const next = await cutAndConnect(pair, false);
        await next.barrier(version);
        expect(await outcome).toBe('ERR_MQTT_CONNECTION_LOST');
      });

      engine.case('an incoming QoS 2 that was answered with PUBREC is delivered once over two connections [MQTT-4.3.3-10]', async () => {
        const pair = await connected(engine, broker, version, keeping(version));
        const messages = messagesOf(pair.client);
        const { packets } = pair;
        pair.link.send(packets.publish({ topic: 't', payload: 'once', qos: 2, id: 9 }));
        await pair.link.expect(packets.pubrec(9));
        const next = await cutAndConnect(pair, true);
        next.send(packets.publish({ topic: 't', payload: 'once', qos: 2, id: 9, dup: true }));
        await next.expect(packets.pubrec(9));
        next.send(packets.pubrel(9));
        await next.expect(packets.pubcomp(9));
        next.send(packets.publish({ topic: 't', payload: 'mark' }));
        expect((await messages.take(2)).map((message) => message.text())).toEqual(['once', 'mark']);
      });

      engine.case('an incoming QoS 1 that was not acknowledged because the link was cut comes again and is delivered again', async () => {
        const pair = await connected(engine, broker, version, keeping(version));
        const messages = messagesOf(pair.client);
        pair.link.send(pair.packets.publish({ topic: 't', payload: 'first', qos: 1, id: 9 }));
        await messages.next();
        const next = await cutAndConnect(pair, true);
        next.send(pair.packets.publish({ topic: 't', payload: 'first', qos: 1, id: 9, dup: true }));
        await next.expect(pair.packets.puback(9));
        expect(await messages.next()).toMatchObject({ dup: true, topic: 't' });
      });
    });
  }

  describe('5', () => {
    engine.case('the client identifier the server assigned is used for the next connection [MQTT-3.1.3-7]', async () => {
      const pair = await connected(engine, broker, 5, { ...keeping(5), clientId: '' }, "12 0008'assigned'");
      const lost = new Promise<MqttError>((resolve) => { pair.client.once('disconnect', resolve); });
      pair.link.end();
      await lost;
      const connecting = pair.client.connect();
      const next = await broker.accept();
      expect(readConnect(await next.expectType(1)).clientId).toBe('assigned');
      next.send(pair.packets.connack(0, true));
      await connecting;
    });

    engine.case('a topic alias of the server does not reach the next connection [MQTT-3.3.2-7]', async () => {
      const pair = await connected(engine, broker, 5, keeping(5));
      const messages = messagesOf(pair.client);
      pair.link.send(pair.packets.publish({ topic: 'long', payload: 'x', properties: '23 0001' }));
      await messages.next();
      const next = await cutAndConnect(pair, true);
      const lost = new Promise<MqttError>((resolve) => { pair.client.once('disconnect', resolve); });
      next.send(pair.packets.publish({ topic: '', payload: 'x', properties: '23 0001' }));
      expect((await lost).code).toBe('ERR_MQTT_PROTOCOL');
      await next.readToEnd();
    });
  });
});
