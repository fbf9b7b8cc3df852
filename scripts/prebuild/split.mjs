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

/** Writes the addon without its symbols to `stripped`, and the symbols into the folder `symbols`. */
export async function split(addon, stripped, symbols) {
  fs.mkdirSync(symbols, { recursive: true });
  const database = addon.replace(/\.node$/, '.pdb');
  if (fs.existsSync(database)) {
    // Windows: the linker has written them into a file of their own, by whose name and identity a debugger knows it.
    fs.copyFileSync(database, path.join(symbols, path.basename(database)));
  } else {
    await run(program, ['--only-keep-debug', addon, path.join(symbols, `${path.basename(addon)}.debug`)]);
  }
  await run(program, ['--strip-all', addon, stripped]);
}
