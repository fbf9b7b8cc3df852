/**
 * The Message Expiry Interval of a message runs while it waits on this side: what goes out says how much is left, and what has nothing
 * left never goes out. Once sent it runs no more. The seconds pass by themselves, as reconnect delays or as rounds of PINGREQ.
 */
import { afterAll, beforeAll, expect } from 'vitest';
import { forEachEngine } from '../support/engines.js';
import { outcomeOf } from '../support/outcomes.js';
import { headerSize, packetIdentifier } from '../support/packets.js';
import { readProperties } from '../support/read-connect.js';
import { ScriptedBroker } from '../support/scripted-broker.js';
import type { ScriptedLink } from '../support/scripted-broker.js';
import { connected, cut, cutAndReconnect, keeping, nextConnect } from '../support/scripted-client.js';
import type { ScriptedPair } from '../support/scripted-client.js';

let broker: ScriptedBroker;
beforeAll(async () => { broker = await ScriptedBroker.start(); });
afterAll(() => broker.stop());

/** Seconds a PUBLISH of one-letter topic says are left. */
function secondsLeft(publish: Buffer): number {
  const at = headerSize(publish) + 3 + ((publish[0]! & 6) === 0 ? 0 : 2);
  const [property] = readProperties(publish.subarray(at + 1, at + 1 + publish[at]!)).filter((text) => text.startsWith('02: '));
  return Number.parseInt(property!.slice(4), 16);
}

/** Two rounds of PINGREQ at a keep alive of one second: two seconds have passed. */
async function twoSeconds(link: ScriptedLink, { packets }: ScriptedPair): Promise<void> {
  for (let round = 0; round < 2; round += 1) {
    await link.expect('c0 00');
    link.send(packets.pingresp());
  }
}

forEachEngine((engine) => {
  engine.case('in the queue while there is no connection: less is left, or nothing is sent [MQTT-3.3.2-6]', async () => {
    const pair = await connected(engine, broker, 5, { ...keeping(5), reconnect: { initialDelay: 2200, jitter: 'none' } });
    await cut(pair);
    const outcomes = [10, 1, undefined].map((messageExpiryInterval, index) => (
      outcomeOf(pair.client.publish('t', String(index), { qos: 1, properties: { messageExpiryInterval } }))
    ));
    const { link } = await nextConnect(broker);
    link.send(pair.packets.connack(0, true));
    const first = await link.expectType(3);
    expect(secondsLeft(first)).toBeGreaterThan(0);
    expect(secondsLeft(first)).toBeLessThanOrEqual(8);
    const second = await link.expectType(3);
    expect(second.toString('latin1')).toMatch(/2$/);
    link.send(...[first, second].map((packet) => pair.packets.puback(packetIdentifier(packet)!)));
    expect(await Promise.all(outcomes)).toEqual(['ok', 'ERR_MQTT_EXPIRED', 'ok']);
    await link.barrier(5);
  });

  engine.case('behind a full window: less is left, or nothing is sent [MQTT-3.3.2-6]', async () => {
    const pair = await connected(engine, broker, 5, { keepAlive: 1 }, '21 0001');
    const { client, link, packets } = pair;
    const outcomes = [undefined, 10, 1].map((messageExpiryInterval) => outcomeOf(client.publish('t', 'x', { qos: 1, properties: { messageExpiryInterval } })));
    const held = await link.expectType(3);
    await twoSeconds(link, pair);
    link.send(packets.puback(packetIdentifier(held)!));
    const late = await link.expectType(3);
    expect(secondsLeft(late)).toBeGreaterThan(0);
    // Nearly two seconds at least: PINGREQ may come a little early.
    expect(secondsLeft(late)).toBeLessThanOrEqual(9);
    link.send(packets.puback(packetIdentifier(late)!));
    expect(await Promise.all(outcomes)).toEqual(['ok', 'ok', 'ERR_MQTT_EXPIRED']);
    await link.barrier(5);
  });

  engine.case('what was sent is finished, however old it is, also on the next connection [MQTT-4.3.3-7]', async () => {
    const pair = await connected(engine, broker, 5, { ...keeping(5), keepAlive: 1, reconnect: { initialDelay: 10, jitter: 'none' }, outgoingTopicAliases: 0 });
    const { client, link, packets } = pair;
    const outcomes = [1, 2].map(() => outcomeOf(client.publish('t', 'x', { qos: 2, properties: { messageExpiryInterval: 1 } })));
    const [first, second] = [await link.expectType(3), await link.expectType(3)];
    const [one, two] = [packetIdentifier(first)!, packetIdentifier(second)!];
    await twoSeconds(link, pair);
    link.send(packets.pubrec(one));
    await link.expect(packets.pubrel(one));
    const next = await cutAndReconnect(broker, pair, true);
    const resent = [await next.read(), await next.read()].map((packet) => packetIdentifier(packet));
    expect(resent.sort()).toEqual([one, two].sort());
    next.send(packets.pubcomp(one), packets.pubrec(two));
    await next.expect(packets.pubrel(two));
    next.send(packets.pubcomp(two));
    expect(await Promise.all(outcomes)).toEqual(['ok', 'ok']);
  });
});
