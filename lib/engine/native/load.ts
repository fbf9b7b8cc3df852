import { join } from 'node:path';
import type { NativeAddon } from './binding.js';

/** One file that was tried, and why it did not load. No file: none was found for this platform. */
export interface LoadAttempt {
  file?: string;
  error: Error;
}

export type NativeLoad = { available: true; version: string } | { available: false; attempts: LoadAttempt[] };

/** The package's folder, seen from dist/engine/native. */
const packageRoot = join(__dirname, '..', '..', '..');

let loaded: NativeAddon | undefined;
let failed: LoadAttempt[] | undefined;

/** Loads the addon (once a thread) and says whether it is there; never throws. */
export function loadNative(): NativeLoad {
  const addon = nativeAddon();
  if (addon !== undefined) return { available: true, version: addon.version };
  return { available: false, attempts: failed ?? [] };
}

/** The addon, or undefined where it does not load; loadNative() tells why. */
export function nativeAddon(): NativeAddon | undefined {
  if (loaded === undefined && failed === undefined) load();
  return loaded;
}

/** build/Release of a checkout first, then the prebuild for this platform: the order is node-gyp-build's. */
function load(): void {
  let file: string | undefined;
  try {
    const finder = require('node-gyp-build') as { resolve(folder: string): string };
    file = finder.resolve(packageRoot);
    loaded = require(file) as NativeAddon;
  } catch (reason) {
    const error = reason instanceof Error ? reason : new Error(String(reason));
    failed = [file === undefined ? { error } : { file, error }];
  }
}
