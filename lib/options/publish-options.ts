import { optionError } from '../errors.js';
import { encodeProperties, propertyNames } from '../protocol/properties.js';
import type { PublishProperties } from '../protocol/property-types.js';
import type { WaitOptions } from './call-options.js';
import { bytesOf, checkNames, checkSignal, milliseconds, unknownName } from './validate.js';

/** Options of write(). */
export interface WriteOptions {
  /** 0 at most once, 1 at least once, 2 exactly once. Default: 0. */
  qos?: 0 | 1 | 2 | undefined;
  /** Whether the server keeps the message for those who subscribe later. Default: false. */
  retain?: boolean | undefined;
  /** MQTT 5; `ERR_MQTT_NOT_SUPPORTED` on a 3.1.1 connection. Default: none. */
  properties?: PublishProperties | undefined;
}

/** Options of publish(). */
export interface PublishOptions extends WriteOptions, WaitOptions {}

/** What can be published: a text is written as UTF-8, anything else as its bytes. It is copied before the call returns. */
export type Payload = string | ArrayBufferView | ArrayBuffer | SharedArrayBuffer;

const NAMES = ['qos', 'retain', 'properties', 'timeout', 'signal'];
const PROPERTIES_OF = { publish: 'publish.properties', write: 'write.properties' } as const;
const PROPERTIES = new Set(propertyNames('publish-out'));

/** The last options read. One object for all, so that reading them makes nothing; good until the next call. */
export const parsed: {
  flags: number;
  properties: Uint8Array | undefined;
  timeout: number | undefined;
  signal: AbortSignal | undefined;
} = { flags: 0, properties: undefined, timeout: undefined, signal: undefined };

/** Reads options of publish() or write() into `parsed`. */
export function parsePublishOptions(what: 'publish' | 'write', options: PublishOptions): void {
  parsed.flags = 0;
  parsed.properties = undefined;
  parsed.timeout = undefined;
  parsed.signal = undefined;
  if (typeof options !== 'object' || options === null) throw optionError(`${what}: options`, 'must be an object');
  for (const name in options) {
    const value: unknown = options[name as keyof PublishOptions];
    if (value === undefined) continue;
    switch (name) {
      case 'qos':
        if (value !== 0 && value !== 1 && value !== 2) throw optionError(`${what}.qos`, 'must be 0, 1 or 2');
        parsed.flags |= value;
        break;
      case 'retain':
        if (typeof value !== 'boolean') throw optionError(`${what}.retain`, 'must be true or false');
        if (value) parsed.flags |= 4;
        break;
      case 'properties':
        checkNames(PROPERTIES_OF[what], value, PROPERTIES);
        parsed.properties = encodeProperties('publish-out', value, PROPERTIES_OF[what]);
        break;
      case 'timeout':
        if (what === 'write') throw optionError('write.timeout', 'write() does not wait; use publish()');
        parsed.timeout = milliseconds('publish.timeout', value);
        break;
      case 'signal':
        if (what === 'write') throw optionError('write.signal', 'write() does not wait; use publish()');
        parsed.signal = checkSignal('publish.signal', value);
        break;
      default:
        throw unknownName(what, name, NAMES);
    }
  }
}

/** Bytes of a payload that is neither text nor Uint8Array. */
export function payloadBytes(payload: unknown): Uint8Array {
  const bytes = bytesOf(payload);
  if (bytes === undefined) throw optionError('payload', 'must be a string, an ArrayBuffer, or a view of one');
  return bytes;
}
