// `npm run release -- --dry-run`: may this checkout be published, and what would be? Without --dry-run it publishes, if --yes is given.
//
//   1. Facts: versions, git, binaries and their inspection, the last `npm test`, docs/platforms.json, CHANGELOG.md (release/facts.mjs).
//   2. Nothing against it so far: dist/ is built anew and "prepack" run, so that what is packed is what this commit makes.
//   3. `npm pack --dry-run --json`: the list of files, sizes, checksums of the binaries, printed.
//   4. Each reason against publishing is a line (release/refusals.mjs), and the exit code is 1.
//   5. Without --dry-run and with --yes: `npm publish`. --provenance is passed on; it works where a CI service vouches for the build.
//
// docs/releasing.md says what comes before and after it.
import { parseArgs } from 'node:util';
import { releaseFacts } from './release/facts.mjs';
import { npmCommand, packedFacts, publishArguments } from './release/pack.mjs';
import { refusals } from './release/refusals.mjs';
import { setUp } from './setup.mjs';
import { BuildError, isProgram, main, root, run } from './tools.mjs';

const inBytes = (size) => `${size.toLocaleString('en')} bytes`;

function show({ packed, binaries }) {
  if (!packed.error) {
    console.log(`${packed.filename}: ${packed.files.length} files`);
    for (const { path, size } of packed.files) console.log(`  ${String(size).padStart(9)}  ${path}`);
    console.log(`packed ${inBytes(packed.size)}, unpacked ${inBytes(packed.unpackedSize)}\n`);
  }
  console.log('SHA-256 of the binaries');
  for (const { exists, file, sha256 } of binaries) console.log(`  ${exists ? sha256 : 'missing'.padEnd(64)}  prebuilds/${file}`);
}

function readArguments() {
  const flag = { type: 'boolean', default: false };
  try {
    return parseArgs({ options: { 'dry-run': flag, yes: flag, provenance: flag } }).values;
  } catch (error) {
    throw new BuildError(error.message);
  }
}

async function release() {
  const options = readArguments();
  const facts = await releaseFacts(root);
  const isGood = refusals(facts).length === 0;
  if (isGood) await setUp(['packages', 'ts']);
  facts.packed = packedFacts(root, { complete: isGood });
  show(facts);

  const reasons = refusals(facts);
  if (reasons.length > 0) {
    console.error(`\n${reasons.join('\n')}`);
    throw new BuildError(`${reasons.length} ${reasons.length === 1 ? 'reason' : 'reasons'} against a release of ${facts.versions['package.json']}`);
  }
  const version = facts.versions['package.json'];
  const args = publishArguments(version, options);
  console.log(`\nnpm ${args.join(' ')}`);
  if (options['dry-run']) {
    console.log('dry run: nothing is against it, and nothing was published');
    return;
  }
  if (!options.yes) throw new BuildError('nothing was published: add --yes if that is meant');
  const [file, ...first] = npmCommand();
  await run(file, [...first, ...args], { stdio: 'inherit' });
  console.log(`published ${version}; now: git tag -s v${version} -m ${version} && git push origin v${version}`);
}

if (isProgram(import.meta.url)) await main(release);
