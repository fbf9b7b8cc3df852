import { statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { isAbsolute, join, sep } from 'node:path';
import { addonHost, describeHost, type AddonHost } from '../../platform/host.js';
import { explainLoadFailure, refuseUnsafe } from '../../platform/load-failure.js';
import { targets, version } from '../../platform/targets.js';
import { hostInWords } from '../../platform/words.js';
import type { NativeAddon } from './binding.js';

// The search for the addon, once a thread: what a static entry of a bundle has brought, then build/Release of a checkout, then the
// prebuild for this platform. Every file that was tried and did not load is remembered with its reason; nothing throws.

/** One file that was tried, and why it did not load. No file: none was found for this platform. */
export interface LoadAttempt {
  file?: string;
  error: Error;
}

export type NativeLoad = { available: true; version: string; file: string } | { available: false; attempts: LoadAttempt[] };

/** An addon that a bundler has followed, see scripts/write-targets.mjs. */
interface StaticAddon {
  target: string;
  load: () => unknown;
}

const staticAddons: StaticAddon[] = [];

interface Loaded {
  addon: NativeAddon;
  file: string;
}

/** Ours, and not the system's: it says all there is. */
class Refusal extends Error {}

let loaded: Loaded | undefined;
let failed: LoadAttempt[] | undefined;

/** Called by mqtt-native/native/<target>. It is loaded when it is needed, and only where it is this host's. */
export function offerAddon(target: string, load: () => unknown): void {
  staticAddons.push({ target, load });
  // What was found before it was offered stays; what was not found may be, now.
  if (loaded === undefined) failed = undefined;
}

/** Loads the addon (once a thread) and says whether it is there; never throws. */
export function loadNative(): NativeLoad {
  if (loaded === undefined && failed === undefined) search();
  if (loaded !== undefined) return { available: true, version: loaded.addon.version, file: loaded.file };
  return { available: false, attempts: failed ?? [] };
}

/** The addon, or undefined where it does not load; loadNative() tells why. */
export function nativeAddon(): NativeAddon | undefined {
  loadNative();
  return loaded?.addon;
}

function search(): void {
  const attempts: LoadAttempt[] = [];
  const host = addonHost();
  loaded = searchStatic(host, attempts) ?? searchPackage(host, attempts);
  if (loaded === undefined) failed = attempts;
}

function attemptOf(file: string, error: unknown, again?: string): LoadAttempt {
  if (error instanceof Refusal) return { file, error };
  return { file, error: new Error(explainLoadFailure(file, error, describeHost(), again), { cause: error }) };
}

// ---- what a bundle has brought --------------------------------------------------------------------------------------------

function searchStatic(host: AddonHost, attempts: LoadAttempt[]): Loaded | undefined {
  for (const { target, load } of staticAddons.filter((offer) => offer.target === host.target)) {
    const file = `mqtt-native/native/${target}`;
    try {
      return { addon: checked(load()), file };
    } catch (error) {
      // The name is the entry's; where the bundler has put the file, only the system's words say.
      attempts.push(attemptOf(file, error, 'put it where the bundler had it'));
    }
  }
  return undefined;
}

// ---- what the package has -------------------------------------------------------------------------------------------------

/** The package's folder; undefined where this file is a part of a bundle, and its own place says nothing. */
function packageFolder(): string | undefined {
  const place = sep + join('dist', 'engine', 'native');
  const isOurs = typeof __dirname === 'string' && isAbsolute(__dirname) && __dirname.endsWith(place) && __filename.endsWith(`${sep}load.js`);
  return isOurs ? __dirname.slice(0, -place.length) : undefined;
}

function searchPackage(host: AddonHost, attempts: LoadAttempt[]): Loaded | undefined {
  const folder = packageFolder();
  if (folder === undefined) {
    if (attempts.length === 0) attempts.push({ error: new Error(bundleProblem(host)) });
    return undefined;
  }
  const first = tryFound(folder, false, host, attempts);
  if (first !== undefined || !isBuiltHere(folder, attempts.at(-1)?.file)) return first;
  // node-gyp-build names one file. That was build/Release's and does not load; there may be a prebuild still.
  return tryFound(folder, true, host, attempts);
}

function isBuiltHere(folder: string, file: string | undefined): boolean {
  return file?.startsWith(join(folder, 'build') + sep) ?? false;
}

function tryFound(folder: string, prebuildsOnly: boolean, host: AddonHost, attempts: LoadAttempt[]): Loaded | undefined {
  let file: string;
  try {
    file = find(folder, prebuildsOnly, host);
  } catch (cause) {
    // Where there was a file, it is the one to talk about.
    if (attempts.length === 0) attempts.push(notFound(folder, host, cause));
    return undefined;
  }
  try {
    return { addon: load(folder, file, host), file };
  } catch (error) {
    attempts.push(attemptOf(file, error));
    return undefined;
  }
}

/**
 * The file that node-gyp-build picks. It reads its variables when it is loaded, and knows musl only by /etc/alpine-release or LIBC: so a
 * copy of its own is loaded, with what the host is, unless the user has set the variables; what others see is as before.
 */
function find(folder: string, prebuildsOnly: boolean, { libc, target }: AddonHost): string {
  const requireFromPackage = createRequire(join(folder, 'package.json'));
  const finder = requireFromPackage.resolve('node-gyp-build/node-gyp-build.js');
  const variables: Record<string, string | undefined> = {
    LIBC: process.env['LIBC'] || libc,
    ARM_VERSION: process.env['ARM_VERSION'] || (target === 'linux-arm' ? '7' : undefined),
    PREBUILDS_ONLY: prebuildsOnly ? '1' : process.env['PREBUILDS_ONLY'],
  };
  const before = Object.keys(variables).map((name) => [name, process.env[name]] as const);
  const { cache } = requireFromPackage;
  const cached = cache[finder];
  try {
    setVariables(Object.entries(variables));
    delete cache[finder];
    return (requireFromPackage(finder) as { resolve(folder: string): string }).resolve(folder);
  } finally {
    setVariables(before);
    if (cached === undefined) delete cache[finder];
    else cache[finder] = cached;
  }
}

function setVariables(entries: readonly (readonly [string, string | undefined])[]): void {
  for (const [name, value] of entries) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
}

function load(folder: string, file: string, host: AddonHost): NativeAddon {
  if (!isBuiltHere(folder, file) && host.loongarchWorld === 'old') throw new Refusal(OLD_WORLD);
  refuseUnsafe(file, host.platform);
  return checked(createRequire(join(folder, 'package.json'))(file));
}

function checked(exports: unknown): NativeAddon {
  const addon = exports as Partial<NativeAddon> | undefined;
  if (typeof addon?.createEnvironment !== 'function') throw new Refusal('it is not the addon of mqtt-native');
  // Both sides write into the same memory: one of another version may have other places for the same things.
  const its = /^mqtt-native\/(\S+)/.exec(addon.version ?? '')?.[1];
  if (its !== version) throw new Refusal(`it is the addon of mqtt-native ${its ?? '?'}, and this is ${version}: both must come from one installation`);
  return addon as NativeAddon;
}

// ---- words ----------------------------------------------------------------------------------------------------------------

const OLD_WORLD = 'this system is of LoongArch’s old world, the prebuilt addon is of the new one (glibc 2.36, UOS 25 and later)';

function notFound(folder: string, host: AddonHost, cause: unknown): LoadAttempt {
  const target = targets.find(({ name }) => name === host.target);
  if (target === undefined) {
    const why = host.loongarchWorld === 'old' ? OLD_WORLD : `there is no prebuilt addon for ${hostInWords(describeHost())}`;
    return { error: new Error(why, { cause }) };
  }
  const file = join(folder, 'prebuilds', ...target.file.split('/'));
  try {
    statSync(file);
  } catch (error) {
    // It may be there, and its folder may not be read.
    if (!['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return attemptOf(file, error);
  }
  return { file, error: new Error('the file is not there: install mqtt-native again, or build it in a checkout', { cause }) };
}

function bundleProblem({ target }: AddonHost): string {
  const has = staticAddons.map((offer) => offer.target).join(', ');
  if (target === undefined) return 'this is a bundle, and there is no prebuilt addon for this host';
  const problem = has === '' ? 'this is a bundle without an addon' : `this is a bundle with the addon for ${has}`;
  return `${problem}: import 'mqtt-native/native/${target}' in it (guide "Loading")`;
}
