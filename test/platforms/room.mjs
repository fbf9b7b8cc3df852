// Lays out what a platform runs: the bundle, and mqtt-native as a user has it, with the one prebuilt addon under test and no other.
import fs from 'node:fs';
import path from 'node:path';
import { BuildError, readText, root } from '../../scripts/tools.mjs';
import { buildBundle } from './bundle/build.mjs';

/** The packages that a user's npm installs along with mqtt-native, as package-lock.json names them. */
function productionPackages() {
  const locked = JSON.parse(readText(path.join(root, 'package-lock.json'))).packages;
  return Object.entries(locked).filter(([folder, entry]) => folder !== '' && !entry.dev && !entry.devOptional).map(([folder]) => folder);
}

/** Where the bundle is in a room: it looks for the programs that tests start as the test files do, seen from there. */
export const bundleFile = 'test/support/contract.mjs';

/** Makes `folder`, with this addon alone. `replaced` are modules of test/support that the platform cannot use as they are. */
export async function layRoom(folder, target, replaced) {
  const prebuild = path.join(root, 'prebuilds', target.file);
  if (!fs.existsSync(prebuild)) throw new BuildError(`prebuilds/${target.file} is missing: npm run prebuild -- --target ${target.name}`);
  fs.rmSync(folder, { recursive: true, force: true });
  const own = path.join(folder, 'node_modules/mqtt-native');
  for (const name of productionPackages()) {
    const from = path.join(root, name);
    // Optional packages for other systems are not installed.
    if (fs.existsSync(from)) fs.cpSync(from, path.join(folder, name), { recursive: true });
  }
  fs.cpSync(path.join(root, 'dist'), path.join(own, 'dist'), { recursive: true });
  fs.cpSync(path.join(root, 'package.json'), path.join(own, 'package.json'));
  fs.cpSync(prebuild, path.join(own, 'prebuilds', target.file));
  // Without it Node would take the checkout around the room for the package of that name.
  fs.writeFileSync(path.join(folder, 'package.json'), '{ "private": true, "type": "module" }\n');
  fs.mkdirSync(path.join(folder, 'out'));
  fs.cpSync(path.join(root, 'test/lifetime/children'), path.join(folder, 'test/lifetime/children'), { recursive: true });
  await buildBundle('contract', path.join(folder, bundleFile), replaced);
}
