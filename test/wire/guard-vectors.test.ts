/**
 * The vectors of the input guard, played to a whole client instead of the guard alone: every one that must fail and that a fresh
 * connection can bring about. The client must live, say ERR_MQTT_PROTOCOL, send DISCONNECT with the vector's reason in version 5, and
 * close.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClientOptions, MqttError } from 'mqtt-native';
import { forEachEngine } from '../support/engines.js';
import { codeOf } from '../support/outcomes.js';
import { bytes, wholePacketSize } from '../support/packets.js';
import type { Version } from '../support/packets.js';
import { ScriptedBroker } from '../support/scripted-broker.js';
import { connected, connecting } from '../support/scripted-client.js';
import { withSafetyNet } from '../support/waiting.js';

/** The fields that are used here; test/vectors/README.md tells the rest. */
interface Vector {
  name: string;
  clause: string;
  version: Version | Version[];
  bytes: string;
  expect: string[];
  connected?: boolean;
  limits?: Record<string, number | boolean>;
  sent?: string[];
  then?: unknown[];
  only?: string;
}

const vectors = JSON.parse(readFileSync(new URL('../vectors/guard.json', import.meta.url), 'utf8')) as Vector[];

/** The guard's limits that are options of a client. */
const OPTIONS: Partial<Record<string, keyof ClientOptions>> = {
  maximumPacketSize: 'maximumPacketSize', receiveMaximum: 'receiveMaximum', topicAliasMaximum: 'topicAliasMaximum',
};

/** Whether the server ends the connection by itself before the packet that must fail: then the client hears of that end. */
function endsEarlier(data: Buffer): boolean {
  for (let at = 0; ;) {
    const size = wholePacketSize(data.subarray(at));
    if (size === 0 || at + size === data.length) {
      return false;
    }
    const type = data[at]! >> 4;
    if (type === 14 || (type === 2 && data[at + 3] !== 0)) {
      return true;
    }
    at += size;
  }
}

/** Remaining Length of more than four bytes cannot be cut into packets; it is the last one then. */
function isPlayable(vector: Vector): boolean {
  if (vector.expect.at(-1)?.startsWith('fail:') !== true || vector.sent !== undefined || vector.then !== undefined || vector.only !== undefined) {
    return false;
  }
  if (Object.keys(vector.limits ?? {}).some((name) => OPTIONS[name] === undefined)) {
    return false;
  }
  try {
    return !endsEarlier(bytes(vector.bytes));
  } catch {
    return true;
  }
}

const playable = vectors.filter(isPlayable);

/** 3.1.1 takes no limit but the packet size; there the vector's limit would have no effect on the server's side either. */
function optionsOf(vector: Vector, version: Version): Partial<ClientOptions> {
  const limits = { topicAliasMaximum: 0, receiveMaximum: 65_535, ...vector.limits };
  const pairs = Object.entries(limits).flatMap(([name, value]) => (version === 5 || name === 'maximumPacketSize' ? [[OPTIONS[name]!, value]] : []));
  return Object.fromEntries(pairs) as Partial<ClientOptions>;
}

let broker: ScriptedBroker;
beforeAll(async () => { broker = await ScriptedBroker.start(); });
afterAll(() => broker.stop());

forEachEngine((engine) => {
  for (const version of [4, 5] as const) {
    describe(version === 4 ? '3.1.1' : '5', () => {
      const mine = playable.filter((vector) => [vector.version].flat().includes(version));

      for (const vector of mine.filter((one) => one.connected !== false)) {
        engine.case(`${vector.name} [${vector.clause}]`, async () => {
          const reason = Number(vector.expect.at(-1)!.slice(5));
          const { client, link } = await connected(engine, broker, version, optionsOf(vector, version));
          const lost = new Promise<MqttError>((resolve) => { client.once('disconnect', resolve); });
          link.send(vector.bytes);
          expect(await withSafetyNet("'disconnect'", lost)).toMatchObject({ code: 'ERR_MQTT_PROTOCOL', reasonCode: reason });
          const sent = await link.readToEnd();
          if (version === 5) {
            // Behind acknowledgements of what came before.
            const disconnect = sent.at(-1);
            expect(disconnect?.[0]).toBe(0xe0);
            expect(disconnect?.[2]).toBe(reason);
          }
          expect(sent.filter((packet) => packet[0] === 0xe0).length).toBeLessThanOrEqual(1);
        });
      }

      for (const vector of mine.filter((one) => one.connected === false)) {
        engine.case(`before CONNACK: ${vector.name} [${vector.clause}]`, async () => {
          const { link, connecting: done } = await connecting(engine, broker, version, optionsOf(vector, version));
          // Some of them begin with a good CONNACK: then it is the connection that ends and not the attempt.
          link.send(vector.bytes);
          if (vector.expect.includes('pass')) {
            await done;
          } else {
            expect(await codeOf(done)).toBe('ERR_MQTT_PROTOCOL');
          }
          await link.readToEnd();
        });
      }
    });
  }
});

it('at least 100 vectors are played', () => {
  expect(playable.length).toBeGreaterThanOrEqual(100);
});
