// Windows' Node under Wine. Mosquitto and openssl stay on the Linux side: a service there starts the brokers, and both sides have the same
// loopback. Wine wants a file as its output and nothing as its input, which is how run.mjs starts everything.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { BuildError, run, say } from '../../scripts/tools.mjs';
import { buildBundle } from './bundle/build.mjs';
import { prepareRoot } from './chroot.mjs';
import { upstreamVersion } from './debian.mjs';

const prefix = '/wine';

// No Gecko and no Mono: nothing here shows a page or runs .NET.
const environment = { WINEPREFIX: prefix, WINEDEBUG: '-all', WINEDLLOVERRIDES: 'mscoree=;mshtml=', XDG_RUNTIME_DIR: '/tmp' };

/** A Windows of its own for this folder, made once. Debian's scripts would have put zlib there. */
async function makePrefix(root, { wine, server, libraries }) {
  const ready = path.join(root.tree, prefix, 'ready');
  if (fs.existsSync(ready)) return;
  say('wine: making a Windows');
  fs.rmSync(path.join(root.tree, prefix), { recursive: true, force: true });
  for (const [folder, mingw] of Object.entries(libraries)) {
    const to = path.join(root.tree, prefix, 'drive_c/windows', folder);
    fs.mkdirSync(to, { recursive: true });
    fs.copyFileSync(path.join(root.tree, `usr/${mingw}/lib/zlib1.dll`), path.join(to, 'zlib1.dll'));
  }
  const env = { ...process.env, HOME: '/tmp', ...environment, WINESERVER: server };
  const quiet = { env, stdio: ['ignore', 'ignore', 'ignore'] };
  // In one namespace: the server writes the registry when it ends by itself.
  const [program, args] = root.enter([wine, 'wineboot', '--init']);
  const last = args.indexOf('-c') + 1;
  args[last] = args[last].replace('exec chroot "$root" "$@"', `chroot "$root" "$@" && chroot "$root" ${server} --wait`);
  await run(program, args, quiet);
  fs.writeFileSync(ready, '');
}

/** Starts the broker service on this machine; its files are where both sides see them. */
async function startService(root, room) {
  const bundle = path.join(room, 'broker-service.mjs');
  await buildBundle('broker-service', bundle);
  const child = spawn(process.execPath, [bundle], { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, TMPDIR: path.join(root.tree, 'tmp') } });
  const port = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => reject(new BuildError('the broker service ended before it listened')));
    child.stdout.once('data', (data) => resolve(String(data).trim()));
  });
  return { port, end: () => child.stdin.end() };
}

const builds = {
  x64: {
    wine: '/usr/lib/wine/wine64', server: '/usr/lib/wine/wineserver64', package: 'libwine',
    libraries: { system32: 'x86_64-w64-mingw32', syswow64: 'i686-w64-mingw32' },
  },
  ia32: { wine: '/usr/lib/wine/wine', server: '/usr/lib/wine/wineserver32', package: 'libwine', libraries: { system32: 'i686-w64-mingw32' } },
};

export async function wine(row, room) {
  const root = await prepareRoot(row, room);
  const build = builds[row.target === 'win32-ia32' ? 'ia32' : 'x64'];
  await makePrefix(root, build);
  const { port, end } = await startService(root, room);
  const windows = (file) => `Z:${file.replaceAll('/', '\\')}`;
  return {
    how: `Wine ${upstreamVersion(root.tree, build.package)}`,
    inside: (file) => windows(root.inside(file)),
    command: (args) => root.enter([build.wine, windows(root.node), ...args]),
    env: { ...environment, WINESERVER: build.server, MQN_BROKER_SERVICE: port, MQN_BROKER_ROOT: root.tree },
    end,
  };
}

/** Modules of test/support that are replaced in the bundle. */
export const replacedUnderWine = { mosquitto: path.join(import.meta.dirname, 'bundle/remote-mosquitto.ts') };
