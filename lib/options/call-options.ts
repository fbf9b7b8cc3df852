import { optionError } from '../errors.js';
import { checkSignal, milliseconds } from './validate.js';

/** How long to wait, and how to give up earlier. */
export interface WaitOptions {
  /**
   * Milliseconds until the call rejects with `ERR_MQTT_TIMEOUT`, up to 200 ms late; 0: no limit. Default: the option `operationTimeout`.
   */
  timeout?: number | undefined;
  /** Rejects the call with `ERR_MQTT_ABORTED` when aborted. What the server was already told is not taken back. Default: none. */
  signal?: AbortSignal | undefined;
}

/** Of the verbs that answer in their own time. */
export interface Wait {
  readonly timeout: number | undefined;
  readonly signal: AbortSignal | undefined;
}

/** Reads `timeout` and `signal`; `what` is the verb. */
export function readWait(what: string, options: Readonly<Record<string, unknown>>): Wait {
  const { timeout, signal } = options;
  return {
    timeout: timeout === undefined ? undefined : milliseconds(`${what}.timeout`, timeout),
    signal: signal === undefined ? undefined : checkSignal(`${what}.signal`, signal),
  };
}

export function checkFunction(name: string, value: unknown): void {
  if (typeof value !== 'function') throw optionError(name, 'must be a function');
}
