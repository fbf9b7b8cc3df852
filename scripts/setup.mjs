// The set-up of a checkout: everything that must be there before the library, a demo, a benchmark or a test can run. What is there and
// current is skipped. Called by npm's scripts as `node scripts/setup.mjs [part ...]`, and by scripts/test.mjs.
//
//   1. packages  npm ci, when node_modules is absent or is not what package-lock.json says
//   2. native    the sources (native/sources/vendor.mjs), OpenSSL (scripts/build-openssl.mjs), the addon (scripts/build-native.mjs)
//      bench     the same, with the C programs of test/bench, and the packages it compares with
//      peers     those packages alone, for the benchmark's charts
//      tests     the same, with everything in C: tests, examples, shared library, and the tests under sanitizers
//      gyp       the addon alone, with CMake and without npm, for binding.gyp
//   3. ts        lib/ -> dist/
//   4. loading   the bundlers and runtimes that test/loading tries
//      pack      what test/package installs the packed tarball with and checks it with
//      platforms what bundles the contract suite for npm run test:platforms
//   5. broker    Mosquitto, which the tests start themselves: apt-get installs it when this runs as root on a Debian-like system
//
// Without a part: packages, native, ts. Only Node's built-in modules are used here, because nothing else is installed yet.
import fs from 'node:fs';
import path from 'node:path';
import { vendor } from '../native/sources/vendor.mjs';
import { aptInstall } from './apt.mjs';
import { openssl } from './build-openssl.mjs';
import { buildForGyp, buildNative, needBuildTools } from './build-native.mjs';
import { BuildError, howToGet, isProgram, main, readText, root, run, runNpm, say, withLock } from './tools.mjs';
import { writeTargets } from './write-targets.mjs';

const known = ['packages', 'native', 'bench', 'peers', 'tests', 'gyp', 'ts', 'loading', 'pack', 'platforms', 'broker'];

// ---- packages -----------------------------------------------------------------------------------------------------

/** Compares what npm installed, by its own list, with package-lock.json. Packages for other systems may be missing. */
function packagesAreCurrent(folder) {
  const installed = readText(path.join(folder, 'node_modules/.package-lock.json'));
  if (installed === undefined) return false;
  const there = JSON.parse(installed).packages;
  const locked = JSON.parse(readText(path.join(folder, 'package-lock.json'))).packages;
  return Object.entries(locked).every(([folder, entry]) => {
    if (folder === '') return true;
    if (there[folder] === undefined) return Boolean(entry.optional || entry.devOptional || entry.peer);
    return there[folder].version === entry.version && there[folder].integrity === entry.integrity;
  });
}

async function setUpPackages(folder = root) {
  if (packagesAreCurrent(folder)) return;
  await withLock(path.join(root, 'build/.packages.lock'), 'npm ci', async () => {
    if (packagesAreCurrent(folder)) return;
    say(`packages: npm ci${folder === root ? '' : ` in ${path.relative(root, folder)}`}`);
    // What one suite needs alone brings its own binaries and needs no install script.
    const scripts = folder === root ? [] : ['--ignore-scripts'];
    await runNpm(['ci', '--include=dev', '--no-audit', '--no-fund', '--prefix', folder, ...scripts]);
  });
}

// ---- TypeScript ---------------------------------------------------------------------------------------------------

/** Files in dist/ whose source is gone, and source maps, which are not made any more: tsc leaves them there, and npm would pack them. */
function removeOrphans(folder) {
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) {
      removeOrphans(file);
      if (fs.readdirSync(file).length === 0) fs.rmdirSync(file);
      continue;
    }
    const relative = path.relative(path.join(root, 'dist'), file);
    const source = path.join(root, 'lib', relative.replace(/(\.d)?\.(m?)[jt]s$/, '.$2ts'));
    if (file.endsWith('.map') || !fs.existsSync(source)) fs.rmSync(file);
  }
}

async function setUpTypeScript() {
  const dist = path.join(root, 'dist');
  // tsc believes its own notes: without dist/ they must go too, or nothing is written.
  if (fs.existsSync(dist)) removeOrphans(dist);
  else fs.rmSync(path.join(root, 'build/tsc'), { recursive: true, force: true });
  say('ts: lib/ -> dist/');
  await run(process.execPath, [path.join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.json']);
  writeTargets();
}

// ---- Mosquitto ----------------------------------------------------------------------------------------------------

function mosquittoIsThere() {
  // a server's program is often in a folder that is not on an ordinary user's PATH
  const usual = ['/usr/sbin', '/usr/local/sbin', '/opt/homebrew/sbin', '/usr/local/opt/mosquitto/sbin'];
  const name = process.platform === 'win32' ? 'mosquitto.exe' : 'mosquitto';
  return [...usual, ...(process.env['PATH'] ?? '').split(path.delimiter)].some((folder) => fs.existsSync(path.join(folder, name)));
}

async function setUpBroker() {
  if (mosquittoIsThere()) return;
  await aptInstall('mosquitto', `mosquitto is missing, the tests need it: ${howToGet('mosquitto')}`);
  if (!mosquittoIsThere()) throw new BuildError('mosquitto was installed and is not to be found');
}

// ---- all of it ----------------------------------------------------------------------------------------------------

/** Sets up the parts named, in the order above. */
export async function setUp(parts) {
  const asked = new Set(parts.length > 0 ? parts : ['packages', 'native', 'ts']);
  for (const part of asked) {
    if (!known.includes(part)) throw new BuildError(`unknown part "${part}" of the set-up, known are ${known.join(', ')}`);
  }
  if (asked.has('gyp')) {
    needBuildTools();
    await vendor();
    await buildForGyp(await openssl());
    return;
  }
  await setUpPackages();
  if (asked.has('native') || asked.has('bench') || asked.has('tests')) {
    needBuildTools();
    await vendor();
    await buildNative(await openssl(), { tests: asked.has('tests'), bench: asked.has('bench') });
  }
  if (asked.has('bench') || asked.has('peers')) await setUpPackages(path.join(root, 'test/bench/peers'));
  if (asked.has('platforms')) await setUpPackages(path.join(root, 'test/platforms'));
  if (asked.has('ts')) await setUpTypeScript();
  if (asked.has('loading')) await setUpPackages(path.join(root, 'test/loading/tools'));
  if (asked.has('pack')) await setUpPackages(path.join(root, 'test/package/tools'));
  if (asked.has('broker')) await setUpBroker();
}

if (isProgram(import.meta.url)) await main(() => setUp(process.argv.slice(2)));
