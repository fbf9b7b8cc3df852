/**
 * The command that cross-builds the addon, as far as it can be seen without building: what it refuses, what it reads, and that it is not
 * run by accident. What it builds is judged by scripts/inspect-binary.mjs and by the runs of test:platforms.
 */
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { targets } from '../../scripts/targets.mjs';
import { makeTemporaryFolder, removeFolder } from '../support/temporary-folder.js';

const root = path.resolve(import.meta.dirname, '../..');
const own = (JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> }).scripts;
const work = makeTemporaryFolder('prebuild');
afterAll(() => removeFolder(work));

interface Failure {
  readonly code: number;
  readonly stderr: string;
}

async function failureOf({ args = [], env = process.env }: { args?: string[]; env?: NodeJS.ProcessEnv }): Promise<Failure> {
  return promisify(execFile)(process.execPath, [path.join(root, 'scripts/prebuild.mjs'), ...args], { env }).then(
    () => { throw new Error('it succeeded'); },
    (error: unknown) => error as Failure,
  );
}

it('a target that there is none of is refused in one line that names those there are', async () => {
  const { code, stderr } = await failureOf({ args: ['--target', 'linux-mips'] });
  expect(code).toBe(1);
  expect(stderr.trim().split('\n')).toHaveLength(1);
  expect(stderr).toContain('unknown target "linux-mips"');
  for (const { name } of targets) expect(stderr).toContain(name);
});

it('an option that there is none of is refused in one line', async () => {
  const { code, stderr } = await failureOf({ args: ['--targets', 'linux-x64'] });
  expect(code).toBe(1);
  expect(stderr.trim().split('\n')).toHaveLength(1);
  expect(stderr).toContain("'--targets'");
});

describe('npm takes "prebuild" for the first half of "build"', () => {
  // the scripts as they are, in a project whose build is an echo
  const scripts = Object.fromEntries(['preprebuild', 'prebuild'].map((name) => [name, own[name]?.replace('node scripts/', `node ${root}/scripts/`)]));
  writeFileSync(path.join(work, 'package.json'), JSON.stringify({ scripts: { ...scripts, build: 'echo built' } }));

  it('before a build it does nothing', async () => {
    const { stdout, stderr } = await promisify(execFile)('npm', ['run', 'build'], { cwd: work, shell: process.platform === 'win32' });
    expect(stdout.trim().split('\n').at(-1)).toBe('built');
    expect(stderr).toContain('nothing is prebuilt');
  });

  it('asked for by its own name it starts', async () => {
    // what npm does then; without tools it gets as far as to say so
    const env = { ...process.env, npm_lifecycle_event: 'prebuild', PATH: '' };
    await promisify(execFile)(process.execPath, [path.join(root, 'scripts/prebuild/asked.mjs')], { env });
    const failed = await failureOf({ env });
    expect(failed).toMatchObject({ code: 1 });
    expect(failed.stderr).toContain('error: cmake is missing');
  });
});

it.each(targets)('$name has a toolchain file for its system', ({ name, platform }) => {
  const file = path.join(root, 'native/toolchains', `${name}.cmake`);
  const system = { linux: 'Linux', win32: 'Windows', darwin: 'Darwin' }[platform];
  expect(readFileSync(file, 'utf8')).toContain(`set(CMAKE_SYSTEM_NAME ${system})\n`);
});
