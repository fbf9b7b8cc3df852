/**
 * What a system says when it does not load an addon, and what it is told as. The words are those of glibc 2.28 to 2.41, musl and Windows;
 * the hosts are described here, so that UOS is told of its signatures and nobody else is.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { Host } from 'mqtt-native';
import { afterAll, expect, it } from 'vitest';
import { explainLoadFailure, refuseUnsafe } from '../../dist/platform/load-failure.js';
import { makeElf } from '../support/elf.js';
import { makeTemporaryFolder, removeFolder } from '../support/temporary-folder.js';

const folder = makeTemporaryFolder('load-failure');
const file = path.join(folder, 'addon.node');
afterAll(() => { removeFolder(folder); });

const debian: Host = {
  platform: 'linux', arch: 'x64', libc: 'glibc', libcVersion: '2.28', node: '20.10.0', napi: '9', target: 'linux-x64', runtime: 'node',
  distribution: { id: 'debian', version: '10', name: 'Debian GNU/Linux 10 (buster)' },
};
const uos: Host = { ...debian, uos: { edition: 'Desktop Professional', majorVersion: '20', minorVersion: '1060', build: undefined } };

function explain(said: string, host: Host, bytes: Uint8Array | undefined = makeElf({ machine: 62, needed: ['libc.so.6'] }), code = 'ERR_DLOPEN_FAILED'): string {
  fs.rmSync(file, { force: true });
  if (bytes !== undefined) fs.writeFileSync(file, bytes);
  return explainLoadFailure(file, Object.assign(new Error(said), { code }), host);
}

it('a refusal on UOS is about signatures, and names the edition', () => {
  for (const said of ['failed to map segment from shared object: Operation not permitted', 'failed to map segment from shared object', 'cannot open shared object file: Operation not permitted']) {
    const told = explain(`${file}: ${said}`, uos);
    expect(told).toContain('the system refused to load it: UOS Desktop Professional 20 (1060) may want binaries to be signed (deepin-elf-verify)');
    expect(told).toMatch(/developer mode.*noexec/);
    expect(told).toContain(`(${said})`);
  }
});

it('a refusal elsewhere is about noexec', () => {
  const told = explain(`${file}: failed to map segment from shared object`, debian);
  expect(told).toMatch(/^the system refused to load it: .*noexec/);
  expect(told).not.toMatch(/UOS|deepin/);
});

it('a file that may not be read is about permissions', () => {
  expect(explain(`${file}: cannot open shared object file: Permission denied`, debian)).toMatch(/^the file may not be read or run: look at its permissions/);
});

it('a glibc that is too old is named beside the one that is wanted', () => {
  const said = `/lib/x86_64-linux-gnu/libc.so.6: version \`GLIBC_2.34' not found (required by ${file})`;
  expect(explain(said, uos)).toMatch(/^it needs glibc 2\.34, UOS Desktop Professional 20 \(1060\) has 2\.28: use a newer system/);
  expect(explain(said.replace('GLIBC_', 'GLIBCXX_'), debian)).toMatch(/^it needs GLIBCXX 2\.34, which this system does not have/);
});

it('musl on glibc, and glibc on musl', () => {
  const musl = makeElf({ machine: 62, needed: ['libc.so'] });
  expect(explain('/usr/lib/libc.so: invalid ELF header', debian, musl)).toMatch(/^the file is for musl, this process runs on glibc/);
  const said = `Error relocating ${file}: __register_atfork: symbol not found`;
  expect(explain(said, { ...debian, libc: 'musl', libcVersion: undefined })).toMatch(/^the file is for glibc, this process runs on musl/);
});

it('another machine, another system, nothing at all', () => {
  expect(explain(`${file}: cannot open shared object file: No such file or directory`, debian, makeElf({ machine: 183 }))).toMatch(/^the file is for arm64, this process is x64/);
  expect(explain('不是有效的 Win32 应用程序。', { ...debian, platform: 'win32', libc: undefined }, makeElf({ machine: 62 }))).toMatch(/^the file is for linux, this is win32/);
  expect(explain(`Cannot find module '${file}'\nRequire stack:\n- x`, debian, undefined, 'MODULE_NOT_FOUND')).toMatch(/^the file is not there: install mqtt-native again/);
});

it('a library and a program are no addons', () => {
  expect(explain(`Module did not self-register: '${file}'.`, debian)).toMatch(/^the file is no addon: install/);
  expect(explain(`${file}: cannot dynamically load position-independent executable`, debian)).toMatch(/^the file is no addon: install/);
});

it('what nobody has heard of is told as it is, in one line', () => {
  expect(explain(`${file}: the moon is full\nand more`, debian)).toBe('the moon is full');
  expect(explain('node-loader:\nError: the moon is full', debian)).toBe('node-loader: Error: the moon is full');
  expect(explainLoadFailure(file, 'thrown as text', debian)).toBe('thrown as text');
});

it('a cut file is refused before the system maps it, a whole one is not', () => {
  const whole = makeElf({ machine: 62, needed: ['libc.so.6'] });
  fs.writeFileSync(file, whole);
  expect(() => refuseUnsafe(file, 'linux')).not.toThrow();
  fs.writeFileSync(file, whole.subarray(0, -1));
  expect(() => refuseUnsafe(file, 'linux')).toThrow('cut short');
  expect(() => refuseUnsafe(path.join(folder, 'absent'), 'linux')).not.toThrow();
});
