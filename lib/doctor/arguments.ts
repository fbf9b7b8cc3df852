import { parseArgs } from 'node:util';
import { topicBytes } from '../protocol/topic.js';
import type { en } from './texts/en.js';
import type { Language } from './report.js';

/** The command line as it was understood. Nothing in it was checked against a server or a file yet. */
export interface Arguments {
  readonly url: string | undefined;
  readonly username: string | undefined;
  readonly askPassword: boolean;
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly insecure: boolean;
  readonly clientId: string | undefined;
  readonly topic: string | undefined;
  /** Milliseconds. */
  readonly timeout: number;
  readonly lang: Language | undefined;
  readonly json: boolean;
}

/** The command was not understood; `text` and `values` say why in the user's language. */
export class UsageError extends Error {
  constructor(
    readonly text: keyof typeof en.usage,
    readonly values: Readonly<Record<string, string>> = {},
  ) {
    super(text);
  }
}

const OPTIONS = {
  username: { type: 'string' },
  'ask-password': { type: 'boolean' },
  ca: { type: 'string' },
  cert: { type: 'string' },
  key: { type: 'string' },
  insecure: { type: 'boolean' },
  'client-id': { type: 'string' },
  topic: { type: 'string' },
  timeout: { type: 'string' },
  lang: { type: 'string' },
  json: { type: 'boolean' },
} as const;

const NEED_URL = ['username', 'ask-password', 'ca', 'cert', 'key', 'insecure', 'client-id', 'topic'] as const;
const DEFAULT_TIMEOUT = 30;
const MAX_TIMEOUT = 3600;

/** Not strictly: Node's own complaints are in English, and this command's options are few. */
function parse(args: readonly string[]) {
  return parseArgs({ args: [...args], options: OPTIONS, strict: false, allowPositionals: true, tokens: true });
}

/** What --lang says, if it says something: asked before all else, since complaints come in that language. */
export function languageAskedFor(args: readonly string[]): Language | undefined {
  const last = parse(args).tokens.filter((token) => token.kind === 'option' && token.name === 'lang').at(-1) as { value?: unknown } | undefined;
  return last?.value === 'en' || last?.value === 'zh' ? last.value : undefined;
}

/** Reads what stands behind `doctor`. Nothing that is wrong is repeated, but the names of options: it may be a password. */
export function parseArguments(args: readonly string[]): Arguments {
  const { values, positionals, tokens } = parse(args);
  for (const token of tokens) if (token.kind === 'option') checkOption(token);
  if (positionals.length > 1) throw new UsageError('twoUrls');
  const text = (name: keyof typeof OPTIONS): string | undefined => values[name] as string | undefined;
  const url = positionals[0];
  if (url === undefined) {
    for (const name of NEED_URL) if (values[name] !== undefined) throw new UsageError('needsUrl', { name: `--${name}` });
  }
  if ((values.cert === undefined) !== (values.key === undefined)) throw new UsageError('pair');
  return {
    url,
    username: text('username'),
    askPassword: values['ask-password'] === true,
    ca: text('ca'),
    cert: text('cert'),
    key: text('key'),
    insecure: values.insecure === true,
    clientId: text('client-id'),
    topic: topicOf(text('topic')),
    timeout: timeoutOf(text('timeout')) * 1000,
    lang: languageNamed(text('lang')),
    json: values.json === true,
  };
}

function checkOption({ name, rawName, value }: { name: string; rawName: string; value?: string | undefined }): void {
  if (/^(pw|pass|password|passphrase)$/i.test(name) || rawName === '-P') throw new UsageError('passwordOption');
  const option = Object.hasOwn(OPTIONS, name) ? OPTIONS[name as keyof typeof OPTIONS] : undefined;
  if (option === undefined) throw new UsageError('option', { name: rawName });
  if (option.type === 'string' && (value === undefined || value === '')) throw new UsageError('value', { name: rawName });
  if (option.type === 'boolean' && value !== undefined) throw new UsageError('noValue', { name: rawName });
}

function topicOf(topic: string | undefined): string | undefined {
  if (topic === undefined) return undefined;
  try {
    topicBytes(topic);
  } catch {
    throw new UsageError('topic');
  }
  // Published to it would be a name like any other, subscribed to it would be another thing.
  if (topic.startsWith('$share/')) throw new UsageError('topic');
  return topic;
}

function timeoutOf(text: string | undefined): number {
  const seconds = text === undefined ? DEFAULT_TIMEOUT : Number(text);
  if (!(seconds >= 1 && seconds <= MAX_TIMEOUT)) throw new UsageError('timeout');
  return seconds;
}

function languageNamed(text: string | undefined): Language | undefined {
  if (text === undefined || text === 'en' || text === 'zh') return text;
  throw new UsageError('language');
}
