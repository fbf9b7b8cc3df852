/** Programs (those of test/lifetime/children, examples), run as processes of their own: what they print and how they end is the result. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Inbox, withSafetyNet } from './waiting.js';

const CHILDREN = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', 'lifetime', 'children');

export interface ChildEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
  lines: string[];
  stderr: string;
}

export interface ChildOptions {
  /** Folder to run it in. */
  cwd?: string;
  /** Variables besides those of this process. */
  env?: NodeJS.ProcessEnv;
}

export class Child {
  readonly lines = new Inbox<string>('a line of the child process');
  stderr = '';
  readonly process: ChildProcess;
  readonly #ended: Promise<ChildEnd>;

  /** `file` within test/lifetime/children, or a whole path; `flags` are Node's own. */
  constructor(readonly file: string, args: readonly string[], flags: readonly string[] = [], { cwd, env }: ChildOptions = {}) {
    this.process = spawn(process.execPath, [...flags, path.resolve(CHILDREN, file), ...args], {
      stdio: ['ignore', 'pipe', 'pipe'], ...(cwd === undefined ? {} : { cwd }), env: { ...process.env, ...env },
    });
    const kill = (): void => { this.process.kill('SIGKILL'); };
    process.once('exit', kill);
    let rest = '';
    this.process.stdout!.on('data', (data: Buffer) => {
      const parts = (rest + data.toString()).split('\n');
      rest = parts.pop()!;
      for (const line of parts) {
        this.lines.push(line);
      }
    });
    this.process.stderr!.on('data', (data: Buffer) => { this.stderr += data.toString(); });
    this.#ended = new Promise((resolve) => {
      this.process.once('close', (code, signal) => {
        process.off('exit', kill);
        resolve({ code, signal, lines: this.lines.all, stderr: this.stderr });
      });
    });
  }

  /** Waits until it prints this line; what comes before it is skipped. */
  async printed(line: string): Promise<void> {
    for (;;) {
      const next = await Promise.race([this.lines.next(), this.#ended.then((end) => end)]);
      if (next === line) {
        return;
      }
      if (typeof next !== 'string') {
        throw new Error(`${this.file} ended (code ${next.code}, signal ${next.signal}) before it printed '${line}'\n${next.lines.join('\n')}\n${next.stderr}`);
      }
    }
  }

  /** Waits for its end. A child that does not end is a failure, and is ended. */
  async end(milliseconds = 60_000): Promise<ChildEnd> {
    try {
      return await withSafetyNet(`the end of ${this.file}`, this.#ended, () => `it printed:\n${this.lines.all.join('\n')}\n${this.stderr}`, milliseconds);
    } finally {
      this.process.kill('SIGKILL');
    }
  }
}

/** Runs one to its end. */
export function runChild(file: string, args: readonly string[], flags: readonly string[] = []): Promise<ChildEnd> {
  return new Child(file, args, flags).end();
}
