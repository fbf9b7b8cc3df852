/**
 * The tables of traps and of the standard's statements name a test case for each line. Here it is seen that the lines are complete and
 * that each case is where it is said to be.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CONFORMANCE } from '../conformance.js';
import { missing } from '../support/evidence.js';
import { TRAPS } from '../traps.js';

const read = (file: string): string => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');

const upTo = (first: number, last: number): number[] => Array.from({ length: last - first + 1 }, (_, index) => first + index);

describe('what the tables name', () => {
  it('is found where it is, and missed where it is not', () => {
    const here = { file: 'unit/tables.test.ts', case: 'is found where it is, and missed where it is not' };
    expect(missing(here)).toBeUndefined();
    expect(missing({ ...here, case: 'is found where it is' })).toContain('has no case');
    expect(missing({ ...here, file: 'unit/no-such.test.ts' })).toContain('is not there');
    expect(missing({ file: 'native/core_resolve_test.c', case: 'hanging_lookups_hold_up_nobody' })).toBeUndefined();
    expect(missing({ file: 'native/core_resolve_test.c', case: 'hanging_lookups' })).toContain('has no test');
    expect(missing({ file: 'vectors/guard.json', case: 'no such vector' })).toContain('has no vector');
  });
});

describe('traps', () => {
  it('1 to 28 of Paho C, 101 to 107 of mqtt.js', () => {
    expect(TRAPS.map(({ number }) => number)).toEqual([...upTo(1, 28), ...upTo(101, 107)]);
  });

  it('each has a case that exists', () => {
    expect(TRAPS.filter(({ cases }) => cases.length === 0).map(({ number }) => number)).toEqual([]);
    expect(TRAPS.flatMap(({ number, cases }) => cases.map(missing).filter((text) => text !== undefined).map((text) => `${number}: ${text}`))).toEqual([]);
  });

  it('Paho is compiled with HIGH_PERFORMANCE and without its heap, its trace and its persistence [trap 28]', () => {
    const cmake = read('native/cmake/paho.cmake');
    expect(cmake).toMatch(/target_compile_definitions\(\w+ \w+ [^)]*\bHIGH_PERFORMANCE=1/);
    const sources = /set\(paho_sources ([^)]*)\)/.exec(cmake)![1]!.split(/\s+/);
    expect(sources).toContain('MQTTAsync');
    const platform = ['Heap', 'StackTrace', 'MQTTPersistenceDefault', 'Log', 'Thread', 'Socket', 'SSLSocket', 'WebSocket'];
    expect(sources.filter((source) => platform.includes(source))).toEqual([]);
  });
});

describe('statements of the standard', () => {
  it('1 to 79', () => {
    expect(CONFORMANCE.map(({ number }) => number)).toEqual(upTo(1, 79));
  });

  it('each has a case that exists, or a reason why it has none', () => {
    expect(CONFORMANCE.filter(({ cases, gap }) => cases.length === 0 && gap === undefined).map(({ number }) => number)).toEqual([]);
    expect(CONFORMANCE.flatMap(({ number, cases }) => cases.map(missing).filter((text) => text !== undefined).map((text) => `${number}: ${text}`))).toEqual([]);
  });
});
