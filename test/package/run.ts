/** Runs the programs of these tests: npm and the others, tsc, tar, node. */
import { execFile } from 'node:child_process';
import * as path from 'node:path';

export const root = path.resolve(import.meta.dirname, '../..');
export const tools = path.join(import.meta.dirname, 'tools/node_modules');

export interface Ended {
  stdout: string;
  stderr: string;
}

/** What npm tells the programs it starts. A package manager that is started by a test must not take it for its own. */
const OF_NPM = /^(npm_(command|config_local_prefix|config_npm_version|config_user_agent|execpath|lifecycle|package)|INIT_CWD$|NODE_OPTIONS$)/;

/** This process's variables as a user's shell would have them, and `more`. */
export function cleanEnvironment(more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  return { ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !OF_NPM.test(name))), ...more };
}

/** Runs a program to its end. One that fails, or needs more than four minutes, is an error with all that it wrote. */
export function run(file: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv = {}, input = ''): Promise<Ended> {
  const options = { cwd, env: cleanEnvironment(env), timeout: 240_000, maxBuffer: 64 * 1024 * 1024 };
  return new Promise((resolve, reject) => {
    const child = execFile(file, args, options, (error, stdout, stderr) => {
      if (error === null) resolve({ stdout, stderr });
      else reject(new Error(`${path.basename(file)} ${args.join(' ')}: ${error.code ?? error.signal}\n${stdout}\n${stderr}`));
    });
    child.stdin!.end(input);
  });
}

/** Runs a script with this Node.js. */
export function runNode(args: readonly string[], cwd: string, env?: NodeJS.ProcessEnv, input?: string): Promise<Ended> {
  return run(process.execPath, args, cwd, env, input);
}

/** The npm that runs the tests, else the one on PATH. */
export function runNpm(args: readonly string[], cwd: string): Promise<Ended> {
  const script = process.env['npm_execpath'];
  return script !== undefined && /npm-cli\.c?js$/.test(script) ? runNode([script, ...args], cwd) : run('npm', args, cwd);
}
