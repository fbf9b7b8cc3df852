// npm run bench:chart: draws what npm run bench measured, and writes it into docs/performance.md.
//
//   npm run bench:chart -- FILE.json [more.json ...] [--docs FOLDER]
//
// The files are those of `npm run bench -- --json FILE`. A cell that is in several is taken from the last. Charts as SVG and PNG go to
// docs/performance/; in docs/performance.md only what stands between the two marks is replaced.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { CHARTS } from './chart/charts.mjs';
import { merge, replaceGenerated, writeResults } from './chart/page.mjs';
import { toPng } from './chart/png.mjs';
import { drawBars } from './chart/svg.mjs';

const usual = fileURLToPath(new URL('../../docs/', import.meta.url));

function main() {
  const { values, positionals: files } = parseArgs({ allowPositionals: true, options: { docs: { type: 'string', default: usual } } });
  if (files.length === 0) throw new Error('say which files to draw: npm run bench:chart -- FILE.json [more.json ...]');
  const merged = merge(files.map((file) => ({ file, result: JSON.parse(readFileSync(file, 'utf8')) })));
  const page = join(values.docs, 'performance.md'), folder = join(values.docs, 'performance');
  const text = readFileSync(page, 'utf8');
  mkdirSync(folder, { recursive: true });
  const charts = [];
  for (const { name, alt, ...chart } of CHARTS) {
    const groups = chart.groupsOf(merged.cells);
    if (groups.length === 0) continue; // no cell of this kind was measured
    const svg = drawBars({ ...chart, groups, footnote: merged.footnote });
    writeFileSync(join(folder, `${name}.svg`), svg);
    writeFileSync(join(folder, `${name}.png`), toPng(svg));
    charts.push({ name, alt });
    console.log(`written: ${join(basename(values.docs), 'performance', name)}.svg and .png`);
  }
  writeFileSync(page, replaceGenerated(text, writeResults(merged, charts)));
  console.log(`written: ${join(basename(values.docs), 'performance.md')}, ${merged.cells.length} cells`);
  for (const failed of merged.failed) console.error(`FAILED when it was measured, and the page says so: ${failed}`);
  if (merged.failed.length > 0) process.exitCode = 1;
}

try {
  main();
} catch (error) {
  console.error(`bench:chart: ${error.message}`);
  process.exitCode = 1;
}
