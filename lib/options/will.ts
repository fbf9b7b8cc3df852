import type { EngineWill } from '../engine/engine.js';
import { MqttError, optionError } from '../errors.js';
import { encodeProperties, propertyNames } from '../protocol/properties.js';
import type { PublishProperties } from '../protocol/property-types.js';
import { topicBytes } from '../protocol/topic.js';
import { binaryData, boolean, checkNames, integer, oneOf } from './validate.js';

/** The message the server publishes when the connection ends without a DISCONNECT (3.1.2.5). */
export interface WillOptions {
  /** A topic name: not empty, no wildcards. */
  topic: string;
  /** At most 65,535 bytes. Default: empty. */
  payload?: string | ArrayBufferView | ArrayBuffer | undefined;
  /** Default: 0. */
  qos?: 0 | 1 | 2 | undefined;
  /** Default: false. */
  retain?: boolean | undefined;
  /** Seconds the server waits before it publishes the will. Default: 0. MQTT 5 only. */
  delay?: number | undefined;
  /** Properties of the will message. Default: none. MQTT 5 only. */
  properties?: PublishProperties | undefined;
}

const NAMES = new Set(['topic', 'payload', 'qos', 'retain', 'delay', 'properties']);
const PROPERTIES = new Set(propertyNames('will').filter((name) => name !== 'willDelayInterval'));

/** Checks the option `will`. Its properties are left out again when the connection is made with 3.1.1. */
export function resolveWill(given: unknown): EngineWill {
  checkNames('will', given, NAMES);
  if (given['topic'] === undefined) throw optionError('will.topic', 'is missing');
  try {
    topicBytes(given['topic'] as string);
  } catch (cause) {
    if (cause instanceof MqttError) throw new MqttError(cause.code, `will.topic: ${cause.message}`);
    throw cause;
  }
  const properties = given['properties'] ?? {};
  checkNames('will.properties', properties, PROPERTIES);
  const delay = given['delay'] === undefined ? undefined : integer('will.delay', given['delay'], 0, 0xffff_ffff);
  return {
    topic: given['topic'] as string,
    payload: given['payload'] === undefined ? new Uint8Array(0) : binaryData('will.payload', given['payload']),
    qos: given['qos'] === undefined ? 0 : oneOf('will.qos', given['qos'], [0, 1, 2]),
    retain: given['retain'] === undefined ? false : boolean('will.retain', given['retain']),
    properties: encodeProperties('will', { ...properties, willDelayInterval: delay === 0 ? undefined : delay }, 'will.properties'),
  };
}
