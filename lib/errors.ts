import type { ServerProperties } from './protocol/property-types.js';

/**
 * What went wrong, as a stable name: match these, never the text of a message. The same cause has the same code on both engines.
 *
 * | code | cause |
 * |---|---|
 * | `ERR_MQTT_OPTION` | an option or argument is wrong; the message names it |
 * | `ERR_MQTT_TOPIC` | the topic name is not valid (empty, wildcard, U+0000, ill-formed UTF-8, above 65,535 bytes) |
 * | `ERR_MQTT_FILTER` | the topic filter is not valid |
 * | `ERR_MQTT_RESOLVE` | the host name was not resolved |
 * | `ERR_MQTT_CONNECT` | no address of the server accepted a TCP connection |
 * | `ERR_MQTT_TLS` | TLS handshake or certificate; the message says which |
 * | `ERR_MQTT_TIMEOUT` | no answer in time |
 * | `ERR_MQTT_REFUSED` | the server refused the connection; `reasonCode` is CONNACK's |
 * | `ERR_MQTT_PROTOCOL` | the server broke the protocol |
 * | `ERR_MQTT_CONNECTION_LOST` | the connection ended without a DISCONNECT |
 * | `ERR_MQTT_KEEP_ALIVE` | the server did not answer PINGREQ in time |
 * | `ERR_MQTT_SERVER_DISCONNECT` | the server sent DISCONNECT; `reasonCode` is its reason |
 * | `ERR_MQTT_CLOSED` | this side closed or destroyed the client, or ended the connection because a handler has failed |
 * | `ERR_MQTT_NOT_CONNECTED` | there is no connection, and none is sought or, with `queue.qos0: false`, waited for |
 * | `ERR_MQTT_PUBLISH` | the server answered a publish with an error; `reasonCode` says which |
 * | `ERR_MQTT_SUBSCRIBE` | the server refused the subscription; `reasonCode` says why |
 * | `ERR_MQTT_UNSUBSCRIBE` | the server refused to unsubscribe; `reasonCode` says why |
 * | `ERR_MQTT_PACKET_TOO_LARGE` | above the server's Maximum Packet Size or the protocol's limit; nothing was sent |
 * | `ERR_MQTT_NOT_SUPPORTED` | not offered by this server or this protocol version; nothing was sent |
 * | `ERR_MQTT_ABORTED` | the `signal` was aborted; its reason is the `cause` |
 * | `ERR_MQTT_ENGINE_UNAVAILABLE` | the engine asked for cannot serve |
 * | `ERR_MQTT_QUEUE_FULL` | the outgoing queue is full, or the message was dropped to make room for a newer one |
 * | `ERR_MQTT_EXPIRED` | the Message Expiry Interval of a message passed before it was sent |
 * | `ERR_MQTT_CREDENTIALS` | the function `credentials` has thrown or rejected; what with is the `cause` |
 */
export type MqttErrorCode =
  | 'ERR_MQTT_OPTION'
  | 'ERR_MQTT_TOPIC'
  | 'ERR_MQTT_FILTER'
  | 'ERR_MQTT_RESOLVE'
  | 'ERR_MQTT_CONNECT'
  | 'ERR_MQTT_TLS'
  | 'ERR_MQTT_TIMEOUT'
  | 'ERR_MQTT_REFUSED'
  | 'ERR_MQTT_PROTOCOL'
  | 'ERR_MQTT_CONNECTION_LOST'
  | 'ERR_MQTT_KEEP_ALIVE'
  | 'ERR_MQTT_SERVER_DISCONNECT'
  | 'ERR_MQTT_CLOSED'
  | 'ERR_MQTT_NOT_CONNECTED'
  | 'ERR_MQTT_PUBLISH'
  | 'ERR_MQTT_SUBSCRIBE'
  | 'ERR_MQTT_UNSUBSCRIBE'
  | 'ERR_MQTT_PACKET_TOO_LARGE'
  | 'ERR_MQTT_NOT_SUPPORTED'
  | 'ERR_MQTT_ABORTED'
  | 'ERR_MQTT_ENGINE_UNAVAILABLE'
  | 'ERR_MQTT_QUEUE_FULL'
  | 'ERR_MQTT_EXPIRED'
  | 'ERR_MQTT_CREDENTIALS';

/** What an {@link MqttError} may carry besides its code and message. */
export interface MqttErrorDetails {
  /** The MQTT reason code (3.1.1: CONNACK's return code). */
  reasonCode?: number | undefined;
  /** MQTT 5 properties of the server's answer. */
  properties?: ServerProperties | undefined;
  /** The error underneath. */
  cause?: unknown;
}

/** Every error of this package. Match `code` (and `reasonCode`); messages may be improved at any time. */
export class MqttError extends Error {
  /** The stable name of the cause. */
  readonly code: MqttErrorCode;
  /** The MQTT reason code, where the server gave one or the standard names one for a local refusal. 3.1.1: CONNACK's return code 1 to 5. */
  readonly reasonCode?: number;
  /** MQTT 5: the properties of the server's answer, for example `reasonString`. */
  readonly properties?: ServerProperties;

  constructor(code: MqttErrorCode, message: string, details?: MqttErrorDetails) {
    super(message, details?.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    if (details?.reasonCode !== undefined) this.reasonCode = details.reasonCode;
    if (details?.properties !== undefined) this.properties = details.properties;
  }
}
// On the prototype: own properties would be printed twice, and the name cannot differ from one error to the next.
Object.defineProperty(MqttError.prototype, 'name', { value: 'MqttError', configurable: true, writable: true });

/** One attempt to load an engine. */
export interface EngineAttempt {
  /** Which engine was tried. */
  readonly engine: 'native' | 'js';
  /** The file that was tried, where there is one. */
  readonly file?: string | undefined;
  /** Why it cannot serve. */
  readonly error: Error;
}

/** No engine can serve what was asked: `ERR_MQTT_ENGINE_UNAVAILABLE`. Lists every attempt. */
export class EngineUnavailableError extends MqttError {
  /** Every attempt to find an engine, in order. */
  readonly attempts: readonly EngineAttempt[];

  constructor(message: string, attempts: readonly EngineAttempt[]) {
    const lines = attempts.map((a) => `\n  ${a.engine}${a.file === undefined ? '' : ` ${a.file}`}: ${a.error.message}`);
    super('ERR_MQTT_ENGINE_UNAVAILABLE', message + lines.join(''), { cause: attempts.at(-1)?.error });
    this.attempts = attempts;
  }
}
Object.defineProperty(EngineUnavailableError.prototype, 'name', { value: 'EngineUnavailableError', configurable: true, writable: true });

/** `name` is the option's or argument's name as the user wrote it: `tls.ca`, `publish: qos`. */
export function optionError(name: string, problem: string, cause?: unknown): MqttError {
  return new MqttError('ERR_MQTT_OPTION', `${name}: ${problem}`, { cause });
}

export function notConnectedError(): MqttError {
  return new MqttError('ERR_MQTT_NOT_CONNECTED', 'the client is not connected');
}

export function closedError(cause?: unknown): MqttError {
  return new MqttError('ERR_MQTT_CLOSED', 'the client was closed', { cause });
}

export function abortedError(signal: AbortSignal): MqttError {
  return new MqttError('ERR_MQTT_ABORTED', 'aborted by the signal', { cause: signal.reason });
}

export function timeoutError(what: string): MqttError {
  return new MqttError('ERR_MQTT_TIMEOUT', `${what}: no answer in time`);
}
