// What there is to read, as found in the checkout, so that it is never out of date.
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');

const read = (file) => readFile(join(root, file), 'utf8').catch(() => undefined);
const names = async (folder) => (await readdir(join(root, folder)).catch(() => [])).sort();

export async function showReading({ line, bold, dim }) {
  const readme = await read('README.md');
  if (readme !== undefined) {
    const sections = [...readme.matchAll(/^## (.+)$/gm)].map(([, title]) => title);
    line(`${bold('README.md')}  ${sections.join(', ')}`);
  }
  const pages = (await names('docs')).filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`);
  for (const file of [...pages, 'native/README.md', 'CONTRIBUTING.md']) {
    const title = /^# (.+)$/m.exec(await read(file) ?? '')?.[1];
    if (title !== undefined) line(`${bold(file)}  ${title}`);
  }
  const examples = (await names('examples')).filter((name) => /\.[cm]?[jt]s$/.test(name));
  if (examples.length > 0) line(`${bold('examples/')}  ${examples.join(', ')}`);
  line(dim('npm test runs all tests, npm run bench the benchmarks.'));
}
