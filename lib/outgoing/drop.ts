import type { MqttError } from '../errors.js';

/** A message of write() that was given up: nobody waits for it, so the event 'drop' tells. */
export interface DroppedMessage {
  /** Undefined where the engine had it already: then only what became of it is known. */
  readonly topic: string | undefined;
  /** Undefined where the engine had it already. */
  readonly qos: 0 | 1 | 2 | undefined;
  /** Why: as publish() would have rejected. */
  readonly error: MqttError;
}
