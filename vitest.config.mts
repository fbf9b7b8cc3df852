import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const inRoot = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

export default defineConfig({
  resolve: {
    // The tests import the package by its own name, as a user would. Node resolves that by "exports"; Vite has to be told.
    alias: [{ find: /^mqtt-native$/, replacement: inRoot('./dist/index.mjs') }],
  },
  test: {
    include: ['test/**/*.test.ts'],
    // One process a file: an addon, its reactor thread and the handles of a test end with it.
    pool: 'forks',
    // What was built is loaded by Node itself, not through Vite: the code that users run, and one copy of it.
    server: { deps: { external: [/\/dist\//] } },
    testTimeout: 20_000,
    hookTimeout: 60_000,
    retry: 0,
    passWithNoTests: false,
  },
});
