import { readDistribution, readUos, type Distribution, type Uos } from './distribution.js';
import { readElf, type Elf } from './elf.js';
import { glibcVersion, libcOf, type Libc, type ReportedGlibc } from './libc.js';
import { loongArchWorld, type LoongArchWorld } from './loongarch.js';
import { targets } from './targets.js';

/** What this process runs on, as far as it matters to a native addon. */
export interface Host {
  /** process.platform */
  readonly platform: string;
  /** process.arch */
  readonly arch: string;
  /** Linux: the C library of this process; undefined where it could not be told. */
  readonly libc: Libc | undefined;
  /** Of glibc, `2.28`. */
  readonly libcVersion: string | undefined;
  /** Version of Node.js, or the one that another runtime says it is compatible with. */
  readonly node: string;
  /** The newest Node-API version that the runtime has; `0`: none. */
  readonly napi: string;
  /** Linux: what os-release says. */
  readonly distribution?: Distribution;
  /** UnionTech OS: its edition. */
  readonly uos?: Uos;
  /** LoongArch: which of its two ABIs. */
  readonly loongarchWorld?: LoongArchWorld;
  /** The prebuilt addon that would serve, by its name in the list of targets; undefined: there is none for this host. */
  readonly target: string | undefined;
  /** What runs JavaScript here. */
  readonly runtime: 'node' | 'bun' | 'deno' | 'electron';
}

/** Where it looks; the tests give another one. */
export interface HostSource {
  platform: string;
  arch: string;
  versions: Readonly<Record<string, string | undefined>>;
  /** The program that runs. */
  execPath: string;
  /** The folder that /etc, /lib and /usr are in. */
  root: string;
  /** process.config.variables.arm_version */
  armVersion: string | undefined;
  report: () => ReportedGlibc;
}

function thisProcess(): HostSource {
  const variables = process.config?.variables as { arm_version?: string | number } | undefined;
  const armVersion = variables?.arm_version;
  return {
    platform: process.platform,
    arch: process.arch,
    versions: process.versions,
    execPath: process.execPath,
    root: '/',
    armVersion: armVersion === undefined ? undefined : String(armVersion),
    report: reportedGlibc,
  };
}

/** A report costs milliseconds; with its part on the network it asks name servers, and takes what they take. */
function reportedGlibc(): ReportedGlibc {
  const report = process.report as (NodeJS.ProcessReport & { excludeNetwork?: boolean }) | undefined;
  // Node.js before 20.13, and other runtimes.
  if (report?.excludeNetwork === undefined) return { answered: false };
  const { excludeNetwork } = report;
  try {
    report.excludeNetwork = true;
    const { header } = report.getReport() as { header?: { glibcVersionRuntime?: string } };
    return { answered: header !== undefined, version: header?.glibcVersionRuntime };
  } catch {
    return { answered: false };
  } finally {
    report.excludeNetwork = excludeNetwork;
  }
}

function programOf({ platform, execPath }: HostSource): Elf | undefined {
  if (platform !== 'linux') return undefined;
  try {
    return readElf(execPath);
  } catch {
    return undefined;
  }
}

/** What decides which addon serves; to find out takes a part of a millisecond, the whole description some of them. */
export type AddonHost = Pick<Host, 'platform' | 'arch' | 'libc' | 'loongarchWorld' | 'target'>;

export function addonHost(source: HostSource = thisProcess()): AddonHost {
  const { platform, arch, root } = source;
  const program = programOf(source);
  const libc = platform === 'linux' ? libcOf(program, root, source.report) : undefined;
  const world = platform === 'linux' ? loongArchWorld(program) : undefined;
  return { platform, arch, libc, ...(world && { loongarchWorld: world }), target: targetOf(source, libc, world) };
}

function runtimeOf(versions: HostSource['versions']): Host['runtime'] {
  if (versions['bun'] !== undefined) return 'bun';
  if (versions['deno'] !== undefined) return 'deno';
  return versions['electron'] === undefined ? 'node' : 'electron';
}

function targetOf(source: HostSource, libc: Libc | undefined, world: LoongArchWorld | undefined): string | undefined {
  const { platform, arch, armVersion } = source;
  // Ours for LoongArch is of the new world, ours for ARM is for ARMv7.
  if (world === 'old' || (arch === 'arm' && armVersion !== undefined && Number(armVersion) < 7)) return undefined;
  return targets.find((target) => target.platform === platform && target.arch === arch && target.libc === libc)?.name;
}

/**
 * Describes this process and its system: what a bug report should say, and what decides which prebuilt addon serves. Reads some small
 * files; what cannot be read is undefined in the result. Never throws.
 */
export function describeHost(): Host {
  return describeHostFrom(thisProcess());
}

/** The same, of a system that is in a folder. */
export function describeHostFrom(source: HostSource): Host {
  const { platform, versions, root } = source;
  const linux = platform === 'linux';
  const addon = addonHost(source);
  const distribution = linux ? readDistribution(root) : undefined;
  const uos = linux ? readUos(root) : undefined;
  return {
    ...addon,
    libcVersion: addon.libc === 'glibc' ? glibcVersion(root, source.report) : undefined,
    node: versions['node'] ?? 'unknown',
    napi: versions['napi'] ?? '0',
    ...(distribution && { distribution }),
    ...(uos && { uos }),
    runtime: runtimeOf(versions),
  };
}
