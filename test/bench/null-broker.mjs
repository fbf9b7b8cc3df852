// Finds or builds the null broker (null-broker/null-broker.c says what it is) and runs it. Each sample has one of its own, so that none
// inherits anything.
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, mkdir, readFile, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { openssl } from '../../scripts/build-openssl.mjs';

const sources = fileURLToPath(new URL('null-broker/', import.meta.url));
const built = fileURLToPath(new URL('../../build/bench/', import.meta.url));
const flags = ['-O2', '-std=c11', '-Wall', '-Wextra', '-DMQN_NB_TLS'];

/**
 * The program's path. Compiled with the C compiler once for each state of its sources; the file's name holds their hash.
 * @param {{ extraFlags?: string[], onBuild?: () => void }} [options] `extraFlags` make another program of the same sources, for instance
 *   with a sanitizer.
 */
export async function buildNullBroker({ extraFlags = [], onBuild } = {}) {
  if (process.platform !== 'linux') throw new Error(`the null broker is written for Linux (epoll) and this is ${process.platform}`);
  const names = (await readdir(sources)).filter((name) => /\.[ch]$/.test(name)).sort();
  const tls = await openssl();
  const options = [...flags, `-I${join(tls, 'include')}`, ...extraFlags];
  const libraries = [join(tls, 'libssl.a'), join(tls, 'libcrypto.a'), '-lpthread', '-ldl'];
  const hash = createHash('sha256').update(options.join(' '));
  for (const name of names) hash.update(name).update(await readFile(join(sources, name)));
  const program = join(built, `null-broker-${hash.digest('hex').slice(0, 12)}`);
  if (await exists(program)) return program;
  onBuild?.();
  await mkdir(built, { recursive: true });
  const unfinished = `${program}.${process.pid}`; // two runs may build at once
  const compiler = process.env['CC'] || 'cc';
  const files = names.filter((name) => name.endsWith('.c')).map((name) => join(sources, name));
  try {
    await promisify(execFile)(compiler, [...options, ...files, ...libraries, '-o', unfinished]);
  } catch (error) {
    if (error.code === 'ENOENT') {
      throw new Error(`the null broker needs a C compiler and '${compiler}' was not found (Debian: apt-get install gcc)`);
    }
    throw new Error(`the null broker did not compile:\n${error.stderr ?? error.message}`);
  }
  await rename(unfinished, program);
  return program;
}

const exists = (path) => access(path).then(() => true, () => false);

/**
 * Starts it on a free port. It ends when stop() is called, or when this process ends: its standard input is our pipe.
 * `certificate` with --tls only: PEM, to be trusted.
 * @returns {Promise<{ port: number, certificate: string | undefined, pid: number, stop(): Promise<void>, stderr(): string,
 *   failed: Promise<Error> }>}
 */
export async function startNullBroker(program, args = []) {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let out = '', errors = '', stopping = false;
  child.stderr.setEncoding('utf8').on('data', (text) => { errors += text; });
  const ended = new Promise((resolve) => {
    child.once('error', (error) => resolve(error));
    child.once('close', (code, signal) => resolve(stopping && code === 0 ? undefined
      : new Error(`the null broker ended with ${signal ?? `code ${code}`}${errors ? `: ${errors.trim()}` : ''}`)));
  });
  let certificate;
  const port = await new Promise((resolve, reject) => {
    ended.then((error) => reject(error ?? new Error('the null broker ended')));
    child.stdout.setEncoding('utf8').on('data', (text) => {
      const found = /^(-----BEGIN[^]*-----\n)?port (\d+)\n/.exec(out += text);
      if (!found) return;
      certificate = found[1];
      resolve(Number(found[2]));
    });
  });
  return {
    port,
    certificate,
    pid: child.pid,
    stderr: () => errors,
    failed: new Promise((resolve) => { ended.then((error) => { if (error) resolve(error); }); }),
    async stop() {
      stopping = true;
      child.stdin.end();
      const error = await ended;
      if (error) throw error;
    },
  };
}
