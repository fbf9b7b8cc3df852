// dist/platform/targets.js is written by scripts/write-targets.mjs from the one list, scripts/targets.mjs.

/** A prebuilt addon that the package holds. */
export interface Target {
  readonly name: string;
  readonly platform: string;
  readonly arch: string;
  readonly libc: 'glibc' | 'musl' | undefined;
  /** In prebuilds/. */
  readonly file: string;
}

export const targets: readonly Target[];

/** Of this package. */
export const version: string;
