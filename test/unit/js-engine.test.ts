/**
 * The js engine without lib, against a broker that is a script: what it sends byte for byte, when it acknowledges, and how each thing ends.
 * Limits and back-pressure are in js-engine-limits.test.ts; real brokers, TLS and WebSockets in js-engine-brokers.test.ts.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bytes, field, packet, packetIdentifier, packetsOf, uint16 } from '../support/packets.js';
import { readConnect } from '../support/read-connect.js';
import type { Version } from '../support/packets.js';
import { ScriptedBroker } from '../support/scripted-broker.js';
import { Driver, HEX, turns } from './js-engine-driver.js';

let broker: ScriptedBroker;
let driver: Driver;
beforeEach(async () => {
  broker = await ScriptedBroker.start();
  driver = new Driver();
});
afterEach(async () => {
  driver.destroy();
  await broker.stop();
  expect(driver.faults).toEqual([]);
});

for (const version of [4, 5] as Version[]) {
  const packets = packetsOf(version);
  const none = version === 5 ? '00' : '';

  describe(version === 4 ? '3.1.1' : '5', () => {
    it('CONNECT says what the options say', async () => {
      driver.open({
        port: broker.port, protocolVersion: version, cleanStart: false, keepAlive: 300, clientId: 'ä',
        username: 'me', password: Buffer.from([0, 255]),
        will: { topic: 'w', payload: Buffer.from('bye'), qos: 2, retain: true, properties: version === 5 ? bytes('18 00000001') : undefined },
        properties: version === 5 ? bytes("26 0001'b' 0001'2' 26 0001'a' 0001'1' 26 0001'b' 0001'3'") : undefined,
      });
      const link = await broker.accept();
      const connect = await link.expectType(1);
      expect(readConnect(connect)).toEqual({
        level: version, flags: 0xf4, keepAlive: 300, clientId: 'ä',
        properties: version === 5 ? ['26: 000162000132', '26: 000161000131', '26: 000162000133'] : [],
        ...(version === 5 ? { willProperties: ['18: 00000001'] } : {}),
        willTopic: 'w', willPayload: '627965', username: 'me', password: '00ff',
      });
    });

    it('CONNACK 0 opens, with Session Present', async () => {
      driver.open({ port: broker.port, protocolVersion: version, cleanStart: false });
      const link = await broker.accept();
      await link.expectType(1);
      link.send(packets.connack(0, true, '21 0014'));
      const result = await driver.connects.next();
      expect(result).toMatchObject({ sessionPresent: true, protocolVersion: version });
      expect(HEX(result.properties)).toBe(version === 5 ? '210014' : undefined);
    });

    it('CONNACK with an error refuses, and nothing is sent after it', async () => {
      driver.open({ port: broker.port, protocolVersion: version });
      const link = await broker.accept();
      await link.expectType(1);
      link.send(packets.connack(version === 5 ? 0x87 : 5, false, "1f 0002'no'"));
      const failure = await driver.openFailures.next();
      expect(failure).toMatchObject({ code: 'ERR_MQTT_REFUSED', reasonCode: version === 5 ? 0x87 : 5 });
      expect(HEX(failure.properties)).toBe(version === 5 ? '1f00026e6f' : undefined);
      await link.expectEnd();
    });

    it('no CONNACK: ERR_MQTT_TIMEOUT after connectTimeout', async () => {
      driver.open({ port: broker.port, protocolVersion: version, connectTimeout: 150 });
      const link = await broker.accept();
      await link.expectType(1);
      expect((await driver.openFailures.next()).code).toBe('ERR_MQTT_TIMEOUT');
      await link.expectEnd();
    });

    it('the server ends before CONNACK: ERR_MQTT_CONNECTION_LOST, and the engine may be opened again', async () => {
      driver.open({ port: broker.port, protocolVersion: version });
      const first = await broker.accept();
      await first.expectType(1);
      first.end();
      expect((await driver.openFailures.next()).code).toBe('ERR_MQTT_CONNECTION_LOST');
      await driver.connect(broker, version);
    });

    it('QoS 0, 1 and 2 go out and end with the server\'s answer', async () => {
      const link = await driver.connect(broker, version);
      expect(driver.publish('a/b', 'zero', 0, 10)).toBe(true);
      expect(driver.publish('a/b', Buffer.from('one'), 1, 11, undefined, true)).toBe(true);
      expect(driver.publish('a/b', '', 2, 12)).toBe(true);
      const size = (bytes: number): string => (version === 5 ? bytes + 1 : bytes).toString(16).padStart(2, '0');
      await link.expect(
        `30 ${size(9)} 0003'a/b' ${none} 'zero'`, `33 ${size(10)} 0003'a/b' 0001 ${none} 'one'`, `34 ${size(7)} 0003'a/b' 0002 ${none}`,
      );
      expect(await driver.published.next()).toEqual({ slot: 10, reasonCode: 0, properties: undefined });
      link.send(packets.pubrec(2));
      await link.expect('62 02 0002');
      link.send(packets.pubcomp(2), packets.puback(1));
      expect((await driver.published.take(2)).map(({ slot }) => slot)).toEqual([12, 11]);
      await turns();
      expect([driver.creditMessages, driver.creditBytes]).toEqual([3, 3 * 3 + 4 + 3]);
    });

    it('a buffer may be written again as soon as publish() has returned, also where the message waits or is large', async () => {
      const link = await driver.connect(broker, version, { window: 1 });
      // More than the kernel takes at once: most of the first one is still with us when the buffer is written again.
      const LARGE = 8_000_000;
      const buffer = Buffer.alloc(LARGE, 'a');
      driver.publish('t', buffer, 1);
      driver.publish('t', buffer.subarray(0, 100), 1);
      driver.publish('t', buffer, 0);
      await turns();
      buffer.fill('b');
      for (const [length, id] of [[LARGE, 1], [100, 2]] as const) {
        expect((await link.expectType(3)).subarray(-length).equals(Buffer.alloc(length, 'a'))).toBe(true);
        link.send(packets.puback(id));
      }
      expect((await link.expectType(3)).subarray(-LARGE).equals(Buffer.alloc(LARGE, 'a'))).toBe(true);
      link.seen.length = 0;
    });

    it('order is kept: what comes after a message that waits for the window, waits too', async () => {
      const link = await driver.connect(broker, version, { window: 1 });
      driver.publish('1', '', 1);
      driver.publish('2', '', 1);
      driver.publish('3', '', 0);
      driver.publish('4', '', 2);
      const topic = async (): Promise<string> => (await link.expectType(3)).subarray(4, 5).toString();
      expect(await topic()).toBe('1');
      await link.barrier(version);
      link.send(packets.puback(1));
      expect([await topic(), await topic()]).toEqual(['2', '3']);
      await link.barrier(version);
      link.send(packets.puback(2));
      expect(await topic()).toBe('4');
    });

    it('SUBSCRIBE keeps the order and the options of its filters, whatever they are called', async () => {
      const link = await driver.connect(broker, version);
      const filters = ['b', '1', 'resubscribe', '0', '__proto__', 'b'];
      const options = version === 5 ? [0x2e, 1, 2, 0, 0x19, 0x04] : [2, 1, 0, 1, 2, 0];
      driver.subscribe(7, filters, options, version === 5 ? '0b 05' : undefined);
      const body = filters.map((filter, index) => Buffer.concat([field(filter), Buffer.from([options[index]!])]));
      await link.expect(packet(0x82, uint16(1), version === 5 ? '02 0b 05' : '', ...body));
      link.send(packets.suback(1, [0, 1, 2, 0x80, 1, 0], version === 5 ? "1f 0001'x'" : undefined));
      const answer = await driver.subscribed.next();
      expect(answer).toMatchObject({ slot: 7, reasonCodes: [0, 1, 2, 0x80, 1, 0] });
      expect(HEX(answer.properties)).toBe(version === 5 ? '1f000178' : undefined);
    });

    it('UNSUBSCRIBE and its answer', async () => {
      const link = await driver.connect(broker, version);
      driver.unsubscribe(3, ['a/#', '1']);
      await link.expect(`a2 ${version === 5 ? '0b' : '0a'} 0001 ${none} 0003'a/#' 0001'1'`);
      link.send(packets.unsuback(1, [0, 0x11]));
      expect(await driver.unsubscribed.next()).toMatchObject({ slot: 3, reasonCodes: version === 5 ? [0, 0x11] : [] });
    });

    it('acknowledgements leave when they are asked for, in order of arrival [MQTT-4.6.0-2] [MQTT-4.6.0-3]', async () => {
      driver.automatic = false;
      const link = await driver.connect(broker, version);
      link.send(
        packets.publish({ topic: 'a', qos: 1, id: 7 }), packets.publish({ topic: 'b' }), packets.publish({ topic: 'c', qos: 2, id: 3 }),
        packets.publish({ topic: 'd', qos: 1, id: 9 }), packets.publish({ topic: 'e', qos: 1, id: 2 }),
      );
      expect((await driver.messages.take(5)).map(({ topic }) => topic)).toEqual(['a', 'b', 'c', 'd', 'e']);
      // A publish of this side shows that nothing was sent before.
      driver.publish('mark', '');
      await link.expectType(3);
      driver.ack(2);
      await link.expect('40 02 0007', '50 02 0003');
      link.send(packets.pubrel(3));
      await link.expect('70 02 0003');
      driver.ack(1, 0x83);
      await link.expect(version === 5 ? '40 03 0009 83' : '40 02 0009');
      driver.ack(5);
      await link.expect('40 02 0002');
    });

    it('QoS 2 that is repeated is delivered once; one PUBREC while it is owed, one for each repetition after [MQTT-4.3.3-10]', async () => {
      driver.automatic = false;
      const link = await driver.connect(broker, version);
      const publish = packets.publish({ topic: 'once', qos: 2, id: 5 });
      const repeat = packets.publish({ topic: 'once', qos: 2, id: 5, dup: true });
      link.send(publish, repeat, repeat);
      await driver.messages.next();
      driver.ack(1);
      await link.expect('50 02 0005');
      link.send(repeat);
      await link.expect('50 02 0005');
      link.send(packets.pubrel(5));
      await link.expect('70 02 0005');
      link.send(packets.publish({ topic: 'new', qos: 2, id: 5 }));
      expect((await driver.messages.next()).topic).toBe('new');
    });

    it('PUBREL for an identifier nobody knows is answered [MQTT-4.3.3-11]', async () => {
      const link = await driver.connect(broker, version);
      link.send(packets.pubrel(77));
      await link.expect(version === 5 ? '70 03 004d 92' : '70 02 004d');
    });

    it('packets in single bytes, packets over several reads, a thousand in one write', async () => {
      driver.open({ port: broker.port, protocolVersion: version });
      const link = await broker.accept();
      await link.expectType(1);
      const large = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index * 7));
      await link.sendByteByByte(Buffer.concat([packets.connack(), packets.publish({ topic: 'small', payload: 'x', qos: 1, id: 1 })]));
      await link.expect('40 02 0001');
      link.send(...Array.from({ length: 1000 }, (_, index) => packets.publish({ topic: 't', payload: String(index) })),
        packets.publish({ topic: 'large', payload: large }), packets.publish({ topic: 'end' }));
      const all = await driver.messages.take(1003);
      const small = all.slice(1, 1001).map(({ payload }) => Number(payload.toString()));
      expect(small).toEqual(Array.from({ length: 1000 }, (_, index) => index));
      expect(all[1001]!.payload.equals(large)).toBe(true);
      expect(all[1002]!.topic).toBe('end');
    });

    it('a sink that takes few messages at a time gets the rest later, in order, and no event overtakes them', async () => {
      const link = await driver.connect(broker, version);
      driver.subscribe(1, ['#']);
      await link.expectType(8);
      driver.atATime = 3;
      driver.order.length = 0;
      const some = (from: number): Buffer[] => Array.from({ length: 10 }, (_, index) => packets.publish({ topic: String(from + index) }));
      link.send(...some(0), packets.suback(1, [0]), ...some(10), version === 5 ? packets.disconnect(0x8b) : '');
      if (version === 4) {
        await driver.messages.take(20);
      } else {
        expect((await driver.disconnects.next()).code).toBe('ERR_MQTT_SERVER_DISCONNECT');
      }
      const names = (from: number): string[] => Array.from({ length: 10 }, (_, index) => `message ${from + index}`);
      const end = version === 5 ? ['disconnected'] : [];
      expect(driver.order.filter((word) => word !== 'messages')).toEqual([...names(0), 'slot 1', ...names(10), ...end]);
    });

    it('62 00 after CONNACK, which ends a process with bare mqtt.js, is ERR_MQTT_PROTOCOL', async () => {
      const link = await driver.connect(broker, version);
      driver.subscribe(4, ['a']);
      await link.expectType(8);
      link.send('62 00');
      expect((await driver.disconnects.next())).toMatchObject({ code: 'ERR_MQTT_PROTOCOL', reasonCode: 0x81 });
      expect((await driver.failures.next())).toMatchObject({ slot: 4, failure: { code: 'ERR_MQTT_PROTOCOL' } });
      if (version === 5) {
        await link.expect('e0 01 81');
      }
      await link.expectEnd();
    });

    it('the link is lost: requests end and what was not sent goes back, then the connection ends; what was sent stays', async () => {
      const link = await driver.connect(broker, version, { window: 1 });
      driver.publish('sent', 'x', 1, 1);
      driver.publish('waiting', 'x', 2, 2);
      driver.publish('behind', 'y', 0, 5);
      driver.subscribe(3, ['a']);
      driver.unsubscribe(4, ['a']);
      await link.expectType(3);
      await link.expectType(8);
      await link.expectType(10);
      driver.order.length = 0;
      link.cut();
      expect((await driver.disconnects.next()).code).toBe('ERR_MQTT_CONNECTION_LOST');
      const failures = await driver.failures.take(2);
      expect(failures.map(({ failure }) => failure.code)).toEqual(Array(2).fill('ERR_MQTT_CONNECTION_LOST'));
      expect(driver.order).toEqual(['slot 3', 'slot 4', 'unsent waiting', 'unsent behind', 'disconnected']);
      expect(driver.unsent.map(({ payload, qos, slot }) => [payload, qos, slot])).toEqual([['x', 2, 2], ['y', 0, 5]]);
      expect(driver.creditMessages).toBe(0);
    });

    it('QoS 0 that the kernel has not taken fails when the link is lost', async () => {
      const link = await driver.connect(broker, version);
      link.pause();
      driver.publish('large', Buffer.alloc(30_000_000), 0, 1);
      await turns();
      link.cut();
      expect((await driver.disconnects.next()).code).toBe('ERR_MQTT_CONNECTION_LOST');
      expect((await driver.failures.next())).toMatchObject({ slot: 1, failure: { code: 'ERR_MQTT_CONNECTION_LOST' } });
      expect([driver.creditMessages, driver.creditBytes]).toEqual([1, 30_000_005]);
    });

    it('close() sends what was taken, then DISCONNECT, then nothing', async () => {
      const link = await driver.connect(broker, version, { window: 1 });
      driver.publish('1', 'x', 1, 1);
      driver.publish('2', 'x', 1, 2);
      driver.publish('3', 'x', 0, 3);
      driver.close();
      driver.publish('late', 'x', 0, 4);
      expect((await driver.failures.next())).toMatchObject({ slot: 4, failure: { code: 'ERR_MQTT_CLOSED' } });
      await link.expectType(3);
      link.send(packets.puback(1));
      expect(packetIdentifier(await link.expectType(3))).toBe(2);
      await link.expectType(3);
      await link.expect('e0 00');
      link.send(packets.publish({ topic: 'too late', qos: 1, id: 1 }));
      await link.expectEnd();
      expect((await driver.disconnects.next()).code).toBe('ERR_MQTT_CLOSED');
      expect((await driver.published.take(2)).map(({ slot }) => slot)).toEqual([1, 3]);
      expect(driver.messages.all).toEqual([]);
    });

    it('close() before CONNACK: ERR_MQTT_CLOSED, and DISCONNECT for a server that had accepted already', async () => {
      driver.open({ port: broker.port, protocolVersion: version });
      const link = await broker.accept();
      await link.expectType(1);
      driver.close();
      expect((await driver.openFailures.next()).code).toBe('ERR_MQTT_CLOSED');
      await link.expect('e0 00');
      await link.expectEnd();
      driver.open({ port: broker.port, protocolVersion: version });
      driver.close();
      expect((await driver.openFailures.next()).code).toBe('ERR_MQTT_CLOSED');
      expect(driver.connects.all).toEqual([]);
    });

    it('destroy() is silent at once, with everything under way', async () => {
      const link = await driver.connect(broker, version, { window: 1 });
      driver.publish('t', Buffer.alloc(3_000_000), 1, 1);
      driver.publish('t', 'x', 1, 2);
      driver.subscribe(3, ['a']);
      link.send(packets.publish({ topic: 't', qos: 1, id: 1 }));
      driver.destroy();
      const before = driver.order.length;
      await new Promise((resolve) => { setTimeout(resolve, 50); });
      expect(driver.order.length).toBe(before);
      await link.readToEnd();
    });

    it('requests without a connection fail with ERR_MQTT_NOT_CONNECTED', async () => {
      driver.publish('t', 'xy', 1, 1);
      driver.subscribe(2, ['a']);
      driver.unsubscribe(3, ['a']);
      driver.open({ port: broker.port, protocolVersion: version });
      driver.publish('t', 'xy', 0, 4);
      driver.subscribe(5, ['a']);
      const failures = await driver.failures.take(5);
      expect(failures.map(({ failure }) => failure.code)).toEqual(Array(5).fill('ERR_MQTT_NOT_CONNECTED'));
      await turns();
      expect([driver.creditMessages, driver.creditBytes]).toEqual([2, 6]);
    });

    it('PINGREQ when nothing is sent; without an answer ERR_MQTT_KEEP_ALIVE', async () => {
      const link = await driver.connect(broker, version, { keepAlive: 1 });
      await link.expect('c0 00');
      link.send(packets.pingresp());
      await link.expect('c0 00');
      expect((await driver.disconnects.next()).code).toBe('ERR_MQTT_KEEP_ALIVE');
    });
  });
}
