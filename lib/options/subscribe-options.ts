import { MqttError, optionError } from '../errors.js';
import { encodeProperties, propertyNames } from '../protocol/properties.js';
import type { SubscribeProperties } from '../protocol/property-types.js';
import { checkFilter, sharedParts } from '../protocol/topic.js';
import { readWait, type Wait, type WaitOptions } from './call-options.js';
import { boolean, checkNames, integer, oneOf } from './validate.js';

/** How the server sends the messages of one filter (3.8.3.1). */
export interface FilterOptions {
  /** The highest QoS to send messages with. Default: 0. */
  qos?: 0 | 1 | 2 | undefined;
  /** Not those this client published itself. Not with a shared subscription [MQTT-3.8.3-4]. MQTT 5. Default: false. */
  noLocal?: boolean | undefined;
  /** Keep the RETAIN flag as it was published. MQTT 5. Default: false. */
  retainAsPublished?: boolean | undefined;
  /** Retained messages: 0 send them, 1 only if the subscription is new, 2 do not. MQTT 5. Default: 0. */
  retainHandling?: 0 | 1 | 2 | undefined;
}

/** Options of subscribe(). Those of FilterOptions are the default of every filter of the call. */
export interface SubscribeOptions extends FilterOptions, WaitOptions {
  /**
   * 1 to 268,435,455; comes back with each message that matched. MQTT 5. Default: the client takes one of its own where the server allows
   * it, from 8,192 on, to tell overlapping subscriptions apart; messages do not show it.
   */
  subscriptionIdentifier?: number | undefined;
  /** Properties of SUBSCRIBE. MQTT 5. Default: none. */
  properties?: SubscribeProperties | undefined;
}

/** Options of unsubscribe(). */
export interface UnsubscribeOptions extends WaitOptions {
  /** Properties of UNSUBSCRIBE. MQTT 5. Default: none. */
  properties?: SubscribeProperties | undefined;
}

/** One filter, several, or several with options of their own. */
export type Filters = string | readonly string[] | ReadonlyMap<string, FilterOptions> | Readonly<Record<string, FilterOptions>>;

/** A SUBSCRIBE, checked. */
export interface ParsedSubscribe extends Wait {
  readonly filters: readonly string[];
  /** A byte a filter, as in SUBSCRIBE's payload. */
  readonly options: Uint8Array;
  readonly properties: Uint8Array | undefined;
  readonly hasIdentifier: boolean;
  /** The name of an option that MQTT 3.1.1 lacks, if one was used. */
  readonly mqtt5Only: string | undefined;
}

/** An UNSUBSCRIBE, checked. */
export interface ParsedUnsubscribe extends Wait {
  readonly filters: readonly string[];
  readonly properties: Uint8Array | undefined;
}

const FILTER_NAMES = ['qos', 'noLocal', 'retainAsPublished', 'retainHandling'];
const SUBSCRIBE_NAMES = new Set([...FILTER_NAMES, 'subscriptionIdentifier', 'properties', 'timeout', 'signal']);
const UNSUBSCRIBE_NAMES = new Set(['properties', 'timeout', 'signal']);
const OWN_NAMES = new Set(FILTER_NAMES);
const PROPERTIES = new Set(propertyNames('unsubscribe'));

/** The options byte of one filter (3.8.3.1); `defaults` is that of the whole call. */
function optionsByte(what: string, options: Readonly<Record<string, unknown>>, defaults: number): number {
  let byte = defaults;
  if (options['qos'] !== undefined) byte = (byte & ~3) | oneOf(`${what}.qos`, options['qos'], [0, 1, 2]);
  if (options['noLocal'] !== undefined) byte = (byte & ~4) | (boolean(`${what}.noLocal`, options['noLocal']) ? 4 : 0);
  if (options['retainAsPublished'] !== undefined) {
    byte = (byte & ~8) | (boolean(`${what}.retainAsPublished`, options['retainAsPublished']) ? 8 : 0);
  }
  if (options['retainHandling'] !== undefined) {
    byte = (byte & ~48) | (oneOf(`${what}.retainHandling`, options['retainHandling'], [0, 1, 2]) << 4);
  }
  return byte;
}

function entriesOf(what: string, filters: unknown): [string, unknown][] {
  if (typeof filters === 'string') return [[filters, undefined]];
  let entries: [string, unknown][];
  if (Array.isArray(filters)) entries = filters.map((filter) => [filter as string, undefined]);
  else if (filters instanceof Map) entries = [...(filters as Map<string, unknown>)];
  else if (typeof filters === 'object' && filters !== null) entries = Object.entries(filters);
  else throw new MqttError('ERR_MQTT_FILTER', `${what}: a topic filter must be a string`);
  if (entries.length === 0) throw new MqttError('ERR_MQTT_FILTER', `${what}: there is no topic filter [MQTT-3.8.3-2]`);
  return entries;
}

/** Checks the arguments of subscribe(). */
export function parseSubscribe(given: unknown, givenOptions: unknown): ParsedSubscribe {
  const options = givenOptions ?? {};
  checkNames('subscribe', options, SUBSCRIBE_NAMES);
  const defaults = optionsByte('subscribe', options, 0);
  const bytes = new Map<string, number>();
  for (const [filter, own] of entriesOf('subscribe', given)) {
    checkFilter(filter);
    let byte = defaults;
    if (own !== undefined) {
      const what = `subscribe: options of ${JSON.stringify(filter.slice(0, 80))}`;
      checkNames(what, own, OWN_NAMES);
      byte = optionsByte(what, own, defaults);
    }
    if ((byte & 4) !== 0 && sharedParts(filter) !== undefined) {
      throw optionError('subscribe.noLocal', 'not with a shared subscription [MQTT-3.8.3-4]');
    }
    bytes.set(filter, byte);
  }
  const { subscriptionIdentifier, properties = {} } = options;
  if (subscriptionIdentifier !== undefined) integer('subscribe.subscriptionIdentifier', subscriptionIdentifier, 1, 268_435_455);
  checkNames('subscribe.properties', properties, PROPERTIES);
  const encoded = encodeProperties('subscribe', { subscriptionIdentifier, ...properties }, 'subscribe.properties');
  const beyondQos = [...bytes.values()].some((byte) => byte > 2);
  return {
    filters: [...bytes.keys()],
    options: Uint8Array.from(bytes.values()),
    properties: encoded,
    hasIdentifier: subscriptionIdentifier !== undefined,
    mqtt5Only: encoded !== undefined
      ? subscriptionIdentifier !== undefined ? 'subscriptionIdentifier' : 'properties'
      : beyondQos ? 'noLocal, retainAsPublished or retainHandling' : undefined,
    ...readWait('subscribe', options),
  };
}

/** Checks the arguments of unsubscribe(). */
export function parseUnsubscribe(given: unknown, givenOptions: unknown): ParsedUnsubscribe {
  const options = givenOptions ?? {};
  checkNames('unsubscribe', options, UNSUBSCRIBE_NAMES);
  const filters = new Set<string>();
  if (typeof given !== 'string' && !Array.isArray(given)) throw new MqttError('ERR_MQTT_FILTER', 'unsubscribe: a topic filter must be a string');
  for (const [filter] of entriesOf('unsubscribe', given)) {
    checkFilter(filter);
    filters.add(filter);
  }
  const { properties = {} } = options;
  checkNames('unsubscribe.properties', properties, PROPERTIES);
  return {
    filters: [...filters],
    properties: encodeProperties('unsubscribe', properties, 'unsubscribe.properties'),
    ...readWait('unsubscribe', options),
  };
}
