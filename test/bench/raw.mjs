// Builds raw/raw.c, which says what it is, and runs it: bytes a second over loopback TCP, between two processes that only write and read.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, mkdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const sources = new URL('raw/', import.meta.url);
const built = fileURLToPath(new URL('../../build/bench/', import.meta.url));
const flags = ['-O2', '-std=c11', '-Wall', '-Wextra'];
const run = promisify(execFile);

/** The path of a program of raw/. Compiled once for each state of its source; the file's name holds its hash. */
export async function buildRaw(name = 'raw') {
  const source = fileURLToPath(new URL(`${name}.c`, sources));
  const hash = createHash('sha256').update(flags.join(' ')).update(await readFile(source));
  const program = join(built, `${name}-${hash.digest('hex').slice(0, 12)}`);
  if (await access(program).then(() => true, () => false)) return program;
  await mkdir(built, { recursive: true });
  const unfinished = `${program}.${process.pid}`; // two runs may build at once
  try {
    await run(process.env['CC'] || 'cc', [...flags, source, '-o', unfinished]);
  } catch (error) {
    throw new Error(`raw/${name}.c did not compile:\n${error.stderr ?? error.message}`);
  }
  await rename(unfinished, program);
  return program;
}

/** @returns {Promise<{ bytes: number, rate: number }>} `rate` in bytes a second. */
export async function takeRaw(program, { seconds, warmUp }) {
  const { stdout } = await run(program, [String(seconds), String(warmUp)]);
  return JSON.parse(stdout);
}
