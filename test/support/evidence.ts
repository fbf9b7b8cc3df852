/** Tables say which case stands for what; this reads the test files to see that the case is there. */
import { existsSync, readFileSync } from 'node:fs';

/** A case of a test. */
export interface Evidence {
  /** From `test/` on. */
  readonly file: string;
  /** The case's name as it is written there, `${...}` included; of a C test the function, of guard.json a vector's name. */
  readonly case: string;
}

const TESTS = new URL('../', import.meta.url);
const files = new Map<string, string>();

function textOf(file: string): string {
  let text = files.get(file);
  if (text === undefined) {
    const url = new URL(file, TESTS);
    text = existsSync(url) ? readFileSync(url, 'utf8') : '';
    files.set(file, text);
  }
  return text;
}

/** Undefined if the case is there, else what is missing. */
export function missing({ file, case: name }: Evidence): string | undefined {
  const text = textOf(file);
  if (text === '') {
    return `${file} is not there`;
  }
  if (file.endsWith('.c')) {
    // Defined, and called or listed.
    const uses = text.match(new RegExp(`\\b${name}\\b`, 'g'))?.length ?? 0;
    return text.includes(`static void ${name}(`) && uses > 1 ? undefined : `${file} has no test ${name}`;
  }
  if (file.endsWith('.json')) {
    return text.includes(`"name": ${JSON.stringify(name)}`) ? undefined : `${file} has no vector '${name}'`;
  }
  // The name of engine.case(), it() or test(), or of an entry of a table of cases. A quote in it may be written as \'.
  const spellings = [`'${name.replaceAll("'", "\\'")}'`, `"${name}"`, `\`${name}\``];
  const found = spellings.some((spelling) => ['case(', 'it(', 'test(', 'name: ', '['].some((before) => text.includes(before + spelling)));
  return found ? undefined : `${file} has no case '${name}'`;
}
