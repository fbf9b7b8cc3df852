/**
 * A prebuilt addon that breaks a rule must fail the build with the rule's name. A good addon is compiled here and passes; then each rule
 * is broken by one flag of the compiler or a few bytes, and found. What no compiler of this machine can make is told as facts.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { createRequire } from 'node:module';
import * as os from 'node:os';
import * as path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inspectBinary, judge } from '../../scripts/inspect-binary.mjs';
import { targetNamed as target, targets } from '../../scripts/targets.mjs';
import { makePe } from '../support/pe-file.js';
import type { PeOptions } from '../support/pe-file.js';
import { makeTemporaryFolder, removeFolder } from '../support/temporary-folder.js';

const root = path.resolve(import.meta.dirname, '../..');
const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };

const report = process.report?.getReport() as unknown as { header: { glibcVersionRuntime?: string } } | undefined;
const libc = process.platform !== 'linux' ? undefined : report?.header.glibcVersionRuntime ? 'glibc' : 'musl';
const own = targets.find((one) => one.platform === process.platform && one.arch === process.arch && one.libc === libc);

let folder: string;
let count = 0;

beforeAll(async () => {
  folder = makeTemporaryFolder('inspect');
  // installs the reader, which takes longer than a case may
  await inspectBinary(target('linux-x64'), import.meta.filename);
}, 300_000);
afterAll(() => removeFolder(folder));

const rule = (problem: string): string => problem.slice(0, problem.indexOf(':'));

describe.skipIf(own?.libc !== 'glibc')('on Linux with glibc, an addon that this machine compiles', () => {
  const good = ['-s', '-Wl,-z,relro', '-Wl,-z,now', '-Wl,-z,noexecstack', '-Wl,-z,max-page-size=65536', '-fvisibility=hidden', `-DVERSION="${version}"`];

  function compile(...flags: string[]): string {
    const file = path.join(folder, `${count++}.node`);
    const source = path.join(import.meta.dirname, 'addon.c');
    execFileSync(process.env['CC'] || 'cc', ['-shared', '-fPIC', '-O1', ...good, '-o', file, source, ...flags]);
    return file;
  }

  /** A library that stands for another one at link time. */
  function standIn(soname: string, source: string, ...flags: string[]): string {
    const file = path.join(folder, `${count++}.so`);
    const from = path.join(folder, `${count++}.c`);
    fs.writeFileSync(from, source);
    execFileSync(process.env['CC'] || 'cc', ['-shared', '-fPIC', '-nostdlib', `-Wl,-soname,${soname}`, '-o', file, from, ...flags]);
    return file;
  }

  test('is good', async () => {
    expect(await inspectBinary(own!, compile())).toEqual([]);
  });

  test.each<[string, string[], RegExp]>([
    ['shows a function of OpenSSL', ['-DEXTRA_EXPORT'], /^exports: shows SSL_library_init,/],
    ['lacks one of the two functions', ['-DNO_VERSION'], /^exports: does not export node_api_module_get_api_version_v1$/],
    ['calls what nobody has', ['-DSTRANGER=SSL_new'], /^undefined: SSL_new: .* neither the C library's nor Node-API 8's$/],
    ['calls a later Node-API', ['-DSTRANGER=node_api_symbol_for'], /^undefined: node_api_symbol_for: .* Node-API 9/],
    ['wants an executable stack', ['-Wl,-z,execstack'], /^stack: asks for an executable stack/],
    ['has an RPATH', ['-Wl,--disable-new-dtags,-rpath,/opt/lib'], /^rpath: .*\/opt\/lib/],
    ['has a RUNPATH', ['-Wl,--enable-new-dtags,-rpath,$ORIGIN/lib'], /^rpath: .*\$ORIGIN\/lib/],
    ['binds its functions late', ['-Wl,-z,lazy'], /^bind-now: /],
    ['leaves its relocations writable', ['-Wl,-z,norelro'], /^relro: /],
    ['has addresses in its code', ['-DCODE_WITH_ADDRESS', '-Wl,-z,notext'], /^textrel: /],
    ['was built from another version', ['-UVERSION', '-DVERSION="0.0.7"'], /^version: was built from 0\.0\.7, /],
    ['holds a home folder', ['-DFOLDER="/home/builder/mqtt-native"'], /^build-path: holds "\/home\/builder\/mqtt-native\/src\/file\.c"/],
    ['holds the home folder of this user', [`-DFOLDER="${os.homedir()}"`], /^build-path: /],
    ['holds the folder of this checkout', [`-DFOLDER="${root}"`], /^build-path: /],
  ])('%s', async (_what, flags, problem) => {
    const problems = await inspectBinary(own!, compile(...flags));
    expect(problems).toEqual([expect.stringMatching(problem)]);
  });

  test('keeps its symbols', async () => {
    const file = path.join(folder, 'unstripped.node');
    const flags = [...good.filter((flag) => flag !== '-s'), '-g', `-ffile-prefix-map=${root}=.`, '-fdebug-prefix-map=/=./'];
    execFileSync(process.env['CC'] || 'cc', ['-shared', '-fPIC', ...flags, '-o', file, 'addon.c'], { cwd: import.meta.dirname });
    const problems = await inspectBinary(own!, file);
    expect(problems.find((problem) => rule(problem) === 'stripped')).toMatch(/^stripped: still has .*\.debug_/);
  });

  test('takes a function from a glibc that is too new', async () => {
    const map = path.join(folder, 'future.map');
    fs.writeFileSync(map, 'GLIBC_2.99 { global: future; local: *; };');
    const future = standIn('libc.so.6', 'void future(void) {}', `-Wl,--version-script=${map}`);
    const problems = await inspectBinary(own!, compile('-DSTRANGER=future', future));
    expect(problems).toContainEqual(expect.stringMatching(/^glibc-floor: needs glibc 2\.99 \(future\), /));
  });

  test('wants a library that not every system has', async () => {
    const library = standIn('libodd.so.1', 'void odd(void) {}');
    const problems = await inspectBinary(own!, compile('-DSTRANGER=odd', library));
    expect(problems.map(rule)).toEqual(['undefined', 'needed']);
    expect(problems[1]).toMatch(/^needed: wants libodd\.so\.1,/);
  });

  test('is too large', async () => {
    const file = compile();
    fs.appendFileSync(file, Buffer.alloc(6_000_000));
    expect(await inspectBinary(own!, file)).toEqual([expect.stringMatching(/^size: 6\.\d MB, the most is 6 MB$/)]);
  });

  test('is for another machine', async () => {
    const other = target(own!.name === 'linux-x64' ? 'linux-arm64' : 'linux-x64');
    expect((await inspectBinary(other, compile())).map(rule)).toContain('machine');
  });

  test('is for another system', async () => {
    const problems = await inspectBinary(target('win32-x64'), compile());
    expect(problems).toEqual(['format: is elf, a binary for win32-x64 is pe']);
  });

  const prebuilt = path.join(root, 'prebuilds', own?.file ?? '');
  test.skipIf(!fs.existsSync(prebuilt))('made by "npm run prebuild" is good (skipped: prebuilds/ has none for this machine)', async () => {
    // One that was left from another version is for the release to refuse.
    expect((await inspectBinary(own!, prebuilt)).filter((problem) => rule(problem) !== 'version')).toEqual([]);
  });

  // A developer's build is not stripped and has the C++ library of its system; everything else holds for it, too.
  const built = path.join(root, 'build/Release/mqtt_native.node');
  test.skipIf(!fs.existsSync(built))('made by "npm run build" breaks only the rules for what is shipped (skipped: not built)', async () => {
    const forShipping = ['needed', 'undefined', 'glibc-floor', 'stripped', 'size', 'page-size'];
    const problems = await inspectBinary(own!, built);
    expect(problems.filter((problem) => !forShipping.includes(rule(problem)))).toEqual([]);
    expect(problems.map(rule)).toContain('stripped');
  });
});

describe('a DLL for Windows', () => {
  const text = `mqtt-native/${version} paho/%s`;

  async function inspect(name: string, options: PeOptions = {}): Promise<string[]> {
    const file = path.join(folder, `${count++}.node`);
    fs.writeFileSync(file, makePe({ text, ...options }));
    return inspectBinary(target(name), file);
  }

  test.each<[string, PeOptions]>([
    ['win32-x64', {}],
    ['win32-ia32', { machine: 0x14c, bits: 32, characteristics: 0x140 }],
    ['win32-arm64', { machine: 0xaa64 }],
  ])('for %s is good', async (name, options) => {
    expect(await inspect(name, options)).toEqual([]);
  });

  test.each<[string, PeOptions, RegExp]>([
    ['imports from node.exe', { imports: { 'NODE.EXE': ['napi_create_object'] } }, /^imports: names node\.exe,/],
    ['wants a DLL of its compiler', { imports: { 'libstdc++-6.dll': ['_Znwm'] } }, /^imports: wants libstdc\+\+-6\.dll,/],
    ['always lies at one address', { characteristics: 0x120 }, /^aslr: lacks DYNAMIC_BASE/],
    ['cannot be moved', { relocations: false }, /^aslr: has no relocations/],
    ['may run its data', { characteristics: 0x60 }, /^dep: lacks NX_COMPAT/],
    ['lies below 4 GB', { characteristics: 0x140 }, /^high-entropy: /],
    ['has code that it can write', { textFlags: 0xe0000020 }, /^writable-code: \.text /],
    ['holds the time of its build', { timestamp: 0x6a000000 }, /^timestamp: the file header, exports holds the time/],
    ['shows a function of OpenSSL', { exports: ['SSL_new', 'napi_register_module_v1', 'node_api_module_get_api_version_v1'] }, /^exports: shows SSL_new,/],
    ['keeps its symbols', { extraSection: '.debug' }, /^stripped: still has \.debug/],
    ['is for ARM', { machine: 0xaa64 }, /^machine: built for ARM64, win32-x64 is AMD64$/],
    ['holds a folder of the build machine', { text: `${text} /root/src/tls.c` }, /^build-path: holds ".*\/root\/src\/tls\.c"/],
  ])('%s', async (_what, options, problem) => {
    expect(await inspect('win32-x64', options)).toEqual([expect.stringMatching(problem)]);
  });
});

describe('facts of machines that are not at hand', () => {
  const symbols = ['napi_register_module_v1', 'node_api_module_get_api_version_v1'].map((name) => ({ name, defined: true, binding: 'GLOBAL', version: null }));
  const segments = [
    { type: 'LOAD', executable: true, writable: false, alignment: 0x10000 },
    { type: 'GNU_RELRO', executable: false, writable: false, alignment: 1 },
    { type: 'GNU_STACK', executable: false, writable: true, alignment: 0 },
  ];
  const elf = { format: 'elf', endianness: 'little', kind: 'DYN', needed: [], rpath: [], textrel: false, bindNow: true, segments, sections: [], symbols, versions: [] };
  const loong64 = { ...elf, machine: 'LOONGARCH', bits: 64, flags: 0x43, versions: [{ library: 'libc.so.6', names: ['GLIBC_2.36'] }] };
  const arm = { ...elf, machine: 'ARM', bits: 32, flags: 0x5000400 };
  const arm64 = { ...elf, machine: 'AARCH64', bits: 64, flags: 0 };
  const needs = (name: string): object => ({ name, defined: false, binding: 'GLOBAL', version: null });

  test('good ones pass', () => {
    expect(judge(target('linux-loong64'), loong64)).toEqual([]);
    expect(judge(target('linux-arm'), arm)).toEqual([]);
    expect(judge(target('linux-arm64'), arm64)).toEqual([]);
    expect(judge(target('linux-arm64-musl'), { ...arm64, needed: ['libc.so'], symbols: [...symbols, needs('malloc')] })).toEqual([]);
  });

  test.each<[string, string, object, RegExp]>([
    ["LoongArch's old world", 'linux-loong64', { ...loong64, flags: 0x3 }, /^e_flags: 0x3 is of the old world/],
    ['LoongArch without double floats', 'linux-loong64', { ...loong64, flags: 0x41 }, /^e_flags: 0x41 is not the ABI with double floats/],
    ['ARM with soft floats', 'linux-arm', { ...arm, flags: 0x5000200 }, /^e_flags: .* hard float$/],
    ['ARM with 64 bits', 'linux-arm', { ...arm, bits: 64 }, /^class: has 64 bits/],
    ['big endian', 'linux-arm64', { ...arm64, endianness: 'big' }, /^endianness: is big endian/],
    ['segments for small pages only', 'linux-arm64', { ...arm64, segments: segments.map((one) => ({ ...one, alignment: 0x1000 })) }, /^page-size: /],
    ['no word about the stack', 'linux-arm64', { ...arm64, segments: segments.slice(0, 2) }, /^stack: nothing says/],
    ['a program', 'linux-arm64', { ...arm64, kind: 'EXEC' }, /^kind: /],
    ['packed relative relocations', 'linux-arm64', { ...arm64, versions: [{ library: 'libc.so.6', names: ['GLIBC_ABI_DT_RELR'] }] }, /^glibc-floor: asks for GLIBC_ABI_DT_RELR/],
    ['a strange function on musl', 'linux-arm64-musl', { ...arm64, symbols: [...symbols, needs('__fprintf_chk')] }, /^undefined: __fprintf_chk: /],
    ['glibc on musl', 'linux-arm64-musl', { ...arm64, needed: ['libc.so.6'] }, /^needed: wants libc\.so\.6,/],
    ['a file that is none of them', 'linux-arm64', { error: 'neither ELF nor PE nor Mach-O' }, /^format: neither/],
  ])('%s', (_what, name, facts, problem) => {
    expect(judge(target(name), facts)).toEqual([expect.stringMatching(problem)]);
  });

  const exported = ['_napi_register_module_v1', '_node_api_module_get_api_version_v1'];
  const macho = {
    format: 'macho', bits: 64, machine: 'ARM64', kind: 'DYLIB', libraries: ['/usr/lib/libSystem.B.dylib'], rpaths: [], trie: exported, sections: [],
    symbols: [{ name: '_napi_create_object', kind: 'undefined', library: 254 }, { name: '_printf', kind: 'undefined', library: 1 }],
    executableStack: false, signed: true, minimum: '11.0',
  };

  test('a good one for macOS passes', () => {
    expect(judge(target('darwin-arm64'), macho)).toEqual([]);
  });

  test.each<[string, object, RegExp]>([
    ['shows a function of OpenSSL', { trie: [...exported, '_SSL_new'] }, /^exports: shows SSL_new,/],
    ['wants a library of a package manager', { libraries: ['/opt/homebrew/lib/libssl.dylib'] }, /^needed: wants \/opt\/homebrew/],
    ['calls what nobody has', { symbols: [{ name: '_SSL_new', kind: 'undefined', library: 254 }] }, /^undefined: SSL_new: /],
    ['is for Intel', { machine: 'X86_64' }, /^machine: /],
    ['has a search path', { rpaths: ['@loader_path'] }, /^rpath: /],
    ['has no signature', { signed: false }, /^signature: /],
    ['is for a later macOS', { minimum: '14.0' }, /^minimum: is for macOS 14\.0/],
  ])('macOS: %s', (_what, change, problem) => {
    expect(judge(target('darwin-arm64'), { ...macho, ...change })).toEqual([expect.stringMatching(problem)]);
  });
});

describe('the command', () => {
  const run = (...args: string[]): string => {
    try {
      execFileSync(process.execPath, [path.join(root, 'scripts/inspect-binary.mjs'), ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
      return 'went well';
    } catch (error) {
      return (error as { stderr: string }).stderr;
    }
  };

  test('names the targets there are', () => {
    expect(run('--target', 'linux-mips')).toMatch(/^error: unknown target "linux-mips", known are linux-x64, .*\n$/);
  });

  test('the problems of an experiment are printed, and count when it is named', () => {
    const copy = path.join(folder, 'copy');
    for (const part of ['scripts', 'package.json']) fs.cpSync(path.join(root, part), path.join(copy, part), { recursive: true });
    fs.symlinkSync(path.join(root, 'node_modules'), path.join(copy, 'node_modules'), 'junction');
    const file = path.join(copy, 'prebuilds', target('darwin-arm64').file);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, 'no Mach-O');
    const inspect = (...args: string[]): { stdout: string; stderr: string } =>
      spawnSync(process.execPath, [path.join(copy, 'scripts/inspect-binary.mjs'), ...args], { encoding: 'utf8' });
    const shipped = targets.filter(({ ships }) => ships).length;
    expect(inspect()).toMatchObject({
      stdout: expect.stringMatching(/^darwin-arm64: [1-9] problems?, not counted: it is an experiment and not shipped\n {2}format: /m) as string,
      stderr: `error: ${shipped} of ${shipped} binaries are not fit to be shipped\n`,
      status: 1,
    });
    expect(inspect('--target', 'darwin-arm64')).toMatchObject({ stderr: 'error: 1 of 1 binaries is not fit to be shipped\n', status: 1 });
  }, 60_000);

  test('a binary that is not there is a problem that says how to make it', async () => {
    const problems = await inspectBinary(target('linux-arm'), path.join(folder, 'absent.node'));
    expect(problems).toEqual([expect.stringMatching(/^missing: .* make it with "npm run prebuild -- --target linux-arm"$/)]);
  });
});
