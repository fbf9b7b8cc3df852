/**
 * Hosts that this machine is not: the process is made to believe that it runs on LoongArch's old world, or on musl, by another program
 * file and another architecture. What is looked for, and what is not even tried, follows from that.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { makeElf, type ElfSketch } from '../support/elf.js';
import { leftOut } from '../support/left-out.js';
import { PackageCopy } from '../support/package-copy.js';
import { startMosquitto } from '../support/servers.js';
import { tryEngine, type Tried } from '../support/try-engine.js';

const mosquitto = startMosquitto();
const copies: PackageCopy[] = [];
afterEach(() => { for (const copy of copies.splice(0)) copy.remove(); });

/** The addon of this machine lies under the names in `files`. */
async function tryAs(arch: string, program: ElfSketch, files: string[], engine: 'auto' | 'native' = 'auto'): Promise<Tried & { prebuilds: string }> {
  const copy = new PackageCopy();
  copies.push(copy);
  const prebuilds = path.join(copy.folder, 'prebuilds');
  for (const file of files) copy.withAddon(path.join(prebuilds, file));
  const node = path.join(copy.app, 'node');
  fs.writeFileSync(node, makeElf(program));
  const hook = path.join(copy.app, 'hook.cjs');
  fs.writeFileSync(hook, `
    Object.defineProperty(process, 'execPath', { value: ${JSON.stringify(node)} });
    Object.defineProperty(process, 'arch', { value: '${arch}' });
    require('node:os').arch = () => '${arch}';`);
  return { ...await tryEngine(copy, mosquitto.broker.url, { engine, flags: ['--require', hook], env: { LIBC: undefined } }), prebuilds };
}

const noElf = process.platform !== 'linux' && 'it is made to believe by ELF files';
describe.skipIf(leftOut('a process that believes to be elsewhere', noElf))('a process that believes to be elsewhere', () => {
  const OLD: ElfSketch = { machine: 258, flags: 0x3, interpreter: '/lib64/ld.so.1' };
  const FILE = 'linux-loong64/mqtt-native.glibc.node';

  it('on LoongArch’s old world does not touch the addon of the new one', async () => {
    const { message, engine, warnings, prebuilds } = await tryAs('loong64', OLD, [FILE]);
    expect({ message, name: engine?.name }).toEqual({ message: 'hello 你好', name: 'js' });
    expect(engine!.reason).toContain(`${path.join(prebuilds, FILE)}: this system is of LoongArch’s old world`);
    expect(engine!.reason).toContain('[linux-loong64, old world, glibc');
    expect(warnings).toHaveLength(1);
  });

  it('on LoongArch’s old world without the file says why there is none', async () => {
    const { attempts } = await tryAs('loong64', OLD, [], 'native');
    expect(attempts).toEqual([{ engine: 'native', message: expect.stringContaining('LoongArch’s old world') as string, cause: undefined }]);
  });

  it('on LoongArch’s new world takes that addon', async () => {
    const NEW: ElfSketch = { machine: 258, flags: 0x43, interpreter: '/lib64/ld-linux-loongarch-lp64d.so.1' };
    const { host, engine, prebuilds } = await tryAs('loong64', NEW, [FILE]);
    expect(host.target).toBe('linux-loong64');
    // It loads, because in truth it is this machine's under another name.
    expect(engine).toMatchObject({ name: 'native', reason: `native addon loaded: ${path.join(prebuilds, FILE)}` });
  });

  it('on musl without /etc/alpine-release takes the file for musl, not the one beside it', async () => {
    const both = [`linux-${process.arch}/mqtt-native.glibc.node`, `linux-${process.arch}/mqtt-native.musl.node`];
    const machine = process.arch === 'arm64' ? 183 : 62;
    const { engine, host, prebuilds } = await tryAs(process.arch, { machine, interpreter: '/lib/ld-musl-x86_64.so.1' }, both);
    expect(host.target).toBe(`linux-${process.arch}-musl`);
    expect(engine?.reason).toContain(path.join(prebuilds, both[1]!));
  });

  it('on a machine nobody built for is told so, and not warned', async () => {
    const { message, engine, warnings } = await tryAs('riscv64', { machine: 243, interpreter: '/lib/ld-linux-riscv64-lp64d.so.1' }, []);
    expect({ message, name: engine?.name, warnings }).toEqual({ message: 'hello 你好', name: 'js', warnings: [] });
    expect(engine!.reason).toContain('there is no prebuilt addon for linux-riscv64, glibc');
  });
});
