import { channel } from 'node:diagnostics_channel';
import type { MqttError } from './errors.js';
import type { Message } from './incoming/message.js';
import type { DroppedMessage } from './outgoing/drop.js';
import type { ConnectResult } from './protocol/connack.js';

/** One line of the `log` option. */
export interface LogRecord {
  /** How much it matters. */
  readonly level: 'error' | 'warn' | 'info' | 'debug';
  /** An English sentence; no password, no payload. */
  readonly message: string;
  /** The client identifier. */
  readonly clientId: string;
}

/**
 * What the channels of node:diagnostics_channel publish, by channel name. Nothing is made for a channel nobody subscribes to. No message
 * holds a password; `mqtt-native:message` holds the message, payload included.
 */
export interface DiagnosticsMessages {
  /** A connection was made. */
  'mqtt-native:connect': { readonly clientId: string; readonly server: string; readonly result: ConnectResult };
  /** A connection has ended, or an attempt has failed. */
  'mqtt-native:disconnect': { readonly clientId: string; readonly server: string; readonly error: MqttError };
  /** The next attempt is planned; `delay` in milliseconds. */
  'mqtt-native:reconnect': { readonly clientId: string; readonly attempt: number; readonly delay: number };
  /** publish() or write() has taken a message. */
  'mqtt-native:publish': { readonly clientId: string; readonly topic: string; readonly qos: 0 | 1 | 2; readonly bytes: number };
  /** A message has arrived and is about to be handed out. */
  'mqtt-native:message': { readonly clientId: string; readonly message: Message };
  /** A message nobody waited for was given up. */
  'mqtt-native:drop': { readonly clientId: string; readonly dropped: DroppedMessage };
}

/** Look at `hasSubscribers` before making what is to be published. */
export const channels = {
  connect: channel('mqtt-native:connect'),
  disconnect: channel('mqtt-native:disconnect'),
  reconnect: channel('mqtt-native:reconnect'),
  publish: channel('mqtt-native:publish'),
  message: channel('mqtt-native:message'),
  drop: channel('mqtt-native:drop'),
};

/**
 * Throws where nobody catches: as an uncaught exception, after the caller is done. The rest of a batch does not suffer for one listener.
 */
export function reportUncaught(error: unknown): void {
  process.nextTick(() => {
    throw error;
  });
}

/** Tells the `log` option. Costs nothing without one. */
export class Log {
  readonly #sink: ((record: LogRecord) => void) | undefined;
  readonly #clientId: string;

  constructor(sink: ((record: LogRecord) => void) | undefined, clientId: string) {
    this.#sink = sink;
    this.#clientId = clientId;
  }

  write(level: LogRecord['level'], message: string): void {
    if (this.#sink === undefined) return;
    try {
      this.#sink({ level, message, clientId: this.#clientId });
    } catch (error) {
      reportUncaught(error);
    }
  }
}
