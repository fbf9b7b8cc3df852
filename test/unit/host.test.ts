/**
 * The host as lib/platform describes it, on systems that are folders made here: a distribution's files and a program that is nothing but
 * its ELF headers. What a real system has only some of is tried in full: UOS and its editions, both worlds of LoongArch, musl, and files
 * that are missing or say nonsense.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readElf } from '../../dist/platform/elf.js';
import { addonHost, describeHost, describeHostFrom, type HostSource } from '../../dist/platform/host.js';
import { hostInWords } from '../../dist/platform/words.js';
import { targets } from '../../scripts/targets.mjs';
import { makeElf, type ElfSketch } from '../support/elf.js';
import { makeTemporaryFolder, removeFolder } from '../support/temporary-folder.js';

const folder = makeTemporaryFolder('host');
afterAll(() => { removeFolder(folder); });

const MACHINES: Record<string, ElfSketch> = {
  x64: { machine: 62, interpreter: '/lib64/ld-linux-x86-64.so.2' },
  arm64: { machine: 183, interpreter: '/lib/ld-linux-aarch64.so.1' },
  arm: { machine: 40, bits: 32, interpreter: '/lib/ld-linux-armhf.so.3' },
  loong64: { machine: 258, flags: 0x43, interpreter: '/lib64/ld-linux-loongarch-lp64d.so.1' },
};

let made = 0;

/** A system with these files, whose program is this ELF file. */
function source(files: Record<string, string | Buffer>, program: ElfSketch | undefined, more: Partial<HostSource> = {}): HostSource {
  const root = path.join(folder, String(++made));
  fs.mkdirSync(root);
  for (const [name, content] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    fs.writeFileSync(path.join(root, name), content);
  }
  const execPath = path.join(root, 'node');
  if (program !== undefined) fs.writeFileSync(execPath, makeElf(program));
  const arch = Object.keys(MACHINES).find((name) => MACHINES[name]!.machine === program?.machine) ?? 'x64';
  return { platform: 'linux', arch, versions: { node: '20.10.0', napi: '9' }, execPath, root, armVersion: undefined, report: () => ({ answered: false }), ...more };
}

const release = (text: string): Record<string, string> => ({ 'etc/os-release': text });
const LDD = { 'usr/bin/ldd': "#!/bin/bash\n# GLIBC in a comment (not this) 9.99\n  --version)\n    echo 'ldd (GNU libc) 2.28'\n" };
const UOS_VERSION = `[Version]
SystemName=UOS Desktop
SystemName[zh_CN]=统信桌面操作系统
ProductType=Desktop
ProductType[zh_CN]=桌面
EditionName=Professional
EditionName[zh_CN]=专业版
MajorVersion=20
MinorVersion=1060
OsBuild=11018.101.100
`;

describe('the C library', () => {
  for (const [interpreter, libc] of [
    ['/lib64/ld-linux-x86-64.so.2', 'glibc'],
    ['/nix/store/0abc-glibc-2.38-44/lib/ld-linux-x86-64.so.2', 'glibc'],
    ['/lib64/ld.so.1', 'glibc'],
    ['/lib64/ld64.so.2', 'glibc'],
    ['/lib/ld-musl-x86_64.so.1', 'musl'],
  ] as const) {
    it(`is told by the program's loader: ${interpreter}`, () => {
      const host = source({}, { machine: 62, interpreter });
      expect(addonHost(host).libc).toBe(libc);
      expect(describeHostFrom(host)).toMatchObject({ libc, target: libc === 'musl' ? 'linux-x64-musl' : 'linux-x64' });
    });
  }

  it('is musl without /etc/alpine-release, and glibc with it', () => {
    expect(describeHostFrom(source({}, { machine: 62, interpreter: '/lib/ld-musl-x86_64.so.1' })).libc).toBe('musl');
    expect(describeHostFrom(source({ 'etc/alpine-release': '3.20.0\n' }, MACHINES['x64'])).libc).toBe('glibc');
  });

  it('of a program that cannot be read is told by the loaders of the system, if they agree', () => {
    expect(addonHost(source({ 'lib/ld-musl-x86_64.so.1': '' }, undefined)).libc).toBe('musl');
    expect(addonHost(source({ 'lib64/ld-linux-x86-64.so.2': '' }, undefined)).libc).toBe('glibc');
    expect(addonHost(source({ 'lib64/ld-linux-x86-64.so.2': '', 'lib/ld-musl-x86_64.so.1': '' }, undefined)).libc).toBeUndefined();
  });

  it('is told by the report where no file tells', () => {
    expect(describeHostFrom(source({}, undefined, { report: () => ({ answered: true, version: '2.31' }) }))).toMatchObject({ libc: 'glibc', libcVersion: '2.31' });
    expect(describeHostFrom(source({}, undefined, { report: () => ({ answered: true }) }))).toMatchObject({ libc: 'musl', libcVersion: undefined });
    expect(describeHostFrom(source({}, undefined))).toMatchObject({ libc: undefined, target: undefined });
  });

  it('has a version: of the report, or of ldd', () => {
    expect(describeHostFrom(source(LDD, MACHINES['x64'])).libcVersion).toBe('2.28');
    expect(describeHostFrom(source(LDD, MACHINES['x64'], { report: () => ({ answered: true, version: '2.31' }) })).libcVersion).toBe('2.31');
    expect(describeHostFrom(source({ 'usr/bin/ldd': 'musl libc (x86_64)' }, MACHINES['x64'])).libcVersion).toBeUndefined();
  });

  it('is nobody’s business on other platforms', () => {
    const host = describeHostFrom(source(LDD, MACHINES['x64'], { platform: 'win32' }));
    expect(host).toMatchObject({ libc: undefined, libcVersion: undefined, target: 'win32-x64' });
    expect(host).not.toHaveProperty('distribution');
  });
});

describe('UOS', () => {
  it('is told with edition, version and build', () => {
    const host = describeHostFrom(source({ ...release('PRETTY_NAME="UnionTech OS Desktop 20 Pro"\nID=uos\nVERSION_ID="20"\n'), 'etc/os-version': UOS_VERSION, ...LDD }, MACHINES['x64']));
    expect(host.uos).toEqual({ edition: 'Desktop Professional', majorVersion: '20', minorVersion: '1060', build: '11018.101.100' });
    expect(host.distribution).toEqual({ id: 'uos', version: '20', name: 'UnionTech OS Desktop 20 Pro' });
    expect(hostInWords(host)).toBe('linux-x64, glibc 2.28, UOS Desktop Professional 20 (1060, build 11018.101.100), Node.js 20.10.0');
  });

  it('is told by an ID in capitals, and without os-version', () => {
    const host = describeHostFrom(source(release("NAME='UnionTech OS Server 20'\nID=\"UOS\"\nVERSION_ID=20.1\n"), MACHINES['arm64']));
    expect(host.uos).toEqual({ edition: undefined, majorVersion: '20', minorVersion: undefined, build: undefined });
    expect(host.distribution?.id).toBe('uos');
    expect(hostInWords(host)).toContain('UOS 20,');
  });

  it('is told by os-version alone, with lines that end as on Windows', () => {
    const version = 'SystemName=UOS Server\r\nProductType=Server\r\nEditionName=e\r\nMajorVersion=25\r\n';
    expect(describeHostFrom(source({ 'etc/os-version': version }, MACHINES['arm64'])).uos).toMatchObject({ edition: 'Server e', majorVersion: '25' });
  });

  it('is not deepin, nor Debian', () => {
    const deepin = source({ ...release('ID=deepin\nNAME="Deepin"\nVERSION_ID="25"\n'), 'etc/os-version': 'SystemName=Deepin\nMajorVersion=25\n' }, MACHINES['x64']);
    expect(describeHostFrom(deepin)).toMatchObject({ distribution: { id: 'deepin', version: '25', name: 'Deepin' } });
    expect(describeHostFrom(deepin)).not.toHaveProperty('uos');
    expect(describeHostFrom(source(release('ID=debian\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n'), MACHINES['x64']))).not.toHaveProperty('uos');
  });

  it('of a system that keeps os-release in /usr/lib only', () => {
    expect(describeHostFrom(source({ 'usr/lib/os-release': 'ID=uos\nNAME=uos\n' }, MACHINES['x64'])).uos).toBeDefined();
  });
});

describe('LoongArch', () => {
  for (const [what, sketch, world] of [
    ['the old loader', { flags: 0x3, interpreter: '/lib64/ld.so.1' }, 'old'],
    ['the new loader', { flags: 0x43, interpreter: '/lib64/ld-linux-loongarch-lp64d.so.1' }, 'new'],
    ['the new loader, and flags as older tools wrote them', { flags: 0x3, interpreter: '/lib64/ld-linux-loongarch-lp64d.so.1' }, 'new'],
    ['flags 0x43 and a loader nobody knows', { flags: 0x43, interpreter: '/opt/loader' }, 'new'],
    ['flags 0x3 and a loader nobody knows', { flags: 0x3, interpreter: '/opt/loader' }, 'old'],
  ] as const) {
    it(`${world} world: ${what}`, () => {
      const host = describeHostFrom(source(release('ID=uos\nNAME=uos\n'), { machine: 258, ...sketch }));
      expect(host.loongarchWorld).toBe(world);
      expect(hostInWords(host)).toContain(`linux-loong64, ${world} world`);
      if (sketch.interpreter.startsWith('/lib64/')) expect(host.target).toBe(world === 'new' ? 'linux-loong64' : undefined);
    });
  }

  it('is told of no other machine', () => {
    expect(describeHostFrom(source({}, MACHINES['x64']))).not.toHaveProperty('loongarchWorld');
  });
});

describe('the target', () => {
  for (const target of targets) {
    it(`${target.name} serves its host${target.ships ? '' : ', once it ships'}`, () => {
      const program = { ...MACHINES[target.arch]!, ...(target.libc === 'musl' ? { interpreter: '/lib/ld-musl-any.so.1' } : {}) };
      const host = describeHostFrom(source({}, program, { platform: target.platform, arch: target.arch, armVersion: target.arch === 'arm' ? '7' : undefined }));
      expect(host.target).toBe(target.ships ? target.name : undefined);
    });
  }

  it('is none for ARMv6, for another machine, for another system', () => {
    expect(describeHostFrom(source({}, MACHINES['arm'], { armVersion: '6' })).target).toBeUndefined();
    expect(describeHostFrom(source({}, MACHINES['x64'], { arch: 'riscv64' })).target).toBeUndefined();
    expect(describeHostFrom(source({}, undefined, { platform: 'freebsd' })).target).toBeUndefined();
  });
});

describe('the runtime', () => {
  for (const [runtime, versions] of [
    ['node', {}], ['bun', { bun: '1.4.5' }], ['deno', { deno: '2.9.6' }], ['electron', { electron: '39.0.0' }],
  ] as const) {
    it(`is ${runtime}`, () => {
      expect(describeHostFrom(source({}, MACHINES['x64'], { versions: { node: '24.0.0', ...versions } }))).toMatchObject({ runtime, node: '24.0.0', napi: '0' });
    });
  }
});

describe('nonsense', () => {
  it('in every file is survived', () => {
    const files = { 'etc/os-release': 'ID=\n=\n[[[\0', 'etc/os-version': '\0\xff=\n', 'usr/bin/ldd': '' };
    const host = source(files, undefined);
    for (const content of ['', '\x7fELF', Buffer.alloc(200, 0xff), makeElf(MACHINES['x64']!).subarray(0, 70), Buffer.concat([makeElf(MACHINES['x64']!).subarray(0, 64), Buffer.alloc(500, 0xff)])]) {
      fs.writeFileSync(host.execPath, content);
      expect(describeHostFrom(host)).toMatchObject({ platform: 'linux', arch: 'x64', libc: undefined, target: undefined });
    }
    fs.rmSync(host.execPath);
    fs.mkdirSync(host.execPath);
    expect(describeHostFrom(host)).toMatchObject({ libc: undefined });
  });

  it('is no ELF file, and a cut one is told from a whole one', () => {
    const whole = makeElf({ machine: 183, needed: ['libm.so.6', 'libc.so.6'] });
    const file = path.join(folder, 'addon');
    fs.writeFileSync(file, whole);
    expect(readElf(file)).toMatchObject({ arch: 'arm64', needed: ['libm.so.6', 'libc.so.6'], truncated: false });
    for (const length of [64, 100, whole.length - 1]) {
      fs.writeFileSync(file, whole.subarray(0, length));
      expect(readElf(file)).toMatchObject({ truncated: true });
    }
    fs.writeFileSync(file, whole.subarray(0, 51));
    expect(readElf(file)).toBeUndefined();
  });
});

it('this host is described', () => {
  const host = describeHost();
  expect(host).toMatchObject({ platform: process.platform, arch: process.arch, node: process.versions.node, runtime: 'node' });
  if (process.platform === 'linux') expect(host.libc).toMatch(/^(glibc|musl)$/);
  expect(hostInWords(host)).toContain(`${process.platform}-${process.arch}`);
});
