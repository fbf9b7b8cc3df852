// Where a prebuilt addon exists: one entry a binary, and every script that builds, checks, packs, tests or publishes them reads it here.
//
//   name      what --target takes
//   platform, arch, libc   as process.platform and process.arch say it; libc only on Linux
//   triple    zig's name of the target; the number after gnu is the oldest glibc the binary loads on
//   openssl   OpenSSL's name of it
//   file      in prebuilds/, named by prebuildify's rules, so that node-gyp-build finds it
//   runs      how test:platforms runs it: 'here', 'qemu', 'musl', 'wine'; undefined: never run, only inspected
//   ships     false: an experiment, built and inspected, not in the package
export const targets = [
  linux('x64', 'glibc', 'x86_64-linux-gnu.2.17', 'linux-x86_64', 'here'),
  linux('arm64', 'glibc', 'aarch64-linux-gnu.2.28', 'linux-aarch64', 'qemu'),
  // armv7 with NEON and VFPv3-D32, as Node's own armv7l has it; the tag keeps it from ARMv6.
  { ...linux('arm', 'glibc', 'arm-linux-gnueabihf.2.28', 'linux-armv4', 'qemu'), file: 'linux-arm/mqtt-native.armv7.glibc.node' },
  // The new world; there is no older glibc for it.
  linux('loong64', 'glibc', 'loongarch64-linux-gnu.2.36', 'linux64-loongarch64', 'qemu'),
  linux('x64', 'musl', 'x86_64-linux-musl', 'linux-x86_64', 'musl'),
  linux('arm64', 'musl', 'aarch64-linux-musl', 'linux-aarch64', 'musl'),
  windows('x64', 'x86_64-windows-gnu', 'mingw64', 'wine'),
  windows('ia32', 'x86-windows-gnu', 'mingw', 'wine'),
  windows('arm64', 'aarch64-windows-gnu', 'mingwarm64', undefined),
  {
    name: 'darwin-arm64',
    platform: 'darwin',
    arch: 'arm64',
    libc: undefined,
    triple: 'aarch64-macos.11.0',
    openssl: 'darwin64-arm64',
    file: 'darwin-arm64/mqtt-native.node',
    runs: undefined,
    ships: false,
  },
];

function linux(arch, libc, triple, openssl, runs) {
  const name = `linux-${arch}${libc === 'musl' ? '-musl' : ''}`;
  const file = `linux-${arch}/mqtt-native.${libc}.node`;
  return { name, platform: 'linux', arch, libc, triple, openssl, file, runs, ships: true };
}

function windows(arch, triple, openssl, runs) {
  const [name, file] = [`win32-${arch}`, `win32-${arch}/mqtt-native.node`];
  return { name, platform: 'win32', arch, libc: undefined, triple, openssl, file, runs, ships: true };
}

/** The target of this name; throws with the names there are. */
export function targetNamed(name) {
  const found = targets.find((target) => target.name === name);
  if (!found) throw new Error(`unknown target "${name}", known are ${targets.map((target) => target.name).join(', ')}`);
  return found;
}
