// What the build scripts share: where things are, one-line errors, running programs, a lock. Only Node's built-in modules, because
// these scripts run before anything is installed.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(import.meta.dirname, '..');
export const jobs = Number(process.env['MQTT_NATIVE_JOBS']) || os.availableParallelism();

/** Things built once a machine and not once a checkout. */
export function cacheFolder() {
  const base = process.env['XDG_CACHE_HOME'] || path.join(os.homedir(), '.cache');
  return path.resolve(process.env['MQTT_NATIVE_CACHE'] || path.join(base, 'mqtt-native'));
}

/** A failure that one line explains; main() prints it without a stack. */
export class BuildError extends Error {}

/** Runs a script's main function: a BuildError becomes one line on stderr and exit code 1, anything else keeps its stack. */
export async function main(run) {
  try {
    await run();
  } catch (error) {
    console.error(error instanceof BuildError ? `error: ${error.message}` : error);
    process.exitCode = 1;
  }
}

/** True when the module with this import.meta.url is the program and not imported by another. */
export function isProgram(url) {
  return process.argv[1] !== undefined && fs.realpathSync(process.argv[1]) === fileURLToPath(url);
}

/** Progress goes to stderr, so that a script's result can be taken from stdout. */
export function say(line) {
  process.stderr.write(`${line}\n`);
}

// ---- programs -----------------------------------------------------------------------------------------------------

// The package that holds a program, on Debian-like and on RHEL-like systems (UOS is either).
const packages = {
  cargo: ['cargo', 'cargo'],
  cmake: ['cmake', 'cmake'],
  cc: ['build-essential', 'gcc'],
  'c++': ['build-essential', 'gcc-c++'],
  make: ['make', 'make'],
  perl: ['perl', 'perl-core'],
  npm: ['npm', 'npm'],
  mosquitto: ['mosquitto', 'mosquitto'],
  python3: ['python3-pip', 'python3-pip'],
};

/** How to get a program, as the end of a sentence. */
export function howToGet(name) {
  const [debian, redhat] = packages[name];
  return `install it with "apt-get install ${debian}" (Debian, UOS desktop) or "dnf install ${redhat}" (UOS server, RHEL-like)`;
}

/**
 * The output of a program, or undefined when it is missing or fails. The command may hold arguments: `zig cc -target ...`. Its current
 * folder is not ours, because zig, asked for its version, leaves an empty a.o there when the target is macOS.
 */
export function ask(command, ...args) {
  const [file, ...first] = command.split(' ');
  const result = spawnSync(file, [...first, ...args], { encoding: 'utf8', cwd: os.tmpdir(), stdio: ['ignore', 'pipe', 'ignore'] });
  return result.status === 0 ? result.stdout.trim() : undefined;
}

/** Refuses to go on without a program. `command` is what is called, `name` its entry above. Returns its answer. */
export function need(name, command = name, ...probe) {
  const answer = ask(command, ...(probe.length > 0 ? probe : ['--version']));
  if (answer === undefined) throw new BuildError(`${command === name ? name : `${name} (${command})`} is missing: ${howToGet(name)}`);
  return answer;
}

/** CMake as native/CMakeLists.txt needs it. */
export function needCmake() {
  const [, major, minor] = /(\d+)\.(\d+)/.exec(need('cmake')) ?? [];
  if (Number(major) * 1000 + Number(minor) < 3020) {
    throw new BuildError(`cmake ${major}.${minor} is too old, 3.20 is needed: install a newer one, for example with "pip3 install cmake"`);
  }
}

/** The C and C++ compilers that CMake would take. */
export function needCompilers() {
  need('cc', process.env['CC'] || 'cc');
  need('c++', process.env['CXX'] || 'c++');
}

/** Runs a program to its end with our output; throws when it fails. Options are spawn's. */
export async function run(file, args, options = {}) {
  const child = spawn(file, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], ...options });
  const [code, signal, error] = await new Promise((resolve) => {
    child.on('error', (cause) => resolve([undefined, undefined, cause]));
    child.on('close', (exitCode, exitSignal) => resolve([exitCode, exitSignal]));
  });
  if (error) throw new BuildError(`${file} could not be started: ${error.message}`);
  if (code === 0) return;
  const how = signal ? `was ended by ${signal}` : `failed with exit code ${code}`;
  throw new BuildError(`${[path.basename(file), ...args].join(' ')} ${how}`);
}

/** As run(), with npm: the one that runs us, else the one on PATH. */
export async function runNpm(args, options) {
  const script = process.env['npm_execpath'];
  if (script && /npm-cli\.c?js$/.test(script)) return run(process.execPath, [script, ...args], options);
  need('npm');
  return run('npm', args, options);
}

// ---- files --------------------------------------------------------------------------------------------------------

export function sha256(data) {
  return createHash('sha256').update(data).digest('hex');
}

/** A file's text, or undefined when there is none. */
export function readText(file) {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Runs `work` while holding a lock file, so that two builds do not write the same folder. Another holder is waited for; a lock
 * whose process is gone is removed.
 */
export async function withLock(file, what, work) {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  for (let waited = 0; !takeLock(file); waited++) {
    const holder = Number(readText(file));
    if (holder && !isAlive(holder)) {
      fs.rmSync(file, { force: true });
      continue;
    }
    if (waited % 120 === 0) say(`${what}: waiting for process ${holder || '?'}, which is at it (lock: ${file})`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  try {
    return await work();
  } finally {
    fs.rmSync(file, { force: true });
  }
}

// The lock appears with its content, by linking a finished file, so that nobody reads an empty one.
function takeLock(file) {
  const mine = `${file}.${process.pid}`;
  fs.writeFileSync(mine, String(process.pid));
  try {
    fs.linkSync(mine, file);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  } finally {
    fs.rmSync(mine, { force: true });
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
