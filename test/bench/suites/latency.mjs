// The suite of latency: how long one message takes at rates far below the most, how long the event loop is held when there is much, and how
// long a start takes. Ratios are to bare mqtt.js, round by round; a ratio of a p99 is a ratio of few messages, so their number is shown.
import { middle, numbers, ratios, formatRate, formatTable, times, whole } from '../report.mjs';
import { LIBRARIES, takeSample } from '../sample.mjs';

const RATES = [1, 100, 10_000];
/** At 1 a second: clients of each library side by side, in processes of their own, each in its own part of the second. */
const SLOW_CLIENTS = 5;
const SLOW_SECONDS = 20;
const FEW = 100;             // a round of fewer messages is made longer: its p99 would be its maximum
const START_UPS = 4;         // a round

const FLOWS = {
  'receive-q0': 'receive QoS 0',
  'receive-q1': 'receive QoS 1',
  'paced-q0': 'receive QoS 0 at 200,000 msg/s',
  'publish-q1': 'publish QoS 1, 1,000 outstanding',
};
const PACE = 200_000;

export const CELLS = {
  'latency-puback': { title: 'latency, QoS 1: publish() to PUBACK', byName: true },
  'latency-echo': { title: 'latency, QoS 1: publish() to the echo', byName: true },
  'latency-loop': { title: 'how long the event loop is held', byName: true },
  'start-up': { title: 'start-up: require() to connected', byName: true },
};

// aws-crt reads on while its listener is behind, and has its own threads for everything: nothing here is about its loop.
const LACKS = { 'latency-loop': ['core', 'crt'], 'start-up': ['core', 'crt'] };
const LACKS_ALWAYS = ['core'];

/** @type {import('../run.mjs').Suite['run']} */
export async function run(cell, context) {
  const lacking = LACKS[cell] ?? LACKS_ALWAYS;
  const libraries = context.options.libraries.filter((name) => !lacking.includes(name));
  if (cell === 'start-up') return startUp(cell, libraries, context);
  if (cell === 'latency-loop') return loop(cell, libraries, context);
  return latency(cell, libraries, context);
}

const rowsOf = (libraries, of) => libraries.map((library) => ({ library, samples: [], ...of(library, LIBRARIES[library].title) }));

/**
 * Medians of `names` (less is better), and ratios to mqtt.js's row of the same group (rate, flow): where it has two, to the better of them.
 */
function summarize(runs, names) {
  for (const run of runs) {
    const peers = runs.filter(({ library, group }) => library === 'mqttjs' && group === run.group);
    const summary = { problems: run.samples.flatMap(({ problems }) => problems) };
    for (const name of names) {
      const best = peers.sort((a, b) => middle(a.samples, name) - middle(b.samples, name))[0];
      summary[name] = middle(run.samples, name);
      summary[`${name}Ratio`] = best === undefined || best === run ? null : ratios(run.samples, best.samples, name);
    }
    run.summary = summary;
  }
}

const worst = (samples, name) => {
  const values = numbers(samples, name);
  return values.length === 0 ? null : Math.max(...values);
};

// ---- latency ----

async function latency(cell, libraries, { program, options, progress }) {
  const runs = RATES.flatMap((rate) => [
    ...rowsOf(libraries, (_, title) => ({ group: rate, title: `${formatRate(rate)} msg/s, ${title}`, plan: {} })),
    // A lone message waits for nothing.
    ...rowsOf(libraries.filter((name) => name === 'mqttjs' && rate > 1), (_, title) => ({
      group: rate, title: `${formatRate(rate)} msg/s, ${title}, TCP_NODELAY`, plan: { noDelay: true },
    })),
  ]);
  const { size, rounds, seconds, warmUp, quick } = options;
  const take = (library, plan) => takeSample(program, library, 'latency.mjs', { cell, size, ...plan }, plan);

  const slow = runs.filter(({ group }) => group === RATES[0]);
  progress(`${cell}: 1 message a second, all libraries side by side`);
  await Promise.all(slow.map(async (run, place) => {
    const samples = await Promise.all(Array.from({ length: SLOW_CLIENTS }, (_, client) => take(run.library, {
      ...run.plan, rate: 1, seconds: quick ? 3 : SLOW_SECONDS, warmUp: 1,
      phase: (client * slow.length + place + 1) / (SLOW_CLIENTS * slow.length + 1),
    })));
    run.samples.push(together(samples));
  }));

  for (let round = 0; round < rounds; round++) {
    for (const run of runs.filter(({ group }) => group !== RATES[0])) {
      progress(`${cell}: round ${round + 1} of ${rounds}, ${run.title}`);
      const sample = await take(run.library, { ...run.plan, rate: run.group, seconds: Math.max(seconds, 1.5 * FEW / run.group), warmUp });
      run.samples.push({ round, ...sample });
    }
  }
  summarize(runs, ['p50', 'p99', 'mainNs', 'processNs']);
  for (const { samples, summary } of runs) {
    summary.max = worst(samples, 'max');
    summary.messages = samples.reduce((sum, { measured = 0 }) => sum + measured, 0);
  }
  return { runs, text: `${formatTable(latencyColumns, runs)}\n${LATENCY_NOTES}` };
}

const LATENCY_NOTES = `  us: p50 and p99 are medians of the rounds, max is the largest of all. main us/msg, all us/msg: CPU time of the main
  thread, of the process. Ratios are to the better row of mqtt.js: as it comes it leaves Nagle's algorithm on and has no option for it, so that
  a packet waits for the acknowledgement of the one before; in its second row the caller has set TCP_NODELAY on its socket.
  1 msg/s: one round of ${SLOW_CLIENTS} clients a library side by side, in processes of their own; a p99 of so few messages is about their maximum.
  10k msg/s: some ten at once each millisecond, as timers fire. On a machine with other work to do a p99 says how busy that is.`;

/** Several clients of one library as one sample. */
function together(samples) {
  const latencies = samples.flatMap((sample) => sample.latencies ?? []).sort((a, b) => a - b);
  const at = (part) => latencies[Math.max(0, Math.ceil(latencies.length * part) - 1)];
  const { name, version } = samples[0];
  return {
    name, version, clients: samples.length, measured: latencies.length, p50: at(0.5), p99: at(0.99), max: latencies.at(-1), latencies,
    mainNs: middle(samples, 'mainNs'), processNs: middle(samples, 'processNs'), problems: samples.flatMap(({ problems }) => problems),
  };
}

const micro = (value) => (value === null ? '-' : whole(value / 1000));
const latencyColumns = [
  ['', (row) => row.title],
  ['messages', ({ summary }) => whole(summary.messages)],
  ['p50 us', ({ summary }) => whole(summary.p50)],
  ['mqtt.js', ({ summary }) => times(summary.p50Ratio)],
  ['p99 us', ({ summary }) => whole(summary.p99)],
  ['mqtt.js', ({ summary }) => times(summary.p99Ratio)],
  ['max us', ({ summary }) => whole(summary.max)],
  ['main us/msg', ({ summary }) => micro(summary.mainNs)],
  ['all us/msg', ({ summary }) => micro(summary.processNs)],
];

// ---- the event loop ----

async function loop(cell, libraries, { program, options, progress }) {
  const runs = Object.entries(FLOWS).flatMap(([flow, what]) => rowsOf(libraries, (_, title) => ({ group: flow, title: `${what}, ${title}` })));
  const { size, rounds, seconds, warmUp } = options;
  for (let round = 0; round < rounds; round++) {
    for (const run of runs) {
      progress(`${cell}: round ${round + 1} of ${rounds}, ${run.title}`);
      const plan = { flow: run.group, pace: run.group.startsWith('paced') ? PACE : undefined, size, seconds, warmUp };
      const sample = await takeSample(program, run.library, 'loop.mjs', plan, { seconds: seconds + warmUp });
      run.samples.push({ round, ...sample });
    }
  }
  summarize(runs, ['rate', 'loopP99', 'loopMax', 'turn', 'held']);
  for (const { samples, summary } of runs) Object.assign(summary, { turn: worst(samples, 'turn'), held: worst(samples, 'held') });
  const text = `${formatTable(loopColumns, runs)}\n  ms: delay p99 and max are those of a timer of 1 ms (monitorEventLoopDelay), medians of the rounds. longest turn: of the event loop, the longest\n` +
    '  of all rounds, timed by a chain of setImmediate(); held: the same without the time in which another thread had the core.';
  return { runs, text };
}

const ms = (value) => (value === null ? '-' : value.toFixed(1));
const loopColumns = [
  ['', (row) => row.title],
  ['msg/s', ({ summary }) => formatRate(summary.rate)],
  ['delay p99', ({ summary }) => ms(summary.loopP99)],
  ['mqtt.js', ({ summary }) => times(summary.loopP99Ratio)],
  ['delay max', ({ summary }) => ms(summary.loopMax)],
  ['longest turn', ({ summary }) => ms(summary.turn)],
  ['held', ({ summary }) => ms(summary.held)],
];

// ---- start-up ----

async function startUp(cell, libraries, { program, options, progress }) {
  const runs = rowsOf(libraries, (_, title) => ({ group: cell, title }));
  for (let round = 0; round < options.rounds * START_UPS; round++) {
    for (const run of runs) {
      progress(`${cell}: ${round + 1} of ${options.rounds * START_UPS}, ${run.title}`);
      const peer = run.library === 'mqttjs' ? 'mqttjs' : 'mqtt-native';
      run.samples.push({ round, ...await takeSample(program, run.library, 'start-up.cjs', { peer }, { seconds: 1 }) });
    }
  }
  summarize(runs, ['ms', 'sinceStart', 'cpuMs', 'modules']);
  const text = `${formatTable(startUpColumns, runs)}\n  ms: medians, each start in a fresh process. from require(): to connected; from the start: of the process, with Node's own start.`;
  return { runs, text };
}

const startUpColumns = [
  ['', (row) => row.title],
  ['starts', ({ samples }) => String(samples.length)],
  ['from require()', ({ summary }) => ms(summary.ms)],
  ['mqtt.js', ({ summary }) => times(summary.msRatio)],
  ['from the start', ({ summary }) => ms(summary.sinceStart)],
  ['mqtt.js', ({ summary }) => times(summary.sinceStartRatio)],
  ['CPU', ({ summary }) => ms(summary.cpuMs)],
  ['modules', ({ summary }) => whole(summary.modules)],
];
