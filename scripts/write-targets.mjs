// Writes what the library has of the list of targets, scripts/targets.mjs: dist/platform/targets.js, by which it tells whether there is a
// prebuilt addon for its host. Part of the set-up's step ts.
import fs from 'node:fs';
import path from 'node:path';
import { targets } from './targets.mjs';
import { root } from './tools.mjs';

export function writeTargets() {
  const known = ({ name, platform, arch, libc, file }) => ({ name, platform, arch, libc, file });
  const shipped = targets.filter(({ ships }) => ships).map(known);
  const file = path.join(root, 'dist/platform/targets.js');
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, `'use strict';\nexports.targets = ${JSON.stringify(shipped, undefined, 2)};\n`);
}
