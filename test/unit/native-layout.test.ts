/**
 * Both sides of the rings have the layout written down, one in C and one in TypeScript. A number that was changed on one side only would
 * show as messages of garbage, so the header is read here and compared.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import * as layout from '../../dist/engine/native/layout.js';

const header = readFileSync(path.resolve(import.meta.dirname, '../../native/core/include/mqtt_native.h'), 'utf8');
const code = header.replace(/\/\*[\s\S]*?\*\//g, '');

/** Every constant with a number: enumerators and macros, without MQN_. */
const inHeader = new Map<string, number>();
for (const [, name, value] of code.matchAll(/\bMQN_([A-Z0-9_]+)\s*=\s*(-?\d+)/g)) inHeader.set(name!, Number(value));
for (const [, name, value, shift] of code.matchAll(/#define MQN_([A-Z0-9_]+) \(?(-?\d+)(?: << (\d+))?\)?/g)) {
  inHeader.set(name!, shift === undefined ? Number(value) : Number(value) << Number(shift));
}

describe('layout.ts and mqtt_native.h', () => {
  it('the header was understood: it has the words, records, kinds and codes that are known to be there', () => {
    expect(inHeader.get('CTL_WORDS')).toBe(160);
    expect(inHeader.get('RECORD_SKIP')).toBe(-1);
    expect(inHeader.get('ERR_SERVER_DISCONNECT')).toBe(-15);
    expect(inHeader.size).toBeGreaterThan(60);
  });

  it('every number of layout.ts is the header\'s', () => {
    const ours = Object.entries(layout as Record<string, unknown>).filter(([name]) => name !== 'default' && name !== '__esModule');
    expect(ours.length).toBeGreaterThan(60);
    expect(Object.fromEntries(ours)).toEqual(Object.fromEntries(ours.map(([name]) => [name, inHeader.get(name)])));
  });

  it('every number of the header is in layout.ts', () => {
    const missing = [...inHeader.keys()].filter((name) => !(name in layout));
    expect(missing).toEqual([]);
  });
});
