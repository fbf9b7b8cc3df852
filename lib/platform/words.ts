import type { Host } from './host.js';

const RUNTIMES = { node: 'Node.js', bun: 'Bun, as Node.js', deno: 'Deno, as Node.js', electron: 'Electron, Node.js' };

/** `UOS Desktop Professional 20 (1060, build 11018.101.100)`, `Debian GNU/Linux 12 (bookworm)`; undefined: not known. */
export function systemInWords({ uos, distribution }: Host): string | undefined {
  if (uos === undefined) return distribution?.name;
  const name = ['UOS', uos.edition, uos.majorVersion].filter((part) => part !== undefined).join(' ');
  const details = [uos.minorVersion, uos.build && `build ${uos.build}`].filter(Boolean).join(', ');
  return details === '' ? name : `${name} (${details})`;
}

/** One line for messages: `linux-loong64, old world, glibc 2.28, UOS Desktop Professional 20 (1060), Node.js 20.10.0`. */
export function hostInWords(host: Host): string {
  const parts = [
    `${host.platform}-${host.arch}`,
    host.loongarchWorld && `${host.loongarchWorld} world`,
    host.libc && [host.libc, host.libcVersion].filter(Boolean).join(' '),
    systemInWords(host),
    `${RUNTIMES[host.runtime]} ${host.node}`,
  ];
  return parts.filter(Boolean).join(', ');
}
