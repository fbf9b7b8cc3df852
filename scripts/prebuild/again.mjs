// Two builds must give the same bytes, also in other folders: the checkout is copied to a folder with a longer name and builds there with
// a cache of its own, so that OpenSSL and zig's libraries are compiled anew too. Only what is pinned by a checksum (zig, the crates, npm's
// packages) is taken over.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { BuildError, cacheFolder, root, run, say } from '../tools.mjs';

const left = new Set(['.git', 'build', 'dist', 'prebuilds', 'node_modules', 'target']);

function copyCheckout(to) {
  fs.cpSync(root, to, { recursive: true, filter: (file) => !left.has(path.basename(file)) || file.includes(`${path.sep}vendor${path.sep}`) });
  fs.symlinkSync(path.join(root, 'node_modules'), path.join(to, 'node_modules'));
}

function copyPinnedTools(to) {
  for (const name of fs.readdirSync(cacheFolder())) {
    const from = path.join(cacheFolder(), name);
    if (name.startsWith('python-') && fs.statSync(from).isDirectory()) fs.cpSync(from, path.join(to, name), { recursive: true });
  }
}

/** Builds the target elsewhere and compares with `file`; throws when a byte differs. */
export async function buildAgain(target, file) {
  const work = fs.mkdtempSync(path.join(os.tmpdir(), 'mqtt-native-built-again-'));
  try {
    const [checkout, cache] = [path.join(work, 'a checkout with another and longer name'), path.join(work, 'cache')];
    say(`${target.name}: once more in ${work}`);
    copyCheckout(checkout);
    copyPinnedTools(cache);
    const program = path.join(checkout, 'scripts/prebuild.mjs');
    const env = { ...process.env, MQTT_NATIVE_CACHE: cache };
    await run(process.execPath, [program, '--target', target.name], { cwd: checkout, env, stdio: ['ignore', 2, 2] });
    const [first, second] = [file, path.join(checkout, 'prebuilds', target.file)].map((name) => fs.readFileSync(name));
    if (first.equals(second)) return;
    const at = first.findIndex((byte, index) => byte !== second[index]);
    throw new BuildError(`two builds differ, first at byte ${at} (${first.length} and ${second.length} bytes)`);
  } finally {
    fs.rmSync(work, { recursive: true, force: true });
  }
}
