import { optionError } from '../errors.js';
import { encodeProperties, propertyNames } from '../protocol/properties.js';
import type { DisconnectProperties } from '../protocol/property-types.js';
import { DISCONNECT_CODES } from '../protocol/reason-codes.js';
import { readWait, type Wait, type WaitOptions } from './call-options.js';
import { checkNames, checkSignal } from './validate.js';

/** Options of connect(). */
export interface ConnectOptions {
  /** Gives the attempt up: connect() rejects with `ERR_MQTT_ABORTED`. Default: none. */
  signal?: AbortSignal | undefined;
}

/** Options of close(). `timeout` and `signal` end the wait for what is still on its way; the client is closed in any case. */
export interface CloseOptions extends WaitOptions {
  /** Reason code of DISCONNECT, for example 4: publish the will. MQTT 5; 3.1.1 takes only 0. Default: 0. */
  reasonCode?: number | undefined;
  /** Properties of DISCONNECT. MQTT 5. Default: none. */
  properties?: DisconnectProperties | undefined;
}

export interface ParsedClose extends Wait {
  readonly reasonCode: number;
  readonly properties: Uint8Array | undefined;
}

const CONNECT_NAMES = new Set(['signal']);
const CLOSE_NAMES = new Set(['reasonCode', 'properties', 'timeout', 'signal']);
const PROPERTIES = new Set(propertyNames('disconnect').filter((name) => name !== 'serverReference'));

export function parseConnect(given: unknown): AbortSignal | undefined {
  const options = given ?? {};
  checkNames('connect', options, CONNECT_NAMES);
  return options['signal'] === undefined ? undefined : checkSignal('connect.signal', options['signal']);
}

/** `sessionExpiry`: what CONNECT said; 0 cannot be raised any more (3.14.2.2.2). */
export function parseClose(given: unknown, sessionExpiry: number): ParsedClose {
  const options = given ?? {};
  checkNames('close', options, CLOSE_NAMES);
  const { reasonCode = 0, properties = {} } = options;
  if (typeof reasonCode !== 'number' || !DISCONNECT_CODES.has(reasonCode)) {
    throw optionError('close.reasonCode', 'must be a reason code a client may send in DISCONNECT');
  }
  checkNames('close.properties', properties, PROPERTIES);
  const encoded = encodeProperties('disconnect', properties, 'close.properties');
  if (sessionExpiry === 0 && ((properties['sessionExpiryInterval'] as number | undefined) ?? 0) > 0) {
    throw optionError('close.properties.sessionExpiryInterval', 'must not be above 0 when the connection was made with 0');
  }
  return { reasonCode, properties: encoded, ...readWait('close', options) };
}
