/**
 * Topic names and filters as section 4.7 of the standard has them, and the tree that finds the filters of a topic. The tree is compared
 * with a matcher written the slow way.
 */
import { describe, expect, it } from 'vitest';
import { FilterTree } from '../../dist/incoming/filter-tree.js';
import * as topics from '../../dist/protocol/topic.js';

const { hasWildcard, sharedParts, topicBytes } = topics;
// An assertion must be called by a name with a type of its own.
const checkFilter: (filter: unknown) => void = topics.checkFilter;

function codeOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    return (error as { code: string }).code;
  }
  return 'ok';
}

describe('topic names', () => {
  for (const [topic, bytes] of [['a', 1], ['/', 1], ['a//b', 4], ['ä/😀', 7], ['\uFEFFa', 4], [' ', 1], ['$SYS/x', 6], ['x'.repeat(65_535), 65_535]] as const) {
    it(`${JSON.stringify(topic.slice(0, 12))} has ${bytes} bytes`, () => {
      expect(topicBytes(topic)).toBe(bytes);
      // The second time from memory.
      expect(topicBytes(topic)).toBe(bytes);
    });
  }

  for (const topic of ['', '+', '#', 'a/+', 'a/#', 'a+b', 'a#b', 'a\0b', '\uD800', 'a\uDC00', 'x'.repeat(65_536), 'ä'.repeat(32_768), undefined, null, 5, {}]) {
    it(`${String(JSON.stringify(topic)).slice(0, 12)} is none [MQTT-4.7.0-1] [MQTT-4.7.3-1..3]`, () => {
      expect(codeOf(() => topicBytes(topic as string))).toBe('ERR_MQTT_TOPIC');
      expect(codeOf(() => topicBytes(topic as string))).toBe('ERR_MQTT_TOPIC');
    });
  }

  it('10,000 different ones are still right: what is remembered is bounded', () => {
    for (let i = 0; i < 10_000; i += 1) topicBytes(`some/${i}`);
    expect(topicBytes('some/1')).toBe(6);
  });

  it('the text of an error is one short line of whole characters', () => {
    try {
      topicBytes(`${'x'.repeat(79)}😀${'x'.repeat(70_000)}\n`);
      expect.unreachable();
    } catch (error) {
      const { message } = error as Error;
      expect(message.length).toBeLessThan(200);
      expect(message).not.toContain('\n');
      expect((message as unknown as { isWellFormed(): boolean }).isWellFormed()).toBe(true);
    }
  });
});

describe('topic filters', () => {
  for (const filter of ['a', '/', '#', '+', '+/+', 'a/#', '/#', 'a/+/b', '+/a/#', '//', '$SYS/#', '$share/g/a', '$share/g/#', '$share/g//', '$shared', '$shared/x', 'ä/+', 'x'.repeat(65_535)]) {
    it(`${JSON.stringify(filter.slice(0, 12))} is one`, () => {
      expect(codeOf(() => checkFilter(filter))).toBe('ok');
    });
  }

  for (const filter of [
    '', 'a#', 'a/#/b', '#/a', '##', 'a+', '+a', 'a/b+/c', '++', 'a\0', '\uDC00', 'x'.repeat(65_536), '$share', '$share/', '$share//a', '$share/g', '$share/g/', '$share/+/a', '$share/g#/a',
    '$share/g/a#', 5, undefined,
  ]) {
    it(`${String(JSON.stringify(filter)).slice(0, 14)} is none [MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-4.8.2-1] [MQTT-4.8.2-2]`, () => {
      expect(codeOf(() => checkFilter(filter))).toBe('ERR_MQTT_FILTER');
    });
  }

  it('a shared one has a name and a filter', () => {
    expect(sharedParts('$share/g/a/+')).toEqual({ name: 'g', filter: 'a/+' });
    expect(sharedParts('$share/g//')).toEqual({ name: 'g', filter: '/' });
    expect(sharedParts('$shared/g/a')).toBeUndefined();
  });

  it('has a wildcard or not', () => {
    expect(['#', 'a/#', '+', 'a/+/b'].every(hasWildcard)).toBe(true);
    expect(['a', 'a/b', '$SYS'].some(hasWildcard)).toBe(false);
  });
});

/** Section 4.7 read aloud. */
function slowMatch(filter: string, topic: string): boolean {
  const f = (sharedParts(filter)?.filter ?? filter).split('/');
  const t = topic.split('/');
  if (topic.startsWith('$') && (f[0] === '+' || f[0] === '#')) return false;
  for (let i = 0; i < f.length; i += 1) {
    if (f[i] === '#') return true;
    if (i >= t.length || (f[i] !== '+' && f[i] !== t[i])) return false;
  }
  return f.length === t.length;
}

describe('the filter tree', () => {
  const MATCHES: [filter: string, topic: string, does: boolean][] = [
    ['a/b', 'a/b', true], ['a/b', 'a/c', false], ['a/b', 'a', false], ['a', 'a/b', false], ['a/+', 'a/b', true], ['a/+', 'a', false], ['a/+', 'a/', true], ['a/+', 'a/b/c', false],
    ['a/#', 'a', true], ['a/#', 'a/b/c', true], ['a/#', 'b', false], ['#', 'a/b', true], ['#', '/', true], ['+/+', '/', true], ['/+', '/a', true], ['+', '/a', false],
    ['#', '$SYS/a', false], ['+/a', '$SYS/a', false], ['$SYS/#', '$SYS/a', true], ['$SYS/+', '$SYS/a', true], ['a/$x', 'a/$x', true], ['a/+', 'a/$x', true],
    ['$share/g/a/+', 'a/b', true], ['$share/g/#', 'a', true], ['$share/g/#', '$SYS/a', false], ['a/+/#', 'a/b', true], ['a/+/#', 'a', false], ['+/+/+', 'a//c', true],
  ];
  for (const [filter, topic, does] of MATCHES) {
    it(`${filter} ${does ? 'matches' : 'does not match'} ${topic}`, () => {
      const tree = new FilterTree<string>();
      tree.add(filter, 'x');
      expect(tree.match(topic)).toEqual(does ? ['x'] : []);
      expect(slowMatch(filter, topic)).toBe(does);
    });
  }

  it('finds what the slow matcher finds, for 400 filters and 400 topics made by a fixed rule', () => {
    let seed = 1;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return Math.floor((seed / 2 ** 32) * below);
    };
    const level = (names: readonly string[]): string => names[random(names.length)]!;
    const filters = new Set<string>();
    while (filters.size < 400) {
      const levels = Array.from({ length: 1 + random(4) }, () => level(['a', 'b', 'c', '', '+', '+', '$x']));
      filters.add([...levels, ...(random(4) === 0 ? ['#'] : [])].join('/') || '/');
    }
    const tree = new FilterTree<string>();
    for (const filter of filters) tree.add(filter, filter);
    let found = 0;
    for (let i = 0; i < 400; i += 1) {
      const topic = Array.from({ length: 1 + random(5) }, () => level(['a', 'b', 'c', '', '$x'])).join('/') || '/';
      const matches = tree.match(topic);
      found += matches.length;
      expect(matches.sort(), topic).toEqual([...filters].filter((filter) => slowMatch(filter, topic)).sort());
    }
    expect(found).toBeGreaterThan(400);
    for (const filter of filters) expect(tree.remove(filter, filter)).toBe(true);
    expect(tree.size).toBe(0);
    expect(tree.match('a')).toEqual([]);
  });

  it('a value with several filters that match is found once, and goes with the last of them', () => {
    const tree = new FilterTree<string>();
    for (const filter of ['a', 'a', '+', '$share/g/a']) tree.add(filter, 'x');
    expect(tree.match('a')).toEqual(['x']);
    tree.remove('a', 'x');
    tree.remove('+', 'x');
    tree.remove('$share/g/a', 'x');
    expect(tree.match('a')).toEqual(['x']);
    expect(tree.remove('a', 'x')).toBe(true);
    expect(tree.match('a')).toEqual([]);
    expect(tree.remove('a', 'x')).toBe(false);
  });

  it('removing one filter leaves those beside, above and below it', () => {
    const tree = new FilterTree<string>();
    for (const filter of ['a', 'a/b', 'a/b/c', 'a/+', 'a/#']) tree.add(filter, filter);
    tree.remove('a/b', 'a/b');
    expect(tree.match('a/b').sort()).toEqual(['a/#', 'a/+']);
    expect(tree.match('a/b/c').sort()).toEqual(['a/#', 'a/b/c']);
    expect(tree.match('a').sort()).toEqual(['a', 'a/#']);
  });

  it('a topic of 65,535 levels does not exhaust the stack', () => {
    const tree = new FilterTree<string>();
    tree.add('#', 'all');
    tree.add('/'.repeat(65_535), 'deep');
    expect(tree.match('/'.repeat(65_535)).sort()).toEqual(['all', 'deep']);
    expect(tree.remove('/'.repeat(65_535), 'deep')).toBe(true);
    expect(tree.size).toBe(1);
  });
});
