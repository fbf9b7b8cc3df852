/**
 * The package managers, each as it installs a project's dependencies: with scripts disabled, from the registry that npm is set to. Those
 * that are not part of Node.js are pinned in tools/. Their caches are thrown away behind the tests: yarn 1 takes a tarball of the same
 * name and version from there, even when it was packed anew.
 */
import * as path from 'node:path';
import { runNode, runNpm, tools } from './run.js';

export interface Manager {
  name: string;
  /** Installs what the package.json of `project` names. What it keeps for the next time goes below `caches`. */
  install(project: string, caches: string): Promise<unknown>;
  /** Arguments that Node.js needs to find what was installed. */
  flags(project: string): string[];
  /** Has a folder node_modules, which TypeScript follows. */
  hasFolder: boolean;
}

/** npm's own configuration, whatever it comes from; the others have each their own way to set the same. */
const configured = runNpm(['config', 'list', '--json'], import.meta.dirname).then(({ stdout }) => JSON.parse(stdout) as Record<string, unknown>);

async function settings(names: Readonly<Record<string, string>>): Promise<NodeJS.ProcessEnv> {
  const config = await configured;
  const set = Object.entries(names).map(([option, variable]) => [variable, config[option]]);
  return Object.fromEntries(set.filter(([, value]) => typeof value === 'string' && value !== '')) as NodeJS.ProcessEnv;
}

async function berry(project: string, caches: string, linker: string): Promise<unknown> {
  const fromNpm = await settings({
    registry: 'YARN_NPM_REGISTRY_SERVER', cafile: 'YARN_HTTPS_CA_FILE_PATH', proxy: 'YARN_HTTP_PROXY', 'https-proxy': 'YARN_HTTPS_PROXY',
  });
  const env = {
    ...fromNpm,
    YARN_NODE_LINKER: linker,
    YARN_ENABLE_SCRIPTS: 'false',
    YARN_ENABLE_TELEMETRY: 'false',
    YARN_ENABLE_IMMUTABLE_INSTALLS: 'false',
    YARN_GLOBAL_FOLDER: path.join(caches, 'berry'),
  };
  return runNode([path.join(tools, '@yarnpkg/cli-dist/bin/yarn.js'), 'install'], project, env);
}

export const managers: readonly Manager[] = [
  {
    name: 'npm',
    install: (project) => runNpm(['install', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund'], project),
    flags: () => [],
    hasFolder: true,
  },
  {
    name: 'pnpm',
    async install(project, caches) {
      const env = await settings({ registry: 'pnpm_config_registry' });
      const store = path.join(caches, 'pnpm');
      return runNode([path.join(tools, 'pnpm/bin/pnpm.cjs'), 'install', '--ignore-scripts', '--store-dir', store], project, env);
    },
    flags: () => [],
    hasFolder: true,
  },
  {
    name: 'yarn 1',
    install(project, caches) {
      const options = ['--ignore-scripts', '--non-interactive', '--cache-folder', path.join(caches, 'classic')];
      return runNode([path.join(tools, 'yarn/bin/yarn.js'), 'install', ...options], project);
    },
    flags: () => [],
    hasFolder: true,
  },
  {
    name: 'yarn 4 with node_modules',
    install: (project, caches) => berry(project, caches, 'node-modules'),
    flags: () => [],
    hasFolder: true,
  },
  {
    name: "yarn 4 with Plug'n'Play",
    install: (project, caches) => berry(project, caches, 'pnp'),
    // its loader of modules makes Node.js warn that it is an experiment
    flags: (project) => ['--no-warnings', '--require', path.join(project, '.pnp.cjs'), '--loader', path.join(project, '.pnp.loader.mjs')],
    hasFolder: false,
  },
];
