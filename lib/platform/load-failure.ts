import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { readElf, type Elf } from './elf.js';
import type { Host } from './host.js';
import { libcOfNeeded } from './libc.js';
import { systemInWords } from './words.js';

// Why an addon did not load, in words that say what to do. The system's own are about something else as often as not: a file for another
// machine "cannot be opened", one for musl is an "invalid ELF header" of a file nobody has heard of.

/** The remedy for a file that is not what it should be. */
const INSTALL = 'install mqtt-native again';

/**
 * Throws where to load the file would not fail, but end the process or never end: the system maps what the headers promise, and a read
 * behind the end of a file that was cut is SIGBUS; and to open a pipe waits for its writer.
 */
export function refuseUnsafe(file: string, platform: string): void {
  if (statSync(file, { throwIfNoEntry: false })?.isFile() === false) throw new Error('it is not a file');
  if (platform !== 'linux') return;
  let elf: Elf | undefined;
  try {
    elf = readElf(file);
  } catch {
    // What cannot be read does not load either, and the system says why.
  }
  if (elf?.truncated) throw new Error('the file is cut short');
}

/** One line: cause, remedy, and in parentheses what the system said. */
export function explainLoadFailure(file: string, error: unknown, host: Host, again = INSTALL): string {
  const [line = '', next = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
  // webpack's loader puts its name in a line of its own.
  const first = line.endsWith(':') ? `${line} ${next}` : line;
  // Who reads this has been told the file.
  const said = first.startsWith(`${file}: `) ? first.slice(file.length + 2) : first;
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  const cause = causeOf(file, said, code, host, again);
  if (cause === undefined) return said;
  return cause.startsWith(said) ? cause : `${cause} (${said})`;
}

function causeOf(file: string, said: string, code: unknown, host: Host, again: string): string | undefined {
  // The runtime and the system first: what they refuse has nothing to do with the file.
  if (code === 'ERR_DLOPEN_DISABLED') {
    return (process as { permission?: unknown }).permission === undefined
      ? 'addons are disabled: Node.js was started with --no-addons'
      : 'the permission model keeps addons out: start Node.js with --allow-addons';
  }
  return causeInFile(file, host, again) ?? causeInWords(said, code, host, again);
}

/** What the file's own headers show. */
function causeInFile(file: string, host: Host, again: string): string | undefined {
  try {
    const stat = statSync(file);
    if (!stat.isFile()) return `it is not a file: ${again}`;
    const { size } = stat;
    if (size === 0) return `the file is empty: ${again}`;
    const elf = readElf(file);
    if (elf?.truncated) return `the file is cut short, it has ${size} bytes: ${again}`;
    const format = elf === undefined ? formatOf(file) : { platform: 'linux', arch: elf.arch };
    if (format === undefined) return `the file is no addon, or is damaged: ${again}`;
    const { platform, arch } = format;
    if (platform !== host.platform) return `the file is for ${platform}, this is ${host.platform}: ${again} on this machine`;
    if (arch !== undefined && arch !== host.arch) return `the file is for ${arch}, this process is ${host.arch}: ${again} with the Node.js that runs it`;
    const libc = elf && libcOfNeeded(elf.needed);
    if (libc !== undefined && host.libc !== undefined && libc !== host.libc) {
      return `the file is for ${libc}, this process runs on ${host.libc}: ${again} on this machine`;
    }
  } catch {
    // It cannot be read: the system has said why.
  }
  return undefined;
}

/** Of a file that is not ELF: what the first bytes say it is. */
function formatOf(file: string): { platform: string; arch: string | undefined } | undefined {
  const fd = openSync(file, 'r');
  try {
    const head = Buffer.alloc(4096);
    const length = readSync(fd, head, 0, head.length, 0);
    if (length >= 4 && [0xcffaedfe, 0xcafebabe].includes(head.readUInt32BE(0))) return { platform: 'darwin', arch: undefined };
    if (length < 64 || head.toString('latin1', 0, 2) !== 'MZ') return undefined;
    const at = head.readUInt32LE(60);
    const machine = at + 6 <= length && head.toString('latin1', at, at + 4) === 'PE\0\0' ? head.readUInt16LE(at + 4) : 0;
    return { platform: 'win32', arch: { 0x14c: 'ia32', 0x8664: 'x64', 0xaa64: 'arm64' }[machine] };
  } finally {
    closeSync(fd);
  }
}

/** What the system's words show; on Windows they are in its language, and stand for themselves. */
function causeInWords(said: string, code: unknown, host: Host, again: string): string | undefined {
  const needed = /version `([A-Z]+)_([\d.]+)' not found/.exec(said);
  if (needed !== null) {
    const [, library, version] = needed;
    if (library !== 'GLIBC') return `it needs ${library} ${version}, which this system does not have: use a newer system`;
    return `it needs glibc ${version}, ${systemInWords(host) ?? 'this system'} has ${host.libcVersion ?? 'an older one'}: use a newer system`;
  }
  if (/operation not permitted|failed to map segment/i.test(said) || code === 'EPERM') return refusal(host);
  if (/permission denied/i.test(said) || code === 'EACCES') return 'the file may not be read or run: look at its permissions and at the security module of the system';
  if (/did not self-register|cannot dynamically load .*executable/.test(said)) return `the file is no addon: ${again}`;
  if (/static TLS block/.test(said)) return 'no room for its thread-local variables: load mqtt-native before other addons';
  if (code === 'MODULE_NOT_FOUND' || code === 'ENOENT') return `the file is not there: ${again}`;
  return undefined;
}

function refusal(host: Host): string {
  return host.uos === undefined
    ? 'the system refused to load it: it lies on a file system mounted noexec, or a security module wants it signed'
    : `the system refused to load it: ${systemInWords(host)} may want binaries to be signed (deepin-elf-verify); have the file signed, or allow `
      + 'unsigned programs (developer mode, Security Center); a file system mounted noexec refuses in the same way';
}
