// npm takes a script called "prebuild" for the first half of "build" and runs it before each `npm run build`, where nobody wants to
// cross-build for ten systems. A script called "preprebuild" it runs before `npm run prebuild` only: that is this file. It leaves a mark,
// without which scripts/prebuild.mjs does nothing when npm runs it.
import fs from 'node:fs';
import path from 'node:path';
import { isProgram, root } from '../tools.mjs';

const mark = path.join(root, 'build/prebuild/.asked');

/** True when prebuild.mjs was meant: not run by npm, given arguments (which npm gives to no other half), or marked. Takes the mark away. */
export function wasAsked() {
  const isMarked = fs.existsSync(mark);
  fs.rmSync(mark, { force: true });
  return process.env['npm_lifecycle_event'] !== 'prebuild' || process.argv.length > 2 || isMarked;
}

if (isProgram(import.meta.url)) {
  fs.mkdirSync(path.dirname(mark), { recursive: true });
  fs.writeFileSync(mark, '');
}
