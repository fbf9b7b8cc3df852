// Is a prebuilt addon fit to be shipped? Each of its properties that a user's machine, or a user's security people, would trip over is
// a rule; a binary that breaks one fails the build.
//
//   1. scripts/inspect/read.py reads the file with LIEF and prints facts. LIEF is one reader for ELF, PE and Mach-O with every machine of
//      ours, and comes by name from PyPI with checksums; llvm-readobj gives data a script can read only for ELF.
//   2. The rules of the file's format, and those of every format, judge the facts: scripts/inspect/*.mjs.
//
// `npm run inspect [-- --target NAME ...]` inspects what is in prebuilds/, prints a line a problem, and exits with 1 when there is one.
// Default: all targets. An experiment that does not ship may be missing then, and its problems are printed and not counted; one that is
// named is judged like the others. zig's linker for macOS has no list of exports: darwin-arm64 shows what libc++ and OpenSSL's assembler
// hide elsewhere.
import fs from 'node:fs';
import path from 'node:path';
import { elfProblems } from './inspect/elf.mjs';
import { machoProblems } from './inspect/macho.mjs';
import { peProblems } from './inspect/pe.mjs';
import { readFacts } from './inspect/reader.mjs';
import { commonProblems } from './inspect/rules.mjs';
import { targetNamed, targets } from './targets.mjs';
import { BuildError, isProgram, main, root } from './tools.mjs';

/** The problems that the facts of a binary show: the part of inspectBinary() that reads no file. */
export function judge(target, facts) {
  const expected = { linux: 'elf', win32: 'pe', darwin: 'macho' }[target.platform];
  if (facts.error) return [`format: ${facts.error}`];
  if (facts.format !== expected) return [`format: is ${facts.format}, a binary for ${target.name} is ${expected}`];
  return { elf: elfProblems, pe: peProblems, macho: machoProblems }[expected](target, facts);
}

/**
 * What is wrong with a binary for a target of scripts/targets.mjs. Each problem is one line that begins with the rule's name; an empty
 * list means that the binary is good. Throws a BuildError when the reader cannot be installed.
 */
export async function inspectBinary(target, file) {
  if (!fs.existsSync(file)) return [`missing: there is no ${path.relative(root, file)}, make it with "npm run prebuild -- --target ${target.name}"`];
  return [...judge(target, await readFacts(file)), ...commonProblems(target, fs.readFileSync(file))];
}

/** The targets that a command line names with --target; all of them when it names none. */
export function chosenTargets(args) {
  const names = [];
  for (let at = 0; at < args.length; at++) {
    if (args[at] !== '--target' || args[at + 1] === undefined) throw new BuildError(`unknown argument "${args[at]}", known is --target NAME`);
    names.push(args[++at]);
  }
  try {
    return names.length > 0 ? names.map(targetNamed) : targets;
  } catch (error) {
    throw new BuildError(error.message);
  }
}

async function inspectAll() {
  const args = process.argv.slice(2);
  const isNamed = args.length > 0;
  const isThere = (target) => fs.existsSync(path.join(root, 'prebuilds', target.file));
  const wanted = chosenTargets(args).filter((target) => isNamed || target.ships || isThere(target));
  const judged = wanted.filter((target) => isNamed || target.ships);
  let bad = 0;
  for (const target of wanted) {
    const problems = await inspectBinary(target, path.join(root, 'prebuilds', target.file));
    const says = problems.length === 0 ? 'good' : `${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}`;
    console.log(`${target.name}: ${says}${judged.includes(target) ? '' : ', not counted: it is an experiment and not shipped'}`);
    for (const problem of problems) console.log(`  ${problem}`);
    if (problems.length > 0 && judged.includes(target)) bad++;
  }
  if (bad > 0) throw new BuildError(`${bad} of ${judged.length} binaries ${bad === 1 ? 'is' : 'are'} not fit to be shipped`);
}

if (isProgram(import.meta.url)) await main(inspectAll);
