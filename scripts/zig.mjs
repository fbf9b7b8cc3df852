// The compiler of every prebuilt addon: zig holds clang, lld, libc++ and the C libraries of all targets, so that one Linux x64 machine
// builds for the others with nothing else installed. pip fetches it by name and checks its SHA-256, native/toolchains/requirements.txt
// names both; it lies in the cache, and what it compiles of its own libraries beside it.
import path from 'node:path';
import { pythonPackages } from './python.mjs';
import { BuildError, ask, cacheFolder, root } from './tools.mjs';

/**
 * Installs zig when it is not there, and lets every program that this process starts from now on find it by the name "zig". OpenSSL
 * writes the name that its compiler is called by into the library, so it must not be a path of this machine.
 */
export async function useZig() {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new BuildError(`prebuilds are made on Linux x64, this is ${process.platform} ${process.arch}`);
  }
  const { folder } = await pythonPackages(path.join(root, 'native/toolchains/requirements.txt'), 'zig');
  const programs = path.join(folder, 'ziglang');
  process.env['PATH'] = `${programs}${path.delimiter}${process.env['PATH'] ?? ''}`;
  process.env['ZIG_GLOBAL_CACHE_DIR'] = path.join(cacheFolder(), 'zig-cache');
  process.env['ZIG_LOCAL_CACHE_DIR'] = process.env['ZIG_GLOBAL_CACHE_DIR'];
  if (ask('zig', 'version') === undefined) throw new BuildError(`zig does not run: remove ${folder}`);
}
