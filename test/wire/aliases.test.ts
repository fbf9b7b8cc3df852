/**
 * Topic Aliases: a number in place of a topic's text, good for one connection and one direction, never above what the other side allows.
 * The broker is a script that reads topic and alias of each PUBLISH.
 */
import { afterAll, beforeAll, expect } from 'vitest';
import type { ClientOptions } from 'mqtt-native';
import { forEachEngine, messagesOf } from '../support/engines.js';
import { outcomeOf } from '../support/outcomes.js';
import { headerSize, packetIdentifier } from '../support/packets.js';
import type { Bytes } from '../support/packets.js';
import { readProperties } from '../support/read-connect.js';
import { ScriptedBroker } from '../support/scripted-broker.js';
import type { ScriptedLink } from '../support/scripted-broker.js';
import { connected, cutAndReconnect, keeping } from '../support/scripted-client.js';
import type { ScriptedPair } from '../support/scripted-client.js';
import { SOON } from '../support/events.js';

let broker: ScriptedBroker;
beforeAll(async () => { broker = await ScriptedBroker.start(); });
afterAll(() => broker.stop());

/** `topic #alias payload`; no alias is no number. */
function read(publish: Buffer): string {
  let at = headerSize(publish);
  const size = publish.readUInt16BE(at);
  const topic = publish.subarray(at + 2, at + 2 + size).toString();
  at += 2 + size + ((publish[0]! & 6) === 0 ? 0 : 2);
  const properties = readProperties(publish.subarray(at + 1, at + 1 + publish[at]!));
  const alias = properties.filter((text) => text.startsWith('23: ')).map((text) => `#${Number.parseInt(text.slice(4), 16)}`);
  return [topic, ...alias, publish.subarray(at + 1 + publish[at]!).toString()].join(' ');
}

async function readAll(link: ScriptedLink, count: number): Promise<string[]> {
  const found: string[] = [];
  while (found.length < count) {
    found.push(read(await link.expectType(3)));
  }
  return found;
}

const A = 'the/first/topic/of/some/length';
const B = 'the/second/topic/of/some/length';
const C = 'the/third/topic/of/some/length';

/** A, A, B, A, C, C, B as QoS 0. */
async function publishSeven({ client }: ScriptedPair): Promise<void> {
  await Promise.all([A, A, B, A, C, C, B].map((topic, index) => client.publish(topic, String(index))));
}

forEachEngine((engine) => {
  const start = (options: Partial<ClientOptions>, connack?: Bytes): Promise<ScriptedPair> => connected(engine, broker, 5, options, connack);

  engine.case('the topic and its alias first, then the alias alone, and never one above the server\'s maximum [MQTT-3.2.2-17] [MQTT-3.3.2-9]', async () => {
    const pair = await start({}, '22 0002');
    await publishSeven(pair);
    expect(await readAll(pair.link, 7)).toEqual([`${A} #1 0`, ' #1 1', `${B} #2 2`, ' #1 3', `${C} 4`, `${C} 5`, ' #2 6']);
  });

  engine.case('none where the server says nothing of them, or 0 [MQTT-3.2.2-18]', async () => {
    for (const connack of ['', '22 0000']) {
      const pair = await start({}, connack);
      await publishSeven(pair);
      expect(await readAll(pair.link, 7)).toEqual([`${A} 0`, `${A} 1`, `${B} 2`, `${A} 3`, `${C} 4`, `${C} 5`, `${B} 6`]);
    }
  });

  engine.case('outgoingTopicAliases lowers their number, 0 means none', async () => {
    const one = await start({ outgoingTopicAliases: 1 }, '22 ffff');
    await publishSeven(one);
    expect(await readAll(one.link, 7)).toEqual([`${A} #1 0`, ' #1 1', `${B} 2`, ' #1 3', `${C} 4`, `${C} 5`, `${B} 6`]);
    const none = await start({ outgoingTopicAliases: 0 }, '22 ffff');
    await publishSeven(none);
    expect(await readAll(none.link, 7)).toEqual([`${A} 0`, `${A} 1`, `${B} 2`, `${A} 3`, `${C} 4`, `${C} 5`, `${B} 6`]);
  });

  engine.case('16 unless told otherwise, each number once', async () => {
    const pair = await start({}, '22 ffff');
    await Promise.all(Array.from({ length: 40 }, (_, index) => pair.client.publish(`a/topic/of/some/length/${index % 20}`, 'x')));
    const seen = await readAll(pair.link, 40);
    expect(seen.slice(0, 16).map((text) => text.split(' ')[1])).toEqual(Array.from({ length: 16 }, (_, index) => `#${index + 1}`));
    expect(seen.slice(16, 20).every((text) => !text.includes('#'))).toBe(true);
    expect(seen.slice(20, 36)).toEqual(Array.from({ length: 16 }, (_, index) => ` #${index + 1} x`));
  });

  engine.case('messages of each QoS, with properties of their own beside the alias', async () => {
    const { client, link, packets } = await start({}, '22 0005');
    const outcomes = ([0, 1, 2, 1] as const).map((qos, index) => (
      outcomeOf(client.publish(A, String(index), { qos, properties: { contentType: 'text/plain', userProperties: [['k', 'v']] } }))
    ));
    const seen = [await link.expectType(3), await link.expectType(3), await link.expectType(3), await link.expectType(3)];
    expect(seen.map(read)).toEqual([`${A} #1 0`, ' #1 1', ' #1 2', ' #1 3']);
    for (const publish of seen) {
      const text = publish.toString('latin1');
      expect(text).toContain('\x03\0\x0atext/plain');
      expect(text).toContain('&\0\x01k\0\x01v');
    }
    const [, one, two, three] = seen.map((publish) => packetIdentifier(publish)!);
    link.send(packets.puback(one!), packets.pubrec(two!), packets.puback(three!));
    await link.expect(packets.pubrel(two!));
    link.send(packets.pubcomp(two!));
    expect(await Promise.all(outcomes)).toEqual(Array(4).fill('ok'));
  });

  engine.case('the next connection begins without them, and what is sent again has its topic [MQTT-3.3.2-7]', async () => {
    const pair = await start({ ...keeping(5), reconnect: SOON }, '22 0005');
    const outcomes = ['0', '1', '2'].map((payload) => outcomeOf(pair.client.publish(A, payload, { qos: 1 })));
    const sent = [await pair.link.expectType(3), await pair.link.expectType(3), await pair.link.expectType(3)];
    expect(sent.map(read)).toEqual([`${A} #1 0`, ' #1 1', ' #1 2']);
    // Without any on the next one: nothing may count on an alias of the last.
    const next = await cutAndReconnect(broker, pair, true);
    const resent = [await next.expectType(3), await next.expectType(3), await next.expectType(3)];
    expect(resent.map(read)).toEqual([`${A} 0`, `${A} 1`, `${A} 2`]);
    expect(resent.map((publish) => publish[0])).toEqual([0x3a, 0x3a, 0x3a]);
    expect(resent.map(packetIdentifier)).toEqual(sent.map(packetIdentifier));
    await cutAndReconnect(broker, pair, true, '22 0001');
    // Now with one: a topic that comes as an alias must have come as text on this connection before.
    const third = [await pair.link.expectType(3), await pair.link.expectType(3), await pair.link.expectType(3)];
    const [first, ...rest] = third.map(read);
    expect(first!.startsWith(A)).toBe(true);
    expect(rest.every((text) => text.startsWith(A) || (first!.includes('#1') && text.startsWith(' #1')))).toBe(true);
    pair.link.send(...third.map((publish) => pair.packets.puback(packetIdentifier(publish)!)));
    expect(await Promise.all(outcomes)).toEqual(['ok', 'ok', 'ok']);
  });

  engine.case('every alias up to the maximum announced is taken [MQTT-3.3.2-10]', async () => {
    for (const maximum of [16, 300]) {
      const { client, link, packets } = await start({ topicAliasMaximum: maximum });
      const messages = messagesOf(client);
      const alias = (number: number): string => `23 ${number.toString(16).padStart(4, '0')}`;
      const all = Array.from({ length: maximum }, (_, index) => index + 1);
      link.send(...all.map((number) => packets.publish({ topic: `topic/${number}`, properties: alias(number) })));
      link.send(...all.map((number) => packets.publish({ topic: '', properties: alias(number) })));
      const topics = (await messages.take(2 * maximum)).map((message) => message.topic);
      expect(topics).toEqual([...all, ...all].map((number) => `topic/${number}`));
    }
  });
});
