// Builds rumqttc's program of the benchmark (src/main.rs) with cargo: once, and again when its sources or Cargo.lock changed. Only who asks
// for --engines rumqttc needs Rust.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const manifest = fileURLToPath(new URL('Cargo.toml', import.meta.url));
const target = fileURLToPath(new URL('../../../../build/bench/rumqttc/', import.meta.url));

/** The program's path, when it has been built. */
export const program = `${target}release/bench-rumqttc`;

/** Builds what is not there or not current, with the versions of Cargo.lock. `onBuild` is told before the first time, which takes long. */
export function build(onBuild) {
  const there = spawnSync('cargo', ['--version']);
  if (there.error || there.status !== 0) throw new Error('--engines rumqttc needs cargo, which was not found: https://rustup.rs');
  if (!existsSync(program)) onBuild?.();
  const args = ['build', '--release', '--locked', '--quiet', '--manifest-path', manifest, '--target-dir', target];
  const { status, stderr } = spawnSync('cargo', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`rumqttc did not build (cargo ${args.join(' ')}):\n${stderr.trim()}`);
}
