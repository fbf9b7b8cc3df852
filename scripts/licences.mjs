// Collects the licences of everything that is linked into the addon, into licenses/, which the package holds and git ignores.
//
// The texts are those of the pinned sources themselves (native/sources/vendor/, node_modules/), so an upgrade brings its own. Packages
// that npm installs beside this one are dependencies, not parts of it: they carry their licences themselves.
import fs from 'node:fs';
import path from 'node:path';
import { BuildError, root } from './tools.mjs';

const folder = path.join(root, 'licenses');

// The folder in licenses/, where its texts lie, and their names there.
const parts = {
  'paho.mqtt.c': ['native/sources/vendor/paho-mqtt-sys/paho.mqtt.c', ['LICENSE', 'NOTICE', 'edl-v10', 'epl-v20', 'notice.html']],
  libuv: ['native/sources/vendor/libuv-sys2/libuv', ['LICENSE', 'LICENSE-extra']],
  openssl: ['native/sources/vendor/openssl-src/openssl', ['LICENSE.txt']],
  'node-addon-api': ['node_modules/node-addon-api', ['LICENSE.md']],
  'node-api-headers': ['node_modules/node-api-headers', ['LICENSE']],
};

/** Writes licenses/ anew. */
export function collectLicences() {
  fs.rmSync(folder, { recursive: true, force: true });
  for (const [name, [source, files]] of Object.entries(parts)) {
    fs.mkdirSync(path.join(folder, name), { recursive: true });
    for (const file of files) {
      const from = path.join(root, source, file);
      if (!fs.existsSync(from)) throw new BuildError(`${source}/${file}, a licence that the package has to hold, is missing`);
      fs.copyFileSync(from, path.join(folder, name, file));
    }
  }
}
