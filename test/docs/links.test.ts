/**
 * Links between the Markdown files of the project lead to files that exist, and to headings that exist; a source file that is named in the
 * architecture page exists, too. Nothing is fetched.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect, it } from 'vitest';
import { guides, readGuide, root } from './blocks.js';

const files = [...guides(), 'CONTRIBUTING.md', 'examples/README.md'];

/** The anchors of a file's headings, as repository sites make them. */
function anchors(file: string): string[] {
  const headings = fs.readFileSync(file, 'utf8').replace(/^```.*?^```/gms, '').matchAll(/^#+ (.+)$/gm);
  return [...headings].map(([, heading]) => heading!.toLowerCase().replace(/[^\w\- ]/g, '').replaceAll(' ', '-'));
}

it.each(files)('%s', (file) => {
  const text = readGuide(file).replace(/^```.*?^```/gms, '');
  const broken = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target!).filter((target) => {
    if (/^[a-z]+:/.test(target)) return false;
    const [name, anchor] = target.split('#');
    const place = path.resolve(root, path.dirname(file), name === '' ? path.basename(file) : name!);
    return !fs.existsSync(place) || (anchor !== undefined && !anchors(place).includes(anchor));
  });
  expect(broken).toEqual([]);
});

it('files that docs/architecture.md names exist', () => {
  const named = [...readGuide('docs/architecture.md').matchAll(/`((?:lib|native|test)\/[\w/.-]+\.\w+)`/g)].map(([, file]) => file!);
  expect(named.length).toBeGreaterThan(30);
  expect(named.filter((file) => !fs.existsSync(path.join(root, file)))).toEqual([]);
});
