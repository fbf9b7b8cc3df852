// Makes one file of the contract suite, its helpers, Aedes and a test runner, which any Node from 20 on can run without an installation.
// mqtt-native itself stays outside: it is the package of the room, with one prebuilt addon in it.
import fs from 'node:fs';
import path from 'node:path';
import { root } from '../../../scripts/tools.mjs';

const here = import.meta.dirname;
const contract = path.join(root, 'test/contract');

/** The files of the contract suite, by name. */
export function contractFiles() {
  return fs.readdirSync(contract).filter((name) => name.endsWith('.test.ts')).sort();
}

// A module that names every file; they are loaded one by one.
const contractFilesModule = {
  name: 'contract-files',
  setup(build) {
    build.onResolve({ filter: /^contract-files$/ }, () => ({ path: 'contract-files', namespace: 'contract-files' }));
    build.onLoad({ filter: /.*/, namespace: 'contract-files' }, () => {
      const lines = contractFiles().map((name) => `${JSON.stringify(name)}: () => import(${JSON.stringify(`./${name}`)}),`);
      return { contents: `export const files = {\n${lines.join('\n')}\n};`, resolveDir: contract };
    });
  },
};

// Imports of these modules of test/support get another file instead.
const replacing = (replaced) => ({
  name: 'replacing',
  setup(build) {
    build.onResolve({ filter: /^\.{1,2}\/.*\.js$/ }, ({ path: asked, importer }) => {
      const file = replaced[path.basename(asked, '.js')];
      const isSupport = path.dirname(path.resolve(path.dirname(importer), asked)) === path.join(root, 'test/support');
      return file !== undefined && isSupport && importer !== file ? { path: file } : undefined;
    });
  },
});

/** Writes a bundle of <entry>.ts; `replaced` are modules of test/support by name, with the file that takes their place. */
export async function buildBundle(entry, outfile, replaced = {}) {
  const { build } = await import('esbuild');
  await build({
    entryPoints: [path.join(here, `${entry}.ts`)],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    // CommonJS modules in the bundle call require().
    banner: { js: "import { createRequire as bundleCreateRequire } from 'node:module'; const require = bundleCreateRequire(import.meta.url);" },
    external: ['mqtt-native'],
    alias: { vitest: path.join(here, 'vitest.ts') },
    plugins: [contractFilesModule, replacing(replaced)],
    sourcemap: 'inline',
    sourcesContent: false,
    logLevel: 'warning',
  });
}
