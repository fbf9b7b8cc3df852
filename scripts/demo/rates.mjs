// Publish and receive rates side by side, with the benchmark's own cells (test/bench), but one short round of each.
import { buildNullBroker } from '../../test/bench/null-broker.mjs';
import { formatRate } from '../../test/bench/report.mjs';
import { LIBRARIES } from '../../test/bench/sample.mjs';
import { takeRate } from '../../test/bench/suites/rates.mjs';

const SECONDS = 1.5;
const WARM_UP = 0.4;
const ROWS = [
  ['publish-q0', 'publish QoS 0'],
  ['publish-q1', 'publish QoS 1'],
  ['receive-q0', 'receive QoS 0'],
  ['receive-q1', 'receive QoS 1'],
];

/** Returns how many cells lost a message or did not run. */
export async function showRates({ line, update, dim, bold, bad }, engines) {
  let program;
  try {
    program = await buildNullBroker({ onBuild: () => update('compiling the null broker ...') });
  } catch (error) {
    line(`Left out here: ${error.message}.`);
    return 0;
  }
  const libraries = [...engines, 'mqttjs'];
  line('Against a broker in C that only counts, in a process of its own. Not Aedes: it shares this process and is slower than the');
  line('clients, so it would be what is measured. 64-byte payloads, one promise a publish, one event a message, publishes outstanding');
  line(`as suits each: ${libraries.map((library) => `${LIBRARIES[library].title} ${LIBRARIES[library].depth}`).join(', ')}.`);
  const cellOf = (text) => String(text).padStart(16);
  line();
  line(dim(`${''.padEnd(15)}${libraries.map((library) => cellOf(LIBRARIES[library].title)).join('')}`));
  let faults = 0, messages = 0;
  for (const [cell, title] of ROWS) {
    const rates = [], wrong = [];
    for (const library of libraries) {
      update(`${title.padEnd(15)}${rates.map((rate) => cellOf(`${formatRate(rate)}/s`)).join('')}${cellOf('...')}`);
      const { depth } = LIBRARIES[library];
      const sample = { library, cell, depth, size: 64, seconds: SECONDS, warmUp: WARM_UP };
      const { rate = null, total = 0, problems } = await takeRate(program, sample);
      rates.push(rate);
      messages += total;
      wrong.push(...problems.map((problem) => `${LIBRARIES[library].title}: ${problem}`));
    }
    const ratio = rates[0] / rates.at(-1);
    const verdict = engines[0] === 'native' && Number.isFinite(ratio) ? `   native is ${bold(`${ratio.toFixed(1)} times`)} mqtt.js` : '';
    line(`${title.padEnd(15)}${rates.map((rate) => cellOf(rate === null ? 'failed' : `${formatRate(rate)}/s`)).join('')}${verdict}`);
    for (const problem of wrong) line(bad(`  ${problem}`));
    faults += wrong.length;
  }
  line();
  if (faults === 0) line(`All ${messages.toLocaleString('en')} messages were counted at the far end: none lost, repeated or out of order.`);
  line('One short round on a machine that may be busy: "npm run bench" measures properly.');
  return faults;
}
