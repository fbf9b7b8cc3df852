/**
 * The program of the bundle: runs one file of the contract suite and writes what became of each of its cases. One process a file, as in
 * `npm test`: a crash costs the cases of one file, and the driver knows which ones they were.
 *
 *   node contract.mjs <file> <report.json> [<order.json>]
 */
import * as fs from 'node:fs';
import { createRequire } from 'node:module';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { collectTests, startTests } from '@vitest/runner';
import type { File, Suite, Task, VitestRunner } from '@vitest/runner';
import { files } from 'contract-files';
import type { CaseReport, FileReport, Order } from './report.js';
import { enterFile } from './vitest.js';

const [file, reportFile, orderFile] = process.argv.slice(2);
if (file === undefined || reportFile === undefined) {
  throw new Error('usage: contract.mjs <file> <report.json> [<order.json>]');
}
const order: Order = orderFile === undefined ? {} : JSON.parse(fs.readFileSync(orderFile, 'utf8')) as Order;
const { slower = 1, skip = {} } = order;

const errors: string[] = [];

function textOf(error: unknown): string {
  const { stack, message } = (error ?? {}) as { stack?: string; message?: string };
  return stack?.includes(message ?? '') === true ? stack : message ?? String(error);
}

// An error that no test awaits is a failure of the file, as it is under vitest.
process.on('uncaughtException', (error) => errors.push(`uncaught: ${textOf(error)}`));
process.on('unhandledRejection', (error) => errors.push(`unhandled rejection: ${textOf(error)}`));

function casesOf(suite: Suite, before: readonly string[] = []): { task: Task; name: string }[] {
  return suite.tasks.flatMap((task) => {
    const names = [...before, task.name];
    return task.type === 'suite' ? casesOf(task, names) : [{ task, name: names.join(' > ') }];
  });
}

function suiteErrors(suite: Suite): string[] {
  const own = (suite.result?.errors ?? []).map((error) => `${suite.name}: ${textOf(error)}`);
  return [...own, ...suite.tasks.flatMap((task) => (task.type === 'suite' ? suiteErrors(task) : []))];
}

function reportOf({ task, name }: { task: Task; name: string }): CaseReport {
  const { mode, result } = task;
  if (mode === 'skip' || mode === 'todo') {
    const reason = skip[name];
    return { name, state: 'skipped', ...(reason === undefined ? {} : { reason }) };
  }
  if (result?.state === 'pass') {
    return { name, state: 'passed', milliseconds: Math.round(result.duration ?? 0) };
  }
  // A case whose suite's hook failed never ran; nothing that should run is passed over.
  const why = (result?.errors ?? []).map(textOf).join('\n') || 'did not run, because a hook of its suite failed';
  return { name, state: 'failed', error: why };
}

const runner: VitestRunner = {
  config: {
    root: '/', setupFiles: [], name: undefined, passWithNoTests: false, testNamePattern: undefined, allowOnly: false,
    sequence: { seed: 1, hooks: 'stack', setupFiles: 'list' }, chaiConfig: undefined, maxConcurrency: 5,
    // As in vitest.config.mts.
    testTimeout: 20_000 * slower, hookTimeout: 60_000 * slower,
    retry: 0, includeTaskLocation: false, tags: [], tagsFilter: undefined, strictTags: false,
  },
  async importFile() {
    // As vitest gives it: the gaps of test/contract/gaps.ts are found by folder and name.
    enterFile(['contract', file].join(path.sep));
    await files[file]!();
  },
  onCollected(collected: File[]) {
    for (const { task, name } of collected.flatMap((entry) => casesOf(entry))) {
      if (task.mode === 'run' && skip[name] !== undefined) {
        task.mode = 'skip';
      }
    }
  },
};

/** The addons that this process has loaded, seen from the room. */
function loadedAddons(): string[] {
  const room = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
  const loaded = Object.keys(createRequire(import.meta.url).cache).filter((name) => name.endsWith('.node'));
  return loaded.map((name) => path.relative(room, name).replaceAll('\\', '/'));
}

if (files[file] === undefined) {
  throw new Error(`the bundle has no file ${file}, it has ${Object.keys(files).join(', ')}`);
}
const run = order.list === true ? collectTests : startTests;
const collected = await run([{ filepath: `/${file}` }], runner);
// Errors that come a turn after the last test still count.
await new Promise((resolve) => { setImmediate(resolve); });
const cases = collected.flatMap((entry) => casesOf(entry));
const report: FileReport = {
  file,
  runtime: { node: process.version, napi: process.versions['napi'] ?? '', platform: process.platform, arch: process.arch, execPath: process.execPath },
  addons: loadedAddons(),
  cases: order.list === true ? cases.map(({ task, name }) => ({ name, state: task.mode === 'run' ? 'listed' : 'skipped' })) : cases.map(reportOf),
  errors: [...errors, ...collected.flatMap((entry) => suiteErrors(entry))],
};
fs.writeFileSync(reportFile, JSON.stringify(report));
// What passed has closed all it opened, and the process ends by itself, addon and all. What failed may have left anything behind.
if (report.errors.length > 0 || report.cases.some(({ state }) => state === 'failed')) {
  process.exit(0);
}
