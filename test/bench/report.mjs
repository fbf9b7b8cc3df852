// What the samples of a cell come to, as numbers and as a table.

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b), middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

// A sample that failed has no figures; JSON has no NaN.
const numbers = (samples, name) => samples.map((sample) => sample[name]).filter((value) => Number.isFinite(value));
const middle = (samples, name) => {
  const values = numbers(samples, name);
  return values.length === 0 ? null : median(values);
};

/** Ratios round by round, so that what slows the machine down for a while slows both sides of a ratio. */
function ratios(samples, yardstick, name) {
  const all = samples.map((sample, round) => sample[name] / yardstick[round]?.[name]);
  const values = all.filter((value) => Number.isFinite(value) && value > 0);
  return values.length === 0 ? null : median(values);
}

/**
 * @param {object[]} samples Of one library in one cell.
 * @param {object[]} [mqttjs] Those of the libraries it is compared with, in the same rounds.
 * @param {object[]} [crt]
 * @param {object[]} [core]
 */
export function summarize(samples, mqttjs, crt, core) {
  const rates = numbers(samples, 'rate');
  return {
    rate: middle(samples, 'rate'),
    rateMin: rates.length === 0 ? null : Math.min(...rates),
    rateMax: rates.length === 0 ? null : Math.max(...rates),
    ratio: mqttjs ? ratios(samples, mqttjs, 'rate') : null,
    coreRatio: core ? ratios(samples, core, 'rate') : null,
    crtRatio: crt ? ratios(samples, crt, 'rate') : null,
    mainNs: middle(samples, 'mainNs'),
    mainNsRatio: mqttjs ? ratios(samples, mqttjs, 'mainNs') : null,
    processNs: middle(samples, 'processNs'),
    loopP99: middle(samples, 'loopP99'),
    rss: middle(samples, 'rss'),
    problems: samples.flatMap((sample) => sample.problems),
  };
}

const dash = '-';
export function formatRate(value) {
  if (value === null || value === undefined) return dash;
  if (value >= 999_500) return `${(value / 1e6).toFixed(2)}M`;
  return value >= 10_000 ? `${Math.round(value / 1000)}k` : String(Math.round(value));
}
const times = (value) => (value === null ? dash : `${value.toFixed(value < 10 ? 2 : 1)}x`);
const whole = (value) => (value === null ? dash : Math.round(value).toLocaleString('en'));
const share = (value) => (value === null ? dash : value > 1 ? `${value.toFixed(2)}x` : `1/${(1 / value).toFixed(1)}`);

const COLUMNS = [
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
  ['', (row) => (row.summary.problems.length > 0 ? 'FAIL' : '')],
];

/** The rows of a cell, aligned, with a heading. @param {{ title: string, depth?: number, summary: object }[]} rows */
export function formatCell(title, rows) {
  const table = [COLUMNS.map(([heading]) => heading), ...rows.map((row) => COLUMNS.map(([, of]) => of(row)))];
  const widths = COLUMNS.map((_, column) => Math.max(column === 0 ? 14 : 0, ...table.map((line) => line[column].length)));
  const pad = (text, i) => (i === 0 ? text.padEnd(widths[i]) : text.padStart(widths[i]));
  const lines = table.map((line) => `  ${line.map(pad).join('  ')}`.trimEnd());
  const problems = rows.flatMap((row) => [...new Set(row.summary.problems)].map((problem) => `  FAIL ${row.title}: ${problem}`));
  return [title, ...lines, ...problems].join('\n');
}

export const LEGEND = `msg/s: median of the rounds. mqtt.js, aws-crt, core: the rate, and the CPU time, as a multiple
of theirs, median of the ratios round by round. main ns/msg: CPU time of the thread that runs JavaScript; all: of the whole process. loop p99: delay of the event loop, with the 1 ms of the timer that measures it.
depth: publishes outstanding. FAIL: a message was lost, repeated, out of order or different at the far end.`;
