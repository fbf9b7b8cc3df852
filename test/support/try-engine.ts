/** Runs a program of test/loading/children in a copy of the package: which engine sent the message, or why none did, and the warnings. */
import { expect } from 'vitest';
import { Child } from './child.js';
import type { PackageCopy } from './package-copy.js';

export interface Attempt {
  host: { target?: string };
  env: string | null;
  message?: string;
  engine?: { name: string; version: string; reason: string };
  error?: { code: string; message: string };
  attempts?: { engine: string; file?: string; message: string; cause?: string }[];
}

export interface Tried extends Attempt {
  /** Of every thread, this one last. */
  all: Attempt[];
  /** The warnings with a code of ours, by their texts. */
  warnings: string[];
  stderr: string;
}

export interface TryOptions {
  engine?: 'auto' | 'native' | 'js';
  flags?: string[];
  env?: NodeJS.ProcessEnv;
  workers?: number;
  /** Of test/loading/children. */
  program?: string;
  /** A CommonJS program instead; it gets the URL, and prints an array of attempts as one line of JSON. */
  code?: string;
}

export async function tryEngine(copy: PackageCopy, url: string, options: TryOptions = {}): Promise<Tried> {
  const { engine = 'auto', flags = [], env = {}, workers = 0, program = 'try-engine.cjs', code } = options;
  const file = copy.program(program, program, code);
  const end = await new Child(file, [url, engine, String(workers)], flags, { cwd: copy.app, env }).end();
  expect({ code: end.code, signal: end.signal, lines: end.lines.length }, end.stderr).toEqual({ code: 0, signal: null, lines: 1 });
  const all = JSON.parse(end.lines[0]!) as Attempt[];
  const warnings = [...end.stderr.matchAll(/\[(MQTT_NATIVE_\w+)\] Warning: (.*)/g)].map(([, code, text]) => `${code}: ${text}`);
  return { ...all.at(-1)!, all, warnings, stderr: end.stderr };
}
