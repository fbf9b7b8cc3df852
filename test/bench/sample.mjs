// One sample: a fresh null broker, a fresh process with one client, one cell. What both sides counted comes back, and what did not agree.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { startNullBroker } from './null-broker.mjs';

/**
 * Who is compared. `file` is in cells/, `plan` is added to what it is told, `depth` is the usual number of publishes outstanding. `paces`:
 * its publish without a promise says itself when to wait, so there it has no depth. `lacks`: cells it cannot run.
 */
export const LIBRARIES = {
  core: { title: 'the core from C', file: 'core.mjs', plan: {}, depth: 1000, paces: true, lacks: /tls|loop/ },
  native: { title: 'native engine', file: 'mqtt-native.mjs', plan: { engine: 'native' }, depth: 1000, paces: true },
  js: { title: 'js engine', file: 'mqtt-native.mjs', plan: { engine: 'js' }, depth: 100, paces: true },
  mqttjs: { title: 'bare mqtt.js', file: 'mqttjs.mjs', plan: {}, depth: 100, paces: false },
  crt: { title: 'aws-crt', file: 'aws-crt.mjs', plan: { floodRate: 400_000 }, depth: 100, paces: false, lacks: /q2/ },
};

/** What is measured. A cell whose rate depends on the caller's depth (publishes outstanding) says so: each library runs at its best. */
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

/** Whether the library has what the cell measures. */
export const takesPart = (cell, library) => !LIBRARIES[library].lacks?.test(cell);

export const hasDepth = (cell, library) => CELLS[cell].depth && !(cell.endsWith('-write') && LIBRARIES[library].paces);

const EXIT_TIME = 10_000; // to close the connection and let the process end by itself

/**
 * @param {{ program: string, library: string, cell: string, depth: number, size: number, seconds: number, warmUp: number }} what
 * @returns {Promise<object>} The cell's result; `problems` is empty when every message was accounted for.
 */
export async function takeSample({ program, library, ...plan }) {
  const { file, plan: more } = LIBRARIES[library];
  const broker = await startNullBroker(program, plan.cell.startsWith('tls-') ? ['--tls'] : []);
  try {
    const script = fileURLToPath(new URL(`cells/${file}`, import.meta.url));
    const told = JSON.stringify({ ...plan, ...more, port: broker.port, ca: broker.certificate });
    const child = spawn(process.execPath, [script, told], { stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '', errors = '', late;
    child.stdout.setEncoding('utf8').on('data', (text) => { out += text; });
    child.stderr.setEncoding('utf8').on('data', (text) => { errors += text; });
    const timer = setTimeout(() => {
      late = out.includes('\n') ? 'the process did not end by itself' : 'the cell did not finish';
      child.kill('SIGKILL');
    }, (plan.seconds + plan.warmUp) * 1000 * 2 + 20_000 + EXIT_TIME);
    const ended = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => resolve({ code, signal }));
    });
    broker.failed.then(() => child.kill('SIGKILL'));
    const { code, signal } = await ended;
    clearTimeout(timer);
    const result = out.includes('\n') ? JSON.parse(out) : { problems: [] };
    if (late) result.problems.push(late);
    else if (code === 0 && result.rate === undefined) result.problems.push('the cell ended without a result');
    else if (code !== 0) result.problems.push(`the process ended with ${signal ?? `code ${code}`}: ${lastLines(errors)}`);
    return result;
  } finally {
    await broker.stop();
  }
}

/** The message of an error that ended a process, without its stack. */
function lastLines(text) {
  const lines = text.split('\n');
  return lines.find((line) => /^\w*Error\b/.test(line)) ?? lines.find((line) => line.trim() !== '') ?? 'it said nothing';
}
