import { optionError } from '../errors.js';
import type { ReconnectOptions } from './client-options.js';
import { boolean, checkNames, integer, MAX_TIME, oneOf } from './validate.js';

/** The option `reconnect` with every default filled in. Times in milliseconds. */
export interface ResolvedReconnect {
  readonly initialDelay: number;
  readonly maxDelay: number;
  readonly jitter: 'full' | 'decorrelated' | 'none';
  /** 0: any number. */
  readonly maxAttempts: number;
  readonly initial: boolean;
}

const NAMES: ReadonlySet<string> = new Set([
  'initialDelay', 'maxDelay', 'jitter', 'maxAttempts', 'initial',
] satisfies (keyof ReconnectOptions)[]);

function delay(name: string, value: unknown): number {
  if (typeof value !== 'number' || !(value >= 1 && value <= MAX_TIME)) throw optionError(name, `must be milliseconds from 1 to ${MAX_TIME}`);
  return value;
}

/** Checks the option `reconnect`. */
export function resolveReconnect(given: unknown): false | ResolvedReconnect {
  if (given === false) return false;
  const options = given ?? {};
  if (options === true) throw optionError('reconnect', 'must be false or an object; the client reconnects without being told to');
  checkNames('reconnect', options, NAMES);
  const read = <T>(name: string, check: (name: string, value: unknown) => T): T | undefined =>
    options[name] === undefined ? undefined : check(`reconnect.${name}`, options[name]);
  const initialDelay = read('initialDelay', delay) ?? 500;
  const maxDelay = read('maxDelay', delay) ?? Math.max(30_000, initialDelay);
  if (maxDelay < initialDelay) throw optionError('reconnect.maxDelay', 'is below reconnect.initialDelay');
  return {
    initialDelay,
    maxDelay,
    jitter: read('jitter', (n, v) => oneOf(n, v, ['full', 'decorrelated', 'none'])) ?? 'full',
    maxAttempts: read('maxAttempts', (n, v) => integer(n, v, 0, 0xffff_ffff)) ?? 0,
    initial: read('initial', boolean) ?? false,
  };
}
