/**
 * The prebuilt addon is there and does not load, or is not there at all. Each time the client works on mqtt.js, one warning tells of it,
 * and who asked for the native engine gets every file that was tried with its cause, in words that name a remedy.
 */
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { cut, cutByOne, forAnotherMachine, forAnotherVersion, forMusl, forNewerGlibc, forWindows } from '../support/broken-addons.js';
import { leftOut } from '../support/left-out.js';
import { PackageCopy, TARGET } from '../support/package-copy.js';
import { startMosquitto } from '../support/servers.js';
import { tryEngine } from '../support/try-engine.js';

const mosquitto = startMosquitto();
const copies: PackageCopy[] = [];
const newCopy = (): PackageCopy => {
  const copy = new PackageCopy();
  copies.push(copy);
  return copy;
};
afterEach(() => { for (const copy of copies.splice(0)) copy.remove(); });

const isGlibc = process.platform === 'linux' && TARGET.file.includes('.glibc.');

interface Case {
  name: string;
  /** Undefined: no file. */
  bytes: (() => Buffer) | undefined;
  says: RegExp;
  /** Why it cannot be tried on this system. */
  not?: string | false;
}

const CASES: Case[] = [
  { name: 'it is missing', bytes: undefined, says: /the file is not there: install mqtt-native again/ },
  { name: 'it is empty', bytes: () => Buffer.alloc(0), says: /the file is empty: install mqtt-native again/ },
  { name: 'it is a pointer of Git LFS', bytes: () => Buffer.from('version https://git-lfs.github.com/spec/v1\nsize 4\n'), says: /is no addon, or is damaged/ },
  { name: 'it was cut, and to map it would end the process', bytes: () => cut(), says: /cut short, it has \d+ bytes: install/, not: process.platform !== 'linux' && 'reads ELF' },
  { name: 'it lacks one byte', bytes: cutByOne, says: /cut short, it has \d+ bytes: install/, not: process.platform !== 'linux' && 'reads ELF' },
  { name: 'it is for another machine', bytes: forAnotherMachine, says: new RegExp(`for s390x, this process is ${process.arch}`), not: process.platform !== 'linux' && 'reads ELF' },
  { name: 'it is for another system', bytes: forWindows, says: /for win32, this is linux/, not: process.platform === 'win32' && 'this is that system' },
  { name: 'it is for musl', bytes: forMusl, says: /for musl, this process runs on glibc/, not: !isGlibc && 'for glibc only' },
  { name: 'it wants a newer glibc', bytes: () => forNewerGlibc().bytes, says: /it needs glibc 9\.\d+, .* has \d\.\d+: use a newer system/, not: !isGlibc && 'for glibc only' },
  { name: 'it is of another version of mqtt-native', bytes: forAnotherVersion, says: /the addon of mqtt-native 9\.\S+, and this is \d\S+: both must come from one installation/ },
  { name: 'it is a folder', bytes: undefined, says: /it is not a file: install mqtt-native again/ },
  { name: 'it is a pipe that nobody writes to', bytes: undefined, says: /it is not a file: install mqtt-native again/, not: process.platform === 'win32' && 'no pipes in folders' },
  { name: 'its folder cannot be read', bytes: undefined, says: /ELOOP/, not: process.platform === 'win32' && 'links need rights' },
];

describe('the prebuilt addon does not load', () => {
  for (const { name, bytes, says, not } of CASES) {
    it.skipIf(leftOut(name, not))(name, async () => {
      const copy = newCopy();
      if (bytes !== undefined) copy.withAddon(copy.prebuild, bytes());
      if (name === 'it is a folder') fs.mkdirSync(copy.prebuild, { recursive: true });
      if (name === 'it is a pipe that nobody writes to') {
        fs.mkdirSync(path.dirname(copy.prebuild), { recursive: true });
        execFileSync('mkfifo', [copy.prebuild]);
      }
      if (name === 'its folder cannot be read') {
        // A link to itself, since rights stop no root.
        fs.mkdirSync(path.dirname(path.dirname(copy.prebuild)), { recursive: true });
        fs.symlinkSync(path.basename(path.dirname(copy.prebuild)), path.dirname(copy.prebuild));
      }

      const fallback = await tryEngine(copy, mosquitto.broker.url);
      expect(fallback).toMatchObject({ message: 'hello 你好', engine: { name: 'js', reason: expect.stringMatching(says) as string } });
      expect(fallback.engine!.reason).toContain(copy.prebuild);
      expect(fallback.engine!.reason).toContain(`[${process.platform}-${process.arch}`);
      expect(fallback.engine!.reason).not.toContain('\n');
      expect(fallback.warnings).toEqual([expect.stringMatching(/^MQTT_NATIVE_FALLBACK: mqtt-native runs on mqtt\.js/)]);
      expect(fallback.warnings[0]).toContain(copy.prebuild);

      const refusal = await tryEngine(copy, mosquitto.broker.url, { engine: 'native' });
      expect(refusal.error).toMatchObject({ code: 'ERR_MQTT_ENGINE_UNAVAILABLE', message: expect.stringContaining(copy.prebuild) as string });
      expect(refusal.attempts).toMatchObject([{ engine: 'native', file: copy.prebuild, message: expect.stringMatching(says) as string }]);
      expect(refusal.attempts).toHaveLength(1);
      expect(refusal.stderr).toBe('');
    });
  }

  it('it is another addon', async () => {
    const copy = newCopy();
    // What require() gives instead of an addon of ours; there is no other one to be had on every system.
    const hook = path.join(copy.app, 'hook.cjs');
    fs.writeFileSync(hook, "process.dlopen = (module) => { module.exports = { version: '1' }; };\n");
    const { engine } = await tryEngine(copy.withAddon(), mosquitto.broker.url, { flags: ['--require', hook] });
    expect(engine).toMatchObject({ name: 'js', reason: expect.stringContaining('it is not the addon of mqtt-native') as string });
  });
});

describe('the system refuses the prebuilt addon', () => {
  /** What dlopen says: glibc 2.28 for a file that may not be mapped, glibc 2.36 for the same, and for one that may not be opened. */
  for (const said of ['failed to map segment from shared object: Operation not permitted', 'failed to map segment from shared object', 'cannot open shared object file: Operation not permitted']) {
    it(`with '${said}'`, async () => {
      const copy = newCopy().withAddon();
      const hook = path.join(copy.app, 'refuse.cjs');
      fs.writeFileSync(hook, `process.dlopen = (module, file) => { throw Object.assign(new Error(file + ': ${said}'), { code: 'ERR_DLOPEN_FAILED' }); };\n`);
      const flags = ['--require', hook];
      const fallback = await tryEngine(copy, mosquitto.broker.url, { flags });
      const says = new RegExp(`the system refused to load it: .*signed.* \\(${said}\\)`);
      expect(fallback).toMatchObject({ message: 'hello 你好', engine: { name: 'js', reason: expect.stringMatching(says) as string } });
      expect(fallback.warnings).toHaveLength(1);
      const { attempts } = await tryEngine(copy, mosquitto.broker.url, { flags, engine: 'native' });
      expect(attempts).toMatchObject([{ file: copy.prebuild, message: expect.stringMatching(says) as string, cause: 'ERR_DLOPEN_FAILED' }]);
    });
  }
});

describe('more than one file', () => {
  it('build/Release comes before the prebuild', async () => {
    const copy = newCopy();
    copy.withAddon(copy.prebuild).withAddon(copy.built);
    const { engine, warnings } = await tryEngine(copy, mosquitto.broker.url);
    expect(engine).toMatchObject({ name: 'native', reason: `native addon loaded: ${copy.built}` });
    expect(warnings).toEqual([]);
  });

  it('a prebuild serves where build/Release does not load', async () => {
    const copy = newCopy();
    copy.withAddon(copy.prebuild).withAddon(copy.built, Buffer.from('nothing'));
    const { engine, warnings, message } = await tryEngine(copy, mosquitto.broker.url);
    expect({ message, name: engine?.name, reason: engine?.reason }).toEqual({ message: 'hello 你好', name: 'native', reason: `native addon loaded: ${copy.prebuild}` });
    expect(warnings).toEqual([]);
  });

  it('both broken: both are named', async () => {
    const copy = newCopy();
    copy.withAddon(copy.prebuild, Buffer.alloc(0)).withAddon(copy.built, Buffer.from('nothing'));
    const { attempts } = await tryEngine(copy, mosquitto.broker.url, { engine: 'native' });
    expect(attempts?.map(({ file }) => file)).toEqual([copy.built, copy.prebuild]);
    const { engine, warnings } = await tryEngine(copy, mosquitto.broker.url);
    for (const file of [copy.built, copy.prebuild]) expect(engine!.reason).toContain(`${file}: the file is`);
    expect(warnings).toHaveLength(1);
  });
});
