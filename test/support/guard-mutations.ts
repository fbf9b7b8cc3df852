/**
 * Mutates guard vectors as test/native/guard_fuzz_test.c does: the same random numbers in the same order, so that both guards are shown the
 * same bytes.
 */
import { BYTEWISE, Run, WHOLE } from './guard-vectors.js';
import type { Feed, Vector } from './guard-vectors.js';

const LONGEST_SEED = 512;
const LONGEST = 1024;
const INTERESTING = [
  0x00, 0x01, 0x02, 0x7f, 0x80, 0xff, 0x20, 0x30, 0x32, 0x34, 0x40, 0x50, 0x62, 0x70, 0x90, 0xb0, 0xd0, 0xe0, 0xf0, 0x0b, 0x1f, 0x23, 0x26,
];

export interface MutationResult {
  checksum: number;
  /** What was broken, and from which vector it came. */
  broken: string[];
}

export function runMutations(vectors: Vector[], seed: number, mutations: number): MutationResult {
  const pool = vectors.filter(({ notHere, steps }) => notHere === undefined && steps.every(({ bytes }) => bytes.length <= LONGEST_SEED));
  let state = seed | 0;
  const draw = (below: number): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
  const insert = (data: number[], at: number, what: Iterable<number>, count: number): void => {
    if (data.length + count <= LONGEST) data.splice(at, 0, ...what);
  };
  const mutate = (data: number[]): void => {
    let what = draw(8);
    if (data.length === 0 && what !== 7) what = 3;
    switch (what) {
      case 0: {
        const at = draw(data.length);
        data[at]! ^= 1 << draw(8);
        return;
      }
      case 1: {
        const at = draw(data.length);
        data[at] = draw(256);
        return;
      }
      case 2: {
        const at = draw(data.length);
        data[at] = INTERESTING[draw(INTERESTING.length)]!;
        return;
      }
      case 3: {
        const at = draw(data.length + 1);
        insert(data, at, [draw(256)], 1);
        return;
      }
      case 4:
        data.splice(draw(data.length), 1);
        return;
      case 5:
        data.length = draw(data.length + 1);
        return;
      case 6: {
        const at = draw(data.length);
        const piece = data.slice(at, at + 1 + draw(16));
        insert(data, data.length, piece, piece.length);
        return;
      }
      default: {
        const other = pool[draw(pool.length)]!.steps[0]!.bytes;
        insert(data, data.length, other, other.length);
      }
    }
  };
  const result: MutationResult = { checksum: 2_166_136_261, broken: [] };
  const run = (vector: Vector, mutated: number, bytes: Uint8Array, feed: Feed, margin: number): number => {
    const one = new Run(margin);
    vector.steps.forEach((step, index) => one.step(step, index === mutated ? bytes : step.bytes, feed));
    for (const what of one.broken) result.broken.push(`${vector.name}, version ${vector.version}: ${what}`);
    return one.checksum;
  };
  for (let i = 0; i < mutations; i += 1) {
    const vector = pool[draw(pool.length)]!;
    const step = draw(vector.steps.length);
    const data = [...vector.steps[step]!.bytes];
    for (let times = 1 + draw(4); times > 0; times -= 1) mutate(data);
    const bytes = Uint8Array.from(data);
    const whole = run(vector, step, bytes, WHOLE, 0xff);
    if (run(vector, step, bytes, BYTEWISE, 0x00) !== whole) {
      result.broken.push(`${vector.name}, version ${vector.version}: byte by byte the guard says something else`);
    }
    result.checksum = Math.imul(result.checksum ^ whole, 16_777_619) >>> 0;
  }
  return result;
}
