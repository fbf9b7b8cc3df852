/**
 * A message of QoS 2 that comes over two connections is delivered once, in whatever state its exchange was when the link was lost:
 * answered, still with the application, or finished by it meanwhile. The broker is a script that cuts and repeats.
 */
import { afterAll, beforeAll, describe, expect } from 'vitest';
import type { ClientOptions } from 'mqtt-native';
import { forEachEngine, messagesOf } from '../support/engines.js';
import { SOON } from '../support/events.js';
import { ScriptedBroker } from '../support/scripted-broker.js';
import { connected, cut, cutAndReconnect, expectNothingBut, heldMessages, keeping, nextConnect } from '../support/scripted-client.js';

let broker: ScriptedBroker;
beforeAll(async () => { broker = await ScriptedBroker.start(); });
afterAll(() => broker.stop());

forEachEngine((engine) => {
  for (const version of [4, 5] as const) {
    const lasting: Partial<ClientOptions> = { ...keeping(version), reconnect: SOON };
    const first = { topic: 't', payload: 'once', qos: 2 as const, id: 9 };

    describe(version === 4 ? '3.1.1' : '5', () => {
      engine.case('PUBREC was sent, and PUBLISH comes again: PUBREC again, not delivered [MQTT-4.3.3-10]', async () => {
        const pair = await connected(engine, broker, version, lasting);
        const messages = messagesOf(pair.client);
        const { packets } = pair;
        pair.link.send(packets.publish(first));
        await pair.link.expect(packets.pubrec(9));
        const next = await cutAndReconnect(broker, pair, true);
        next.send(packets.publish({ ...first, dup: true }));
        await next.expect(packets.pubrec(9));
        next.send(packets.pubrel(9));
        await next.expect(packets.pubcomp(9));
        await next.barrier(version);
        expect((await messages.take(2)).map((message) => message.topic)).toEqual(['t', 'barrier']);
      });

      engine.case('PUBREC was sent, and PUBREL comes on the next connection: PUBCOMP [MQTT-4.3.3-11]', async () => {
        const pair = await connected(engine, broker, version, lasting);
        const { packets } = pair;
        pair.link.send(packets.publish(first));
        await pair.link.expect(packets.pubrec(9));
        const next = await cutAndReconnect(broker, pair, true);
        next.send(packets.pubrel(9));
        await next.expect(packets.pubcomp(9));
        await next.barrier(version);
      });

      engine.case('the application still works on it: the repetition is not delivered, and answered when it is done [MQTT-4.3.3-10]', async () => {
        const pair = await connected(engine, broker, version, lasting);
        const { client, packets } = pair;
        const held = await heldMessages(pair, 2);
        pair.link.send(packets.publish(first));
        const { finish } = await held.next();
        const next = await cutAndReconnect(broker, pair, true);
        next.send(packets.publish({ ...first, dup: true }));
        await expectNothingBut(client, next);
        finish();
        await next.expect(packets.pubrec(9));
        next.send(packets.pubrel(9));
        await next.expect(packets.pubcomp(9));
        expect(held.all.length).toBe(1);
        // And the identifier is free for another [MQTT-4.3.3-12].
        next.send(packets.publish({ ...first, payload: 'new' }));
        const second = await held.next();
        expect(second.message.text()).toBe('new');
        second.finish();
        await next.expect(packets.pubrec(9));
      });

      engine.case('the application finished it while there was no connection: the repetition is answered at once, not delivered', async () => {
        const pair = await connected(engine, broker, version, lasting);
        const { packets } = pair;
        const held = await heldMessages(pair, 2);
        pair.link.send(packets.publish(first));
        const { finish } = await held.next();
        await cut(pair);
        finish();
        const { link: next } = await nextConnect(broker);
        next.send(packets.connack(0, true));
        await expectNothingBut(pair.client, next);
        next.send(packets.publish({ ...first, dup: true }));
        await next.expect(packets.pubrec(9));
        next.send(packets.pubrel(9));
        await next.expect(packets.pubcomp(9));
        expect(held.all.length).toBe(1);
      });

      engine.case('PUBCOMP was sent and lost: PUBREL again gets PUBCOMP again, and a new message is delivered [MQTT-4.3.3-12]', async () => {
        const pair = await connected(engine, broker, version, lasting);
        const messages = messagesOf(pair.client);
        const { packets } = pair;
        pair.link.send(packets.publish(first));
        await pair.link.expect(packets.pubrec(9));
        pair.link.send(packets.pubrel(9));
        await pair.link.expect(packets.pubcomp(9));
        const next = await cutAndReconnect(broker, pair, true);
        next.send(packets.pubrel(9));
        const pubcomp = await next.expectType(7);
        expect(pubcomp.readUInt16BE(2)).toBe(9);
        next.send(packets.publish({ ...first, payload: 'new' }));
        await next.expect(packets.pubrec(9));
        expect((await messages.take(2)).map((message) => message.text())).toEqual(['once', 'new']);
      });

      engine.case('the server has lost the session: the same identifier is a new message', async () => {
        const pair = await connected(engine, broker, version, lasting);
        const messages = messagesOf(pair.client);
        const { packets } = pair;
        pair.link.send(packets.publish(first));
        await pair.link.expect(packets.pubrec(9));
        const next = await cutAndReconnect(broker, pair, false);
        next.send(packets.publish({ ...first, payload: 'new' }));
        await next.expect(packets.pubrec(9));
        expect((await messages.take(2)).map((message) => message.text())).toEqual(['once', 'new']);
      });

      engine.case('the answer to a message of a lost connection is not given to another one of the next', async () => {
        const pair = await connected(engine, broker, version, lasting);
        const { packets } = pair;
        const held = await heldMessages(pair, 2);
        pair.link.send(packets.publish({ topic: 'old', qos: 1, id: 1 }), packets.publish({ topic: 'old', qos: 2, id: 2 }));
        const [one, two] = await held.take(2);
        const next = await cutAndReconnect(broker, pair, true);
        next.send(packets.publish({ topic: 'new', qos: 1, id: 5 }), packets.publish({ topic: 'new', qos: 1, id: 6 }));
        const [five, six] = await held.take(2);
        one!.finish();
        two!.finish();
        await expectNothingBut(pair.client, next);
        six!.finish();
        five!.finish();
        await next.expect(packets.puback(5), packets.puback(6));
      });

      engine.case('ten cuts between PUBREC and PUBREL use up none of our Receive Maximum of 2', async () => {
        const pair = await connected(engine, broker, version, { ...lasting, ...(version === 5 ? { receiveMaximum: 2 } : {}) });
        const messages = messagesOf(pair.client);
        const { packets } = pair;
        for (let round = 1; round <= 10; round += 1) {
          pair.link.send(packets.publish({ ...first, id: round, payload: String(round) }));
          await pair.link.expect(packets.pubrec(round));
          await cutAndReconnect(broker, pair, true);
          pair.link.send(packets.pubrel(round));
          await pair.link.expect(packets.pubcomp(round));
        }
        pair.link.send(packets.publish({ ...first, id: 20, payload: '11' }), packets.publish({ ...first, id: 21, payload: '12' }));
        await pair.link.expect(packets.pubrec(20), packets.pubrec(21));
        const texts = (await messages.take(12)).map((message) => message.text());
        expect(texts).toEqual(Array.from({ length: 12 }, (_, index) => String(index + 1)));
      });
    });
  }
});
