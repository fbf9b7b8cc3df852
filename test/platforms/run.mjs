// Runs the contract suite in a room, one process a file, and counts: every case that this machine collects must come back from there, so
// that none is lost by a crash, by an import that fails, or by a condition in a test file.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { jobs, readText } from '../../scripts/tools.mjs';
import { bundleFile } from './room.mjs';

/** ms that a file may take, times `slower`. */
const fileLimit = 120_000;

// The addon is what is under test; mqtt.js is the same everywhere. Nothing else of this machine's environment gets in.
const environment = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/tmp', LANG: 'C.UTF-8', MQN_TEST_ENGINES: 'native' };

/** Runs a program with its output in a file; resolves with how it ended, in words, or undefined when well. */
async function runTo(log, [program, args], { cwd, env = {}, limit }) {
  const output = fs.openSync(log, 'w');
  const child = spawn(program, args, { cwd, env: { ...environment, ...env }, stdio: ['ignore', output, output] });
  fs.closeSync(output);
  running.add(child);
  let tooLong = false;
  const timer = setTimeout(() => {
    tooLong = true;
    child.kill('SIGKILL');
  }, limit);
  const ending = await new Promise((resolve) => {
    child.on('error', (error) => resolve(`could not be started: ${error.message}`));
    child.on('close', (code, signal) => resolve(code === 0 ? undefined : signal ? `was ended by ${signal}` : `ended with exit code ${code}`));
  });
  clearTimeout(timer);
  running.delete(child);
  return tooLong ? `took more than ${limit / 1000} s` : ending;
}

// The children and what they started end with us.
const running = new Set();
const endAll = () => {
  for (const child of running) child.kill('SIGKILL');
};
process.on('exit', endAll);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(1));

async function each(items, limit, work) {
  const left = [...items.entries()];
  const results = [];
  const worker = async () => {
    for (let entry = left.shift(); entry !== undefined; entry = left.shift()) results[entry[0]] = await work(entry[1]);
  };
  await Promise.all(Array.from({ length: limit }, worker));
  return results;
}

/** The cases of each file as this machine's Node collects them. */
export async function listCases(room, files) {
  const out = path.join(room, 'out');
  const order = path.join(out, 'list.order.json');
  fs.writeFileSync(order, JSON.stringify({ list: true }));
  const lists = await each(files, jobs, async (file) => {
    const [report, log] = [path.join(out, `${file}.list.json`), path.join(out, `${file}.list.log`)];
    const command = [process.execPath, [path.join(room, bundleFile), file, report, order]];
    const ending = await runTo(log, command, { cwd: room, limit: fileLimit });
    if (ending !== undefined) throw new Error(`${file} could not be listed: it ${ending}\n${readText(log)}`);
    return JSON.parse(readText(report)).cases;
  });
  return new Map(files.map((file, index) => [file, lists[index]]));
}

/** What became of the cases of one file; `expected` is what must be there. */
export function judge({ file, expected, report, ending, addon }) {
  const found = new Map((report?.cases ?? []).map((entry) => [entry.name, entry]));
  const cases = expected.map(({ name, state }) => {
    const entry = found.get(name);
    found.delete(name);
    if (entry !== undefined && (entry.state !== 'skipped' || entry.reason !== undefined || state === 'skipped')) return { file, ...entry };
    const why = entry === undefined ? `did not come back${ending === undefined ? '' : `: the process ${ending}`}` : 'was skipped without a reason';
    return { file, name, state: 'failed', error: why };
  });
  const strangers = [...found.values()].map((entry) => ({ ...entry, file, state: 'failed', error: 'is not collected on the machine that compares' }));
  const errors = [...(report?.errors ?? [])];
  if (ending !== undefined) errors.push(`the process ${ending}`);
  const foreign = (report?.addons ?? []).filter((name) => name !== addon);
  if (foreign.length > 0) errors.push(`loaded ${foreign.join(', ')}, not ${addon}`);
  return [...cases, ...strangers, ...errors.map((error) => ({ file, name: '(outside of a case)', state: 'failed', error }))];
}

/** Runs the files of a row; returns all cases and what the runtime says of itself. */
export async function runFiles({ room, system, expected, row, addon, onFile }) {
  const out = path.join(room, 'out');
  const order = path.join(out, 'order.json');
  const slower = row.slower ?? 1;
  fs.writeFileSync(order, JSON.stringify({ slower, skip: row.skip ?? {} }));
  let runtime;
  const results = await each([...expected.keys()], row.jobs ?? jobs, async (file) => {
    const report = path.join(out, `${file}.json`);
    const log = path.join(out, `${file}.log`);
    const started = Date.now();
    const args = [path.join(room, bundleFile), report, order].map(system.inside);
    const command = system.command([args[0], file, args[1], args[2]]);
    const ending = await runTo(log, command, { cwd: room, env: system.env, limit: fileLimit * slower });
    const text = readText(report);
    const answer = text === undefined ? undefined : JSON.parse(text);
    runtime ??= answer?.runtime;
    const cases = judge({ file, expected: expected.get(file), report: answer, ending, addon });
    onFile({ file, cases, seconds: (Date.now() - started) / 1000, log, loaded: answer?.addons ?? [] });
    return { cases, loaded: answer?.addons ?? [] };
  });
  const cases = results.flatMap((result) => result.cases);
  if (!results.some(({ loaded }) => loaded.includes(addon))) {
    cases.push({ file: '', name: '(outside of a case)', state: 'failed', error: `no file loaded ${addon}` });
  }
  return { cases, runtime };
}
