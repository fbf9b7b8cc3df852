/**
 * Large messages arrive as they were sent, wherever the stream is cut and whatever stands before and behind them: a large packet is read to
 * another place than a small one. Every byte is compared when all have come, and again later: one may have been written over.
 */
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { Certificates } from '../support/certificates.js';
import { forEachEngine, messagesOf, upTo } from '../support/engines.js';
import { field, packetsOf, variableByteInteger } from '../support/packets.js';
import type { Version } from '../support/packets.js';
import { ScriptedBroker } from '../support/scripted-broker.js';
import type { ScriptedLink } from '../support/scripted-broker.js';
import { connected } from '../support/scripted-client.js';
import type { ClientOptions, Message } from 'mqtt-native';

const KIB = 1024;
const MIB = 1024 * KIB;
/** Around every size at which something else happens to a packet: less than its header, and more. */
const EDGES = [4 * KIB, 64 * KIB, 128 * KIB, 256 * KIB, 512 * KIB, MIB];
const SIZES = [0, 1, 100, ...EDGES.flatMap((edge) => [edge - 60, edge - 9, edge, edge + 1, edge + 5000])];

let certificates: Certificates;
let plain: ScriptedBroker;
let secure: ScriptedBroker;
beforeAll(async () => {
  certificates = new Certificates();
  plain = await ScriptedBroker.start();
  secure = await ScriptedBroker.start({ tls: { cert: certificates.server.cert, key: certificates.server.key } });
});
afterAll(async () => {
  await plain.stop();
  await secure.stop();
  certificates.remove();
});

/** The same numbers for the same seed, from 0 to below `limit`. */
function generator(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = Math.imul(state, 1_103_515_245) + 12_345 & 0x7fff_ffff;
    return Math.floor(state / 0x8000_0000 * limit);
  };
}

/** Payloads are stretches of it, each from another place: one that has a byte of another, or lost one, differs. */
const block = Uint8Array.from({ length: 65_521 }, (_, at) => (at * 167 + (at >> 8) * 59 + (at >> 4)) & 0xff);
const noise = Buffer.alloc(17 * MIB + 1000, block);
const payloadOf = (index: number, size: number): Buffer => noise.subarray(index * 7 % 997, index * 7 % 997 + size);

/** A user property of about so many bytes. */
function userProperty(size: number): Buffer {
  return Buffer.concat([Buffer.from([38]), field('name'), field('v'.repeat(size))]);
}

interface Sent {
  topic: string;
  size: number;
  qos: 0 | 1 | 2;
  properties: Buffer;
}

/** Every size at every QoS, in an order that puts each kind of packet behind each other one. */
function mixed(random: (limit: number) => number, version: Version, sizes: readonly number[]): Sent[] {
  const all = sizes.flatMap((size) => ([0, 1, 2] as const).map((qos): Sent => {
    const kind = random(8);
    const properties = version === 4 || kind < 5 ? Buffer.alloc(0) : userProperty([20, 5000, 40_000][kind - 5]!);
    return { topic: random(6) === 0 ? 'long/'.repeat(1000 + random(50)) : `topic/${random(3)}`, size, qos, properties };
  }));
  for (let at = all.length - 1; at > 0; at -= 1) {
    const other = random(at + 1);
    [all[at], all[other]] = [all[other]!, all[at]!];
  }
  return all;
}

const bytesOf = (sent: readonly Sent[], version: Version): Buffer[] => sent.map(({ topic, size, qos, properties }, index) => (
  packetsOf(version).publish({ topic, payload: payloadOf(index, size), qos, id: index + 1, properties })
));

/** What differs, in words: the payloads are too large to be shown. */
function differences(messages: readonly Message[], sent: readonly Sent[]): string[] {
  return sent.flatMap(({ topic, size, qos, properties }, index) => {
    const message = messages[index];
    if (message === undefined) return [`message ${index} is missing`];
    const wrong = [
      ...(message.topic === topic ? [] : ['topic']),
      ...(message.qos === qos ? [] : ['QoS']),
      ...(message.payload.equals(payloadOf(index, size)) ? [] : ['payload']),
      ...((message.properties.userProperties?.[0]?.[1].length ?? 0) === Math.max(0, properties.length - 9) ? [] : ['properties']),
    ];
    return wrong.length === 0 ? [] : [`message ${index} of ${size} bytes, QoS ${qos}: ${wrong.join(', ')}`];
  });
}

/** In pieces that `next` gives the sizes of; each is written when the kernel has the one before it. */
async function sendInPieces(link: ScriptedLink, stream: Buffer, next: () => number): Promise<void> {
  for (let at = 0; at < stream.length;) {
    const piece = stream.subarray(at, at + next());
    at += piece.length;
    await new Promise<void>((resolve) => { link.socket.write(piece, () => { setImmediate(resolve); }); });
  }
}

forEachEngine((engine) => {
  for (const version of [4, 5] as const) {
    for (const transport of ['plain', 'TLS'] as const) {
      const start = async () => {
        const options: Partial<ClientOptions> = transport === 'plain' ? {} : { tls: { ca: certificates.authority.cert } };
        return connected(engine, transport === 'plain' ? plain : secure, version, options);
      };

      describe(`${version === 4 ? '3.1.1' : '5'}, ${transport}`, () => {
        for (const seed of upTo(3)) {
          engine.case(`all sizes and QoS mixed, cut anywhere, seed ${seed}: every byte arrives, answered in order`, async () => {
            const { client, link, packets } = await start();
            const messages = messagesOf(client);
            const random = generator(seed);
            const sent = mixed(random, version, SIZES);
            const pieces = [10, 3000, 5000, 64 * KIB, 70_000, 300_000, 2 * MIB];
            await sendInPieces(link, Buffer.concat(bytesOf(sent, version)), () => 1 + random(pieces[random(pieces.length)]!));
            const got = await messages.take(sent.length);
            expect(differences(got, sent)).toEqual([]);
            await link.expect(...sent.flatMap(({ qos }, index) => [[], [packets.puback(index + 1)], [packets.pubrec(index + 1)]][qos]!));
            expect(differences(got, sent)).toEqual([]);
          }, { timeout: 60_000 });
        }

        engine.case('a large packet behind a large one, cut at every place of the head between them', async () => {
          const { client, link } = await start();
          const messages = messagesOf(client);
          const properties = version === 5 ? userProperty(8) : Buffer.alloc(0);
          const sent = upTo(3).map((index): Sent => ({ topic: 'a/topic', size: 70_000 + index, qos: index === 1 ? 0 : 1, properties }));
          const packets = bytesOf(sent, version);
          const stream = Buffer.concat(packets);
          const second = packets[0]!.length;
          for (const place of upTo(60)) {
            const sizes = [second - 10 + place, 1, stream.length];
            await sendInPieces(link, stream, () => sizes.shift()!);
            const got = await messages.take(3);
            expect(differences(got, sent), `cut ${place - 10} bytes behind the end of the first`).toEqual([]);
          }
        });

        engine.case('messages of 16 MiB and a byte more or less, small ones between them', async () => {
          const { client, link } = await start();
          const messages = messagesOf(client);
          const sizes = [16 * MIB, 10, 16 * MIB - 1, 16 * MIB + 1, 70_000, 17 * MIB, 0];
          const sent = sizes.map((size, index): Sent => ({ topic: 't', size, qos: index % 2 === 0 ? 1 : 0, properties: Buffer.alloc(0) }));
          link.send(...bytesOf(sent, version));
          const got = await messages.take(sent.length);
          expect(differences(got, sent)).toEqual([]);
        }, { timeout: 60_000 });
      });
    }
  }

  engine.case('a topic longer than a read in front of a payload of more than 16 MiB, much or little of it there at once', async () => {
    const { client, link } = await connected(engine, plain, 5);
    const messages = messagesOf(client);
    const random = generator(5);
    const sizes = [70_000, 17 * MIB, 10, 17 * MIB, 300_000, 17 * MIB];
    const sent = sizes.map((size, index): Sent => ({ topic: 'long/'.repeat(900 + 2000 * index), size, qos: index < 3 ? 0 : 1, properties: userProperty(30_000) }));
    for (const most of [6000, 3 * MIB]) {
      let small = 40;   // of each stretch that is cut small: more than a topic
      await sendInPieces(link, Buffer.concat(bytesOf(sent, 5)), () => {
        small = small === 0 ? 40 : small - 1;
        return 1 + random(small === 0 ? 12 * MIB : most);
      });
      const got = await messages.take(sent.length);
      expect(differences(got, sent)).toEqual([]);
    }
  }, { timeout: 60_000 });

  engine.case('properties of more than 16 MiB in front of a large payload', async () => {
    const { client, link, packets } = await connected(engine, plain, 5);
    const messages = messagesOf(client);
    const count = 280;
    const properties = Buffer.concat(upTo(count).map(() => userProperty(65_000)));
    const payload = payloadOf(1, 16 * MIB);
    const announced = packets.publish({ topic: 't', payload, properties });
    expect(variableByteInteger(properties.length).length + properties.length).toBeGreaterThan(17 * MIB);
    await sendInPieces(link, announced, () => MIB);
    const [message] = await messages.take(1);
    expect(message!.payload.equals(payload)).toBe(true);
    expect(message!.properties.userProperties).toHaveLength(count);
  }, { timeout: 60_000 });

  engine.case('who falls behind a stream of large messages gets all of them', async () => {
    const { client, link, packets } = await connected(engine, plain, 5);
    const subscribing = client.subscribe('#', { qos: 1 });
    link.send(packets.suback((await link.expectType(8)).readUInt16BE(2), [1]));
    const subscription = await subscribing;
    const random = generator(9);
    const sent = upTo(120).map((): Sent => ({ topic: 't', size: [100, 60_000, 300_000, 700_000][random(4)]!, qos: 1, properties: Buffer.alloc(0) }));
    const sending = sendInPieces(link, Buffer.concat(bytesOf(sent, 5)), () => 400_000);
    const kept: Message[] = [];
    for await (const message of subscription) {
      kept.push(message);
      if (kept.length === sent.length) break;
      if (kept.length % 3 === 0) await new Promise((resolve) => { setTimeout(resolve, 2); });
    }
    await sending;
    expect(differences(kept, sent)).toEqual([]);
    await link.expect(...sent.map((_, index) => packets.puback(index + 1)));
  }, { timeout: 60_000 });

  engine.case('a server that announces 256 MB on each of ten connections, and sends no more, gets no memory for it', async () => {
    const before = process.memoryUsage().rss;
    const links = await Promise.all(upTo(10).map(async () => connected(engine, plain, 5)));
    for (const { link } of links) {
      link.send(Buffer.from([0x30]), variableByteInteger(268_435_455), field('t'), Buffer.from([0]), Buffer.alloc(1000));
    }
    // Behind it on the wire of another connection: by then the announcements were read, for one thread reads all in order of arrival.
    const { client, link, packets } = await connected(engine, plain, 5);
    const messages = messagesOf(client);
    for (const id of upTo(20)) {
      link.send(packets.publish({ topic: 't', qos: 1, id: id + 1, payload: 'x' }));
      await messages.take(1);
    }
    expect((process.memoryUsage().rss - before) / MIB).toBeLessThan(64);
  });
});
