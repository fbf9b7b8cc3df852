/**
 * A broker that is broken or means harm: whatever it sends, the process lives, every promise ends, the application hears
 * ERR_MQTT_PROTOCOL, and the link is closed, in version 5 with DISCONNECT and the reason. The script sends the packet to a connected
 * client that has a publish waiting.
 */
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { forEachEngine } from '../support/engines.js';
import { codeOf, failureOf } from '../support/outcomes.js';
import { field, packet, packetIdentifier, packetsOf, uint16 } from '../support/packets.js';
import type { Bytes, Version } from '../support/packets.js';
import { ScriptedBroker } from '../support/scripted-broker.js';
import { connected, connecting } from '../support/scripted-client.js';
import { Inbox } from '../support/waiting.js';
import type { ClientOptions, MqttError } from 'mqtt-native';

let broker: ScriptedBroker;
beforeAll(async () => { broker = await ScriptedBroker.start(); });
afterAll(() => broker.stop());

const MALFORMED = 0x81;
const PROTOCOL_ERROR = 0x82;

interface Attack {
  name: string;
  /** What is sent to a connected client, one item a write. */
  send: Bytes[];
  versions: readonly Version[];
  /** Of the DISCONNECT in version 5. */
  reason: number;
  options?: Partial<ClientOptions>;
}

const BOTH = [4, 5] as const;
const FIVE = [5] as const;

const ATTACKS: Attack[] = [
  { name: 'a second CONNACK [MQTT-3.2.0-2]', send: [packetsOf(5).connack()], versions: FIVE, reason: PROTOCOL_ERROR },
  { name: 'a second CONNACK [MQTT-3.2.0-2]', send: [packetsOf(4).connack()], versions: [4], reason: PROTOCOL_ERROR },
  { name: 'PUBREL without a body, the bytes 62 00', send: ['62 00'], versions: BOTH, reason: MALFORMED },
  { name: 'PUBACK without a body', send: ['40 00'], versions: BOTH, reason: MALFORMED },
  { name: 'packet type 0', send: ['00 00'], versions: BOTH, reason: MALFORMED },
  { name: 'CONNECT from the server', send: ["10 0d 0004'MQTT' 04 02 003c 0001'c'"], versions: BOTH, reason: PROTOCOL_ERROR },
  { name: 'SUBSCRIBE from the server', send: ["82 06 0001 0001'a' 00"], versions: BOTH, reason: PROTOCOL_ERROR },
  { name: 'PINGREQ from the server', send: ['c0 00'], versions: BOTH, reason: PROTOCOL_ERROR },
  { name: 'AUTH nobody asked for [MQTT-4.12.0-6]', send: ['f0 00'], versions: FIVE, reason: PROTOCOL_ERROR },
  { name: 'packet type 15 in 3.1.1', send: ['f0 00'], versions: [4], reason: PROTOCOL_ERROR },
  { name: 'DISCONNECT in 3.1.1', send: ['e0 00'], versions: [4], reason: PROTOCOL_ERROR },
  { name: 'DISCONNECT with reserved flags [MQTT-3.14.1-1]', send: ['e1 00'], versions: FIVE, reason: MALFORMED },
  { name: 'PUBLISH with QoS 3 [MQTT-3.3.1-4]', send: ["36 06 0001't' 0001 'x'"], versions: BOTH, reason: MALFORMED },
  { name: 'PUBLISH with DUP at QoS 0 [MQTT-3.3.1-2]', send: ["38 05 0001't' 00 'x'"], versions: BOTH, reason: MALFORMED },
  { name: 'PUBLISH with a wildcard in its topic [MQTT-3.3.2-2]', send: [packet(0x30, field('a/+'), '00')], versions: BOTH, reason: PROTOCOL_ERROR },
  { name: 'PUBLISH with an empty topic and no alias', send: [packet(0x30, field(''), '00')], versions: BOTH, reason: PROTOCOL_ERROR },
  { name: 'PUBLISH with U+0000 in its topic [MQTT-1.5.4-2]', send: [packet(0x30, field('a\u0000b'), '00')], versions: BOTH, reason: MALFORMED },
  {
    name: 'PUBLISH with a surrogate in its topic [MQTT-1.5.4-1]', send: [packet(0x30, field(Buffer.from([0xed, 0xa0, 0x80])), '00')], versions: BOTH,
    reason: MALFORMED,
  },
  { name: 'PUBLISH with identifier 0', send: ["32 06 0001't' 0000 00"], versions: BOTH, reason: MALFORMED },
  { name: 'PUBLISH whose topic is longer than the packet', send: ["30 05 ffff 'abc'"], versions: BOTH, reason: MALFORMED },
  { name: 'PUBREL with flags 0000 [MQTT-3.6.1-1]', send: ['60 02 0001'], versions: BOTH, reason: MALFORMED },
  { name: 'PUBACK with flags 0010', send: ['42 02 0001'], versions: BOTH, reason: MALFORMED },
  { name: 'PUBCOMP for a message of QoS 1', send: [packetsOf(5).pubcomp(1)], versions: BOTH, reason: PROTOCOL_ERROR },
  { name: 'SUBACK for a PUBLISH', send: [packetsOf(5).suback(1, [0])], versions: FIVE, reason: PROTOCOL_ERROR },
  { name: 'SUBACK for a PUBLISH', send: [packetsOf(4).suback(1, [0])], versions: [4], reason: PROTOCOL_ERROR },
  { name: 'a Remaining Length of five bytes', send: ['30 ff ff ff ff 01'], versions: BOTH, reason: MALFORMED },
  { name: 'a Remaining Length that is not in its shortest form [MQTT-1.5.5-1]', send: ['d0 80 00'], versions: BOTH, reason: MALFORMED },
  { name: 'PINGRESP with a body', send: ['d0 01 00'], versions: BOTH, reason: MALFORMED },
  { name: 'a topic alias nobody announced', send: [packet(0x30, field(''), '03 23 0005')], versions: FIVE, reason: PROTOCOL_ERROR },
  { name: 'topic alias 0 [MQTT-3.3.2-8]', send: [packet(0x30, field('t'), '03 23 0000')], versions: FIVE, reason: 0x94 },
  {
    name: 'a topic alias above our maximum [MQTT-3.3.2-9]', send: [packet(0x30, field('t'), '03 23 0003')], versions: FIVE, reason: 0x94,
    options: { topicAliasMaximum: 2 },
  },
  { name: 'a property twice', send: [packet(0x30, field('t'), '04 0101 0101')], versions: FIVE, reason: PROTOCOL_ERROR },
  { name: 'a property that does not belong into PUBLISH', send: [packet(0x30, field('t'), '05 11 00000001')], versions: FIVE, reason: MALFORMED },
  { name: 'a property that does not exist', send: [packet(0x30, field('t'), '02 7f 00')], versions: FIVE, reason: MALFORMED },
  { name: 'a property length beyond the packet', send: [packet(0x30, field('t'), '7f 01 01')], versions: FIVE, reason: MALFORMED },
  { name: 'a user property with ill-formed UTF-8 [MQTT-1.5.7-1]', send: [packet(0x30, field('t'), "08 26 0001 ff 0002'ab'")], versions: FIVE, reason: MALFORMED },
  { name: 'a reason code that PUBACK does not have', send: ['40 03 0001 01'], versions: FIVE, reason: PROTOCOL_ERROR },
  {
    name: 'a packet above our Maximum Packet Size, of which only the header has come [MQTT-3.1.2-24]', send: ['30 e9 07 0001'], versions: FIVE, reason: 0x95,
    options: { maximumPacketSize: 1000 },
  },
  {
    name: 'more messages than our Receive Maximum [MQTT-3.3.4-9]', reason: 0x93, versions: FIVE, options: { receiveMaximum: 2 },
    send: [Buffer.concat([1, 2, 3].map((id) => packetsOf(5).publish({ topic: 't', qos: 2, id })))],
  },
];

forEachEngine((engine) => {
  for (const version of BOTH) {
    describe(version === 4 ? '3.1.1' : '5', () => {
      for (const attack of ATTACKS.filter(({ versions }) => versions.includes(version))) {
        engine.case(attack.name, async () => {
          const { client, link } = await connected(engine, broker, version, attack.options ?? {});
          const disconnects = Inbox.of<MqttError, [MqttError]>(client, 'disconnect', (error) => error);
          const waiting = failureOf(client.publish('waiting', 'x', { qos: 1 }));
          expect(packetIdentifier(await link.expectType(3))).toBe(1);
          link.send(...attack.send);
          const error = await disconnects.next();
          expect(error.code).toBe('ERR_MQTT_PROTOCOL');
          expect((await waiting).code).toBe('ERR_MQTT_PROTOCOL');
          // Acks of messages that came before the fault may be on the wire already; DISCONNECT is the last packet in version 5, and there
          // is none in 3.1.1.
          const packets = (await link.readToEnd()).filter((sent) => sent[0]! >> 4 !== 4 && sent[0]! >> 4 !== 5);
          if (version === 5) {
            expect(packets.map((sent) => sent.subarray(0, 3).toString('hex').replace(/^e0(01|02)/, 'e0__'))).toEqual([
              `e0__${attack.reason.toString(16)}`,
            ]);
            expect(error.reasonCode).toBe(attack.reason);
          } else {
            expect(packets.map((sent) => sent.toString('hex')).filter((hex) => hex !== 'e000')).toEqual([]);
          }
          expect(disconnects.waiting).toBe(0);
        });
      }

      engine.case('a client that was attacked connects again and works', async () => {
        const { client, link, packets } = await connected(engine, broker, version);
        const lost = new Promise<void>((resolve) => { client.once('disconnect', () => resolve()); });
        link.send('62 00');
        await lost;
        const again = client.connect();
        const second = await broker.accept();
        await second.expectType(1);
        second.send(packets.connack());
        await again;
        const done = client.publish('t', 'x', { qos: 1 });
        const id = packetIdentifier(await second.expectType(3))!;
        second.send(packets.puback(id));
        await done;
      });

      engine.case('garbage behind a good packet: the good one is delivered, the rest ends the connection', async () => {
        const { client, link, packets } = await connected(engine, broker, version);
        const texts: string[] = [];
        client.on('message', (message) => { texts.push(message.text()); });
        const lost = new Promise<MqttError>((resolve) => { client.once('disconnect', resolve); });
        link.send(Buffer.concat([packets.publish({ topic: 't', payload: 'good' }), Buffer.from('00ffffffffff', 'hex')]));
        expect((await lost).code).toBe('ERR_MQTT_PROTOCOL');
        expect(texts).toEqual(['good']);
        await link.readToEnd();
      });

      engine.case('SUBACK with too few and too many codes ends the connection, and the request', async () => {
        for (const codes of [[], [0, 0]]) {
          const { client, link, packets } = await connected(engine, broker, version);
          const waiting = failureOf(client.subscribe('a'));
          const id = packetIdentifier(await link.expectType(8))!;
          link.send(packets.suback(id, codes));
          expect((await waiting).code).toBe('ERR_MQTT_PROTOCOL');
          await link.readToEnd();
        }
      });

      engine.case('UNSUBACK with too few and too many codes ends the connection, and the request [MQTT-3.11.3-1]', async () => {
        // 3.1.1 has no codes there at all.
        for (const codes of version === 5 ? ['', '0000'] : ['00', '0000']) {
          const { client, link } = await connected(engine, broker, version);
          const waiting = failureOf(client.unsubscribe('a'));
          const id = packetIdentifier(await link.expectType(10))!;
          link.send(packet(0xb0, uint16(id), version === 5 ? '00' : '', codes));
          expect((await waiting).code).toBe('ERR_MQTT_PROTOCOL');
          await link.readToEnd();
        }
      });

      engine.case('256 MB are announced and never sent: nothing is reserved for them', async () => {
        const { client, link } = await connected(engine, broker, version);
        const before = process.memoryUsage();
        link.send('30 ff ff ff 7f 0001', "'t'");
        // A round trip of something else is not possible behind half a packet; a publish goes the other way and proves that the client
        // lives.
        await client.publish('alive', 'x');
        await link.expectType(3);
        const after = process.memoryUsage();
        expect(after.rss - before.rss).toBeLessThan(100 * 1024 * 1024);
        expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(100 * 1024 * 1024);
      });

      for (const [name, bytes] of [
        ['PUBLISH before CONNACK [MQTT-3.2.0-1]', packetsOf(version).publish({ topic: 't', payload: 'x' })],
        ['CONNACK with reserved bits [MQTT-3.2.2-1]', packet(0x20, '02 00', version === 5 ? '00' : '')],
        ['CONNACK without a body', packet(0x20)],
        ['CONNACK with a return code that does not exist', packet(0x20, '00 7f', version === 5 ? '00' : '')],
        ['Session Present 1 after a clean start [MQTT-3.2.2-4]', packet(0x20, '01 00', version === 5 ? '00' : '')],
        ['HTTP', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
      ] as const) {
        engine.case(`${name}: connect() rejects with ERR_MQTT_PROTOCOL`, async () => {
          const { link, connecting: done } = await connecting(engine, broker, version);
          link.send(bytes);
          expect(await codeOf(done)).toBe('ERR_MQTT_PROTOCOL');
          await link.readToEnd();
        });
      }
    });
  }

  describe('5', () => {
    for (const [name, properties] of [
      ['Receive Maximum 0', '21 0000'], ['Maximum Packet Size 0', '27 00000000'], ['Maximum QoS 2', '24 02'], ['Retain Available 2', '25 02'],
      ['a property twice', '21 0005 21 0005'], ['a property of PUBLISH', '01 01'],
    ] as const) {
      engine.case(`CONNACK with ${name}: connect() rejects with ERR_MQTT_PROTOCOL`, async () => {
        const { link, connecting: done } = await connecting(engine, broker, 5);
        link.send(packetsOf(5).connack(0, false, properties));
        expect(await codeOf(done)).toBe('ERR_MQTT_PROTOCOL');
        await link.readToEnd();
      });
    }

    engine.case('CONNACK with a property length beyond the packet: connect() rejects with ERR_MQTT_PROTOCOL', async () => {
      const { link, connecting: done } = await connecting(engine, broker, 5);
      link.send('20 05 00 00 7f 21 00');
      expect(await codeOf(done)).toBe('ERR_MQTT_PROTOCOL');
      await link.readToEnd();
    });

    engine.case('the largest allowed values are taken: Server Keep Alive 65,535, a client identifier of 65,535 bytes', async () => {
      const { client, link, connecting: done } = await connecting(engine, broker, 5, { clientId: '' });
      const id = 'x'.repeat(65_535);
      link.send(packetsOf(5).connack(0, false, Buffer.concat([Buffer.from([0x13, 0xff, 0xff, 0x12]), field(id)])));
      const result = await done;
      expect(result.assignedClientIdentifier).toBe(id);
      expect(result.limits.serverKeepAlive).toBe(65_535);
      await client.publish('t', 'x');
      await link.expectType(3);
    });

    engine.case('the limits of the server are kept locally: Maximum QoS 0, no retain, no wildcards, no shared, no identifiers, 100 bytes', async () => {
      const { client, link } = await connected(engine, broker, 5, {}, '24 00 25 00 28 00 29 00 2a 00 27 00000064');
      const refused = [
        client.publish('t', 'x', { qos: 1 }), client.publish('t', 'x', { retain: true }), client.publish('t', 'x'.repeat(100)), client.subscribe('a/+'),
        client.subscribe('$share/g/a'), client.subscribe('a', { subscriptionIdentifier: 1 }), client.subscribe('x'.repeat(100)),
        client.unsubscribe('x'.repeat(100)),
      ].map((promise: Promise<unknown>) => codeOf(promise));
      const [large, unsupported] = ['ERR_MQTT_PACKET_TOO_LARGE', 'ERR_MQTT_NOT_SUPPORTED'];
      expect(await Promise.all(refused)).toEqual([unsupported, unsupported, large, unsupported, unsupported, unsupported, large, large]);
      await client.publish('t', 'x'.repeat(90));
      await link.expect(packet(0x30, field('t'), '00', Buffer.from('x'.repeat(90))));
    });

    engine.case('packets behind DISCONNECT are not looked at', async () => {
      const { client, link, packets } = await connected(engine, broker, 5);
      const texts: string[] = [];
      client.on('message', (message) => { texts.push(message.text()); });
      const lost = new Promise<MqttError>((resolve) => { client.once('disconnect', resolve); });
      link.send(Buffer.concat([packets.disconnect(0x8b, ''), packets.publish({ topic: 't', payload: 'late' }), uint16(0)]));
      expect(await lost).toMatchObject({ code: 'ERR_MQTT_SERVER_DISCONNECT', reasonCode: 0x8b });
      expect(texts).toEqual([]);
    });
  });

  engine.case('100 connections that are accepted and cut at once leave a client that still connects', async () => {
    for (let round = 0; round < 100; round += 1) {
      const client = engine.client(broker.url, { protocolVersion: 4 });
      const done = codeOf(client.connect());
      (await broker.accept()).cut();
      // Whether TCP counts as connected before it is reset depends on who looks first.
      expect(await done).toMatch(/^ERR_MQTT_(CONNECTION_LOST|CONNECT)$/);
      client.destroy();
    }
    await connected(engine, broker, 4);
  });
});
