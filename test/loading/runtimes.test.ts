/**
 * Runtimes besides Node.js whose program comes from npm: Bun and Deno, each with both engines, and with an addon that is broken. Electron
 * does not come from npm and is not tried.
 */
import { execFile } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { cut } from '../support/broken-addons.js';
import { leftOut } from '../support/left-out.js';
import { PackageCopy } from '../support/package-copy.js';
import { startMosquitto } from '../support/servers.js';
import type { Attempt } from '../support/try-engine.js';

const mosquitto = startMosquitto();
const tools = path.join(import.meta.dirname, 'tools/node_modules');
const copies: PackageCopy[] = [];
afterEach(() => { for (const copy of copies.splice(0)) copy.remove(); });

const RUNTIMES = [
  { runtime: 'bun', program: '@oven/bun-linux-x64/bin/bun', flags: [] },
  { runtime: 'deno', program: '@deno/linux-x64-glibc/deno', flags: ['run', '--allow-all'] },
];

/** npm installs it only where it runs. */
const whyAbsent = (name: string): string | false =>
  !fs.existsSync(path.join(tools, name)) && `${name} is not installed: run 'node scripts/setup.mjs loading'; npm has it for Linux x64 with glibc`;

type Run = Attempt & { stderr: string; prebuild: string };

async function tryIn(program: string, flags: string[], engine: string, bytes?: Uint8Array): Promise<Run> {
  const copy = new PackageCopy();
  copies.push(copy);
  copy.withAddon(copy.prebuild, bytes);
  const file = copy.program('try-engine.cjs', 'try-engine.cjs');
  const args = [...flags, file, mosquitto.broker.url, engine];
  const { stdout, stderr } = await promisify(execFile)(program, args, { cwd: copy.app, timeout: 60_000 });
  return { ...(JSON.parse(stdout) as Attempt[])[0]!, stderr, prebuild: copy.prebuild };
}

for (const { runtime, program: name, flags } of RUNTIMES) {
  const program = path.join(tools, name);
  describe.skipIf(leftOut(runtime, whyAbsent(name)))(runtime, { timeout: 60_000 }, () => {
    for (const engine of ['native', 'js'] as const) {
      it(`sends a message with the ${engine} engine`, async () => {
        expect(await tryIn(program, flags, engine)).toMatchObject({ message: 'hello 你好', engine: { name: engine, reason: 'asked for' }, host: { runtime } });
      });
    }

    it('takes the native engine by itself', async () => {
      const { engine, prebuild, stderr } = await tryIn(program, flags, 'auto');
      expect(engine).toMatchObject({ name: 'native', reason: `native addon loaded: ${prebuild}` });
      expect(stderr).toBe('');
    });

    it('falls back with a broken addon, with one warning', async () => {
      const { engine, message, stderr } = await tryIn(program, flags, 'auto', cut());
      expect({ message, engine }).toMatchObject({ message: 'hello 你好', engine: { name: 'js', reason: expect.stringContaining('cut short') as string } });
      expect(stderr.match(/mqtt-native runs on mqtt\.js/g)).toHaveLength(1);
    });
  });
}

describe.skipIf(leftOut('deno without --allow-ffi', whyAbsent(RUNTIMES[1]!.program)))('deno without --allow-ffi', { timeout: 60_000 }, () => {
  it('falls back', async () => {
    const flags = ['run', '--no-prompt', '--allow-read', '--allow-env', '--allow-net', '--allow-sys'];
    const { engine, message } = await tryIn(path.join(tools, RUNTIMES[1]!.program), flags, 'auto');
    expect({ message, name: engine?.name }).toEqual({ message: 'hello 你好', name: 'js' });
  });
});
