// The rules that hold for a binary of every format, and the names that all formats are measured by: what an addon shows to Node.js, and
// what it may take from it.
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { cacheFolder, readText, root } from '../tools.mjs';

/** What the addon exports, and nothing else. */
export const entryPoints = ['napi_register_module_v1', 'node_api_module_get_api_version_v1'];

// Version of Node-API by function name. Asked for late: scripts that import this one install packages first.
let firstVersion;

function versionOf(name) {
  if (!firstVersion) {
    firstVersion = new Map();
    const { symbols } = createRequire(import.meta.url)('node-api-headers');
    for (const [version, { js_native_api_symbols: engine, node_api_symbols: node }] of Object.entries(symbols)) {
      for (const each of [...engine, ...node]) if (!firstVersion.has(each)) firstVersion.set(each, Number(version.slice(1)));
    }
  }
  return firstVersion.get(name);
}

/** Whether it is a function of Node-API 8. */
export function isNodeApi(name) {
  return versionOf(name) <= 8;
}

/** Why a name that is neither the system's nor Node-API 8's is no good, as the end of a sentence. */
export function stranger(name) {
  const version = versionOf(name);
  if (version !== undefined) return `comes only with Node-API ${version}, the addon may use 8`;
  return "is neither the C library's nor Node-API 8's";
}

/** The problems of a list of exported names. */
export function exportProblems(exported) {
  const problems = [];
  for (const name of entryPoints) if (!exported.includes(name)) problems.push(`exports: does not export ${name}`);
  const others = exported.filter((name) => !entryPoints.includes(name));
  if (others.length > 0) problems.push(`exports: shows ${several(others)}, only the two functions of Node-API may be seen`);
  return problems;
}

/** A few names of many. */
export function several(names) {
  const shown = names.slice(0, 5).join(', ');
  return names.length > 5 ? `${shown} and ${names.length - 5} more` : shown;
}

// ---- what lies in the bytes ---------------------------------------------------------------------------------------

const largest = 6_000_000;

function sizeProblems(bytes) {
  if (bytes.length <= largest) return [];
  return [`size: ${(bytes.length / 1e6).toFixed(1)} MB, the most is ${largest / 1e6} MB`];
}

function buildPaths() {
  const own = [root, os.homedir(), cacheFolder(), os.tmpdir()].filter((folder) => folder !== path.parse(folder).root);
  return [...new Set([...own.map((folder) => folder + path.sep), '/root/', '/home/', '/tmp/'])];
}

// The text around a place in the bytes, as far as it can be printed.
function textAround(bytes, at, step) {
  const printable = (index) => bytes[index] >= 0x20 && bytes[index] < 0x7f && (step === 1 || bytes[index + 1] === 0);
  let [from, to] = [at, at];
  while (from - step >= 0 && at - from < 80 && printable(from - step)) from -= step;
  while (to < bytes.length && to - at < 80 && printable(to)) to += step;
  return bytes.toString(step === 1 ? 'latin1' : 'utf16le', from, to);
}

function pathProblems(bytes) {
  const found = new Set();
  for (const folder of buildPaths()) {
    for (const [encoding, step] of [['utf8', 1], ['utf16le', 2]]) {
      const needle = Buffer.from(folder, encoding);
      for (let at = bytes.indexOf(needle); at >= 0; at = bytes.indexOf(needle, at + 1)) {
        found.add(textAround(bytes, at, step));
      }
    }
  }
  return found.size === 0 ? [] : [`build-path: holds ${several([...found].map((text) => `"${text}"`))}, folders of the machine that built it`];
}

/** The version of mqtt-native that a binary was built from (native/core/src/version.c), or undefined. */
export function versionIn(bytes) {
  return /mqtt-native\/([\w.+-]+) paho\//.exec(bytes.toString('latin1'))?.[1];
}

function versionProblems(bytes) {
  const { version } = JSON.parse(readText(path.join(root, 'package.json')));
  const found = versionIn(bytes);
  return found === version ? [] : [`version: was built from ${found ?? 'an unknown version'}, package.json says ${version}`];
}

/** The problems that need no reader of the format: size, paths of the build machine, version. */
export function commonProblems(_target, bytes) {
  return [...sizeProblems(bytes), ...pathProblems(bytes), ...versionProblems(bytes)];
}
