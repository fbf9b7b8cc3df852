/**
 * What a later connection of a client says in CONNECT, and what its CONNACK changes: identifier, clean start, keep alive and limits are
 * those of this connection and not of the last one. The broker is a script that answers each CONNECT differently.
 */
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { forEachEngine } from '../support/engines.js';
import { LATER, SOON } from '../support/events.js';
import { codeOf, failureOf, outcomeOf } from '../support/outcomes.js';
import { packetIdentifier } from '../support/packets.js';
import { readConnect } from '../support/read-connect.js';
import { ScriptedBroker } from '../support/scripted-broker.js';
import { again, connected, connecting, cut, cutAndReconnect, keeping, nextConnect } from '../support/scripted-client.js';

let broker: ScriptedBroker;
beforeAll(async () => { broker = await ScriptedBroker.start(); });
afterAll(() => broker.stop());

forEachEngine((engine) => {
  describe('3.1.1', () => {
    engine.case('Clean Session 1 is said on each connection', async () => {
      const pair = await connected(engine, broker, 4, { cleanStart: true, reconnect: SOON });
      expect(readConnect(pair.connect).flags).toBe(0x02);
      await cut(pair);
      expect(readConnect((await nextConnect(broker)).connect).flags).toBe(0x02);
    });
  });

  describe('5', () => {
    engine.case('Clean Start 1 only on the first connection of a client whose session lasts, on each one else', async () => {
      for (const [sessionExpiryInterval, second] of [[1000, 0x00], [0, 0x02]] as const) {
        const pair = await connected(engine, broker, 5, { cleanStart: true, sessionExpiryInterval, reconnect: SOON });
        expect(readConnect(pair.connect).flags).toBe(0x02);
        await cut(pair);
        expect(readConnect((await nextConnect(broker)).connect).flags).toBe(second);
        pair.client.destroy();
      }
    });

    engine.case('Session Expiry Interval of CONNACK counts: a server that keeps no session gets Clean Start 1 again', async () => {
      const pair = await connected(engine, broker, 5, { cleanStart: true, sessionExpiryInterval: 1000, reconnect: SOON }, '11 00000000');
      const failing = codeOf(pair.client.publish('t', 'x', { qos: 1 }));
      await pair.link.expectType(3);
      await cut(pair);
      expect(await failing).toBe('ERR_MQTT_CONNECTION_LOST');
      expect(readConnect((await nextConnect(broker)).connect).flags).toBe(0x02);
    });

    engine.case('the identifier the server assigned is used from then on [MQTT-3.1.3-7]', async () => {
      const pair = await connected(engine, broker, 5, { clientId: '', sessionExpiryInterval: 1000, reconnect: SOON }, "12 0004'mine'");
      expect(readConnect(pair.connect).clientId).toBe('');
      for (let round = 0; round < 2; round += 1) {
        await cut(pair);
        const next = await nextConnect(broker);
        expect(readConnect(next.connect).clientId).toBe('mine');
        next.link.send(pair.packets.connack(0, true));
        pair.link = next.link;
        await pair.link.barrier(5);
      }
    });

    engine.case('Session Present for an identifier that was just made up: closed, nobody can have that session [MQTT-3.2.2-4]', async () => {
      for (const clientId of [undefined, '']) {
        const { link, packets, connecting: done } = await connecting(engine, broker, 5, { ...keeping(5), clientId });
        link.send(packets.connack(0, true, clientId === '' ? "12 0004'mine'" : ''));
        expect(await codeOf(done)).toBe('ERR_MQTT_PROTOCOL');
        const last = (await link.readToEnd()).at(-1);
        expect(last?.subarray(0, 3).toString('hex').replace(/^e0(01|02)/, 'e0__') ?? 'e0__82').toBe('e0__82');
      }
    });

    engine.case('Session Present for an identifier the user gave is the session of an earlier process: taken', async () => {
      const { link, packets, connecting: done } = await connecting(engine, broker, 5, { ...keeping(5), clientId: 'known' });
      link.send(packets.connack(0, true), packets.pubrel(7));
      expect((await done).sessionPresent).toBe(true);
      // An exchange of that process is ended, though nobody here knows of it.
      expect(packetIdentifier(await link.expectType(7))).toBe(7);
    });

    engine.case('Server Keep Alive belongs to one connection [MQTT-3.2.2-21]', async () => {
      const pair = await connected(engine, broker, 5, { ...keeping(5), keepAlive: 600, reconnect: SOON });
      const next = await cutAndReconnect(broker, pair, true, '13 0001');
      await next.expect('c0 00');
    });

    engine.case('a smaller Receive Maximum on the resumed connection bounds what is sent again, too [MQTT-3.3.4-7]', async () => {
      const pair = await connected(engine, broker, 5, { ...keeping(5), reconnect: SOON, outgoingTopicAliases: 0 });
      const outcomes = Array.from({ length: 5 }, (_, index) => outcomeOf(pair.client.publish('t', String(index), { qos: 1 })));
      const sent: Buffer[] = [];
      while (sent.length < 5) {
        sent.push(await pair.link.expectType(3));
      }
      const next = await cutAndReconnect(broker, pair, true, '21 0002');
      const fresh = outcomeOf(pair.client.publish('t', 'fresh', { qos: 1 }));
      for (const [index, packet] of sent.entries()) {
        await next.expect(again(packet));
        if (index > 0) {
          await next.barrier(5);
          next.send(pair.packets.puback(packetIdentifier(sent[index - 1]!)!));
        }
      }
      next.send(pair.packets.puback(packetIdentifier(sent[4]!)!));
      next.send(pair.packets.puback(packetIdentifier(await next.expectType(3))!));
      expect(await Promise.all([...outcomes, fresh])).toEqual(Array(6).fill('ok'));
    });

    engine.case('Maximum Packet Size 5 lasts as long as its connection, and a second client of the same options never had it', async () => {
      const options = { reconnect: SOON, userProperties: [['k', 'v']] as [string, string][] };
      const pair = await connected(engine, broker, 5, options, '27 00000005');
      expect(await codeOf(pair.client.publish('topic', 'x'))).toBe('ERR_MQTT_PACKET_TOO_LARGE');
      const next = await cutAndReconnect(broker, pair, false);
      await pair.client.publish('topic', 'x');
      await next.expectType(3);
      const other = await connected(engine, broker, 5, options);
      expect(readConnect(other.connect)).toEqual({ ...readConnect(pair.connect) });
      await other.client.publish('topic', 'x');
      await other.link.expectType(3);
    });

    engine.case('what waited is checked against the new connection, and only what it does not take fails', async () => {
      const pair = await connected(engine, broker, 5, { ...keeping(5), reconnect: SOON });
      await cut(pair);
      const publishes = [
        pair.client.publish('t', 'x'.repeat(200)), pair.client.publish('t', 'x', { qos: 2 }), pair.client.publish('t', 'x', { retain: true }),
        pair.client.publish('t', 'taken', { qos: 1 }),
      ].map((promise) => outcomeOf(promise));
      const { link: next } = await nextConnect(broker);
      next.send(pair.packets.connack(0, true, '27 00000064 24 01 25 00'));
      const publish = await next.expectType(3);
      expect(publish.toString('latin1')).toMatch(/taken$/);
      next.send(pair.packets.puback(packetIdentifier(publish)!));
      expect(await Promise.all(publishes)).toEqual(['ERR_MQTT_PACKET_TOO_LARGE', 'ERR_MQTT_NOT_SUPPORTED', 'ERR_MQTT_NOT_SUPPORTED', 'ok']);
    });

    engine.case('close() while reconnecting: at once, without another connection, and what waited fails', async () => {
      const pair = await connected(engine, broker, 5, { ...keeping(5), reconnect: LATER });
      const sent = failureOf(pair.client.publish('t', 'sent', { qos: 1 }));
      await pair.link.expectType(3);
      await cut(pair);
      const waiting = [failureOf(pair.client.publish('t', 'queued', { qos: 1 })), failureOf(pair.client.subscribe('s')), sent];
      const before = broker.accepted;
      await pair.client.close();
      expect((await Promise.all(waiting)).map((error) => error.code)).toEqual(Array(3).fill('ERR_MQTT_CLOSED'));
      expect(broker.accepted).toBe(before);
      expect(pair.client.state).toBe('closed');
    });
  });
});
