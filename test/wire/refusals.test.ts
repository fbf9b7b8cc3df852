/**
 * A server that does not take the client: what may pass is tried again, with delays that grow; what will not pass ends it, and everything
 * that waited hears why. The broker is a script that refuses with each code the standard has.
 */
import { afterAll, beforeAll, describe, expect } from 'vitest';
import type { ClientOptions, MqttError } from 'mqtt-native';
import { forEachEngine } from '../support/engines.js';
import { errorsOf, eventsOf, SOON, untilEvent } from '../support/events.js';
import { codeOf, failureOf } from '../support/outcomes.js';
import { field, packetIdentifier, packetsOf } from '../support/packets.js';
import { readConnect } from '../support/read-connect.js';
import { ScriptedBroker } from '../support/scripted-broker.js';
import type { ScriptedLink } from '../support/scripted-broker.js';
import { connected, connecting, cut, keeping, nextConnect } from '../support/scripted-client.js';
import { Inbox } from '../support/waiting.js';

let broker: ScriptedBroker;
let other: ScriptedBroker;
beforeAll(async () => { [broker, other] = await Promise.all([ScriptedBroker.start(), ScriptedBroker.start()]); });
afterAll(() => Promise.all([broker.stop(), other.stop()]));

/** CONNACK codes that say "not now". */
const LATER = { 4: [3], 5: [0x80, 0x83, 0x88, 0x89, 0x97, 0x9c, 0x9f] } as const;
/** Those that will say the same tomorrow. */
const NEVER = { 4: [1, 2, 4, 5], 5: [0x81, 0x82, 0x84, 0x85, 0x86, 0x87, 0x8a, 0x8c, 0x90, 0x95, 0x99, 0x9a, 0x9b, 0x9d] } as const;
/** Those a credentials function can do something about. */
const CREDENTIALS = { 4: [4, 5], 5: [0x86, 0x87] } as const;

const hex = (code: number): string => `0x${code.toString(16).padStart(2, '0')}`;

/** A Server Reference to this broker. */
function referenceTo(server: ScriptedBroker): Buffer {
  return Buffer.concat([Buffer.from([0x1c]), field(`127.0.0.1:${server.port}`)]);
}

forEachEngine((engine) => {
  for (const version of [4, 5] as const) {
    const lasting: Partial<ClientOptions> = { ...keeping(version), reconnect: SOON };
    const { connack } = packetsOf(version);

    describe(version === 4 ? '3.1.1' : '5', () => {
      for (const code of LATER[version]) {
        engine.case(`CONNACK ${hex(code)} when reconnecting: tried again`, async () => {
          const pair = await connected(engine, broker, version, lasting);
          await cut(pair);
          const waiting = pair.client.publish('t', 'x', { qos: 1 });
          for (let round = 0; round < 2; round += 1) {
            const { link } = await nextConnect(broker);
            link.send(connack(code));
            await link.expectEnd();
          }
          const { link } = await nextConnect(broker);
          link.send(connack(0, true));
          link.send(pair.packets.puback(packetIdentifier(await link.expectType(3))!));
          await waiting;
        });
      }

      for (const code of NEVER[version]) {
        engine.case(`CONNACK ${hex(code)} when reconnecting: the end, and what waits hears of it`, async () => {
          const pair = await connected(engine, broker, version, lasting);
          const errors = errorsOf(pair.client);
          const inFlight = failureOf(pair.client.publish('t', 'in flight', { qos: 1 }));
          await pair.link.expectType(3);
          await cut(pair);
          const waiting = [
            inFlight, failureOf(pair.client.publish('t', 'x', { qos: 1 })), failureOf(pair.client.publish('t', 'x')), failureOf(pair.client.subscribe('s')),
          ];
          const { link } = await nextConnect(broker);
          link.send(connack(code));
          for (const error of await Promise.all(waiting)) {
            expect(error).toMatchObject({ code: 'ERR_MQTT_REFUSED', reasonCode: code });
          }
          expect(pair.client.state).toBe('disconnected');
          expect(await errors.next()).toBe('ERR_MQTT_REFUSED');
          expect(await codeOf((async () => pair.client.publish('t', 'x'))())).toBe('ERR_MQTT_NOT_CONNECTED');
          await link.expectEnd();
          // The application may think otherwise.
          const again = pair.client.connect();
          const { link: next } = await nextConnect(broker);
          next.send(connack());
          await again;
        });
      }

      for (const code of CREDENTIALS[version]) {
        engine.case(`CONNACK ${hex(code)} with a credentials function: tried again with what it says then`, async () => {
          let asked = 0;
          const pair = await connected(engine, broker, version, { ...lasting, credentials: () => {
            asked += 1;
            return { username: 'me', password: `secret ${asked}` };
          } });
          expect(readConnect(pair.connect).password).toBe(Buffer.from('secret 1').toString('hex'));
          await cut(pair);
          const refused = await nextConnect(broker);
          expect(readConnect(refused.connect).password).toBe(Buffer.from('secret 2').toString('hex'));
          refused.link.send(connack(code));
          const { link, connect } = await nextConnect(broker);
          expect(readConnect(connect).password).toBe(Buffer.from('secret 3').toString('hex'));
          link.send(connack(0, true));
          await link.barrier(version);
          expect(asked).toBe(3);
        });
      }

      engine.case('without a listener for error the end is no uncaught exception', async () => {
        const pair = await connected(engine, broker, version, lasting);
        const uncaught: unknown[] = [];
        const listener = (error: unknown): void => { uncaught.push(error); };
        process.on('uncaughtException', listener);
        try {
          await cut(pair);
          const waiting = codeOf(pair.client.publish('t', 'x'));
          const { link } = await nextConnect(broker);
          link.send(connack(version === 5 ? 0x8a : 2));
          expect(await waiting).toBe('ERR_MQTT_REFUSED');
          await link.expectEnd();
          await new Promise((resolve) => { setImmediate(resolve); });
        } finally {
          process.off('uncaughtException', listener);
        }
        expect(uncaught).toEqual([]);
      });

      engine.case('the first connect() rejects with whatever code, and nothing is tried again', async () => {
        for (const code of [LATER[version][0], NEVER[version][0]]) {
          const { client, link, connecting: done } = await connecting(engine, broker, version, lasting);
          link.send(connack(code));
          expect(await failureOf(done)).toMatchObject({ code: 'ERR_MQTT_REFUSED', reasonCode: code });
          expect(client.state).toBe('disconnected');
          await link.expectEnd();
        }
      });

      engine.case('reconnect.initial: the first connect() goes on where it may pass, and rejects where not', async () => {
        const options = { ...lasting, reconnect: { ...SOON, initial: true } };
        const { client, link, connecting: done } = await connecting(engine, broker, version, options);
        link.send(connack(LATER[version][0]));
        const { link: second } = await nextConnect(broker);
        second.end();
        const { link: third } = await nextConnect(broker);
        third.send(connack());
        expect((await done).sessionPresent).toBe(false);
        expect(client.state).toBe('connected');
        const never = await connecting(engine, broker, version, options);
        never.link.send(connack(NEVER[version][1]));
        expect(await failureOf(never.connecting)).toMatchObject({ code: 'ERR_MQTT_REFUSED', reasonCode: NEVER[version][1] });
      });

      for (const [how, answer] of [
        ['accepts the connection and closes it', undefined], ['accepts the client and closes', connack()],
      ] as const) {
        engine.case(`a server that ${how}, 20 times: the delays grow and are not begun anew`, async () => {
          const reconnect = { initialDelay: 1, maxDelay: 50, jitter: 'none' } as const;
          const pair = await connected(engine, broker, version, { ...lasting, cleanStart: true, reconnect });
          const delays = Inbox.of<number, [number, number]>(pair.client, 'reconnecting', (_attempt, delay) => delay);
          await cut(pair);
          for (let round = 0; round < 20; round += 1) {
            const { link } = await nextConnect(broker);
            if (answer !== undefined) {
              link.send(answer);
            }
            link.end();
          }
          expect(await delays.take(20)).toEqual([1, 2, 4, 8, 16, 32, ...Array<number>(14).fill(50)]);
        });
      }

      engine.case('maxAttempts: given up after so many, with the last failure', async () => {
        const pair = await connected(engine, broker, version, { ...lasting, reconnect: { ...SOON, maxAttempts: 3 } });
        const errors = errorsOf(pair.client);
        await cut(pair);
        const waiting = codeOf(pair.client.publish('t', 'x', { qos: 1 }));
        for (let round = 0; round < 3; round += 1) {
          (await nextConnect(broker)).link.send(connack(LATER[version][0]));
        }
        expect(await waiting).toBe('ERR_MQTT_REFUSED');
        expect(await errors.next()).toBe('ERR_MQTT_REFUSED');
        expect(pair.client.state).toBe('disconnected');
      });
    });
  }

  describe('several servers', () => {
    engine.case('an attempt goes through all of them, the first one first, and comes back to it when it can', async () => {
      const pair = await connected(engine, broker, 5, { servers: [other.url], reconnect: SOON });
      await cut(pair);
      (await nextConnect(broker)).link.send(pair.packets.connack(0x88));
      const second = await nextConnect(other);
      const events = eventsOf(pair.client);
      second.link.send(pair.packets.connack());
      await untilEvent(events, 'connect');
      expect(pair.client.server).toContain(`:${other.port}`);
      await cut({ ...pair, link: second.link });
      const third = await nextConnect(broker);
      third.link.send(pair.packets.connack());
      await untilEvent(events, 'connect');
      expect(pair.client.server).toContain(`:${broker.port}`);
    });

    engine.case('two that contradict each other: each is believed for its own connection', async () => {
      const pair = await connected(engine, broker, 5, { ...keeping(5), servers: [other.url], reconnect: SOON }, '24 00 22 0005');
      const { client, packets } = pair;
      expect(await codeOf(client.publish('t', 'x', { qos: 1 }))).toBe('ERR_MQTT_NOT_SUPPORTED');
      const subscribing = client.subscribe('s');
      const subscribe = await pair.link.expectType(8);
      pair.link.send(packets.suback(packetIdentifier(subscribe)!, [0]));
      await subscribing;

      // The other one has never seen the session: subscriptions are made there, and QoS 1 goes.
      await cut(pair);
      (await nextConnect(broker)).link.send(packets.connack(0x89));
      const { link: second } = await nextConnect(other);
      second.send(packets.connack(0, false));
      second.send(packets.suback(packetIdentifier(await second.expectType(8))!, [0]));
      const inFlight = codeOf(client.publish('t', 'x', { qos: 1 }));
      const publish = await second.expectType(3);
      expect(publish[0]).toBe(0x32);

      // The first one has the session of long ago: its subscriptions are there, the message of the other one is not known to it. It is sent
      // again all the same, as the standard says, and the new limits hold for what comes.
      await cut({ ...pair, link: second });
      const { link: third } = await nextConnect(broker);
      third.send(packets.connack(0, true, '27 00000064'));
      const again = await third.expectType(3);
      expect(again[0]).toBe(0x3a);
      expect(await codeOf(client.publish('t', 'x'.repeat(200)))).toBe('ERR_MQTT_PACKET_TOO_LARGE');
      third.send(packets.puback(packetIdentifier(again)!, 0x80));
      expect(await inFlight).toBe('ERR_MQTT_PUBLISH');
    });

    engine.case('one that will never take this client does not keep it from the next', async () => {
      const { client, link, packets, connecting: done } = await connecting(engine, broker, 5, { servers: [other.url] });
      link.send(packets.connack(0x8a));
      (await nextConnect(other)).link.send(packets.connack());
      await done;
      expect(client.server).toContain(`:${other.port}`);
    });

    engine.case('tried again as long as one of them may take this client, and no longer', async () => {
      const pair = await connected(engine, broker, 5, { servers: [other.url], reconnect: SOON });
      await cut(pair);
      const waiting = failureOf(pair.client.publish('t', 'x', { qos: 1 }));
      for (const [first, second] of [[0x8a, 0x88], [0x88, 0x8a], [0x8a, 0x99]] as const) {
        (await nextConnect(broker)).link.send(pair.packets.connack(first));
        (await nextConnect(other)).link.send(pair.packets.connack(second));
      }
      expect(await waiting).toMatchObject({ code: 'ERR_MQTT_REFUSED', reasonCode: 0x99 });
      expect(pair.client.state).toBe('disconnected');
    });
  });

  describe('5: Server Reference', () => {
    for (const code of [0x9c, 0x9d]) {
      engine.case(`CONNACK ${hex(code)} with a reference: followed within the attempt [MQTT-4.13]`, async () => {
        const { client, link, packets, connecting: done } = await connecting(engine, broker, 5, { followServerReference: true, username: 'me' });
        link.send(packets.connack(code, false, referenceTo(other)));
        await link.expectEnd();
        const second = await nextConnect(other);
        expect(readConnect(second.connect)).toMatchObject({ clientId: 'c', username: 'me' });
        second.link.send(packets.connack());
        await done;
        expect(client.server).toContain(`:${other.port}`);
      });

      engine.case(`CONNACK ${hex(code)} with a reference that the options do not allow: refused, and nobody is visited`, async () => {
        const { link, packets, connecting: done } = await connecting(engine, broker, 5);
        const before = other.accepted;
        link.send(packets.connack(code, false, referenceTo(other)));
        const error = await failureOf(done);
        expect(error).toMatchObject({ code: 'ERR_MQTT_REFUSED', reasonCode: code });
        expect(error.properties?.serverReference).toBe(`127.0.0.1:${other.port}`);
        expect(other.accepted).toBe(before);
      });
    }

    for (const code of [0x9c, 0x9d]) {
      engine.case(`DISCONNECT ${hex(code)} with a reference: the server it names is tried first, where the options allow it [MQTT-4.13]`, async () => {
        for (const followServerReference of [true, false]) {
          const pair = await connected(engine, broker, 5, { followServerReference, reconnect: SOON });
          const lost = new Promise<MqttError>((resolve) => { pair.client.once('disconnect', resolve); });
          pair.link.send(pair.packets.disconnect(code, referenceTo(other)));
          expect(await lost).toMatchObject({ code: 'ERR_MQTT_SERVER_DISCONNECT', reasonCode: code });
          const next = await nextConnect(followServerReference ? other : broker);
          next.link.send(pair.packets.connack());
          await next.link.barrier(5);
          expect(pair.client.server).toContain(`:${(followServerReference ? other : broker).port}`);
          await pair.client.close();
        }
      });
    }

    engine.case('a reference of a server to itself ends the attempt', async () => {
      const { link, packets, connecting: done } = await connecting(engine, broker, 5, { followServerReference: true });
      const before = broker.accepted;
      link.send(packets.connack(0x9d, false, referenceTo(broker)));
      expect(await failureOf(done)).toMatchObject({ code: 'ERR_MQTT_REFUSED', reasonCode: 0x9d });
      expect(broker.accepted).toBe(before);
    });

    engine.case('two servers that name each other: followed once', async () => {
      const { link, packets, connecting: done } = await connecting(engine, broker, 5, { followServerReference: true });
      const before = broker.accepted;
      link.send(packets.connack(0x9c, false, referenceTo(other)));
      (await nextConnect(other)).link.send(packets.connack(0x9c, false, referenceTo(broker)));
      expect(await failureOf(done)).toMatchObject({ code: 'ERR_MQTT_REFUSED', reasonCode: 0x9c });
      expect(broker.accepted).toBe(before);
    });

    engine.case('a reference that cannot be read is none', async () => {
      for (const text of ['', ' ', 'http://a.example/', 'a:0', 'a:99999', '[::1']) {
        const { link, packets, connecting: done } = await connecting(engine, broker, 5, { followServerReference: true });
        link.send(packets.connack(0x9d, false, Buffer.concat([Buffer.from([0x1c]), field(text)])));
        expect(await failureOf(done), text.slice(0, 20)).toMatchObject({ code: 'ERR_MQTT_REFUSED', reasonCode: 0x9d });
      }
    });

    engine.case('when reconnecting: followed in the attempt, and the server of the options comes first in the next', async () => {
      const pair = await connected(engine, broker, 5, { followServerReference: true, reconnect: SOON });
      const accept = async (server: ScriptedBroker): Promise<ScriptedLink> => {
        const { link } = await nextConnect(server);
        link.send(pair.packets.connack());
        await link.barrier(5);
        return link;
      };
      await cut(pair);
      (await nextConnect(broker)).link.send(pair.packets.connack(0x9c, false, referenceTo(other)));
      const second = await accept(other);
      await cut({ ...pair, link: second });
      await accept(broker);
    });
  });
});
