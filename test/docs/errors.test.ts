/**
 * docs/guides/errors.md has a section for each error code of lib/errors.ts, and none for a code that does not exist. A section says what
 * the cause is and what to do.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect, it } from 'vitest';
import { readGuide, root } from './blocks.js';

const source = fs.readFileSync(path.join(root, 'lib/errors.ts'), 'utf8');
const codes = [...source.matchAll(/^ {2}\| '(ERR_MQTT_[A-Z_]+)'/gm)].map(([, code]) => code!);
const sections = readGuide('docs/guides/errors.md').split(/^## /m).slice(1).filter((section) => section.startsWith('ERR_MQTT_'));

it('each code has one section, in the order of lib/errors.ts', () => {
  expect(codes.length).toBeGreaterThan(20);
  expect(sections.map((section) => section.split('\n', 1)[0])).toEqual(codes);
});

it.each(sections)('cause and remedy: %s', (section) => {
  expect(section).toMatch(/^\*\*Cause\.\*\* \S/m);
  expect(section).toMatch(/^\*\*Remedy\.\*\* \S/m);
});
