/**
 * The package as it is installed, in a folder of its own: dist/, package.json, and the addon of this checkout as the prebuild for this
 * host. Its folder has spaces and Chinese characters, as folders of users do.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { describeHost } from 'mqtt-native';
import { targets } from '../../scripts/targets.mjs';
import { makeTemporaryFolder, removeFolder } from './temporary-folder.js';

const root = path.resolve(import.meta.dirname, '../..');

/** The addon that this checkout has built. */
export const BUILT = path.join(root, 'build/Release/mqtt_native.node');

/** This host's entry of the list of targets. A host without one (an experiment of the list, a system not in it) gets one by its rules. */
export const TARGET = (() => {
  const { platform, arch, libc, target } = describeHost();
  const known = targets.find(({ name }) => name === target);
  return { name: known?.name ?? `${platform}-${arch}`, file: known?.file ?? `${platform}-${arch}/mqtt-native${libc === undefined ? '' : `.${libc}`}.node` };
})();

export class PackageCopy {
  /** A program here imports mqtt-native by its name. */
  readonly app: string;
  readonly folder: string;
  /** Where the prebuild for this host is, or would be. */
  readonly prebuild: string;
  /** Where a checkout has what it has built. */
  readonly built: string;

  /** `base`: the app's folder; without it a new one, which remove() removes. */
  constructor(readonly base: string = makeTemporaryFolder('载入 loading ')) {
    this.app = path.join(base, '应用 app');
    this.folder = path.join(this.app, 'node_modules/mqtt-native');
    this.prebuild = path.join(this.folder, 'prebuilds', TARGET.file);
    this.built = path.join(this.folder, 'build/Release/mqtt_native.node');
    fs.mkdirSync(this.folder, { recursive: true });
    fs.cpSync(path.join(root, 'dist'), path.join(this.folder, 'dist'), { recursive: true });
    fs.copyFileSync(path.join(root, 'package.json'), path.join(this.folder, 'package.json'));
    for (const name of ['mqtt', 'node-gyp-build']) {
      fs.symlinkSync(path.join(root, 'node_modules', name), path.join(this.app, 'node_modules', name), 'junction');
    }
  }

  /** Puts the addon there; `bytes`: another one. */
  withAddon(file = this.prebuild, bytes?: Uint8Array): this {
    fs.mkdirSync(path.dirname(file), { recursive: true });
    if (bytes === undefined) fs.copyFileSync(BUILT, file);
    else fs.writeFileSync(file, bytes);
    return this;
  }

  /** A program beside node_modules. */
  program(name: string, from: string, code = fs.readFileSync(path.join(root, 'test/loading/children', from), 'utf8')): string {
    const file = path.join(this.app, name);
    fs.writeFileSync(file, code);
    return file;
  }

  remove(): void {
    removeFolder(this.base);
  }
}
