import { checkFunction } from '../options/call-options.js';
import { parseSubscribe } from '../options/subscribe-options.js';
import type { Dispatcher } from '../incoming/dispatch.js';
import { RoutedSubscription, type Grant, type MessageHandler, type Subscription } from '../incoming/subscription.js';
import { abortedError, MqttError } from '../errors.js';
import { decodeProperties, NO_PROPERTIES } from '../protocol/properties.js';
import { FIRST_ERROR, reasonText } from '../protocol/reason-codes.js';
import type { Answer, Outgoing } from './outgoing.js';
import { unsubscribeFrom } from './unsubscribe.js';

/** subscribe(): one SUBSCRIBE, one Subscription. */
export async function subscribe(
  outgoing: Outgoing,
  dispatcher: Dispatcher,
  given: unknown,
  options: unknown,
  handler: MessageHandler | undefined,
): Promise<Subscription> {
  const parsed = parseSubscribe(given, options);
  if (handler !== undefined) checkFunction('subscribe: handler', handler);
  if (parsed.signal?.aborted) throw abortedError(parsed.signal);

  const subscription = new RoutedSubscription(dispatcher, parsed, handler, (one, wait) => unsubscribeFrom(outgoing, dispatcher, one, wait));
  let { filters } = parsed;
  let answer: Answer;
  try {
    answer = await outgoing.ask(parsed, (engine, limits, slot) => {
      // It stays from the first time on: a server that keeps the session may send on the strength of a SUBSCRIBE whose answer was lost.
      if (subscription.active) dispatcher.add(subscription);
      const request = subscription.request();
      ({ filters } = request);
      if (filters.length === 0) throw new MqttError('ERR_MQTT_SUBSCRIBE', 'unsubscribed before the server had answered');
      limits.checkSubscribe({ ...parsed, filters, properties: request.properties });
      engine.subscribe(slot, filters, request.options, request.properties);
    });
  } catch (error) {
    dispatcher.remove(subscription, parsed.filters);
    throw error;
  }
  // The engine has seen to it that there is a code for each filter [MQTT-3.9.3-1].
  const grants: Grant[] = filters.map((filter, i) => Object.freeze({ filter, reasonCode: answer.reasonCodes[i] ?? FIRST_ERROR }));
  const refused = grants.filter((grant) => grant.reasonCode >= FIRST_ERROR);
  if (refused.length > 0) dispatcher.remove(subscription, refused.map((grant) => grant.filter));
  const properties = answer.properties === undefined ? NO_PROPERTIES : decodeProperties('ack', answer.properties);
  if (refused.length === grants.length) {
    const [{ filter, reasonCode }] = refused as [Grant];
    const text = properties.reasonString === undefined ? '' : `: ${properties.reasonString}`;
    throw new MqttError('ERR_MQTT_SUBSCRIBE', `the server refused ${JSON.stringify(filter)}: ${reasonText(reasonCode)}${text}`, { reasonCode, properties });
  }
  subscription.grants = Object.freeze(grants);
  subscription.properties = properties;
  return subscription;
}
