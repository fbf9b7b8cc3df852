/**
 * What the js engine does to a publish of version 5 on its way out: Topic Aliases, and the Message Expiry Interval of one that waits.
 * The broker is a script; the clock that the interval runs by is the test's.
 */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { bytes, packet, packetIdentifier, packetsOf } from '../support/packets.js';
import { ScriptedBroker } from '../support/scripted-broker.js';
import type { ScriptedLink } from '../support/scripted-broker.js';
import { Driver, HEX } from './js-engine-driver.js';

const packets = packetsOf(5);
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

describe('Topic Aliases', () => {
  const KNOWN = '0000';

  it('a topic is named once and goes by its alias from then on, in every QoS and with properties [MQTT-3.3.2-12]', async () => {
    const link = await driver.connect(broker, 5, { outgoingTopicAliases: 10 }, '22 0005');
    driver.publish('long/topic', 'x');
    driver.publish('long/topic', 'y');
    driver.publish('other', 'z', 1, 1, "26 0001'k' 0001'v'", true);
    driver.publish('other', 'z', 2, 2, "26 0001'k' 0001'v'");
    await link.expect(
      packet(0x30, "000a 'long/topic' 03 23 0001 'x'"), packet(0x30, KNOWN, "03 23 0001 'y'"),
      packet(0x33, "0005 'other' 0001 0a 23 0002 26 0001'k' 0001'v' 'z'"), packet(0x34, KNOWN, "0002 0a 23 0002 26 0001'k' 0001'v' 'z'"),
    );
  });

  it('first come, first served: the smaller of both limits is never exceeded, other topics go without [MQTT-3.2.2-17]', async () => {
    for (const [option, connack] of [[2, '22 0005'], [5, '22 0002']] as const) {
      const link = await driver.connect(broker, 5, { outgoingTopicAliases: option }, connack);
      for (const topic of ['aaaa', 'bbbb', 'cccc', 'aaaa', 'bbbb', 'cccc']) {
        driver.publish(topic, '');
      }
      await link.expect(
        packet(0x30, "0004 'aaaa' 03 23 0001"), packet(0x30, "0004 'bbbb' 03 23 0002"), packet(0x30, "0004 'cccc' 00"),
        packet(0x30, KNOWN, '03 23 0001'), packet(0x30, KNOWN, '03 23 0002'), packet(0x30, "0004 'cccc' 00"),
      );
      driver.close();
      await driver.disconnects.next();
    }
  });

  it('none where CONNACK has no Topic Alias Maximum, none where the option is 0, none for three bytes [MQTT-3.2.2-18]', async () => {
    for (const [option, connack] of [[5, ''], [0, '22 0005']] as const) {
      const link = await driver.connect(broker, 5, { outgoingTopicAliases: option }, connack);
      driver.publish('topic', '');
      driver.publish('topic', '');
      await link.expect(packet(0x30, "0005 'topic' 00"), packet(0x30, "0005 'topic' 00"));
      driver.close();
      await driver.disconnects.next();
    }
    const link = await driver.connect(broker, 5, { outgoingTopicAliases: 5 }, '22 0005');
    driver.publish('abc', '');
    driver.publish('ä1', '');
    driver.publish('ää', '');
    await link.expect(packet(0x30, "0003 'abc' 00"), packet(0x30, "0003 'ä1' 00"), packet(0x30, "0004 'ää' 03 23 0001"));
  });

  it('not where the property would make the packet larger than the server takes; a smaller one gets it [MQTT-3.2.2-15]', async () => {
    const link = await driver.connect(broker, 5, { outgoingTopicAliases: 5 }, '22 0005 27 0000001e');
    driver.publish('topic', 'x'.repeat(20));
    driver.publish('topic', 'x'.repeat(18));
    driver.publish('topic', 'x'.repeat(17));
    driver.publish('topic', 'x'.repeat(20));
    const seen = [await link.expectType(3), await link.expectType(3), await link.expectType(3), await link.expectType(3)];
    expect(seen.map(({ length }) => length)).toEqual([30, 28, 30, 28]);
    expect(seen.map((one) => one.includes('topic'))).toEqual([true, true, true, false]);
  });

  it('valid for the connection: on the next one they begin anew, and what is sent again names its topic [MQTT-3.3.2-7]', async () => {
    const options = { outgoingTopicAliases: 2, cleanStart: false };
    const first = await driver.connect(broker, 5, options, '22 0002');
    driver.publish('aaaa', '', 0);
    driver.publish('bbbb', '1', 1, 1);
    driver.publish('bbbb', '2', 1, 2);
    await first.expect(packet(0x30, "0004 'aaaa' 03 23 0001"), packet(0x32, "0004 'bbbb' 0001 03 23 0002 '1'"),
      packet(0x32, "0000 0002 03 23 0002 '2'"));
    first.cut();
    await driver.disconnects.next();
    driver.open({ port: broker.port, ...options });
    const second = await broker.accept();
    await second.expectType(1);
    second.send(packets.connack(0, true, '22 0002'));
    await driver.connects.next();
    driver.publish('aaaa', '');
    await second.expect(packet(0x3a, "0004 'bbbb' 0001 03 23 0001 '1'"), packet(0x3a, "0000 0002 03 23 0001 '2'"),
      packet(0x30, "0004 'aaaa' 03 23 0002"));
    second.cut();
    await driver.disconnects.next();
    driver.open({ port: broker.port, ...options });
    const third = await broker.accept();
    await third.expectType(1);
    third.send(packets.connack(0, true));
    await third.expect(packet(0x3a, "0004 'bbbb' 0001 00 '1'"), packet(0x3a, "0004 'bbbb' 0002 00 '2'"));
  });

  it('3.1.1 has none', async () => {
    const link = await driver.connect(broker, 4, { outgoingTopicAliases: 5 });
    driver.publish('topic', '');
    driver.publish('topic', '');
    await link.expect(packet(0x30, "0005 'topic'"), packet(0x30, "0005 'topic'"));
  });
});

describe('the Message Expiry Interval of a publish that waits', () => {
  beforeEach(() => { vi.useFakeTimers({ toFake: ['performance'] }); });
  afterEach(() => { vi.useRealTimers(); });
  const EXPIRY = (seconds: number): string => `01 01 02 ${seconds.toString(16).padStart(8, '0')} 03 0001'x'`;

  /** One publish is in flight and fills the window; the next ones wait. */
  async function full(): Promise<ScriptedLink> {
    const link = await driver.connect(broker, 5, { window: 1, cleanStart: false });
    driver.publish('t', '', 1);
    await link.expectType(3);
    return link;
  }

  it('the whole seconds it has waited are taken off when it is sent [MQTT-3.3.2-6]', async () => {
    const link = await full();
    driver.publish('t', 'x', 1, 1, EXPIRY(300));
    vi.advanceTimersByTime(2900);
    link.send(packets.puback(1));
    await link.expect(packet(0x32, "0001't' 0002 0b", EXPIRY(298), "'x'"));
  });

  it('none are left: it fails, what is behind it goes on', async () => {
    const link = await full();
    driver.publish('t', 'gone', 1, 1, EXPIRY(2));
    driver.publish('t', 'x', 1, 2, EXPIRY(3));
    driver.publish('t', 'y', 0, 3, EXPIRY(2));
    driver.publish('t', 'z', 0, 4);
    vi.advanceTimersByTime(2000);
    link.send(packets.puback(1));
    await link.expect(packet(0x32, "0001't' 0002 0b", EXPIRY(1), "'x'"), packet(0x30, "0001't' 00 'z'"));
    expect((await driver.failures.take(2)).map(({ slot, failure }) => [slot, failure.code, failure.message])).toEqual(
      [1, 3].map((slot) => [slot, 'ERR_MQTT_EXPIRED', 'the message expired before it was sent']));
    await driver.published.next();
    // The first of all, and all but the one in flight.
    expect(driver.creditMessages).toBe(4);
  });

  it('one that does not wait keeps what it was given, 0 too', async () => {
    const link = await driver.connect(broker, 5);
    driver.publish('t', 'x', 1, 1, EXPIRY(0));
    driver.publish('t', 'x', 0, 2, EXPIRY(1));
    await link.expect(packet(0x32, "0001't' 0001 0b", EXPIRY(0), "'x'"), packet(0x30, "0001't' 0b", EXPIRY(1), "'x'"));
  });

  it('less than a second of waiting takes nothing off, not even from 0', async () => {
    const link = await full();
    driver.publish('t', 'x', 1, 1, EXPIRY(0));
    vi.advanceTimersByTime(999);
    link.send(packets.puback(1));
    await link.expect(packet(0x32, "0001't' 0002 0b", EXPIRY(0), "'x'"));
  });

  it('what goes back when the connection ends has waited too', async () => {
    const link = await full();
    driver.publish('t', 'x', 1, 1, EXPIRY(10));
    driver.publish('t', 'gone', 1, 2, EXPIRY(4));
    vi.advanceTimersByTime(4000);
    link.cut();
    await driver.disconnects.next();
    expect(driver.unsent).toMatchObject([{ slot: 1, properties: HEX(bytes(EXPIRY(6))) }]);
    expect(driver.failures.all).toMatchObject([{ slot: 2, failure: { code: 'ERR_MQTT_EXPIRED' } }]);
    expect(driver.creditMessages).toBe(1);
  });

  it('what is sent again is as it was: it has been sent in time', async () => {
    const link = await driver.connect(broker, 5, { cleanStart: false });
    driver.publish('t', 'x', 1, 1, EXPIRY(2));
    const sent = await link.expectType(3);
    link.cut();
    await driver.disconnects.next();
    vi.advanceTimersByTime(5000);
    driver.open({ port: broker.port, cleanStart: false });
    const second = await broker.accept();
    await second.expectType(1);
    second.send(packets.connack(0, true));
    const again = await second.expectType(3);
    expect([again[0], packetIdentifier(again), again.subarray(1).equals(sent.subarray(1))]).toEqual([0x3a, 1, true]);
  });
});

describe('the look-ahead', () => {
  it('lookAhead messages wait at most, and never more than 1,024', async () => {
    for (const [lookAhead, most] of [[7, 7], [4096, 1024]] as const) {
      const link = await driver.connect(broker, 5, { window: 1, lookAhead });
      let taken = 0;
      while (driver.publish('t', '', 1)) {
        taken += 1;
      }
      expect(taken).toBe(1 + most);
      link.cut();
      await driver.disconnects.next();
    }
  });
});
