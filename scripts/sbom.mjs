// Writes sbom.cdx.json, the list of what the package contains and what it depends on, in CycloneDX's form (JSON, version 1.6). The package
// holds it and git ignores it; `node scripts/sbom.mjs` writes it alone.
//
//   linked in    Paho, libuv and OpenSSL, with the checksums of the archives their sources are taken from (native/sources/Cargo.lock), and
//                the headers of Node-API
//   dependencies everything npm installs beside the package, as package-lock.json has it; a user's npm may choose newer ones
//
// The same locks give the same bytes: no random number, and a time only when SOURCE_DATE_EPOCH names one.
import fs from 'node:fs';
import path from 'node:path';
import { crates, lockedChecksum } from '../native/sources/vendor.mjs';
import { BuildError, isProgram, main, root, sha256 } from './tools.mjs';

// What the crates cannot say of the C code they carry. Paho's EDL-1.0 is BSD-3-Clause in SPDX, and so Paho writes it itself.
const linked = {
  'paho-mqtt-sys': {
    name: 'paho.mqtt.c',
    supplier: 'Eclipse Foundation',
    purl: (version) => `pkg:github/eclipse-paho/paho.mqtt.c@v${version}`,
    licences: ['EPL-2.0 OR BSD-3-Clause'],
  },
  'libuv-sys2': {
    name: 'libuv',
    supplier: 'libuv project contributors',
    purl: (version) => `pkg:github/libuv/libuv@v${version}`,
    cpe: (version) => `cpe:2.3:a:libuv:libuv:${version}:*:*:*:*:*:*:*`,
    // src/tree.h and src/inet.c are not libuv's own
    licences: ['MIT', 'BSD-2-Clause', 'ISC'],
  },
  'openssl-src': {
    name: 'openssl',
    supplier: 'The OpenSSL Project',
    purl: (version) => `pkg:github/openssl/openssl@openssl-${version}`,
    cpe: (version) => `cpe:2.3:a:openssl:openssl:${version}:*:*:*:*:*:*:*`,
    licences: ['Apache-2.0'],
  },
};
// Compiled into the addon from their headers; to npm they are tools of development.
const headers = ['node-addon-api', 'node-api-headers'];

const readJson = (file) => JSON.parse(fs.readFileSync(path.join(root, file), 'utf8'));
const npmPurl = (name, version) => `pkg:npm/${name.replace('@', '%40')}@${version}`;

/** All of these apply; a choice is one entry, as an SPDX expression. */
function licenceChoice(licences) {
  if (licences.length === 1 && licences[0].includes(' ')) return [{ expression: licences[0] }];
  return licences.map((id) => ({ license: { id } }));
}

function linkedComponent(crate, lock) {
  const { name, supplier, purl, cpe, licences } = linked[crate];
  const { version } = crates[crate];
  const crateVersion = new RegExp(`name = "${crate}"\\nversion = "([^"]+)"`).exec(lock)?.[1];
  if (!crateVersion) throw new BuildError(`native/sources/Cargo.lock has no version of ${crate}`);
  const hashes = [{ alg: 'SHA-256', content: lockedChecksum(lock, crate) }];
  return {
    type: 'library',
    'bom-ref': purl(version),
    supplier: { name: supplier },
    name,
    version,
    description: 'linked statically into the addon; the hash is that of the archive its sources are taken from',
    hashes,
    licenses: licenceChoice(licences),
    ...(cpe && { cpe: cpe(version) }),
    purl: purl(version),
    externalReferences: [{ type: 'source-distribution', url: `pkg:cargo/${crate}@${encodeURIComponent(crateVersion)}`, hashes }],
  };
}

// ---- npm ----------------------------------------------------------------------------------------------------------

/** Where Node.js would find `name`, seen from a package's place in package-lock.json. */
function findPackage(packages, from, name) {
  for (let place = from; ; place = place.slice(0, Math.max(0, place.lastIndexOf('/node_modules/')))) {
    const candidate = `${place}${place === '' ? '' : '/'}node_modules/${name}`;
    if (packages[candidate]) return candidate;
    if (place === '') return undefined;
  }
}

function npmComponent(place, entry) {
  const name = place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length);
  if (!entry.integrity || !entry.license) throw new BuildError(`package-lock.json has no integrity or no licence for ${place}`);
  const [algorithm, digest] = entry.integrity.split('-');
  const slash = name.indexOf('/');
  const purl = npmPurl(name, entry.version);
  return {
    type: 'library',
    'bom-ref': purl,
    ...(slash > 0 && { group: name.slice(0, slash) }),
    name: name.slice(slash + 1),
    version: entry.version,
    description: headers.includes(name) ? 'its headers are compiled into the addon' : 'installed by npm beside the package',
    hashes: [{ alg: algorithm.replace('sha', 'SHA-'), content: Buffer.from(digest, 'base64').toString('hex') }],
    licenses: licenceChoice([entry.license]),
    purl,
  };
}

/** The packages that `names` bring with them, and who needs whom. */
function npmTree(packages, names) {
  const components = new Map();
  const edges = new Map();
  const seen = new Map();
  const add = (from, name) => {
    const place = findPackage(packages, from, name);
    if (place === undefined || seen.has(place)) return seen.get(place);
    const entry = packages[place];
    const component = npmComponent(place, entry);
    const ref = component['bom-ref'];
    seen.set(place, ref);
    components.set(ref, component);
    // The same version may lie in two places, with other packages around it.
    const needed = edges.get(ref) ?? new Set();
    edges.set(ref, needed);
    for (const other of Object.keys({ ...entry.dependencies, ...entry.optionalDependencies })) needed.add(add(place, other));
    return ref;
  };
  const roots = names.map((name) => add('', name) ?? missing(name));
  return { components: [...components.values()], edges, roots };
}

function missing(name) {
  throw new BuildError(`package-lock.json has no ${name}`);
}

// ---- the document -------------------------------------------------------------------------------------------------

/** The SBOM as text. `epoch`: seconds since 1970 for its time stamp; default: none, for the same bytes each time. */
export function sbom({ epoch = process.env['SOURCE_DATE_EPOCH'] } = {}) {
  const own = readJson('package.json');
  const cargoLock = fs.readFileSync(path.join(root, 'native/sources/Cargo.lock'), 'utf8');
  const native = Object.keys(linked).map((crate) => linkedComponent(crate, cargoLock));
  const npm = npmTree(readJson('package-lock.json').packages, [...Object.keys(own.dependencies), ...headers]);

  const ref = npmPurl(own.name, own.version);
  const author = { name: 'The mqtt-native authors' };
  const byRef = (a, b) => (a < b ? -1 : 1);
  const needs = (from, refs) => ({ ref: from, dependsOn: [...refs].filter((other) => other !== undefined).sort(byRef) });
  const document = {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      ...(epoch && { timestamp: new Date(Number(epoch) * 1000).toISOString() }),
      lifecycles: [{ phase: 'build' }],
      authors: [author],
      component: {
        type: 'library',
        'bom-ref': ref,
        supplier: author,
        name: own.name,
        version: own.version,
        description: own.description,
        licenses: licenceChoice([own.license]),
        purl: ref,
      },
    },
    components: [...native, ...npm.components].sort((a, b) => byRef(a['bom-ref'], b['bom-ref'])),
    dependencies: [
      needs(ref, [...native.map((component) => component['bom-ref']), ...npm.roots]),
      ...native.map((component) => needs(component['bom-ref'], [])),
      ...[...npm.edges].map(([from, refs]) => needs(from, refs)),
    ].sort((a, b) => byRef(a.ref, b.ref)),
  };
  const digest = sha256(JSON.stringify(document));
  const parts = [digest.slice(0, 8), digest.slice(8, 12), `8${digest.slice(13, 16)}`, `8${digest.slice(17, 20)}`, digest.slice(20, 32)];
  const { $schema, bomFormat, specVersion, ...rest } = document;
  return `${JSON.stringify({ $schema, bomFormat, specVersion, serialNumber: `urn:uuid:${parts.join('-')}`, ...rest }, undefined, 2)}\n`;
}

/** Writes sbom.cdx.json. */
export function writeSbom() {
  fs.writeFileSync(path.join(root, 'sbom.cdx.json'), sbom());
}

if (isProgram(import.meta.url)) await main(async () => writeSbom());
