// The suite of memory: one side is slower than the other, and what cannot go on waits within limits: in the client's queue up to its
// high-water mark, or with the broker. Nothing is lost, and the growth of the resident set is what counts.
import { formatRate, formatTable, numbers, whole } from '../report.mjs';
import { LIBRARIES, takeSample } from '../sample.mjs';

/** Cells of this suite; run.mjs says what a suite is. */
export const CELLS = {
  'memory-publish-write': { title: 'memory: QoS 1 publishes of 1 KiB at a slow broker, write() and "drain" (mqtt.js: 16,384 callbacks)', byName: true },
  'memory-publish-promise': { title: 'memory: the same, 16,384 promises outstanding, overflow "wait"', byName: true },
  'memory-receive-handler': { title: 'memory: QoS 1 messages of 1 KiB for a handler that takes 1 ms each at first', byName: true },
  'memory-receive-loop': { title: 'memory: QoS 0 messages of 1 KiB for a loop that takes 1 ms each at first (mqtt.js: handleMessage)', byName: true },
};

const WATCHED = ['native', 'js', 'mqttjs'];
const MIB = 1024 * 1024;
const ROUNDS = 2;               // at most
const SIZE = 1024;
const HIGH_WATER = 16 * MIB;    // queue.highWaterBytes, as it is by default
const LANES = 16_384;           // queue.highWaterMessages, as it is by default: as many payloads of this size come to the same
const ALLOWANCE = 64 * MIB;
const CAP = 1024 * MIB;         // a library that grows beyond is stopped
const KEEP_ALIVE = 5;

const USUAL = { total: 1_000_000, slowSeconds: 20, take: 40_000_000 };
const QUICK = { total: 60_000, slowSeconds: 3, take: 20_000_000 };
const MQTTJS_TOTAL = 200_000;   // mqtt.js gets that far in the time the others have

/** @type {import('../run.mjs').Suite['run']} */
export async function run(cell, { program, options, progress }) {
  const [, kind, way] = cell.split('-');
  const take = kind === 'publish' ? publish : receive;
  const limit = ALLOWANCE + (kind === 'publish' ? HIGH_WATER : 0);
  const runs = options.libraries.filter((name) => WATCHED.includes(name))
    .map((library) => ({ library, title: LIBRARIES[library].title, limit, samples: [] }));
  const rounds = Math.min(options.rounds, ROUNDS);
  for (let round = 0; round < rounds; round++) {
    for (const { library, title, samples } of runs) {
      progress(`${cell}: round ${round + 1} of ${rounds}, ${title}`);
      const { total, ...rest } = options.quick ? QUICK : USUAL;
      const bounded = library === 'mqttjs' ? Math.min(total, MQTTJS_TOTAL) : total;
      const sample = await take(program, library, way, { total: bounded, size: SIZE, cap: CAP, ...rest });
      const { growth, stopped, problems } = sample;
      if (library === 'mqttjs') {
        // The limits are ours. What mqtt.js does not hold is told below the table, and is no failure of this run.
        samples.push({ round, ...sample, problems: [], notes: problems });
        continue;
      }
      if (growth > limit) problems.push(`it grew by ${inMiB(growth)}, and ${inMiB(limit)} is the limit`);
      if (stopped !== undefined) problems.push('it was stopped before the end');
      samples.push({ round, ...sample });
    }
  }
  for (const one of runs) one.summary = summarize(one.samples);
  const table = formatTable(kind === 'publish' ? publishColumns : receiveColumns, runs);
  const notes = runs.flatMap(({ title, samples }) => [...new Set(samples.flatMap((sample) => sample.notes ?? []))].map((note) => `  ${title}: ${note}`));
  return { runs, text: [table, ...notes].join('\n') };
}

function publish(program, library, way, { total, size, cap, take }) {
  const plan = { way, total, size, cap, lanes: LANES, queue: way === 'promise' ? { overflow: 'wait' } : undefined };
  return takeSample(program, library, 'memory-publish.mjs', plan, { seconds: total * size / take, brokerOptions: ['--take', String(take)] });
}

function receive(program, library, way, { total, size, cap, slowSeconds }) {
  const plan = { way, qos: way === 'loop' ? 0 : 1, total, size, cap, slowSeconds, keepAlive: KEEP_ALIVE };
  return takeSample(program, library, 'memory-receive.mjs', plan, { seconds: slowSeconds + 10 });
}

const largest = (samples, name) => {
  const values = numbers(samples, name);
  return values.length === 0 ? null : Math.max(...values);
};
const FIGURES = ['total', 'time', 'taken', 'rate', 'lost', 'before', 'growth', 'growthSlow', 'doneSlow', 'silence', 'pings', 'stopped'];
const summarize = (samples) => ({
  ...Object.fromEntries(FIGURES.map((name) => [name, largest(samples, name)])),
  problems: samples.flatMap(({ problems }) => problems),
});

const inMiB = (bytes) => (bytes === null ? '-' : `${Math.round(bytes / MIB)} MiB`);
const seconds = (value, unit = 1) => (value === null ? '-' : `${(value / unit).toFixed(1)} s`);
const ends = [
  ['RSS before', ({ summary }) => inMiB(summary.before)],
  ['growth', ({ summary }) => `${summary.stopped === null ? '' : 'stopped at '}${inMiB(summary.growth)}`],
  ['limit', ({ limit }) => inMiB(limit)],
];
const publishColumns = [
  ['', (row) => row.title],
  ['messages', ({ summary }) => whole(summary.total)],
  ['taken in', ({ summary }) => seconds(summary.taken, 1000)],
  ['arrived in', ({ summary }) => seconds(summary.time, 1000)],
  ['msg/s', ({ summary }) => formatRate(summary.rate)],
  ...ends,
];
const receiveColumns = [
  ['', (row) => row.title],
  ['messages', ({ summary }) => whole(summary.total)],
  ['while slow', ({ summary }) => whole(summary.doneSlow)],
  ['in all', ({ summary }) => seconds(summary.time, 1000)],
  ['longest silence', ({ summary }) => seconds(summary.silence)],
  ['lost connections', ({ summary }) => whole(summary.lost)],
  ['PINGREQs', ({ summary }) => whole(summary.pings)],
  ['growth while slow', ({ summary }) => inMiB(summary.growthSlow)],
  ...ends,
];
