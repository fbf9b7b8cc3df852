// npm run bench: mqtt-native on both engines, bare mqtt.js and aws-crt, side by side against the null broker.
//
//   npm run bench -- [--cells publish-q1,receive] [--engines core,native,js,mqttjs,crt,rumqttc] [--rounds 5] [--seconds 2] [--size 64]
//                    [--depth N] [--json FILE] [--quick]
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
import { LEGEND } from './report.mjs';
import { LIBRARIES } from './sample.mjs';
import * as clients from './suites/clients.mjs';
import * as depths from './suites/depths.mjs';
import * as idle from './suites/idle.mjs';
import * as latency from './suites/latency.mjs';
import * as memory from './suites/memory.mjs';
import * as rates from './suites/rates.mjs';
import * as sizes from './suites/sizes.mjs';

/**
 * @typedef {object} Suite A module that measures cells of a kind.
 * @property {Record<string, { title: string, byName?: boolean }>} CELLS `byName`: runs only when --cells asks for it.
 * @property {(cell: string, context: Context) => Promise<{ runs: { library: string, title: string, samples: object[],
 *   summary: { problems: string[] } }[], text: string }>} run `runs` go into the JSON as they are, `text` is printed below the title
 *   of the cell. Problems make the whole run fail.
 */
/**
 * @typedef {object} Context
 * @property {string} program The null broker.
 * @property {{ libraries: string[], rounds: number, seconds: number, warmUp: number, size: number, depth?: number, quick: boolean }}
 *   options
 * @property {(text: string) => void} progress Shows what runs, on a line that is overwritten.
 */
/** @type {Suite[]} */
const SUITES = [rates, sizes, depths, clients, latency, idle, memory];
const CELLS = Object.assign({}, ...SUITES.map((suite) => suite.CELLS));

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
  const unknown = wanted.find((start) => start !== 'all' && !Object.keys(CELLS).some((cell) => cell.startsWith(start)));
  if (unknown !== undefined) throw new Error(`--cells: nothing begins with '${unknown}'; there are ${Object.keys(CELLS).join(', ')}`);
  return {
    help: values.help, quick: values.quick, json: values.json, libraries,
    // A cell's own name means that cell, anything else all that begin with it.
    // Without --cells all but those that run only by name.
    cells: Object.keys(CELLS).filter((cell) => wanted.some((start) => (
      start === '' ? !CELLS[cell].byName : CELLS[start] ? cell === start : start === 'all' || cell.startsWith(start)))),
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

function describeMachine() {
  let commit;
  try {
    const args = ['describe', '--always', '--dirty', '--exclude=*']; // -dirty: with changes that are not in it
    commit = execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
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
cells, or what they begin with, or all: ${Object.keys(CELLS).join(' ')}
${LEGEND}`);
    return;
  }
  const program = await buildNullBroker({ onBuild: () => console.log('compiling the null broker ...') });
  for (const library of options.libraries) LIBRARIES[library].prepare?.(() => console.log(`building ${LIBRARIES[library].title} ...`));
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
    const suite = SUITES.find(({ CELLS: own }) => Object.hasOwn(own, cell));
    const load = loadavg()[0];
    const { runs, text } = await suite.run(cell, { program, options, progress });
    progress('');
    cells.push({ cell, title: CELLS[cell].title, load, runs, text });
    console.log(`${CELLS[cell].title}\n${text}\n`);
  }
  console.log(LEGEND);
  const versions = {};
  for (const { library, samples } of cells.flatMap(({ runs }) => runs)) {
    const { name, version } = samples.at(-1) ?? {};
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
