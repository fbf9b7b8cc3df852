/**
 * What one engine cannot do and the other can. A case listed here is shown as skipped with its reason, never left out in silence; an entry that
 * no case answers to fails its file. A bug is no gap: its case stays and fails.
 */
import type { EngineName } from '../support/engines.js';

export interface Gap {
  /** The test file's name, `connect.test.ts`. */
  readonly file: string;
  /** The case's name, letter by letter. */
  readonly case: string;
  readonly engine: EngineName;
  readonly reason: string;
}

export const GAPS: readonly Gap[] = [];
