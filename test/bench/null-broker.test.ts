/**
 * The null broker decides whether a benchmark lost a message, so it is tested itself: each kind of fault it must see is made on purpose,
 * and each thing it does for a benchmark is checked. It runs with AddressSanitizer and UndefinedBehaviorSanitizer, which end it at the
 * first error.
 */
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { field, packet, uint16 } from '../support/packets.js';
import { withSafetyNet } from '../support/waiting.js';
import { buildNullBroker, startNullBroker } from './null-broker.mjs';
import type { NullBroker } from './null-broker.mjs';
import { makeComparer, makePayload, makeStampedPayload } from './payload.mjs';

interface Incoming {
  first: number;
  body: Buffer;
}

interface Message {
  topic: string;
  qos: number;
  id: number;
  payload: Buffer;
}

/** A client of bytes and nothing else. */
class Raw {
  #socket: Socket;
  #buffer = Buffer.alloc(0);
  #wake: (() => void) | undefined;
  closed = false;

  private constructor(socket: Socket, readonly version: 4 | 5) {
    this.#socket = socket;
    socket.on('data', (bytes) => {
      this.#buffer = this.#buffer.length === 0 ? bytes : Buffer.concat([this.#buffer, bytes]);
      this.#wake?.();
    });
    socket.on('error', () => undefined); // 'close' follows
    socket.on('close', () => {
      this.closed = true;
      this.#wake?.();
    });
  }

  /** `properties` are those of CONNECT. */
  static async connect(port: number, version: 4 | 5 = 4, properties: Buffer = Buffer.alloc(0), ca?: string): Promise<Raw> {
    const socket = ca === undefined ? connect(port, '127.0.0.1') : connectTls({ port, host: '127.0.0.1', ca });
    const raw = new Raw(socket, version);
    const props = version === 5 ? Buffer.concat([Buffer.from([properties.length]), properties]) : '';
    raw.send(packet(0x10, field('MQTT'), Buffer.from([version, 2, 0, 60]), props, field('c')));
    const connack = await raw.next();
    expect([connack.first, connack.body[0], connack.body[1]]).toEqual([0x20, 0, 0]);
    return raw;
  }

  send(...parts: Buffer[]): void {
    this.#socket.write(Buffer.concat(parts));
  }

  end(): void {
    this.#socket.destroy();
  }

  /** The next packet. */
  async next(): Promise<Incoming> {
    for (;;) {
      const found = this.#whole();
      if (found !== undefined) return found;
      if (this.closed) throw new Error('the null broker closed the connection');
      await withSafetyNet('a packet', new Promise<void>((resolve) => { this.#wake = resolve; }));
    }
  }

  async untilClosed(): Promise<void> {
    while (!this.closed) await withSafetyNet('the end of the connection', new Promise<void>((resolve) => { this.#wake = resolve; }));
  }

  #whole(): Incoming | undefined {
    let length = 0;
    for (let at = 1, shift = 0; at < this.#buffer.length; at++, shift += 7) {
      const byte = this.#buffer[at]!;
      length |= (byte & 127) << shift;
      if (byte < 128) {
        if (this.#buffer.length < at + 1 + length) return undefined;
        const found = { first: this.#buffer[0]!, body: this.#buffer.subarray(at + 1, at + 1 + length) };
        this.#buffer = this.#buffer.subarray(at + 1 + length);
        return found;
      }
    }
    return undefined;
  }

  publish(topic: string, payload: Buffer, qos = 0, id = 1, first = 0x30): Buffer {
    return packet(first | qos << 1, field(topic), qos > 0 ? uint16(id) : '', this.version === 5 ? '00' : '', payload);
  }

  /** Subscribes and takes the SUBACK. */
  async subscribe(filter: string, qos = 0): Promise<number> {
    this.send(packet(0x82, uint16(1), this.version === 5 ? '00' : '', field(filter), Buffer.from([qos])));
    const suback = await this.next();
    expect(suback.first).toBe(0x90);
    return suback.body.at(-1)!;
  }

  async message(): Promise<Message> {
    const { first, body } = await this.next();
    expect(first >> 4).toBe(3);
    const qos = first >> 1 & 3, length = body.readUInt16BE(0);
    const at = 2 + length + (qos > 0 ? 2 : 0);
    return {
      topic: body.toString('utf8', 2, 2 + length), qos, id: qos > 0 ? body.readUInt16BE(at - 2) : 0,
      payload: body.subarray(at + (this.version === 5 ? 1 : 0)),
    };
  }

  /** The counters of this connection. */
  async report(): Promise<Record<string, number>> {
    await this.subscribe('report');
    return (JSON.parse((await this.message()).payload.toString()) as { connection: Record<string, number> }).connection;
  }
}

const sanitized = ['-g', '-fsanitize=address,undefined', '-fno-sanitize-recover=undefined'];

function stampedPayload(size: number, sequence: number): Buffer {
  const { payload, stamp } = makeStampedPayload(size);
  stamp(sequence);
  return payload;
}

describe.skipIf(process.platform !== 'linux')('null broker (epoll: Linux only)', () => {
  let program: string;
  let broker: NullBroker;
  const clients: Raw[] = [];

  const client = async (version: 4 | 5 = 4, properties?: Buffer): Promise<Raw> => {
    const made = await Raw.connect(broker.port, version, properties);
    clients.push(made);
    return made;
  };

  beforeAll(async () => {
    program = await buildNullBroker({ extraFlags: sanitized });
  });
  beforeEach(async () => {
    broker = await startNullBroker(program, ['--receive-maximum', '10', '--topic-alias-maximum', '5']);
  });
  afterEach(async () => {
    for (const each of clients.splice(0)) each.end();
    await broker.stop(); // rejects when a sanitizer found something
  });

  test('messages in order and unchanged leave no fault in the report', async () => {
    const raw = await client();
    raw.send(...[0, 1, 2].map((sequence) => raw.publish('bench/t', stampedPayload(64, sequence))));
    expect(await raw.report()).toMatchObject({
      messages: 3, bytes: 192, qos0: 3, gaps: 0, duplicates: 0, corrupt: 0, unchecked: 0, malformed: 0,
    });
  });

  test('a skipped sequence number is a gap', async () => {
    const raw = await client();
    raw.send(...[0, 1, 4].map((sequence) => raw.publish('bench/t', stampedPayload(64, sequence))));
    expect(await raw.report()).toMatchObject({ messages: 3, gaps: 2, duplicates: 0 });
  });

  test('a lost first message is a gap', async () => {
    const raw = await client();
    raw.send(raw.publish('bench/t', stampedPayload(64, 1)));
    expect(await raw.report()).toMatchObject({ messages: 1, gaps: 1 });
  });

  test('a message sent twice is a duplicate, two exchanged ones are a gap and a duplicate', async () => {
    const raw = await client();
    raw.send(...[0, 0].map((sequence) => raw.publish('bench/t', stampedPayload(64, sequence))));
    expect(await raw.report()).toMatchObject({ gaps: 0, duplicates: 1 });
    raw.send(...[2, 1].map((sequence) => raw.publish('bench/t', stampedPayload(64, sequence))));
    expect(await raw.report()).toMatchObject({ gaps: 1, duplicates: 2 });
  });

  test.each([[5, 4], [64, 63], [70_001, 70_000], [300_000, 150_000]])('in %i bytes a wrong byte at %i is seen', async (size, at) => {
    const raw = await client();
    const payload = stampedPayload(size, 0);
    payload[at]! ^= 1;
    raw.send(raw.publish('bench/t', payload), raw.publish('bench/t', stampedPayload(size, 1)));
    expect(await raw.report()).toMatchObject({ messages: 2, corrupt: 1, gaps: 0 });
  });

  test('a payload below four bytes has no sequence number and is still compared', async () => {
    const raw = await client();
    raw.send(...[makePayload(0), makePayload(3), Buffer.from([0, 0, 9])].map((payload) => raw.publish('bench/t', payload)));
    expect(await raw.report()).toMatchObject({ messages: 3, bytes: 6, unchecked: 3, corrupt: 1 });
  });

  test('QoS 1 is acknowledged with PUBACK, QoS 2 with PUBREC and PUBCOMP, PINGREQ is answered', async () => {
    const raw = await client();
    raw.send(raw.publish('bench/t', stampedPayload(64, 0), 1, 7), raw.publish('bench/t', stampedPayload(64, 1), 2, 8));
    expect(await raw.next()).toEqual({ first: 0x40, body: uint16(7) });
    expect(await raw.next()).toEqual({ first: 0x50, body: uint16(8) });
    expect(await raw.report()).toMatchObject({ qos1: 1, qos2: 1, openIds: 1 });
    raw.send(packet(0x62, uint16(8)), packet(0xc0));
    expect(await raw.next()).toEqual({ first: 0x70, body: uint16(8) });
    expect(await raw.next()).toEqual({ first: 0xd0, body: Buffer.alloc(0) });
    expect(await raw.report()).toMatchObject({ openIds: 0, misusedIds: 0 });
  });

  test('QoS 2: a resend is not a second message, an identifier in use or unknown is misuse [MQTT-4.3.3-2]', async () => {
    const raw = await client();
    raw.send(
      raw.publish('bench/t', stampedPayload(64, 0), 2, 8),
      raw.publish('bench/t', stampedPayload(64, 0), 2, 8, 0x38), // DUP
      raw.publish('bench/t', stampedPayload(64, 1), 2, 8),
      packet(0x62, uint16(9)),
    );
    expect((await take(4, raw)).map(({ first }) => first)).toEqual([0x50, 0x50, 0x50, 0x70]);
    expect(await raw.report()).toMatchObject({ messages: 2, resent: 1, misusedIds: 2, gaps: 0, duplicates: 0 });
  });

  test('more QoS 2 messages than the announced Receive Maximum are counted [MQTT-3.3.4-9]', async () => {
    const raw = await client(5);
    for (let i = 0; i < 11; i++) raw.send(raw.publish('bench/t', stampedPayload(4, i), 2, i + 1));
    await take(11, raw);
    expect(await raw.report()).toMatchObject({ messages: 11, overQuota: 1 });
  });

  test('a packet may come in pieces of one byte', async () => {
    const raw = await client();
    for (const byte of raw.publish('bench/t', stampedPayload(20, 0), 1, 1)) {
      raw.send(Buffer.from([byte]));
      await new Promise(setImmediate);
    }
    expect((await raw.next()).first).toBe(0x40);
    expect(await raw.report()).toMatchObject({ messages: 1, corrupt: 0, gaps: 0 });
  });

  test.each([0, 3, 4, 64, 16_384, 16_385, 1_000_000])('a flood of %i bytes has every number once and the pattern', async (size) => {
    const raw = await client(), isRight = makeComparer(size);
    await raw.subscribe(`flood/20/${size}/0`);
    for (let sequence = 0; sequence < 20; sequence++) {
      const message = await raw.message();
      expect([message.topic, message.qos, isRight(message.payload, sequence)]).toEqual([`flood/20/${size}/0`, 0, true]);
    }
    expect(await raw.report()).toMatchObject({ sent: 20, sentBytes: 20 * size, acked: 0 });
  });

  test.each([64, 100_000])('UNSUBACK comes behind the last message of a flood of %i bytes, whole', async (size) => {
    const raw = await client(), filter = `flood/1000000000/${size}/0`, isRight = makeComparer(size);
    await raw.subscribe(filter);
    expect(isRight((await raw.message()).payload, 0)).toBe(true);
    raw.send(packet(0xa2, uint16(2), field(filter)), raw.publish('bench/t', stampedPayload(8, 0), 1, 3));
    let received = 1;
    for (let next = await raw.next(); next.first !== 0xb0; next = await raw.next()) {
      expect(next.first).toBe(0x30);
      if (!isRight(next.body.subarray(2 + filter.length), received++)) throw new Error(`message ${received - 1} is wrong`);
    }
    expect((await raw.next()).first).toBe(0x40);
    expect(await raw.report()).toMatchObject({ sent: received, messages: 1 });
  });

  test('a flood at QoS 1 keeps to the Receive Maximum of the client and counts wrong acknowledgements', async () => {
    const raw = await client(5, Buffer.from([0x21, 0, 3]));
    await raw.subscribe('flood/5/64/1', 1);
    const ids = [await raw.message(), await raw.message(), await raw.message()].map(({ id }) => id);
    expect(new Set(ids).size).toBe(3);
    expect(await raw.report()).toMatchObject({ sent: 3, acked: 0, inFlight: 3 }); // and not a fourth message instead
    const again = packet(0x40, uint16(ids[1]!));
    raw.send(Buffer.concat([again, again, packet(0x40, uint16(60_000))]));
    expect((await raw.message()).payload.readUInt32LE(0)).toBe(3);
    expect(await raw.report()).toMatchObject({ sent: 4, acked: 1, badAcks: 2, inFlight: 3 });
  });

  test('a flood at QoS 2 goes through PUBREC, PUBREL and PUBCOMP', async () => {
    const raw = await client();
    await raw.subscribe('flood/1/64/2', 2);
    const { id, qos } = await raw.message();
    expect(qos).toBe(2);
    raw.send(packet(0x50, uint16(id)));
    expect(await raw.next()).toEqual({ first: 0x62, body: uint16(id) });
    expect(await raw.report()).toMatchObject({ acked: 0, inFlight: 1 });
    raw.send(packet(0x70, uint16(id)));
    expect(await raw.report()).toMatchObject({ acked: 1, inFlight: 0, badAcks: 0 });
  });

  test('a flood is sent at the QoS of the subscription where that is lower, and a second one is refused', async () => {
    const raw = await client();
    expect(await raw.subscribe('flood/1000000000/4/2', 1)).toBe(1);
    expect((await raw.message()).qos).toBe(1);
    raw.send(packet(0x82, uint16(2), field('flood/1/4/0'), Buffer.from([0])));
    let next = await raw.next();
    while (next.first !== 0x90) next = await raw.next();
    expect(next.body.at(-1)).toBe(0x80);
  });

  test('paced messages do not come early and all come', async () => {
    const raw = await client(), start = performance.now();
    await raw.subscribe('paced/51/8/0/500');
    for (let sequence = 0; sequence < 51; sequence++) expect((await raw.message()).payload.readUInt32LE(0)).toBe(sequence);
    expect(performance.now() - start).toBeGreaterThan(99);
  });

  test('an echo comes back to its sender at the lower QoS, as the window allows', async () => {
    const raw = await client(5, Buffer.from([0x21, 0, 2]));
    await raw.subscribe('echo', 1);
    raw.send(...[0, 1, 2, 3].map((i) => raw.publish('echo/a', Buffer.from(`text ${i}`), 2, i + 1)));
    const came = await take(6, raw);
    expect(came.filter(({ first }) => first === 0x50)).toHaveLength(4);
    const echoes = came.filter(({ first }) => first === 0x32);
    expect(echoes.map(({ body }) => body.toString('utf8', 11))).toEqual(['text 0', 'text 1']);
    raw.send(...echoes.map(({ body }) => packet(0x40, body.subarray(8, 10))));
    const more = [await raw.message(), await raw.message()];
    expect(more.map(({ topic, qos, payload }) => `${topic} ${qos} ${payload.toString()}`)).toEqual(['echo/a 1 text 2', 'echo/a 1 text 3']);
  });

  test('a topic alias stands for its topic; one above the maximum ends the connection [MQTT-3.3.2-9]', async () => {
    const raw = await client(5);
    const withAlias = (topic: string, alias: number, sequence: number): Buffer =>
      packet(0x30, field(topic), Buffer.from([3, 0x23, 0, alias]), stampedPayload(64, sequence));
    raw.send(withAlias('bench/t', 5, 0), withAlias('', 5, 1), withAlias('', 5, 3));
    expect(await raw.report()).toMatchObject({ messages: 3, unchecked: 0, gaps: 1, corrupt: 0 });
    raw.send(withAlias('', 6, 4));
    await raw.untilClosed();
  });

  test.each([
    ['a Remaining Length of five bytes', Buffer.from([0x30, 0x80, 0x80, 0x80, 0x80, 1])],
    ['QoS 3', Buffer.from([0x36, 5, 0, 1, 97, 0, 1])],
    ['a topic longer than its packet', Buffer.from([0x30, 3, 0, 9, 97])],
    ['a second CONNECT', packet(0x10, field('MQTT'), Buffer.from([4, 2, 0, 60]), field('c'))],
    ['a packet type that only servers send', Buffer.from([0xd0, 0])],
    ['SUBSCRIBE without a filter', packet(0x82, uint16(1))],
    ['SUBSCRIBE with a filter longer than its packet', packet(0x82, uint16(1), Buffer.from([0, 200, 97]), Buffer.from([0]))],
  ])('%s ends the connection and is counted', async (_, bytes) => {
    const raw = await client(), other = await client();
    raw.send(bytes);
    await raw.untilClosed();
    await other.subscribe('report');
    const { broker: all } = JSON.parse((await other.message()).payload.toString()) as { broker: Record<string, number> };
    expect(all).toMatchObject({ malformed: 1, accepted: 2, open: 1, openPeak: 2 });
  });

  test('over TLS the same: a verified certificate, a flood larger than the buffers, messages compared', async () => {
    const secure = await startNullBroker(program, ['--tls']);
    try {
      const raw = await Raw.connect(secure.port, 5, undefined, secure.certificate);
      const payload = stampedPayload(100_000, 0);
      raw.send(raw.publish('bench/t', payload));
      expect(await raw.report()).toMatchObject({ messages: 1, bytes: 100_000, corrupt: 0, gaps: 0 });
      await raw.subscribe('flood/30/100000/0');
      const isRight = makeComparer(100_000);
      for (let sequence = 0; sequence < 30; sequence++) expect(isRight((await raw.message()).payload, sequence)).toBe(true);
      raw.end();
    } finally {
      await secure.stop();
    }
  });

  test('a slow one reads what --take lets it and no more, and loses nothing', async () => {
    const slow = await startNullBroker(program, ['--take', '1000000']);
    try {
      const raw = await Raw.connect(slow.port, 4);
      const start = performance.now();
      raw.send(...Array.from({ length: 100 }, (_, i) => raw.publish('bench/t', stampedPayload(2000, i), 1, i + 1)));
      await take(100, raw);
      expect(performance.now() - start).toBeGreaterThan(190);
      raw.send(packet(0xc0));
      expect((await raw.next()).first).toBe(0xd0);
      expect(await raw.report()).toMatchObject({ messages: 100, bytes: 200_000, gaps: 0, duplicates: 0, corrupt: 0, pings: 1 });
      raw.end();
    } finally {
      await slow.stop();
    }
  });

  test('200 connections are counted apart and together', async () => {
    const all = await Promise.all(Array.from({ length: 200 }, () => client()));
    for (const raw of all) raw.send(raw.publish('bench/t', stampedPayload(64, 0), 1, 1));
    await Promise.all(all.map((raw) => raw.next()));
    await all[7]!.subscribe('report');
    const report = JSON.parse((await all[7]!.message()).payload.toString()) as Record<string, Record<string, number>>;
    expect(report['connection']).toMatchObject({ messages: 1, gaps: 0 });
    expect(report['broker']).toMatchObject({ messages: 200, gaps: 0, open: 200 });
  });
});

async function take(count: number, raw: Raw): Promise<Incoming[]> {
  const taken: Incoming[] = [];
  while (taken.length < count) taken.push(await raw.next());
  return taken;
}
