/**
 * Messages from the broker are delivered once and answered by their QoS, in the order in which they came. The broker is a script that
 * cuts its stream where it hurts: single bytes, two packets in one segment, a thousand in one write.
 */
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { forEachEngine, messagesOf } from '../support/engines.js';
import { field, hexOf, packet, packetsOf, uint16 } from '../support/packets.js';
import { ScriptedBroker } from '../support/scripted-broker.js';
import { connected, connecting } from '../support/scripted-client.js';

let broker: ScriptedBroker;
beforeAll(async () => { broker = await ScriptedBroker.start(); });
afterAll(() => broker.stop());

forEachEngine((engine) => {
  for (const version of [4, 5] as const) {
    describe(version === 4 ? '3.1.1' : '5', () => {
      engine.case('QoS 0 is not answered, QoS 1 with PUBACK, QoS 2 with PUBREC and PUBCOMP [MQTT-3.3.4-1] [MQTT-4.3.2-4] [MQTT-4.3.3-8..11]', async () => {
        const { client, link, packets } = await connected(engine, broker, version);
        const messages = messagesOf(client);
        link.send(packets.publish({ topic: 'zero', payload: 'a' }));
        link.send(packets.publish({ topic: 'one', payload: 'b', qos: 1, id: 10 }));
        await link.expect('40 02 000a');
        link.send(packets.publish({ topic: 'two', payload: 'c', qos: 2, id: 11 }));
        await link.expect('50 02 000b');
        link.send(packets.pubrel(11));
        await link.expect('70 02 000b');
        const got = (await messages.take(3)).map((message) => [message.topic, message.text(), message.qos]);
        expect(got).toEqual([['zero', 'a', 0], ['one', 'b', 1], ['two', 'c', 2]]);
      });

      engine.case('acks go out in the order of arrival [MQTT-4.6.0-2] [MQTT-4.6.0-3]', async () => {
        const { client, link, packets } = await connected(engine, broker, version);
        const messages = messagesOf(client);
        const ids = [7, 3, 65_535, 1, 500];
        link.send(...ids.map((id) => packets.publish({ topic: 't', payload: String(id), qos: 1, id })));
        await link.expect(...ids.map((id) => packets.puback(id)));
        link.send(...ids.map((id) => packets.publish({ topic: 't', payload: String(id), qos: 2, id })));
        await link.expect(...ids.map((id) => packets.pubrec(id)));
        link.send(...ids.map((id) => packets.pubrel(id)));
        await link.expect(...ids.map((id) => packets.pubcomp(id)));
        expect((await messages.take(10)).map((message) => message.text())).toEqual([...ids, ...ids].map(String));
      });

      engine.case('a message nobody listens to is acknowledged [MQTT-4.5.0-2]', async () => {
        const { link } = await connected(engine, broker, version);
        await link.barrier(version, 9);
      });

      engine.case('QoS 2 sent twice before PUBREL is delivered once, with PUBREC to both [MQTT-4.3.3-10]', async () => {
        const { client, link, packets } = await connected(engine, broker, version);
        const messages = messagesOf(client);
        link.send(packets.publish({ topic: 't', payload: 'once', qos: 2, id: 5 }));
        await link.expect(packets.pubrec(5));
        link.send(packets.publish({ topic: 't', payload: 'once', qos: 2, id: 5, dup: true }));
        await link.expect(packets.pubrec(5));
        link.send(packets.pubrel(5));
        await link.expect(packets.pubcomp(5));
        // The identifier is free again: this is a new message [MQTT-4.3.3-12].
        link.send(packets.publish({ topic: 't', payload: 'new', qos: 2, id: 5 }));
        await link.expect(packets.pubrec(5));
        link.send(packets.pubrel(5));
        await link.expect(packets.pubcomp(5));
        expect((await messages.take(2)).map((message) => message.text())).toEqual(['once', 'new']);
        await link.barrier(version);
        expect((await messages.take(1))[0]?.topic).toBe('barrier');
      });

      engine.case('QoS 1 with the identifier of a finished one is a new message [MQTT-4.3.2-5]', async () => {
        const { client, link, packets } = await connected(engine, broker, version);
        const messages = messagesOf(client);
        for (const payload of ['first', 'second']) {
          link.send(packets.publish({ topic: 't', payload, qos: 1, id: 8 }));
          await link.expect(packets.puback(8));
        }
        expect((await messages.take(2)).map((message) => message.text())).toEqual(['first', 'second']);
      });

      engine.case('PUBREL of an unknown identifier is answered with PUBCOMP [MQTT-4.3.3-11]', async () => {
        const { link, packets } = await connected(engine, broker, version);
        link.send(packets.pubrel(77));
        const pubcomp = await link.expectType(7);
        expect(pubcomp.readUInt16BE(2)).toBe(77);
        // Version 5 has a reason for it, 0x92, which may be left out.
        expect(version === 5 ? pubcomp.subarray(4).toString('hex') : pubcomp.toString('hex')).toMatch(version === 5 ? /^(92|)(00)?$/ : /^7002004d$/);
        await link.barrier(version);
      });

      engine.case('RETAIN and DUP are shown as they came', async () => {
        const { client, link, packets } = await connected(engine, broker, version);
        const messages = messagesOf(client);
        const sent: [qos: 0 | 1 | 2, retain: boolean, dup: boolean][] = [
          [0, true, false], [0, false, false], [1, true, true], [1, false, false], [2, true, true], [2, false, false], [2, false, true],
        ];
        link.send(...sent.map(([qos, retain, dup], id) => packets.publish({ topic: 't', payload: 'x', qos, id: id + 1, retain, dup })));
        const got = await messages.take(sent.length);
        expect(got.map((message) => [message.qos, message.retain, message.dup])).toEqual(sent);
      });

      engine.case('CONNACK and a PUBLISH in single bytes', async () => {
        const { client, link, packets, connecting: done } = await connecting(engine, broker, version);
        const messages = messagesOf(client);
        await link.sendByteByByte(packets.connack());
        await done;
        await link.sendByteByByte(packets.publish({ topic: 'a/b', payload: 'hello', qos: 1, id: 3 }));
        await link.expect(packets.puback(3));
        expect((await messages.next()).text()).toBe('hello');
      });

      engine.case('CONNACK and a message in one segment: the message is not lost', async () => {
        const { client, link, packets, connecting: done } = await connecting(engine, broker, version);
        const messages = messagesOf(client);
        link.send(packets.connack(), packets.publish({ topic: 'a', payload: 'at once' }));
        await done;
        expect((await messages.next()).text()).toBe('at once');
      });

      engine.case('two packets in one segment, the second one cut in its header', async () => {
        const { client, link, packets } = await connected(engine, broker, version);
        const messages = messagesOf(client);
        const both = Buffer.concat([packets.publish({ topic: 'a', payload: '1', qos: 1, id: 1 }), packets.publish({ topic: 'a', payload: '2'.repeat(300), qos: 1, id: 2 })]);
        const first = packets.publish({ topic: 'a', payload: '1', qos: 1, id: 1 }).length + 2;
        link.send(both.subarray(0, first));
        await link.expect(packets.puback(1));
        link.send(both.subarray(first));
        await link.expect(packets.puback(2));
        expect((await messages.take(2)).map((message) => message.payload.length)).toEqual([1, 300]);
      });

      engine.case('1,000 PUBLISH in one write, each delivered and acknowledged in order', async () => {
        const { client, link, packets } = await connected(engine, broker, version);
        const messages = messagesOf(client);
        const ids = Array.from({ length: 1000 }, (_, index) => index + 1);
        link.send(...ids.map((id) => packets.publish({ topic: 't', payload: String(id), qos: 1, id })));
        await link.expect(...ids.map((id) => packets.puback(id)));
        expect((await messages.take(1000)).map((message) => message.text())).toEqual(ids.map(String));
      });

      engine.case('100,000 PUBLISH of QoS 0 in one burst are all delivered in order', async () => {
        const { client, link, packets } = await connected(engine, broker, version);
        const seen: number[] = [];
        const done = new Promise<void>((resolve) => {
          client.on('message', (message) => {
            if (seen.push(Number(message.text())) === 100_000) {
              resolve();
            }
          });
        });
        link.send(...Array.from({ length: 100_000 }, (_, index) => packets.publish({ topic: 't', payload: String(index) })));
        await done;
        expect(seen.every((value, index) => value === index)).toBe(true);
      }, { timeout: 60_000 });
    });
  }

  describe('5', () => {
    engine.case('every property of a message is read, user properties in order and twice', async () => {
      const { client, link, packets } = await connected(engine, broker, 5);
      const messages = messagesOf(client);
      link.send(packets.publish({
        topic: 't', payload: 'x',
        properties: "01 01 02 ee6b2800 03 0007'text/ä' 08 0003'r/t' 09 0003 0001ff 0b ffffff7f 0b 01 26 0001'b' 0001'2' 26 0001'a' 0000 26 0001'b' 0001'2'",
      }));
      const { properties } = await messages.next();
      expect(properties).toMatchObject({
        payloadFormatIndicator: 1, messageExpiryInterval: 4_000_000_000, contentType: 'text/ä', responseTopic: 'r/t',
        userProperties: [['b', '2'], ['a', ''], ['b', '2']],
      });
      expect(hexOf(properties?.correlationData)).toBe('0001ff');
      expect(properties?.subscriptionIdentifiers).toEqual([268_435_455, 1]);
    });

    engine.case('a topic alias of the server is resolved, and announced anew for another topic [MQTT-3.3.2-10]', async () => {
      const { client, link, packets } = await connected(engine, broker, 5, { topicAliasMaximum: 2 });
      const messages = messagesOf(client);
      link.send(
        packets.publish({ topic: 'long/topic', payload: '1', properties: '23 0002' }),
        packets.publish({ topic: '', payload: '2', properties: '23 0002' }),
        packets.publish({ topic: 'other', payload: '3', properties: '23 0002' }),
        packets.publish({ topic: '', payload: '4', properties: '23 0002' }),
      );
      expect((await messages.take(4)).map((message) => message.topic)).toEqual(['long/topic', 'long/topic', 'other', 'other']);
    });

    engine.case('PUBREL with a reason code is answered with PUBCOMP and the message is not lost', async () => {
      const { client, link, packets } = await connected(engine, broker, 5);
      const messages = messagesOf(client);
      link.send(packets.publish({ topic: 't', payload: 'x', qos: 2, id: 4 }));
      await link.expect(packets.pubrec(4));
      link.send(packet(0x62, uint16(4), '92', '00'));
      await link.expect(packets.pubcomp(4));
      expect((await messages.next()).text()).toBe('x');
    });

    engine.case('a message with 1,000 user properties arrives with all of them', async () => {
      const { client, link, packets } = await connected(engine, broker, 5);
      const messages = messagesOf(client);
      const pairs = Array.from({ length: 1000 }, (_, index): [string, string] => [`name ${index}`, `value ${index}`]);
      const properties = Buffer.concat(pairs.flatMap(([name, value]) => [Buffer.from([0x26]), field(name), field(value)]));
      link.send(packets.publish({ topic: 't', payload: 'x', properties }));
      expect((await messages.next()).properties?.userProperties).toEqual(pairs);
    });

    engine.case('PINGRESP nobody asked for and an acknowledgement of nothing do no harm', async () => {
      const { link } = await connected(engine, broker, 5);
      link.send(packetsOf(5).puback(1234));
      await link.barrier(5);
    });
  });
});
