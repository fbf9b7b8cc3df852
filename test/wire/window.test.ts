/**
 * Never more messages without acknowledgement than the server's Receive Maximum allows, and everything else goes on while the window is
 * full. The broker is a script that holds its acknowledgements back.
 */
import { afterAll, beforeAll, expect } from 'vitest';
import { forEachEngine } from '../support/engines.js';
import { outcomeOf } from '../support/outcomes.js';
import { packetIdentifier, packetsOf } from '../support/packets.js';
import { ScriptedBroker } from '../support/scripted-broker.js';
import { connected } from '../support/scripted-client.js';

let broker: ScriptedBroker;
beforeAll(async () => { broker = await ScriptedBroker.start(); });
afterAll(() => broker.stop());

/** Receive Maximum 2. */
const TWO = '21 0002';

forEachEngine((engine) => {
  engine.case('Receive Maximum 2: the third PUBLISH waits for a PUBACK [MQTT-3.3.4-7] [MQTT-4.9.0-2]', async () => {
    const { client, link, packets } = await connected(engine, broker, 5, {}, TWO);
    const all = Promise.all(Array.from({ length: 5 }, (_, index) => client.publish('t', String(index), { qos: 1 })));
    const open: number[] = [];
    for (let index = 0; index < 5; index += 1) {
      const publish = await link.expectType(3);
      expect(publish.toString('latin1').endsWith(String(index))).toBe(true);
      open.push(packetIdentifier(publish)!);
      expect(open.length).toBeLessThanOrEqual(2);
      if (open.length === 2) {
        await link.barrier(5);
        link.send(packets.puback(open.shift()!));
      }
    }
    link.send(packets.puback(open.shift()!));
    await all;
  });

  engine.case('QoS 2 holds its place until PUBCOMP; PUBREC with an error frees it [MQTT-4.9.0-2]', async () => {
    const { client, link, packets } = await connected(engine, broker, 5, {}, TWO);
    const all = Promise.all(Array.from({ length: 4 }, (_, index) => outcomeOf(client.publish('t', String(index), { qos: 2 }))));
    const first = packetIdentifier(await link.expectType(3))!;
    const second = packetIdentifier(await link.expectType(3))!;
    link.send(packets.pubrec(first));
    await link.expect(packets.pubrel(first));
    await link.barrier(5);
    link.send(packets.pubrec(second, 0x97));
    const third = packetIdentifier(await link.expectType(3))!;
    await link.barrier(5);
    link.send(packets.pubcomp(first));
    const fourth = packetIdentifier(await link.expectType(3))!;
    link.send(packets.pubrec(third), packets.pubrec(fourth));
    await link.expect(packets.pubrel(third), packets.pubrel(fourth));
    link.send(packets.pubcomp(third), packets.pubcomp(fourth));
    expect(await all).toEqual(['ok', 'ERR_MQTT_PUBLISH', 'ok', 'ok']);
  });

  engine.case('SUBSCRIBE, UNSUBSCRIBE and acks go on while the window is full [MQTT-3.3.4-8] [MQTT-4.9.0-3]', async () => {
    const { client, link, packets } = await connected(engine, broker, 5, {}, TWO);
    const all = Promise.all(Array.from({ length: 3 }, () => client.publish('t', 'x', { qos: 1 })));
    const ids = [packetIdentifier(await link.expectType(3))!, packetIdentifier(await link.expectType(3))!];
    await link.barrier(5);
    const subscribing = client.subscribe('s');
    const subscribe = packetIdentifier(await link.expectType(8))!;
    link.send(packets.suback(subscribe, [0]));
    await subscribing;
    const unsubscribing = client.unsubscribe('s');
    const unsubscribe = packetIdentifier(await link.expectType(10))!;
    link.send(packets.unsuback(unsubscribe, [0]));
    await unsubscribing;
    link.send(packets.puback(ids[0]!));
    const third = packetIdentifier(await link.expectType(3))!;
    link.send(packets.puback(ids[1]!), packets.puback(third));
    await all;
  });

  engine.case('acknowledgements of nothing do not widen the window', async () => {
    const { client, link, packets } = await connected(engine, broker, 5, {}, TWO);
    link.send(...Array.from({ length: 50 }, (_, index) => packetsOf(5).puback(1000 + index)));
    await link.barrier(5);
    const all = Promise.all(Array.from({ length: 3 }, () => client.publish('t', 'x', { qos: 1 })));
    const ids = [packetIdentifier(await link.expectType(3))!, packetIdentifier(await link.expectType(3))!];
    await link.barrier(5);
    link.send(packets.puback(ids[0]!));
    ids.push(packetIdentifier(await link.expectType(3))!);
    link.send(packets.puback(ids[1]!), packets.puback(ids[2]!));
    await all;
  });

  engine.case('the limits of one connection do not reach the next, nor another client made from the same options', async () => {
    const options = { userProperties: [['k', 'v']] as [string, string][] };
    const { client, link, packets } = await connected(engine, broker, 5, options, `${TWO} 27 00000064 24 00 25 00`);
    const lost = new Promise<void>((resolve) => { client.once('disconnect', () => resolve()); });
    link.cut();
    await lost;
    const connecting = client.connect();
    const second = await broker.accept();
    await second.expectType(1);
    second.send(packets.connack());
    await connecting;
    const all = Promise.all(Array.from({ length: 5 }, () => client.publish('t', 'x'.repeat(200), { qos: 2, retain: true })));
    for (let index = 0; index < 5; index += 1) {
      expect((await second.expectType(3))[0]).toBe(0x35);
    }
    client.destroy();
    await outcomeOf(all);
    const other = await connected(engine, broker, 5, options);
    const publish = other.client.publish('t', 'x'.repeat(200), { qos: 2, retain: true });
    expect((await other.link.expectType(3))[0]).toBe(0x35);
    other.client.destroy();
    await outcomeOf(publish);
  });

  engine.case('70,000 messages of QoS 1 wrap their identifiers without 0 and without one in use [MQTT-2.2.1-3]', async () => {
    const { client, link, packets } = await connected(engine, broker, 5);
    const COUNT = 70_000;
    // One message is left without acknowledgement the whole time: its identifier must never be given to another.
    const held = client.publish('held', 'x', { qos: 1 });
    const heldId = packetIdentifier(await link.expectType(3))!;
    const sending = (async () => {
      for (let sent = 0; sent < COUNT; sent += 1000) {
        await Promise.all(Array.from({ length: 1000 }, (_, index) => client.publish('t', String(sent + index), { qos: 1 })));
      }
    })();
    const ids = new Set<number>();
    let smallest = 65_536;
    for (let index = 0; index < COUNT; index += 1) {
      const publish = await link.expectType(3);
      const id = packetIdentifier(publish)!;
      if (id === heldId || id === 0) {
        throw new Error(`message ${index} has identifier ${id}${id === 0 ? '' : ', which is in use'}`);
      }
      ids.add(id);
      smallest = Math.min(smallest, id);
      link.send(packets.puback(id));
    }
    await sending;
    link.send(packets.puback(heldId));
    await held;
    expect(smallest).toBeGreaterThan(0);
    // All of 1 to 65,535 except the one that was in use, or fewer where the engine reuses early; more than one window in any case.
    expect(ids.size).toBeGreaterThan(100);
    link.seen.length = 0;
  }, { timeout: 120_000 });
});
