// The rules for macOS, which is an experiment: nothing that is built for it is run or shipped, so these keep it from being worse than the
// others where that can be read from the file.
import { exportProblems, isNodeApi, several, stranger } from './rules.mjs';

const libraries = [/^\/usr\/lib\/lib(System\.B|objc\.A)\.dylib$/, /^\/System\/Library\/Frameworks\/Core(Foundation|Services)\.framework\//];

// zig's linker shows these two of every library, whatever it is told; dyld looks them up per image, so they collide with nobody's.
const ofTheLinker = ['__mh_dylib_header', '___dso_handle'];

// A flat lookup: the name is sought in what is loaded. -undefined dynamic_lookup marks it as library 254, zig's linker as 0.
const isFlat = (library) => library === 254 || library === 0;

const withoutUnderscore = (name) => name.replace(/^_/, '');

export function machoProblems(target, facts) {
  return [...machineProblems(target, facts), ...symbolProblems(facts), ...libraryProblems(facts), ...otherProblems(target, facts)];
}

function machineProblems(target, { machine, bits, kind }) {
  const problems = [];
  if (kind !== 'DYLIB' && kind !== 'BUNDLE') problems.push(`kind: a Mach-O file of type ${kind}, an addon is a library or a bundle`);
  if (machine !== 'ARM64' || bits !== 64) problems.push(`machine: built for ${machine} with ${bits} bits, ${target.name} is ARM64`);
  return problems;
}

function symbolProblems({ symbols, trie }) {
  const exported = [...new Set([...trie, ...symbols.filter(({ kind }) => kind === 'exported').map(({ name }) => name)])];
  const problems = exportProblems(exported.filter((name) => !ofTheLinker.includes(name)).map(withoutUnderscore));
  const flat = symbols.filter(({ kind, library }) => kind === 'undefined' && isFlat(library)).map(({ name }) => withoutUnderscore(name));
  const strangers = flat.filter((name) => !isNodeApi(name));
  if (strangers.length > 0) problems.push(`undefined: ${several(strangers)}: ${strangers[0]} ${stranger(strangers[0])}`);
  const debug = symbols.filter(({ kind }) => kind === 'debug').length;
  if (debug > 0) problems.push(`stripped: still has ${debug} symbols for debuggers`);
  return problems;
}

function libraryProblems(facts) {
  const problems = [];
  const others = facts.libraries.filter((library) => !libraries.some((pattern) => pattern.test(library)));
  if (others.length > 0) problems.push(`needed: wants ${several(others)}, which is not a part of macOS that the list in scripts/inspect/macho.mjs knows`);
  if (facts.rpaths.length > 0) problems.push(`rpath: looks for libraries in ${several(facts.rpaths)}`);
  return problems;
}

function otherProblems(target, { executableStack, signed, sections, minimum }) {
  const problems = [];
  const promised = /macos\.(\d+\.\d+)$/.exec(target.triple)[1];
  if (executableStack) problems.push('stack: allows an executable stack');
  if (!signed) problems.push('signature: has none, macOS on ARM loads only what is signed, be it ad hoc');
  const left = sections.filter((name) => name.startsWith('__debug') || name.startsWith('__zdebug'));
  if (left.length > 0) problems.push(`stripped: still has ${several(left)}`);
  if (minimum === null || Number(minimum) > Number(promised)) {
    problems.push(`minimum: is for macOS ${minimum ?? 'of an unknown release'}, ${target.name} promises ${promised}`);
  }
  return problems;
}
