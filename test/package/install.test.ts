/**
 * The package is packed once, as for a release, and looked through: what is in it, how large it is, whether its types and entries are
 * right. Then it is installed into empty projects as users do, and programs there publish to a broker of this test on both engines.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { targets } from '../../scripts/targets.mjs';
import { AedesBroker } from '../support/aedes.js';
import { makeTemporaryFolder, removeFolder } from '../support/temporary-folder.js';
import { managers } from './managers.js';
import type { Manager } from './managers.js';
import { addonFile, filesBelow, pack } from './pack.js';
import type { Packed } from './pack.js';
import { root, runNode, tools } from './run.js';

/** Bytes, a promise of the package. */
const SIZE_LIMIT = 16_000_000;

const folder = makeTemporaryFolder('package');
let packed: Packed;
beforeAll(async () => {
  packed = await pack(folder);
}, 300_000);
afterAll(() => removeFolder(folder));

type Manifest = Record<string, unknown> & { version: string; scripts?: Record<string, string>; files: string[] };

const read = (file: string): string => fs.readFileSync(path.join(packed.folder, file), 'utf8');
const readManifest = (): Manifest => JSON.parse(read('package.json')) as Manifest;

describe('what is in it', () => {
  const shipped = targets.filter((target) => target.ships).map((target) => `prebuilds/${target.file}`);
  const prebuilds = (): string[] => filesBelow(packed.folder).filter((file) => file.startsWith('prebuilds/'));

  it('is these files and folders and nothing else', () => {
    const optional = prebuilds().length > 0 ? ['prebuilds'] : [];
    expect(fs.readdirSync(packed.folder).sort()).toEqual(
      ['CHANGELOG.md', 'LICENSE', 'NOTICE', 'README.md', 'dist', 'licenses', 'package.json', ...optional, 'sbom.cdx.json'].sort(),
    );
  });

  it('is JavaScript and types in dist/, one of each for each file of lib/, and an entry for each target', () => {
    const compiled = filesBelow(path.join(packed.folder, 'dist'));
    const sources = filesBelow(path.join(root, 'lib'));
    const expected = sources.flatMap((file) => (file.endsWith('.d.ts') ? [file] : ['js', 'd.ts'].map((end) => file.replace(/ts$/, end).replace(/md\.ts$/, 'd.mts'))));
    const entries = targets.filter((target) => target.ships).flatMap(({ name }) => [`native/${name}.js`, `native/${name}.d.ts`]);
    expect(compiled).toEqual([...expected, ...entries, 'platform/targets.js'].sort());
  });

  it('is the licence of everything that is linked into the addons', () => {
    const { components } = JSON.parse(read('sbom.cdx.json')) as { components: { name: string; description: string }[] };
    // What zig brings is in the prebuilt addons, and so are its licences in a package that has one.
    const isHere = ({ description }: { description: string }): boolean =>
      / into /.test(description) && (prebuilds().length > 0 || !description.includes('prebuilt'));
    const linked = components.filter(isHere).map((component) => component.name);
    expect(linked).toEqual(expect.arrayContaining(['paho.mqtt.c', 'libuv', 'openssl', 'node-addon-api']));
    if (prebuilds().length > 0) expect(linked).toEqual(expect.arrayContaining(['libcxx', 'libcxxabi', 'libunwind', 'compiler_rt', 'mingw-w64', 'glibc']));
    expect(fs.readdirSync(path.join(packed.folder, 'licenses')).sort()).toEqual(linked.sort());
    expect(read('licenses/paho.mqtt.c/edl-v10')).toContain('Eclipse Distribution License');
    expect(read('licenses/openssl/LICENSE.txt')).toContain('Apache License');
    expect(read('licenses/libuv/LICENSE')).toContain('Permission is hereby granted');
  });

  it('is no source map, no comment that asks for one, and no path of this machine', () => {
    const files = filesBelow(packed.folder);
    expect(files.filter((file) => file.endsWith('.map'))).toEqual([]);
    const places = [root, fs.realpathSync(root), folder].map((place) => Buffer.from(place));
    const holdsPath = files.filter((file) => {
      const bytes = fs.readFileSync(path.join(packed.folder, file));
      return places.some((place) => bytes.includes(place));
    });
    expect(holdsPath).toEqual([]);
    expect(files.filter((file) => /\.m?js$/.test(file) && read(file).includes('sourceMappingURL'))).toEqual([]);
  });

  it('is no addon but those of the targets, and 16 MB at most', () => {
    expect(prebuilds().filter((file) => !shipped.includes(file))).toEqual([]);
    const { size } = fs.statSync(packed.tarball);
    const missing = shipped.filter((file) => !prebuilds().includes(file));
    const without = missing.length === 0 ? 'all are in it' : `not built here, and not counted: ${missing.join(', ')}`;
    console.info(`the package has ${size} bytes with ${prebuilds().length} of ${shipped.length} addons; ${without}`);
    expect(size).toBeLessThanOrEqual(SIZE_LIMIT);
  });

  it('has nothing that npm would run or compile when it is installed', () => {
    const { scripts = {}, ...manifest } = readManifest();
    expect(Object.keys(scripts).filter((name) => /^(pre|post)?(install|prepare)$/.test(name))).toEqual([]);
    expect(manifest['gypfile']).toBe(false);
    expect(filesBelow(packed.folder).filter((file) => /\.gyp$|CMakeLists|\.(c|cc|h)$/.test(file))).toEqual([]);
  });

  it('takes everything from "files", and keeps the experiments out', () => {
    const { files } = readManifest();
    const experiments = targets.filter((target) => !target.ships).map((target) => `!prebuilds/${path.posix.dirname(target.file)}`);
    expect(files.filter((entry) => entry.startsWith('!'))).toEqual(experiments);
  });

  it('has right types and entries: attw and publint find nothing', async () => {
    const attw = path.join(tools, '@arethetypeswrong/cli/dist/index.js');
    const types = await runNode([attw, packed.tarball, '--no-definitely-typed', '--format', 'ascii', '--no-color'], folder);
    expect(types.stdout).toContain('No problems found');
    const lint = await runNode([path.join(tools, 'publint/src/cli.js'), 'run', packed.tarball, '--strict'], folder);
    expect(lint.stdout).toContain('All good!');
  }, 120_000);
});

// ---- installed ----------------------------------------------------------------------------------------------------

/** The programs a project gets, and what TypeScript makes of two of them. */
const PROGRAMS = path.join(import.meta.dirname, 'programs');
const COMPILED = {
  nodenext: { module: 'nodenext', files: ['typed.mts', 'typed.cts'] },
  node16: { module: 'node16', files: ['typed.mts', 'typed.cts'] },
  bundler: { module: 'esnext', files: ['typed.mts'] },
};

/**
 * `thorough`: the package's declarations are checked themselves, and not only what the programs take from them. `types` is empty, as it is
 * from TypeScript 6 on where nobody sets it: the declarations bring Node's types themselves.
 */
function compile(project: string, thorough: boolean): Promise<unknown> {
  const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
  return Promise.all(Object.entries(COMPILED).map(([moduleResolution, { module, files }]) => {
    const config = path.join(project, `tsconfig.${moduleResolution}.json`);
    const options = { target: 'es2022', module, moduleResolution, strict: true, types: [], skipLibCheck: !thorough };
    const compilerOptions = { ...options, rootDir: '.', outDir: `out/${moduleResolution}` };
    fs.writeFileSync(config, JSON.stringify({ compilerOptions, files }));
    return runNode([tsc, '-p', config], project);
  }));
}

const compiledPrograms = Object.entries(COMPILED).flatMap(([name, { files }]) => files.map((file) => `out/${name}/${file.replace('ts', 'js')}`));

let broker: AedesBroker;
const published: string[] = [];
beforeAll(async () => {
  broker = await AedesBroker.start();
  broker.aedes.on('publish', ({ topic, payload }) => published.push(`${topic}: ${String(payload)}`));
});
afterAll(() => broker.stop());

function project(manager: Manager): string {
  return path.join(folder, '装在 这里 with spaces', manager.name);
}

describe.each(managers)('installed by $name', (manager) => {
  const here = project(manager);
  beforeAll(async () => {
    fs.cpSync(PROGRAMS, here, { recursive: true });
    const file = path.relative(here, packed.installable).replaceAll(path.sep, '/');
    const types = (JSON.parse(fs.readFileSync(path.join(root, 'node_modules/@types/node/package.json'), 'utf8')) as Manifest).version;
    const manifest = { name: 'project', private: true, dependencies: { 'mqtt-native': `file:${file}` }, devDependencies: { '@types/node': types } };
    fs.writeFileSync(path.join(here, 'package.json'), JSON.stringify(manifest));
    await manager.install(here, path.join(folder, 'caches'));
  }, 240_000);

  async function publishes(program: string, engine: string): Promise<void> {
    const topic = `${manager.name}/${engine}/${program}`;
    const env = { MQTT_NATIVE_ENGINE: engine };
    const { stdout, stderr } = await runNode([...manager.flags(here), path.join(here, program), broker.url, topic], here, env);
    expect(stderr).toBe('');
    const told = JSON.parse(stdout) as { engine: string; addons: string[] };
    expect(told.engine).toBe(engine);
    const addons = told.addons.map((file) => path.relative(fs.realpathSync(here), file).replaceAll(path.sep, '/'));
    expect(addons).toEqual(engine === 'js' ? [] : [expect.stringMatching(new RegExp(`^[^/].*/mqtt-native/prebuilds/${addonFile}$`))]);
    expect(published.filter((message) => message.startsWith(topic))).toHaveLength(1);
  }

  const engines = addonFile === undefined ? ['js'] : ['native', 'js'];
  it.each(engines)('CommonJS publishes, engine %s', (engine) => publishes('publish.cjs', engine));
  it.each(engines)('an ECMAScript module publishes, engine %s', (engine) => publishes('publish.mjs', engine));

  // TypeScript follows Plug'n'Play only with a patch by yarn, so there is no such case.
  if (manager.hasFolder) {
    it(`TypeScript (${Object.keys(COMPILED).join(', ')}) compiles and publishes`, async () => {
      await compile(here, manager === managers[0]);
      for (const program of compiledPrograms) {
        for (const engine of engines) await publishes(program, engine);
      }
    }, 120_000);
  }
});

it('npm found no install script, neither in the package nor in what it depends on', () => {
  const lock = JSON.parse(fs.readFileSync(path.join(project(managers[0]!), 'package-lock.json'), 'utf8')) as { packages: Record<string, object> };
  expect(Object.keys(lock.packages)).toContain('node_modules/mqtt-native');
  expect(Object.entries(lock.packages).filter(([, entry]) => 'hasInstallScript' in entry).map(([place]) => place)).toEqual([]);
});
