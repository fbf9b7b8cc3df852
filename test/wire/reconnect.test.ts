/**
 * The client comes back by itself, and what goes over the wire then has an order: what the session still owes, then subscriptions, then
 * what was published meanwhile. The broker is a script that cuts the link and says whether it has kept the session.
 */
import { afterAll, beforeAll, describe, expect } from 'vitest';
import type { ClientOptions } from 'mqtt-native';
import { forEachEngine, messagesOf } from '../support/engines.js';
import { eventsOf, SOON, untilEvent } from '../support/events.js';
import { codeOf, outcomeOf } from '../support/outcomes.js';
import { headerSize, packetIdentifier } from '../support/packets.js';
import { ScriptedBroker } from '../support/scripted-broker.js';
import { again, connected, cut, cutAndReconnect, keeping, nextConnect } from '../support/scripted-client.js';

let broker: ScriptedBroker;
beforeAll(async () => { broker = await ScriptedBroker.start(); });
afterAll(() => broker.stop());

/** What a SUBSCRIBE says, without its identifier. */
function withoutIdentifier(subscribe: Buffer): string {
  return subscribe.subarray(headerSize(subscribe) + 2).toString('hex');
}

forEachEngine((engine) => {
  for (const version of [4, 5] as const) {
    const lasting: Partial<ClientOptions> = { ...keeping(version), reconnect: SOON, outgoingTopicAliases: version === 5 ? 0 : undefined };

    describe(version === 4 ? '3.1.1' : '5', () => {
      engine.case('session present: resent PUBLISH and PUBREL, then SUBSCRIBE that waited, then what was queued [MQTT-4.4.0-1] [MQTT-4.6.0-1]', async () => {
        const pair = await connected(engine, broker, version, lasting);
        const { client, link, packets } = pair;
        const outcomes = ['a', 'b', 'c'].map((topic, index) => outcomeOf(client.publish(topic, 'x', { qos: index === 0 ? 1 : 2 })));
        const sent = [await link.expectType(3), await link.expectType(3), await link.expectType(3)];
        const [, released] = sent.map((packet) => packetIdentifier(packet)!);
        link.send(packets.pubrec(released!));
        await link.expect(packets.pubrel(released!));
        await cut(pair);
        const queued = [
          client.publish('one', 'x', { qos: 1 }), client.publish('zero', 'x'), client.publish('two', 'x', { qos: 2 }),
        ].map((promise) => outcomeOf(promise));
        const subscribing = outcomeOf(client.subscribe('s', { qos: 1 }));
        const { link: next } = await nextConnect(broker);
        next.send(packets.connack(0, true));

        const resent = [await next.read(), await next.read(), await next.read()];
        const hex = (packet: Buffer): string => packet.toString('hex');
        expect(resent.map(hex)).toContain(packets.pubrel(released!).toString('hex'));
        expect(resent.filter((packet) => packet[0]! >> 4 === 3).map(hex)).toEqual([again(sent[0]!), again(sent[2]!)].map(hex));

        const subscribe = await next.expectType(8);
        next.send(packets.suback(packetIdentifier(subscribe)!, [1]));
        const later = [await next.expectType(3), await next.expectType(3), await next.expectType(3)];
        expect(later.map((packet) => packet[0])).toEqual([0x32, 0x30, 0x34]);
        const [a, c, one, two] = [sent[0]!, sent[2]!, later[0]!, later[2]!].map((packet) => packetIdentifier(packet)!);
        next.send(packets.puback(a!), packets.pubcomp(released!), packets.pubrec(c!));
        await next.expect(packets.pubrel(c!));
        next.send(packets.pubcomp(c!), packets.puback(one!), packets.pubrec(two!));
        await next.expect(packets.pubrel(two!));
        next.send(packets.pubcomp(two!));
        expect(await Promise.all([...outcomes, ...queued, subscribing])).toEqual(Array(7).fill('ok'));
        await next.barrier(version);
      });

      engine.case('session present: all that is owed is sent again before the first acknowledgement, not one by one', async () => {
        const pair = await connected(engine, broker, version, lasting);
        const outcomes = Array.from({ length: 20 }, (_, index) => outcomeOf(pair.client.publish('t', String(index), { qos: 1 })));
        const sent: Buffer[] = [];
        while (sent.length < 20) {
          sent.push(await pair.link.expectType(3));
        }
        const next = await cutAndReconnect(broker, pair, true);
        await next.expect(...sent.map(again));
        next.send(...sent.map((packet) => pair.packets.puback(packetIdentifier(packet)!)));
        expect(await Promise.all(outcomes)).toEqual(Array(20).fill('ok'));
      });

      engine.case('what was resent once and cut again is resent again, and settles once', async () => {
        const pair = await connected(engine, broker, version, lasting);
        const outcome = outcomeOf(pair.client.publish('t', 'x', { qos: 2 }));
        const sent = await pair.link.expectType(3);
        const id = packetIdentifier(sent)!;
        for (let round = 0; round < 3; round += 1) {
          await cutAndReconnect(broker, pair, true);
          await pair.link.expect(again(sent));
        }
        pair.link.send(pair.packets.pubrec(id));
        await pair.link.expect(pair.packets.pubrel(id));
        for (let round = 0; round < 3; round += 1) {
          await cutAndReconnect(broker, pair, true);
          await pair.link.expect(pair.packets.pubrel(id));
        }
        pair.link.send(pair.packets.pubcomp(id));
        expect(await outcome).toBe('ok');
        await pair.link.barrier(version);
      });

      engine.case('session lost: the same SUBSCRIBEs before what was queued, what was in flight fails and is not resent [MQTT-3.2.2-5]', async () => {
        const pair = await connected(engine, broker, version, lasting);
        const { client, link, packets } = pair;
        const options = version === 5 ? { noLocal: true, retainAsPublished: true, retainHandling: 2 as const } : {};
        const first = client.subscribe('a/+', { qos: 1, ...options });
        const one = await link.expectType(8);
        link.send(packets.suback(packetIdentifier(one)!, [1]));
        await first;
        const second = client.subscribe(new Map([['b', { qos: 2 as const }], ['c/#', { qos: 0 as const }]]), version === 5 ? { subscriptionIdentifier: 4711 } : {});
        const two = await link.expectType(8);
        link.send(packets.suback(packetIdentifier(two)!, [2, 0]));
        await second;
        const gone = client.subscribe('gone');
        link.send(packets.suback(packetIdentifier(await link.expectType(8))!, [0]));
        const unsubscribing = (await gone).unsubscribe();
        link.send(packets.unsuback(packetIdentifier(await link.expectType(10))!, [0]));
        await unsubscribing;

        const inFlight = [codeOf(client.publish('t', 'x', { qos: 1 })), codeOf(client.publish('t', 'x', { qos: 2 }))];
        await link.expectType(3);
        await link.expectType(3);
        await cut(pair);
        const queued = client.publish('later', 'x', { qos: 1 });
        const { link: next } = await nextConnect(broker);
        next.send(packets.connack(0, false));
        for (const before of [one, two]) {
          const subscribe = await next.expectType(8);
          expect(withoutIdentifier(subscribe)).toBe(withoutIdentifier(before));
          next.send(packets.suback(packetIdentifier(subscribe)!, before === one ? [1] : [2, 0]));
        }
        const publish = await next.expectType(3);
        expect(publish[0]).toBe(0x32);
        expect(publish.toString('latin1')).toContain('later');
        next.send(packets.puback(packetIdentifier(publish)!));
        await queued;
        expect(await Promise.all(inFlight)).toEqual(['ERR_MQTT_CONNECTION_LOST', 'ERR_MQTT_CONNECTION_LOST']);
        await next.barrier(version);
      });

      engine.case('the link is lost again before SUBACK: subscribed once more, though the server then has the session', async () => {
        const pair = await connected(engine, broker, version, lasting);
        const { client, packets } = pair;
        const texts: string[] = [];
        const subscribing = client.subscribe('s', { qos: 1 }, (message) => { texts.push(message.text()); });
        pair.link.send(packets.suback(packetIdentifier(await pair.link.expectType(8))!, [1]));
        await subscribing;
        await cutAndReconnect(broker, pair, false);
        const first = withoutIdentifier(await pair.link.expectType(8));
        await cutAndReconnect(broker, pair, true);
        const second = await pair.link.expectType(8);
        expect(withoutIdentifier(second)).toBe(first);
        pair.link.send(packets.suback(packetIdentifier(second)!, [1]));
        await cutAndReconnect(broker, pair, true);
        pair.link.send(packets.publish({ topic: 's', payload: 'once', qos: 1, id: 4 }));
        await pair.link.expect(packets.puback(4));
        expect(texts).toEqual(['once']);
      });

      engine.case('PUBRELs are sent again in the order of their PUBRECs [MQTT-4.6.0-4]', async () => {
        const pair = await connected(engine, broker, version, lasting);
        const { client, packets } = pair;
        const outcomes = Array.from({ length: 4 }, () => outcomeOf(client.publish('t', 'x', { qos: 2 })));
        const ids: number[] = [];
        while (ids.length < 4) {
          ids.push(packetIdentifier(await pair.link.expectType(3))!);
        }
        const order = [ids[2]!, ids[0]!, ids[3]!, ids[1]!];
        for (const id of order) {
          pair.link.send(packets.pubrec(id));
          await pair.link.expect(packets.pubrel(id));
        }
        const next = await cutAndReconnect(broker, pair, true);
        await next.expect(...order.map((id) => packets.pubrel(id)));
        next.send(...order.map((id) => packets.pubcomp(id)));
        expect(await Promise.all(outcomes)).toEqual(Array(4).fill('ok'));
      });

      engine.case('a clean session each time: subscribed again each time, and messages go on to the same loop', async () => {
        const pair = await connected(engine, broker, version, { cleanStart: true, reconnect: SOON });
        const { client, packets } = pair;
        const subscribing = client.subscribe('s', { qos: 1 });
        pair.link.send(packets.suback(packetIdentifier(await pair.link.expectType(8))!, [1]));
        const loop = (await subscribing)[Symbol.asyncIterator]();
        for (let round = 0; round < 3; round += 1) {
          pair.link.send(packets.publish({ topic: 's', payload: String(round) }));
          expect((await loop.next()).value?.text()).toBe(String(round));
          await cutAndReconnect(broker, pair, false);
          pair.link.send(packets.suback(packetIdentifier(await pair.link.expectType(8))!, [1]));
        }
      });

      engine.case('a subscription that is refused when it is made again ends, the others go on', async () => {
        const pair = await connected(engine, broker, version, { cleanStart: true, reconnect: SOON });
        const { client, packets } = pair;
        const errors: string[] = [];
        client.on('error', (error) => { errors.push((error as { code: string }).code); });
        const subscriptions = [];
        for (const filter of ['bad', 'handled', 'good']) {
          const subscribing = client.subscribe(filter, { qos: 1 }, ...(filter === 'handled' ? [() => undefined] : []));
          pair.link.send(packets.suback(packetIdentifier(await pair.link.expectType(8))!, [1]));
          subscriptions.push(await subscribing);
        }
        const ending = codeOf((async () => { for await (const message of subscriptions[0]!) { void message; } })());
        const next = await cutAndReconnect(broker, pair, false);
        for (const code of [version === 5 ? 0x87 : 0x80, 0x80, 1]) {
          next.send(packets.suback(packetIdentifier(await next.expectType(8))!, [code]));
        }
        expect(await ending).toBe('ERR_MQTT_SUBSCRIBE');
        next.send(packets.publish({ topic: 'good', payload: 'x', qos: 1, id: 3 }));
        expect((await subscriptions[2]![Symbol.asyncIterator]().next()).value?.topic).toBe('good');
        // Nobody waits for the messages of a handler: that it will get no more is told by the event.
        expect(errors).toEqual(['ERR_MQTT_SUBSCRIBE']);
      });

      engine.case('a SUBSCRIBE and an UNSUBSCRIBE in flight when the link is lost are answered on the next one, or fail: they settle', async () => {
        const pair = await connected(engine, broker, version, lasting);
        const outcomes = [outcomeOf(pair.client.subscribe('s')), outcomeOf(pair.client.unsubscribe('u'))];
        await pair.link.expectType(8);
        await pair.link.expectType(10);
        const next = await cutAndReconnect(broker, pair, true);
        const mark = pair.client.publish('mark', 'x');
        for (;;) {
          const packet = await next.read();
          const type = packet[0]! >> 4;
          if (type === 3) {
            break;
          }
          const id = packetIdentifier(packet)!;
          next.send(type === 8 ? pair.packets.suback(id, [0]) : pair.packets.unsuback(id, [0]));
        }
        await mark;
        for (const outcome of await Promise.all(outcomes)) {
          expect(outcome).toMatch(/^(ok|ERR_MQTT_CONNECTION_LOST)$/);
        }
      });

      engine.case('half a message, then RST: the next connection begins with a new packet', async () => {
        const pair = await connected(engine, broker, version, lasting);
        const messages = messagesOf(pair.client);
        const events = eventsOf(pair.client);
        const whole = pair.packets.publish({ topic: 't', payload: 'whole', qos: 1, id: 5 });
        pair.link.send(pair.packets.publish({ topic: 't', payload: 'before' }), whole.subarray(0, 6));
        await messages.next();
        pair.link.cut();
        await untilEvent(events, 'disconnect');
        const { link: next } = await nextConnect(broker);
        next.send(pair.packets.connack(0, true), whole);
        await next.expect(pair.packets.puback(5));
        expect((await messages.next()).text()).toBe('whole');
        expect(messages.all.length).toBe(2);
      });

      engine.case('its own keep alive holds on the new connection', async () => {
        const pair = await connected(engine, broker, version, { ...lasting, keepAlive: 1 }, version === 5 ? '13 0e10' : undefined);
        const next = await cutAndReconnect(broker, pair, true);
        await next.expect('c0 00');
        next.send(pair.packets.pingresp());
        await next.expect('c0 00');
      });
    });
  }
});
