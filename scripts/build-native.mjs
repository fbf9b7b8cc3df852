// Builds the native side with CMake, from scripts/setup.mjs: skips what is up to date, by itself and through CMake.
//
//   1. build/ is configured by cmake-js (once, and again when an option or the OpenSSL folder changed): the addon, and in the same
//      tree the tests, examples and benchmarks, so that the core is compiled once.
//   2. build/asan/ is configured by plain CMake: core and tests under AddressSanitizer and UndefinedBehaviorSanitizer, no Node.
//   3. `cmake --build` makes what was asked for.
//
// node-gyp has build/ for itself, so for binding.gyp plain CMake builds the addon in build/gyp/.
import fs from 'node:fs';
import path from 'node:path';
import { ask, jobs, needCmake, needCompilers, readText, root, run, say, withLock } from './tools.mjs';

export const releaseFolder = path.join(root, 'build');
export const sanitizerFolder = path.join(root, 'build/asan');

/** Refuses to start without the tools of this file; called before the slow steps that come earlier. */
export function needBuildTools() {
  needCmake();
  needCompilers();
}

const warnings = process.env['CI'] ? 'ON' : 'OFF';

/** True when a build folder was configured completely, from this checkout, with these options. */
function isConfigured(folder, source, options) {
  const cache = readText(path.join(folder, 'CMakeCache.txt'));
  if (cache === undefined) return false;
  if (!fs.existsSync(path.join(folder, 'build.ninja')) && !fs.existsSync(path.join(folder, 'Makefile'))) return false;
  const values = new Map([...cache.matchAll(/^([A-Za-z_]\w*):\w+=(.*)$/gm)].map(([, name, value]) => [name, value]));
  return values.get('CMAKE_HOME_DIRECTORY') === source && Object.entries(options).every(([name, value]) => values.get(name) === value);
}

/** A cache of another checkout, or of a compiler that is gone, makes CMake fail: start again without it. */
function forgetForeignCache(folder, source) {
  const cache = readText(path.join(folder, 'CMakeCache.txt'));
  if (cache === undefined) return;
  const home = /^CMAKE_HOME_DIRECTORY:\w+=(.*)$/m.exec(cache)?.[1];
  const compiler = /^CMAKE_C_COMPILER:\w+=(.*)$/m.exec(cache)?.[1];
  if (home === source && (compiler === undefined || fs.existsSync(compiler))) return;
  fs.rmSync(path.join(folder, 'CMakeCache.txt'));
  fs.rmSync(path.join(folder, 'CMakeFiles'), { recursive: true, force: true });
}

async function configureRelease(options) {
  if (isConfigured(releaseFolder, root, options)) return;
  forgetForeignCache(releaseFolder, root);
  const custom = Object.entries(options).map(([name, value]) => `--CD${name}=${value}`);
  await run(process.execPath, [path.join(root, 'node_modules/cmake-js/bin/cmake-js'), 'configure', '--log-level', 'warn', ...custom]);
}

async function configurePlain(source, folder, options) {
  if (isConfigured(folder, source, options)) return;
  forgetForeignCache(folder, source);
  const generator = ask('ninja', '--version') ? ['-G', 'Ninja'] : [];
  const custom = Object.entries(options).map(([name, value]) => `-D${name}=${value}`);
  await run('cmake', ['-S', source, '-B', folder, ...generator, ...custom]);
}

const build = (folder, ...more) => run('cmake', ['--build', folder, '--parallel', String(jobs), ...more]);

/**
 * Makes build/ with the addon, and what `parts` names besides: tests (with the shared library, the examples and the sanitizer build)
 * and bench. What was once asked for stays part of build/, and is left alone when it is not asked for.
 */
export async function buildNative(opensslRoot, parts) {
  const wanted = { MQN_OPENSSL_ROOT: opensslRoot };
  const targets = ['mqtt_native_node'];
  if (parts.tests) {
    for (const kind of ['TESTS', 'EXAMPLES', 'SHARED', 'BENCH']) wanted[`MQN_BUILD_${kind}`] = 'ON';
    wanted['MQN_WERROR'] = warnings;
  } else if (parts.bench) {
    wanted['MQN_BUILD_BENCH'] = 'ON';
    targets.push('mqn_bench');
  }
  await withLock(path.join(root, 'build/.lock'), 'native build', async () => {
    say(parts.tests ? 'native: addon, tests, examples' : 'native: addon');
    await configureRelease(wanted);
    await build(releaseFolder, ...(parts.tests ? [] : ['--target', ...targets]));
    if (!parts.tests) return;
    const sanitized = { MQN_OPENSSL_ROOT: opensslRoot, MQN_BUILD_TESTS: 'ON', MQN_SANITIZE: 'address;undefined', MQN_WERROR: warnings };
    say('native: tests with sanitizers');
    await configurePlain(path.join(root, 'native'), sanitizerFolder, sanitized);
    await build(sanitizerFolder);
  });
}

/** The addon alone, for binding.gyp. */
export async function buildForGyp(opensslRoot) {
  const folder = path.join(root, 'build/gyp');
  await configurePlain(root, folder, { MQN_OPENSSL_ROOT: opensslRoot, CMAKE_LIBRARY_OUTPUT_DIRECTORY: path.join(root, 'build/Release') });
  await build(folder, '--target', 'mqtt_native_node');
}
