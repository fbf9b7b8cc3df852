/** Addons that do not load, made of the one that does: each is what goes wrong in the field, byte for byte. */
import * as fs from 'node:fs';
import { BUILT } from './package-copy.js';

const whole = (): Buffer => fs.readFileSync(BUILT);

/** Replaces a text of a file by another of the same length. */
function replaced(bytes: Buffer, from: string, to: string): Buffer {
  const at = bytes.indexOf(`${from}\0`, 0, 'latin1');
  if (at < 0 || from.length < to.length) throw new Error(`the addon has no ${from}`);
  bytes.write(to.padEnd(from.length, '\0'), at, 'latin1');
  return bytes;
}

/** Half of a download, for example. To map it is SIGBUS. */
export function cut(share = 0.1): Buffer {
  const bytes = whole();
  return bytes.subarray(0, Math.floor(bytes.length * share));
}

/** All but its last byte. */
export function cutByOne(): Buffer {
  return whole().subarray(0, -1);
}

/** For a machine that nobody has. */
export function forAnotherMachine(): Buffer {
  const bytes = whole();
  bytes.writeUInt16LE(process.arch === 's390x' ? 62 : 22, 18);
  return bytes;
}

/** What wants glibc wants musl. */
export function forMusl(): Buffer {
  return replaced(whole(), 'libc.so.6', 'libc.so');
}

/** It wants symbols of a glibc that is not there yet; the one of the newest it wants now is renamed. */
export function forNewerGlibc(): { bytes: Buffer; version: string } {
  const bytes = whole();
  const minors = [...bytes.toString('latin1').matchAll(/GLIBC_2\.(\d+)\0/g)].map(([, minor]) => Number(minor));
  const newest = Math.max(...minors);
  return { bytes: replaced(bytes, `GLIBC_2.${newest}`, `GLIBC_9.${newest}`), version: `9.${newest}` };
}

/** It is whole, and of a version that there never was; as long as ours, because it is written over it. */
export function forAnotherVersion(): Buffer {
  const bytes = whole();
  const text = 'mqtt-native/';
  const at = bytes.indexOf(text, 0, 'latin1') + text.length;
  if (at < text.length) throw new Error('the addon does not say its version');
  bytes.write('9', at, 'latin1');
  return bytes;
}

/** A Windows DLL for ARM64, as far as its headers go. */
export function forWindows(): Buffer {
  const bytes = Buffer.alloc(1024);
  bytes.write('MZ', 0, 'latin1');
  bytes.writeUInt32LE(128, 60);
  bytes.write('PE\0\0', 128, 'latin1');
  bytes.writeUInt16LE(0xaa64, 132);
  return bytes;
}
