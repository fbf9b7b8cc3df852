/** The recipes of docs/guides/loading.md: files by the name in their first line, for this host instead of linux-x64. */
import { readGuide } from '../docs/blocks.js';
import { TARGET } from './package-copy.js';

export const GUIDE = 'docs/guides/loading.md';

/** By file name; the JSON of a single executable is `sea-config.json`. */
export function recipes(): Map<string, string> {
  const files = new Map<string, string>();
  const text = readGuide(GUIDE).replaceAll('mqtt-native/native/linux-x64', `mqtt-native/native/${TARGET.name}`);
  for (const [, language, code] of text.matchAll(/^```(javascript|json)\n(.*?)^```$/gms)) {
    const name = language === 'json' ? 'sea-config.json' : /^\/\/ (\S+)\n/.exec(code!)?.[1];
    if (name === undefined) throw new Error(`${GUIDE} has a recipe without a name:\n${code}`);
    files.set(name, code!);
  }
  return files;
}
