// One sample: a fresh broker and a fresh process with one scenario in it. What both sides counted comes back, and what did not agree.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { startNullBroker } from './null-broker.mjs';
import { build as buildRumqttc } from './peers/rumqttc/build.mjs';

/**
 * Who is compared. `file` is in libraries/ (the core has a program of its own), `plan` is added to what it is told, `depth` is the usual
 * number of publishes outstanding. `paces`: its publish without a promise says itself when to wait, so there it has no depth. `prepare`:
 * what must be done once before its first sample. rumqttc runs only when it is asked for.
 */
export const LIBRARIES = {
  core: { title: 'the core from C', script: 'core.mjs', plan: {}, depth: 1000, paces: true },
  native: { title: 'native engine', file: 'mqtt-native.mjs', plan: { engine: 'native' }, depth: 1000, paces: true },
  js: { title: 'js engine', file: 'mqtt-native.mjs', plan: { engine: 'js' }, depth: 100, paces: true },
  mqttjs: { title: 'bare mqtt.js', file: 'mqttjs.mjs', plan: {}, depth: 100, paces: false },
  crt: { title: 'aws-crt', file: 'aws-crt.mjs', plan: {}, depth: 100, paces: false },
  rumqttc: { title: 'rumqttc (Rust)', script: 'rumqttc.mjs', plan: {}, depth: 100, paces: false, prepare: buildRumqttc },
};

const EXIT_TIME = 10_000; // to close the connection and let the process end by itself

/**
 * Runs one scenario against a null broker of its own.
 * @param {string} program The null broker (null-broker.mjs builds it).
 * @param {string} library A key of LIBRARIES.
 * @param {string} script A file in cells/, unless the library has its own for everything.
 * @param {object} plan What the scenario is told; port, library and the broker's certificate are added.
 * @param {{ seconds: number, brokerOptions?: string[] }} about How long the scenario takes when all goes well, and options of the broker.
 * @returns {Promise<object>} What the scenario printed; `problems` is empty when every message was accounted for.
 */
export async function takeSample(program, library, script, plan, { seconds, brokerOptions = [] }) {
  const broker = await startNullBroker(program, brokerOptions);
  try {
    const told = { ...plan, ...LIBRARIES[library].plan, library: LIBRARIES[library].file, port: broker.port, ca: broker.certificate };
    return await runProcess(LIBRARIES[library].script ?? script, told, seconds, broker.failed);
  } finally {
    await broker.stop();
  }
}

/** Runs a scenario in a process of its own. `brokerFailed` ends it; the reason is told when the broker is stopped. */
export async function runProcess(script, plan, seconds, brokerFailed) {
  const file = fileURLToPath(new URL(`cells/${script}`, import.meta.url));
  const child = spawn(process.execPath, [file, JSON.stringify(plan)], { stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '', errors = '', late;
  child.stdout.setEncoding('utf8').on('data', (text) => { out += text; });
  child.stderr.setEncoding('utf8').on('data', (text) => { errors += text; });
  const timer = setTimeout(() => {
    late = out.includes('\n') ? 'the process did not end by itself' : 'the cell did not finish';
    child.kill('SIGKILL');
  }, seconds * 1000 * 2 + 20_000 + EXIT_TIME);
  const ended = new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  brokerFailed?.then(() => child.kill('SIGKILL'));
  const { code, signal } = await ended;
  clearTimeout(timer);
  const result = out.includes('\n') ? JSON.parse(out) : { problems: [] };
  if (late) result.problems.push(late);
  else if (code === 0 && !out.includes('\n')) result.problems.push('the cell ended without a result');
  else if (code !== 0) result.problems.push(`the process ended with ${signal ?? `code ${code}`}: ${lastLines(errors)}`);
  return result;
}

/** The message of an error that ended a process, without its stack. */
function lastLines(text) {
  const lines = text.split('\n');
  return lines.find((line) => /^\w*Error\b/.test(line)) ?? lines.find((line) => line.trim() !== '') ?? 'it said nothing';
}
