/**
 * A publisher whose connection is cut again and again, at packets a seeded generator chooses, and a subscriber whose connection is cut now
 * and then. Whatever was acknowledged
 * to the publisher has arrived at the subscriber, at QoS 2 once, and in order; and every promise has settled.
 */
import { describe, expect } from 'vitest';
import type { ClientOptions } from 'mqtt-native';
import { forEachEngine, upTo } from '../support/engines.js';
import { SOON } from '../support/events.js';
import { LinkProxy } from '../support/link-proxy.js';
import type { Verdict } from '../support/link-proxy.js';
import { outcomeOf } from '../support/outcomes.js';
import { freshTopic, startServers } from '../support/servers.js';
import { Inbox } from '../support/waiting.js';

const servers = startServers();
const MESSAGES = 1500;

/** The same numbers for the same seed, from 0 up to 1. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = Math.imul(state, 1_103_515_245) + 12_345 & 0x7fff_ffff;
    return state / 0x8000_0000;
  };
}

/** Cuts after `least` to `most` packets of both directions, before or behind the packet. */
function cutting(random: () => number, least: number, most: number): () => Verdict {
  const next = (): number => least + Math.floor(random() * (most - least));
  let left = next();
  return () => {
    left -= 1;
    if (left > 0) return 'pass';
    left = next();
    return random() < 0.5 ? 'cut' : 'cut-after';
  };
}

forEachEngine((engine) => {
  for (const version of [4, 5] as const) {
    const keeping = (): Partial<ClientOptions> => ({
      protocolVersion: version, clientId: freshTopic(engine).replace(/\W/g, ''), cleanStart: false, reconnect: { ...SOON, initial: true },
      ...(version === 5 ? { sessionExpiryInterval: 1000 } : {}),
    });

    describe(version === 4 ? 'Mosquitto, 3.1.1' : 'Mosquitto, 5', () => {
      for (const [qos, seed] of [[1, 1], [1, 2], [2, 3], [2, 4]] as const) {
        engine.case(`QoS ${qos}, seed ${seed}: nothing acknowledged is lost, order is kept${qos === 2 ? ', nothing arrives twice' : ''}`, async () => {
          const topic = freshTopic(engine);
          const random = generator(seed);
          const [before, behind] = [await LinkProxy.before(servers.mosquitto.url), await LinkProxy.before(servers.mosquitto.url)];
          const subscriber = await engine.connected(behind.url, keeping());
          const publisher = await engine.connected(before.url, { ...keeping(), operationTimeout: 0 });
          const got: number[] = [];
          const arrived = new Inbox<number>('a message');
          await subscriber.subscribe(topic, { qos }, async (message) => {
            const number = Number(message.text());
            if (!got.includes(number)) arrived.push(number);
            got.push(number);
            // Not sooner again: Mosquitto 2.0 forgets a PUBREC when its PUBREL could not leave on the next connection, and delivers twice.
            if (got.length % 400 === 0) behind.cut();
            if (random() < 0.05) await new Promise((resolve) => { setImmediate(resolve); });
          });
          before.onPacket = cutting(random, 250, 600);
          const outcomes: Promise<string>[] = [];
          for (const number of upTo(MESSAGES)) {
            outcomes.push(outcomeOf(publisher.publish(topic, String(number), { qos })));
            if (number % 20 === 0) await new Promise((resolve) => { setImmediate(resolve); });
          }
          expect((await Promise.all(outcomes)).filter((outcome) => outcome !== 'ok')).toEqual([]);
          const first = await arrived.take(MESSAGES);
          expect(first).toEqual(upTo(MESSAGES));
          if (qos === 2) expect(got.length).toBe(MESSAGES);
          expect([publisher, subscriber].map(({ stats }) => stats.reconnections > 2)).toEqual([true, true]);
        }, { timeout: 60_000 });
      }
    });
  }
});
