/**
 * Every packet a client sends has the flags of its type, lengths in their shortest form and no fields of another packet. The broker is a
 * script that goes through a whole exchange and reads each header, and payloads at the edges of the length's four sizes.
 */
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { forEachEngine } from '../support/engines.js';
import { failureOf, outcomeOf, refusalOf } from '../support/outcomes.js';
import { headerSize, packetIdentifier, packetsOf, variableByteInteger } from '../support/packets.js';
import { ScriptedBroker } from '../support/scripted-broker.js';
import { connected, connecting } from '../support/scripted-client.js';

let broker: ScriptedBroker;
beforeAll(async () => { broker = await ScriptedBroker.start(); });
afterAll(() => broker.stop());

/** The lower half of the first byte, table 2-2; PUBLISH has flags of its own. */
const FLAGS: Partial<Record<number, number>> = { 1: 0, 4: 0, 5: 0, 6: 2, 7: 0, 8: 2, 10: 2, 12: 0, 14: 0 };

forEachEngine((engine) => {
  for (const version of [4, 5] as const) {
    describe(version === 4 ? '3.1.1' : '5', () => {
      engine.case('each packet of a whole exchange has the flags of its type, and CONNECT comes once [MQTT-2.1.3-1] [MQTT-3.1.0-2]', async () => {
        const { client, link, packets } = await connected(engine, broker, version, { keepAlive: 1 });
        const requests = [
          client.publish('zero', 'x'), client.publish('one', 'x', { qos: 1, retain: true }), client.publish('two', 'x', { qos: 2 }), client.subscribe('s'),
          client.unsubscribe('s'),
        ].map((promise: Promise<unknown>) => outcomeOf(promise));
        link.send(packets.publish({ topic: 'in', qos: 1, id: 100 }), packets.publish({ topic: 'in', qos: 2, id: 101 }));
        const seen = new Set<number>();
        while (seen.size < 9) {
          const packet = await link.read();
          const type = packet[0]! >> 4;
          const id = packetIdentifier(packet) ?? 0;
          seen.add(type);
          switch (type) {
            case 3: link.send(...((packet[0]! & 6) === 0 ? [] : [(packet[0]! & 6) === 2 ? packets.puback(id) : packets.pubrec(id)])); break;
            case 5: link.send(packets.pubrel(id)); break;
            case 6: link.send(packets.pubcomp(id)); break;
            case 8: link.send(packets.suback(id, [0])); break;
            case 10: link.send(packets.unsuback(id, [0])); break;
            case 12: {
              link.send(packets.pingresp());
              if (seen.size === 8) {
                void client.close();
              }
              break;
            }
            default:
          }
        }
        expect(await Promise.all(requests)).toEqual(Array(5).fill('ok'));
        await link.expectEnd();
        for (const packet of link.seen) {
          const type = packet[0]! >> 4;
          expect([type, type === 3 ? 0 : packet[0]! & 15]).toEqual([type, type === 3 ? 0 : FLAGS[type]]);
        }
        expect(link.seen.filter((packet) => packet[0]! >> 4 === 1).length).toBe(1);
        expect(link.seen.filter((packet) => packet[0]! >> 4 === 3).map((packet) => packet[0])).toEqual([0x30, 0x33, 0x34]);
      });

      engine.case('the Remaining Length is in its shortest form at the edges of its four sizes [MQTT-1.5.5-1]', async () => {
        const { client, link } = await connected(engine, broker, version);
        const around = version === 5 ? 4 : 3;
        for (const length of [127, 128, 16_383, 16_384, 2_097_151, 2_097_152]) {
          const done = client.publish('t', Buffer.alloc(length - around, 'x'));
          const packet = await link.expectType(3);
          expect(packet.length, String(length)).toBe(headerSize(packet) + length);
          expect(packet.subarray(1, headerSize(packet)).toString('hex')).toBe(variableByteInteger(length).toString('hex'));
          await done;
        }
      });
    });
  }

  describe('5', () => {
    engine.case('the property length is in its shortest form at 127 and 128 bytes, in every packet that has one [MQTT-1.5.5-1]', async () => {
      for (const length of [127, 128]) {
        const value = 'v'.repeat(length - 6);
        const userProperties: [string, string][] = [['k', value]];
        const prefix = variableByteInteger(length).toString('hex');
        const body = `26${'0001'}6b${(length - 6).toString(16).padStart(4, '0')}${'76'.repeat(length - 6)}`;
        const { client, link, packets } = await connected(engine, broker, 5, {
          receiveMaximum: 65_535, topicAliasMaximum: 0, outgoingTopicAliases: 0, userProperties, will: { topic: 'w', payload: 'x', properties: { userProperties } },
        });
        expect(link.seen[0]!.toString('hex')).toContain(`${prefix}${body}`);
        const publishing = client.publish('t', 'x', { qos: 1, properties: { userProperties } });
        const publish = await link.expectType(3);
        expect(publish.toString('hex')).toContain(`0001${'74'}0001${prefix}${body}78`);
        link.send(packets.puback(1));
        await publishing;
        const unsubscribing = client.unsubscribe('a', { properties: { userProperties } });
        const unsubscribe = await link.expectType(10);
        expect(unsubscribe.subarray(headerSize(unsubscribe) + 2).toString('hex')).toBe(`${prefix}${body}000161`);
        link.send(packets.unsuback(packetIdentifier(unsubscribe)!, [0]));
        await unsubscribing;
        const closing = client.close({ properties: { userProperties } });
        const disconnect = await link.expectType(14);
        expect(disconnect.subarray(headerSize(disconnect)).toString('hex')).toBe(`00${prefix}${body}`);
        await closing;
      }
    });

    engine.case('a property a client may not send is refused by name, and nothing is sent [MQTT-3.3.4-6] [MQTT-3.3.2-8] [MQTT-3.3.2-14]', async () => {
      const { client, link } = await connected(engine, broker, 5);
      for (const properties of [{ subscriptionIdentifiers: [1] }, { topicAlias: 0 }, { responseTopic: 'a/#' }, { userProperties: [['a', '\uDC00']] }]) {
        const error = await refusalOf(() => client.publish('t', 'x', { properties } as object));
        expect(error.code).toMatch(/^ERR_MQTT_(OPTION|TOPIC)$/);
        expect(error.message).toContain(Object.keys(properties)[0]);
      }
      await link.barrier(5);
    });

    engine.case('text with U+0000 or a surrogate is refused by the name of its option, and nobody is connected to [MQTT-1.5.4-2]', async () => {
      const before = broker.accepted;
      for (const text of ['a\u0000', '\uD800']) {
        for (const options of [{ clientId: text }, { username: text }, { will: { topic: text, payload: '' } }, { userProperties: { k: text } }]) {
          const error = await refusalOf(() => engine.client(broker.url, options).connect());
          expect(error.code).toMatch(/^ERR_MQTT_(OPTION|TOPIC)$/);
          expect(error.message).toContain(Object.keys(options)[0]);
        }
      }
      expect(broker.accepted).toBe(before);
    });

    engine.case('DISCONNECT with a session expiry: sent where CONNECT had one, refused where it had none [MQTT-3.14.2-2]', async () => {
      const none = await connected(engine, broker, 5);
      expect((await refusalOf(() => none.client.close({ properties: { sessionExpiryInterval: 5 } }))).code).toBe('ERR_MQTT_OPTION');
      await none.link.barrier(5);
      const some = await connected(engine, broker, 5, { sessionExpiryInterval: 1000 });
      const closing = some.client.close({ properties: { sessionExpiryInterval: 0 } });
      await some.link.expect('e0 07 00 05 11 00000000');
      await some.link.expectEnd();
      await closing;
    });

    engine.case('a retained will the server does not keep is refused by it, with its code [MQTT-3.2.2-13]', async () => {
      const { link, connecting: done } = await connecting(engine, broker, 5, { will: { topic: 'w', payload: 'x', qos: 0, retain: true } });
      link.send(packetsOf(5).connack(0x9a, false, '25 00'));
      expect(await failureOf(done)).toMatchObject({ code: 'ERR_MQTT_REFUSED', reasonCode: 0x9a });
      await link.expectEnd();
    });
  });
});
