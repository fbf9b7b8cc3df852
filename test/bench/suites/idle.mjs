// The suite of idleness: 1,000 clients with nothing to do wake nothing but for their PINGREQs, and one connect() that is not answered does
// not spin. What threads do is read from the kernel's counters, so another program that runs meanwhile changes little.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { formatTable, middle, whole } from '../report.mjs';
import { LIBRARIES, runProcess, takeSample } from '../sample.mjs';

/** Cells of this suite; run.mjs says what a suite is. */
export const CELLS = {
  'idle-clients': { title: '1,000 idle clients, keep-alive by default and 2 s: wake-ups of the process', byName: true },
  'idle-connect': { title: 'connect() that nobody answers: wake-ups of the process', byName: true },
};

const WATCHED = ['native', 'js', 'mqttjs'];
const ROUNDS = 3;          // at most: what is counted hardly differs
const SECONDS = 5, QUICK_SECONDS = 2;
const CONNECT_SECONDS = 3;
const CLIENTS = 1000;
// What Node does by itself in an idle process (garbage collection has timers of its own) stays far below both.
const WAKE_UPS = 5;        // a second, at most, beyond those for PINGREQs and what the process does without clients
const A_PING = 2;          // wake-ups: the timer, and the answer
const CPU_SHARE = 0.02;    // of one core while nothing happens

const sum = ({ main, own }, name) => main[name] + own[name];

/** @type {import('../run.mjs').Suite['run']} */
export async function run(cell, context) {
  const { options } = context;
  const libraries = options.libraries.filter((name) => WATCHED.includes(name));
  const runs = (cell === 'idle-clients' ? [undefined, 2] : ['silent', 'full']).flatMap((about) => libraries.map((library) => (
    { library, title: `${LIBRARIES[library].title}, ${describe(about)}`, about, samples: [] })));
  const rounds = Math.min(options.rounds, ROUNDS);
  const take = cell === 'idle-clients' ? idleClients : await idleConnect(options);
  try {
    for (let round = 0; round < rounds; round++) {
      for (const one of runs) {
        context.progress(`${cell}: round ${round + 1} of ${rounds}, ${one.title}`);
        one.samples.push({ round, ...await take(context, one) });
      }
    }
  } finally {
    await take.stop?.();
  }
  for (const one of runs) one.summary = summarize(one.samples);
  return { runs, text: formatTable(columns, runs) };
}

const describe = (about) => ({ silent: 'accepted, no CONNACK', full: 'no SYN-ACK', 2: '2 s' })[about] ?? '60 s';

async function idleClients({ program, options: { quick } }, { library, about: keepAlive }) {
  const seconds = quick ? QUICK_SECONDS : SECONDS, settle = quick ? 1 : 2;
  const plan = { clients: CLIENTS, seconds, settle, keepAlive };
  const sample = await takeSample(program, library, 'idle-clients.mjs', plan, { seconds: 2 * (seconds + settle) });
  if (sample.idle !== undefined) judge(sample, sample.idle, sample.empty);
  return sample;
}

/** The black holes are there for all samples. */
async function idleConnect({ quick }) {
  const seconds = quick ? QUICK_SECONDS : CONNECT_SECONDS;
  const file = fileURLToPath(new URL('../cells/black-hole.mjs', import.meta.url));
  const holes = spawn(process.execPath, [file], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => { holes.once('close', resolve); });
  const ports = await new Promise((resolve, reject) => {
    createInterface(holes.stdout).once('line', (line) => resolve(JSON.parse(line)));
    void ended.then(() => reject(new Error('the black hole ended')));
  });
  const take = async (_context, { library, about }) => {
    const plan = { ...LIBRARIES[library].plan, library: LIBRARIES[library].file, port: ports[about], seconds };
    const sample = await runProcess('idle-connect.mjs', plan, seconds);
    if (sample.waiting !== undefined) judge(sample, sample.waiting);
    return sample;
  };
  return Object.assign(take, {
    stop() {
      holes.stdin.end();
      return ended;
    },
  });
}

/** Adds the figures of the table, and what is more than there may be. */
function judge(sample, busy, empty) {
  const { seconds, pings = 0, problems } = sample;
  sample.wakeUps = sum(busy, 'switches') / seconds;
  sample.emptyWakeUps = empty === undefined ? null : sum(empty, 'switches') / seconds;
  sample.mainWakeUps = busy.main.switches / seconds;
  sample.ownWakeUps = busy.own.switches / seconds;
  sample.nodeWakeUps = busy.node.switches / seconds;
  sample.aPing = pings > 0 ? sum(busy, 'switches') / pings : null;
  sample.cpu = sum(busy, 'cpuNs') / seconds / 1e6;
  const most = WAKE_UPS + (sample.emptyWakeUps ?? 0) + pings / seconds * A_PING;
  if (sample.wakeUps > most) problems.push(`${whole(sample.wakeUps)} wake-ups a second with ${whole(pings / seconds)} PINGREQs`);
  if (pings === 0 && sample.cpu > CPU_SHARE * 1000) problems.push(`${sample.cpu.toFixed(1)} ms of CPU time a second without a reason`);
}

const FIGURES = ['wakeUps', 'emptyWakeUps', 'mainWakeUps', 'ownWakeUps', 'nodeWakeUps', 'pings', 'aPing', 'cpu'];
const summarize = (samples) => ({
  ...Object.fromEntries(FIGURES.map((name) => [name, middle(samples, name)])),
  problems: samples.flatMap(({ problems }) => problems),
});

const number = (value) => (value === null ? '-' : value.toFixed(value < 10 ? 1 : 0));
const columns = [
  ['', (row) => row.title],
  ['wake-ups/s', ({ summary }) => number(summary.wakeUps)],
  ['without', ({ summary }) => number(summary.emptyWakeUps)],
  ['main', ({ summary }) => number(summary.mainWakeUps)],
  ['own', ({ summary }) => number(summary.ownWakeUps)],
  ["Node's", ({ summary }) => number(summary.nodeWakeUps)],
  ['PINGREQs', ({ summary }) => whole(summary.pings)],
  ['wake-ups each', ({ summary }) => number(summary.aPing)],
  ['CPU ms/s', ({ summary }) => (summary.cpu === null ? '-' : summary.cpu.toFixed(2))],
];
