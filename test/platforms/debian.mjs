// Folders that hold another release or architecture of Debian, for qemu and chroot: apt resolves, fetches and checks the packages with a
// configuration of its own below the cache folder, so that nothing is installed on this machine and nobody has to be root.
import fs from 'node:fs';
import path from 'node:path';
import { BuildError, ask, cacheFolder, readText, run, say, sha256, withLock } from '../../scripts/tools.mjs';

const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** The archive that this machine's own apt takes Debian from, or the one that MQTT_NATIVE_DEBIAN names. */
function archive() {
  if (process.env['MQTT_NATIVE_DEBIAN']) return process.env['MQTT_NATIVE_DEBIAN'];
  const known = ask('apt-get', 'indextargets', '--format', '$(REPO_URI)', 'Created-By: Packages');
  if (known === undefined) throw new BuildError('apt-get is missing, it fetches the systems that test:platforms runs in: use Debian or Ubuntu');
  const found = known.split('\n').find((uri) => /\/debian\/?$/.test(uri));
  if (found === undefined) throw new BuildError('apt knows no archive of Debian here: name one in MQTT_NATIVE_DEBIAN, a URL that ends in /debian/');
  return found;
}

function configure(folder, { suite, arch }) {
  if (!fs.existsSync(keyring)) throw new BuildError(`${keyring} is missing: install it with "apt-get install debian-archive-keyring"`);
  for (const name of ['etc/apt.conf.d', 'etc/preferences.d', 'etc/sources.list.d', 'state/lists/partial', 'cache/archives/partial']) {
    fs.mkdirSync(path.join(folder, name), { recursive: true });
  }
  // Nothing is installed as far as apt is told, so it brings the dependencies too.
  fs.writeFileSync(path.join(folder, 'status'), '');
  fs.writeFileSync(path.join(folder, 'etc/sources.list'), `deb [signed-by=${keyring}] ${archive()} ${suite} main\n`);
  fs.writeFileSync(path.join(folder, 'apt.conf'), [
    `Dir::Etc "${folder}/etc"; Dir::State "${folder}/state"; Dir::State::status "${folder}/status"; Dir::Cache "${folder}/cache";`,
    `APT::Architecture "${arch}"; APT::Architectures { "${arch}"; }; APT::Install-Recommends "false";`,
    // How this machine reaches an archive, and what it asks of it: proxies, certificates, dates.
    ask('apt-config', 'dump', 'Acquire') ?? '',
    // The user _apt could not read below a home folder.
    ...(process.getuid() === 0 ? ['APT::Sandbox::User "root";'] : []),
    '',
  ].join('\n'));
  return { ...process.env, APT_CONFIG: path.join(folder, 'apt.conf') };
}

/** The folder with these packages and what they depend on, unpacked; made once. */
export async function debianTree(wanted) {
  const { suite, arch, packages } = wanted;
  const name = `${suite}-${arch}-${sha256(packages.join(' ')).slice(0, 8)}`;
  const tree = path.join(cacheFolder(), 'platforms/debian', name);
  if (fs.existsSync(tree)) return tree;
  return withLock(`${tree}.lock`, `Debian ${suite} ${arch}`, async () => {
    if (fs.existsSync(tree)) return tree;
    say(`Debian ${suite} ${arch}: ${packages.join(' ')}`);
    const work = `${tree}.making`;
    fs.rmSync(work, { recursive: true, force: true });
    const env = configure(path.join(work, 'apt'), wanted);
    const quiet = { env, stdio: ['ignore', 'ignore', 'inherit'] };
    await run('apt-get', ['update', '-qq'], quiet);
    await run('apt-get', ['install', '-y', '-qq', '--download-only', ...packages], quiet);
    const archives = path.join(work, 'apt/cache/archives');
    const files = fs.readdirSync(archives).filter((file) => file.endsWith('.deb'));
    // base-files first: it brings the links that the others are unpacked through.
    files.sort((one, other) => Number(other.startsWith('base-files')) - Number(one.startsWith('base-files')) || (one < other ? -1 : 1));
    for (const file of files) await run('dpkg-deb', ['--extract', path.join(archives, file), path.join(work, 'tree')], { stdio: 'inherit' });
    fs.writeFileSync(path.join(work, 'tree/packages'), `${files.map((file) => decodeURIComponent(file.replace(/\.deb$/, ''))).join('\n')}\n`);
    fs.renameSync(path.join(work, 'tree'), tree);
    fs.rmSync(work, { recursive: true, force: true });
    return tree;
  });
}

/** The version of a package in such a folder, without Debian's own part of it. */
export function upstreamVersion(tree, name) {
  const file = readText(path.join(tree, 'packages')).split('\n').find((line) => line.startsWith(`${name}_`));
  return /_(?:\d+:)?([\d.]+)/.exec(file)[1];
}
