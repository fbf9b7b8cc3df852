/**
 * The js engine without lib, against a broker that is a script: what it sends byte for byte, when it acknowledges, how much it takes, and how each
 * thing ends. Real brokers, TLS and WebSockets are in js-engine-brokers.test.ts.
 */
import { spawnSync } from 'node:child_process';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { packetIdentifier, packetsOf, readConnect } from '../support/packets.js';
import type { Version } from '../support/packets.js';
import { ScriptedBroker } from '../support/scripted-broker.js';
import { Driver, HEX } from './js-engine-driver.js';

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

const turns = async (count = 3): Promise<void> => {
  for (let index = 0; index < count; index += 1) {
    await new Promise((resolve) => { setImmediate(resolve); });
  }
};

for (const version of [4, 5] as Version[]) {
  const packets = packetsOf(version);
  const none = version === 5 ? '00' : '';

  describe(version === 4 ? '3.1.1' : '5', () => {
    it('CONNECT says what the options say', async () => {
      driver.open({
        port: broker.port, protocolVersion: version, cleanStart: false, keepAlive: 300, clientId: 'ä', username: 'me', password: Buffer.from([0, 255]),
        will: { topic: 'w', payload: Buffer.from('bye'), qos: 2, retain: true, properties: version === 5 ? Buffer.from('1800000001', 'hex') : undefined },
        properties: version === 5 ? Buffer.from('260001620001322600016100013126000162000133', 'hex') : undefined,
      });
      const link = await broker.accept();
      const connect = await link.expectType(1);
      expect(readConnect(connect)).toEqual({
        level: version, flags: 0xf4, keepAlive: 300, clientId: 'ä',
        properties: version === 5 ? ['26: 0001620001' + '32', '26: 0001610001' + '31', '26: 0001620001' + '33'] : [],
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
      await link.expect(`30 ${size(9)} 0003'a/b' ${none} 'zero'`, `33 ${size(10)} 0003'a/b' 0001 ${none} 'one'`, `34 ${size(7)} 0003'a/b' 0002 ${none}`);
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
      const buffer = Buffer.alloc(100_000, 'a');
      driver.publish('t', buffer, 1);
      driver.publish('t', buffer.subarray(0, 100), 1);
      driver.publish('t', buffer, 0);
      buffer.fill('b');
      for (const [length, id] of [[100_000, 1], [100, 2]] as const) {
        expect((await link.expectType(3)).subarray(-length).equals(Buffer.alloc(length, 'a'))).toBe(true);
        link.send(packets.puback(id));
      }
      expect((await link.expectType(3)).subarray(-100_000).equals(Buffer.alloc(100_000, 'a'))).toBe(true);
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
      const body = filters.map((filter, index) => `00${filter.length.toString(16).padStart(2, '0')} '${filter}' 0${options[index]!.toString(16)}`.replace(/0([0-9a-f]{2})$/, '$1'));
      const properties = version === 5 ? '02 0b 05' : '';
      const length = 2 + (version === 5 ? 3 : 0) + filters.reduce((sum, filter) => sum + filter.length + 3, 0);
      await link.expect(`82 ${length.toString(16)} 0001 ${properties} ${body.join(' ')}`);
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
      expect(all.slice(1, 1001).map(({ payload }) => payload.toString())).toEqual(Array.from({ length: 1000 }, (_, index) => String(index)));
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
      expect(driver.order.filter((word) => word !== 'messages')).toEqual([...names(0), 'slot 1', ...names(10), ...(version === 5 ? ['disconnected'] : [])]);
    });

    it('62 00 after CONNACK, which ends a process with bare mqtt.js, is ERR_MQTT_PROTOCOL', async () => {
      const link = await driver.connect(broker, version);
      driver.publish('t', 'x', 1, 4);
      await link.expectType(3);
      link.send('62 00');
      expect((await driver.disconnects.next())).toMatchObject({ code: 'ERR_MQTT_PROTOCOL', reasonCode: 0x81 });
      expect((await driver.failures.next())).toMatchObject({ slot: 4, failure: { code: 'ERR_MQTT_PROTOCOL' } });
      if (version === 5) {
        await link.expect('e0 01 81');
      }
      await link.expectEnd();
    });

    it('the link is lost: requests end first, then the connection', async () => {
      const link = await driver.connect(broker, version, { window: 1 });
      driver.publish('sent', 'x', 1, 1);
      driver.publish('waiting', 'x', 2, 2);
      driver.subscribe(3, ['a']);
      driver.unsubscribe(4, ['a']);
      await link.expectType(3);
      await link.expectType(8);
      await link.expectType(10);
      driver.order.length = 0;
      link.cut();
      expect((await driver.disconnects.next()).code).toBe('ERR_MQTT_CONNECTION_LOST');
      const failures = await driver.failures.take(4);
      expect(failures.map(({ failure }) => failure.code)).toEqual(Array(4).fill('ERR_MQTT_CONNECTION_LOST'));
      expect(driver.order).toEqual(['slot 1', 'slot 2', 'credit', 'slot 3', 'slot 4', 'disconnected']);
      expect(driver.creditMessages).toBe(2);
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
      expect((await driver.failures.next())).toMatchObject({ slot: 2, failure: { code: 'ERR_MQTT_CLOSED' } });
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

describe('limits of version 5', () => {
  const packets = packetsOf(5);

  it('password without user name, and no client id with Clean Start 0, are allowed', async () => {
    driver.open({ port: broker.port, cleanStart: false, clientId: '', password: Buffer.from('secret') });
    const link = await broker.accept();
    expect(readConnect(await link.expectType(1))).toMatchObject({ flags: 0x40, clientId: '', password: Buffer.from('secret').toString('hex') });
  });

  it('properties of a publish go out as given: order and repetition of user properties too', async () => {
    const link = await driver.connect(broker, 5);
    const properties = "26 0001'b' 0001'1' 26 0001'a' 0001'2' 26 0001'b' 0000 01 01 26 0009'__proto__' 0001'3' 23 0001";
    driver.publish('t', 'x', 1, 1, properties);
    const publish = await link.expectType(3);
    expect(publish.toString('latin1')).toContain(Buffer.from(
      '26000162000131' + '26000161000132' + '260001620000' + '0101' + '2600095f5f70726f746f5f5f000133' + '230001', 'hex').toString('latin1'));
    link.send(packets.puback(1, 0x10, "1f 0002'no'"));
    const done = await driver.published.next();
    expect([done.slot, done.reasonCode, HEX(done.properties)]).toEqual([1, 0x10, '1f00026e6f']);
  });

  it('Receive Maximum 2: the third waits; PUBREC with an error frees a place, PUBREC without one does not', async () => {
    const link = await driver.connect(broker, 5, {}, '21 0002');
    for (let slot = 1; slot <= 5; slot += 1) {
      expect(driver.publish('t', '', 2, slot)).toBe(true);
    }
    const ids = [packetIdentifier(await link.expectType(3))!, packetIdentifier(await link.expectType(3))!];
    await link.barrier(5);
    link.send(packets.pubrec(ids[0]!));
    await link.expect(packets.pubrel(ids[0]!));
    await link.barrier(5);
    link.send(packets.pubrec(ids[1]!, 0x97, "1f 0004'full'"));
    await link.expectType(3);
    await link.barrier(5);
    const refused = await driver.published.next();
    expect([refused.slot, refused.reasonCode, HEX(refused.properties)]).toEqual([2, 0x97, '1f000466756c6c']);
    link.send(packets.pubcomp(ids[0]!));
    await link.expectType(3);
    await link.barrier(5);
    expect((await driver.published.next()).slot).toBe(1);
  });

  it('the window of the options counts where it is smaller', async () => {
    const link = await driver.connect(broker, 5, { window: 1 }, '21 0002');
    driver.publish('t', '', 1);
    driver.publish('t', '', 1);
    await link.expectType(3);
    await link.barrier(5);
  });

  it('a bounded look-ahead: publish() says false, and onRoom() says when it will say true', async () => {
    const link = await driver.connect(broker, 5, { window: 1 });
    let taken = 0;
    while (driver.publish('t', '', 1)) {
      taken += 1;
    }
    expect(taken).toBe(1 + 1024);
    expect(driver.rooms.all.length).toBe(0);
    expect(packetIdentifier(await link.expectType(3))).toBe(1);
    link.send(packets.puback(1));
    await driver.rooms.next();
    expect(driver.publish('t', '', 1)).toBe(true);
    await turns();
    expect(driver.creditMessages).toBe(1);
  });

  it('a look-ahead of 1 MiB, exceeded by one message and not by two', async () => {
    await driver.connect(broker, 5, { window: 1 });
    driver.publish('t', '', 1);
    expect(driver.publish('t', Buffer.alloc(5_000_000), 1)).toBe(true);
    expect(driver.publish('t', '', 0)).toBe(false);
  });

  it('a server that does not read: QoS 0 is refused at some point and goes on when it reads', async () => {
    const link = await driver.connect(broker, 5);
    link.pause();
    const payload = Buffer.alloc(10_000);
    let taken = 0;
    while (driver.publish('t', payload, 0)) {
      taken += 1;
      if (taken % 100 === 0) {
        await turns(1);
      }
      if (taken > 20_000) {
        throw new Error('200 MB were taken');
      }
    }
    await turns();
    const room = driver.rooms.all.length;
    link.resume();
    while (driver.rooms.all.length === room) {
      await link.expectType(3);
    }
    expect(driver.publish('end', '', 0)).toBe(true);
    while ((await link.expectType(3)).subarray(4, 7).toString() !== 'end');
    await turns();
    expect(driver.creditMessages).toBe(taken + 1);
    expect(driver.creditBytes).toBe(taken * 10_001 + 3);
    link.seen.length = 0;
  });

  it('20 MB and a small one behind it, to a server that reads slowly', async () => {
    const link = await driver.connect(broker, 5);
    const payload = Buffer.alloc(20_000_000, 'p');
    driver.publish('large', payload, 1, 1);
    driver.publish('small', 'x', 1, 2);
    const large = await link.expectType(3);
    expect(large.subarray(-payload.length).equals(payload)).toBe(true);
    expect((await link.expectType(3)).subarray(4, 9).toString()).toBe('small');
    link.seen.length = 0;
  });

  it('the server\'s Maximum Packet Size: what is larger fails here, and nothing is sent [MQTT-3.2.2-15]', async () => {
    const link = await driver.connect(broker, 5, {}, '27 0000001e');
    driver.publish('topic', 'x'.repeat(20), 0, 1);
    driver.publish('topic', 'x'.repeat(21), 0, 2);
    driver.publish('topic', 'x'.repeat(18), 1, 3);
    driver.publish('topic', 'x'.repeat(19), 1, 4);
    driver.subscribe(5, ['x'.repeat(22)]);
    driver.subscribe(6, ['x'.repeat(23)]);
    driver.unsubscribe(7, ['x'.repeat(24)]);
    expect((await driver.failures.take(4)).map(({ slot, failure }) => [slot, failure.code])).toEqual(
      [2, 4, 6, 7].map((slot) => [slot, 'ERR_MQTT_PACKET_TOO_LARGE']));
    expect([await link.expectType(3), await link.expectType(3), await link.expectType(8)].map(({ length }) => length)).toEqual([30, 30, 30]);
    await link.barrier(5);
  });

  it('a packet above our own limit is refused at its header, with 0x95', async () => {
    const link = await driver.connect(broker, 5, { maximumPacketSize: 1000 });
    link.send('30 e9 07');
    expect((await driver.disconnects.next())).toMatchObject({ code: 'ERR_MQTT_PROTOCOL', reasonCode: 0x95 });
    await link.expect('e0 01 95');
    await link.expectEnd();
  });

  it('PUBACK and PUBREC with an error: the exchange is over, the identifier is free [MQTT-4.3.3-12]', async () => {
    driver.automatic = false;
    const link = await driver.connect(broker, 5, { receiveMaximum: 1 });
    for (let round = 0; round < 3; round += 1) {
      link.send(packets.publish({ topic: 'q', qos: 2, id: 6 }));
      await driver.messages.next();
      driver.ack(1, 0x87);
      await link.expect('50 03 0006 87');
    }
    link.send(packets.publish({ topic: 'q', qos: 1, id: 6 }));
    await driver.messages.next();
    driver.ack(1, 0x10);
    await link.expect('40 03 0006 10');
  });

  it('incoming topic aliases stand for their topic', async () => {
    const link = await driver.connect(broker, 5);
    link.send(
      packets.publish({ topic: 'first', properties: '23 0001' }), packets.publish({ topic: '', properties: "26 0001'k' 0001'v' 23 0001", qos: 1, id: 1 }),
      packets.publish({ topic: 'second', properties: '23 0001' }), packets.publish({ topic: '', properties: '23 0001', qos: 2, id: 2 }),
      packets.publish({ topic: 'third' }),
    );
    expect((await driver.messages.take(5)).map(({ topic }) => topic)).toEqual(['first', 'first', 'second', 'second', 'third']);
    expect(driver.messages.all[1]!.properties.toString('hex')).toBe('260001' + '6b0001' + '76230001');
    link.send(packets.publish({ topic: '', properties: '23 0002' }));
    expect((await driver.disconnects.next()).code).toBe('ERR_MQTT_PROTOCOL');
  });

  it('DISCONNECT of the server: its reason and properties', async () => {
    const link = await driver.connect(broker, 5);
    link.send(packets.disconnect(0x8b, "1f 0003'now'"));
    const failure = await driver.disconnects.next();
    expect(failure).toMatchObject({ code: 'ERR_MQTT_SERVER_DISCONNECT', reasonCode: 0x8b });
    expect(HEX(failure.properties)).toBe('1f00036e6f77');
    await link.expectEnd();
  });

  it('close() with a reason code and properties', async () => {
    const link = await driver.connect(broker, 5);
    driver.close(0x04, Buffer.from('1100000000', 'hex'));
    await link.expect('e0 07 04 05 11 00000000');
    await link.expectEnd();
  });

  it('Server Keep Alive counts where the client asked for none [MQTT-3.1.2-21]', async () => {
    const link = await driver.connect(broker, 5, { keepAlive: 0 }, '13 0001');
    await link.expect('c0 00');
  });
});

describe('an application that takes no messages', () => {
  const packets = packetsOf(5);
  const payload = Buffer.alloc(10_000);

  it('reading stops at 16 MiB, the connection is kept alive meanwhile, and all goes on when half is taken', async () => {
    driver.automatic = false;
    const link = await driver.connect(broker, 5, { keepAlive: 1 });
    const COUNT = 4000;
    link.send(...Array.from({ length: COUNT }, () => packets.publish({ topic: 't', payload })));
    const limit = Math.floor(16 * 1024 * 1024 / payload.length);
    await driver.messages.take(limit);
    // The script answers no PINGREQ: without allowance for the pause the connection would end after 2.5 s.
    await link.expect('c0 00', 'c0 00', 'c0 00', 'c0 00');
    const held = driver.messages.all.length;
    expect(held * payload.length).toBeLessThan(17 * 1024 * 1024);
    expect(driver.disconnects.all).toEqual([]);
    const quarter = Math.floor(held / 4);
    driver.taken(quarter, quarter * payload.length);
    await turns(20);
    expect(driver.messages.all.length).toBe(held);
    driver.automatic = true;
    driver.taken(held - quarter, (held - quarter) * payload.length);
    link.send(packets.pingresp());
    await driver.messages.take(COUNT - limit);
    expect(driver.messages.all.length).toBe(COUNT);
  });

  it('reading stops at 16,384 messages', async () => {
    driver.automatic = false;
    const link = await driver.connect(broker, 5);
    const one = packets.publish({ topic: 'topic', payload: Buffer.alloc(500) });
    const COUNT = 60_000;
    link.send(Buffer.concat(Array.from({ length: COUNT }, () => one)));
    await driver.messages.take(16_384);
    await new Promise((resolve) => { setTimeout(resolve, 100); });
    const held = driver.messages.all.length;
    // What the last read brought comes on top.
    expect(held).toBeLessThan(16_384 + 1000);
    driver.automatic = true;
    driver.taken(held, held * 500);
    await driver.messages.take(COUNT - 16_384);
  });

  it('what is still held of one connection counts on the next', async () => {
    driver.automatic = false;
    const first = await driver.connect(broker, 5);
    const one = packets.publish({ topic: 't' });
    first.send(Buffer.concat(Array.from({ length: 16_384 }, () => one)));
    await driver.messages.take(16_384);
    const held = driver.messages.all.length;
    first.cut();
    driver.taken(1, 0);
    driver.close();
    await driver.disconnects.next();
    const second = await driver.connect(broker, 5);
    second.send(packets.publish({ topic: 'second' }));
    await new Promise((resolve) => { setTimeout(resolve, 100); });
    expect(driver.messages.all.length).toBe(held);
    driver.taken(held - 1, 0);
    expect((await driver.messages.next()).topic).toBe('second');
  });
});

describe('secrets', () => {
  it('with all debug output of mqtt.js on, neither password, will nor payload is printed', async () => {
    const engine = fileURLToPath(new URL('../../dist/engine/js/js-engine.js', import.meta.url));
    const script = `
      const net = require('node:net');
      const { JsEngine } = require(${JSON.stringify(engine)});
      const server = net.createServer((socket) => {
        socket.once('data', () => {
          socket.write(Buffer.from('2003000000', 'hex'));
          socket.once('data', () => socket.write(Buffer.from('40020001', 'hex')));
        });
      });
      const sink = new Proxy({
        onConnected: () => engine.publish('t', Buffer.from('the-payload'), 1, undefined, 1),
        onPublished: () => { console.log('published'); engine.destroy(); server.close(); },
      }, { get: (target, name) => target[name] ?? (() => 0) });
      const engine = new JsEngine(sink, 'test');
      server.listen(0, '127.0.0.1', () => engine.open({
        transport: 'tcp', host: '127.0.0.1', port: server.address().port, path: '/', protocolVersion: 5, cleanStart: true, keepAlive: 60,
        clientId: 'c', username: 'the-user', password: Buffer.from('the-password'), will: { topic: 'w', payload: Buffer.from('the-will'), qos: 0, retain: false },
        receiveMaximum: 10, maximumPacketSize: 0, topicAliasMaximum: 0, window: 10, connectTimeout: 5000,
      }));
    `;
    const run = spawnSync(process.execPath, ['-e', script], { env: { ...process.env, DEBUG: '*', DEBUG_DEPTH: '10' }, cwd: path.dirname(engine), encoding: 'utf8', timeout: 15_000 });
    expect(run.stdout).toContain('published');
    // mqtt-packet has its own debug output: that it is there shows that the variable works.
    expect(run.stderr).toContain('mqtt-packet');
    expect(run.stderr).not.toMatch(/the-(user|password|will|payload)/);
    for (const secret of ['the-password', 'the-will', 'the-payload']) {
      expect(run.stderr).not.toContain(Buffer.from(secret).toString('hex').replace(/(..)/g, '$1 ').trim());
    }
    expect(run.status).toBe(0);
  });
});
