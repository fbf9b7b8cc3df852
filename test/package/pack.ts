/** The package as npm packs it, and as it is installed here: with an addon for this machine. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { targets } from '../../scripts/targets.mjs';
import { root, run, runNpm } from './run.js';

/** Where the addon of this platform stands in the package, below prebuilds/. undefined: the package brings none for it. */
export const addonFile = ((): string | undefined => {
  const { header } = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } };
  const libc = process.platform !== 'linux' ? undefined : header.glibcVersionRuntime === undefined ? 'musl' : 'glibc';
  const isThis = (target: (typeof targets)[number]): boolean =>
    target.ships && target.platform === process.platform && target.arch === process.arch && target.libc === libc;
  return targets.find(isThis)?.file;
})();

export interface Packed {
  /** As `npm pack` makes it in this checkout. */
  tarball: string;
  /** What is in that, unpacked. */
  folder: string;
  /** The tarball to install: the same, and if no addon for this platform was in it, with that of build/Release. */
  installable: string;
}

async function npmPack(folder: string, destination: string, ...options: string[]): Promise<string> {
  fs.mkdirSync(destination, { recursive: true });
  await runNpm(['pack', '--pack-destination', destination, ...options], folder);
  const [tarball, ...others] = fs.readdirSync(destination);
  if (tarball === undefined || others.length > 0) throw new Error(`npm pack made ${[tarball, ...others].join(', ')}`);
  return path.join(destination, tarball);
}

/** Packs the checkout; all files are below `folder`. */
export async function pack(folder: string): Promise<Packed> {
  const tarball = await npmPack(root, path.join(folder, 'packed'));
  await run('tar', ['-xzf', tarball, '-C', folder], folder);
  const unpacked = path.join(folder, 'package');
  if (addonFile === undefined || fs.existsSync(path.join(unpacked, 'prebuilds', addonFile))) return { tarball, folder: unpacked, installable: tarball };
  const completed = path.join(folder, 'completed');
  fs.cpSync(unpacked, completed, { recursive: true });
  const addon = path.join(completed, 'prebuilds', addonFile);
  fs.mkdirSync(path.dirname(addon), { recursive: true });
  fs.copyFileSync(path.join(root, 'build/Release/mqtt_native.node'), addon);
  const installable = await npmPack(completed, path.join(folder, 'installable'), '--ignore-scripts');
  return { tarball, folder: unpacked, installable };
}

/** The files below a folder, with slashes. */
export function filesBelow(folder: string): string[] {
  const entries = fs.readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => !entry.isDirectory());
  return entries.map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)).replaceAll(path.sep, '/')).sort();
}
