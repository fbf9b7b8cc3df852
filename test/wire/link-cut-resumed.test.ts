/**
 * As link-cut.test.ts, with a server that keeps the session and a client that reconnects: wherever the link is cut, every publish ends
 * with success in the end, and every message of QoS 2 is handed over once, in both directions. The broker is a script that remembers
 * what a server has to remember.
 */
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { forEachEngine } from '../support/engines.js';
import type { EngineUnderTest } from '../support/engines.js';
import { SOON } from '../support/events.js';
import { outcomeOf } from '../support/outcomes.js';
import { packetIdentifier } from '../support/packets.js';
import type { Packets, Version } from '../support/packets.js';
import { ScriptedBroker } from '../support/scripted-broker.js';
import type { ScriptedLink } from '../support/scripted-broker.js';
import { connected, cut, keeping, nextConnect } from '../support/scripted-client.js';
import { withSafetyNet } from '../support/waiting.js';

let broker: ScriptedBroker;
beforeAll(async () => { broker = await ScriptedBroker.start(); });
afterAll(() => broker.stop());

/** The packets of the client in the whole exchange, as in link-cut.test.ts. */
const PACKETS = 9;
const [ONE, TWO] = [100, 101];

/** What a server knows of one session. */
class Session {
  /** Messages of QoS 2 taken from the client, once each. */
  taken = 0;
  readonly #unreleased = new Set<number>();
  #one: 'sent' | 'done' = 'sent';
  #two: 'sent' | 'received' | 'done' = 'sent';
  readonly done: Promise<void>;
  #resolve: () => void = () => undefined;

  constructor(readonly packets: Packets) {
    this.done = new Promise((resolve) => { this.#resolve = resolve; });
  }

  /** What the server sends at the start of a connection: everything it has no answer to. */
  owed(dup: boolean): Buffer[] {
    const { packets } = this;
    return [
      ...(this.#one === 'sent' ? [packets.publish({ topic: 'in', payload: 'one', qos: 1, id: ONE, dup })] : []),
      ...(this.#two === 'sent' ? [packets.publish({ topic: 'in', payload: 'two', qos: 2, id: TWO, dup })] : []),
      ...(this.#two === 'received' ? [packets.pubrel(TWO)] : []),
    ];
  }

  /** Takes a packet; returns its answer. */
  take(packet: Buffer): Buffer | undefined {
    const { packets } = this;
    const id = packetIdentifier(packet) ?? 0;
    switch (packet[0]! >> 4) {
      case 3:
        if ((packet[0]! & 6) === 2) return packets.puback(id);
        if (!this.#unreleased.has(id)) this.taken += 1;
        this.#unreleased.add(id);
        return packets.pubrec(id);
      case 4: this.#one = 'done'; break;
      case 5: this.#two = 'received'; return packets.pubrel(id);
      case 6: this.#unreleased.delete(id); return packets.pubcomp(id);
      case 7: this.#two = 'done'; break;
      case 8: return packets.suback(id, [1]);
      default:
    }
    if (this.#one === 'done' && this.#two === 'done') this.#resolve();
    return undefined;
  }
}

/** Answers everything until the link ends. */
async function serve(link: ScriptedLink, session: Session): Promise<void> {
  for (;;) {
    const answer = session.take(await link.read());
    if (answer !== undefined) link.send(answer);
  }
}

async function exchange(engine: EngineUnderTest, version: Version, count: number, answerLast: boolean): Promise<void> {
  const where = `cut ${answerLast ? 'after' : 'before'} the answer to packet ${count}`;
  const pair = await connected(engine, broker, version, { ...keeping(version), reconnect: SOON });
  const { client, link, packets } = pair;
  const session = new Session(packets);
  const texts: string[] = [];
  client.on('message', (message) => { texts.push(message.text()); });
  const outcomes = [
    client.publish('one', 'x', { qos: 1 }), client.publish('two', 'x', { qos: 2 }), client.publish('two', 'y', { qos: 2 }),
  ].map((promise) => outcomeOf(promise));
  const subscribing = outcomeOf(client.subscribe('s', { qos: 1 }));
  link.send(...session.owed(false));
  for (let index = 1; index <= count; index += 1) {
    const answer = session.take(await link.read());
    if (answer !== undefined && (index < count || answerLast)) link.send(answer);
  }
  await cut(pair);
  const { link: next } = await nextConnect(broker);
  next.send(packets.connack(0, true), ...session.owed(true));
  const serving = serve(next, session).catch(() => undefined);
  expect(await Promise.all(outcomes), where).toEqual(['ok', 'ok', 'ok']);
  expect(await subscribing, where).toMatch(/^(ok|ERR_MQTT_CONNECTION_LOST)$/);
  await withSafetyNet(`the answers, ${where}`, session.done);
  expect(session.taken, where).toBe(2);
  expect(texts.filter((text) => text === 'two'), where).toEqual(['two']);
  expect(texts.filter((text) => text === 'one').length, where).toBeGreaterThanOrEqual(1);
  client.destroy();
  await serving;
}

forEachEngine((engine) => {
  for (const version of [4, 5] as const) {
    describe(version === 4 ? '3.1.1' : '5', () => {
      for (const answerLast of [false, true]) {
        engine.case(`the link is cut ${answerLast ? 'after' : 'before'} the answer to each packet in turn, and nothing is lost or doubled`, async () => {
          for (let count = 0; count <= PACKETS; count += 1) {
            await exchange(engine, version, count, answerLast);
          }
        });
      }
    });
  }
});
