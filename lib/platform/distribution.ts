import { readFileSync } from 'node:fs';
import { join } from 'node:path';

// Which Linux this is, by os-release; and UOS (UnionTech OS), which says in /etc/os-version what its edition is.

/** From os-release. */
export interface Distribution {
  /** In lower case: `debian`, `uos`, `deepin`. */
  readonly id: string;
  /** `12`, `20`; a rolling distribution has none. */
  readonly version: string | undefined;
  /** For people: `Debian GNU/Linux 12 (bookworm)`. */
  readonly name: string;
}

/** From /etc/os-version of UnionTech OS; what it does not say is undefined. */
export interface Uos {
  /** `Desktop Professional`, `Server e`. */
  readonly edition: string | undefined;
  /** `20`, `25` */
  readonly majorVersion: string | undefined;
  /** `1060` */
  readonly minorVersion: string | undefined;
  /** `11018.101.100` */
  readonly build: string | undefined;
}

/** Both files are lines of `KEY=value`, the value perhaps in quotes; sections and translations (`KEY[zh_CN]=`) are passed over. */
function readSettings(...files: string[]): Map<string, string> {
  for (const file of files) {
    try {
      const lines = [...readFileSync(file, 'utf8').matchAll(/^[ \t]*(\w+)[ \t]*=[ \t]*(.*?)[ \t]*\r?$/gm)];
      return new Map(lines.map(([, key, value]) => [key!, value!.replace(/^(["'])(.*)\1$/, '$2')]));
    } catch {
      // The next one.
    }
  }
  return new Map();
}

function readRelease(root: string): Map<string, string> {
  return readSettings(join(root, 'etc/os-release'), join(root, 'usr/lib/os-release'));
}

export function readDistribution(root: string): Distribution | undefined {
  const release = readRelease(root);
  const id = release.get('ID')?.toLowerCase();
  const name = release.get('PRETTY_NAME') || release.get('NAME') || id;
  return id && name ? { id, version: release.get('VERSION_ID') || undefined, name } : undefined;
}

/** Undefined: not UOS. The ID is compared without case: editions of UOS differ in it. deepin has an os-version too, but is not UOS. */
export function readUos(root: string): Uos | undefined {
  const release = readRelease(root);
  const version = readSettings(join(root, 'etc/os-version'));
  const isUos = release.get('ID')?.toLowerCase() === 'uos' || /^uos\b/i.test(version.get('SystemName') ?? '');
  if (!isUos) return undefined;
  const value = (key: string): string | undefined => version.get(key) || undefined;
  const edition = [value('ProductType'), value('EditionName')].filter((part) => part !== undefined).join(' ');
  return {
    edition: edition || undefined,
    majorVersion: value('MajorVersion') ?? release.get('VERSION_ID')?.split('.')[0],
    minorVersion: value('MinorVersion'),
    build: value('OsBuild'),
  };
}
