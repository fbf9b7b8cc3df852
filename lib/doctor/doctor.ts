import type { Writable } from 'node:stream';
import { version } from '../platform/targets.js';
import { languageAskedFor, parseArguments, UsageError } from './arguments.js';
import { Clock } from './clock.js';
import { examine } from './examine.js';
import { languageOf } from './language.js';
import { askPassword, type Input } from './password.js';
import { printJson, printReport } from './print-report.js';
import { settingsFrom, type Settings } from './settings.js';
import { fill, textsOf } from './texts/texts.js';

/** What a command sees of its process. */
export interface Surroundings {
  readonly env: NodeJS.ProcessEnv;
  readonly stdin: Input;
  readonly stdout: Writable;
  readonly stderr: Writable;
}

/** The command line behind `mqtt-native`; resolves with the exit code: 0 all is well, 1 there is a problem, 2 it was not understood. */
export async function runCommand(args: readonly string[], around: Surroundings): Promise<number> {
  const lang = languageAskedFor(args) ?? languageOf(around.env);
  const { usage } = textsOf(lang);
  const before = args.slice(0, args.includes('--') ? args.indexOf('--') : args.length);
  if (before.includes('--help') || before.includes('-h')) {
    await write(around.stdout, usage.help);
    return 0;
  }
  if (before[0] === '--version' || before[0] === '-v') {
    await write(around.stdout, `${version}\n`);
    return 0;
  }
  try {
    if (args.length === 0) throw new UsageError('noCommand');
    // A URL here may hold a password: only what looks like a command is repeated.
    if (args[0] !== 'doctor') throw /^[a-z-]{1,20}$/i.test(args[0]!) ? new UsageError('command', { name: args[0]! }) : new UsageError('noCommand');
    return await runDoctor(args.slice(1), around, lang);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    await write(around.stderr, `mqtt-native: ${fill(usage[error.text], error.values)}\n${usage.seeHelp}\n`);
    return 2;
  }
}

async function runDoctor(args: readonly string[], around: Surroundings, lang: 'en' | 'zh'): Promise<number> {
  const given = parseArguments(args);
  let settings: Settings | undefined;
  if (given.url !== undefined) {
    const asked = given.askPassword ? await askPassword(around.stdin, around.stderr, textsOf(lang).words.password) : undefined;
    // Ctrl+C means that; and without the password the report would be about something else.
    if (given.askPassword && asked === undefined) throw new UsageError('noPassword');
    settings = await settingsFrom(given, around.env, asked);
  }
  const report = await examine(settings, around.env, lang, new Clock(given.timeout));
  await write(around.stdout, given.json ? printJson(report) : printReport(report));
  return report.ok ? 0 : 1;
}

/** Until it is written: the process may be ended right after. */
function write(stream: Writable, text: string): Promise<void> {
  return new Promise((resolve) => { stream.write(text, () => resolve()); });
}
