import { constants } from 'node:os';
import { optionError } from '../errors.js';

/** Nothing in the process hears of these. */
const UNHEARD: ReadonlySet<string> = new Set(['SIGKILL', 'SIGSTOP']);

/** Checks the option `closeOnSignals`; each signal once. */
export function resolveSignals(given: unknown): readonly NodeJS.Signals[] {
  if (given === undefined) return [];
  if (!Array.isArray(given)) throw optionError('closeOnSignals', "must be an array of names of signals, such as ['SIGINT', 'SIGTERM']");
  for (const name of given as unknown[]) {
    if (typeof name !== 'string' || !Object.hasOwn(constants.signals, name)) throw optionError('closeOnSignals', 'has something that is not the name of a signal');
    if (UNHEARD.has(name)) throw optionError('closeOnSignals', `${name} cannot be listened to`);
  }
  return [...new Set(given as NodeJS.Signals[])];
}
