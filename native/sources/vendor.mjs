// Brings the pinned sources of Paho, libuv and OpenSSL into native/sources/vendor/ (which git ignores).
//
//   1. Nothing to do when vendor/ was made from this Cargo.lock (vendor/.stamp).
//   2. `cargo vendor --locked`: cargo checks the SHA-256 of each crate against Cargo.lock.
//   3. Check the SHA-256 of every file against the crate's .cargo-checksum.json, and that against Cargo.lock.
//   4. Check the versions that stand in the sources themselves.
//   5. Write the stamp.
//
// `node native/sources/vendor.mjs --check` repeats steps 3 and 4 on what is there.
import fs from 'node:fs';
import path from 'node:path';
import { BuildError, isProgram, main, need, readText, run, say, sha256, withLock } from '../../scripts/tools.mjs';

const folder = import.meta.dirname;
const vendorFolder = path.join(folder, 'vendor');
const stampFile = path.join(vendorFolder, '.stamp');

/** What each crate carries, and how its own files say which version that is. */
export const crates = {
  'paho-mqtt-sys': { what: 'Paho', version: '1.3.16', read: pahoVersion },
  'libuv-sys2': { what: 'libuv', version: '1.53.0', read: libuvVersion },
  'openssl-src': { what: 'OpenSSL', version: '4.0.3', read: opensslVersion },
};

function pahoVersion(crate) {
  return ['major', 'minor', 'patch'].map((part) => readText(path.join(crate, 'paho.mqtt.c', `version.${part}`))?.trim()).join('.');
}

function libuvVersion(crate) {
  const text = readText(path.join(crate, 'libuv/include/uv/version.h')) ?? '';
  return ['MAJOR', 'MINOR', 'PATCH'].map((part) => new RegExp(`#define UV_VERSION_${part} +(\\d+)`).exec(text)?.[1]).join('.');
}

function opensslVersion(crate) {
  const text = readText(path.join(crate, 'openssl/VERSION.dat')) ?? '';
  return ['MAJOR', 'MINOR', 'PATCH'].map((part) => new RegExp(`^${part}=(\\d+)`, 'm').exec(text)?.[1]).join('.');
}

/** The checksum that Cargo.lock holds for a crate. */
export function lockedChecksum(lock, name) {
  const checksum = new RegExp(`name = "${name}"\\n(?:[^[]*\\n)?checksum = "([0-9a-f]{64})"`).exec(lock)?.[1];
  if (!checksum) throw new BuildError(`native/sources/Cargo.lock has no checksum for ${name}`);
  return checksum;
}

function checkCrate(name, lock) {
  const { what, version, read } = crates[name];
  const crate = path.join(vendorFolder, name);
  const again = 'remove native/sources/vendor and run this again';
  const listed = readText(path.join(crate, '.cargo-checksum.json'));
  if (listed === undefined) throw new BuildError(`native/sources/vendor/${name} is missing: ${again}`);
  const checksums = JSON.parse(listed);
  const isLocked = checksums.package === lockedChecksum(lock, name);
  if (!isLocked) throw new BuildError(`native/sources/vendor/${name} is not the crate that Cargo.lock names: ${again}`);
  for (const [file, expected] of Object.entries(checksums.files)) {
    if (sha256(fs.readFileSync(path.join(crate, file))) !== expected) {
      throw new BuildError(`native/sources/vendor/${name}/${file} was changed: ${again}`);
    }
  }
  const found = read(crate);
  if (found !== version) throw new BuildError(`${name} carries ${what} ${found}, expected ${version}`);
  return `${what} ${found} (${Object.keys(checksums.files).length} files)`;
}

/** Makes native/sources/vendor/ if it is not there or not current. */
export async function vendor({ check = false } = {}) {
  const lock = fs.readFileSync(path.join(folder, 'Cargo.lock'), 'utf8');
  const stamp = `${sha256(lock)}\n`;
  const current = () => readText(stampFile) === stamp;
  if (current() && !check) return;
  await withLock(path.join(folder, 'vendor', '.lock'), 'sources', async () => {
    if (!current()) {
      need('cargo');
      say('sources: cargo vendor --locked (Paho, libuv, OpenSSL)');
      fs.rmSync(stampFile, { force: true });
      await run('cargo', ['vendor', '--locked', '--quiet', 'vendor'], { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
    }
    const found = Object.keys(crates).map((name) => checkCrate(name, lock));
    fs.writeFileSync(stampFile, stamp);
    say(`sources: checked ${found.join(', ')}`);
  });
}

if (isProgram(import.meta.url)) await main(() => vendor({ check: process.argv.includes('--check') }));
