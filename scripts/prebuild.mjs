// `npm run prebuild -- [--target NAME ...]`: the addon for the systems of scripts/targets.mjs (all, when none is named), cross-built on
// one Linux x64 machine with one compiler, zig.
//
//   1. Packages, third-party sources, CMake, zig.
//   2. For each target: OpenSSL from the cache, or built; then the addon in build/prebuild/<target>/, from nothing (zig remembers what
//      it has compiled), with native/toolchains/<target>.cmake.
//   3. Its symbols go to build/prebuild/symbols/, the rest to prebuilds/ when scripts/inspect-binary.mjs finds nothing wrong with it.
//
// With --verify-reproducible each target is built a second time, in scripts/prebuild/again.mjs, and must come out the same to the byte.
// A target that fails does not keep the others from being built; the last line names it and the exit code is 1.
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { vendor } from '../native/sources/vendor.mjs';
import { openssl } from './build-openssl.mjs';
import { chosenTargets, inspectBinary } from './inspect-binary.mjs';
import { buildAgain } from './prebuild/again.mjs';
import { wasAsked } from './prebuild/asked.mjs';
import { needSplitter, split } from './prebuild/split.mjs';
import { setUp } from './setup.mjs';
import { BuildError, ask, isProgram, jobs, main, needCmake, root, run, say, sha256 } from './tools.mjs';
import { useZig } from './zig.mjs';

const folder = path.join(root, 'build/prebuild');

async function compile(target, build) {
  const tools = { cc: `zig cc -target ${target.triple}`, ar: 'zig ar', ranlib: 'zig ranlib', target: target.openssl };
  const options = {
    CMAKE_TOOLCHAIN_FILE: path.join(root, `native/toolchains/${target.name}.cmake`),
    MQN_ZIG_TARGET: target.triple,
    MQN_OPENSSL_ROOT: await openssl({ tools }),
    MQN_BUILD_NODE: 'ON',
    MQN_WERROR: 'ON',
  };
  fs.rmSync(build, { recursive: true, force: true });
  const generator = ask('ninja', '--version') ? ['-G', 'Ninja'] : [];
  const given = Object.entries(options).map(([name, value]) => `-D${name}=${value}`);
  await run('cmake', ['-S', path.join(root, 'native'), '-B', build, '--log-level=WARNING', ...generator, ...given]);
  const addons = target.platform === 'win32' ? ['mqtt_native_node', 'mqtt_native_stripped'] : ['mqtt_native_node'];
  await run('cmake', ['--build', build, '--parallel', String(jobs), '--target', ...addons], { stdio: ['ignore', 2, 2] });
}

/** Builds one target; resolves with the file in prebuilds/. */
async function prebuild(target) {
  say(`\n== ${target.name}`);
  const build = path.join(folder, target.name);
  const symbols = path.join(folder, 'symbols', target.name);
  const shipped = path.join(root, 'prebuilds', target.file);
  fs.rmSync(shipped, { force: true });
  await compile(target, build);

  const stripped = path.join(build, 'stripped.node');
  await split(target, build, stripped, symbols);
  const problems = await inspectBinary(target, stripped);
  if (problems.length > 0 && target.ships) throw new BuildError(problems.join('; '));
  // An experiment is there to be looked at.
  for (const problem of problems) console.log(`${target.name}, which is not shipped: ${problem}`);
  fs.mkdirSync(path.dirname(shipped), { recursive: true });
  fs.copyFileSync(stripped, shipped);
  return shipped;
}

async function prebuildAll(names, { verify }) {
  const wanted = chosenTargets(names.flatMap((name) => ['--target', name]));
  await setUp(['packages']);
  needCmake();
  await vendor();
  await needSplitter();
  await useZig();
  // Dates of archives and of PE headers.
  process.env['SOURCE_DATE_EPOCH'] ??= '0';
  const failed = [];
  for (const target of wanted) {
    try {
      const file = await prebuild(target);
      if (verify) await buildAgain(target, file);
      const bytes = fs.readFileSync(file);
      console.log(`${target.name}: ${path.relative(root, file)}, ${bytes.length} bytes, SHA-256 ${sha256(bytes)}${verify ? ', twice the same' : ''}`);
    } catch (error) {
      if (!(error instanceof BuildError)) throw error;
      failed.push(`${target.name}: ${error.message}`);
      say(`error: ${failed.at(-1)}`);
    }
  }
  if (failed.length > 0) throw new BuildError(`${failed.length} of ${wanted.length} targets failed: ${failed.join(' | ')}`);
}

function options() {
  try {
    return parseArgs({ options: { target: { type: 'string', multiple: true }, 'verify-reproducible': { type: 'boolean' } } }).values;
  } catch (error) {
    throw new BuildError(`${error.message}; usage: npm run prebuild -- [--target NAME ...] [--verify-reproducible]`);
  }
}

if (isProgram(import.meta.url)) {
  await main(async () => {
    if (!wasAsked()) return say('(npm runs this before "build" because of its name; nothing is prebuilt)');
    const { target = [], 'verify-reproducible': verify = false } = options();
    await prebuildAll(target, { verify });
  });
}
