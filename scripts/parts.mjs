// What is linked into the addon and is not ours: the one table behind the package's licences (licences.mjs) and its SBOM (sbom.mjs).
//
//   crates   Paho, libuv and OpenSSL: each addon holds them; native/sources/Cargo.lock pins them
//   zigs     what zig adds to the prebuilt addons out of itself; native/toolchains/requirements.txt pins zig. Which of its libraries end up
//            in which addon was read from the linker's maps: ZIG_VERBOSE_LINK=1 prints zig's call of its linker, -Wl,--print-map (ELF) and
//            -LLDMAP:FILE (lld-link) give the map. musl and the DLLs of Windows are only linked against.
//   headers  compiled into the addon; to npm they are tools of development
//
// `texts` are the files of the licence: [file in the pinned source, name in licenses/<name>/]. With a third entry, true, the file is one
// of code and the licence its first comment.
import fs from 'node:fs';
import path from 'node:path';
import { crates as versions, lockedChecksum } from '../native/sources/vendor.mjs';
import { pythonPackages } from './python.mjs';
import { BuildError, root } from './tools.mjs';
import { useZig } from './zig.mjs';

const same = (...names) => names.map((name) => [name, name]);

// What the crates cannot say of the C code they carry. Paho's EDL-1.0 is BSD-3-Clause in SPDX, and so Paho writes it itself.
const crates = [
  {
    name: 'paho.mqtt.c',
    crate: 'paho-mqtt-sys',
    folder: 'paho.mqtt.c',
    supplier: 'Eclipse Foundation',
    purl: (version) => `pkg:github/eclipse-paho/paho.mqtt.c@v${version}`,
    licences: ['EPL-2.0 OR BSD-3-Clause'],
    texts: same('LICENSE', 'NOTICE', 'edl-v10', 'epl-v20', 'notice.html'),
  },
  {
    name: 'libuv',
    crate: 'libuv-sys2',
    folder: 'libuv',
    supplier: 'libuv project contributors',
    purl: (version) => `pkg:github/libuv/libuv@v${version}`,
    cpe: (version) => `cpe:2.3:a:libuv:libuv:${version}:*:*:*:*:*:*:*`,
    // src/tree.h and src/inet.c are not libuv's own
    licences: ['MIT', 'BSD-2-Clause', 'ISC'],
    texts: same('LICENSE', 'LICENSE-extra'),
  },
  {
    name: 'openssl',
    crate: 'openssl-src',
    folder: 'openssl',
    supplier: 'The OpenSSL Project',
    purl: (version) => `pkg:github/openssl/openssl@openssl-${version}`,
    cpe: (version) => `cpe:2.3:a:openssl:openssl:${version}:*:*:*:*:*:*:*`,
    licences: ['Apache-2.0'],
    texts: same('LICENSE.txt'),
  },
];

const requirements = path.join(root, 'native/toolchains/requirements.txt');

function pinnedZig() {
  const [, version, hash] = /^ziglang==(\S+) --hash=sha256:([0-9a-f]{64})$/m.exec(fs.readFileSync(requirements, 'utf8')) ?? [];
  if (!hash) throw new BuildError('native/toolchains/requirements.txt does not pin ziglang with one checksum');
  return { version, hash };
}

const llvm = (name) => ({
  name,
  supplier: 'LLVM Project',
  version: '22.1.8',
  purl: (version) => `pkg:github/llvm/llvm-project@llvmorg-${version}#${name}`,
  licences: ['Apache-2.0 WITH LLVM-exception'],
  where: 'all prebuilt addons',
  texts: [[`lib/${name}/LICENSE.TXT`, 'LICENSE.TXT']],
});

// `says`: a file of zig and the words in it that show the version; the libraries of LLVM are of one release.
const zigs = [
  { ...llvm('libcxx'), says: ['lib/libcxx/include/__config', /_LIBCPP_VERSION 220108\b/] },
  llvm('libcxxabi'),
  llvm('libunwind'),
  {
    name: 'compiler_rt',
    supplier: 'Zig contributors',
    version: pinnedZig().version,
    purl: (version) => `pkg:pypi/ziglang@${version}`,
    licences: ['MIT'],
    where: 'the prebuilt addons for armv7 and Windows (divisions, memcpy() and its kin, strnlen())',
    texts: same('LICENSE'),
  },
  {
    name: 'mingw-w64',
    supplier: 'mingw-w64 project',
    version: '15.0.0-alpha',
    says: ['lib/libc/include/any-windows-any/_mingw_mac.h', /MAJOR 15\n.*MINOR 0\n.*BUGFIX 0\n[^]*STATE "alpha"/],
    purl: (version) => `pkg:generic/mingw-w64@${version}`,
    // Its start-up code is in the public domain, file by file; of gdtoa, which has a licence of its own, there are a few constants.
    licences: ['ZPL-2.1', { name: 'Lucent Technologies, for gdtoa' }],
    where: 'the prebuilt addons for Windows (start-up code, adapters to the C library)',
    texts: [['lib/libc/mingw/COPYING', 'COPYING'], ['lib/libc/mingw/gdtoa/strtodg.c', 'gdtoa.txt', true]],
  },
  {
    name: 'glibc',
    supplier: 'Free Software Foundation',
    version: '2.32',
    says: ['lib/libc/glibc/io/stat-2.32.c', /unlimited\s+permission to link the compiled version/],
    purl: (version) => `pkg:generic/glibc@${version}`,
    licences: ['LGPL-2.1-or-later WITH GCC-exception-2.0-note'],
    where: 'the prebuilt addons for Linux with glibc (stat() and its kin, pthread_atfork(): what glibc itself links statically)',
    texts: [['lib/libc/glibc/io/stat-2.32.c', 'stat.txt', true], ['lib/libc/glibc/sysdeps/pthread/pthread_atfork.c', 'pthread_atfork.txt', true]],
  },
];

/** The packages of npm whose headers are compiled in, with the files of their licences. */
export const headers = { 'node-addon-api': same('LICENSE.md'), 'node-api-headers': same('LICENSE') };

function crateVersion(lock, crate) {
  const version = new RegExp(`name = "${crate}"\\nversion = "([^"]+)"`).exec(lock)?.[1];
  if (!version) throw new BuildError(`native/sources/Cargo.lock has no version of ${crate}`);
  return version;
}

/** The parts, each with its `version`, and with `archive`: the package that brings it, with its address and checksum. */
export function linkedParts() {
  const lock = fs.readFileSync(path.join(root, 'native/sources/Cargo.lock'), 'utf8');
  const zig = pinnedZig();
  const wheel = { url: `pkg:pypi/ziglang@${zig.version}`, hash: zig.hash };
  return [
    ...crates.map(({ crate, folder, ...part }) => ({
      ...part,
      version: versions[crate].version,
      where: 'the addon',
      archive: { url: `pkg:cargo/${crate}@${encodeURIComponent(crateVersion(lock, crate))}`, hash: lockedChecksum(lock, crate) },
      folder: path.join(root, 'native/sources/vendor', crate, folder),
    })),
    ...zigs.map((part) => ({ ...part, archive: wheel })),
  ];
}

/** The folder that holds the texts of zig's parts. Installs zig; throws when that is not the one the table above was written for. */
export async function zigFolder() {
  await useZig();
  const folder = path.join((await pythonPackages(requirements, 'zig')).folder, 'ziglang');
  for (const { name, version, says } of zigs.filter((part) => part.says)) {
    const [file, words] = says;
    const isThere = fs.readFileSync(path.join(folder, file), 'utf8').search(words) >= 0;
    if (!isThere) throw new BuildError(`zig's ${file} does not say that its ${name} is ${version}: correct scripts/parts.mjs and NOTICE`);
  }
  return folder;
}
