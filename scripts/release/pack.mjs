// What npm would put into the package, by asking npm, and the command that would publish it.
import { spawnSync } from 'node:child_process';
import { BuildError, need } from '../tools.mjs';

/** npm: the one that runs us, else the one on PATH. */
export function npmCommand() {
  const script = process.env['npm_execpath'];
  if (script && /npm-cli\.c?js$/.test(script)) return [process.execPath, script];
  need('npm');
  return ['npm'];
}

// The line of our own script, if it said one; npm's last line only names a file.
function whyNot(stderr) {
  const lines = stderr.trim().split('\n').map((line) => line.replace(/^npm (error|ERR!) /, ''));
  return lines.find((line) => line.startsWith('error: '))?.slice('error: '.length) ?? lines.filter((line) => !/complete log/.test(line)).at(-1);
}

/**
 * { files: [{ path, size }], size, unpackedSize, filename, complete } of `npm pack --dry-run --json`, or { error }. `complete` lets npm run
 * the script "prepack" first, which writes what is made for a package only.
 */
export function packedFacts(folder, { complete }) {
  const [file, ...first] = npmCommand();
  const args = [...first, 'pack', '--dry-run', '--json', ...(complete ? ['--foreground-scripts=false'] : ['--ignore-scripts'])];
  const result = spawnSync(file, args, { cwd: folder, encoding: 'utf8', maxBuffer: 64 << 20 });
  if (result.status !== 0) return { error: result.error?.message ?? whyNot(result.stderr) };
  // A script's own words may stand before the JSON.
  const json = JSON.parse(result.stdout.slice(result.stdout.search(/^[[{]/m)));
  const entry = Array.isArray(json) ? json[0] : Object.values(json)[0];
  if (!Array.isArray(entry?.files)) throw new BuildError('npm pack --json answers in a form that scripts/release/pack.mjs does not know');
  return { files: entry.files, size: entry.size, unpackedSize: entry.unpackedSize, filename: entry.filename, complete };
}

/** The arguments of npm that publish a version: a pre-release does not become "latest". */
export function publishArguments(version, { provenance }) {
  return ['publish', '--access', 'public', ...(version.includes('-') ? ['--tag', 'next'] : []), ...(provenance ? ['--provenance'] : [])];
}
