import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Elf } from './elf.js';

// Which C library this process runs on: an addon for the other one does not load. The program's dynamic loader tells it best, since a
// system may have both; /etc/alpine-release, which others look at, misses every other system with musl.

/** The C library of a Linux system. */
export type Libc = 'glibc' | 'musl';

/** From the name of a dynamic loader: `/lib/ld-musl-x86_64.so.1`, `/lib64/ld-linux-x86-64.so.2`, `/lib64/ld.so.1`. */
export function libcOfInterpreter(interpreter: string | undefined): Libc | undefined {
  const name = interpreter?.split('/').at(-1) ?? '';
  if (name.startsWith('ld-musl-')) return 'musl';
  return /^ld(-linux|64)?[-.]/.test(name) ? 'glibc' : undefined;
}

/** From the libraries that an addon wants. */
export function libcOfNeeded(needed: readonly string[]): Libc | undefined {
  if (needed.includes('libc.so.6')) return 'glibc';
  return needed.some((name) => name === 'libc.so' || name.startsWith('libc.musl-')) ? 'musl' : undefined;
}

/** From the loaders that a system has, for where the program itself cannot be read; undefined where it has both or none. */
function libcOfSystem(root: string): Libc | undefined {
  const names = ['lib', 'lib64'].flatMap((folder) => {
    try {
      return readdirSync(join(root, folder));
    } catch {
      return [];
    }
  });
  const found = new Set(names.filter((name) => /^ld-(musl|linux)-.*\.so/.test(name)).map((name) => libcOfInterpreter(name)));
  return found.size === 1 ? [...found][0] : undefined;
}

/** What process.report tells of glibc, read by the caller; `answered` false: this runtime does not tell. */
export interface ReportedGlibc {
  readonly answered: boolean;
  readonly version?: string | undefined;
}

export function libcOf(program: Elf | undefined, root: string, report: () => ReportedGlibc): Libc | undefined {
  const known = libcOfInterpreter(program?.interpreter) ?? libcOfSystem(root);
  if (known !== undefined) return known;
  const { answered, version } = report();
  if (!answered) return undefined;
  return version === undefined ? 'musl' : 'glibc';
}

/** Of glibc; musl tells its version to nobody who does not run it. */
export function glibcVersion(root: string, report: () => ReportedGlibc): string | undefined {
  const { version } = report();
  if (version !== undefined) return version;
  try {
    // A script whose text holds `ldd (Debian GLIBC 2.36-9) 2.36`.
    return /^[^#]*ldd \(.*\) (\d+\.\d+)/m.exec(readFileSync(join(root, 'usr/bin/ldd'), 'utf8'))?.[1];
  } catch {
    return undefined;
  }
}
