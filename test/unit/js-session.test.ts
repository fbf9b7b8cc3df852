/**
 * The js engine's session over several connections, without lib, against a broker that is a script: what is sent again and what fails, and
 * what acknowledgements of an earlier connection do on the next one. Topic Aliases and Message Expiry Interval are in
 * js-engine-publishing.test.ts.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EngineOpen } from '../../dist/engine/engine.js';
import { PUBACK, PUBCOMP, PUBREC } from '../../dist/engine/js/guard-rules.js';
import { Outcomes } from '../../dist/engine/js/outcomes.js';
import type { OutgoingStream } from '../../dist/engine/js/outgoing-stream.js';
import { publicationOf } from '../../dist/engine/js/publication.js';
import type { PublishWriter } from '../../dist/engine/js/publish-writer.js';
import { Resend } from '../../dist/engine/js/resend.js';
import { Session } from '../../dist/engine/js/session.js';
import { packetIdentifier, packetsOf } from '../support/packets.js';
import type { Bytes, Version } from '../support/packets.js';
import { ScriptedBroker } from '../support/scripted-broker.js';
import type { ScriptedLink } from '../support/scripted-broker.js';
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

/** The link is cut, and the engine has said so. */
async function cut(link: ScriptedLink): Promise<void> {
  link.cut();
  await driver.disconnects.next();
}

/** Connects again, to a server that has the session or has not. */
async function again(version: Version, sessionPresent = true, options: Partial<EngineOpen> = {}, connack?: Bytes): Promise<ScriptedLink> {
  driver.open({ port: broker.port, protocolVersion: version, cleanStart: false, ...options });
  const link = await broker.accept();
  await link.expectType(1);
  link.send(packetsOf(version).connack(0, sessionPresent, connack));
  await driver.connects.next();
  return link;
}

function withDup(packet: Buffer): Buffer {
  const copy = Buffer.from(packet);
  copy[0]! |= 8;
  return copy;
}

const failures = async (count: number): Promise<[number, string][]> => (
  (await driver.failures.take(count)).map(({ slot, failure }) => [slot, failure.code])
);

for (const version of [4, 5] as Version[]) {
  const packets = packetsOf(version);

  describe(`sent again, ${version === 4 ? '3.1.1' : '5'}`, () => {
    it('in the first order, with DUP and the same identifiers, byte for byte else, before anything new [MQTT-4.4.0-1]', async () => {
      const first = await driver.connect(broker, version, { cleanStart: false });
      const properties = version === 5 ? "03 0001'x' 26 0001'k' 0001'v'" : undefined;
      const payload = Buffer.from('one');
      driver.publish('a', payload, 1, 1, properties, true);
      driver.publish('b', 'zwei ü', 2, 2);
      driver.publish('c', '', 1, 3);
      payload.fill('?');
      const sent = [await first.expectType(3), await first.expectType(3), await first.expectType(3)];
      await cut(first);
      expect([driver.failures.all, driver.creditMessages, driver.unsent]).toEqual([[], 0, []]);
      const second = await again(version);
      driver.publish('new', '', 1, 4);
      await second.expect(...sent.map(withDup));
      const fresh = await second.expectType(3);
      expect(fresh[0]).toBe(0x32);
      const id = packetIdentifier(fresh)!;
      expect(sent.map((packet) => packetIdentifier(packet))).not.toContain(id);
      second.send(packets.puback(id), packets.pubrec(2));
      await second.expect('62 02 0002');
      second.send(packets.puback(3), packets.pubcomp(2), packets.puback(1));
      expect((await driver.published.take(4)).map(({ slot }) => slot)).toEqual([4, 3, 2, 1]);
      await turns();
      expect(driver.creditMessages).toBe(4);
    });

    it('after PUBREC only PUBREL, in the order of the PUBRECs, and once more for each PUBREC [MQTT-4.3.3-6] [MQTT-4.6.0-4]', async () => {
      const first = await driver.connect(broker, version, { cleanStart: false });
      for (let slot = 1; slot <= 3; slot += 1) {
        driver.publish('t', 'x', 2, slot);
        await first.expectType(3);
      }
      first.send(packets.pubrec(3), packets.pubrec(1));
      await first.expect('62 02 0003', '62 02 0001');
      await cut(first);
      const second = await again(version);
      await second.expect('62 02 0003', '62 02 0001');
      const repeated = await second.expectType(3);
      expect([repeated[0], packetIdentifier(repeated)]).toEqual([0x3c, 2]);
      second.send(packets.pubcomp(1), packets.pubrec(2), packets.pubrec(2));
      await second.expect('62 02 0002', '62 02 0002');
      second.send(packets.pubcomp(3), packets.pubcomp(2));
      expect((await driver.published.take(3)).map(({ slot }) => slot)).toEqual([1, 3, 2]);
      await second.barrier(version);
    });

    it('over a third connection too; an attempt that fails in between changes nothing', async () => {
      const first = await driver.connect(broker, version, { cleanStart: false });
      driver.publish('t', 'x', 1, 1);
      const sent = await first.expectType(3);
      await cut(first);
      const second = await again(version);
      await second.expect(withDup(sent));
      await cut(second);
      driver.open({ port: broker.port, protocolVersion: version, cleanStart: false });
      const refusing = await broker.accept();
      await refusing.expectType(1);
      refusing.send(packets.connack(version === 5 ? 0x88 : 3));
      expect((await driver.openFailures.next()).code).toBe('ERR_MQTT_REFUSED');
      const third = await again(version);
      await third.expect(withDup(sent));
      third.send(packets.puback(1));
      expect((await driver.published.next()).slot).toBe(1);
      expect(driver.failures.all).toEqual([]);
    });

    it('1 MB whose buffer was written again meanwhile goes out as it was', async () => {
      const first = await driver.connect(broker, version, { cleanStart: false });
      const payload = Buffer.alloc(1_000_000, 'a');
      driver.publish('t', payload, 1, 1);
      payload.fill('b');
      const sent = await first.expectType(3);
      await cut(first);
      const second = await again(version);
      const repeated = await second.expectType(3);
      expect(repeated.equals(withDup(sent))).toBe(true);
      expect(repeated.subarray(-1_000_000).equals(Buffer.alloc(1_000_000, 'a'))).toBe(true);
      second.seen.length = first.seen.length = 0;
    });

    it('SUBSCRIBE without an answer fails, and nothing new gets the identifier of what was sent again [MQTT-2.2.1-3]', async () => {
      const first = await driver.connect(broker, version, { cleanStart: false });
      driver.publish('t', 'x', 1, 1);
      driver.subscribe(2, ['a']);
      await first.expectType(3);
      await first.expectType(8);
      await cut(first);
      expect(await failures(1)).toEqual([[2, 'ERR_MQTT_CONNECTION_LOST']]);
      const second = await again(version);
      await second.expectType(3);
      for (let count = 0; count < 100; count += 1) {
        driver.publish('t', '', 1);
        const id = packetIdentifier(await second.expectType(3))!;
        expect(id).not.toBe(1);
        second.send(packets.puback(id));
        second.seen.length = 0;
      }
      driver.subscribe(3, ['a']);
      const id = packetIdentifier(await second.expectType(8))!;
      second.send(packets.suback(id, [0]));
      expect((await driver.subscribed.next()).slot).toBe(3);
    });

    it('what was not sent goes back in order, also when close() was waiting for it; what was sent stays', async () => {
      const first = await driver.connect(broker, version, { cleanStart: false, window: 1 });
      for (const [slot, qos] of [[1, 1], [2, 2], [3, 0], [4, 1]] as const) {
        driver.publish(`t${slot}`, `p${slot}`, qos, slot);
      }
      driver.close();
      await first.expectType(3);
      await first.barrier(version);
      first.end();
      expect((await driver.disconnects.next()).code).toBe('ERR_MQTT_CLOSED');
      expect(driver.unsent.map(({ topic, payload, qos, slot }) => [topic, payload, qos, slot])).toEqual(
        [['t2', 'p2', 2, 2], ['t3', 'p3', 0, 3], ['t4', 'p4', 1, 4]]);
      expect(driver.order.at(-1)).toBe('disconnected');
      const second = await again(version);
      expect(packetIdentifier(await second.expectType(3))).toBe(1);
      second.send(packets.puback(1));
      expect((await driver.published.next()).slot).toBe(1);
      await turns();
      expect([driver.creditMessages, driver.failures.all]).toEqual([1, []]);
    });
  });

  describe(`not sent again, ${version === 4 ? '3.1.1' : '5'}`, () => {
    it('the server has no session: it fails before onConnected(), and all is as new [MQTT-3.2.2-5]', async () => {
      const first = await driver.connect(broker, version, { cleanStart: false });
      driver.publish('t', 'x', 1, 1);
      driver.publish('t', 'x', 2, 2);
      await first.expectType(3);
      await first.expectType(3);
      first.send(packets.pubrec(2));
      await first.expect('62 02 0002');
      await cut(first);
      driver.order.length = 0;
      const second = await again(version, false);
      expect(driver.order).toEqual(['slot 1', 'slot 2', 'credit', 'connected']);
      expect(driver.failures.all.map(({ failure }) => failure)).toMatchObject(Array(2).fill(
        { code: 'ERR_MQTT_CONNECTION_LOST', message: 'the connection was lost before the server answered' }));
      // A late PUBCOMP answers nothing.
      second.send(packets.pubcomp(2));
      await second.barrier(version);
    });

    it('a clean start: it fails when open() is called, whether a connection comes of it or not [MQTT-3.1.2-4]', async () => {
      const first = await driver.connect(broker, version, { cleanStart: false });
      driver.publish('t', 'x', 1, 1);
      await first.expectType(3);
      await cut(first);
      driver.open({ port: broker.port, protocolVersion: version, cleanStart: true });
      expect(await failures(1)).toEqual([[1, 'ERR_MQTT_CONNECTION_LOST']]);
      expect(driver.connects.all.length).toBe(1);
      const link = await broker.accept();
      link.cut();
      await driver.openFailures.next();
      const second = await again(version);
      await second.barrier(version);
    });

    it('another version of the protocol: it fails when open() is called', async () => {
      const first = await driver.connect(broker, version, { cleanStart: false });
      driver.publish('t', 'x', 2, 1);
      await first.expectType(3);
      await cut(first);
      const other = version === 4 ? 5 : 4;
      const second = await again(other);
      expect(await failures(1)).toEqual([[1, 'ERR_MQTT_CONNECTION_LOST']]);
      await second.barrier(other);
    });

    it('destroy() between two connections: nothing is reported', async () => {
      const first = await driver.connect(broker, version, { cleanStart: false, window: 1 });
      driver.publish('t', 'x', 1, 1);
      driver.publish('t', 'x', 1, 2);
      await first.expectType(3);
      await cut(first);
      const before = driver.order.length;
      driver.destroy();
      await turns();
      expect(driver.order.length).toBe(before);
    });

    it('destroy() behind requests that have failed already and were not told: nothing is reported', async () => {
      driver.publish('t', 'x', 1, 1);
      driver.subscribe(2, ['a']);
      driver.destroy();
      await turns();
      expect(driver.order).toEqual([]);
    });

    it('a publish between the end of the connection and the report of it is not taken: it does not fail', async () => {
      const first = await driver.connect(broker, version, { cleanStart: false });
      const taken: boolean[] = [];
      driver.atATime = 1;
      driver.onRoom = () => { driver.faults.push('onRoom() without a connection'); };
      // The fault of the server ends the connection while its messages are still being handed out.
      const messages = [1, 2, 3].map((number) => packets.publish({ topic: `t${number}` }));
      first.send(...messages, '62 00');
      for (let count = 0; count < 2; count += 1) {
        await driver.messages.next();
        taken.push(driver.publish('t', 'x', 1, 1), driver.publish('t', 'x', 0));
      }
      expect((await driver.disconnects.next()).code).toBe('ERR_MQTT_PROTOCOL');
      expect(taken).toEqual(Array(4).fill(false));
      await turns();
      expect([driver.failures.all, driver.creditMessages]).toEqual([[], 0]);
      first.seen.length = 0;
    });
  });

  describe(`acknowledged later, ${version === 4 ? '3.1.1' : '5'}`, () => {
    const publish = (qos: 1 | 2, id: number, dup = false): Buffer => packets.publish({ topic: `t${id}`, qos, id, dup });

    it('QoS 1 of an earlier connection: nothing is sent; the repetition is delivered and acknowledged in its place', async () => {
      driver.automatic = false;
      const first = await driver.connect(broker, version, { cleanStart: false });
      first.send(publish(1, 7), publish(1, 8));
      await driver.messages.take(2);
      await cut(first);
      const second = await again(version);
      second.send(publish(1, 7, true), publish(1, 9));
      expect((await driver.messages.take(2)).map(({ topic, dup }) => [topic, dup])).toEqual([['t7', true], ['t9', false]]);
      driver.ack(2);
      driver.ack(2);
      await second.expect('40 02 0007', '40 02 0009');
    });

    it('nothing is acknowledged behind our DISCONNECT [MQTT-3.14.4-1]', async () => {
      driver.automatic = false;
      const first = await driver.connect(broker, version, { cleanStart: false });
      first.send(publish(1, 7), publish(2, 8));
      await driver.messages.take(2);
      first.pause();
      // More than the kernel takes: DISCONNECT waits behind it.
      driver.publish('large', Buffer.alloc(30_000_000), 0);
      driver.close();
      await turns();
      driver.ack(2);
      first.resume();
      const sent = await first.readToEnd();
      expect(sent.map((packet) => packet[0]! >> 4)).toEqual([3, 14]);
      first.seen.length = 0;
    });

    it('QoS 2 the application still works on: a repetition is not delivered, PUBREC goes when it is done [MQTT-4.3.3-10]', async () => {
      driver.automatic = false;
      const first = await driver.connect(broker, version, { cleanStart: false });
      first.send(publish(2, 9));
      await driver.messages.next();
      await cut(first);
      const second = await again(version);
      second.send(publish(2, 9, true), publish(1, 5));
      expect((await driver.messages.next()).topic).toBe('t5');
      driver.publish('mark', '');
      await second.expectType(3);
      driver.ack(2);
      await second.expect('50 02 0009', '40 02 0005');
      second.send(packets.pubrel(9));
      await second.expect('70 02 0009');
    });

    for (const when of ['between the connections', 'on the next one, before the repetition'] as const) {
      it(`QoS 2 that was done ${when}: nothing is sent before the repetition, PUBREC at once after it`, async () => {
        driver.automatic = false;
        const first = await driver.connect(broker, version, { cleanStart: false });
        first.send(publish(2, 9));
        await driver.messages.next();
        await cut(first);
        if (when === 'between the connections') {
          driver.ack(1);
        }
        const second = await again(version);
        driver.ack(1);
        driver.publish('mark', '');
        await second.expectType(3);
        second.send(publish(2, 9, true));
        await second.expect('50 02 0009');
        second.send(packets.pubrel(9));
        await second.expect('70 02 0009');
        // It counts no more: the next one is the next in the line.
        second.send(publish(2, 9));
        await driver.messages.next();
        driver.ack(1);
        await second.expect('50 02 0009');
      });
    }

    it('QoS 2 that had its PUBREC: a repetition is answered and not delivered, PUBREL gets PUBCOMP', async () => {
      const first = await driver.connect(broker, version, { cleanStart: false });
      first.send(publish(2, 9), publish(2, 10));
      await first.expect('50 02 0009', '50 02 000a');
      await cut(first);
      const second = await again(version);
      second.send(publish(2, 9, true));
      await second.expect('50 02 0009');
      second.send(packets.pubrel(9), packets.pubrel(10));
      await second.expect('70 02 0009', '70 02 000a');
      expect(driver.messages.all.length).toBe(2);
    });

    it('the session is gone: places in the line are counted and mean nothing, identifiers are new', async () => {
      driver.automatic = false;
      const first = await driver.connect(broker, version, { cleanStart: false });
      first.send(publish(2, 9), publish(1, 8));
      await driver.messages.take(2);
      await cut(first);
      const second = await again(version, false);
      second.send(publish(2, 9));
      expect((await driver.messages.next()).dup).toBe(false);
      driver.ack(2);
      driver.publish('mark', '');
      await second.expectType(3);
      driver.ack(1);
      await second.expect('50 02 0009');
    });

    it('the session is gone: a place in the line does not answer for the same identifier of the new session', async () => {
      driver.automatic = false;
      const first = await driver.connect(broker, version, { cleanStart: false });
      first.send(publish(2, 9));
      await driver.messages.next();
      await cut(first);
      const second = await again(version, false);
      second.send(publish(2, 9));
      await driver.messages.next();
      driver.ack(1);
      second.send(packets.pubrel(9));
      expect(await driver.disconnects.next()).toMatchObject({ code: 'ERR_MQTT_PROTOCOL', message: 'PUBREL: identifier 9 before PUBREC' });
    });
  });
}

describe('Packet Identifiers of a session', () => {
  const sink = { onPublished: () => undefined, onRequestFailed: () => undefined, onCredit: () => undefined };

  it('are free when the exchange that was sent again is over, and when SUBSCRIBE had no answer [MQTT-2.2.1-4]', () => {
    const session = new Session(new Outcomes(sink));
    const bytes = Buffer.alloc(100);
    const out = { buffer: bytes, claim: () => 0 } as unknown as OutgoingStream;
    const resend = new Resend(session, out, { write: () => undefined } as unknown as PublishWriter);
    for (const qos of [1, 2, 2]) {
      const publication = publicationOf('t', '', qos, undefined, -1);
      publication.id = session.identifiers.allocate()!;
      session.inFlight.set(publication.id, publication);
    }
    session.identifiers.allocate();
    session.disconnected();
    expect(session.identifiers.used).toBe(3);
    resend.start();
    expect([1, 2, 3, 4].map((id) => resend.owns(id))).toEqual([true, true, true, false]);
    resend.answered(PUBACK, 1, 0);
    resend.answered(PUBREC, 2, 0);
    resend.answered(PUBREC, 3, 0x97);
    expect([session.identifiers.used, resend.held]).toEqual([1, 0]);
    resend.answered(PUBCOMP, 2, 0);
    expect([session.identifiers.used, [1, 2, 3].some((id) => resend.owns(id))]).toEqual([0, false]);
  });
});

describe('version 5', () => {
  const packets = packetsOf(5);

  it('the new Receive Maximum bounds what is sent again; PUBREL goes all the same, new ones wait [MQTT-3.3.4-7]', async () => {
    const first = await driver.connect(broker, 5, { cleanStart: false });
    for (let slot = 1; slot <= 5; slot += 1) {
      driver.publish(`t${slot}`, 'x', 2, slot);
      await first.expectType(3);
    }
    first.send(packets.pubrec(1), packets.pubrec(2));
    await first.expect('62 02 0001', '62 02 0002');
    await cut(first);
    const second = await again(5, true, {}, '21 0002');
    await second.expect('62 02 0001', '62 02 0002');
    driver.publish('new', 'x', 0, 6);
    await second.barrier(5);
    second.send(packets.pubcomp(2));
    expect(packetIdentifier(await second.expectType(3))).toBe(3);
    await second.barrier(5);
    second.send(packets.pubrec(3, 0x97, "1f 0004'full'"));
    expect(packetIdentifier(await second.expectType(3))).toBe(4);
    second.send(packets.pubcomp(1));
    expect(packetIdentifier(await second.expectType(3))).toBe(5);
    expect((await second.expectType(3)).subarray(4, 7).toString()).toBe('new');
    const ended = await driver.published.take(4);
    expect(ended.map(({ slot, reasonCode, properties }) => [slot, reasonCode, HEX(properties)])).toEqual(
      [[2, 0, undefined], [3, 0x97, '1f000466756c6c'], [1, 0, undefined], [6, 0, undefined]]);
  });

  it('what waits to be sent again keeps its place over one more connection', async () => {
    const first = await driver.connect(broker, 5, { cleanStart: false });
    for (let slot = 1; slot <= 3; slot += 1) {
      driver.publish('t', String(slot), 1, slot);
      await first.expectType(3);
    }
    await cut(first);
    const second = await again(5, true, {}, '21 0001');
    expect(packetIdentifier(await second.expectType(3))).toBe(1);
    driver.publish('t', 'behind', 1, 4);
    await cut(second);
    expect(driver.unsent.map(({ slot }) => slot)).toEqual([4]);
    const third = await again(5);
    for (const id of [1, 2, 3]) {
      const repeated = await third.expectType(3);
      expect([repeated[0], packetIdentifier(repeated)]).toEqual([0x3a, id]);
    }
    await third.barrier(5);
  });

  it('the new Maximum Packet Size counts: what is larger fails and is not sent, its identifier is free [MQTT-3.2.2-15]', async () => {
    const first = await driver.connect(broker, 5, { cleanStart: false });
    driver.publish('t', 'x'.repeat(40), 1, 1);
    driver.publish('t', 'x', 1, 2);
    await first.expectType(3);
    await first.expectType(3);
    await cut(first);
    const second = await again(5, true, {}, '27 0000001e');
    expect(await failures(1)).toEqual([[1, 'ERR_MQTT_PACKET_TOO_LARGE']]);
    expect(packetIdentifier(await second.expectType(3))).toBe(2);
    await second.barrier(5);
  });

  for (const when of ['between the connections', 'on the next one, before the repetition'] as const) {
    it(`QoS 2 that the application refused ${when}: the repetition is delivered as new, and gives no quota [MQTT-3.3.4-9]`, async () => {
      driver.automatic = false;
      const first = await driver.connect(broker, 5, { cleanStart: false, receiveMaximum: 1 });
      first.send(packets.publish({ topic: 'q', qos: 2, id: 9 }));
      await driver.messages.next();
      await cut(first);
      if (when === 'between the connections') {
        driver.ack(1, 0x83);
      }
      const second = await again(5, true, { receiveMaximum: 1 });
      driver.ack(1, 0x83);
      second.send(packets.publish({ topic: 'q', qos: 2, id: 9, dup: true }));
      expect(await driver.messages.next()).toMatchObject({ topic: 'q', dup: true });
      // Nothing was answered yet, so the server has no right to a second one.
      second.send(packets.publish({ topic: 'q', qos: 2, id: 10 }));
      expect(await driver.disconnects.next()).toMatchObject({ code: 'ERR_MQTT_PROTOCOL', reasonCode: 0x93 });
      await second.expect('e0 01 93');
    });
  }
});
