/** For the tests in TypeScript; what the fields mean stands in targets.mjs. */
export interface BuildTarget {
  readonly name: string;
  readonly platform: string;
  readonly arch: string;
  readonly libc: 'glibc' | 'musl' | undefined;
  readonly triple: string;
  readonly openssl: string;
  readonly file: string;
  readonly runs: 'here' | 'qemu' | 'musl' | 'wine' | undefined;
  readonly ships: boolean;
}

export const targets: readonly BuildTarget[];
export function targetNamed(name: string): BuildTarget;
