// Packages of PyPI for our scripts: pinned with checksums in a requirements file, installed once into the cache beside the other things
// that are built once a machine. Nothing is written to Python's own folders.
import fs from 'node:fs';
import path from 'node:path';
import { BuildError, ask, cacheFolder, readText, run, say, sha256, withLock } from './tools.mjs';

const getPip = 'install it with "apt-get install python3-pip" (Debian, UOS desktop) or "dnf install python3-pip" (UOS server, RHEL-like)';

const found = new Map();

/** Python 3 and the folder with what a requirements file names, for PYTHONPATH: installed there when it is not. */
export async function pythonPackages(requirements, name) {
  if (!found.has(requirements)) found.set(requirements, await install(requirements, name));
  return found.get(requirements);
}

async function install(requirements, name) {
  const python = ['python3', 'python'].find((command) => ask(command, '-c', 'import sys; assert sys.version_info >= (3, 9); print(1)'));
  if (!python) throw new BuildError(`${name}: Python 3.9 or later is missing: ${getPip}`);
  const abi = ask(python, '-c', 'import sysconfig; print(sysconfig.get_config_var("SOABI") or sysconfig.get_platform())');
  const folder = path.join(cacheFolder(), `python-${name}-${sha256(`${abi}\n${readText(requirements)}`).slice(0, 16)}`);
  if (fs.existsSync(folder)) return { python, folder };
  if (ask(python, '-m', 'pip', '--version') === undefined) throw new BuildError(`${name}: Python's pip is missing: ${getPip}`);
  await withLock(`${folder}.lock`, name, async () => {
    if (fs.existsSync(folder)) return;
    say(`${name}: pip install -r ${path.basename(requirements)}`);
    const work = `${folder}.installing`;
    fs.rmSync(work, { recursive: true, force: true });
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--root-user-action=ignore', '--no-compile'];
    await run(python, [...pip, '--no-deps', '--only-binary=:all:', '--require-hashes', '--target', work, '-r', requirements]);
    fs.renameSync(work, folder);
  });
  return { python, folder };
}
