/** What the driver tells the bundle, and what the bundle answers. */

export interface Order {
  /** Only names the cases. */
  list?: boolean;
  /** How much longer than in `npm test` a case may take: an emulated machine is slower. Default 1. */
  slower?: number;
  /** Cases that this platform cannot run, by their full name, with the reason. */
  skip?: Record<string, string>;
}

export interface CaseReport {
  /** Suites and case, joined by ` > `. */
  name: string;
  state: 'passed' | 'failed' | 'skipped' | 'listed';
  milliseconds?: number;
  reason?: string;
  error?: string;
}

export interface FileReport {
  /** From test/contract on, for example `publish.test.ts`. */
  file: string;
  runtime: { node: string; napi: string; platform: string; arch: string; execPath: string };
  /** The addons that were loaded, by their place in the room. */
  addons: string[];
  cases: CaseReport[];
  /** What failed outside of a case: hooks of a suite, errors nobody awaited. */
  errors: string[];
}
