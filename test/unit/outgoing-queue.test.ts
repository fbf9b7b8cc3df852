/**
 * The list of messages that wait, beside a plain array that does the same: whatever is pushed, shifted, or taken out of its midst. Then
 * that messages that left leave nothing behind, however long one before them stays.
 */
import { describe, expect, it } from 'vitest';
import { OutgoingQueue } from '../../dist/outgoing/queue.js';

interface Entry { topic: string; flags: number; slot: number; size: number; expires: number }

/** The same numbers in every run. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function push(queue: OutgoingQueue, { topic, flags, slot, size, expires }: Entry): void {
  queue.push(topic, topic, flags, undefined, slot, size, expires);
}

function first(queue: OutgoingQueue): Entry {
  const { topic, flags, slot, size, expires } = queue;
  return { slot, topic, flags, size, expires };
}

/** expect() is too slow for every step. */
function same(actual: unknown, expected: unknown): void {
  if (actual !== expected) expect(actual).toBe(expected);
}

describe('OutgoingQueue', () => {
  for (const seed of [1, 2, 3]) {
    it(`does what an array does, 60,000 steps [seed ${seed}]`, () => {
      const below = random(seed);
      let queue = new OutgoingQueue();
      let model: Entry[] = [];
      const free = Array.from({ length: 30_000 }, (_, slot) => slot);
      let made = 0;
      for (let step = 0; step < 60_000; step += 1) {
        // It grows first and shrinks later.
        const dice = below(step < 40_000 ? 100 : 160);
        if (dice < 60) {
          const slot = below(4) === 0 || free.length === 0 ? -1 : free.pop()!;
          const entry = { topic: `t${made}`, flags: below(3), slot, size: below(50), expires: below(5) === 0 ? 1 + below(1000) : 0 };
          made += 1;
          push(queue, entry);
          model.push(entry);
        } else if (dice < 61 && below(50) === 0) {
          const now = below(300);
          const test = (_flags: number, expires: number): boolean => expires !== 0 && expires <= now;
          const taken = model.filter((one) => test(one.flags, one.expires));
          expect(queue.takeAll(test).map((one) => one.topic)).toEqual(taken.map((one) => one.topic));
          model = model.filter((one) => !test(one.flags, one.expires));
          free.push(...taken.map((one) => one.slot).filter((slot) => slot !== -1));
        } else if (dice < 62 && below(100) === 0) {
          const front = new OutgoingQueue();
          const entry = { topic: `front${made}`, flags: 0, slot: free.pop() ?? -1, size: 5, expires: 0 };
          push(front, entry);
          front.append(queue);
          queue = front;
          model.unshift(entry);
        } else if (dice < 80) {
          const slot = below(30_000);
          const at = model.findIndex((one) => one.slot === slot);
          same(queue.holds(slot), at >= 0);
          same(queue.remove(slot), at >= 0);
          if (at >= 0) free.push(...model.splice(at, 1).map((one) => one.slot));
        } else if (model.length > 0) {
          const { slot, ...rest } = model.shift()!;
          same(JSON.stringify(first(queue)), JSON.stringify({ slot, ...rest }));
          if (slot !== -1) free.push(slot);
          queue.shift();
        }
        same(queue.length, model.length);
      }
      expect(queue.bytes).toBe(model.reduce((sum, one) => sum + one.size, 0));
      expect(model.map(() => queue.take())).toEqual(model.map(({ topic, flags, slot }) => ({ topic, flags, slot })));
      expect([queue.length, queue.bytes, queue.earliest]).toEqual([0, 0, Infinity]);
    });
  }

  it('a message at the front that waits for ever does not keep the places of those that left behind it', () => {
    const queue = new OutgoingQueue();
    push(queue, { topic: 'stays', flags: 0, slot: -1, size: 1, expires: 0 });
    let most = 0;
    for (let i = 0; i < 100_000; i += 1) {
      push(queue, { topic: `t${i}`, flags: 0, slot: 7, size: 1, expires: 0 });
      queue.remove(7);
      most = Math.max(most, queue.places);
    }
    expect(most).toBeLessThan(10_000);
    expect([queue.length, queue.topic]).toEqual([1, 'stays']);
  });

  it('payloads are what they were when they were taken, small and large, while others leave and the queue moves', () => {
    const below = random(4);
    let queue = new OutgoingQueue();
    const model: { slot: number; bytes: Buffer | string }[] = [];
    const lengths = [0, 1, 63, 1000, 1024, 1025, 5000];
    const scratch = Buffer.alloc(1024);
    for (let made = 0; made < 30_000; made += 1) {
      const length = lengths[below(made % 10 === 0 ? lengths.length : 4)]!;
      const bytes = made % 7 === 0 ? `text ${made}` : Buffer.alloc(length, made);
      // The caller writes into the buffer of a small payload again, and again.
      const given = typeof bytes === 'string' || length > scratch.length ? bytes : scratch.subarray(0, bytes.copy(scratch));
      queue.push('t', given, 1, undefined, made, length, 0);
      model.push({ slot: made, bytes });
      scratch.fill(0xee);
      if (below(3) === 0) {
        // From the midst: by the end most have left, and places are given back.
        const at = below(model.length);
        same(queue.remove(model[at]!.slot), true);
        model.splice(at, 1);
      }
      if (made % 6000 === 0) {
        const front = new OutgoingQueue();
        front.append(queue);
        queue = front;
      }
    }
    for (const { slot, bytes } of model) {
      same(queue.slot, slot);
      const { payload } = queue;
      same(typeof payload === 'string' ? payload : Buffer.compare(payload, bytes as Buffer), typeof bytes === 'string' ? bytes : 0);
      queue.shift();
    }
    expect(queue.length).toBe(0);
  });

  it('a long queue that goes on for long fills the same memory again', () => {
    const queue = new OutgoingQueue();
    const given = Buffer.alloc(512), used = new Set<ArrayBufferLike>();
    for (let made = 0; made < 50_000; made += 1) {
      given.writeUInt32LE(made);
      queue.push('t', given, 1, undefined, made % 2000, given.length, 0);
      if (queue.length <= 1000) continue;
      const payload = queue.payload as Buffer;
      used.add(payload.buffer);
      same(payload.readUInt32LE(), made - 1000);
      queue.shift();
    }
    // What 1,000 messages take, 16 in a block, and a few more.
    expect(used.size).toBeLessThan(100);
  });
});
