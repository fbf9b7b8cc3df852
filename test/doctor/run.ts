/** Runs the command in this process, as dist/cli.js does, with what it prints kept; and what a report says, picked out of its JSON. */
import { PassThrough } from 'node:stream';
import { vi } from 'vitest';
import { runCommand } from '../../dist/doctor/doctor.js';
import { en } from '../../dist/doctor/texts/en.js';
import type { FindingId, Texts } from '../../dist/doctor/texts/texts.js';
import { zh } from '../../dist/doctor/texts/zh.js';
import type { Step, StepName } from '../../dist/doctor/report.js';
import type { EngineName } from '../support/engines.js';

export const TEXTS: Readonly<Record<'en' | 'zh', Texts>> = { en, zh };

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The parts of --json that docs/guides/doctor.md promises. */
export interface Json {
  readonly format: number;
  readonly version: string;
  readonly date: string;
  readonly url: string | null;
  readonly lang: 'en' | 'zh';
  readonly ok: boolean;
  readonly problems: readonly FindingId[];
  readonly steps: readonly (Omit<Step, 'findings'> & { findings: readonly (Step['findings'][number] & { cause: string; remedy: string })[] })[];
}

function collector(): { stream: PassThrough; text: () => string } {
  const stream = new PassThrough();
  let text = '';
  stream.on('data', (data: Buffer) => { text += data.toString(); });
  return { stream, text: () => text };
}

/** `engine`: which one MQTT_NATIVE_ENGINE asks for; undefined: none. */
export async function run(engine: EngineName | undefined, args: readonly string[], env: NodeJS.ProcessEnv = {}, stdin = ''): Promise<Ran> {
  vi.stubEnv('MQTT_NATIVE_ENGINE', engine);
  const input = new PassThrough();
  input.end(stdin);
  const [out, err] = [collector(), collector()];
  const variables = { ...(engine === undefined ? {} : { MQTT_NATIVE_ENGINE: engine }), LC_ALL: 'en_US.UTF-8', ...env };
  const around = { env: variables, stdin: input, stdout: out.stream, stderr: err.stream };
  const code = await runCommand(args, around);
  return { code, stdout: out.text(), stderr: err.text() };
}

export type JsonAndExit = Json & { exit: number };

export async function runJson(engine: EngineName | undefined, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<JsonAndExit> {
  const { code, stdout } = await run(engine, ['doctor', ...args, '--json'], env);
  return { ...(JSON.parse(stdout) as Json), exit: code };
}

export function stepOf(report: Json, name: StepName): Json['steps'][number] {
  const step = report.steps.find((one) => one.name === name);
  if (step === undefined) throw new Error(`the report has no step '${name}'`);
  return step;
}

/** A text of the tables as a pattern: anything may stand where a value does. */
export function pattern(text: string): RegExp {
  return new RegExp(text.split(/\{\w+\}/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('.*'));
}
