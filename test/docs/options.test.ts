/**
 * Every option in lib/options tells its default where it is declared, which is what editors and the API reference show. An option that must
 * be given says so by its type.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import ts from 'typescript';
import { expect, it } from 'vitest';
import { root } from './blocks.js';

const folder = path.join(root, 'lib/options');

/** `file: Interface.option` and what stands above it. */
function optionsOf(file: string): [string, string][] {
  const source = ts.createSourceFile(file, fs.readFileSync(path.join(folder, file), 'utf8'), ts.ScriptTarget.ES2022, true);
  const interfaces = source.statements.filter(ts.isInterfaceDeclaration).filter(({ name }) => /Options$|^Credentials$/.test(name.text));
  return interfaces.filter(({ name }) => !name.text.startsWith('Resolved')).flatMap((declaration) => {
    const optional = declaration.members.filter(ts.isPropertySignature).filter(({ questionToken }) => questionToken !== undefined);
    return optional.map((member): [string, string] => [
      `${file}: ${declaration.name.text}.${member.name.getText()}`,
      ts.getJSDocCommentsAndTags(member).map((comment) => comment.getText()).join('\n'),
    ]);
  });
}

const options = fs.readdirSync(folder).flatMap(optionsOf);

it('there are options to look at', () => {
  expect(options.length).toBeGreaterThan(60);
});

it('each tells its default', () => {
  expect(options.filter(([, comment]) => !/Default:|Default \d/.test(comment)).map(([name]) => name)).toEqual([]);
});
