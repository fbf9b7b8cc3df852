/**
 * The rings between JavaScript and the reactor, with a reactor that a test moves step by step. A mistake here is a message with another
 * one's bytes, or a thread that waits for a wake-up nobody will send, and both would be seen once in a million messages only.
 */
import { describe, expect, it } from 'vitest';
import { CompletionRing } from '../../dist/engine/native/completion-ring.js';
import { Inbox } from '../../dist/engine/native/inbox.js';
import type { NativeEvent } from '../../dist/engine/native/inbox.js';
import * as layout from '../../dist/engine/native/layout.js';
import { MessageRing } from '../../dist/engine/native/message-ring.js';
import { SUBMISSION_FULL, SubmissionRing } from '../../dist/engine/native/submission-ring.js';
import { FakeReactor } from '../support/fake-reactor.js';
import type { Arrival } from '../support/fake-reactor.js';

const CLIENT = 3;
const NOBODY = layout.NO_SLOT;
const HEADER = layout.RECORD_HEADER;
const microtask = (): Promise<void> => Promise.resolve();

/** Always the same numbers, so that a failure can be repeated. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return state % below;
  };
}

function connected(submissions: number, messages: number): FakeReactor {
  const reactor = new FakeReactor();
  reactor.connect({
    control: new Int32Array(new ArrayBuffer(layout.CTL_WORDS * 4)),
    submissions: new ArrayBuffer(submissions),
    completions: new Int32Array(64 * layout.COMPLETION_WORDS),
    messages: new ArrayBuffer(messages),
  });
  return reactor;
}

describe('submission ring', () => {
  function setUp(size = 4096): { reactor: FakeReactor; ring: SubmissionRing } {
    const reactor = connected(size, 4096);
    return { reactor, ring: new SubmissionRing(reactor.control, reactor.memory.submissions, reactor, () => undefined) };
  }

  /** Defines a topic: its second use does. */
  function intern(reactor: FakeReactor, ring: SubmissionRing, topic: string): void {
    ring.publish(CLIENT, topic, '', 0, undefined, NOBODY);
    ring.publish(CLIENT, topic, '', 0, undefined, NOBODY);
    ring.release();
    reactor.take();
  }

  it('a publish is taken as it was given: topic, QoS, retain, properties, payload and slot', () => {
    const { reactor, ring } = setUp();
    for (let use = 0; use < 3; use++) {
      const bytes = ring.publish(CLIENT, 'site/ä', Buffer.from('payload'), 1 | 4, Buffer.of(1, 1), 77);
      ring.release();
      const [taken, ...more] = reactor.take();
      expect(more).toEqual([]);
      expect(taken).toMatchObject({ kind: layout.SUBMIT_PUBLISH, client: CLIENT, topic: 'site/ä', qos: 1, retain: true, slot: 77, bytes });
      expect(taken!.payload.toString()).toBe('payload');
      expect([...taken!.properties]).toEqual([1, 1]);
    }
  });

  it('text is written as UTF-8, short and long, and a lone surrogate as the replacement character', () => {
    const { reactor, ring } = setUp();
    const texts = ['', 'short', 'twelve chars', 'thirteen char', 'ä', 'short €', '🙂', '\ud800', 'x'.repeat(1000), '€'.repeat(400)];
    for (const text of texts) {
      const wellFormed = text.replace('\ud800', '\ufffd');
      ring.publish(CLIENT, 't', text, 0, undefined, NOBODY);
      ring.publish(CLIENT, 't', text, 0, Buffer.of(1, 0), NOBODY);
      ring.release();
      expect(reactor.take().map(({ payload }) => payload.toString())).toEqual([wellFormed, wellFormed]);
    }
  });

  it('a payload may change as soon as publish() has returned', () => {
    const { reactor, ring } = setUp();
    const payload = Buffer.from('before');
    ring.publish(CLIENT, 't', payload, 0, undefined, NOBODY);
    payload.fill('x');
    ring.release();
    expect(reactor.take()[0]!.payload.toString()).toBe('before');
  });

  it('records of all sizes go around a small ring in order and whole, also where positions pass 2^31 and 2^32', () => {
    for (const start of [0, 0x7ffffff8 - 4096, 0xfffffff8 - 4096]) {
      const { reactor, ring } = setUp();
      reactor.startAt(start);
      Object.assign(ring, { tail: start | 0, released: start | 0, head: start | 0 });
      const below = random(start + 1);
      const expected: string[] = [];
      const seen: string[] = [];
      const note = (topic: string, payload: Uint8Array): string => `${topic} ${Buffer.from(payload).toString('hex')}`;
      for (let i = 0; i < 4000; i++) {
        const topic = below(8) === 0 ? `${'long/'.repeat(below(60))}${i}` : `t${below(40)}`;
        const payload = Buffer.alloc(below(20) === 0 ? below(3000) : below(4) === 0 ? below(1000) : below(100), i & 255);
        while (ring.publish(CLIENT, topic, payload, 0, below(4) === 0 ? Buffer.of(1, 1) : undefined, i) === SUBMISSION_FULL) {
          seen.push(...reactor.take().map((taken) => note(taken.topic, taken.payload)));
        }
        expected.push(note(topic, payload));
      }
      ring.release();
      seen.push(...reactor.take().map((taken) => note(taken.topic, taken.payload)));
      expect(seen).toEqual(expected);
      expect(reactor.payloads.size).toBe(0);
    }
  });

  it('a record that ends exactly at the end of the ring is followed by one at its start, with no skip between', () => {
    const { reactor, ring } = setUp(4096);
    intern(reactor, ring, 't');
    const rest = (): number => 4096 - reactor.control[layout.CTL_SQ_TAIL]!;
    while (rest() > 1000) {
      ring.publish(CLIENT, 't', Buffer.alloc(480), 0, undefined, 1);
      ring.release();
      reactor.take();
    }
    ring.publish(CLIENT, 't', Buffer.alloc(rest() - HEADER, 2), 0, undefined, 2);
    ring.release();
    expect(reactor.take()).toMatchObject([{ slot: 2 }]);
    expect(rest()).toBe(0);
    ring.publish(CLIENT, 't', Buffer.alloc(8, 3), 0, undefined, 3);
    ring.release();
    expect(reactor.control[layout.CTL_SQ_TAIL]).toBe(4096 + HEADER + 8);
    expect(reactor.take()).toMatchObject([{ slot: 3 }]);
  });

  it('a full ring refuses, asks for a notify, shows what it holds at once, and takes again when the reactor has taken', () => {
    const { reactor, ring } = setUp();
    let put = 0;
    while (ring.publish(CLIENT, 't', Buffer.alloc(100), 0, undefined, put) !== SUBMISSION_FULL) put++;
    expect(put).toBeGreaterThan(10);
    expect(reactor.control[layout.CTL_SQ_WANTED]).toBe(1);
    expect(ring.hasRoom()).toBe(false);
    expect(ring.publish(CLIENT, 't', Buffer.alloc(100), 0, undefined, put)).toBe(SUBMISSION_FULL);
    // No microtask has run: the reactor sees it all the same.
    const taken = reactor.take();
    expect(taken.map(({ slot }) => slot)).toEqual([...taken.keys()]);
    expect(taken.length).toBe(put);
    expect(reactor.control[layout.CTL_SQ_WANTED]).toBe(0);
    expect(ring.hasRoom()).toBe(true);
    expect(ring.publish(CLIENT, 't', Buffer.alloc(100), 0, undefined, put)).toBeGreaterThan(0);
  });

  it('acknowledgements find room in a ring that refuses publishes', () => {
    const { reactor, ring } = setUp();
    while (ring.publish(CLIENT, 't', '', 0, undefined, NOBODY) !== SUBMISSION_FULL);
    expect(ring.note(layout.SUBMIT_ACK, CLIENT, 5, 0, 0x80)).toBe(true);
    ring.release();
    expect(reactor.take().at(-1)).toMatchObject({ kind: layout.SUBMIT_ACK, client: CLIENT, slot: 5, aux: 0x80 });
  });

  it('a payload above a quarter of the ring goes by address, as bytes and as text, with and without properties', () => {
    const { reactor, ring } = setUp();
    for (const payload of [Buffer.alloc(1024, 'a'), Buffer.alloc(1025, 'b'), 'c'.repeat(1025), '€'.repeat(30_000), Buffer.alloc(1 << 20, 'd')]) {
      for (const properties of [undefined, Buffer.of(1, 1)]) {
        const bytes = ring.publish(CLIENT, 'large', payload, 2, properties, 9);
        ring.release();
        const [taken] = reactor.take();
        expect(taken!.kind).toBe(Buffer.from(payload as string).length > 1024 ? layout.SUBMIT_PUBLISH_LARGE : layout.SUBMIT_PUBLISH);
        expect(taken!.payload.equals(Buffer.from(payload as string))).toBe(true);
        expect(taken).toMatchObject({ topic: 'large', qos: 2, slot: 9, bytes });
        expect([...taken!.properties]).toEqual(properties === undefined ? [] : [1, 1]);
      }
    }
    expect(reactor.payloads.size).toBe(0);
  });

  it('properties that no ring of this size can carry go by address, in front of the payload', () => {
    const { reactor, ring } = setUp();
    const properties = Buffer.alloc(3000, 'p');
    for (const payload of ['', 'x', '€'.repeat(5000), Buffer.alloc(1 << 20, 'd')]) {
      const bytes = ring.publish(CLIENT, 't', payload, 1, properties, 9);
      ring.release();
      const [taken] = reactor.take();
      expect(taken).toMatchObject({ kind: layout.SUBMIT_PUBLISH_LARGE, topic: 't', qos: 1, slot: 9, bytes });
      expect(taken!.properties.equals(properties)).toBe(true);
      expect(taken!.payload.equals(Buffer.from(payload as string))).toBe(true);
    }
    expect(reactor.payloads.size).toBe(0);
  });

  it('a topic is text the first time, and an id from the second time on', () => {
    const { reactor, ring } = setUp();
    const ids: number[] = [];
    for (let use = 0; use < 4; use++) {
      ring.publish(CLIENT, 'a/b', '', 0, undefined, NOBODY);
      ring.publish(CLIENT, 'c', '', 0, undefined, NOBODY);
      ring.release();
      ids.push(...reactor.take().map(({ topicId }) => topicId));
    }
    expect(ids.slice(0, 2)).toEqual([layout.TOPIC_INLINE, layout.TOPIC_INLINE]);
    expect(ids.slice(2)).toEqual([0, 1, 0, 1, 0, 1]);
  });

  it('more than 4,096 topics define the ids anew, and every publish still has its own topic', () => {
    const { reactor, ring } = setUp(1 << 18);
    const count = layout.MAX_TOPICS + 900;
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < count; i++) {
        // Twice, so that it is interned; the second one is in the ring behind the definition.
        for (let use = 0; use < 2; use++) {
          const topic = `site/${i}/temperature`;
          if (ring.publish(CLIENT, topic, String(i), 0, undefined, NOBODY) === SUBMISSION_FULL) throw new Error('full');
        }
        if (i % 500 !== 0) continue;
        ring.release();
        for (const { topic, payload } of reactor.take()) expect(topic).toBe(`site/${payload.toString()}/temperature`);
      }
    }
    ring.release();
    const last = reactor.take();
    for (const { topic, payload } of last) expect(topic).toBe(`site/${payload.toString()}/temperature`);
    expect(last.some(({ topicId }) => topicId >= 0)).toBe(true);
    expect(reactor.topics.size).toBe(layout.MAX_TOPICS);
  });

  it('a topic above 1 KiB is text every time', () => {
    const { reactor, ring } = setUp(1 << 18);
    for (const topic of ['x'.repeat(1025), 'ä'.repeat(513), 'y'.repeat(65_535)]) {
      for (let use = 0; use < 3; use++) ring.publish(CLIENT, topic, '', 0, undefined, NOBODY);
      ring.release();
      const taken = reactor.take();
      expect(taken.map((publish) => publish.topicId)).toEqual([-1, -1, -1]);
      expect(taken.every((publish) => publish.topic === topic)).toBe(true);
    }
    expect(reactor.topics.size).toBe(0);
  });

  it('the reactor is told once a microtask, and woken only when it sleeps', async () => {
    const { reactor, ring } = setUp();
    reactor.control[layout.CTL_SQ_ASLEEP] = 1;
    for (let i = 0; i < 5; i++) ring.publish(CLIENT, 't', '', 0, undefined, i);
    expect(reactor.control[layout.CTL_SQ_TAIL]).toBe(0);
    await microtask();
    expect(reactor.take().length).toBe(5);
    expect(reactor.calls).toEqual(['wake']);
    expect(reactor.control[layout.CTL_SQ_ASLEEP]).toBe(0);
    ring.publish(CLIENT, 't', '', 0, undefined, 5);
    await microtask();
    expect(reactor.take().length).toBe(1);
    expect(reactor.calls).toEqual(['wake']);
  });

  it('a long loop of publishes is shown to the reactor before it ends', () => {
    const { reactor, ring } = setUp(1 << 18);
    for (let i = 0; i < 500; i++) ring.publish(CLIENT, 't', Buffer.alloc(64), 0, undefined, i);
    const taken = reactor.take().length;
    expect(taken).toBeGreaterThan(300);
    expect(taken).toBeLessThan(500);
  });
});

describe('completion ring', () => {
  it('hands out each entry once, around the end of the ring and past 2^31 and 2^32, and drops those of clients that are gone', () => {
    for (const start of [0x7fffffc0, 0xffffffc0]) {
      const reactor = connected(4096, 4096);
      const ring = new CompletionRing(reactor.control, reactor.memory.completions);
      reactor.startAt(start);
      Object.assign(ring, { head: start | 0 });
      const got: string[] = [];
      const target = {
        onCompletion: (slot: number, code: number) => void got.push(`${slot}=${code}`),
        onCredit: (messages: number, bytes: number) => void got.push(`credit ${messages} ${bytes}`),
      };
      const expected: string[] = [];
      for (let i = 0; i < 300; i++) {
        reactor.complete(1, i, -10);
        reactor.complete(0, i, 0);
        reactor.complete(1, layout.NO_SLOT, 2, i);
        expected.push(`${i}=-10`, `credit 2 ${i}`);
        if (i % 20 === 19) expect(ring.drain([undefined, target], ring.tail(), Infinity)).toBe(true);
      }
      expect(got).toEqual(expected);
      expect(ring.drain([undefined, target], ring.tail(), Infinity)).toBe(false);
      expect(ring.hasNews()).toBe(false);
    }
  });

  it('an entry whose receiver throws is over, and the rest is handed out by the next drain', () => {
    const reactor = connected(4096, 4096);
    const ring = new CompletionRing(reactor.control, reactor.memory.completions);
    const got: number[] = [];
    const target = {
      onCompletion: (slot: number) => {
        got.push(slot);
        if (slot === 1) throw new Error('from the receiver');
      },
      onCredit: () => undefined,
    };
    for (const slot of [0, 1, 2]) reactor.complete(0, slot, 0);
    expect(() => ring.drain([target], ring.tail(), Infinity)).toThrow('from the receiver');
    expect(reactor.control[layout.CTL_CQ_HEAD]).toBe(2);
    ring.drain([target], ring.tail(), Infinity);
    expect(got).toEqual([0, 1, 2]);
  });
});

describe('message ring', () => {
  interface Received { topic: string; slab: Uint8Array; payload: Buffer; properties: Buffer; flags: number }

  function setUp(size = 4096) {
    const reactor = connected(4096, size);
    const received: Received[] = [];
    const events: [number, NativeEvent][] = [];
    const target = {
      inbox: new Inbox<unknown>(),
      onEvent: () => undefined,
      sink: {
        createMessage(topic: string, slab: Uint8Array, offset: number, length: number, from: number, bytes: number, flags: number) {
          const payload = Buffer.from(slab.buffer, slab.byteOffset + offset, length);
          const properties = Buffer.from(slab.buffer, slab.byteOffset + from, bytes);
          return { topic, slab, payload, properties, flags };
        },
        onMessages(batch: unknown[], from: number) {
          received.push(...(batch.slice(from) as Received[]));
          return batch.length;
        },
      },
    };
    type Target = typeof target;
    const router = {
      onArrived: () => undefined,
      onEventRecord: (client: number, _target: unknown, event: NativeEvent) => void events.push([client, event]),
    };
    const ring = new MessageRing(reactor.control, reactor.memory.messages, reactor, router);
    const targets: (Target | undefined)[] = [];
    targets[CLIENT] = target;
    /** Everything that is there; returns how many stretches that was. */
    const drain = (): number => {
      let stretches = 0;
      while (ring.take(targets as never, ring.tail())) stretches++;
      target.inbox.hand(target as never, 0);
      return stretches;
    };
    const put = (arrival: Partial<Arrival>): boolean => reactor.arrive({ kind: layout.EVENT_MESSAGE, client: CLIENT, ...arrival });
    return { reactor, ring, received, events, drain, put };
  }

  it('a message is handed over with topic, flags, properties and payload, its topic as text or by id', () => {
    const { received, drain, put } = setUp();
    put({ kind: layout.EVENT_TOPIC, topicId: 4000, topic: 'by/id/ä', client: -1 });
    put({ topicId: 4000, flags: 2 | 4, payload: Buffer.from('one') });
    put({ topic: 'as/text', flags: 1 | 8, properties: Buffer.of(1, 1), payload: Buffer.from('two') });
    put({ kind: layout.EVENT_TOPIC, topicId: 4000, topic: 'redefined', client: -1 });
    put({ topicId: 4000 });
    drain();
    expect(received.map(({ topic, flags }) => [topic, flags])).toEqual([['by/id/ä', 6], ['as/text', 9], ['redefined', 0]]);
    expect(received.map(({ payload }) => payload.toString())).toEqual(['one', 'two', '']);
    expect(received.map(({ properties }) => [...properties])).toEqual([[], [1, 1], []]);
  });

  it('what was handed over stays as it is when the ring is written again', () => {
    const { reactor, received, drain, put } = setUp();
    for (let i = 0; i < 20; i++) put({ topic: 't', payload: Buffer.alloc(100, i) });
    drain();
    Buffer.from(reactor.memory.messages).fill(0xff);
    expect(received.length).toBe(20);
    received.forEach(({ payload }, i) => expect(payload.equals(Buffer.alloc(100, i))).toBe(true));
    expect(received.every(({ slab }) => slab.buffer !== reactor.memory.messages)).toBe(true);
  });

  it('records of all sizes come around a small ring in order and whole, also where positions pass 2^31 and 2^32', () => {
    for (const start of [0, 0x7ffffff8 - 4096, 0xfffffff8 - 4096]) {
      const { reactor, ring, received, drain, put } = setUp();
      reactor.startAt(start);
      Object.assign(ring, { head: start | 0 });
      const below = random(start + 7);
      const expected: string[] = [];
      for (let i = 0; i < 3000; i++) {
        const large = below(50) === 0;
        const arrival = {
          topic: `t${below(50)}`,
          payload: Buffer.alloc(large ? below(5000) : below(20) === 0 ? below(1500) : below(90), i & 255),
          properties: Buffer.alloc(below(3) * 5, 38),
          large,
          ...(large ? { kind: layout.EVENT_MESSAGE_LARGE } : {}),
        };
        while (!put(arrival)) drain();
        if (below(30) === 0) drain();
        expected.push(`${arrival.topic} ${arrival.payload.toString('hex')} ${arrival.properties.length}`);
      }
      drain();
      expect(received.map(({ topic, payload, properties }) => `${topic} ${payload.toString('hex')} ${properties.length}`)).toEqual(expected);
      expect(reactor.payloads.size).toBe(0);
      expect(reactor.control[layout.CTL_MQ_HEAD]).toBe(reactor.control[layout.CTL_MQ_TAIL]);
    }
  });

  it('a record that ends exactly at the end of the ring is followed by one at its start', () => {
    const { reactor, received, drain, put } = setUp();
    put({ topicId: 0, payload: Buffer.alloc(2048 - HEADER, 1) });
    drain();
    put({ topicId: 0, payload: Buffer.alloc(2048 - HEADER, 2) });
    expect(reactor.control[layout.CTL_MQ_TAIL]).toBe(4096);
    put({ topicId: 0, payload: Buffer.alloc(8, 3) });
    drain();
    expect(received.map(({ payload }) => payload[0])).toEqual([1, 2, 3]);
    expect(reactor.control[layout.CTL_MQ_HEAD]).toBe(4096 + HEADER + 8);
  });

  it('messages share slabs of at most 16 KiB, and a larger one has a slab of its own', () => {
    const { received, drain, put } = setUp(1 << 18);
    for (let i = 0; i < 400; i++) put({ topicId: 0, payload: Buffer.alloc(64, i) });
    put({ topicId: 0, payload: Buffer.alloc(40_000, 7) });
    put({ topicId: 0, payload: Buffer.alloc(64, 8) });
    expect(drain()).toBe(Math.ceil((400 * 96) / 16_384) + 2);
    expect(received.length).toBe(402);
    for (const { slab, payload } of received) expect(slab.length).toBeLessThanOrEqual(payload.length === 40_000 ? 40_000 + HEADER : 16_384);
    expect(received[400]!.slab).not.toBe(received[399]!.slab);
    expect(received[401]!.slab).not.toBe(received[400]!.slab);
  });

  it('a slab cannot be transferred to another thread: that would empty the other messages in it', () => {
    const { received, drain, put } = setUp(1 << 18);
    for (let i = 0; i < 100; i++) put({ topicId: 0, payload: Buffer.alloc(64, i) });
    drain();
    const { slab } = received[0]!;
    // Newer versions of Node throw, older ones send a copy.
    try {
      structuredClone(slab.buffer, { transfer: [slab.buffer as ArrayBuffer] });
    } catch (error) {
      expect(error).toMatchObject({ name: 'DataCloneError' });
    }
    expect(received[99]!.payload[0]).toBe(99);
  });

  it('a large payload is taken over by address, with properties in the ring or in front of the payload', () => {
    const { reactor, received, drain, put } = setUp();
    const kind = layout.EVENT_MESSAGE_LARGE;
    const payload = Buffer.alloc(100_000, 'p');
    put({ kind, large: true, topic: 'plain', payload, flags: 1 });
    put({ kind, large: true, topic: 'with', payload, properties: Buffer.of(1, 1), flags: 2 });
    put({ kind, large: true, propertiesLarge: true, topic: 'both', payload, properties: Buffer.alloc(50_000, 38) });
    drain();
    expect(received.map(({ topic, flags }) => [topic, flags])).toEqual([['plain', 1], ['with', 2], ['both', 0]]);
    for (const message of received) expect(message.payload.equals(payload)).toBe(true);
    expect(received.map(({ properties }) => properties.length)).toEqual([0, 2, 50_000]);
    expect(received[2]!.properties.every((byte) => byte === 38)).toBe(true);
    expect(reactor.payloads.size).toBe(0);
  });

  it('a large payload whose block the reactor wants back is copied, and the block given back at once', () => {
    const { reactor, received, drain, put } = setUp();
    const kind = layout.EVENT_MESSAGE_LARGE;
    const payload = Buffer.alloc(100_000, 'p');
    put({ kind, large: true, blockWanted: true, topic: 'plain', payload, flags: 1 });
    put({ kind, large: true, blockWanted: true, propertiesLarge: true, topic: 'both', payload, properties: Buffer.alloc(9, 38), flags: 2 });
    put({ kind, large: true, blockWanted: true, client: 9, topic: 'gone', payload });
    drain();
    expect(received.map(({ topic, flags }) => [topic, flags])).toEqual([['plain', 1], ['both', 2]]);
    for (const message of received) expect(message.payload.equals(payload)).toBe(true);
    expect([...received[1]!.properties]).toEqual(Array.from({ length: 9 }, () => 38));
    expect([reactor.copied, reactor.payloads.size]).toEqual([3, 0]);
  });

  it('messages of a client that is gone are dropped, and their large payloads freed', () => {
    const { reactor, received, drain, put } = setUp();
    put({ client: 9, topic: 't', payload: Buffer.from('x') });
    put({ client: 9, kind: layout.EVENT_MESSAGE_LARGE, large: true, topic: 't', payload: Buffer.alloc(5000) });
    put({ topic: 't', payload: Buffer.from('mine') });
    drain();
    expect(received.map(({ payload }) => payload.toString())).toEqual(['mine']);
    expect(reactor.payloads.size).toBe(0);
  });

  it('an event comes with copies of its properties and payload', () => {
    const { reactor, events, drain, put } = setUp();
    put({ kind: layout.EVENT_SUBSCRIBED, slot: 12, aux: 0, properties: Buffer.of(31, 0, 1, 65), payload: Buffer.of(1, 0x80) });
    drain();
    Buffer.from(reactor.memory.messages).fill(0);
    expect(events).toMatchObject([[CLIENT, { kind: layout.EVENT_SUBSCRIBED, slot: 12, aux: 0 }]]);
    expect([...events[0]![1].properties!]).toEqual([31, 0, 1, 65]);
    expect([...events[0]![1].payload]).toEqual([1, 0x80]);
  });
});
