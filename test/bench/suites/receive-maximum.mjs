// The cell `receive-maximum` of the suite of depths: 2,000 publishes at once while the server takes 10 at a time, against a Mosquitto and
// against the null broker, that says what of the time is the client's.
import { startMosquitto } from '../mosquitto.mjs';
import { formatTable, middle, numbers, rateColumns, ratios, summarize, times } from '../report.mjs';
import { LIBRARIES, runProcess, takeSample } from '../sample.mjs';

const MAXIMUM = 10;
const MESSAGES = 2000;
export const RECEIVE_MAXIMUM = `publish QoS 1, ${MESSAGES.toLocaleString('en')} at once, one promise each, to a server with Receive Maximum ${MAXIMUM}`;

const SECONDS = 10; // of a sample, when all goes well
const COMPARED = ['native', 'js', 'mqttjs'];
// Mosquitto announces its own window for what it sends. Its usual queue of 1,000 messages would drop what the second client has not had.
const CONFIGURATION = [`max_inflight_messages ${MAXIMUM}`, 'max_queued_messages 100000', 'persistence false', 'set_tcp_nodelay true'];

const milliseconds = (value) => (value === null ? '-' : `${Math.round(value)} ms`);
const columns = [
  ['', (row) => row.title],
  ['all settled', ({ summary }) => milliseconds(summary.time)],
  ['min - max', ({ summary }) => (summary.time === null ? '-' : `${Math.round(summary.timeMin)} - ${milliseconds(summary.timeMax)}`)],
  ['of mqtt.js', ({ summary }) => times(summary.timeRatio)],
  ['msg/s', rateColumns[1][1]],
  ['main ns/msg', rateColumns[6][1]],
  ['all ns/msg', rateColumns[8][1]],
];

const BROKERS = {
  Mosquitto: async (_program, library, plan) => {
    const broker = await startMosquitto(CONFIGURATION);
    try {
      const told = { ...plan, ...LIBRARIES[library].plan, library: LIBRARIES[library].file, port: broker.port, witness: true };
      return await runProcess('receive-maximum.mjs', told, SECONDS, broker.failed);
    } finally {
      await broker.stop();
    }
  },
  'null broker': (program, library, plan) => takeSample(program, library, 'receive-maximum.mjs', plan,
    { seconds: SECONDS, brokerOptions: ['--receive-maximum', String(MAXIMUM)] }),
};

/** @type {import('../run.mjs').Suite['run']} */
export async function runReceiveMaximum({ program, options, progress }) {
  const { rounds, size } = options;
  const libraries = COMPARED.filter((library) => options.libraries.includes(library));
  const runs = Object.keys(BROKERS).flatMap((broker) => libraries.map((library) => (
    { library, broker, title: `${LIBRARIES[library].title}, ${broker}`, samples: [] })));
  for (let round = 0; round < rounds; round++) {
    for (const run of runs) {
      progress(`receive-maximum: round ${round + 1} of ${rounds}, ${run.title}`);
      run.samples.push({ round, ...await BROKERS[run.broker](program, run.library, { messages: MESSAGES, size }) });
    }
  }
  for (const broker of Object.keys(BROKERS)) {
    const those = runs.filter((run) => run.broker === broker), yardstick = those.find(({ library }) => library === 'mqttjs');
    summarize(those);
    for (const { library, samples, summary } of those) {
      const all = numbers(samples, 'time');
      Object.assign(summary, {
        time: middle(samples, 'time'), timeMin: Math.min(...all), timeMax: Math.max(...all),
        timeRatio: library === 'mqttjs' || yardstick === undefined ? null : ratios(samples, yardstick.samples, 'time'),
      });
    }
  }
  const note = '  mqtt.js speaks MQTT 3.1.1 by default, which has no Receive Maximum: it sends all at once.';
  return { runs, text: [formatTable(columns, runs), ...(libraries.includes('mqttjs') ? [note] : [])].join('\n') };
}
