// The suite of many clients in one process: is the rate of all of them together what one has, what does connecting them take, and what does
// an idle one cost. The number of clients is all that differs between the rows of a library.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { startNullBroker } from '../null-broker.mjs';
import { buildRaw } from '../raw.mjs';
import { formatRate, formatTable, middle, ratios, times, whole } from '../report.mjs';
import { LIBRARIES, takeSample } from '../sample.mjs';

export const CELLS = {
  'clients-publish-q1': { title: 'many clients publish QoS 1, 50,000 outstanding in all', byName: true, outstanding: 50_000 },
  'clients-publish-q1-few': { title: 'many clients publish QoS 1, 1,000 outstanding in all', byName: true, outstanding: 1000 },
  'clients-receive-q1': { title: 'many clients receive QoS 1, the same messages in all, as fast as each takes its share', byName: true },
  'clients-connect': { title: 'many clients connect, all at once', byName: true },
  'clients-memory': { title: 'what an idle connected client costs, KiB', byName: true },
};

const COUNTS = [1, 10, 100, 1000, 5000];
const QUICK_COUNTS = [1, 100, 1000];
const CONNECTED = [1000];
const IDLE = [1000, 5000];
const MANY = ['native', 'js', 'mqttjs'];  // the others have no place in one process with thousands, or no way to be told apart
const SECONDS = 0.8;      // of a sample at most: there are many
const OPEN_SECONDS = 10;  // what opening, checking and closing 5,000 clients may take
// Messages of a trial, from which it is known how many a sample needs.
const TRIAL = { native: 600_000, js: 100_000, mqttjs: 100_000 };

/** @type {import('../run.mjs').Suite['run']} */
export async function run(cell, context) {
  if (cell === 'clients-connect') return connect(cell, context);
  if (cell === 'clients-memory') return memory(cell, context);
  return rates(cell, context);
}

const percent = (value) => (value === null ? '-' : `${Math.round(value * 100)} %`);
const counted = (clients) => `${clients.toLocaleString('en')} client${clients === 1 ? '' : 's'}`;
const SOCKETS = 'sockets', SOCKETS_TIME = 60_000;
const titleOf = (library) => (library === SOCKETS ? 'bare sockets from C' : LIBRARIES[library].title);
const chosen = ({ libraries }) => MANY.filter((library) => libraries.includes(library));
const rowsOf = (libraries, counts) => libraries.flatMap((library) => counts.map((clients) => (
  { library, clients, title: `${titleOf(library)}, ${counted(clients)}`, samples: [] })));

/** Every row once a round; `take` makes a sample of one. */
async function takeRounds(cell, rows, { options, progress }, take) {
  for (let round = 0; round < options.rounds; round++) {
    for (const row of rows) {
      progress(`${cell}: round ${round + 1} of ${options.rounds}, ${row.title}`);
      row.samples.push({ round, ...await take(row) });
    }
  }
}

/** What the kernel and the broker leave to anybody: raw/clients.c. Without `seconds` it only connects. */
async function takeSockets(program, clients, { outstanding = 1, size = 64, seconds = 0, warmUp = 0 } = {}) {
  const sockets = await buildRaw('clients'), broker = await startNullBroker(program);
  try {
    const words = [broker.port, clients, outstanding, size, seconds, warmUp].map(String);
    const { stdout } = await promisify(execFile)(sockets, words, { timeout: SOCKETS_TIME });
    return { ...JSON.parse(stdout), problems: [] };
  } finally {
    await broker.stop();
  }
}

function summarize(rows, names) {
  for (const row of rows) {
    const figures = names.map((name) => [name, middle(row.samples, name)]);
    row.summary = { ...Object.fromEntries(figures), problems: row.samples.flatMap(({ problems }) => problems) };
  }
}

// ---- rates ----------------------------------------------------------------------------------------------------------------------------

async function rates(cell, context) {
  const { program, options, progress } = context, { size, warmUp, quick } = options, { outstanding } = CELLS[cell];
  const seconds = Math.min(options.seconds, SECONDS), libraries = chosen(options);
  const rows = rowsOf(outstanding === undefined ? libraries : [SOCKETS, ...libraries], quick ? QUICK_COUNTS : COUNTS);
  const script = outstanding === undefined ? 'clients-receive.mjs' : 'clients-publish.mjs';
  const about = { seconds: seconds + warmUp + OPEN_SECONDS };
  const share = warmUp / (warmUp + seconds);
  const messages = {};
  if (outstanding === undefined) {
    for (const library of libraries) {
      progress(`${cell}: how fast ${LIBRARIES[library].title} is`);
      const trial = await takeSample(program, library, script, { clients: 1, messages: TRIAL[library], size, share: 0.5 }, about);
      messages[library] = Math.ceil((trial.rate ?? TRIAL[library]) * (seconds + warmUp));
    }
  }
  await takeRounds(cell, rows, context, ({ library, clients }) => {
    if (library === SOCKETS) return takeSockets(program, clients, { outstanding, size, seconds, warmUp });
    const plan = outstanding === undefined ? { messages: messages[library], share }
      : { outstanding, seconds, warmUp };
    // Floods begin when all have asked for theirs: subscribing is not what is measured.
    const brokerOptions = outstanding === undefined ? ['--together', String(clients)] : [];
    return takeSample(program, library, script, { clients, size, ...plan }, { ...about, brokerOptions });
  });
  summarize(rows, ['rate', 'mainNs', 'processNs', 'rss']);
  for (const row of rows) {
    const one = rows.find(({ library, clients }) => library === row.library && clients === 1);
    const same = rows.find(({ library, clients }) => library === 'mqttjs' && clients === row.clients);
    const bare = rows.find(({ library, clients }) => library === SOCKETS && clients === row.clients);
    row.summary.ofSockets = bare === undefined || row === bare ? null : ratios(row.samples, bare.samples, 'rate');
    row.summary.ofOne = row === one ? null : ratios(row.samples, one.samples, 'rate');
    row.summary.ratio = same === undefined || row === same ? null : ratios(row.samples, same.samples, 'rate');
  }
  const inAll = ({ clients, samples }) => (outstanding === undefined
    ? formatRate(samples[0].each ?? null) : (outstanding / clients).toLocaleString('en'));
  return { runs: rows, text: formatTable([
    ['', ({ title }) => title],
    ['msg/s', ({ summary }) => formatRate(summary.rate)],
    ['of one', ({ summary }) => percent(summary.ofOne)],
    ['mqtt.js', ({ summary }) => times(summary.ratio)],
    ...outstanding === undefined ? [] : [['of sockets', ({ summary }) => percent(summary.ofSockets)]],
    ['main ns/msg', ({ summary }) => whole(summary.mainNs)],
    ['all ns/msg', ({ summary }) => whole(summary.processNs)],
    ['RSS', ({ summary }) => (summary.rss === null ? '-' : `${Math.round(summary.rss / 1e6)} MB`)],
    [outstanding === undefined ? 'messages each' : 'outstanding each', inAll],
  ], rows) };
}

// ---- connecting -----------------------------------------------------------------------------------------------------------------------

async function connect(cell, context) {
  const { program, options } = context;
  const rows = rowsOf([SOCKETS, ...chosen(options)], CONNECTED), [sockets] = rows;
  await takeRounds(cell, rows, context, ({ library, clients }) => (library === SOCKETS ? takeSockets(program, clients)
    : takeSample(program, library, 'clients-connect.mjs', { clients }, { seconds: OPEN_SECONDS })));
  summarize(rows, ['ms', 'mainMs', 'processMs']);
  for (const row of rows) {
    const beyond = row.samples.map(({ ms }, round) => ({ ms: ms - sockets.samples[round].ms }));
    row.summary.beyondMs = row === sockets ? null : middle(beyond, 'ms');
  }
  return { runs: rows, text: formatTable([
    ['', ({ title }) => title],
    ['all connected, ms', ({ summary }) => whole(summary.ms)],
    ['beyond sockets, ms', ({ summary }) => whole(summary.beyondMs)],
    ['main CPU, ms', ({ summary }) => whole(summary.mainMs)],
    ['all CPU, ms', ({ summary }) => whole(summary.processMs)],
  ], rows) };
}

// ---- memory ---------------------------------------------------------------------------------------------------------------------------

async function memory(cell, context) {
  const { program, options } = context;
  const rows = rowsOf(chosen(options), options.quick ? IDLE.slice(0, 1) : IDLE);
  await takeRounds(cell, rows, context, ({ library, clients }) => (
    takeSample(program, library, 'clients-memory.mjs', { clients }, { seconds: OPEN_SECONDS })));
  summarize(rows, ['rss', 'heap', 'external', 'native']);
  const kib = (name) => ({ summary }) => (summary[name] === null ? '-' : (summary[name] / 1024).toFixed(1));
  const text = formatTable([
    ['', ({ title }) => title], ['RSS', kib('rss')], ['JS heap', kib('heap')], ['external', kib('external')], ['native', kib('native')],
  ], rows);
  return { runs: rows, text: `${text}\n  After garbage collection. native: RSS without what lives in the JS heap and without external memory;
  free room in the heap counts as native.` };
}
