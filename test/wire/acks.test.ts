/**
 * A message is acknowledged when the application is done with it and not before, in the order of arrival whatever the order handlers
 * finish in, and with a reason code the standard lists. The broker is a script that looks at its wire while a handler works.
 */
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { forEachEngine } from '../support/engines.js';
import { refusalOf } from '../support/outcomes.js';
import { ScriptedBroker } from '../support/scripted-broker.js';
import { connected, cutAndReconnect, expectNothingBut, heldMessages, keeping } from '../support/scripted-client.js';
import { withSafetyNet } from '../support/waiting.js';

let broker: ScriptedBroker;
beforeAll(async () => { broker = await ScriptedBroker.start(); });
afterAll(() => broker.stop());

forEachEngine((engine) => {
  for (const version of [4, 5] as const) {
    describe(version === 4 ? '3.1.1' : '5', () => {
      engine.case('PUBACK waits for the handler [MQTT-4.3.2-4]', async () => {
        const pair = await connected(engine, broker, version);
        const works = await heldMessages(pair, 1);
        pair.link.send(pair.packets.publish({ topic: 't', qos: 1, id: 9 }));
        const { finish } = await works.next();
        await expectNothingBut(pair.client, pair.link);
        finish();
        await pair.link.expect(pair.packets.puback(9));
      });

      engine.case('PUBREC waits for the handler, PUBCOMP for PUBREL [MQTT-4.3.3-8] [MQTT-4.3.3-11]', async () => {
        const pair = await connected(engine, broker, version);
        const works = await heldMessages(pair, 2);
        pair.link.send(pair.packets.publish({ topic: 't', qos: 2, id: 9 }));
        const { finish } = await works.next();
        await expectNothingBut(pair.client, pair.link);
        finish();
        await pair.link.expect(pair.packets.pubrec(9));
        pair.link.send(pair.packets.pubrel(9));
        await pair.link.expect(pair.packets.pubcomp(9));
        expect(works.waiting).toBe(0);
      });

      engine.case('handlers that finish in reverse order: acknowledgements go out in the order of arrival [MQTT-4.6.0-2] [MQTT-4.6.0-3]', async () => {
        for (const qos of [1, 2] as const) {
          const pair = await connected(engine, broker, version);
          const { link, packets } = pair;
          const works = await heldMessages(pair, qos);
          const ids = [30, 10, 20, 40];
          link.send(...ids.map((id) => packets.publish({ topic: 't', qos, id })));
          const taken = await works.take(4);
          for (const { finish } of taken.slice(1).reverse()) {
            finish();
          }
          await expectNothingBut(pair.client, link);
          taken[0]!.finish();
          await link.expect(...ids.map((id) => (qos === 1 ? packets.puback(id) : packets.pubrec(id))));
        }
      });

      engine.case('a message the application still has when the link is lost is not acknowledged on the next connection', async () => {
        const pair = await connected(engine, broker, version, keeping(version));
        const works = await heldMessages(pair, 1);
        pair.link.send(pair.packets.publish({ topic: 't', qos: 1, id: 9, payload: 'first' }));
        const { finish } = await works.next();
        const next = await cutAndReconnect(broker, pair, true);
        finish();
        await expectNothingBut(pair.client, next);
        // The server sends it again, and then it is acknowledged once.
        next.send(pair.packets.publish({ topic: 't', qos: 1, id: 9, payload: 'first', dup: true }));
        const again = await works.next();
        expect(again.message).toMatchObject({ dup: true });
        again.finish();
        await next.expect(pair.packets.puback(9));
      });
    });
  }

  describe('5', () => {
    engine.case('ack() sends its reason code, in its place and once [MQTT-3.4.2-1] [MQTT-3.5.2-1]', async () => {
      const { client, link, packets } = await connected(engine, broker, 5);
      client.on('message', (message) => { message.ack(message.topic === 'bad' ? 0x99 : undefined); });
      link.send(packets.publish({ topic: 'good', qos: 1, id: 1 }), packets.publish({ topic: 'bad', qos: 1, id: 2 }), packets.publish({ topic: 'bad', qos: 2, id: 3 }));
      await link.expect(packets.puback(1));
      expect((await link.expectType(4)).toString('hex')).toMatch(/^4003000299$|^400400029900$/);
      expect((await link.expectType(5)).toString('hex')).toMatch(/^5003000399$|^500400039900$/);
      // The exchange of QoS 2 is over with that: the identifier is free for a new message.
      link.send(packets.publish({ topic: 'good', qos: 2, id: 3 }));
      await link.expect(packets.pubrec(3));
      link.send(packets.pubrel(3));
      await link.expect(packets.pubcomp(3));
    });

    engine.case('ack() takes no code the standard does not list for PUBACK and PUBREC [MQTT-3.4.2-1] [MQTT-3.5.2-1]', async () => {
      const { client, link, packets } = await connected(engine, broker, 5);
      const codes: string[] = [];
      const done = new Promise<void>((resolve) => {
        client.on('message', (message) => {
          if (message.topic !== 't') return;
          void (async () => {
            for (const code of [1, 0x81, 0x93, 0xff, 256, -1]) {
              codes.push((await refusalOf(() => message.ack(code))).code);
            }
            resolve();
          })();
        });
      });
      link.send(packets.publish({ topic: 't', qos: 1, id: 1 }));
      await withSafetyNet('the message', done);
      expect([...new Set(codes)]).toEqual(['ERR_MQTT_OPTION']);
      await link.expect(packets.puback(1));
      await link.barrier(5);
    });

    engine.case('PUBREC is not sent before the application has the message: a cut in between loses nothing', async () => {
      const pair = await connected(engine, broker, 5, keeping(5));
      const works = await heldMessages(pair, 2);
      pair.link.send(pair.packets.publish({ topic: 't', qos: 2, id: 9, payload: 'kept' }));
      await works.next();
      await expectNothingBut(pair.client, pair.link);
      // The process ends here: nothing said that the message was taken, so the server still has it for the next one.
      pair.client.destroy();
      expect((await pair.link.readToEnd()).map((packet) => packet[0]! >> 4)).not.toContain(5);
    });
  });
});
