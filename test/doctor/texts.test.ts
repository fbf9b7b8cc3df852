/**
 * What doctor says is one table a language. Both have every key, the same {values} in each text, and the Chinese one is in Chinese; each
 * finding has a cause and a remedy, and the code uses each of them.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect, it } from 'vitest';
import { languageOf } from '../../dist/doctor/language.js';
import { StepBuilder } from '../../dist/doctor/report.js';
import { nameFinding } from '../../dist/doctor/look-up-name.js';
import { fill } from '../../dist/doctor/texts/texts.js';
import { TEXTS } from './run.js';

/** `findings.dns-failed.cause` and its text, for every text of a table. */
function flat(table: object, at = ''): Map<string, string> {
  const entries = Object.entries(table) as [string, string | object][];
  return new Map(entries.flatMap(([key, value]) => (typeof value === 'string' ? [[at + key, value] as const] : [...flat(value, `${at}${key}.`)])));
}

const values = (text: string): string[] => [...new Set([...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!))].sort();
const [en, zh] = [flat(TEXTS.en), flat(TEXTS.zh)];

it('both languages have the same keys, in the same order', () => {
  expect(en.size).toBeGreaterThan(200);
  expect([...zh.keys()]).toEqual([...en.keys()]);
});

it('both languages put in the same values, over cause and remedy together', () => {
  const all = (table: Map<string, string>) => [...table].map(([key, text]) => [key, values(text)]);
  expect(all(zh)).toEqual(all(en));
});

it('no text is empty, and those in sentences are translated', () => {
  expect([...en, ...zh].filter(([, text]) => text.trim() === '')).toEqual([]);
  const sentences = [...zh].filter(([key]) => key.startsWith('findings.') || key.startsWith('usage.') || key.startsWith('steps.'));
  expect(sentences.filter(([key, text]) => !/\p{Script=Han}/u.test(text) && key !== 'steps.tls')).toEqual([]);
  expect([...en].filter(([, text]) => /\p{Script=Han}/u.test(text))).toEqual([]);
});

it('the Chinese texts have the punctuation of Chinese', () => {
  // Beside a Han character; options, code and URLs have their own.
  const mixed = [...zh].filter(([, text]) => /\p{Script=Han}[,:;!?()]|[,;!?()]\p{Script=Han}/u.test(text));
  expect(mixed).toEqual([]);
});

it('every finding is made somewhere', () => {
  const folder = path.resolve(import.meta.dirname, '../../lib/doctor');
  const code = fs.readdirSync(folder).filter((file) => file.endsWith('.ts')).map((file) => fs.readFileSync(path.join(folder, file), 'utf8')).join('\n');
  const built = /^(subscribe|publish)-(denied|refused|closed|no-answer)$/;
  expect(Object.keys(TEXTS.en.findings).filter((id) => !built.test(id) && !code.includes(`'${id}'`))).toEqual([]);
});

it('the guide lists every finding, and none that does not exist', () => {
  const guide = fs.readFileSync(path.resolve(import.meta.dirname, '../../docs/guides/doctor.md'), 'utf8');
  const table = guide.split('## What it can find')[1]!.split('\n## ')[0]!.split('\n').filter((line) => line.startsWith('| ')).slice(1);
  const listed = table.flatMap((line) => [...line.matchAll(/`([a-z0-9-]+)`/g)].map(([, id]) => id!));
  expect([...new Set(listed)].filter((id) => id !== 'id').sort()).toEqual(Object.keys(TEXTS.en.findings).sort());
});

it('a value that is missing is not passed over', () => {
  expect(fill('{a} and {b}', { a: '1', b: '{a}' })).toBe('1 and {a}');
  expect(() => fill('{a}', {})).toThrow('{a}');
});

it('the language is that of LC_ALL, then LC_MESSAGES, then LANG', () => {
  const languages = [
    { LANG: 'zh_CN.UTF-8' }, { LANG: 'zh' }, { LANG: 'zh_CN.UTF-8', LC_ALL: 'C' }, { LANG: 'en_US.UTF-8', LC_MESSAGES: 'zh_TW' }, { LANG: 'zha_XX' },
    { LANG: 'de_DE', LC_ALL: '' },
  ].map(languageOf);
  expect(languages).toEqual(['zh', 'zh', 'en', 'zh', 'en', 'en']);
});

it('what getaddrinfo() says about a name', () => {
  const found = ['ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL'].map((code) => {
    const step = new StepBuilder('dns');
    nameFinding(step, 'broker.example', code);
    return step.build().findings[0]!.id;
  });
  expect(found).toEqual(['dns-not-found', 'dns-no-answer', 'dns-failed']);
});
