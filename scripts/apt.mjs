// Installs what a script cannot do without from Debian's packages, when it runs as root on a Debian-like system.
import { spawnSync } from 'node:child_process';
import { BuildError, ask, run, say } from './tools.mjs';

/** Installs the package `name`; where that is not possible, fails with `problem`, the line that says what is missing and how to get it. */
export async function aptInstall(name, problem) {
  const isDebian = process.platform === 'linux' && ask('apt-get', '--version') !== undefined;
  if (!isDebian || process.getuid() !== 0) throw new BuildError(problem);
  say(`apt-get install ${name}`);
  const options = { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }, stdio: ['ignore', 'ignore', 'inherit'] };
  // An update may fail for one list of many and still be good enough: whether it was is seen at the install.
  spawnSync('apt-get', ['update', '-qq'], options);
  await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', name], options);
}
