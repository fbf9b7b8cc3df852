// The rules for Linux. What the loader of a user's system would refuse (an unknown library, a glibc that is too new, another machine)
// and what its administrator would (writable relocations, an executable stack, a search path) is found here, before it is shipped.
import path from 'node:path';
import { readText } from '../tools.mjs';
import { exportProblems, isNodeApi, several, stranger } from './rules.mjs';

const machines = {
  x64: { machine: 'X86_64', bits: 64, loader: 'ld-linux-x86-64.so.2', page: 0x1000 },
  // Kernels of these are also built with pages of 16 and 64 KiB, where a segment aligned to less cannot be mapped.
  arm64: { machine: 'AARCH64', bits: 64, loader: 'ld-linux-aarch64.so.1', page: 0x10000 },
  loong64: { machine: 'LOONGARCH', bits: 64, loader: 'ld-linux-loongarch-lp64d.so.1', page: 0x10000 },
  arm: { machine: 'ARM', bits: 32, loader: 'ld-linux-armhf.so.3', page: 0x1000 },
};

const glibcLibraries = ['libc.so.6', 'libm.so.6', 'libdl.so.2', 'libpthread.so.0', 'librt.so.1'];
// zig's name of musl's one library; musl's loader takes it for itself on every distribution.
const muslLibraries = ['libc.so'];

// musl has no symbol versions to tell its functions by. These are what our code may take: all are in musl 1.2.3, so that the list is a
// floor, too. A new name comes in after a look at the release of musl that brought it.
const muslNames = new Set(readText(path.join(import.meta.dirname, 'musl-names.txt')).replace(/^#.*$/gm, '').trim().split(/\s+/));

// Weak: start-up code, and OpenSSL for getentropy() (glibc 2.25), ask whether they are there before they call them.
const maybeThere = ['__gmon_start__', '_ITM_registerTMCloneTable', '_ITM_deregisterTMCloneTable', 'getentropy'];

export function elfProblems(target, facts) {
  return [
    ...machineProblems(target, facts),
    ...exportProblems(facts.symbols.filter((symbol) => symbol.defined && symbol.binding !== 'LOCAL').map((symbol) => symbol.name)),
    ...undefinedProblems(target, facts),
    ...libraryProblems(target, facts),
    ...glibcProblems(target, facts),
    ...hardeningProblems(facts),
    ...strippedProblems(facts),
  ];
}

function machineProblems(target, { machine, bits, endianness, kind, flags, segments }) {
  const expected = machines[target.arch];
  const problems = [];
  if (kind !== 'DYN') problems.push(`kind: an ELF file of type ${kind}, an addon is a shared library`);
  if (machine !== expected.machine) problems.push(`machine: built for ${machine}, ${target.name} is ${expected.machine}`);
  if (bits !== expected.bits) problems.push(`class: has ${bits} bits, ${target.name} has ${expected.bits}`);
  if (endianness !== 'little') problems.push(`endianness: is ${endianness} endian, ${target.name} is little endian`);
  if (problems.length > 0) return problems;
  if (target.arch === 'loong64' && (flags & 0xc0) !== 0x40) {
    problems.push(`e_flags: 0x${flags.toString(16)} is of the old world, 0x40 (object file ABI 1) marks the new one`);
  }
  if (target.arch === 'loong64' && (flags & 0x7) !== 0x3) problems.push(`e_flags: 0x${flags.toString(16)} is not the ABI with double floats (3)`);
  if (target.arch === 'arm' && flags >>> 24 !== 5) problems.push(`e_flags: 0x${flags.toString(16)} is not EABI 5`);
  if (target.arch === 'arm' && (flags & 0x400) === 0) problems.push(`e_flags: 0x${flags.toString(16)} lacks 0x400, hard float`);
  const narrow = segments.find((segment) => segment.type === 'LOAD' && segment.alignment < expected.page);
  if (narrow) problems.push(`page-size: a segment is aligned to ${narrow.alignment}, ${target.name} needs ${expected.page}`);
  return problems;
}

/** The library of each symbol version that the binary asks for. */
function librariesOf(versions) {
  return new Map(versions.flatMap(({ library, names }) => names.map((name) => [name, library])));
}

function allowedLibraries(target) {
  return target.libc === 'musl' ? muslLibraries : [...glibcLibraries, machines[target.arch].loader];
}

function undefinedProblems(target, { symbols, versions }) {
  const [libraries, allowed] = [librariesOf(versions), allowedLibraries(target)];
  const isKnown = ({ name, version, binding }) => {
    if (isNodeApi(name) && version === null) return true;
    if (binding === 'WEAK' && maybeThere.includes(name)) return true;
    return target.libc === 'musl' ? muslNames.has(name) : version !== null && allowed.includes(libraries.get(version));
  };
  const strangers = symbols.filter((symbol) => !symbol.defined && !isKnown(symbol)).map((symbol) => symbol.name);
  if (strangers.length === 0) return [];
  const hint = target.libc === 'musl' ? ' (a function of musl 1.2.3 is to be added to scripts/inspect/musl-names.txt)' : '';
  return [`undefined: ${several(strangers)}: ${strangers[0]} ${stranger(strangers[0])}${hint}`];
}

function libraryProblems(target, { needed, rpath }) {
  const problems = [];
  const others = needed.filter((library) => !allowedLibraries(target).includes(library));
  if (others.length > 0) problems.push(`needed: wants ${several(others)}, which is not on every system`);
  if (rpath.length > 0) problems.push(`rpath: looks for libraries in ${several(rpath)}, a prebuilt addon has no RPATH and no RUNPATH`);
  return problems;
}

function compareVersions(one, other) {
  const [a, b] = [one, other].map((version) => version.split('.').map(Number));
  return a[0] - b[0] || a[1] - b[1] || (a[2] ?? 0) - (b[2] ?? 0);
}

function glibcProblems(target, { versions, symbols }) {
  if (target.libc !== 'glibc') return versions.length > 0 ? [`glibc-floor: asks ${versions[0].library} for versions, musl has none`] : [];
  const floor = /gnu\w*\.(\d+\.\d+)$/.exec(target.triple)[1];
  const asked = versions.flatMap(({ names }) => names).filter((name) => name.startsWith('GLIBC_'));
  const odd = asked.filter((name) => !/^GLIBC_\d+(\.\d+)+$/.test(name));
  if (odd.length > 0) return [`glibc-floor: asks for ${several(odd)}, which a glibc of ${floor} does not have`];
  const highest = asked.map((name) => name.slice('GLIBC_'.length)).sort(compareVersions).at(-1);
  if (highest === undefined || compareVersions(highest, floor) <= 0) return [];
  const culprits = symbols.filter((symbol) => symbol.version === `GLIBC_${highest}`).map((symbol) => symbol.name);
  return [`glibc-floor: needs glibc ${highest} (${several(culprits)}), ${target.name} promises ${floor}`];
}

function hardeningProblems({ segments, bindNow, textrel }) {
  const problems = [];
  if (!segments.some((segment) => segment.type === 'GNU_RELRO')) problems.push('relro: relocations stay writable, link with -z relro');
  if (!bindNow) problems.push('bind-now: functions are bound lazily, link with -z now');
  const stack = segments.find((segment) => segment.type === 'GNU_STACK');
  if (!stack) problems.push('stack: nothing says that the stack is not executable (no PT_GNU_STACK), link with -z noexecstack');
  else if (stack.executable) problems.push('stack: asks for an executable stack, link with -z noexecstack');
  const both = segments.filter((segment) => segment.type === 'LOAD' && segment.writable && segment.executable);
  if (both.length > 0) problems.push('writable-code: a segment is writable and executable at once');
  if (textrel) problems.push('textrel: the loader has to write into the code, compile with -fPIC');
  return problems;
}

function strippedProblems({ sections }) {
  const left = sections.filter((name) => name === '.symtab' || /^\.(z?debug_|gnu_debugdata|stab)/.test(name));
  return left.length > 0 ? [`stripped: still has ${several(left)}`] : [];
}
