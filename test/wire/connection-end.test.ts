/**
 * A connection ends by DISCONNECT from either side, by silence, or by a cut, and each of these looks different to the application. The
 * broker is a script: it knows that nothing was sent after DISCONNECT.
 */
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { forEachEngine } from '../support/engines.js';
import { codeOf, failureOf } from '../support/outcomes.js';
import { packetIdentifier } from '../support/packets.js';
import { ScriptedBroker } from '../support/scripted-broker.js';
import { connected, connecting } from '../support/scripted-client.js';
import { Inbox } from '../support/waiting.js';
import type { Client, MqttError } from 'mqtt-native';

let broker: ScriptedBroker;
beforeAll(async () => { broker = await ScriptedBroker.start(); });
afterAll(() => broker.stop());

/** DISCONNECT with reason 0 has three forms in version 5: all of it, without the property length, without a body (3.14.2.1). */
function normal(disconnect: Buffer): string {
  const hex = disconnect.toString('hex');
  return ['e000', 'e00100', 'e0020000'].includes(hex) ? 'normal' : hex;
}

/** The reasons of every 'disconnect' of this client. */
function disconnectsOf(client: Client): Inbox<MqttError> {
  return Inbox.of<MqttError, [MqttError]>(client, 'disconnect', (error) => error);
}

forEachEngine((engine) => {
  for (const version of [4, 5] as const) {
    describe(version === 4 ? '3.1.1' : '5', () => {
      engine.case('close() sends DISCONNECT, then ends, and nothing follows [MQTT-3.14.4-1] [MQTT-3.14.4-2]', async () => {
        const { client, link } = await connected(engine, broker, version);
        const closing = client.close();
        expect(await link.expectType(14).then(normal)).toBe('normal');
        await link.expectEnd();
        await closing;
      });

      engine.case('close() sends what was published before it, and waits for its acknowledgement', async () => {
        const { client, link, packets } = await connected(engine, broker, version);
        const zero = client.publish('zero', 'x', { qos: 0 });
        const one = client.publish('one', 'x', { qos: 1 });
        const two = client.publish('two', 'x', { qos: 2 });
        const closing = client.close();
        expect((await link.expectType(3))[0]).toBe(0x30);
        const first = packetIdentifier(await link.expectType(3))!;
        const second = packetIdentifier(await link.expectType(3))!;
        link.send(packets.puback(first), packets.pubrec(second));
        await link.expect(packets.pubrel(second));
        link.send(packets.pubcomp(second));
        expect(await link.expectType(14).then(normal)).toBe('normal');
        await link.expectEnd();
        await Promise.all([zero, one, two, closing]);
      });

      engine.case('destroy() ends at once without DISCONNECT and rejects what waits', async () => {
        const { client, link } = await connected(engine, broker, version);
        const waiting = failureOf(client.publish('t', 'x', { qos: 1 }));
        await link.expectType(3);
        client.destroy();
        expect((await waiting).code).toBe('ERR_MQTT_CLOSED');
        await link.expectEnd();
      });

      engine.case('PINGREQ when nothing else is sent, and its answer keeps the connection [MQTT-3.1.2-20]', async () => {
        const { client, link, packets } = await connected(engine, broker, version, { keepAlive: 1 });
        for (let round = 0; round < 2; round += 1) {
          await link.expect('c0 00');
          link.send(packets.pingresp());
        }
        await client.publish('t', 'still here');
        await link.expectType(3);
      });

      engine.case('no PINGRESP: ERR_MQTT_KEEP_ALIVE for the connection and for what waits', async () => {
        const { client, link } = await connected(engine, broker, version, { keepAlive: 1 });
        const disconnects = disconnectsOf(client);
        const waiting = failureOf(client.publish('t', 'x', { qos: 1 }));
        await link.expectType(3);
        await link.expect('c0 00');
        expect((await disconnects.next()).code).toBe('ERR_MQTT_KEEP_ALIVE');
        expect((await waiting).code).toBe('ERR_MQTT_KEEP_ALIVE');
        await link.readToEnd();
      });

      for (const how of ['FIN', 'RST'] as const) {
        engine.case(`the server ends with ${how}: ERR_MQTT_CONNECTION_LOST for the connection and for each request, once`, async () => {
          const { client, link } = await connected(engine, broker, version);
          const disconnects = disconnectsOf(client);
          const waiting = [
            client.publish('t', 'x', { qos: 1 }), client.publish('t', 'x', { qos: 2 }), client.subscribe('s'), client.unsubscribe('u'),
          ].map((promise: Promise<unknown>) => codeOf(promise));
          for (let index = 0; index < 4; index += 1) {
            await link.read();
          }
          if (how === 'FIN') {
            link.end();
          } else {
            link.cut();
          }
          expect(await Promise.all(waiting)).toEqual(Array(4).fill('ERR_MQTT_CONNECTION_LOST'));
          expect((await disconnects.next()).code).toBe('ERR_MQTT_CONNECTION_LOST');
          expect(disconnects.waiting).toBe(0);
          expect(await codeOf((async () => client.publish('t', 'late', { qos: 1 }))())).toBe('ERR_MQTT_NOT_CONNECTED');
        });
      }

      engine.case('the server ends before CONNACK: connect() rejects', async () => {
        const { link, connecting: done } = await connecting(engine, broker, version);
        link.end();
        expect(await codeOf(done)).toBe('ERR_MQTT_CONNECTION_LOST');
      });

      engine.case('the server ends within CONNACK: connect() rejects', async () => {
        const { link, packets, connecting: done } = await connecting(engine, broker, version);
        link.send(packets.connack().subarray(0, 3));
        link.end();
        expect(await codeOf(done)).toBe('ERR_MQTT_CONNECTION_LOST');
      });

      engine.case('no CONNACK within connectTimeout: ERR_MQTT_TIMEOUT, and the connection is ended', async () => {
        const { link, connecting: done } = await connecting(engine, broker, version, { connectTimeout: 200 });
        expect(await codeOf(done)).toBe('ERR_MQTT_TIMEOUT');
        await link.readToEnd();
      });

      engine.case('a client that lost its link connects again', async () => {
        const { client, link, packets } = await connected(engine, broker, version);
        const disconnects = disconnectsOf(client);
        link.cut();
        await disconnects.next();
        const again = client.connect();
        const second = await broker.accept();
        await second.expectType(1);
        second.send(packets.connack());
        await again;
        await client.publish('t', 'x');
        await second.expectType(3);
      });

      engine.case('a request without an answer ends with ERR_MQTT_TIMEOUT after operationTimeout, alone', async () => {
        const { client, link, packets } = await connected(engine, broker, version, { operationTimeout: 200 });
        const subscribing = failureOf(client.subscribe('a'));
        await link.expectType(8);
        expect((await subscribing).code).toBe('ERR_MQTT_TIMEOUT');
        const unsubscribing = failureOf(client.unsubscribe('a'));
        await link.expectType(10);
        expect((await unsubscribing).code).toBe('ERR_MQTT_TIMEOUT');
        await client.publish('t', 'x', { qos: 0 });
        await link.expectType(3);
        link.send(packets.pingresp());
      });
    });
  }

  describe('5', () => {
    engine.case('close() with a reason code sends it [MQTT-3.14.2-1]', async () => {
      const { client, link } = await connected(engine, broker, 5);
      const closing = client.close({ reasonCode: 0x04 });
      const disconnect = await link.expectType(14);
      expect(disconnect.toString('hex')).toMatch(/^e00104$|^e0020400$/);
      await link.expectEnd();
      await closing;
    });

    engine.case('DISCONNECT of the server: its reason code and reason string reach the application, the connection ends [MQTT-3.14.1-1]', async () => {
      const { client, link, packets } = await connected(engine, broker, 5);
      const disconnects = disconnectsOf(client);
      const waiting = failureOf(client.publish('t', 'x', { qos: 1 }));
      await link.expectType(3);
      link.send(packets.disconnect(0x8b, "1f 0008'updating'"));
      const error = await disconnects.next();
      expect(error).toMatchObject({ code: 'ERR_MQTT_SERVER_DISCONNECT', reasonCode: 0x8b });
      expect(error.message).toContain('updating');
      expect(await waiting).toMatchObject({ code: 'ERR_MQTT_SERVER_DISCONNECT', reasonCode: 0x8b });
      await link.expectEnd();
    });

    engine.case('DISCONNECT with the body left out means reason 0', async () => {
      const { client, link, packets } = await connected(engine, broker, 5);
      const disconnects = disconnectsOf(client);
      link.send(packets.disconnect());
      expect(await disconnects.next()).toMatchObject({ code: 'ERR_MQTT_SERVER_DISCONNECT', reasonCode: 0 });
      await link.expectEnd();
    });

    engine.case('Server Keep Alive takes the place of the client\'s own [MQTT-3.1.2-21]', async () => {
      const { link } = await connected(engine, broker, 5, { keepAlive: 600 }, '13 0001');
      await link.expect('c0 00');
    });

    engine.case('Server Keep Alive 0 turns it off', async () => {
      const { link } = await connected(engine, broker, 5, { clientId: 'off', keepAlive: 1 }, '13 0000');
      // Another one of the same interval tells when it would have asked.
      const clock = await connected(engine, broker, 5, { clientId: 'clock', keepAlive: 1 });
      for (let round = 0; round < 2; round += 1) {
        await clock.link.expect('c0 00');
        clock.link.send(clock.packets.pingresp());
      }
      await link.barrier(5);
    });

    engine.case('CONNACK with an error: the reason code and reason string reach the application, nothing is sent after it [MQTT-3.2.2-7]', async () => {
      const { link, packets, connecting: done } = await connecting(engine, broker, 5);
      link.send(packets.connack(0x8a, false, "1f 0006'banned'"));
      const error = await failureOf(done);
      expect(error).toMatchObject({ code: 'ERR_MQTT_REFUSED', reasonCode: 0x8a });
      expect(error.message).toContain('banned');
      await link.expectEnd();
    });
  });

  describe('3.1.1', () => {
    for (const code of [1, 2, 3, 4, 5]) {
      engine.case(`CONNACK with return code ${code} is refused with it`, async () => {
        const { link, packets, connecting: done } = await connecting(engine, broker, 4);
        link.send(packets.connack(code));
        expect(await failureOf(done)).toMatchObject({ code: 'ERR_MQTT_REFUSED', reasonCode: code });
        await link.expectEnd();
      });
    }
  });
});
