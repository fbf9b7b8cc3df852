// `npm run test:platforms [-- --target NAME ...] [--runtime TEXT] [--file NAME ...] [--record]`: runs each prebuilt addon with the contract
// suite, on its own platform or on an emulation of it, and prints a table. Without --target: all.
//
//   1. packages of test/platforms, dist/, Mosquitto; the prebuilt addons must be there (npm run prebuild)
//   2. for each row of test/platforms/runtimes.mjs: the room, the system, the files one by one
//   3. the table; every case by name in build/platforms/results.json; with --record docs/platforms.md and docs/platforms.json
//
// A row that cannot be run is a failure, which is not recorded and does not keep the others from running; what a row gave is written when
// it is done.
//
// A target that nothing here can run is inspected only, and its row says so. --runtime takes the rows whose version of Node or whose system
// begins with TEXT; --file takes a part of the suite, and is never recorded.
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { inspectBinary } from './inspect-binary.mjs';
import { setUp } from './setup.mjs';
import { targetNamed, targets } from './targets.mjs';
import { BuildError, isProgram, main, root, say } from './tools.mjs';

const folder = path.join(root, 'build/platforms');

/** Failures of one file that are shown; all are in results.json. */
const shown = 5;

function nameOf(row) {
  return `${row.target} Node ${row.node.version ?? row.debian.suite}${row.as ? ` ${row.as}` : ''}`;
}

async function runRow(row, only, { layRoom, systems, replaced, contractFiles, listCases, runFiles }) {
  const target = targetNamed(row.target);
  const room = path.join(folder, nameOf(row).replaceAll(' ', '-'));
  // First in the form of this machine, which says what cases there are.
  await layRoom(room, target);
  const files = (row.files ?? contractFiles()).filter((file) => only.length === 0 || only.includes(file));
  const expected = await listCases(room, files);
  if (replaced[row.room] !== undefined) await layRoom(room, target, replaced[row.room]);
  const system = await systems[row.room](row, room);
  const started = Date.now();
  const { cases, runtime } = await runFiles({
    room, system, row, expected, addon: `node_modules/mqtt-native/prebuilds/${target.file}`,
    onFile({ file, cases: done, seconds, log }) {
      const failed = done.filter(({ state }) => state === 'failed');
      say(`  ${file}: ${done.filter(({ state }) => state === 'passed').length} passed, ${failed.length} failed, ${seconds.toFixed(1)} s`);
      for (const { name, error } of failed.slice(0, shown)) say(`    FAILED ${name}\n      ${error.split('\n').slice(0, 6).join('\n      ')}`);
      if (failed.length > shown) say(`    and ${failed.length - shown} more`);
      if (failed.length > 0) say(`    what it wrote: ${path.relative(root, log)}`);
    },
  }).finally(() => system.end?.());
  const count = (state) => cases.filter((entry) => entry.state === state).length;
  return {
    target: row.target,
    runtime: `Node ${runtime?.node.slice(1) ?? row.node.version ?? '?'}`,
    how: system.how,
    passed: count('passed'),
    failed: count('failed'),
    skipped: count('skipped'),
    subset: row.files !== undefined,
    note: row.note ?? '',
    seconds: Math.round((Date.now() - started) / 1000),
    cases,
  };
}

const headings = ['target', 'runtime', 'how', 'passed', 'failed', 'skipped', 'note'];

function print(results) {
  const cells = results.map((result) => headings.map((heading) => String(result[heading]) + (heading === 'passed' && result.subset ? '*' : '')));
  const widths = headings.map((heading, index) => Math.max(heading.length, ...cells.map((line) => line[index].length)));
  for (const line of [headings, ...cells]) console.log(line.map((cell, index) => cell.padEnd(widths[index])).join('  ').trimEnd());
  if (results.some(({ subset }) => subset)) console.log('* a reduced selection of the suite, see docs/platforms.md');
}

/** For a target that nothing here can run: its headers, imports and exports. */
async function inspectOnly(target) {
  const file = path.join(root, 'prebuilds', target.file);
  const common = { target: target.name, runtime: '', how: 'inspected only', passed: 0, skipped: 0, subset: false, seconds: 0, cases: [] };
  if (!fs.existsSync(file)) return { ...common, failed: 1, note: `not run: prebuilds/${target.file} is missing` };
  const problems = await inspectBinary(target, file);
  return { ...common, failed: problems.length, note: problems.length === 0 ? 'not run; headers, imports and exports are as they should be' : problems.join('; ') };
}

/** Runs the rows that `choose` takes, and shows each result to `onRow`; returns all of them. */
export async function platforms(choose, { only = [], onRow = () => undefined } = {}) {
  await setUp(['packages', 'platforms', 'ts', 'broker']);
  const { rows } = await import('../test/platforms/runtimes.mjs');
  const { layRoom } = await import('../test/platforms/room.mjs');
  const { systems, replaced } = await import('../test/platforms/systems.mjs');
  const { contractFiles } = await import('../test/platforms/bundle/build.mjs');
  const { listCases, runFiles } = await import('../test/platforms/run.mjs');
  const results = [];
  for (const row of rows.filter(choose)) {
    say(`\n${nameOf(row)} (${row.room})`);
    try {
      results.push(await runRow(row, only, { layRoom, systems, replaced, contractFiles, listCases, runFiles }));
    } catch (error) {
      say(`  error: ${error instanceof BuildError ? error.message : error.stack}`);
      results.push({
        target: row.target, runtime: `Node ${row.node.version ?? ''}`.trim(), how: row.room, passed: 0, failed: 1, skipped: 0,
        subset: row.files !== undefined, note: `not run: ${error.message.split('\n')[0]}`, seconds: 0, cases: [],
        wasRun: false,
      });
    }
    onRow(results.at(-1));
  }
  return results;
}

async function command() {
  const { values } = parseArgs({ options: {
    target: { type: 'string', multiple: true, default: [] },
    runtime: { type: 'string', multiple: true, default: [] },
    file: { type: 'string', multiple: true, default: [] },
    record: { type: 'boolean', default: false },
  } });
  for (const name of values.target) targetNamed(name);
  const isWanted = (row) => (values.target.length === 0 || values.target.includes(row.target)) &&
    (values.runtime.length === 0 || values.runtime.some((text) => row.node.version?.startsWith(text) || row.as?.startsWith(text)));
  if (values.record && values.file.length > 0) throw new BuildError('--record wants whole rows: leave out --file');
  const { commitOfResults, record } = await import('../test/platforms/record.mjs');
  const commit = values.record ? commitOfResults() : undefined;
  const results = [];
  fs.mkdirSync(folder, { recursive: true });
  const keep = (result) => {
    results.push(result);
    fs.writeFileSync(path.join(folder, 'results.json'), `${JSON.stringify(results, null, 1)}\n`);
    // What could not be run says nothing about the addon: the older result stays, with its commit.
    if (values.record && result.wasRun !== false) record([result], commit, targets.map(({ name }) => name));
  };
  await platforms(isWanted, { only: values.file, onRow: keep });
  const inspected = targets.filter(({ name, runs }) => runs === undefined && (values.target.length === 0 || values.target.includes(name)));
  if (values.runtime.length === 0) for (const target of inspected) keep(await inspectOnly(target));
  if (results.length === 0) throw new BuildError(`nothing to run: known targets are ${targets.map(({ name }) => name).join(', ')}`);
  print(results);
  if (results.some(({ failed }) => failed > 0)) process.exitCode = 1;
}

if (isProgram(import.meta.url)) await main(command);
