// Which charts there are, and what of the measured cells each of them shows. All are ratios to bare mqtt.js in the same rounds, as the
// tables have them.
import { formatRate, ratios, share, times, whole } from '../report.mjs';
import { CELLS } from '../suites/rates.mjs';

const YARDSTICK = 'mqttjs';

/** From top to bottom; the class says the colour. */
const BARS = [
  { library: 'native', title: 'native engine', look: 'native' },
  { library: 'js', title: 'js engine', look: 'js' },
  { library: 'crt', title: 'aws-crt', look: 'crt' },
  { library: 'rumqttc', title: 'rumqttc (Rust)', look: 'rust' },
  { library: 'core', title: 'the core from C', look: 'core' },
];

// Other suites measure something else than how fast it goes.
const isRate = ({ cell }) => Object.hasOwn(CELLS, cell);
const sign = (text) => text.replace(/x$/, '\u00d7');

/** One group a cell: its bars, each the median of the ratios round by round. */
function groupsOf(cells, figure, libraries, describe, about) {
  const groups = [];
  for (const { cell, title, runs } of cells.filter(isRate)) {
    const yardstick = runs.find(({ library }) => library === YARDSTICK);
    if (yardstick === undefined) continue;
    const bars = [];
    for (const { library, title: name, look } of libraries) {
      const run = runs.find((one) => one.library === library);
      const value = run && ratios(run.samples, yardstick.samples, figure);
      if (value) bars.push({ title: name, look, value, text: describe(value, run.summary) });
    }
    if (bars.length > 0) groups.push({ id: cell, title, about: about(yardstick.summary), bars });
  }
  return groups;
}

export const CHARTS = [
  {
    name: 'rates',
    alt: 'Rates as multiples of bare mqtt.js, one group of bars for each way to publish or receive',
    title: 'Messages a second, as a multiple of bare mqtt.js',
    subtitle: 'Longer is better. One client against a broker in C on loopback that checks every message.',
    unit: (value) => `${value}\u00d7`,
    groupsOf: (cells) => groupsOf(cells, 'rate', BARS, (value, { rate }) => `${sign(times(value))} (${formatRate(rate)}/s)`,
      ({ rate }) => `mqtt.js ${formatRate(rate)}/s`),
  },
  {
    name: 'cpu',
    alt: 'CPU time of the main thread a message as a share of bare mqtt.js, one group of bars for each way to publish or receive',
    title: 'CPU time of the main thread a message, as a share of bare mqtt.js',
    subtitle: 'Shorter is better. The thread that runs JavaScript: what a message takes from the application.',
    unit: (value) => (value === 0 ? '0' : String(value)),
    groupsOf: (cells) => groupsOf(cells, 'mainNs', BARS.slice(0, 3), (value, { mainNs }) => `${sign(share(value))} (${whole(mainNs)} ns)`,
      ({ mainNs }) => `mqtt.js ${whole(mainNs)} ns`),
  },
];
