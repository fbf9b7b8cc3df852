/**
 * A process was killed in the middle of QoS 2 exchanges, and its successor goes on with the session: the server may take a new message for
 * the repetition of an old one with the same identifier, and the client would be told that it arrived. So each identifier is released
 * before it is used for QoS 2 the first time. The broker is a script.
 */
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { forEachEngine } from '../support/engines.js';
import { outcomeOf } from '../support/outcomes.js';
import { packetIdentifier } from '../support/packets.js';
import { ScriptedBroker } from '../support/scripted-broker.js';
import { connecting, cut, keeping, nextConnect } from '../support/scripted-client.js';

let broker: ScriptedBroker;
beforeAll(async () => { broker = await ScriptedBroker.start(); });
afterAll(() => broker.stop());

forEachEngine((engine) => {
  for (const version of [4, 5] as const) {
    describe(version === 4 ? '3.1.1' : '5', () => {
      engine.case('identifiers of a session this process did not begin are released before their first QoS 2 [MQTT-4.3.3-4]', async () => {
        const pair = await connecting(engine, broker, version, { ...keeping(version), clientId: 'of-the-gateway' });
        const { client, link, packets } = pair;
        link.send(packets.connack(0, true));
        await pair.connecting;
        const outcomes = [outcomeOf(client.publish('t', 'first', { qos: 2 })), outcomeOf(client.publish('t', 'second', { qos: 2 }))];
        for (let id = 1; id <= 64; id += 1) {
          await link.expect(packets.pubrel(id));
        }
        link.send(packets.pubcomp(1));
        const first = await link.expectType(3);
        expect(packetIdentifier(first)).toBe(1);
        expect(first[0]).toBe(0x34);
        link.send(...Array.from({ length: 63 }, (_, index) => packets.pubcomp(index + 2)), packets.pubrec(1));
        const rest = [await link.read(), await link.read()];
        const second = rest.find((packet) => packet[0] === 0x34)!;
        expect(packetIdentifier(second)).toBe(2);
        expect(rest.some((packet) => packet.equals(packets.pubrel(1)))).toBe(true);
        link.send(packets.pubcomp(1), packets.pubrec(2));
        await link.expect(packets.pubrel(2));
        link.send(packets.pubcomp(2));
        expect(await Promise.all(outcomes)).toEqual(['ok', 'ok']);
      });

      engine.case('QoS 1 does not wait for that, and a session of this process needs none of it', async () => {
        const options = { ...keeping(version), clientId: 'of-the-gateway' };
        const pair = await connecting(engine, broker, version, options);
        const { client, link, packets } = pair;
        link.send(packets.connack(0, false));
        await pair.connecting;
        await cut(pair);
        const again = client.connect();
        const next = await nextConnect(broker);
        next.link.send(packets.connack(0, true));
        await again;
        const outcomes = [outcomeOf(client.publish('t', 'x', { qos: 1 })), outcomeOf(client.publish('t', 'y', { qos: 2 }))];
        const [one, two] = [await next.link.expectType(3), await next.link.expectType(3)];
        expect([one[0], two[0]]).toEqual([0x32, 0x34]);
        next.link.send(packets.puback(packetIdentifier(one)!), packets.pubrec(packetIdentifier(two)!));
        await next.link.expect(packets.pubrel(packetIdentifier(two)!));
        next.link.send(packets.pubcomp(packetIdentifier(two)!));
        expect(await Promise.all(outcomes)).toEqual(['ok', 'ok']);
      });

      engine.case('a connection that ends while they are released: on the next one they are released again', async () => {
        const pair = await connecting(engine, broker, version, { ...keeping(version), clientId: 'of-the-gateway', reconnect: { initialDelay: 5 } });
        const { client, link, packets } = pair;
        link.send(packets.connack(0, true));
        await pair.connecting;
        const outcome = outcomeOf(client.publish('t', 'x', { qos: 2 }));
        await link.expect(packets.pubrel(1));
        await cut(pair);
        const next = await nextConnect(broker);
        next.link.send(packets.connack(0, true));
        for (let id = 1; id <= 64; id += 1) {
          await next.link.expect(packets.pubrel(id));
        }
        next.link.send(packets.pubcomp(1));
        const publish = await next.link.expectType(3);
        expect([publish[0], packetIdentifier(publish)]).toEqual([0x34, 1]);
        next.link.send(packets.pubrec(1));
        await next.link.expect(packets.pubrel(1));
        next.link.send(packets.pubcomp(1));
        expect(await outcome).toBe('ok');
      });
    });
  }
});
