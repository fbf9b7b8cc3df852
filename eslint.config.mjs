// Lint. Besides the usual it holds the doors of lib/: who may import what, so that a publish and a message take the same way for everybody.
//
//   mqtt            only lib/engine/js/
//   node-gyp-build  only lib/engine/native/load.ts
//   engine/native/, engine/js/  only lib/engine/select.ts, and each its own files
//   require()       only lib/engine/native/load.ts and lib/engine/js/load.ts, which load what may be absent
import tseslint from 'typescript-eslint';

const doors = {
  mqtt: { regex: '^mqtt($|/)', message: 'Only lib/engine/js/ imports mqtt.' },
  addon: { regex: '^node-gyp-build($|/)', message: 'Only lib/engine/native/load.ts uses node-gyp-build.' },
  engines: { regex: '^\\.{1,2}/(.*/)?(native|js)/', message: 'Only lib/engine/select.ts names concrete engines.' },
};

// What is behind these doors is not imported, by no form of import, and not required where require() is allowed at all.
function closed(...names) {
  const patterns = names.map((name) => doors[name]);
  const selectors = patterns.flatMap(({ regex, message }) => {
    const literal = `[value=/${regex.replaceAll('/', '\\u002F')}/]`;
    return [
      { selector: `ImportExpression > Literal.source${literal}`, message },
      { selector: `TSImportType Literal${literal}`, message },
      { selector: `CallExpression[callee.name='require'] > Literal${literal}`, message },
    ];
  });
  return {
    '@typescript-eslint/no-restricted-imports': ['error', { patterns }],
    'no-restricted-syntax': ['error', ...selectors],
  };
}

const style = {
  curly: ['error', 'multi-line'],
  eqeqeq: 'error',
  'eol-last': 'error',
  'max-len': ['error', { code: 140, ignoreUrls: true, ignoreRegExpLiterals: true, ignoreStrings: true, ignoreTemplateLiterals: true }],
  'no-tabs': 'error',
  'no-trailing-spaces': 'error',
  'no-var': 'error',
  'object-shorthand': 'error',
  'prefer-const': 'error',
  quotes: ['error', 'single', { avoidEscape: true, allowTemplateLiterals: true }],
  semi: 'error',
};

export default tseslint.config(
  { ignores: ['dist/', 'build/', 'coverage/', 'prebuilds/', 'native/sources/vendor/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  { files: ['**/*.{js,mjs,cjs}'], rules: { ...style, 'no-unused-vars': 'error', 'no-undef': 'off' } },
  {
    files: ['**/*.{ts,mts,cts}'],
    extends: [tseslint.configs.recommended],
    languageOptions: { parserOptions: { project: ['tsconfig.json', 'tsconfig.test.json'], tsconfigRootDir: import.meta.dirname } },
    rules: {
      ...style,
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'separate-type-imports', disallowTypeAnnotations: false }],
      '@typescript-eslint/consistent-type-exports': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': ['error', { ignoreVoid: true }],
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/no-require-imports': 'error',
      '@typescript-eslint/no-unnecessary-type-assertion': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrors: 'none' }],
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
    },
  },
  { files: ['lib/**'], rules: { 'no-console': 'error', ...closed('mqtt', 'addon', 'engines') } },
  { files: ['lib/engine/select.ts'], rules: closed('mqtt', 'addon') },
  { files: ['lib/engine/js/**'], rules: closed('addon', 'engines') },
  { files: ['lib/engine/native/load.ts'], rules: closed('mqtt', 'engines') },
  { files: ['lib/engine/native/load.ts', 'lib/engine/js/load.ts'], rules: { '@typescript-eslint/no-require-imports': 'off' } },
);
