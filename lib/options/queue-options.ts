import type { QueueOptions } from './client-options.js';
import { boolean, checkNames, integer, oneOf } from './validate.js';

/** The option `queue` with every default filled in. */
export interface ResolvedQueue {
  readonly maxMessages: number;
  readonly maxBytes: number;
  readonly overflow: 'reject' | 'drop-oldest' | 'drop-newest' | 'wait';
  readonly qos0: boolean;
  readonly highWaterMessages: number;
  readonly highWaterBytes: number;
}

const NAMES: ReadonlySet<string> = new Set([
  'maxMessages', 'maxBytes', 'overflow', 'qos0', 'highWaterMessages', 'highWaterBytes',
] satisfies (keyof QueueOptions)[]);

const MAX_MESSAGES = 0xffff_ffff;
const MAX_BYTES = Number.MAX_SAFE_INTEGER;

/** Checks the option `queue`. */
export function resolveQueue(given: unknown): ResolvedQueue {
  const options = given ?? {};
  checkNames('queue', options, NAMES);
  const count = (name: keyof QueueOptions, max: number, byDefault: number): number =>
    options[name] === undefined ? byDefault : integer(`queue.${name}`, options[name], 1, max);
  return {
    maxMessages: count('maxMessages', MAX_MESSAGES, 100_000),
    maxBytes: count('maxBytes', MAX_BYTES, 64 * 1024 * 1024),
    overflow: options['overflow'] === undefined
      ? 'reject'
      : oneOf('queue.overflow', options['overflow'], ['reject', 'drop-oldest', 'drop-newest', 'wait']),
    qos0: options['qos0'] === undefined ? true : boolean('queue.qos0', options['qos0']),
    highWaterMessages: count('highWaterMessages', MAX_MESSAGES, 16_384),
    highWaterBytes: count('highWaterBytes', MAX_BYTES, 16 * 1024 * 1024),
  };
}
