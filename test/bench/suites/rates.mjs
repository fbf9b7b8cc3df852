// The suite of rates: as fast as it goes, one client, one cell after the other. Each library runs at its best depth.
import { formatTable, rateColumns, summarize, formatRate } from '../report.mjs';
import { LIBRARIES, takeSample } from '../sample.mjs';

export const CELLS = {
  'publish-q0-write': { title: 'publish QoS 0, no promise', depth: true },
  'publish-q0': { title: 'publish QoS 0, one promise each', depth: true },
  'publish-q1': { title: 'publish QoS 1, one promise each', depth: true },
  'publish-q2': { title: 'publish QoS 2, one promise each', depth: true },
  'receive-q0': { title: 'receive QoS 0, one event each, payload read', depth: false },
  'receive-q1': { title: 'receive QoS 1, one event each, payload read', depth: false },
  'receive-q2': { title: 'receive QoS 2, one event each, payload read', depth: false },
  'receive-q0-loop': { title: 'receive QoS 0 through for await (mqtt.js, aws-crt: event)', depth: false },
  'receive-q1-loop': { title: 'receive QoS 1 through for await, acknowledged after the body (mqtt.js, aws-crt: event)', depth: false },
  'tls-publish-q1': { title: 'TLS 1.3: publish QoS 1, one promise each', depth: true },
  'tls-receive-q1': { title: 'TLS 1.3: receive QoS 1, one event each, payload read', depth: false },
};

const TRIAL_DEPTHS = [10, 100, 1000, 10_000];
const TRIAL_SECONDS = 0.4;
const TRIAL_PASSES = 2;       // the better one counts
const WORTH_DEPTH = 1.15;     // a deeper queue is taken when it is this much faster: below that it is noise, and costs memory and latency
const CRT_FLOOD_RATE = 400_000; // aws-crt reads on while its listener is behind: its flood is bounded

// Cells a library cannot run.
const LACKS = { core: /tls|loop/, crt: /q2/, rumqttc: /tls|loop|write/ };

/** One sample of a rate. @param {{ library: string, cell: string, depth: number, size: number, seconds: number, warmUp: number }} what */
export function takeRate(program, { library, ...plan }) {
  const floodRate = library === 'crt' ? CRT_FLOOD_RATE : undefined;
  const brokerOptions = plan.cell.startsWith('tls-') ? ['--tls'] : [];
  return takeSample(program, library, 'rate.mjs', { ...plan, floodRate }, { seconds: plan.seconds + plan.warmUp, brokerOptions });
}

const hasDepth = (cell, library) => CELLS[cell].depth && !(cell.endsWith('-write') && LIBRARIES[library].paces);

async function chooseDepth({ program, options, progress }, cell, library) {
  if (!hasDepth(cell, library)) return { depth: 0 };
  if (options.depth !== undefined) return { depth: options.depth };
  if (options.quick) return { depth: LIBRARIES[library].depth };
  const trials = TRIAL_DEPTHS.map((depth) => ({ depth, rate: 0, problems: [] }));
  for (let pass = 0; pass < TRIAL_PASSES; pass++) {
    for (const trial of trials) {
      const { depth } = trial, { size, warmUp } = options;
      progress(`${cell}: ${LIBRARIES[library].title} with ${depth} outstanding`);
      const { rate = 0, problems } = await takeRate(program, { library, cell, depth, size, seconds: TRIAL_SECONDS, warmUp });
      trial.rate = Math.max(trial.rate, rate);
      trial.problems.push(...problems);
    }
  }
  return { depth: trials.reduce((best, trial) => (trial.rate > best.rate * WORTH_DEPTH ? trial : best)).depth, trials };
}

/** @type {import('../run.mjs').Suite['run']} */
export async function run(cell, context) {
  const { program, options, progress } = context;
  const runs = [];
  for (const library of options.libraries.filter((name) => !LACKS[name]?.test(cell))) {
    runs.push({ library, title: LIBRARIES[library].title, samples: [], ...await chooseDepth(context, cell, library) });
  }
  for (let round = 0; round < options.rounds; round++) {
    for (const run of runs) {
      const ran = runs.filter(({ samples }) => samples.length > 0);
      const last = ran.map(({ title, samples }) => `${title} ${formatRate(samples.at(-1).rate)}`);
      progress(`${cell}: round ${round + 1} of ${options.rounds}, ${run.title} runs${last.length > 0 ? ` (${last.join(', ')})` : ''}`);
      const { library, depth } = run, { size, seconds, warmUp } = options;
      const sample = await takeRate(program, { library, cell, depth, size, seconds, warmUp });
      run.samples.push({ round, ...sample });
    }
  }
  summarize(runs);
  for (const run of runs) {
    for (const { depth, problems } of run.trials ?? []) {
      run.summary.problems.push(...problems.map((problem) => `trial at depth ${depth}: ${problem}`));
    }
  }
  return { runs, text: formatTable(rateColumns, runs) };
}
