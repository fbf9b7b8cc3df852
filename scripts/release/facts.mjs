// Collects what a release is judged by: versions, git, binaries, results. Nothing here decides, see refusals.mjs.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { inspectBinary } from '../inspect-binary.mjs';
import { targets } from '../targets.mjs';
import { readText, sha256 } from '../tools.mjs';
import { gitFacts, lastCommitTo, readTestRecord } from './git.mjs';

/** What a binary is made of: a change to one of these makes it old. */
const sources = ['native', 'CMakeLists.txt', 'scripts/build-openssl.mjs', 'scripts/prebuild.mjs', 'scripts/prebuild', 'scripts/targets.mjs', 'scripts/zig.mjs'];

function readJson(file) {
  const text = readText(file);
  return text === undefined ? undefined : JSON.parse(text);
}

/** Every place that says which version this is. */
export function versionFacts(folder) {
  const text = readText(path.join(folder, 'package.json'));
  const lock = readJson(path.join(folder, 'package-lock.json'));
  return {
    'package.json': JSON.parse(text).version,
    'package-lock.json': lock?.version,
    'package-lock.json, packages[""]': lock?.packages?.['']?.version,
    // the line that native/CMakeLists.txt looks for, of which MQN_VERSION and the shared library's version are made
    'package.json as CMake reads it': /^ {2}"version": "(.*)"/m.exec(text)?.[1],
  };
}

// In a process of its own, so that a binary that crashes is a missing answer.
function askCore(file) {
  const program = 'const m = { exports: {} }; process.dlopen(m, process.argv[1]); console.log(m.exports.version)';
  try {
    const answer = execFileSync(process.execPath, ['-e', program, file], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], timeout: 60_000 });
    return /^mqtt-native\/(\S+)/.exec(answer)?.[1];
  } catch {
    return undefined;
  }
}

function isForThisMachine(target) {
  const libc = process.platform !== 'linux' ? undefined : process.report.getReport().header.glibcVersionRuntime ? 'glibc' : 'musl';
  return target.platform === process.platform && target.arch === process.arch && target.libc === libc;
}

async function binaryFacts(folder, target) {
  const file = path.join(folder, 'prebuilds', target.file);
  const facts = { name: target.name, file: target.file, runs: target.runs };
  if (!fs.existsSync(file)) return { ...facts, exists: false };
  const bytes = fs.readFileSync(file);
  return {
    ...facts,
    exists: true,
    size: bytes.length,
    sha256: sha256(bytes),
    built: fs.statSync(file).mtime,
    problems: await inspectBinary(target, file),
    says: isForThisMachine(target) ? { version: askCore(file) } : undefined,
  };
}

/** Everything that refusals() needs, but what would be packed. */
export async function releaseFacts(folder) {
  const git = gitFacts(folder);
  const binaries = [];
  for (const target of targets.filter(({ ships }) => ships)) binaries.push(await binaryFacts(folder, target));
  return {
    versions: versionFacts(folder),
    git,
    binaries,
    sourcesChanged: git && lastCommitTo(folder, ...sources),
    tests: readTestRecord(folder),
    platforms: readJson(path.join(folder, 'docs/platforms.json')),
    changelog: readText(path.join(folder, 'CHANGELOG.md')) ?? '',
  };
}
