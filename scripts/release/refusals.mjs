// Why a release may not be made: one line for each reason, which names what to do. Only facts come in (facts.mjs, pack.mjs), so that
// each reason can be tested without a release.

/** Every reason against publishing; empty: none. What would be packed is judged when `facts.packed` is there. */
export function refusals(facts) {
  const version = facts.versions['package.json'];
  const lines = [
    ...gitRefusals(facts.git, version),
    ...versionRefusals(facts, version),
    ...changelogRefusals(facts.changelog, version),
    ...testRefusals(facts.tests, facts.git),
    ...binaryRefusals(facts),
    ...platformRefusals(facts),
    ...(facts.packed ? packRefusals(facts) : []),
  ];
  // One runtime may stand in the results twice, on two systems.
  return [...new Set(lines)];
}

function gitRefusals(git, version) {
  if (!git) return ['git: this is not a checkout, make the release in a clone of the repository'];
  const lines = [];
  if (git.branch !== 'main') lines.push(`git: this is ${git.branch ? `branch ${git.branch}` : 'no branch'}, releases are made on main`);
  if (git.changed.length > 0) lines.push(`git: ${shorten(git.changed)} ${git.changed.length === 1 ? 'is' : 'are'} not committed: commit or remove`);
  if (git.tags.includes(`v${version}`)) lines.push(`git: the tag v${version} exists: that version is out, set the next one with "npm version --no-git-tag-version"`);
  return lines;
}

function versionRefusals({ versions, binaries }, version) {
  const lines = [];
  const own = binaries.flatMap(({ name, says }) => (says ? [[`the addon of ${name}, asked`, says.version]] : []));
  for (const [where, found] of [...Object.entries(versions), ...own]) {
    if (found !== version) lines.push(`version: ${where} says ${found ?? 'nothing'}, package.json ${version}: make them equal ("npm version --no-git-tag-version ${version} --allow-same-version", then "npm run prebuild")`);
  }
  return lines;
}

/** The section of a version: its date and its entries. undefined: there is none. */
export function changelogSection(text, version) {
  const headings = [...text.matchAll(/^## (.*)$/gm)];
  const escaped = version.replace(/[.+]/g, '\\$&');
  const at = headings.findIndex(([, heading]) => new RegExp(`^\\[?${escaped}\\]?( |$)`).test(heading));
  if (at < 0) return undefined;
  const body = text.slice(headings[at].index + headings[at][0].length, headings[at + 1]?.index);
  const date = / - (\d{4}-\d\d-\d\d)$/.exec(headings[at][1])?.[1];
  const isDate = date !== undefined && !Number.isNaN(Date.parse(date));
  return { date: isDate ? date : undefined, entries: [...body.matchAll(/^- \S.*$/gm)].map(([entry]) => entry) };
}

function changelogRefusals(text, version) {
  const section = changelogSection(text, version);
  if (!section) return [`changelog: CHANGELOG.md has no section for ${version}: make "## ${version} - YYYY-MM-DD" of what stands under Unreleased`];
  const lines = [];
  if (!section.date) lines.push(`changelog: the section for ${version} has no date: write "## ${version} - YYYY-MM-DD"`);
  if (section.entries.length === 0) lines.push(`changelog: the section for ${version} is empty: say what changed`);
  return lines;
}

function testRefusals(tests, git) {
  const again = 'run "npm test" and leave the checkout alone meanwhile';
  if (!tests) return [`tests: "npm test" has left no result here: ${again}`];
  if (tests.failed !== 0 || !(tests.passed > 0)) return [`tests: ${tests.failed} failed, ${tests.passed} passed: mend them, commit, and ${again}`];
  if (tests.commit !== git?.commit) return [`tests: they passed at commit ${short(tests.commit)}, this is ${short(git?.commit)}: ${again}`];
  if (tests.clean !== true) return [`tests: they passed with files that commit ${short(tests.commit)} does not have: ${again}`];
  return [];
}

function binaryRefusals({ binaries, sourcesChanged }) {
  return binaries.flatMap((binary) => {
    const build = `run "npm run prebuild -- --target ${binary.name}"`;
    if (!binary.exists) return [`${binary.name}: prebuilds/${binary.file} is missing: ${build}`];
    const lines = binary.problems.map((problem) => `${binary.name}: ${problem}: mend it and ${build}`);
    if (sourcesChanged && binary.built < sourcesChanged) lines.push(`${binary.name}: was built before its sources were last changed: ${build}`);
    return lines;
  });
}

/** How many cases of the contract suite an emulated run takes at least. */
const fewestCases = 60;

function platformRefusals({ platforms, binaries }) {
  const run = 'run "npm run test:platforms -- --record" and commit its results';
  if (!Array.isArray(platforms?.results)) return [`platforms: docs/platforms.json holds no results: ${run}`];
  const date = new Date(platforms.date);
  return binaries.filter(({ exists, runs }) => exists && runs !== undefined).flatMap((binary) => {
    const results = platforms.results.filter(({ target }) => target === binary.name);
    if (results.length === 0) return [`platforms: ${binary.name} was not run: ${run}`];
    const lines = [];
    for (const { runtime, passed, failed, sha256 } of results) {
      if (failed !== 0) lines.push(`platforms: ${binary.name} on ${runtime} has ${failed} failed: mend them, then ${run}`);
      else if (!(passed >= fewestCases)) lines.push(`platforms: ${binary.name} on ${runtime} ran ${passed} cases, at least ${fewestCases} are wanted: ${run}`);
      if (sha256 !== undefined && sha256 !== binary.sha256) lines.push(`platforms: ${binary.name} on ${runtime} was another binary: ${run}`);
    }
    // A checksum says more than two clocks; without one the results must be younger than the file.
    const isNamed = results.every(({ sha256 }) => sha256 !== undefined);
    if (!isNamed && !(date >= binary.built)) lines.push(`platforms: the results for ${binary.name} are older than the binary: ${run}`);
    return lines;
  });
}

const largestPackage = 16_000_000;
const notOurs = /^(native|lib|test|scripts|node_modules|build)\/|(^|\/)(binding\.gyp|CMakeLists\.txt)$/;
const always = ['package.json', 'README.md', 'LICENSE', 'NOTICE', 'CHANGELOG.md'];
// The release makes these itself when nothing else is against it; before that their absence says nothing.
const made = ['sbom.cdx.json', 'licenses/openssl/LICENSE.txt', 'dist/index.js', 'dist/index.mjs', 'dist/index.d.ts', 'dist/index.d.mts'];

function packRefusals({ packed, binaries }) {
  if (packed.error) return [`package: "npm pack" fails: ${packed.error}`];
  const sizes = new Map(packed.files.map(({ path, size }) => [path, size]));
  const lines = [];
  const wanted = packed.complete ? [...always, ...made] : always;
  for (const file of wanted) if (!sizes.has(file)) lines.push(`package: ${file} is not packed: build it, or see "files" in package.json`);
  for (const { exists, file, size } of binaries) {
    if (exists && sizes.get(`prebuilds/${file}`) !== size) lines.push(`package: prebuilds/${file} is not packed as it is: see "files" in package.json`);
  }
  const ours = binaries.map(({ file }) => `prebuilds/${file}`);
  const isOther = (file) => notOurs.test(file) || (file.startsWith('prebuilds/') && !ours.includes(file));
  const others = packed.files.map(({ path }) => path).filter(isOther);
  if (others.length > 0) lines.push(`package: ${shorten(others)} would be packed: see "files" in package.json`);
  if (packed.size > largestPackage) lines.push(`package: ${(packed.size / 1e6).toFixed(1)} MB packed, the most is ${largestPackage / 1e6} MB: make it smaller`);
  return lines;
}

const short = (commit) => commit?.slice(0, 12) ?? 'unknown';
const shorten = (names) => (names.length > 3 ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} more` : names.join(', '));
