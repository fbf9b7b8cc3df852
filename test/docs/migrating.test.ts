/**
 * docs/migrating-from-mqtt-js.md has a row for every option, method, property and event of mqtt.js, as its own declarations have them. When
 * mqtt.js gets a new one, this fails until the guide says what becomes of it.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import ts from 'typescript';
import { expect, it } from 'vitest';
import { readGuide, root } from './blocks.js';

const guide = readGuide('docs/migrating-from-mqtt-js.md');
const declarations = path.join(root, 'node_modules/mqtt/build/lib/client.d.ts');
const program = ts.createProgram([declarations], { skipLibCheck: true, types: ['node'] });
const checker = program.getTypeChecker();
const exported = checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(declarations)!)!);

/** Whether mqtt.js itself declares it, for its users: not EventEmitter, nothing private, nothing with an underscore. */
function isTheirs(member: ts.Symbol): boolean {
  return !member.name.startsWith('_') && (member.declarations ?? []).some((declaration) => {
    const file = declaration.getSourceFile().fileName;
    const hidden = (ts.getCombinedModifierFlags(declaration) & ts.ModifierFlags.Private) !== 0;
    return !hidden && file.includes('/node_modules/mqtt/') && !file.endsWith('TypedEmitter.d.ts');
  });
}

/** Members of an exported interface or class, inherited ones included. */
function membersOf(name: string): string[] {
  const symbol = exported.find((one) => one.name === name)!;
  return checker.getDeclaredTypeOfSymbol(symbol).getProperties().filter(isTheirs).map((member) => member.name).sort();
}

/** Names in the first column of the table under a heading. */
function rowsOf(heading: string): string[] {
  const section = guide.split(/^## /m).find((text) => text.startsWith(`${heading}\n`)) ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('| `'));
  return rows.flatMap((row) => [...row.split(' | ')[0]!.matchAll(/`([^`]+)`/g)].map(([, cell]) => cell!.replace(/\(.*\)$/, ''))).sort();
}

/** Names of options that the second column of the table of connect() gives. */
function newNames(): string[] {
  const section = guide.split(/^## /m).find((text) => text.startsWith('Options of connect()\n'))!;
  const cells = section.split('\n').filter((line) => line.startsWith('| `')).map((row) => row.split(' | ')[1]!);
  return cells.flatMap((cell) => [...cell.matchAll(/`([\w.]+)`/g)].map(([, name]) => name!));
}

const TABLES: readonly (readonly [heading: string, theirs: readonly string[], leastCount: number])[] = [
  ['Options of connect()', membersOf('IClientOptions'), 50],
  ['Options of publish()', membersOf('IClientPublishOptions'), 5],
  ['Options of subscribe()', membersOf('IClientSubscribeOptions'), 5],
  ['Methods and properties', membersOf('default'), 30],
  ['Events', membersOf('MqttClientEventCallbacks'), 11],
];

it.each(TABLES)('%s: every name of mqtt.js has one row, and there is no other', (heading, theirs, leastCount) => {
  expect(theirs.length).toBeGreaterThanOrEqual(leastCount);
  expect(rowsOf(heading)).toEqual(theirs);
});

it('options that it names on this side exist', () => {
  const folder = path.join(root, 'lib/options');
  const source = fs.readdirSync(folder).map((file) => fs.readFileSync(path.join(folder, file), 'utf8')).join('\n');
  const names = newNames();
  expect(names.length).toBeGreaterThan(15);
  expect(names.filter((name) => !new RegExp(`^  ${name.split('.').at(-1)!}\\?:`, 'm').test(source))).toEqual([]);
});
