// Keeps what test:platforms saw: docs/platforms.json, and the table in docs/platforms.md between its markers. A row says by itself which
// commit it was run at, because not every row is run every time.
import fs from 'node:fs';
import path from 'node:path';
import { targetNamed } from '../../scripts/targets.mjs';
import { BuildError, ask, readText, root, sha256 } from '../../scripts/tools.mjs';

const json = path.join(root, 'docs/platforms.json');
const page = path.join(root, 'docs/platforms.md');
const [start, end] = ['<!-- results: written by npm run test:platforms -- --record -->', '<!-- end of results -->'];

const own = ['docs/platforms.json', 'docs/platforms.md'];

/** The commit that a result stands for; refuses when the files are not that commit's. */
export function commitOfResults() {
  const changed = ask('git', '-C', root, 'status', '--porcelain', '--untracked-files=no')?.split('\n').filter(Boolean) ?? [];
  const others = changed.filter((line) => !own.some((file) => line.endsWith(file)));
  if (others.length > 0) throw new BuildError(`a recorded result stands for a commit, and ${others.length} files differ from it: commit first`);
  return ask('git', '-C', root, 'rev-parse', '--short', 'HEAD');
}

/** The table of docs/platforms.md. */
export function tableOf(results) {
  const lines = results.map(({ target, runtime, how, passed, failed, skipped, subset, note, date, commit }) =>
    `| ${[target, runtime, how, `${passed}${subset ? ' (subset)' : ''}`, failed, skipped, date && `${date}, ${commit}`, note].map((cell) => cell ?? '').join(' | ')} |`);
  return ['| target | runtime | how | passed | failed | skipped | run | note |', '|---|---|---|---|---|---|---|---|', ...lines].join('\n');
}

const keyOf = ({ target, runtime, how }) => `${target} ${runtime.split('.')[0]} ${how.split(/[\s,]/)[0]}`;

// Which binary it was: a release takes no results of another one.
function checksum(target) {
  const file = path.join(root, 'prebuilds', targetNamed(target).file);
  return fs.existsSync(file) ? sha256(fs.readFileSync(file)) : undefined;
}

/** Puts these results in the place of the older ones of the same target, Node and way; the others stay as they are. */
export function record(results, commit, order) {
  const date = new Date().toISOString().slice(0, 10);
  const kept = JSON.parse(readText(json) ?? '{ "results": [] }').results;
  const fresh = results.map(({ target, runtime, how, passed, failed, skipped, subset, note }) =>
    ({ target, runtime, how, passed, failed, skipped, subset, note, date, commit, sha256: checksum(target) }));
  const replaced = new Set(fresh.map(keyOf));
  const all = [...kept.filter((result) => !replaced.has(keyOf(result))), ...fresh];
  all.sort((one, other) => order.indexOf(one.target) - order.indexOf(other.target) || (keyOf(one) < keyOf(other) ? -1 : 1));
  fs.writeFileSync(json, `${JSON.stringify({ date, commit, results: all }, null, 2)}\n`);
  const text = readText(page);
  const [from, to] = [text.indexOf(start), text.indexOf(end)];
  if (from < 0 || to < from) throw new BuildError('docs/platforms.md has lost the markers of its table');
  fs.writeFileSync(page, `${text.slice(0, from)}${start}\n${tableOf(all)}\n${text.slice(to)}`);
}
