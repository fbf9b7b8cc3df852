// A Mosquitto with a configuration of its own for one sample, on a free port. Where there is none the caller is told how to get it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const PLACES = ['/usr/sbin', '/usr/local/sbin', '/opt/homebrew/sbin', '/usr/local/opt/mosquitto/sbin'];
const START_LIMIT = 8_000;

function findMosquitto() {
  const found = [...PLACES, ...(process.env['PATH'] ?? '').split(delimiter)].map((folder) => join(folder, 'mosquitto')).find(existsSync);
  if (found === undefined) throw new Error('this cell needs the Mosquitto broker, and it was not found: install the package `mosquitto`');
  return found;
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  await new Promise((resolve) => { server.close(resolve); });
  return port;
}

const accepts = (port) => new Promise((resolve) => {
  const socket = connect(port, '127.0.0.1');
  socket.once('connect', () => {
    socket.destroy();
    resolve(true);
  });
  socket.once('error', () => resolve(false));
});

/**
 * @param {string[]} lines Of its configuration, besides the listener.
 * @returns {Promise<{ port: number, failed: Promise<Error>, stop(): Promise<void> }>}
 */
export async function startMosquitto(lines) {
  const folder = await mkdtemp(join(tmpdir(), 'mqtt-native-bench-'));
  const port = await freePort();
  const user = process.getuid?.() === 0 ? ['user root'] : []; // started by root it would become somebody who cannot read the file
  await writeFile(join(folder, 'mosquitto.conf'), [...user, `listener ${port} 127.0.0.1`, 'allow_anonymous true', ...lines, ''].join('\n'));
  const child = spawn(findMosquitto(), ['-c', join(folder, 'mosquitto.conf')], { stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '', stopping = false, running = true;
  child.stderr.setEncoding('utf8').on('data', (text) => { log += text; });
  const kill = () => { child.kill('SIGKILL'); };
  process.once('exit', kill);
  const ended = new Promise((resolve) => {
    child.once('error', resolve);
    child.once('close', (code, signal) => resolve(new Error(`Mosquitto ended with ${signal ?? `code ${code}`}: ${log.trim()}`)));
  }).then((error) => {
    running = false;
    process.off('exit', kill);
    return error;
  });
  const stop = async () => {
    stopping = true;
    child.kill('SIGTERM');
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  for (const until = performance.now() + START_LIMIT; !(await accepts(port)); await sleep(10)) {
    if (running && performance.now() < until) continue;
    await stop();
    throw new Error(`Mosquitto did not start: ${log.trim()}`);
  }
  return { port, stop, failed: new Promise((resolve) => { ended.then((error) => { if (!stopping) resolve(error); }); }) };
}
