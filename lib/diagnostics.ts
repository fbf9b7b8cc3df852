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
  'mqtt-native:connect': ConnectDiagnostics;
  /** A connection has ended, or an attempt has failed. */
  'mqtt-native:disconnect': DisconnectDiagnostics;
  /** The next attempt is planned. */
  'mqtt-native:reconnect': ReconnectDiagnostics;
  /** publish() or write() has taken a message. */
  'mqtt-native:publish': PublishDiagnostics;
  /** A message has arrived and is about to be handed out. */
  'mqtt-native:message': MessageDiagnostics;
  /** A message nobody waited for was given up. */
  'mqtt-native:drop': DropDiagnostics;
}

/** What every channel tells. */
export interface ClientDiagnostics {
  /** The client identifier. */
  readonly clientId: string;
}

/** A connection was made. */
export interface ConnectDiagnostics extends ClientDiagnostics {
  /** URL of the server, without user name and password. */
  readonly server: string;
  /** As connect() resolves with. */
  readonly result: ConnectResult;
}

/** A connection has ended, or an attempt has failed. */
export interface DisconnectDiagnostics extends ClientDiagnostics {
  /** URL of the server, without user name and password. */
  readonly server: string;
  /** Why. */
  readonly error: MqttError;
}

/** The next attempt is planned. */
export interface ReconnectDiagnostics extends ClientDiagnostics {
  /** Its number in this outage, from 1 on. */
  readonly attempt: number;
  /** Milliseconds until then. */
  readonly delay: number;
}

/** publish() or write() has taken a message. */
export interface PublishDiagnostics extends ClientDiagnostics {
  /** Where it goes. */
  readonly topic: string;
  /** As it was given. */
  readonly qos: 0 | 1 | 2;
  /** Of topic, properties and payload. */
  readonly bytes: number;
}

/** A message has arrived. */
export interface MessageDiagnostics extends ClientDiagnostics {
  /** As its listeners get it, payload included. */
  readonly message: Message;
}

/** A message nobody waited for was given up. */
export interface DropDiagnostics extends ClientDiagnostics {
  /** As the event 'drop' tells. */
  readonly dropped: DroppedMessage;
}

/** A channel of node:diagnostics_channel that takes what is written down for its name. */
export interface Diagnostics<Name extends keyof DiagnosticsMessages> {
  readonly hasSubscribers: boolean;
  /** A subscriber that throws becomes an uncaught exception; the caller goes on. */
  publish(message: DiagnosticsMessages[Name]): void;
}

function diagnostics<Name extends keyof DiagnosticsMessages>(name: Name): Diagnostics<Name> {
  return channel(name);
}

/** Look at `hasSubscribers` before making what is to be published. */
export const channels = {
  connect: diagnostics('mqtt-native:connect'),
  disconnect: diagnostics('mqtt-native:disconnect'),
  reconnect: diagnostics('mqtt-native:reconnect'),
  publish: diagnostics('mqtt-native:publish'),
  message: diagnostics('mqtt-native:message'),
  drop: diagnostics('mqtt-native:drop'),
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
