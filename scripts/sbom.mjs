// Writes sbom.cdx.json, the list of what the package contains and what it depends on, in CycloneDX's form (JSON, version 1.6). The package
// holds it and git ignores it; `node scripts/sbom.mjs` writes it alone.
//
//   linked in    Paho, libuv and OpenSSL, and what zig adds to the prebuilt addons, each with the checksum of the archive that its source
//                is taken from (scripts/parts.mjs); the headers of Node-API
//   dependencies everything npm installs beside the package, as package-lock.json has it; a user's npm may choose newer ones
//
// The same locks give the same bytes: no random number, and a time only when SOURCE_DATE_EPOCH names one.
import fs from 'node:fs';
import path from 'node:path';
import { headers, linkedParts } from './parts.mjs';
import { BuildError, isProgram, main, root, sha256 } from './tools.mjs';

const readJson = (file) => JSON.parse(fs.readFileSync(path.join(root, file), 'utf8'));
const npmPurl = (name, version) => `pkg:npm/${name.replace('@', '%40')}@${version}`;

// All of these apply; a choice, or a licence with an exception, is one entry, as an SPDX expression. One that SPDX does not know is an
// object with its name.
function licenceChoice(licences) {
  if (licences.length === 1 && licences[0].includes(' ')) return [{ expression: licences[0] }];
  return licences.map((licence) => ({ license: typeof licence === 'string' ? { id: licence } : licence }));
}

function linkedComponent({ name, supplier, version, purl, cpe, licences, where, archive }) {
  const hashes = [{ alg: 'SHA-256', content: archive.hash }];
  return {
    type: 'library',
    'bom-ref': purl(version),
    supplier: { name: supplier },
    name,
    version,
    description: `linked statically into ${where}; the hash is that of the archive its sources are taken from`,
    hashes,
    licenses: licenceChoice(licences),
    ...(cpe && { cpe: cpe(version) }),
    purl: purl(version),
    externalReferences: [{ type: 'source-distribution', url: archive.url, hashes }],
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
    description: name in headers ? 'its headers are compiled into the addon' : 'installed by npm beside the package',
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
  const native = linkedParts().map(linkedComponent);
  const npm = npmTree(readJson('package-lock.json').packages, [...Object.keys(own.dependencies), ...Object.keys(headers)]);

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
