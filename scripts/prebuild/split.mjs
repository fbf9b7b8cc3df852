// Takes an addon apart: what is shipped, and the symbols for a debugger. zig's own objcopy can do neither, so LLVM's does it, which knows
// the files of every system and processor. Its version is pinned, because another one may write the same file in other bytes.
import fs from 'node:fs';
import path from 'node:path';
import { aptInstall } from '../apt.mjs';
import { ask, run } from '../tools.mjs';

const program = 'llvm-objcopy-19';

/** Installs the program when it is not there. */
export async function needSplitter() {
  if (ask(program, '--version') !== undefined) return;
  await aptInstall('llvm-19', `${program} is missing, it takes the symbols out of prebuilds: install it with "apt-get install llvm-19" (Debian)`);
}

/** Writes the addon without its symbols to `stripped`, and the symbols into the folder `symbols`; `build` is CMake's folder. */
export async function split(target, build, stripped, symbols) {
  const addon = path.join(build, 'Release/mqtt_native.node');
  fs.rmSync(symbols, { recursive: true, force: true });
  fs.mkdirSync(symbols, { recursive: true });
  if (target.platform === 'win32') {
    // The linker has written them into a file of their own. It belongs to an addon that is not the shipped one, which a debugger needs
    // too: native/cmake/stripped.cmake says why.
    for (const file of [addon, addon.replace(/node$/, 'pdb')]) fs.copyFileSync(file, path.join(symbols, path.basename(file)));
    await run(program, ['--strip-all', path.join(build, 'stripped/mqtt_native.node'), stripped]);
  } else {
    await run(program, ['--only-keep-debug', addon, path.join(symbols, 'mqtt_native.node.debug')]);
    await run(program, ['--strip-all', addon, stripped]);
  }
}
