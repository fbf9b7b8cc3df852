/**
 * The table of gaps in docs/guides/engines.md is that of test/contract/gaps.ts, so that no engine lacks something the guide does not tell.
 * `npm run docs:gaps` writes it.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect, it } from 'vitest';
import { GAPS } from '../contract/gaps.js';
import { readGuide, root } from './blocks.js';

const file = 'docs/guides/engines.md';
const place = /(<!-- gaps -->\n)(.*?)(<!-- end of gaps -->)/s;

function table(): string {
  if (GAPS.length === 0) return '\nNone.\n\n';
  const reasons = [...new Set(GAPS.map((gap) => gap.reason))];
  const rows = reasons.map((reason) => {
    const gaps = GAPS.filter((gap) => gap.reason === reason);
    const engines = [...new Set(gaps.flatMap((gap) => gap.engines))].sort().join(', ');
    const cases = gaps.map((gap) => `\`${gap.file}\`: ${gap.case}`.replaceAll('|', '\\|')).join('<br>');
    return `| ${engines} | ${reason} | ${cases} |`;
  });
  return `\n| engine | why | skipped cases |\n|---|---|---|\n${rows.join('\n')}\n\n`;
}

it('docs/guides/engines.md has them all, and no other', () => {
  if (process.env['npm_lifecycle_event'] === 'docs:gaps') {
    fs.writeFileSync(path.join(root, file), readGuide(file).replace(place, (_, start: string, __, end: string) => start + table() + end));
  }
  expect(place.exec(readGuide(file))?.[2]).toBe(table());
});
