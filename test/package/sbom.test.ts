/**
 * The SBOM is what CycloneDX's own schema asks for, and holds what it has to: each library in the addons with its version, licence, address
 * and the checksum of its pinned source, and every package that npm installs. The same locks give the same bytes.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect, it } from 'vitest';
import { sbom } from '../../scripts/sbom.mjs';
import { root, runNode, tools } from './run.js';

interface Component {
  'bom-ref': string;
  name: string;
  group?: string;
  version: string;
  purl: string;
  hashes: { alg: string; content: string }[];
  licenses: ({ license: { id?: string; name?: string } } | { expression: string })[];
  externalReferences?: { type: string; url: string }[];
}

interface Document {
  metadata: { timestamp?: string; component: { 'bom-ref': string; name: string; version: string } };
  components: Component[];
  dependencies: { ref: string; dependsOn: string[] }[];
}

const make = (epoch = ''): Document => JSON.parse(sbom({ epoch })) as Document;
const licences = (choices: Component['licenses']): string[] => choices.map((choice) => ('expression' in choice ? choice.expression : choice.license.id ?? choice.license.name!));
const read = (file: string): string => fs.readFileSync(path.join(root, file), 'utf8');

it('the schema takes it', async () => {
  const program = `
    const { Validation, Spec } = require('@cyclonedx/cyclonedx-library');
    const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot6);
    validator.validate(require('node:fs').readFileSync(0, 'utf8')).then((wrong) => console.log(JSON.stringify(wrong)));`;
  const validate = (text: string): Promise<string> => runNode(['-e', program], path.dirname(tools), {}, text).then(({ stdout }) => stdout.trim());
  expect(await validate(sbom())).toBe('null');
  // and it can say no
  expect(await validate(sbom().replace('"MIT"', '"no licence"'))).toContain('"instancePath"');
}, 120_000);

it('each library in the addon, with version, address, licence and the checksum in Cargo.lock', () => {
  const { components } = make();
  const lock = read('native/sources/Cargo.lock');
  const found = ['paho.mqtt.c', 'libuv', 'openssl'].map((name) => {
    const { version, purl, licenses, hashes, externalReferences } = components.find((component) => component.name === name)!;
    const [source] = externalReferences!;
    const checksum = hashes[0]!.content;
    expect(hashes).toEqual([{ alg: 'SHA-256', content: expect.stringMatching(/^[0-9a-f]{64}$/) as string }]);
    const [, crate] = new RegExp(`name = "([^"]+)"\\n(?:[^[]*\\n)?checksum = "${checksum}"`).exec(lock)!;
    expect(source).toMatchObject({ type: 'source-distribution', url: expect.stringContaining(`pkg:cargo/${crate}@`) as string });
    return { version, purl, licence: licences(licenses) };
  });
  expect(found).toEqual([
    { version: '1.3.16', purl: 'pkg:github/eclipse-paho/paho.mqtt.c@v1.3.16', licence: ['EPL-2.0 OR BSD-3-Clause'] },
    { version: '1.53.0', purl: 'pkg:github/libuv/libuv@v1.53.0', licence: ['MIT', 'BSD-2-Clause', 'ISC'] },
    { version: '4.0.3', purl: 'pkg:github/openssl/openssl@openssl-4.0.3', licence: ['Apache-2.0'] },
  ]);
});

it('what zig links into the prebuilt addons, with version, address, licence and the checksum that zig is pinned with', () => {
  const [, zig, checksum] = /^ziglang==(\S+) --hash=sha256:([0-9a-f]{64})$/m.exec(read('native/toolchains/requirements.txt'))!;
  const hashes = [{ alg: 'SHA-256', content: checksum }];
  const source = { type: 'source-distribution', url: `pkg:pypi/ziglang@${zig}`, hashes };
  const found = make().components.filter((component) => component.externalReferences?.some(({ url }) => url === source.url));
  for (const component of found) expect(component).toMatchObject({ hashes, externalReferences: [source] });
  const llvm = (name: string): string[] => [name, '22.1.8', `pkg:github/llvm/llvm-project@llvmorg-22.1.8#${name}`, 'Apache-2.0 WITH LLVM-exception'];
  expect(found.map(({ name, version, purl, licenses }) => [name, version, purl, ...licences(licenses)]).sort()).toEqual([
    ['compiler_rt', zig, `pkg:pypi/ziglang@${zig}`, 'MIT'],
    ['glibc', '2.32', 'pkg:generic/glibc@2.32', 'LGPL-2.1-or-later WITH GCC-exception-2.0-note'],
    llvm('libcxx'),
    llvm('libcxxabi'),
    llvm('libunwind'),
    ['mingw-w64', '15.0.0-alpha', 'pkg:generic/mingw-w64@15.0.0-alpha', 'ZPL-2.1', 'Lucent Technologies, for gdtoa'],
  ]);
});

it('NOTICE names each library with the same version', () => {
  const spelled: Record<string, string> = {
    'paho.mqtt.c': 'Eclipse Paho MQTT C', openssl: 'OpenSSL', libcxx: 'libc++', libcxxabi: 'libc++abi', compiler_rt: 'compiler_rt of zig', glibc: 'GNU C Library',
  };
  const linked = make().components.filter(({ externalReferences }) => externalReferences !== undefined);
  expect(linked).toHaveLength(9);
  for (const { name, version } of linked) expect(read('NOTICE')).toContain(`\n  ${spelled[name] ?? name} ${version} `);
});

describe('the packages that npm installs', () => {
  it('are those of package-lock.json that are not for development', () => {
    const { packages } = JSON.parse(read('package-lock.json')) as { packages: Record<string, { version: string; dev?: true; integrity: string }> };
    const names = Object.entries(packages).filter(([place, entry]) => place !== '' && entry.dev === undefined);
    const expected = names.map(([place, { version }]) => `${place.replace(/^.*node_modules\//, '')}@${version}`);
    const headers = ['node-addon-api', 'node-api-headers'].map((name) => `${name}@${packages[`node_modules/${name}`]!.version}`);
    const npm = make().components.filter((component) => component.purl.startsWith('pkg:npm/'));
    const found = npm.map(({ group, name, version }) => `${group === undefined ? '' : `${group}/`}${name}@${version}`);
    expect(found.sort()).toEqual([...new Set([...expected, ...headers])].sort());
  });

  it('hang together: every reference leads to a component, and every component is reached', () => {
    const { metadata, components, dependencies } = make();
    const known = new Set([metadata.component['bom-ref'], ...components.map((component) => component['bom-ref'])]);
    const of = new Map(dependencies.map(({ ref, dependsOn }) => [ref, dependsOn]));
    const reached = new Set<string>();
    const follow = (ref: string): void => {
      if (reached.has(ref)) return;
      reached.add(ref);
      of.get(ref)!.forEach(follow);
    };
    follow(metadata.component['bom-ref']);
    expect([...reached].sort()).toEqual([...known].sort());
  });
});

it('the same bytes each time, and a time only when one is given', () => {
  expect(sbom({ epoch: '' })).toBe(sbom({ epoch: '' }));
  expect(make().metadata.timestamp).toBeUndefined();
  expect(make('1700000000').metadata.timestamp).toBe('2023-11-14T22:13:20.000Z');
});
