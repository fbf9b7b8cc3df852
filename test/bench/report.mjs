// What the samples of a cell come to, as numbers and as a table.

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b), middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

// A sample that failed has no figures; JSON has no NaN.
export const numbers = (samples, name) => samples.map((sample) => sample[name]).filter((value) => Number.isFinite(value));
export const middle = (samples, name) => {
  const values = numbers(samples, name);
  return values.length === 0 ? null : median(values);
};

/** Ratios round by round, so that what slows the machine down for a while slows both sides of a ratio. */
export function ratios(samples, yardstick, name) {
  const all = samples.map((sample, round) => sample[name] / yardstick[round]?.[name]);
  const values = all.filter((value) => Number.isFinite(value) && value > 0);
  return values.length === 0 ? null : median(values);
}

const YARDSTICKS = { ratio: 'mqttjs', crtRatio: 'crt', coreRatio: 'core' };

/**
 * Gives each run of a cell its `summary`: medians of its samples, and ratios to the libraries it is compared with, in the same rounds.
 * @param {{ library: string, samples: object[], summary?: object }[]} runs
 */
export function summarize(runs) {
  const samplesOf = (name) => runs.find(({ library }) => library === name)?.samples;
  for (const run of runs) {
    const { library, samples } = run, rates = numbers(samples, 'rate');
    const isYardstick = Object.values(YARDSTICKS).includes(library);
    const ratioTo = (name, figure) => (isYardstick || samplesOf(name) === undefined ? null : ratios(samples, samplesOf(name), figure));
    run.summary = {
      rate: middle(samples, 'rate'),
      rateMin: rates.length === 0 ? null : Math.min(...rates),
      rateMax: rates.length === 0 ? null : Math.max(...rates),
      ...Object.fromEntries(Object.entries(YARDSTICKS).map(([ratio, name]) => [ratio, ratioTo(name, 'rate')])),
      mainNs: middle(samples, 'mainNs'),
      mainNsRatio: ratioTo('mqttjs', 'mainNs'),
      processNs: middle(samples, 'processNs'),
      loopP99: middle(samples, 'loopP99'),
      rss: middle(samples, 'rss'),
      problems: samples.flatMap((sample) => sample.problems),
    };
  }
}

const dash = '-';
export function formatRate(value) {
  if (value === null || value === undefined) return dash;
  if (value >= 999_500) return `${(value / 1e6).toFixed(2)}M`;
  return value >= 10_000 ? `${Math.round(value / 1000)}k` : String(Math.round(value));
}
export const times = (value) => (value === null ? dash : `${value.toFixed(value < 10 ? 2 : 1)}x`);
export const whole = (value) => (value === null ? dash : Math.round(value).toLocaleString('en'));
export const share = (value) => (value === null ? dash : value > 1 ? `${value.toFixed(2)}x` : `1/${(1 / value).toFixed(1)}`);

/** Columns of a table of rates: [heading, what of the run]. */
export const rateColumns = [
  ['', (row) => row.title],
  ['msg/s', ({ summary }) => formatRate(summary.rate)],
  ['min - max', ({ summary }) => (summary.rate === null ? dash : `${formatRate(summary.rateMin)} - ${formatRate(summary.rateMax)}`)],
  ['mqtt.js', ({ summary }) => times(summary.ratio)],
  ['aws-crt', ({ summary }) => times(summary.crtRatio)],
  ['core', ({ summary }) => times(summary.coreRatio)],
  ['main ns/msg', ({ summary }) => whole(summary.mainNs)],
  ['mqtt.js', ({ summary }) => share(summary.mainNsRatio)],
  ['all ns/msg', ({ summary }) => whole(summary.processNs)],
  ['loop p99', ({ summary }) => (summary.loopP99 === null ? dash : `${summary.loopP99.toFixed(1)} ms`)],
  ['RSS', ({ summary }) => (summary.rss === null ? dash : `${Math.round(summary.rss / 1e6)} MB`)],
  ['depth', (row) => (row.depth ? String(row.depth) : dash)],
];

/**
 * Rows as aligned text, with headings; a row with problems is marked, and its problems stand below.
 * @param {[string, (row: object) => string][]} columns The first is aligned to the left.
 * @param {{ title: string, summary: { problems: string[] } }[]} rows
 */
export function formatTable(columns, rows) {
  const all = [...columns, ['', (row) => (row.summary.problems.length > 0 ? 'FAIL' : '')]];
  const table = [all.map(([heading]) => heading), ...rows.map((row) => all.map(([, of]) => of(row)))];
  const widths = all.map((_, column) => Math.max(column === 0 ? 14 : 0, ...table.map((line) => line[column].length)));
  const pad = (text, i) => (i === 0 ? text.padEnd(widths[i]) : text.padStart(widths[i]));
  const lines = table.map((line) => `  ${line.map(pad).join('  ')}`.trimEnd());
  const problems = rows.flatMap((row) => [...new Set(row.summary.problems)].map((problem) => `  FAIL ${row.title}: ${problem}`));
  return [...lines, ...problems].join('\n');
}

export const LEGEND = `msg/s: median of the rounds. mqtt.js, aws-crt, core: the rate, and the CPU time, as a multiple
of theirs, median of the ratios round by round. main ns/msg: CPU time of the thread that runs JavaScript; all: of the whole process. loop p99: delay of the event loop, with the 1 ms of the timer that measures it.
depth: publishes outstanding. FAIL: a message was lost, repeated, out of order or different at the far end.`;
