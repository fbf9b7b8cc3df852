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
  filters: unknown,
  options: unknown,
  handler: MessageHandler | undefined,
): Promise<Subscription> {
  const parsed = parseSubscribe(filters, options);
  if (handler !== undefined) checkFunction('subscribe: handler', handler);
  const { limits, engine } = outgoing;
  if (limits === undefined || engine === undefined) throw outgoing.unavailable();
  limits.checkSubscribe(parsed);
  if (parsed.signal?.aborted) throw abortedError(parsed.signal);

  const subscription = new RoutedSubscription(dispatcher, parsed.filters, handler, (one, given) =>
    unsubscribeFrom(outgoing, dispatcher, one, given),
  );
  dispatcher.add(subscription);
  let answer: Answer;
  try {
    answer = await outgoing.request(parsed, (slot) => engine.subscribe(slot, parsed.filters, parsed.options, parsed.properties));
  } catch (error) {
    dispatcher.remove(subscription, parsed.filters);
    throw error;
  }
  // The engine has seen to it that there is a code for each filter [MQTT-3.9.3-1].
  const grants: Grant[] = parsed.filters.map((filter, i) => Object.freeze({ filter, reasonCode: answer.reasonCodes[i] ?? FIRST_ERROR }));
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
