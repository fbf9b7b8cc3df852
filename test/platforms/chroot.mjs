// Another system's folder as the root of a process: for a C library that this machine does not have, and for Wine.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { readText } from '../../scripts/tools.mjs';
import { debianTree, upstreamVersion } from './debian.mjs';
import { fetchNode } from './fetch.mjs';

// Without nsswitch.conf glibc would ask DNS for localhost first.
const basics = {
  'etc/hosts': `127.0.0.1 localhost ${os.hostname()}\n::1 localhost\n`,
  'etc/nsswitch.conf': 'hosts: files dns\n',
  'etc/resolv.conf': '',
  'etc/passwd': 'root:x:0:0:root:/tmp:/bin/sh\n',
};

// Files that say which system it is, as UOS 20 has them. Only recognition is proven with them: what runs below is Debian.
const costumes = {
  'uos-20': {
    name: 'UOS 20 by name',
    files: {
      'etc/os-release': 'PRETTY_NAME="UnionTech OS Desktop 20 Pro"\nNAME="uos"\nVERSION_ID="20"\nVERSION="20"\nID=uos\n',
      'etc/os-version': '[Version]\nSystemName=UOS Desktop\nProductType=Desktop\nEditionName=Professional\nMajorVersion=20\nMinorVersion=1060\nOsBuild=12018.100\n',
    },
  },
};

// What is mounted and started in namespaces of their own ends with them, however that happens.
const enter = [
  'mount --rbind /dev "$0/dev"', 'mount --rbind /sys "$0/sys"', 'mount --bind "$1" "$0/mnt"', 'mount --bind "$2" "$0/opt"',
  'mount --bind /etc/resolv.conf "$0/etc/resolv.conf"', 'root="$0"', 'shift 2', 'exec chroot "$root" "$@"',
].join(' && ');

/** Makes a folder ready to be entered; `enter(args)` is the command that runs a program in it, with the room and Node at these names. */
export async function prepareRoot(row, room) {
  const tree = await debianTree(row.debian);
  const { folder, program } = await fetchNode(row.node);
  for (const name of ['dev', 'sys', 'proc', 'mnt', 'opt', 'tmp', 'etc']) fs.mkdirSync(path.join(tree, name), { recursive: true });
  for (const [name, text] of Object.entries({ ...basics, ...costumes[row.as]?.files })) {
    if (readText(path.join(tree, name)) === text) continue;
    fs.rmSync(path.join(tree, name), { force: true });
    fs.writeFileSync(path.join(tree, name), text);
  }
  const asUser = process.getuid() === 0 ? [] : ['--map-root-user'];
  const isolate = ['--mount', '--pid', '--fork', '--kill-child', `--mount-proc=${tree}/proc`, ...asUser];
  return {
    tree,
    node: path.join('/opt', program),
    inside: (file) => path.join('/mnt', path.relative(room, file)),
    enter: (args) => ['unshare', [...isolate, 'sh', '-c', enter, tree, room, folder, ...args]],
  };
}

export async function chroot(row, room) {
  const root = await prepareRoot(row, room);
  const costume = costumes[row.as];
  const isMusl = row.target.endsWith('musl');
  const libraries = isMusl ? `musl ${upstreamVersion(root.tree, 'musl')}` : `glibc ${upstreamVersion(root.tree, 'libc6')}`;
  return {
    how: `chroot, Debian ${row.debian.suite}${costume ? ` as ${costume.name}` : ''}, ${libraries}, Mosquitto ${upstreamVersion(root.tree, 'mosquitto')}`,
    inside: root.inside,
    command: (args) => root.enter([root.node, ...args]),
  };
}
