// What npm runs before it packs: makes those parts of the package that are not committed.
//
//   1. Set-up: packages, sources (for their licences), dist/.
//   2. licenses/ and sbom.cdx.json. What zig links into the prebuilt addons is in a package that holds one, so only then are its licences
//      wanted, and zig installed for them; the SBOM is that of the complete package.
//   3. Says which prebuilt addons are there. It builds none: that is `npm run prebuild`, and a release is refused without all of them.
//
// What of all this goes into the package stands in "files" of package.json.
import fs from 'node:fs';
import path from 'node:path';
import { vendor } from '../native/sources/vendor.mjs';
import { collectLicences } from './licences.mjs';
import { writeSbom } from './sbom.mjs';
import { setUp } from './setup.mjs';
import { targets } from './targets.mjs';
import { BuildError, isProgram, main, root, say, withLock } from './tools.mjs';

const folder = path.join(root, 'prebuilds');

/** The addons in prebuilds/. What belongs to no target would be packed, too, so it is refused. */
function prebuilds() {
  if (!fs.existsSync(folder)) return [];
  const found = fs.readdirSync(folder, { recursive: true }).map((file) => file.replaceAll(path.sep, '/'));
  const files = found.filter((file) => !fs.statSync(path.join(folder, file)).isDirectory());
  const unknown = files.filter((file) => !targets.some((target) => target.file === file));
  if (unknown.length > 0) throw new BuildError(`prebuilds/${unknown[0]} is not the addon of any target of scripts/targets.mjs: remove it`);
  return files;
}

export async function prepack() {
  await setUp(['packages', 'ts']);
  await vendor();
  const files = prebuilds();
  await withLock(path.join(root, 'build/.prepack.lock'), 'prepack', async () => {
    await collectLicences({ prebuilt: files.length > 0 });
    writeSbom();
  });
  const shipped = targets.filter((target) => target.ships);
  const missing = shipped.filter((target) => !files.includes(target.file)).map((target) => target.name);
  const without = missing.length === 0 ? '' : `; without ${missing.join(', ')}`;
  say(`prepack: ${shipped.length - missing.length} of ${shipped.length} prebuilt addons${without}`);
}

if (isProgram(import.meta.url)) await main(prepack);
