// `npm test`: everything, from a fresh clone.
//
//   1. Set-up: packages, native with tests, dist/, the tools of single suites, Mosquitto. A failure here ends the run.
//   2. Type check of test/ and examples/ (lib/ was checked when it was built), lint.
//   3. ctest: the core's tests, then the same under AddressSanitizer and UndefinedBehaviorSanitizer.
//   4. vitest: everything from JavaScript.
//   5. The prebuilt addon for linux-x64: built, and the contract suite with it on every Node of test/platforms/runtimes.mjs that runs here.
//      Other processors are left out.
//   6. The last line: `N passed, N failed`, the sum of the cases of ctest, vitest and 5; a failed check, or a runner that fails without a
//      failed case, counts as one failed. The exit code is 1 when anything failed.
//
// The result is kept in build/test-results/npm-test.json with the commit that it holds for: a release wants it (scripts/release.mjs).
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { releaseFolder, sanitizerFolder } from './build-native.mjs';
import { beginTestRecord } from './release/git.mjs';
import { platforms } from './platforms.mjs';
import { setUp } from './setup.mjs';
import { BuildError, readText, root, run, say } from './tools.mjs';

const total = { passed: 0, failed: 0, skipped: 0 };
const lines = [];
const recordTests = beginTestRecord(root);

function report(what, { passed = 0, failed = 0, skipped = 0 }) {
  total.passed += passed;
  total.failed += failed;
  total.skipped += skipped;
  lines.push(`${what}: ${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
}

/**
 * Runs a program and shows its output; resolves with its exit code (1 when a signal ended it). With `onText` its standard output comes
 * through here, else it has ours, and the terminal if there is one.
 */
async function show(file, args, onText) {
  const child = spawn(file, args, { cwd: root, stdio: ['ignore', onText ? 'pipe' : 'inherit', 'inherit'] });
  child.stdout?.setEncoding('utf8').on('data', (text) => {
    onText(text);
    process.stdout.write(text);
  });
  return new Promise((resolve, reject) => child.on('error', reject).on('close', (code) => resolve(code ?? 1)));
}

const bin = (...parts) => path.join(root, 'node_modules', ...parts);

/** A check that is one step: only its failure counts. */
async function check(what, file, ...args) {
  say(`\n== ${what}`);
  const code = await show(process.execPath, [file, ...args]);
  if (code === 0) lines.push(`${what}: passed`);
  else report(what, { failed: 1 });
}

async function ctest(what, folder) {
  say(`\n== ${what}`);
  let output = '';
  const code = await show('ctest', ['--test-dir', folder, '--output-on-failure', '--no-tests=error'], (text) => (output += text));
  const results = [...output.matchAll(/^ *\d+\/\d+ Test +#\d+: .*?(Passed|\*\*\*[A-Z][A-Za-z ]*\w)/gm)].map(([, result]) => result);
  const passed = results.filter((result) => result === 'Passed').length;
  const skipped = results.filter((result) => result === '***Skipped').length;
  const failed = results.length - passed - skipped;
  report(what, { passed, skipped, failed: code !== 0 && failed === 0 ? 1 : failed });
}

async function vitest() {
  say('\n== vitest');
  const file = path.join(root, 'build/test-results/vitest.json');
  fs.rmSync(file, { force: true });
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
  const code = await show(process.execPath, [bin('vitest/vitest.mjs'), 'run', ...reporters]);
  const text = readText(file);
  const results = text === undefined ? undefined : JSON.parse(text);
  const passed = results?.numPassedTests ?? 0;
  const skipped = (results?.numPendingTests ?? 0) + (results?.numTodoTests ?? 0);
  // A file that could not be loaded has no failed case of its own.
  const isUnloaded = (suite) => suite.status === 'failed' && !suite.assertionResults.some((test) => test.status === 'failed');
  const unloaded = results?.testResults.filter(isUnloaded).length ?? 0;
  const failed = (results?.numFailedTests ?? 0) + unloaded;
  report('vitest', { passed, skipped, failed: code !== 0 && failed === 0 ? 1 : failed });
}

async function prebuilt() {
  if (process.platform !== 'linux' || process.arch !== 'x64') return;
  say('\n== the prebuilt addon for linux-x64');
  await run(process.execPath, [path.join(root, 'scripts/prebuild.mjs'), '--target', 'linux-x64']);
  for (const { target, runtime, ...counts } of await platforms((row) => row.always)) report(`${target}, ${runtime}`, counts);
}

try {
  await setUp(['packages', 'native', 'tests', 'ts', 'loading', 'pack', 'platforms', 'broker']);
  await check('type check', bin('typescript/bin/tsc'), '-p', 'tsconfig.test.json');
  await check('lint', bin('eslint/bin/eslint.js'), '.');
  await ctest('ctest', releaseFolder);
  await ctest('ctest with sanitizers', sanitizerFolder);
  await vitest();
  await prebuilt();
} catch (error) {
  console.error(error instanceof BuildError ? `error: ${error.message}` : error);
  report('set-up', { failed: 1 });
}
recordTests(total);
console.log(`\n${lines.join('\n')}\n\n${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed > 0 ? 1 : 0;
