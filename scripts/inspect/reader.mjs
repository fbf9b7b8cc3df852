// Asks read.py about files. One process of Python answers for all of them, because to load LIEF takes longer than to read a file; it
// keeps nobody from ending, and ends with us.
import { spawn } from 'node:child_process';
import path from 'node:path';
import readline from 'node:readline';
import { pythonPackages } from '../python.mjs';
import { BuildError } from '../tools.mjs';

const waiting = [];
let reader;

async function start() {
  const { python, folder } = await pythonPackages(path.join(import.meta.dirname, 'requirements.txt'), 'lief');
  const env = { ...process.env, PYTHONPATH: folder, PYTHONDONTWRITEBYTECODE: '1', PYTHONIOENCODING: 'utf-8' };
  const child = spawn(python, [path.join(import.meta.dirname, 'read.py')], { env, stdio: ['pipe', 'pipe', 'inherit'] });
  readline.createInterface({ input: child.stdout }).on('line', (line) => waiting.shift().resolve(JSON.parse(line)));
  const fail = (why) => {
    reader = undefined;
    for (const { reject } of waiting.splice(0)) reject(new BuildError(`the reader of binaries ${why}`));
  };
  child.stdin.on('error', () => {});
  child.on('error', (error) => fail(`could not be started: ${error.message}`));
  child.on('close', (code, signal) => fail(`ended (${signal ?? code})`));
  return child;
}

/** What a file says about itself, see read.py. */
export async function readFacts(file) {
  reader ??= start();
  const child = await reader;
  const handles = [child, child.stdin, child.stdout];
  for (const handle of handles) handle.ref();
  try {
    return await new Promise((resolve, reject) => {
      waiting.push({ resolve, reject });
      child.stdin.write(`${path.resolve(file)}\n`);
    });
  } finally {
    if (waiting.length === 0) for (const handle of handles) handle.unref();
  }
}
