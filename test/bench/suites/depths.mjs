// The suite of depths: the rate with more and more publishes outstanding, and the time of many publishes that a small Receive Maximum of
// the server holds back. Every depth of a library runs right behind the one before it, so that their shares are of the same minute.
import { middle, numbers, rateColumns, ratios, share, summarize, formatTable } from '../report.mjs';
import { LIBRARIES, takeSample } from '../sample.mjs';
import { RECEIVE_MAXIMUM, runReceiveMaximum } from './receive-maximum.mjs';

export const CELLS = {
  'depth-q0': { title: 'publish QoS 0, one promise each, by publishes outstanding', byName: true },
  'depth-q1': { title: 'publish QoS 1, one promise each, by publishes outstanding', byName: true },
  'depth-q2': { title: 'publish QoS 2, one promise each, by publishes outstanding', byName: true },
  'receive-maximum': { title: RECEIVE_MAXIMUM, byName: true },
};

const DEPTHS = [10, 100, 1000, 10_000, 60_000];
const QUICK_DEPTHS = [100, 10_000, 60_000];
const YARDSTICK = 100;
const SECONDS = 1;         // of a sample, at most: there are many
const SLOW_SAMPLE = 8_000; // ms; a peer that takes longer for a sample is not asked again, nor at a greater depth ...
const COLLAPSE = 1 / 4;    // ... and one whose rate falls to less of that at YARDSTICK is not asked at greater depths

// The core has no promises, and aws-crt no QoS 2; its 60,000 would double the time of the cell and nothing is asked of it.
const COMPARED = ['native', 'js', 'mqttjs'];

const columns = [
  ['', (row) => row.title],
  ['depth', (row) => row.depth.toLocaleString('en')],
  ['msg/s', rateColumns[1][1]],
  rateColumns[2],
  [`of ${YARDSTICK}`, ({ summary }) => (summary.ofYardstick === null ? '-' : `${Math.round(summary.ofYardstick * 100)} %`)],
  rateColumns[3],
  ['main ns/msg', rateColumns[6][1]],
  ['mqtt.js', ({ summary }) => (summary.mainNsRatio === null ? '-' : share(summary.mainNsRatio))],
  ['all ns/msg', rateColumns[8][1]],
  ['RSS', rateColumns[10][1]],
  ['rounds', (row) => String(numbers(row.samples, 'rate').length)],
];

/** @type {import('../run.mjs').Suite['run']} */
export async function run(cell, context) {
  if (cell === 'receive-maximum') return await runReceiveMaximum(context);
  const { program, options, progress } = context;
  const { rounds, quick, size, warmUp } = options, qos = Number(cell.at(-1)), seconds = Math.min(options.seconds, SECONDS);
  const depths = quick ? QUICK_DEPTHS : DEPTHS, skipped = [];
  const libraries = COMPARED.filter((library) => options.libraries.includes(library));
  const runs = libraries.flatMap((library) => depths.map((depth) => ({ library, title: LIBRARIES[library].title, depth, samples: [] })));
  const slow = new Map(); // library -> the depth from which on it takes too long
  for (let round = 0; round < rounds; round++) {
    for (const run of runs) {
      const { library, title, depth } = run;
      if (depth >= (slow.get(library) ?? Infinity)) continue;
      progress(`${cell}: round ${round + 1} of ${rounds}, ${title} with ${depth} outstanding`);
      const began = performance.now();
      const sample = await takeSample(program, library, 'depth.mjs', { qos, depth, size, seconds, warmUp }, { seconds: seconds + warmUp + 10 });
      run.samples.push({ round, ...sample });
      const took = performance.now() - began;
      if (library !== 'mqttjs') continue; // what is bounded is the peer; ours are shown whatever they do
      const shallow = runs.find((other) => other.library === library && other.depth === YARDSTICK).samples[round]?.rate;
      const collapsed = depth > YARDSTICK && depth < depths.at(-1) && sample.rate < shallow * COLLAPSE;
      if (took < SLOW_SAMPLE && !collapsed) continue;
      slow.set(library, collapsed ? depth + 1 : depth);
      const outstanding = `${title}: with ${depth.toLocaleString('en')} outstanding`;
      skipped.push(collapsed ? `  ${outstanding} it fell to ${Math.round(sample.rate / shallow * 100)} % of its rate: not run at more.`
        : `  ${outstanding} a sample took ${Math.round(took / 1000)} s: no more of them, nor of more.`);
    }
  }
  for (const depth of depths) summarize(runs.filter((run) => run.depth === depth));
  for (const run of runs) {
    const shallow = runs.find(({ library, depth }) => library === run.library && depth === YARDSTICK);
    run.summary.ofYardstick = ratios(run.samples, shallow.samples, 'rate');
    run.summary.loopMax = middle(run.samples, 'loopMax');
  }
  const shown = runs.filter(({ samples }) => samples.length > 0);
  return { runs: shown, text: [formatTable(columns, shown), ...skipped].join('\n') };
}
