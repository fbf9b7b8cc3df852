/**
 * One process has the package more than once: in worker threads, as copies of two dependencies, and beside other packages that look for
 * their addons with the same library. All of them load their addon, none changes anything for another, and a warning comes once.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { leftOut } from '../support/left-out.js';
import { PackageCopy } from '../support/package-copy.js';
import { startMosquitto } from '../support/servers.js';
import { tryEngine } from '../support/try-engine.js';

const mosquitto = startMosquitto();
const copies: PackageCopy[] = [];
afterEach(() => { for (const copy of copies.splice(0)) copy.remove(); });

function newCopy(bytes?: Uint8Array): PackageCopy {
  const copy = new PackageCopy();
  copies.push(copy);
  return copy.withAddon(copy.prebuild, bytes);
}

describe('worker threads', () => {
  it('and the main thread each load the addon', async () => {
    const { all, stderr } = await tryEngine(newCopy(), mosquitto.broker.url, { workers: 3 });
    expect(all.map(({ message, engine }) => [message, engine?.name])).toEqual(Array.from({ length: 4 }, () => ['hello 你好', 'native']));
    expect(stderr).toBe('');
  });

  it('fall back with one warning for all of them', async () => {
    const { all, warnings } = await tryEngine(newCopy(Buffer.from('broken')), mosquitto.broker.url, { workers: 3 });
    expect(all.map(({ message, engine }) => [message, engine?.name])).toEqual(Array.from({ length: 4 }, () => ['hello 你好', 'js']));
    expect(warnings).toHaveLength(1);
  });
});

describe('two copies of the package', () => {
  const twice = `
    const url = process.argv[2];
    (async () => {
      const results = [];
      for (const name of ['mqtt-native', 'second/node_modules/mqtt-native']) {
        const { Client } = require('./node_modules/' + name);
        const client = new Client(url, { reconnect: false });
        await client.connect();
        results.push({ message: name, engine: { ...client.engine } });
        await client.close();
      }
      console.log(JSON.stringify(results));
    })();`;

  for (const [what, bytes, engine, warned] of [['each load their own', undefined, 'native', 0], ['fall back with one warning', Buffer.from('broken'), 'js', 1]] as const) {
    it(what, async () => {
      const copy = newCopy(bytes);
      const second = path.join(copy.app, 'node_modules/second/node_modules/mqtt-native');
      fs.cpSync(copy.folder, second, { recursive: true });
      const { all, warnings } = await tryEngine(copy, mosquitto.broker.url, { code: twice });
      expect(all.map((one) => one.engine?.name)).toEqual([engine, engine]);
      expect(all[0]!.engine!.reason).toContain(copy.folder);
      expect(all[1]!.engine!.reason).toContain(second);
      expect(warnings).toHaveLength(warned);
    });
  }
});

describe('node-gyp-build of other packages', () => {
  const oneLibc = leftOut('2 cases with node-gyp-build of other packages', process.platform !== 'linux' && 'only Linux has two C libraries');

  /** A package that believes to be on the other C library, before and after ours has looked. */
  const beside = `
    const url = process.argv[2];
    process.env.LIBC = 'musl';
    const finder = require('node-gyp-build');
    delete process.env.LIBC;
    (async () => {
      const { Client } = require('mqtt-native');
      const client = new Client(url, { reconnect: false });
      await client.connect();
      const variables = ['LIBC', 'ARM_VERSION', 'PREBUILDS_ONLY'].filter((name) => name in process.env);
      const same = require('node-gyp-build') === finder && Object.keys(require.cache).filter((file) => file.includes('node-gyp-build')).length;
      let musl;
      try { finder.resolve(__dirname); } catch (error) { musl = error.message.includes('libc=musl'); }
      console.log(JSON.stringify([{ message: JSON.stringify({ variables, same, musl }), engine: { ...client.engine } }]));
      await client.close();
    })();`;

  it.skipIf(oneLibc)('believe what they believed, and ours is not misled', async () => {
    const { message, engine } = await tryEngine(newCopy(), mosquitto.broker.url, { code: beside, env: { LIBC: undefined } });
    expect(engine).toMatchObject({ name: 'native' });
    expect(JSON.parse(message!)).toEqual({ variables: [], same: 2, musl: true });
  });

  it.skipIf(oneLibc)('LIBC of the user is left to decide', async () => {
    const { engine, env } = await tryEngine(newCopy(), mosquitto.broker.url, { env: { LIBC: 'nothing' } });
    expect({ name: engine?.name, env }).toEqual({ name: 'js', env: 'nothing' });
  });
});
