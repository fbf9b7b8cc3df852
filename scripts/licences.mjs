// Collects the licences of everything that is linked into the addons, into licenses/, which the package holds and git ignores.
//
// The texts are those of the pinned sources themselves (scripts/parts.mjs says where), so an upgrade brings its own. Packages that npm
// installs beside this one are dependencies, not parts of it: they carry their licences themselves.
import fs from 'node:fs';
import path from 'node:path';
import { headers, linkedParts, zigFolder } from './parts.mjs';
import { BuildError, root } from './tools.mjs';

const folder = path.join(root, 'licenses');

/** The first comment of a source file, which holds its licence. */
function firstComment(file) {
  const [comment] = /^\/\*[^]*?\*\//.exec(fs.readFileSync(file, 'utf8')) ?? [];
  if (!comment) throw new BuildError(`${file} does not begin with a comment that holds its licence`);
  return `${comment}\n`;
}

function collect(name, from, texts) {
  fs.mkdirSync(path.join(folder, name), { recursive: true });
  for (const [file, as, isSource] of texts) {
    const source = path.join(from, file);
    if (!fs.existsSync(source)) throw new BuildError(`${source}, a licence that the package has to hold, is missing`);
    if (isSource) fs.writeFileSync(path.join(folder, name, as), firstComment(source));
    else fs.copyFileSync(source, path.join(folder, name, as));
  }
}

/** Writes licenses/ anew. `prebuilt`: with those of what zig links into the prebuilt addons, for which zig is installed. */
export async function collectLicences({ prebuilt }) {
  fs.rmSync(folder, { recursive: true, force: true });
  const zig = prebuilt ? await zigFolder() : undefined;
  for (const part of linkedParts()) {
    const from = part.folder ?? zig;
    if (from !== undefined) collect(part.name, from, part.texts);
  }
  for (const [name, texts] of Object.entries(headers)) collect(name, path.join(root, 'node_modules', name), texts);
}
