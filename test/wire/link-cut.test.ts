/**
 * The broker cuts the link after every single packet of a longer exchange, once before and once after it has answered. Every promise that
 * was open must end exactly once, with success if its answer had come and else with ERR_MQTT_CONNECTION_LOST, and the client must be able
 * to connect again.
 */
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { forEachEngine } from '../support/engines.js';
import type { EngineUnderTest } from '../support/engines.js';
import { outcomeOf } from '../support/outcomes.js';
import { packetIdentifier } from '../support/packets.js';
import type { Packets, Version } from '../support/packets.js';
import { ScriptedBroker } from '../support/scripted-broker.js';
import { connected } from '../support/scripted-client.js';
import { Inbox } from '../support/waiting.js';

let broker: ScriptedBroker;
beforeAll(async () => { broker = await ScriptedBroker.start(); });
afterAll(() => broker.stop());

/** What a broker answers to a packet, or nothing. */
function answerTo(packet: Buffer, packets: Packets): Buffer | undefined {
  const id = packetIdentifier(packet) ?? 0;
  switch (packet[0]! >> 4) {
    case 3: return (packet[0]! & 6) === 2 ? packets.puback(id) : packets.pubrec(id);
    case 5: return packets.pubrel(id);
    case 6: return packets.pubcomp(id);
    case 8: return packets.suback(id, [1]);
    case 10: return packets.unsuback(id, [0]);
    default: return undefined;
  }
}

/** The packets the client sends in the whole exchange: 4 requests, 2 PUBREL, and PUBACK, PUBREC, PUBCOMP for two messages of the broker. */
const PACKETS = 9;

/** Cuts when `count` packets have come, before or after answering the last one. Returns how each promise ended. */
async function exchange(engine: EngineUnderTest, version: Version, count: number, answerLast: boolean): Promise<void> {
  const { client, link, packets } = await connected(engine, broker, version);
  const disconnects = Inbox.of<string, [{ code: string }]>(client, 'disconnect', (error) => error.code);
  let settled = 0;
  const requests = [
    client.publish('one', 'x', { qos: 1 }), client.publish('two', 'x', { qos: 2 }), client.publish('two', 'y', { qos: 2 }), client.subscribe('s', { qos: 1 }),
  ].map((promise: Promise<unknown>) => outcomeOf(promise.finally(() => { settled += 1; })));
  link.send(packets.publish({ topic: 'in', qos: 1, id: 100 }), packets.publish({ topic: 'in', qos: 2, id: 101 }));
  for (let index = 1; index <= count; index += 1) {
    const answer = answerTo(await link.read(), packets);
    if (answer !== undefined && (index < count || answerLast)) {
      link.send(answer);
    }
  }
  // FIN and not RST: an answer that was sent still arrives.
  link.end();
  const where = `cut ${answerLast ? 'after' : 'before'} the answer to packet ${count}`;
  expect(await disconnects.next(), where).toBe('ERR_MQTT_CONNECTION_LOST');
  const outcomes = await Promise.all(requests);
  expect(settled, where).toBe(requests.length);
  expect(outcomes.filter((outcome) => outcome !== 'ok' && outcome !== 'ERR_MQTT_CONNECTION_LOST'), where).toEqual([]);
  if (count === PACKETS && answerLast) {
    expect(outcomes, where).toEqual(Array(4).fill('ok'));
  }
  if (count <= 1) {
    expect(outcomes.filter((outcome) => outcome === 'ok').length, where).toBeLessThanOrEqual(1);
  }
  expect(disconnects.waiting, where).toBe(0);
  const again = client.connect();
  const second = await broker.accept();
  await second.expectType(1);
  second.send(packets.connack());
  await again;
  client.destroy();
}

forEachEngine((engine) => {
  for (const version of [4, 5] as const) {
    describe(version === 4 ? '3.1.1' : '5', () => {
      for (const answerLast of [false, true]) {
        engine.case(`the link is cut ${answerLast ? 'after' : 'before'} the answer to each packet in turn`, async () => {
          for (let count = 0; count <= PACKETS; count += 1) {
            await exchange(engine, version, count, answerLast);
          }
        });
      }

      engine.case('the link is reset while 200 messages are under way', async () => {
        const { client, link, packets } = await connected(engine, broker, version);
        const requests = Array.from({ length: 200 }, (_, index) => outcomeOf(client.publish('t', 'x', { qos: index % 2 === 0 ? 1 : 2 })));
        for (let index = 0; index < 50; index += 1) {
          link.send(answerTo(await link.read(), packets)!);
        }
        link.cut();
        const outcomes = await Promise.all(requests);
        expect([...new Set(outcomes)].sort().every((outcome) => outcome === 'ok' || outcome === 'ERR_MQTT_CONNECTION_LOST')).toBe(true);
        expect(outcomes.filter((outcome) => outcome === 'ERR_MQTT_CONNECTION_LOST').length).toBeGreaterThanOrEqual(100);
      });

      engine.case('the link is cut in the middle of an incoming message: it is not delivered', async () => {
        const { client, link, packets } = await connected(engine, broker, version);
        const texts: string[] = [];
        client.on('message', (message) => { texts.push(message.text()); });
        const lost = new Promise<{ code: string }>((resolve) => { client.once('disconnect', resolve); });
        const half = packets.publish({ topic: 't', payload: 'half of it', qos: 1, id: 2 });
        link.send(packets.publish({ topic: 't', payload: 'whole', qos: 1, id: 1 }), half.subarray(0, half.length - 3));
        await link.expect(packets.puback(1));
        link.end();
        expect((await lost).code).toBe('ERR_MQTT_CONNECTION_LOST');
        expect(texts).toEqual(['whole']);
      });
    });
  }
});
