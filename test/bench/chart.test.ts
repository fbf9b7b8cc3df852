/**
 * What `npm run bench:chart` makes of measured cells: ratios as in the tables, of a cell measured twice the last, the tables as they were
 * printed, nothing of the machine's folders, and the page around its marks untouched.
 */
import { describe, expect, test } from 'vitest';
import { CHARTS } from './chart/charts.mjs';
import { merge, replaceGenerated, writeResults } from './chart/page.mjs';
import { chooseStep, drawBars } from './chart/svg.mjs';

const run = (library: string, rates: number[], problems: string[] = []): object => ({
  library, title: library, samples: rates.map((rate) => ({ rate, mainNs: 1e9 / rate })),
  summary: { rate: rates[0], mainNs: 1e9 / rates[0]!, problems },
});
const cell = (name: string, text: string, ...runs: object[]): object => ({ cell: name, title: `title of ${name}`, load: 0.1, runs, text });
const result = (date: string, ...cells: object[]): { file: string; result: unknown } => ({
  file: 'some/folder/file.json',
  result: {
    command: 'npm run bench -- --rounds 2 --json /some/folder/file.json', date, versions: { mqttjs: 'mqtt.js 5' }, cells,
    machine: { cpu: 'a processor', cores: 2, memory: 2 ** 31, system: 'Linux 6.1.2-somebody', architecture: 'x64', node: '20', commit: 'abc' },
    options: { rounds: 2, seconds: 1, size: 64 },
  },
});

const first = result('2026-01-01T00:00:00Z', cell('publish-q1', 'old table', run('mqttjs', [5])), cell('other', 'other table'));
const second = result('2026-01-02T00:00:00Z',
  cell('publish-q1', 'new table', run('mqttjs', [100, 200]), run('native', [900, 1000]), run('core', [1000, 2000])));

describe('bench:chart', () => {
  test('a cell measured twice is taken from the last file, and stays in its place', () => {
    const text = writeResults(merge([first, second]), [{ name: 'rates', alt: 'bars' }]);
    expect(text).toContain('new table');
    expect(text).not.toContain('old table');
    expect(text.indexOf('new table')).toBeLessThan(text.indexOf('other table'));
    expect(text).toContain('(`publish-q1`, run 2)');
    expect(text).toContain('2026-01-01 00:00 UTC, commit abc, 2 cores of a processor (x64), 2.0 GiB, Linux 6.1.2, Node.js 20');
  });

  test('a file of which no cell is left is not named, and folders are cut from commands', () => {
    const text = writeResults(merge([{ ...first, result: { ...(second.result as object), date: '2025-05-05T00:00:00Z' } }, second]), []);
    expect(text).not.toContain('2025');
    expect(text).toContain('`npm run bench -- --rounds 2 --json file.json`');
    expect(text).not.toContain('/some/folder');
  });

  test('problems are told', () => {
    const merged = merge([result('2026-01-01T00:00:00Z', cell('publish-q1', 'table', run('native', [1], ['lost'])))]);
    expect(merged.failed).toEqual(['publish-q1, native']);
    expect(writeResults(merged, [])).toContain('**Failed, and not to be relied on:** publish-q1, native.');
  });

  test('what is not a result of the benchmark is refused by its name', () => {
    expect(() => merge([{ file: 'a/b.json', result: {} }])).toThrow('b.json is not what npm run bench -- --json writes');
  });

  test('bars are medians of the ratios round by round, the core\'s too', () => {
    const [rates, cpu] = CHARTS.map(({ groupsOf }) => groupsOf(merge([second]).cells)[0]!.bars.map(({ title, value }) => [title, value]));
    expect(rates).toEqual([['native engine', 7], ['the core from C', 10]]);
    expect(cpu).toEqual([['native engine', (1 / 9 + 1 / 5) / 2]]); // the core has no thread for JavaScript
  });

  test('other cells than rates, and those without mqtt.js, are not drawn', () => {
    const cells = merge([result('2026-01-01T00:00:00Z', cell('publish-q1', '', run('native', [1])), cell('other', '', run('mqttjs', [1])))]).cells;
    expect(CHARTS.map(({ groupsOf }) => groupsOf(cells))).toEqual([[], []]);
  });

  test('the scale has at most eight steps of 1, 2 or 5', () => {
    expect([0.4, 1, 1.7, 8, 8.1, 34, 100].map(chooseStep)).toEqual([0.05, 0.2, 0.5, 1, 2, 5, 20]);
  });

  test('a chart names nothing outside itself and escapes its text', () => {
    const bars = [{ title: 'a & b', look: 'native', value: 2, text: '<2>' }];
    const svg = drawBars({ title: 't', subtitle: 's', footnote: 'f', unit: String, groups: [{ title: 'g', about: '', bars }] });
    expect(svg).toContain('a &amp; b');
    expect(svg).toContain('&lt;2&gt;');
    expect(svg.replace('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:|url\(|href|@import|NaN|undefined/);
  });

  test('only what stands between the marks is replaced', () => {
    const page = 'before\n<!-- generated: npm run bench:chart writes what is between this mark and the next -->\nold\n<!-- end of generated -->\nafter\n';
    const once = replaceGenerated(page, 'new $& text');
    expect(once).toMatch(/^before\n<!-- generated: .* -->\n\nnew \$& text\n\n<!-- end of generated -->\nafter\n$/);
    expect(replaceGenerated(once, 'new $& text')).toBe(once);
    expect(() => replaceGenerated('nothing here', '')).toThrow('no place for the results');
  });
});
