/**
 * SUBSCRIBE and UNSUBSCRIBE leave with flags 0010, an option byte a filter and an identifier of their own, and each filter gets its own
 * answer. The broker is a script that compares every byte.
 */
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { forEachEngine, messagesOf } from '../support/engines.js';
import { codeOf, failureOf, refusalOf } from '../support/outcomes.js';
import { packetIdentifier } from '../support/packets.js';
import { readProperties } from '../support/read-connect.js';
import { ScriptedBroker } from '../support/scripted-broker.js';
import { connected } from '../support/scripted-client.js';

let broker: ScriptedBroker;
beforeAll(async () => { broker = await ScriptedBroker.start(); });
afterAll(() => broker.stop());

/** Subscription Identifiers are not available: none is sent but the user's own, and then SUBSCRIBE is what the options say. */
const NO_IDENTIFIERS = '29 00';

forEachEngine((engine) => {
  describe('3.1.1', () => {
    for (const qos of [0, 1, 2] as const) {
      engine.case(`SUBSCRIBE for QoS ${qos}, then UNSUBSCRIBE [MQTT-3.8.1-1] [MQTT-3.10.1-1]`, async () => {
        const { client, link, packets } = await connected(engine, broker, 4);
        const subscribing = client.subscribe('a/+/b', { qos });
        await link.expect(`82 0a 0001 0005'a/+/b' 0${qos}`);
        link.send(packets.suback(1, [qos]));
        const subscription = await subscribing;
        const unsubscribing = subscription.unsubscribe();
        const unsubscribe = await link.expectType(10);
        expect(unsubscribe[0]).toBe(0xa2);
        expect(unsubscribe.subarray(4).toString('latin1')).toBe('\0\x05a/+/b');
        link.send(packets.unsuback(unsubscribe.readUInt16BE(2)));
        await unsubscribing;
      });
    }

    engine.case('a refused filter rejects with the server\'s 0x80 [MQTT-3.9.3-1]', async () => {
      const { client, link, packets } = await connected(engine, broker, 4);
      const failure = failureOf(client.subscribe('a', { qos: 1 }));
      await link.expectType(8);
      link.send(packets.suback(1, [0x80]));
      expect(await failure).toMatchObject({ code: 'ERR_MQTT_SUBSCRIBE', reasonCode: 0x80 });
    });
  });

  describe('messages in one piece with SUBACK', () => {
    // More than a subscription keeps before a loop runs.
    const COUNT = 3000;
    for (const qos of [0, 1] as const) {
      engine.case(`${COUNT} of QoS ${qos}: a loop that begins behind subscribe() gets them all`, async () => {
        const { client, link, packets } = await connected(engine, broker, 4);
        const subscribing = client.subscribe('t', { qos });
        await link.expectType(8);
        link.send(Buffer.concat([
          packets.suback(1, [qos]),
          ...Array.from({ length: COUNT }, (_, i) => packets.publish({ topic: 't', payload: String(i), qos, ...(qos > 0 && { id: i + 1 }) })),
        ]));
        const got: string[] = [];
        for await (const message of await subscribing) {
          if (got.push(message.text()) === COUNT) break;
        }
        expect(got).toEqual(Array.from({ length: COUNT }, (_, i) => String(i)));
      });
    }

    engine.case('a listener that is added behind subscribe() gets the first one', async () => {
      const { client, link, packets } = await connected(engine, broker, 4);
      const subscribing = client.subscribe('t');
      await link.expectType(8);
      link.send(Buffer.concat([packets.suback(1, [0]), packets.publish({ topic: 't', payload: 'first' }), packets.publish({ topic: 't', payload: 'last' })]));
      await subscribing;
      const got: string[] = [];
      await new Promise<void>((resolve) => {
        client.on('message', (message) => {
          got.push(message.text());
          if (message.text() === 'last') resolve();
        });
      });
      expect(got).toEqual(['first', 'last']);
    });
  });

  describe('5', () => {
    const options = [
      { options: { qos: 0 as const }, byte: '00' },
      { options: { qos: 1 as const }, byte: '01' },
      { options: { qos: 2 as const }, byte: '02' },
      { options: { qos: 1 as const, noLocal: true }, byte: '05' },
      { options: { qos: 1 as const, retainAsPublished: true }, byte: '09' },
      { options: { qos: 1 as const, retainHandling: 1 as const }, byte: '11' },
      { options: { qos: 2 as const, retainHandling: 2 as const, noLocal: true, retainAsPublished: true }, byte: '2e' },
    ];
    for (const { options: given, byte } of options) {
      engine.case(`subscribe options ${JSON.stringify(given)} are the byte ${byte} [MQTT-3.8.3-5]`, async () => {
        const { client, link, packets } = await connected(engine, broker, 5, {}, NO_IDENTIFIERS);
        const subscribing = client.subscribe('a/b', given);
        await link.expect(`82 09 0001 00 0003'a/b' ${byte}`);
        link.send(packets.suback(1, [given.qos]));
        await subscribing;
      });
    }

    engine.case('subscription identifier and user properties go out as properties', async () => {
      const { client, link, packets } = await connected(engine, broker, 5);
      const first = client.subscribe('a', { qos: 0, subscriptionIdentifier: 268_435_455 });
      await link.expect("82 0c 0001 05 0bffffff7f 0001'a' 00");
      link.send(packets.suback(1, [0]));
      await first;
      const { client: other, link: itsLink } = await connected(engine, broker, 5, { clientId: 'd' }, NO_IDENTIFIERS);
      const second = other.subscribe('b', { qos: 0, properties: { userProperties: [['k', 'v'], ['k', 'w']] } });
      const subscribe = await itsLink.expectType(8);
      expect(subscribe.subarray(4).toString('latin1')).toBe('\x0e&\0\x01k\0\x01v&\0\x01k\0\x01w\0\x01b\0');
      itsLink.send(packets.suback(subscribe.readUInt16BE(2), [0]));
      await second;
    });

    engine.case('a subscription without an identifier gets one of its own, which is not shown and stays away from the user\'s', async () => {
      const { client, link, packets } = await connected(engine, broker, 5);
      const messages = messagesOf(client);
      const handed: string[] = [];
      const identifiers: string[] = [];
      const given = [{}, {}, { subscriptionIdentifier: 7 }];
      for (const [index, options] of given.entries()) {
        const subscribing = client.subscribe('a/#', options, () => { handed.push(String(index)); });
        const subscribe = await link.expectType(8);
        const [identifier, ...more] = readProperties(subscribe.subarray(5, 5 + subscribe[4]!));
        expect(more).toEqual([]);
        identifiers.push(identifier!);
        link.send(packets.suback(packetIdentifier(subscribe)!, [0]));
        await subscribing;
      }
      expect(new Set(identifiers).size).toBe(3);
      expect(identifiers[2]).toBe('0b: 07');
      // The last one stands at the server in place of the two before it [MQTT-3.8.4-3]: its messages are all three's.
      const [first] = identifiers.map((text) => text.replace(': ', ''));
      link.send(packets.publish({ topic: 'a/b', properties: first! }), packets.publish({ topic: 'a/b', properties: '0b 07' }));
      const [hidden, shown] = await messages.take(2);
      expect(hidden!.properties?.subscriptionIdentifiers).toBeUndefined();
      expect(shown!.properties?.subscriptionIdentifiers).toEqual([7]);
      expect(handed).toContain('0');
      expect(handed).toContain('2');
    });

    engine.case('SUBACK with a reason of 0x80 and more rejects with it', async () => {
      const { client, link, packets } = await connected(engine, broker, 5);
      const failure = failureOf(client.subscribe('a', { qos: 1 }));
      await link.expectType(8);
      link.send(packets.suback(1, [0x87], "1f 0002'no'"));
      expect(await failure).toMatchObject({ code: 'ERR_MQTT_SUBSCRIBE', reasonCode: 0x87 });
    });

    engine.case('UNSUBACK with a reason of 0x80 and more rejects with it', async () => {
      const { client, link, packets } = await connected(engine, broker, 5);
      const failure = failureOf(client.unsubscribe('a'));
      await link.expect("a2 06 0001 00 0001'a'");
      link.send(packets.unsuback(1, [0x87]));
      expect(await failure).toMatchObject({ code: 'ERR_MQTT_UNSUBSCRIBE', reasonCode: 0x87 });
    });
  });

  engine.case('SUBSCRIBE and PUBLISH share one space of identifiers [MQTT-2.2.1-3]', async () => {
    const { client, link, packets } = await connected(engine, broker, 4);
    const publishing = client.publish('t', 'x', { qos: 1 });
    const publish = await link.expectType(3);
    expect(publish.readUInt16BE(5)).toBe(1);
    const subscribing = client.subscribe('a');
    const subscribe = await link.expectType(8);
    const id = subscribe.readUInt16BE(2);
    expect(id).not.toBe(1);
    expect(id).toBeGreaterThan(0);
    link.send(packets.puback(1), packets.suback(id, [0]));
    await publishing;
    await subscribing;
  });

  engine.case('a filter that is subscribed already is subscribed again, and one that is refused takes no other with it [trap 105]', async () => {
    const { client, link, packets } = await connected(engine, broker, 4);
    const texts: string[] = [];
    const handler = (message: { topic: string }): void => { texts.push(message.topic); };
    for (const qos of [0, 1] as const) {
      const subscribing = client.subscribe('a', { qos });
      const subscribe = await link.expectType(8);
      expect(subscribe.at(-1)).toBe(qos);
      link.send(packets.suback(packetIdentifier(subscribe)!, [qos]));
      await subscribing;
    }
    const subscribing = client.subscribe(['bad', 'good'], { qos: 0 }, handler);
    link.send(packets.suback(packetIdentifier(await link.expectType(8))!, [0x80, 0]));
    expect((await subscribing).grants.map((grant) => grant.reasonCode)).toEqual([0x80, 0]);
    link.send(packets.publish({ topic: 'good', payload: 'x' }));
    await link.barrier(4);
    expect(texts).toEqual(['good']);
  });

  engine.case('filters that are wrong are refused locally and nothing is sent [MQTT-4.7.1-1, -2] [MQTT-4.7.3-1..3] [MQTT-4.8.2-1, -2]', async () => {
    const { client, link } = await connected(engine, broker, 5);
    const wrong = ['', 'a/#/b', 'a#', 'a+', '+a/b', 'a/b+/c', 'a\u0000', 'a\uDC00', 'x'.repeat(65_536), '$share/', '$share//a', '$share/g', '$share/g/', '$share/g+/a', '$share/g#/a'];
    for (const filter of wrong) {
      expect((await refusalOf(() => client.subscribe(filter))).code, JSON.stringify(filter.slice(0, 12))).toBe('ERR_MQTT_FILTER');
    }
    await link.barrier(5);
  });

  engine.case('an empty list of filters is refused locally [MQTT-3.8.3-2] [MQTT-3.10.3-2]', async () => {
    const { client, link } = await connected(engine, broker, 5);
    expect((await refusalOf(() => client.subscribe([]))).code).toMatch(/^ERR_MQTT_(OPTION|FILTER)$/);
    expect((await refusalOf(() => client.unsubscribe([]))).code).toMatch(/^ERR_MQTT_(OPTION|FILTER)$/);
    await link.barrier(5);
  });

  engine.case('No Local on a shared subscription is refused locally [MQTT-3.8.3-4]', async () => {
    const { client, link } = await connected(engine, broker, 5);
    expect(await codeOf((async () => client.subscribe('$share/g/a', { noLocal: true }))())).toMatch(/^ERR_MQTT_(OPTION|FILTER)$/);
    await link.barrier(5);
  });
});
