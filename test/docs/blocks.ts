/**
 * The code in the guides. One convention, told in CONTRIBUTING.md: a block marked `js` is a program that runs; a block marked `text` right
 * behind it is all it prints; a block marked `ts` is a piece that is type-checked. Anything else is not code of ours.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';

export const root = path.resolve(import.meta.dirname, '../..');

export interface Block {
  /** From the repository's root. */
  readonly file: string;
  /** Of its first line of code. */
  readonly line: number;
  readonly language: 'js' | 'ts';
  readonly code: string;
  /** What it must print; undefined: the guide does not say. */
  readonly output: readonly string[] | undefined;
}

/** Every guide, and the README. */
export function guides(): string[] {
  const folder = path.join(root, 'docs');
  const files = fs.readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.md'));
  return ['README.md', ...files.map((file) => `docs/${file.split(path.sep).join('/')}`)].sort();
}

export function readGuide(file: string): string {
  return fs.readFileSync(path.join(root, file), 'utf8');
}

export function blocksOf(file: string): Block[] {
  const text = readGuide(file);
  const blocks: Block[] = [];
  for (const match of text.matchAll(/^```(js|ts)\n(.*?)^```\n(?:\n*```text\n(.*?)^```\n)?/gms)) {
    const [, language, code, output] = match;
    blocks.push({
      file,
      line: text.slice(0, match.index).split('\n').length + 1,
      language: language as 'js' | 'ts',
      code: code!,
      output: output?.split('\n').slice(0, -1),
    });
  }
  return blocks;
}

/** The servers that the guides name, as they are during the tests. */
export type Hosts = Readonly<Record<string, string>>;

const IMPORT = "import { Client, connect, MqttError } from 'mqtt-native';\n";

/** The program that a `js` block stands for: what it takes for granted is put around it. */
export function program(block: Block, hosts: Hosts): string {
  const code = block.code.replace(/\b(?:mqtts?|wss?):\/\/[\w.-]+\.example\b(?::\d+)?/g, (url) => {
    const server = hosts[url.replace(/:\d+$/, '')];
    if (server === undefined) throw new Error(`${block.file}:${block.line} names ${url}, which test/docs does not know`);
    return server;
  });
  const importing = code.includes("from 'mqtt-native'") ? '' : IMPORT;
  return /\bconst client\b/.test(code) || !/\bclient\b/.test(code)
    ? importing + code
    : `${importing}const client = await connect('${hosts['mqtt://broker.example']}');\n${code}\nawait client.close();\n`;
}
