/**
 * PUBLISH and the packets that complete it leave with exact flags, identifiers and order. The broker is a script that compares every byte
 * and answers as slowly as a case needs.
 */
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { forEachEngine } from '../support/engines.js';
import { codeOf, failureOf } from '../support/outcomes.js';
import { bytes, packetIdentifier, packetsOf, uint16 } from '../support/packets.js';
import type { Version } from '../support/packets.js';
import { ScriptedBroker } from '../support/scripted-broker.js';
import { connected } from '../support/scripted-client.js';

let broker: ScriptedBroker;
beforeAll(async () => { broker = await ScriptedBroker.start(); });
afterAll(() => broker.stop());

/** Version 5 writes a property length of 0 where there are none [MQTT-2.2.2-1]. */
const none = (version: Version): string => (version === 5 ? '00' : '');
/** A Remaining Length of 3.1.1, one more in version 5 for the property length. */
const length = (version: Version, bytesOf4: number): string => (version === 5 ? bytesOf4 + 1 : bytesOf4).toString(16).padStart(2, '0');

forEachEngine((engine) => {
  for (const version of [4, 5] as const) {
    describe(version === 4 ? '3.1.1' : '5', () => {
      engine.case('QoS 0 has no packet identifier and no DUP, and is done once written [MQTT-2.2.1-2] [MQTT-3.3.1-2]', async () => {
        const { client, link } = await connected(engine, broker, version);
        await client.publish('a/b', 'hi', { qos: 0 });
        await link.expect(`30 ${length(version, 7)} 0003'a/b' ${none(version)} 'hi'`);
      });

      engine.case('QoS 0 with RETAIN, then one without: the flag belongs to one message', async () => {
        const { client, link } = await connected(engine, broker, version);
        await client.publish('a/b', 'hi', { qos: 0, retain: true });
        await client.publish('a/b', 'hi', { qos: 0 });
        await link.expect(`31 ${length(version, 7)} 0003'a/b' ${none(version)} 'hi'`, `30 ${length(version, 7)} 0003'a/b' ${none(version)} 'hi'`);
      });

      engine.case('QoS 1 starts with identifier 1 and DUP 0, and is done at PUBACK [MQTT-2.2.1-3] [MQTT-4.3.2-1..3]', async () => {
        const { client, link, packets } = await connected(engine, broker, version);
        const done = client.publish('a/b', 'hi', { qos: 1 });
        await link.expect(`32 ${length(version, 9)} 0003'a/b' 0001 ${none(version)} 'hi'`);
        let settled = false;
        void done.then(() => { settled = true; });
        await link.barrier(version);
        expect(settled).toBe(false);
        link.send(packets.puback(1));
        expect((await done).reasonCode).toBe(0);
        await link.barrier(version);
      });

      engine.case('QoS 2: PUBLISH, PUBREC, PUBREL with flags 0010, PUBCOMP, all with one identifier [MQTT-3.6.1-1] [MQTT-2.2.1-5] [MQTT-4.3.3-1..5]', async () => {
        const { client, link, packets } = await connected(engine, broker, version);
        const done = client.publish('a/b', 'hi', { qos: 2, retain: true });
        await link.expect(`35 ${length(version, 9)} 0003'a/b' 0001 ${none(version)} 'hi'`);
        link.send(packets.pubrec(1));
        await link.expect('62 02 0001');
        let settled = false;
        void done.then(() => { settled = true; });
        await link.barrier(version);
        expect(settled).toBe(false);
        link.send(packets.pubcomp(1));
        expect((await done).reasonCode).toBe(0);
        await link.barrier(version);
      });

      engine.case('an empty payload ends the packet behind the topic', async () => {
        const { client, link } = await connected(engine, broker, version);
        await client.publish('a/b', '', { qos: 0, retain: true });
        await link.expect(`31 ${length(version, 5)} 0003'a/b' ${none(version)}`);
      });

      engine.case('UTF-8 in a topic goes out unaltered, U+FEFF included [MQTT-1.5.4-3]', async () => {
        const { client, link } = await connected(engine, broker, version);
        await client.publish('\uFEFFä/😀', 'x', { qos: 0 });
        await link.expect(`30 ${length(version, 13)} 000a efbbbf c3a4 2f f09f9880 ${none(version)} 'x'`);
      });

      engine.case('100 messages of one turn keep their order and get identifiers 1 to 100 [MQTT-4.6.0-1]', async () => {
        const { client, link, packets } = await connected(engine, broker, version);
        const done = Promise.all(Array.from({ length: 100 }, (_, index) => client.publish('t', String(index), { qos: 1 })));
        for (let index = 0; index < 100; index += 1) {
          const publish = await link.expectType(3);
          expect(publish[0]).toBe(0x32);
          expect(packetIdentifier(publish)).toBe(index + 1);
          expect(publish.toString('latin1').endsWith(String(index))).toBe(true);
        }
        for (let id = 1; id <= 100; id += 1) {
          link.send(packets.puback(id));
        }
        expect((await done).length).toBe(100);
      });

      engine.case('acknowledgements may come in any order, each settles its own message', async () => {
        const { client, link, packets } = await connected(engine, broker, version);
        const order: number[] = [];
        const all = [1, 2, 3].map((number) => client.publish('t', String(number), { qos: 1 }).then(() => { order.push(number); }));
        for (const id of [1, 2, 3]) {
          expect(packetIdentifier(await link.expectType(3))).toBe(id);
        }
        link.send(packets.puback(3));
        await all[2];
        link.send(packets.puback(1));
        await all[0];
        link.send(packets.puback(2));
        await Promise.all(all);
        expect(order).toEqual([3, 1, 2]);
      });

      engine.case('PUBRELs go out in the order of the PUBRECs [MQTT-4.6.0-4]', async () => {
        const { client, link, packets } = await connected(engine, broker, version);
        const all = Promise.all([1, 2, 3].map((number) => client.publish('t', String(number), { qos: 2 })));
        for (const id of [1, 2, 3]) {
          expect(packetIdentifier(await link.expectType(3))).toBe(id);
        }
        link.send(packets.pubrec(2), packets.pubrec(3), packets.pubrec(1));
        await link.expect('62 02 0002', '62 02 0003', '62 02 0001');
        link.send(packets.pubcomp(2), packets.pubcomp(3), packets.pubcomp(1));
        await all;
      });

      engine.case('a PUBLISH waits in the window and is not sent twice: no resend without a new connection [MQTT-4.4.0-1]', async () => {
        const { client, link, packets } = await connected(engine, broker, version, { keepAlive: 1 });
        const done = client.publish('t', 'x', { qos: 1 });
        await link.expectType(3);
        // Two keepalive rounds pass without PUBACK: time in which a timer would resend.
        await link.expect('c0 00');
        link.send(packets.pingresp());
        await link.expect('c0 00');
        link.send(packets.pingresp(), packets.puback(1));
        await done;
      });

      engine.case('write() sends the same bytes as publish()', async () => {
        const { client, link, packets } = await connected(engine, broker, version);
        expect(client.write('a/b', 'hi', { qos: 0 })).toBe(true);
        expect(client.write('a/b', 'hi', { qos: 1, retain: true })).toBe(true);
        await link.expect(`30 ${length(version, 7)} 0003'a/b' ${none(version)} 'hi'`, `33 ${length(version, 9)} 0003'a/b' 0001 ${none(version)} 'hi'`);
        link.send(packets.puback(1));
        await link.barrier(version);
      });
    });
  }

  describe('5', () => {
    engine.case('every property of PUBLISH goes out with its value, user properties in order and twice [MQTT-3.3.2-18]', async () => {
      const { client, link, packets } = await connected(engine, broker, 5);
      const cases = [
        { properties: { payloadFormatIndicator: 1 as const }, wire: '0101' },
        { properties: { messageExpiryInterval: 4_000_000_000 }, wire: '02ee6b2800' },
        { properties: { contentType: 'text/ä' }, wire: "03 0007'text/ä'" },
        { properties: { responseTopic: 'r/t' }, wire: "08 0003'r/t'" },
        { properties: { correlationData: Buffer.from([0, 1, 255]) }, wire: '09 0003 0001ff' },
        { properties: { userProperties: [['b', '2'], ['a', ''], ['b', '2']] as [string, string][] }, wire: "26 0001'b' 0001'2' 26 0001'a' 0000 26 0001'b' 0001'2'" },
      ];
      for (const { properties, wire } of cases) {
        const done = client.publish('t', 'x', { qos: 1, properties });
        const publish = await link.expectType(3);
        const id = packetIdentifier(publish)!;
        const value = bytes(wire);
        const expected = Buffer.concat([bytes("0001't'"), uint16(id), Buffer.from([value.length]), value, bytes("'x'")]);
        expect(publish.subarray(2).toString('hex')).toBe(expected.toString('hex'));
        link.send(packets.puback(id));
        await done;
      }
    });

    engine.case('PUBACK with a reason code and properties settles the promise with both', async () => {
      const { client, link } = await connected(engine, broker, 5);
      const done = client.publish('t', 'x', { qos: 1 });
      await link.expectType(3);
      link.send(packetsOf(5).puback(1, 0x10, "1f 0004'none' 26 0001'k' 0001'v'"));
      const result = await done;
      expect(result.reasonCode).toBe(0x10);
      expect(result.properties).toMatchObject({ reasonString: 'none', userProperties: [['k', 'v']] });
    });

    engine.case('PUBCOMP with a reason code and properties settles the promise with both [trap 20]', async () => {
      const { client, link, packets } = await connected(engine, broker, 5);
      const done = client.publish('t', 'x', { qos: 2 });
      await link.expectType(3);
      link.send(packets.pubrec(1, 0, "1f 0003'rec'"));
      await link.expect(packets.pubrel(1));
      link.send(packets.pubcomp(1, 0, "1f 0004'done' 26 0001'k' 0001'v'"));
      const result = await done;
      expect(result.reasonCode).toBe(0);
      expect(result.properties).toMatchObject({ reasonString: 'done', userProperties: [['k', 'v']] });
    });

    engine.case('PUBACK of 0x80 and more rejects with the server\'s reason, and ends it [MQTT-4.4.0-2]', async () => {
      const { client, link } = await connected(engine, broker, 5);
      const failure = failureOf(client.publish('t', 'x', { qos: 1 }));
      await link.expectType(3);
      link.send(packetsOf(5).puback(1, 0x97, "1f 0004'full'"));
      expect(await failure).toMatchObject({ code: 'ERR_MQTT_PUBLISH', reasonCode: 0x97 });
      await link.barrier(5);
    });

    engine.case('PUBREC of 0x80 and more rejects, and no PUBREL follows [MQTT-4.3.3-4] [MQTT-4.4.0-2]', async () => {
      const { client, link, packets } = await connected(engine, broker, 5);
      const failure = failureOf(client.publish('t', 'x', { qos: 2 }));
      await link.expectType(3);
      link.send(packets.pubrec(1, 0x87));
      expect(await failure).toMatchObject({ code: 'ERR_MQTT_PUBLISH', reasonCode: 0x87 });
      await link.barrier(5);
    });

    engine.case('PUBREC 0x10 (no matching subscribers) goes on to PUBREL', async () => {
      const { client, link, packets } = await connected(engine, broker, 5);
      const done = client.publish('t', 'x', { qos: 2 });
      await link.expectType(3);
      link.send(packets.pubrec(1, 0x10));
      await link.expect('62 02 0001');
      link.send(packets.pubcomp(1));
      await done;
    });

    engine.case('acknowledgements in their long form with reason 0 and no properties mean success', async () => {
      const { client, link, packets } = await connected(engine, broker, 5);
      const first = client.publish('t', 'x', { qos: 1 });
      await link.expectType(3);
      link.send('40 03 0001 00');
      await first;
      const second = client.publish('t', 'x', { qos: 1 });
      const id = packetIdentifier(await link.expectType(3))!;
      link.send(packets.puback(id, 0, ''));
      await second;
    });
  });

  engine.case('a publish refused locally sends nothing [MQTT-3.3.2-2] [MQTT-1.5.4-2]', async () => {
    const { client, link } = await connected(engine, broker, 5);
    for (const topic of ['', 'a/+', '#', 'a\u0000b', 'a\uD800', 'x'.repeat(65_536)]) {
      expect(await codeOf((async () => client.publish(topic, 'x'))()), JSON.stringify(topic.slice(0, 9))).toBe('ERR_MQTT_TOPIC');
    }
    await link.barrier(5);
  });
});
