// Writes what the library has of the list of targets, scripts/targets.mjs: dist/platform/targets.js, by which it tells whether there is a
// prebuilt addon for its host and whether one is of its own version, and dist/native/<target>.js, an entry a target. Part of the set-up's
// step ts.
//
// The entries are for bundlers, which follow a path only where it is written out: `import 'mqtt-native/native/linux-x64'` makes the addon a
// part of the bundle. Who is not bundled needs none.
import fs from 'node:fs';
import path from 'node:path';
import { targets } from './targets.mjs';
import { root } from './tools.mjs';

function write(name, text) {
  const file = path.join(root, 'dist', name);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, text);
}

export function writeTargets() {
  const known = ({ name, platform, arch, libc, file }) => ({ name, platform, arch, libc, file });
  const shipped = targets.filter(({ ships }) => ships).map(known);
  write('platform/targets.d.ts', fs.readFileSync(path.join(root, 'lib/platform/targets.d.ts')));
  const { version } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
  write('platform/targets.js', `'use strict';\nexports.version = '${version}';\nexports.targets = ${JSON.stringify(shipped, undefined, 2)};\n`);
  for (const { name, file } of shipped) {
    const offer = `offerAddon('${name}', () => require('../../prebuilds/${file}'))`;
    write(`native/${name}.js`, `'use strict';\nrequire('../engine/native/load.js').${offer};\n`);
    write(`native/${name}.d.ts`, 'export {};\n');
  }
}
