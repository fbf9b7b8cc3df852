// How a Node is started on each kind of system. Every function here makes its system ready and returns
//
//   how             for the table, in words
//   inside(file)    the name that a file of the room has for the program
//   command(args)   [program, arguments] that runs Node with these arguments
//   env             what it needs in its environment
//   end()           ends what was started along with it
import path from 'node:path';
import { BuildError, ask } from '../../scripts/tools.mjs';
import { chroot } from './chroot.mjs';
import { debianTree, upstreamVersion } from './debian.mjs';
import { fetchNode } from './fetch.mjs';
import { qemuDebian } from './runtimes.mjs';
import { replacedUnderWine, wine } from './wine.mjs';

async function here(row) {
  const { folder, program } = await fetchNode(row.node);
  return { how: 'on this machine', inside: (file) => file, command: (args) => [path.join(folder, program), args] };
}

async function qemu(row) {
  const emulator = await debianTree(qemuDebian);
  const tree = await debianTree(row.debian);
  const node = row.node.from === 'debian' ? { folder: tree, program: row.node.file } : await fetchNode(row.node);
  const file = path.join(emulator, `usr/bin/qemu-${row.qemu}`);
  const version = /\d+(\.\d+)+/.exec(ask(file, '--version') ?? '')?.[0];
  if (version === undefined) throw new BuildError(`${file} does not run on this machine`);
  const libraries = row.target.endsWith('musl') ? `musl ${upstreamVersion(tree, 'musl')}` : `glibc ${upstreamVersion(tree, 'libc6')}`;
  return {
    how: `qemu-${row.qemu} ${version}, ${libraries}`,
    inside: (name) => name,
    command: (args) => [file, ['-L', tree, path.join(node.folder, node.program), ...args]],
  };
}

export const systems = { here, qemu, chroot, wine };

/** By system, the modules of test/support that are replaced there. */
export const replaced = { wine: replacedUnderWine };
