// The suite of sizes: from an empty payload to 100 MB, as fast as it goes, beside what loopback TCP carries when nobody looks at the bytes.
// Each sample is one of the rates at that size (cells/rate.mjs).
import { buildRaw, takeRaw } from '../raw.mjs';
import { formatRate, formatTable, middle, ratios, share, summarize, times, whole } from '../report.mjs';
import { LIBRARIES } from '../sample.mjs';
import { takeRate } from './rates.mjs';

export const CELLS = {
  'size-publish-q0-write': { title: 'publish QoS 0, no promise, payloads of all sizes', byName: true },
  'size-publish-q0': { title: 'publish QoS 0, one promise each, payloads of all sizes', byName: true },
  'size-publish-q1': { title: 'publish QoS 1, one promise each, payloads of all sizes', byName: true },
  'size-receive-q0': { title: 'receive QoS 0, one event each, payloads of all sizes', byName: true },
  'size-receive-q1': { title: 'receive QoS 1, one event each, payloads of all sizes', byName: true },
};

const KB = 1024, MB = 1024 * 1024;
const SIZES = [['0 B', 0], ['64 B', 64], ['1 KB', KB], ['16 KB', 16 * KB], ['256 KB', 256 * KB], ['16 MB', 16 * MB], ['100 MB', 100 * MB]];
const RAW_FROM = 16 * KB;           // below, the messages are the work and not their bytes
const TAKING_PART = ['native', 'js', 'mqttjs'];
// Payloads outstanding: the usual number, but no more bytes than this, which is what each of the libraries is fastest with (more of them do
// not fit into the caches), and two where one is larger.
const LANE_BYTES = 2.5 * MB;
const LEAST_LANES = 2;
const LEAST_MESSAGES = 4;           // a sample lasts until so many are through
const PART_OF_SECONDS = 0.3;        // there are many samples: each takes a part of the time that one of the rates has
const PART_OF_WARM_UP = 0.5;
const RAW_SECONDS = 0.3;
const RAW_WARM_UP = 0.1;

/** Rates as bytes a second beside those of a writer and a reader in the same round. */
function addShares(run, raw) {
  for (const sample of run.samples) sample.bandwidth = sample.rate * run.size;
  run.summary.bandwidth = middle(run.samples, 'bandwidth');
  run.summary.rawRatio = ratios(run.samples, raw.map(({ rate }) => ({ bandwidth: rate })), 'bandwidth');
}

const columns = [
  ['', ({ title }) => title],
  ['msg/s', ({ summary }) => (summary.rate < 1000 && summary.rate !== null ? summary.rate.toFixed(1) : formatRate(summary.rate))],
  ['MB/s', ({ summary }) => whole(summary.bandwidth === null ? null : summary.bandwidth / 1e6)],
  ['mqtt.js', ({ summary }) => times(summary.ratio)],
  ['of raw', ({ size, summary }) => (size < RAW_FROM || summary.rawRatio === null ? '-' : `${Math.round(summary.rawRatio * 100)} %`)],
  ['main ns/msg', ({ summary }) => whole(summary.mainNs)],
  ['mqtt.js', ({ summary }) => share(summary.mainNsRatio)],
  ['all ns/msg', ({ summary }) => whole(summary.processNs)],
  ['RSS', ({ summary }) => (summary.rss === null ? '-' : `${Math.round(summary.rss / 1e6)} MB`)],
  ['depth', ({ samples }) => String(samples.at(-1)?.depth ?? '-')],
];

/** @type {import('../run.mjs').Suite['run']} */
export async function run(cell, { program, options, progress }) {
  const rawProgram = await buildRaw(), seconds = options.seconds * PART_OF_SECONDS, warmUp = options.warmUp * PART_OF_WARM_UP;
  const libraries = options.libraries.filter((name) => TAKING_PART.includes(name));
  const sizes = SIZES.map(([name, size]) => ({
    name, size, raw: [],
    runs: libraries.map((library) => ({ library, size, title: `${name}, ${LIBRARIES[library].title}`, samples: [] })),
  }));
  for (let round = 0; round < options.rounds; round++) {
    for (const { name, size, raw, runs } of sizes) {
      if (size >= RAW_FROM) raw.push(await takeRaw(rawProgram, { seconds: RAW_SECONDS, warmUp: RAW_WARM_UP }));
      for (const { library, samples } of runs) {
        progress(`${cell}: round ${round + 1} of ${options.rounds}, ${name}, ${LIBRARIES[library].title}`);
        const sample = await takeRate(program, {
          library, cell: cell.slice('size-'.length), size, seconds, warmUp, depth: LIBRARIES[library].depth,
          least: LEAST_MESSAGES, laneBytes: LANE_BYTES, leastLanes: LEAST_LANES,
        });
        samples.push({ round, ...sample });
      }
    }
  }
  for (const { raw, runs } of sizes) {
    summarize(runs);
    for (const one of runs) addShares(one, raw);
  }
  const runs = sizes.flatMap((of) => of.runs), raw = sizes.flatMap((of) => of.raw);
  return { runs, text: `${formatTable(columns, runs)}\n  raw loopback: ${whole(middle(raw, 'rate') / 1e6)} MB/s, a writer and a reader in C` };
}
