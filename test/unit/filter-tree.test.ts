/**
 * The tree of topic filters finds, for a topic name, what comparing every filter with it level by level finds. Ten thousand filters of a
 * small alphabet, so that they overlap in every way, with wildcards, empty levels, $-topics and shared subscriptions.
 */
import { describe, expect, it } from 'vitest';
import { FilterTree } from '../../dist/incoming/filter-tree.js';

/** Numbers from 0 to 1, the same in every run. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** 4.7 as it is written, for one filter. */
function matcher(filter: string): (topic: string, levels: readonly string[]) => boolean {
  const wanted = filter.split('/').slice(filter.startsWith('$share/') ? 2 : 0);
  const rest = wanted.at(-1) === '#';
  // `a/#` also matches `a` (4.7.1.2).
  const least = rest ? wanted.length - 1 : wanted.length;
  return (topic, levels) => {
    if (rest ? levels.length < least : levels.length !== least) return false;
    // [MQTT-4.7.2-1]
    if (topic.startsWith('$') && (wanted[0] === '#' || wanted[0] === '+')) return false;
    for (let i = 0; i < least; i += 1) if (wanted[i] !== '+' && wanted[i] !== levels[i]) return false;
    return true;
  };
}

function pick<T>(next: () => number, from: readonly T[]): T {
  return from[Math.floor(next() * from.length)]!;
}

function topicOf(next: () => number): string {
  const levels = Array.from({ length: 1 + Math.floor(next() * 5) }, () => pick(next, ['a', 'b', 'c', 'dd', '', 'é']));
  if (next() < 0.1) levels[0] = pick(next, ['$SYS', '$a', '$']);
  // An empty topic name is none.
  return levels.join('/') || 'a';
}

function filterOf(next: () => number): string {
  const levels = topicOf(next).split('/').map((level) => (next() < 0.3 ? '+' : level));
  if (next() < 0.3) levels.push('#');
  const filter = next() < 0.02 ? '#' : levels.join('/');
  return next() < 0.15 ? `$share/${pick(next, ['g', 'h', '$'])}/${filter}` : filter;
}

describe('10,000 filters', () => {
  it('find what a comparison with every one finds (4.7, 4.8.2), also after half of them were taken away', () => {
    const next = random(4);
    const tree = new FilterTree<number>();
    const filters = Array.from({ length: 10_000 }, () => filterOf(next));
    const matchers = filters.map(matcher);
    filters.forEach((filter, i) => tree.add(filter, i));
    expect(tree.size).toBe(10_000);
    const topics = Array.from({ length: 300 }, () => topicOf(next));
    const check = (isThere: (i: number) => boolean): number => {
      let found = 0;
      for (const topic of topics) {
        const levels = topic.split('/');
        const expected: number[] = [];
        for (let i = 0; i < matchers.length; i += 1) if (isThere(i) && matchers[i]!(topic, levels)) expected.push(i);
        expect(tree.match(topic).sort((a, b) => a - b).join(), topic).toBe(expected.join());
        found += expected.length;
      }
      return found;
    };
    expect(check(() => true)).toBeGreaterThan(10_000);
    const gone = new Set(filters.flatMap((_, i) => (next() < 0.5 ? [i] : [])));
    for (const i of gone) expect(tree.remove(filters[i]!, i)).toBe(true);
    check((i) => !gone.has(i));
    for (const i of gone) expect(tree.remove(filters[i]!, i)).toBe(false);
    filters.forEach((filter, i) => tree.remove(filter, i));
    expect(tree.size).toBe(0);
    expect(check(() => false)).toBe(0);
  });
});

describe('a filter', () => {
  const cases: [filter: string, matching: string[], other: string[]][] = [
    ['#', ['a', 'a/b', '/', '/a'], ['$SYS', '$SYS/a']],
    ['+', ['a'], ['a/b', '/', '$SYS']],
    ['+/+', ['a/b', '/', 'a/', '/b'], ['a', '$SYS/b', 'a/b/c']],
    ['/+', ['/a', '/'], ['a', 'a/b']],
    ['a/#', ['a', 'a/b', 'a/', 'a/b/c'], ['b', 'ab', 'A']],
    ['a/+/c', ['a/b/c', 'a//c'], ['a/c', 'a/b/c/d']],
    ['$SYS/#', ['$SYS', '$SYS/a/b'], ['SYS', 'a']],
    ['$SYS/+', ['$SYS/a'], ['$SYS', '$SYS/a/b']],
    ['$share/g/a/+', ['a/b'], ['g/a/b', '$share/g/a/b', 'a']],
    ['$share/g/#', ['a', 'a/b'], ['$SYS/a']],
    ['$share/g//a', ['/a'], ['a']],
  ];
  for (const [filter, matching, other] of cases) {
    it(`${filter} matches ${matching.join(' ')} and not ${other.join(' ')} (4.7.1, 4.7.2, 4.8.2)`, () => {
      const tree = new FilterTree<string>();
      tree.add(filter, 'it');
      for (const topic of matching) expect(tree.match(topic), topic).toEqual(['it']);
      for (const topic of other) expect(tree.match(topic), topic).toEqual([]);
    });
  }

  it('added by two stands for both, and is taken from one', () => {
    const tree = new FilterTree<string>();
    tree.add('a/+', 'one');
    tree.add('a/+', 'two');
    tree.add('a/b', 'one');
    expect(tree.match('a/b').sort()).toEqual(['one', 'two']);
    tree.remove('a/+', 'one');
    expect(tree.match('a/b').sort()).toEqual(['one', 'two']);
    expect(tree.match('a/c')).toEqual(['two']);
    expect(tree.remove('x/+', 'one')).toBe(false);
  });
});
