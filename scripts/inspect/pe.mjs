// The rules for Windows. An addon that names node.exe among its imports does not load into Electron or a renamed node.exe, and one with
// a DLL that is not part of Windows loads only where it was built.
import { exportProblems, several } from './rules.mjs';

const machines = {
  x64: { machine: 'AMD64', bits: 64 },
  ia32: { machine: 'I386', bits: 32 },
  arm64: { machine: 'ARM64', bits: 64 },
};

// Of Windows 10 and later, each there on every edition. zig's C runtime is the Universal CRT behind api-ms-win-crt-*.
const system = [
  'advapi32', 'bcrypt', 'bcryptprimitives', 'crypt32', 'dbghelp', 'iphlpapi', 'kernel32', 'msvcrt', 'ntdll', 'ole32', 'psapi', 'secur32',
  'shell32', 'ucrtbase', 'user32', 'userenv', 'ws2_32',
].map((name) => `${name}.dll`);
const apiSet = /^api-ms-win-(crt|core)-[a-z0-9-]+-l\d+-\d+-\d+\.dll$/;

const isSystem = (library) => system.includes(library) || apiSet.test(library);

export function peProblems(target, facts) {
  return [...machineProblems(target, facts), ...exportProblems(facts.exports), ...importProblems(facts), ...hardeningProblems(facts),
    ...stampProblems(facts), ...strippedProblems(facts)];
}

function machineProblems(target, { machine, bits, isLibrary }) {
  const expected = machines[target.arch];
  const problems = [];
  if (!isLibrary) problems.push('kind: a program, an addon is a DLL');
  if (machine !== expected.machine) problems.push(`machine: built for ${machine}, ${target.name} is ${expected.machine}`);
  if (bits !== expected.bits) problems.push(`class: has ${bits} bits, ${target.name} has ${expected.bits}`);
  return problems;
}

function importProblems({ imports, delayed }) {
  const problems = [];
  const libraries = [...new Set([...imports, ...delayed].map(({ library }) => library.toLowerCase()))];
  const programs = libraries.filter((library) => library.endsWith('.exe'));
  if (programs.length > 0) problems.push(`imports: names ${several(programs)}, which is called otherwise in Electron or when it was renamed`);
  const others = libraries.filter((library) => !library.endsWith('.exe') && !isSystem(library));
  if (others.length > 0) problems.push(`imports: wants ${several(others)}, which is not a part of Windows that the list in scripts/inspect/pe.mjs knows`);
  if (delayed.length > 0) problems.push(`imports: loads ${several(delayed.map(({ library }) => library))} late, thunks of mingw lose floating-point arguments`);
  return problems;
}

function hardeningProblems({ characteristics, bits, hasRelocations, sections }) {
  const problems = [];
  if ((characteristics & 0x40) === 0) problems.push('aslr: lacks DYNAMIC_BASE, link with --dynamicbase');
  if (!hasRelocations) problems.push('aslr: has no relocations, so it cannot be moved');
  if ((characteristics & 0x100) === 0) problems.push('dep: lacks NX_COMPAT, link with --nxcompat');
  if (bits === 64 && (characteristics & 0x20) === 0) problems.push('high-entropy: lacks HIGH_ENTROPY_VA, link with --high-entropy-va');
  const both = sections.filter((section) => section.writable && section.executable).map((section) => section.name);
  if (both.length > 0) problems.push(`writable-code: ${several(both)} is writable and executable at once`);
  return problems;
}

// 0, or a hash of the content, which the linker marks by an entry of type REPRO; anything else is the time of the build.
function stampProblems({ stamps, reproducible }) {
  const dated = stamps.filter(({ value }) => value !== 0 && !reproducible).map(({ of }) => of);
  return dated.length > 0 ? [`timestamp: the ${several(dated)} holds the time of the build, two builds would differ`] : [];
}

function strippedProblems({ sections, symbolCount, pdb }) {
  const problems = [];
  const left = sections.map((section) => section.name).filter((name) => name.startsWith('.debug') || /^\/\d+$/.test(name));
  if (left.length > 0) problems.push(`stripped: still has ${several(left)}`);
  if (symbolCount > 0) problems.push(`stripped: still has a table of ${symbolCount} symbols`);
  // Beside the name stands a checksum of a file that holds paths of the builder: two builds would differ.
  if (pdb) problems.push(`stripped: names its debug file ${pdb}`);
  return problems;
}
