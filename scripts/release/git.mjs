// What git says of a checkout, and the record of a test run that names its commit.
//
// A record counts for a release only when it names the very commit and when nothing was changed in the checkout from the beginning of
// the run to its end: so neither a later commit nor an edit beside a long run can borrow its result.
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { readText } from '../tools.mjs';

function git(folder, ...args) {
  return execFileSync('git', args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 64 << 20 }).trimEnd();
}

/** { commit, branch, changed, tags }: of HEAD; `changed` are files that differ from it or are new. undefined without a repository. */
export function gitFacts(folder) {
  try {
    return {
      commit: git(folder, 'rev-parse', 'HEAD'),
      branch: spawnSync('git', ['symbolic-ref', '--quiet', '--short', 'HEAD'], { cwd: folder, encoding: 'utf8' }).stdout.trim() || undefined,
      changed: git(folder, 'status', '--porcelain').split('\n').filter(Boolean).map((line) => line.slice(3)),
      tags: git(folder, 'tag', '--list').split('\n').filter(Boolean),
    };
  } catch {
    return undefined;
  }
}

/** When something below these folders or files was last committed. */
export function lastCommitTo(folder, ...parts) {
  const seconds = git(folder, 'log', '-1', '--format=%ct', '--', ...parts);
  return seconds === '' ? undefined : new Date(Number(seconds) * 1000);
}

const recordFile = (folder) => path.join(folder, 'build/test-results/npm-test.json');

/** The last record of `npm test` in this checkout, or undefined. */
export function readTestRecord(folder) {
  const text = readText(recordFile(folder));
  return text === undefined ? undefined : JSON.parse(text);
}

/** Begins the record of a test run, and forgets the last one; the function returned writes it, with { passed, failed, skipped }. */
export function beginTestRecord(folder) {
  fs.rmSync(recordFile(folder), { force: true });
  const before = gitFacts(folder);
  return (total) => {
    const after = gitFacts(folder);
    const clean = before !== undefined && before.changed.length === 0 && after?.changed.length === 0 && before.commit === after.commit;
    const record = { commit: after?.commit, clean, date: new Date().toISOString(), node: process.version, ...total };
    fs.mkdirSync(path.dirname(recordFile(folder)), { recursive: true });
    fs.writeFileSync(recordFile(folder), `${JSON.stringify(record, undefined, 2)}\n`);
  };
}
