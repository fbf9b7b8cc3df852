/**
 * The recipes of docs/guides/loading.md, as they stand there: each bundler makes a program of one file and the addon beside it, and both
 * alone in a folder send a message by the native engine. Without the addon the same program does it by mqtt.js, and warns.
 */
import { execFile } from 'node:child_process';
import * as fs from 'node:fs';
import { createRequire } from 'node:module';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readGuide } from '../docs/blocks.js';
import { Child } from '../support/child.js';
import { describeHost } from 'mqtt-native';
import { leftOut } from '../support/left-out.js';
import { PackageCopy } from '../support/package-copy.js';
import { GUIDE, recipes } from '../support/recipes.js';
import { startMosquitto } from '../support/servers.js';
import { targets } from '../../scripts/targets.mjs';

const mosquitto = startMosquitto();
const run = promisify(execFile);
const tools = path.join(import.meta.dirname, 'tools/node_modules');
const required = createRequire(path.join(tools, 'any.js'));
let copy: PackageCopy;

beforeAll(() => {
  if (!fs.existsSync(tools)) throw new Error("the bundlers are not there: run 'node scripts/setup.mjs loading'");
  copy = new PackageCopy().withAddon();
  // Beside mqtt.js, where npm puts what it needs.
  fs.symlinkSync(path.join(import.meta.dirname, '../../node_modules/ws'), path.join(copy.app, 'node_modules/ws'), 'junction');
  for (const name of fs.readdirSync(tools)) {
    const link = path.join(copy.app, 'node_modules', name);
    if (!name.startsWith('.') && !fs.existsSync(link)) fs.symlinkSync(path.join(tools, name), link, 'junction');
  }
  for (const [name, text] of recipes()) fs.writeFileSync(path.join(copy.app, name), text);
  const program = fs.readFileSync(path.join(import.meta.dirname, 'children/bundled.mjs'), 'utf8');
  const [entry] = recipes().get('main.mjs')!.match(/^import '.*';$/m)!;
  fs.writeFileSync(path.join(copy.app, 'main.mjs'), `${entry}\n${program}`);
});
afterAll(() => { copy.remove(); });

interface End {
  engine: { name: string; reason: string };
  message: string;
}

/** Runs what a bundler made, which has nothing around it. */
async function runAlone(folder: string, program: string, executable?: string, address?: string): Promise<{ end: End; stderr: string }> {
  const url = address ?? mosquitto.broker.url;
  if (executable !== undefined) {
    const { stdout, stderr } = await run(path.join(folder, executable), [url], { cwd: folder });
    return { end: (JSON.parse(stdout) as End[])[0]!, stderr };
  }
  const { code, lines, stderr } = await new Child(path.join(folder, program), [url], [], { cwd: folder }).end();
  expect({ code, lines: lines.length }, stderr).toEqual({ code: 0, lines: 1 });
  return { end: (JSON.parse(lines[0]!) as End[])[0]!, stderr };
}

/** Moves the output where no package is near, tries it there, then tries it without the addon. */
async function tryAlone(name: string, program: string, executable?: string): Promise<void> {
  const folder = path.join(copy.base, `部署 ${name}`);
  fs.renameSync(path.join(copy.app, 'out'), folder);
  const addons = fs.readdirSync(folder).filter((file) => file.endsWith('.node'));
  expect(addons).toHaveLength(1);
  const native = await runAlone(folder, program, executable);
  expect(native).toMatchObject({ end: { message: 'hello 你好', engine: { name: 'native', reason: expect.stringContaining('mqtt-native/native/') as string } }, stderr: '' });
  fs.renameSync(path.join(folder, addons[0]!), path.join(copy.base, `${name}.moved`));
  const js = await runAlone(folder, program, executable);
  expect(js.end).toMatchObject({ message: 'hello 你好', engine: { name: 'js', reason: expect.stringContaining(addons[0]!) as string } });
  expect(js.stderr.match(/\[MQTT_NATIVE_FALLBACK\]/g)).toHaveLength(1);
  // mqtt.js brings its WebSocket library by a way of its own.
  const websocket = await runAlone(folder, program, executable, mosquitto.broker.websocketUrl);
  expect(websocket).toMatchObject({ end: { message: 'hello 你好', engine: { name: 'js', reason: expect.stringContaining('ws:') as string } }, stderr: '' });
}

async function tool(...args: string[]): Promise<void> {
  const [file, ...rest] = args;
  await run(process.execPath, [file!.startsWith('.') ? path.join(copy.app, file!) : required.resolve(file!), ...rest], { cwd: copy.app });
}

const timeout = 180_000;

describe('the addon is followed by', () => {
  it('esbuild', { timeout }, async () => {
    await tool('./esbuild.mjs');
    await tryAlone('esbuild', 'app.cjs');
  });

  it('esbuild, to an ES module', { timeout }, async () => {
    const [, banner] = /`(banner: \{.*?\})`/.exec(readGuide(GUIDE))!;
    const text = recipes().get('esbuild.mjs')!.replace("format: 'cjs'", `format: 'esm',\n  ${banner}`).replace('app.cjs', 'app.mjs');
    fs.writeFileSync(path.join(copy.app, 'esbuild-esm.mjs'), text);
    await tool('./esbuild-esm.mjs');
    await tryAlone('esbuild-esm', 'app.mjs');
  });

  it('webpack', { timeout }, async () => {
    const program = `
      import webpack from 'webpack';
      import config from './webpack.config.mjs';
      webpack(config, (error, stats) => { if (error || stats.hasErrors()) throw error ?? new Error(stats.toString()); });`;
    fs.writeFileSync(path.join(copy.app, 'webpack.mjs'), program);
    await tool('./webpack.mjs');
    await tryAlone('webpack', 'app.cjs');
  });

  it('Rollup', { timeout }, async () => {
    await tool(path.join(tools, 'rollup/dist/bin/rollup'), '-c', 'rollup.config.mjs');
    await tryAlone('rollup', 'app.mjs');
  });

  it('Vite', { timeout }, async () => {
    await tool(path.join(tools, 'vite/bin/vite.js'), 'build');
    await tryAlone('vite', 'app.mjs');
  });
});

it('a bundle without an entry runs on mqtt.js, and says which entry it wants', { timeout }, async () => {
  const main = path.join(copy.app, 'main.mjs');
  const before = fs.readFileSync(main, 'utf8');
  fs.writeFileSync(main, before.replace(/^import '.*';$/m, ''));
  await tool('./esbuild.mjs');
  fs.writeFileSync(main, before);
  const folder = path.join(copy.base, 'no-entry');
  fs.renameSync(path.join(copy.app, 'out'), folder);
  expect(fs.readdirSync(folder)).toEqual(['app.cjs']);
  const { end } = await runAlone(folder, 'app.cjs');
  expect(end).toMatchObject({ message: 'hello 你好', engine: { name: 'js', reason: expect.stringContaining(`import 'mqtt-native/native/${describeHost().target}'`) as string } });
});

const noRecipe = process.platform !== 'linux' && "the signing that macOS asks for and Windows' sections are not this recipe's";
it.skipIf(leftOut('a single executable application', noRecipe))('a single executable application loads the addon beside it', { timeout }, async () => {
  await tool('./sea.mjs');
  const commands = readGuide(GUIDE).split('node sea.mjs\n')[1]!.split('```')[0]!.trim().split('\n');
  const argumentsOf = (start: string): string[] => commands.find((line) => line.startsWith(start))!.slice(start.length).trim().split(' ');
  await run(process.execPath, argumentsOf('node'), { cwd: copy.app });
  fs.copyFileSync(process.execPath, path.join(copy.app, 'out/app'));
  await tool(path.join(tools, 'postject/dist/cli.js'), ...argumentsOf('npx postject'));
  fs.rmSync(path.join(copy.app, 'out/app.blob'));
  fs.rmSync(path.join(copy.app, 'out/app.cjs'));
  await tryAlone('sea', '', 'app');
});

it('the guide names every entry that there is', () => {
  const [, sentence] = /There is an entry for each target: (.*?)\. Name/s.exec(readGuide(GUIDE))!;
  const named = [...sentence!.matchAll(/`([\w-]+)`/g)].map(([, name]) => name);
  expect(named).toEqual(targets.filter(({ ships }) => ships).map(({ name }) => name));
  for (const name of named) expect(fs.existsSync(path.join(copy.folder, `dist/native/${name}.js`))).toBe(true);
});
