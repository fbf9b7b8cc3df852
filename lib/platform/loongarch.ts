import type { Elf } from './elf.js';

/**
 * LoongArch has two ABIs that do not load each other's binaries, and process.arch is loong64 in both. `old`: the first systems (UOS 20 and
 * Kylin V10, kernel 4.19); `new`: what glibc 2.36 and every distribution since has.
 */
export type LoongArchWorld = 'old' | 'new';

/** EF_LOONGARCH_OBJABI_V1 */
const OBJECT_ABI_V1 = 0x40;

/** The world of a program; undefined where it is none for LoongArch. */
export function loongArchWorld(program: Elf | undefined): LoongArchWorld | undefined {
  if (program?.arch !== 'loong64') return undefined;
  const name = program.interpreter?.split('/').at(-1) ?? '';
  // The loader's name first: binutils older than 2.40 made programs of the new world without the flag.
  if (name === 'ld.so.1') return 'old';
  if (/^ld-(linux|musl)-loongarch/.test(name)) return 'new';
  return (program.flags & OBJECT_ABI_V1) === 0 ? 'old' : 'new';
}
