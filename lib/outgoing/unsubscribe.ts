import { abortedError, MqttError } from '../errors.js';
import type { Dispatcher } from '../incoming/dispatch.js';
import type { RoutedSubscription } from '../incoming/subscription.js';
import { parseUnsubscribe, type ParsedUnsubscribe } from '../options/subscribe-options.js';
import { decodeProperties, NO_PROPERTIES } from '../protocol/properties.js';
import type { AckProperties } from '../protocol/property-types.js';
import { FIRST_ERROR, reasonText } from '../protocol/reason-codes.js';
import type { Outgoing } from './outgoing.js';

/** The server's answer to UNSUBSCRIBE. */
export interface UnsubscribeResult {
  /** The filters the server was told to forget. */
  readonly filters: readonly string[];
  /**
   * One for each filter: 0 success, 17 there was no such subscription, 128 and above refused. 0 in 3.1.1, where the server does not say.
   */
  readonly reasonCodes: readonly number[];
  /** MQTT 5; empty when there are none. */
  readonly properties: AckProperties;
}

/** unsubscribe(): by filter, for all subscriptions that have it. */
export async function unsubscribe(
  outgoing: Outgoing,
  dispatcher: Dispatcher,
  filters: unknown,
  options: unknown,
): Promise<UnsubscribeResult> {
  const parsed = parseUnsubscribe(filters, options);
  // Those of now: one that subscribes while the server has not answered yet is not meant.
  const holders = new Map(parsed.filters.map((filter) => [filter, dispatcher.holders(filter)]));
  return send(outgoing, parsed, (filter) => {
    for (const subscription of holders.get(filter)!) dispatcher.remove(subscription, [filter]);
  });
}

/** Subscription.unsubscribe(): the server is told only what no other subscription needs. */
export async function unsubscribeFrom(
  outgoing: Outgoing,
  dispatcher: Dispatcher,
  subscription: RoutedSubscription,
  options: unknown,
): Promise<UnsubscribeResult> {
  const shared: string[] = [];
  const own: string[] = [];
  for (const filter of subscription.filters) (dispatcher.isLastHolder(subscription, filter) ? own : shared).push(filter);
  if (own.length === 0) {
    dispatcher.remove(subscription, shared);
    return { filters: [], reasonCodes: [], properties: NO_PROPERTIES };
  }
  const parsed = parseUnsubscribe(own, options);
  const result = await send(outgoing, parsed, (filter) => dispatcher.remove(subscription, [filter]));
  dispatcher.remove(subscription, shared);
  return result;
}

/** Messages may come until the server has answered (3.10.4): routes are taken down then, each where the server agreed. */
async function send(outgoing: Outgoing, parsed: ParsedUnsubscribe, forget: (filter: string) => void): Promise<UnsubscribeResult> {
  const { filters } = parsed;
  if (parsed.signal?.aborted) throw abortedError(parsed.signal);
  const answer = await outgoing.ask(parsed, (engine, limits, slot) => {
    limits.checkUnsubscribe(filters, parsed.properties);
    engine.unsubscribe(slot, filters, parsed.properties);
  });
  const reasonCodes = filters.map((_, i) => answer.reasonCodes[i] ?? 0);
  filters.forEach((filter, i) => {
    if (reasonCodes[i]! < FIRST_ERROR) forget(filter);
  });
  const properties = answer.properties === undefined ? NO_PROPERTIES : decodeProperties('ack', answer.properties);
  if (reasonCodes.every((code) => code >= FIRST_ERROR)) {
    const reasonCode = reasonCodes[0]!;
    const text = properties.reasonString === undefined ? '' : `: ${properties.reasonString}`;
    throw new MqttError('ERR_MQTT_UNSUBSCRIBE', `the server refused to forget ${JSON.stringify(filters[0])}: ${reasonText(reasonCode)}${text}`, { reasonCode, properties });
  }
  return Object.freeze({ filters, reasonCodes: Object.freeze(reasonCodes), properties });
}
