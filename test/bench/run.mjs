// npm run bench: mqtt-native on both engines, bare mqtt.js and aws-crt, side by side against the null broker.
//
//   npm run bench -- [--cells publish-q1,receive] [--engines core,native,js,mqttjs,crt] [--rounds 5] [--seconds 2] [--size 64] [--depth N]
//                    [--json FILE] [--quick]
//
// 1. Build the null broker (C) unless it is there.
// 2. For each cell and library find the best depth by a short trial (--depth says it instead; --quick takes the usual one).
// 3. Rounds: in each round every library runs once, in a process of its own against a broker of its own; what slows the machine down
//    hits all.
// 4. Every message is accounted for at the far end. Anything lost, repeated, disordered or changed makes the run fail.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem, type } from 'node:os';
import { parseArgs } from 'node:util';
import { buildNullBroker } from './null-broker.mjs';
import { formatCell, formatRate, LEGEND, summarize } from './report.mjs';
import { CELLS, hasDepth, LIBRARIES, takeSample, takesPart } from './sample.mjs';

const TRIAL_DEPTHS = [10, 100, 1000, 10_000];
const TRIAL_SECONDS = 0.4;
const TRIAL_PASSES = 2;       // the better one counts
const WORTH_DEPTH = 1.05;     // a deeper queue is taken when it is this much faster: below, it only costs memory and latency
const YARDSTICKS = ['mqttjs', 'crt', 'core'];

function readOptions() {
  const { values } = parseArgs({
    options: {
      cells: { type: 'string' }, engines: { type: 'string', default: 'core,native,js,mqttjs,crt' }, size: { type: 'string', default: '64' },
      rounds: { type: 'string' }, seconds: { type: 'string' }, depth: { type: 'string' }, json: { type: 'string' },
      quick: { type: 'boolean', default: false }, help: { type: 'boolean', default: false },
    },
  });
  const number = (name, usual, least) => {
    const value = Number(values[name] ?? usual);
    if (!(value >= least)) throw new Error(`--${name} wants a number of at least ${least}, not '${values[name]}'`);
    return value;
  };
  const libraries = values.engines.split(',');
  const wrong = libraries.find((name) => !LIBRARIES[name]);
  if (wrong !== undefined) throw new Error(`--engines: '${wrong}' is none of ${Object.keys(LIBRARIES).join(', ')}`);
  const wanted = values.cells?.split(',') ?? [''];
  const unknown = wanted.find((start) => !Object.keys(CELLS).some((cell) => cell.startsWith(start)));
  if (unknown !== undefined) throw new Error(`--cells: nothing begins with '${unknown}'; there are ${Object.keys(CELLS).join(', ')}`);
  return {
    help: values.help, quick: values.quick, json: values.json, libraries,
    // A cell's own name means that cell, anything else all that begin with it.
    cells: Object.keys(CELLS).filter((cell) => wanted.some((start) => (CELLS[start] ? cell === start : cell.startsWith(start)))),
    rounds: number('rounds', values.quick ? 1 : 5, 1),
    seconds: number('seconds', values.quick ? 0.5 : 2, 0.05),
    warmUp: values.quick ? 0.3 : 0.5,
    size: number('size', 64, 0),
    depth: values.depth === undefined ? undefined : number('depth', 0, 1),
  };
}

const live = process.stderr.isTTY && !process.env.NO_COLOR;
/** One line that is overwritten; nothing where it could not be. */
const progress = (text) => { if (live) process.stderr.write(`\r\x1b[K${text}`); };

async function chooseDepth(options, program, cell, library) {
  if (!hasDepth(cell, library)) return { depth: 0 };
  if (options.depth !== undefined) return { depth: options.depth };
  if (options.quick) return { depth: LIBRARIES[library].depth };
  const trials = TRIAL_DEPTHS.map((depth) => ({ depth, rate: 0, problems: [] }));
  for (let pass = 0; pass < TRIAL_PASSES; pass++) {
    for (const trial of trials) {
      const { depth } = trial, { size, warmUp } = options;
      progress(`${cell}: ${LIBRARIES[library].title} with ${depth} outstanding`);
      const { rate = 0, problems } = await takeSample({ program, library, cell, depth, size, seconds: TRIAL_SECONDS, warmUp });
      trial.rate = Math.max(trial.rate, rate);
      trial.problems.push(...problems);
    }
  }
  return { depth: trials.reduce((best, trial) => (trial.rate > best.rate * WORTH_DEPTH ? trial : best)).depth, trials };
}

async function runCellOf(options, program, cell) {
  const runs = [];
  for (const library of options.libraries.filter((name) => takesPart(cell, name))) {
    const { title } = LIBRARIES[library];
    runs.push({ library, title, samples: [], ...await chooseDepth(options, program, cell, library) });
  }
  for (let round = 0; round < options.rounds; round++) {
    for (const run of runs) {
      const ran = runs.filter(({ samples }) => samples.length > 0);
      const last = ran.map(({ title, samples }) => `${title} ${formatRate(samples.at(-1).rate)}`);
      progress(`${cell}: round ${round + 1} of ${options.rounds}, ${run.title} runs${last.length > 0 ? ` (${last.join(', ')})` : ''}`);
      const load = loadavg()[0];
      const { library, depth } = run, { size, seconds, warmUp } = options;
      const sample = await takeSample({ program, library, cell, depth, size, seconds, warmUp });
      run.samples.push({ round, load, ...sample });
    }
  }
  const yardsticks = YARDSTICKS.map((name) => runs.find(({ library }) => library === name)?.samples);
  for (const run of runs) {
    run.summary = summarize(run.samples, ...(YARDSTICKS.includes(run.library) ? [] : yardsticks));
    for (const { depth, problems } of run.trials ?? []) {
      run.summary.problems.push(...problems.map((problem) => `trial at depth ${depth}: ${problem}`));
    }
  }
  progress('');
  return { cell, title: CELLS[cell].title, runs };
}

function describeMachine() {
  let commit;
  try {
    commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    commit = null; // not a clone
  }
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown', cores: cpus().length, memory: totalmem(),
    system: `${type()} ${release()}`, architecture: process.arch,
    node: process.versions.node, v8: process.versions.v8, uv: process.versions.uv, commit,
  };
}

async function main() {
  const options = readOptions();
  if (options.help) {
    console.log(`npm run bench -- [--cells A,B] [--engines ${Object.keys(LIBRARIES).join(',')}] [--rounds N] [--seconds N] [--size BYTES]
                 [--depth N] [--json FILE] [--quick]
cells, or what they begin with: ${Object.keys(CELLS).join(' ')}
${LEGEND}`);
    return;
  }
  const program = await buildNullBroker({ onBuild: () => console.log('compiling the null broker ...') });
  const machine = describeMachine(), date = new Date().toISOString();
  console.log(`${machine.cpu}, ${machine.cores} cores, ${machine.system}, Node ${machine.node}, ${date}`);
  const { size, rounds, seconds } = options;
  const others = loadavg()[0];
  if (others > machine.cores / 2) {
    console.log(`Other programs are running (load ${others.toFixed(1)}): the rates say little, CPU time a message somewhat more.`);
  }
  console.log(`payload ${size} bytes, ${rounds} round${rounds === 1 ? '' : 's'} of ${seconds} s, null broker on loopback\n`);
  const cells = [];
  for (const cell of options.cells) {
    const result = await runCellOf(options, program, cell);
    cells.push(result);
    console.log(`${formatCell(result.title, result.runs)}\n`);
  }
  console.log(LEGEND);
  const versions = {};
  for (const { library, samples } of cells.flatMap(({ runs }) => runs)) {
    const { name, version } = samples.at(-1);
    if (name !== undefined) versions[library] = `${name} ${version}`;
  }
  for (const [library, version] of Object.entries(versions)) console.log(`${LIBRARIES[library].title}: ${version}`);
  const all = cells.flatMap(({ cell, runs }) => runs.map((run) => ({ cell, ...run })));
  const failed = all.filter(({ summary }) => summary.problems.length > 0).map(({ cell, library }) => `${cell} ${library}`);
  if (options.json !== undefined) {
    const command = `npm run bench -- ${process.argv.slice(2).join(' ')}`.trim();
    writeFileSync(options.json, `${JSON.stringify({ command, date, machine, versions, options, failed, cells }, null, 2)}\n`);
    console.log(`written: ${options.json}`);
  }
  if (failed.length > 0) {
    console.log(`\nFAILED: ${failed.join(', ')}`);
    process.exitCode = 1;
  }
}

await main().catch((error) => {
  progress('');
  console.error(`bench: ${error.message}`);
  process.exitCode = 1;
});
