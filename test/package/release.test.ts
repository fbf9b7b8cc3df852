/**
 * A release must not be made by mistake: each thing that would make a bad one is a reason, in one line that says what to do. A good set of
 * facts is spoiled in one place at a time; git and the record of a test run are tried on a repository of their own. Nothing here publishes.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { createRequire } from 'node:module';
import * as path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { versionFacts } from '../../scripts/release/facts.mjs';
import { beginTestRecord, gitFacts, lastCommitTo, readTestRecord } from '../../scripts/release/git.mjs';
import { packedFacts, publishArguments } from '../../scripts/release/pack.mjs';
import { refusals } from '../../scripts/release/refusals.mjs';
import type { BinaryFacts, ReleaseFacts } from '../../scripts/release/refusals.mjs';
import { targets } from '../../scripts/targets.mjs';
import { makeTemporaryFolder, removeFolder } from '../support/temporary-folder.js';

const root = path.resolve(import.meta.dirname, '../..');
const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };

const commit = '0123456789abcdef0123456789abcdef01234567';

function binary(name: string, file: string, more: Partial<BinaryFacts> = {}): BinaryFacts {
  return { name, file, runs: 'qemu', exists: true, size: 4_000_000, sha256: `of ${name}`, built: new Date('2026-11-20T10:00:00Z'), problems: [], ...more };
}

/** Facts that nothing is wrong with. */
function good(): ReleaseFacts {
  const binaries = [
    binary('linux-x64', 'linux-x64/mqtt-native.glibc.node', { runs: 'here', says: { version: '1.2.3' } }),
    binary('linux-arm64', 'linux-arm64/mqtt-native.glibc.node'),
    binary('win32-arm64', 'win32-arm64/mqtt-native.node', { runs: undefined }),
  ];
  const packed = ['package.json', 'README.md', 'LICENSE', 'NOTICE', 'CHANGELOG.md', 'dist/index.js', 'dist/index.mjs', 'dist/index.d.ts', 'dist/index.d.mts', 'sbom.cdx.json', 'licenses/openssl/LICENSE.txt'];
  const result = (target: string, runtime: string): object => ({ target, runtime, passed: 200, failed: 0, skipped: 3 });
  return {
    versions: { 'package.json': '1.2.3', 'package-lock.json': '1.2.3', 'package.json as CMake reads it': '1.2.3' },
    git: { commit, branch: 'main', changed: [], tags: ['v1.2.2'] },
    binaries,
    sourcesChanged: new Date('2026-11-20T09:00:00Z'),
    tests: { commit, clean: true, passed: 1500, failed: 0 },
    platforms: {
      date: '2026-11-21T08:00:00Z',
      results: [result('linux-x64', 'Node 20'), result('linux-x64', 'Node 24'), result('linux-arm64', 'Node 20')],
    } as NonNullable<ReleaseFacts['platforms']>,
    changelog: '# Changelog\n\n## Unreleased\n\n## 1.2.3 - 2026-11-21\n\n### Added\n\n- A thing.\n\n## 1.2.2 - 2026-10-01\n\n- Another.\n',
    packed: {
      files: [...packed.map((file) => ({ path: file, size: 100 })), ...binaries.map(({ file, size }) => ({ path: `prebuilds/${file}`, size: size! }))],
      size: 9_000_000,
      complete: true,
    },
  };
}

test('facts that nothing is wrong with give no reason', () => {
  expect(refusals(good())).toEqual([]);
});

describe('one line that names what to do, for', () => {
  type Spoil = (facts: ReleaseFacts) => void;
  test.each<[string, Spoil, RegExp]>([
    ['a target that is missing', (facts) => { facts.binaries[1] = { name: 'linux-arm64', file: 'linux-arm64/mqtt-native.glibc.node', runs: 'qemu', exists: false }; facts.packed!.files = facts.packed!.files!.filter((file) => !file.path.includes('arm64/mqtt-native.glibc')); },
      /^linux-arm64: prebuilds\/linux-arm64\/mqtt-native\.glibc\.node is missing: run "npm run prebuild -- --target linux-arm64"$/],
    ['a binary that fails its inspection', (facts) => { facts.binaries[1]!.problems = ['rpath: looks in /opt']; }, /^linux-arm64: rpath: looks in \/opt: mend it and run "npm run prebuild/],
    ['a binary older than its sources', (facts) => { facts.sourcesChanged = new Date('2026-11-20T11:00:00Z'); facts.binaries.splice(1); facts.packed!.files = facts.packed!.files!.filter((file) => !file.path.includes('arm64')); },
      /^linux-x64: was built before its sources were last changed: run "npm run prebuild/],
    ['tests that never ran', (facts) => { facts.tests = undefined; }, /^tests: .* has left no result here: run "npm test"/],
    ['tests that failed', (facts) => { facts.tests!.failed = 2; }, /^tests: 2 failed, 1500 passed: mend them/],
    ['a run that had no test', (facts) => { facts.tests!.passed = 0; }, /^tests: 0 failed, 0 passed: /],
    ['tests of another commit', (facts) => { facts.tests!.commit = 'fedcba9876543210'; }, /^tests: they passed at commit fedcba987654, this is 0123456789ab: run "npm test"/],
    ['tests with edits that no commit has', (facts) => { facts.tests!.clean = false; }, /^tests: they passed with files that commit 0123456789ab does not have: run "npm test"/],
    ['no results of the platforms', (facts) => { facts.platforms = undefined; }, /^platforms: .* holds no results: run "npm run test:platforms/],
    ['a platform that was not run', (facts) => { facts.platforms!.results.pop(); }, /^platforms: linux-arm64 was not run: run "npm run test:platforms/],
    ['a platform that failed', (facts) => { facts.platforms!.results[1]!.failed = 1; }, /^platforms: linux-x64 on Node 24 has 1 failed: mend them/],
    ['a platform with hardly a test', (facts) => { facts.platforms!.results[2]!.passed = 59; }, /^platforms: linux-arm64 on Node 20 ran 59 cases, at least 60/],
    ['results older than a binary', (facts) => { facts.binaries[1]!.built = new Date('2026-11-21T08:00:01Z'); }, /^platforms: the results for linux-arm64 are older than the binary: /],
    ['results without a date', (facts) => { facts.platforms!.date = ''; facts.platforms!.results.splice(2); facts.binaries[1]!.runs = undefined; }, /^platforms: the results for linux-x64 are older/],
    ['results of another binary', (facts) => { facts.platforms!.results[2]!.sha256 = 'another'; }, /^platforms: linux-arm64 on Node 20 was another binary: /],
    ['a changelog without the version', (facts) => { facts.changelog = '# Changelog\n\n## Unreleased\n\n- A thing.\n'; }, /^changelog: CHANGELOG\.md has no section for 1\.2\.3: /],
    ['a changelog without a date', (facts) => { facts.changelog = '## 1.2.3\n\n- A thing.\n'; }, /^changelog: the section for 1\.2\.3 has no date: /],
    ['a changelog with a day that is none', (facts) => { facts.changelog = '## 1.2.3 - 2026-13-01\n\n- A thing.\n'; }, /^changelog: the section for 1\.2\.3 has no date: /],
    ['a changelog without an entry', (facts) => { facts.changelog = '## 1.2.3 - 2026-11-21\n\n### Added\n\n## 1.2.2 - 2026-10-01\n\n- Another.\n'; }, /^changelog: the section for 1\.2\.3 is empty: /],
    ['a changelog of a longer version', (facts) => { facts.changelog = '## 1.2.30 - 2026-11-21\n\n- A thing.\n'; }, /^changelog: CHANGELOG\.md has no section for 1\.2\.3: /],
    ['a lock file of another version', (facts) => { facts.versions['package-lock.json'] = '1.2.2'; }, /^version: package-lock\.json says 1\.2\.2, package\.json 1\.2\.3: make them equal/],
    ['a version that CMake does not find', (facts) => { facts.versions['package.json as CMake reads it'] = undefined; }, /^version: package\.json as CMake reads it says nothing, /],
    ['an addon of another version', (facts) => { facts.binaries[0]!.says = { version: '1.2.2' }; }, /^version: the addon of linux-x64, asked says 1\.2\.2, /],
    ['an addon that does not load', (facts) => { facts.binaries[0]!.says = { version: undefined }; }, /^version: the addon of linux-x64, asked says nothing, /],
    ['edits that are not committed', (facts) => { facts.git!.changed = ['lib/client.ts']; }, /^git: lib\/client\.ts is not committed: commit or remove$/],
    ['another branch', (facts) => { facts.git!.branch = 'topic'; }, /^git: this is branch topic, releases are made on main$/],
    ['no branch', (facts) => { facts.git!.branch = undefined; }, /^git: this is no branch, /],
    ['a version that is out', (facts) => { facts.git!.tags = ['v1.2.3']; }, /^git: the tag v1\.2\.3 exists: /],
    ['a package that npm cannot make', (facts) => { facts.packed = { error: 'npm error prepack' }; }, /^package: "npm pack" fails: npm error prepack$/],
    ['a package without a binary', (facts) => { facts.packed!.files = facts.packed!.files!.filter((file) => !file.path.startsWith('prebuilds/linux-x64')); }, /^package: prebuilds\/linux-x64\/mqtt-native\.glibc\.node is not packed/],
    ['a package without the library', (facts) => { facts.packed!.files = facts.packed!.files!.filter((file) => file.path !== 'dist/index.mjs'); }, /^package: dist\/index\.mjs is not packed/],
    ['a package without its SBOM', (facts) => { facts.packed!.files = facts.packed!.files!.filter((file) => file.path !== 'sbom.cdx.json'); }, /^package: sbom\.cdx\.json is not packed/],
    ['a package with sources', (facts) => { facts.packed!.files!.push({ path: 'native/core/src/core.h', size: 1 }); }, /^package: native\/core\/src\/core\.h would be packed/],
    ['a package that npm would build', (facts) => { facts.packed!.files!.push({ path: 'binding.gyp', size: 1 }); }, /^package: binding\.gyp would be packed/],
    ['a package with an experiment', (facts) => { facts.packed!.files!.push({ path: 'prebuilds/darwin-arm64/mqtt-native.node', size: 1 }); }, /^package: prebuilds\/darwin-arm64\/mqtt-native\.node would be packed/],
    ['a package that is too large', (facts) => { facts.packed!.size = 16_100_000; }, /^package: 16\.1 MB packed, the most is 16 MB/],
  ])('%s', (_what, spoil, reason) => {
    const facts = good();
    spoil(facts);
    expect(refusals(facts)).toEqual([expect.stringMatching(reason)]);
  });

  test('a folder that is no checkout', () => {
    const facts = { ...good(), git: undefined };
    expect(refusals(facts)).toContainEqual(expect.stringMatching(/^git: this is not a checkout, /));
  });

  test('a binary that was run by its checksum, although the file is younger, there is none', () => {
    const facts = good();
    facts.binaries[1]!.built = new Date('2026-11-22T00:00:00Z');
    facts.platforms!.results[2]!.sha256 = 'of linux-arm64';
    expect(refusals(facts)).toEqual([]);
  });
});

describe('a repository', () => {
  let folder: string;
  const git = (...args: string[]): void => {
    const name = ['-c', 'user.name=Test', '-c', 'user.email=test@example.com', '-c', 'commit.gpgsign=false', '-c', 'tag.gpgsign=false'];
    execFileSync('git', [...name, ...args], { cwd: folder, stdio: 'ignore' });
  };
  const write = (file: string, text: string): void => {
    fs.mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    fs.writeFileSync(path.join(folder, file), text);
  };

  beforeEach(() => {
    folder = makeTemporaryFolder('release');
    git('init', '--quiet', '--initial-branch=main');
    write('.gitignore', 'build/\n');
    write('package.json', '{\n  "name": "thing",\n  "version": "1.2.3"\n}\n');
    git('add', '.');
    git('commit', '--quiet', '-m', 'one');
  });
  afterEach(() => removeFolder(folder));

  test('says its branch, its tags and what is not committed', () => {
    expect(gitFacts(folder)).toMatchObject({ branch: 'main', changed: [], tags: [] });
    write('new.txt', 'new');
    write('.gitignore', 'build/\nother/\n');
    git('tag', 'v1.2.3');
    expect(gitFacts(folder)).toMatchObject({ branch: 'main', changed: ['.gitignore', 'new.txt'], tags: ['v1.2.3'] });
    git('checkout', '--quiet', '--detach');
    expect(gitFacts(folder)!.branch).toBeUndefined();
  });

  test('says when a part was last committed', () => {
    expect(lastCommitTo(folder, 'package.json')).toBeInstanceOf(Date);
    expect(lastCommitTo(folder, 'native')).toBeUndefined();
  });

  test('a test run is recorded with its commit', () => {
    beginTestRecord(folder)({ passed: 3, failed: 0, skipped: 1 });
    expect(readTestRecord(folder)).toMatchObject({ commit: gitFacts(folder)!.commit, clean: true, passed: 3, failed: 0, skipped: 1 });
  });

  test('a test run that is not finished leaves no record, not even the last one', () => {
    beginTestRecord(folder)({ passed: 3, failed: 0, skipped: 0 });
    beginTestRecord(folder);
    expect(readTestRecord(folder)).toBeUndefined();
  });

  test('a file edited before, or during, a test run makes its record one of no commit', () => {
    write('package.json', '{}');
    const finish = beginTestRecord(folder);
    git('checkout', '--quiet', '.');
    finish({ passed: 3, failed: 0, skipped: 0 });
    expect(readTestRecord(folder)!.clean).toBe(false);
    const again = beginTestRecord(folder);
    write('package.json', '{}');
    again({ passed: 3, failed: 0, skipped: 0 });
    expect(readTestRecord(folder)!.clean).toBe(false);
  });

  test('a commit during a test run makes its record one of no commit', () => {
    const finish = beginTestRecord(folder);
    git('commit', '--quiet', '--allow-empty', '-m', 'two');
    finish({ passed: 3, failed: 0, skipped: 0 });
    expect(readTestRecord(folder)!.clean).toBe(false);
  });

  test('every place with the version is read', () => {
    write('package-lock.json', JSON.stringify({ version: '1.2.2', packages: { '': { version: '1.2.1' } } }));
    expect(Object.values(versionFacts(folder))).toEqual(['1.2.3', '1.2.2', '1.2.1', '1.2.3']);
    write('package.json', '{ "name": "thing", "version": "1.2.3" }');
    expect(versionFacts(folder)['package.json as CMake reads it']).toBeUndefined();
  });

  test('what npm would pack is listed, and why it cannot', () => {
    write('index.js', 'module.exports = 1;\n');
    const packed = packedFacts(folder, { complete: true });
    expect(packed.files!.map((file) => file.path).sort()).toEqual(['index.js', 'package.json']);
    expect(packed.size).toBeGreaterThan(0);
    write('package.json', '{ "name": "thing", "version": "1.2.3", "scripts": { "prepack": "echo error: out of paper>&2 && exit 3" } }');
    expect(packedFacts(folder, { complete: true }).error).toBe('out of paper');
  });
});

test('a pre-release does not become what everybody gets', () => {
  expect(publishArguments('1.0.0', { provenance: false })).toEqual(['publish', '--access', 'public']);
  expect(publishArguments('1.0.0-beta.1', { provenance: true })).toEqual(['publish', '--access', 'public', '--tag', 'next', '--provenance']);
});

// Not without --dry-run: a test has no way to publish.
test('the command refuses a copy of this checkout that has no repository, no binaries and no results', () => {
  const folder = makeTemporaryFolder('release');
  try {
    for (const part of ['scripts', 'native/sources/vendor.mjs', 'package.json', 'package-lock.json', 'CHANGELOG.md', 'LICENSE']) {
      fs.cpSync(path.join(root, part), path.join(folder, part), { recursive: true });
    }
    fs.symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'), 'junction');
    const result = spawnSync(process.execPath, [path.join(folder, 'scripts/release.mjs'), '--dry-run'], { encoding: 'utf8' });
    const missing = targets.filter(({ ships }) => ships).map(({ name, file }) => `${name}: prebuilds/${file} is missing: run "npm run prebuild -- --target ${name}"`);
    const lines = result.stderr.trim().split('\n');
    expect(lines).toEqual(expect.arrayContaining([
      'git: this is not a checkout, make the release in a clone of the repository',
      'tests: "npm test" has left no result here: run "npm test" and leave the checkout alone meanwhile',
      ...missing,
      expect.stringMatching(/^platforms: docs\/platforms\.json holds no results: /),
    ]));
    expect(lines.at(-1)).toBe(`error: ${lines.filter((line) => /^[a-z0-9-]+: /.test(line)).length - 1} reasons against a release of ${version}`);
    expect(result.stdout).toMatch(/^ +\d+ {2}CHANGELOG\.md$/m);
    expect(result.stdout).toMatch(/^packed [\d,]+ bytes, unpacked [\d,]+ bytes$/m);
    expect(result.status).toBe(1);
  } finally {
    removeFolder(folder);
  }
}, 120_000);

test('an option that does not exist is refused before anything is looked at', () => {
  const result = spawnSync(process.execPath, [path.join(root, 'scripts/release.mjs'), '--publish'], { encoding: 'utf8' });
  expect(result.stderr).toMatch(/^error: Unknown option '--publish'/);
  expect(result.status).toBe(1);
});
