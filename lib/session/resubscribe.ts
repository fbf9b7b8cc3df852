import type { Log } from '../diagnostics.js';
import type { Engine } from '../engine/engine.js';
import { MqttError } from '../errors.js';
import type { Dispatcher } from '../incoming/dispatch.js';
import type { Grant, RoutedSubscription, SubscribeRequest } from '../incoming/subscription.js';
import type { Answer, Outgoing } from '../outgoing/outgoing.js';
import { decodeProperties, NO_PROPERTIES } from '../protocol/properties.js';
import { FIRST_ERROR, reasonText } from '../protocol/reason-codes.js';
import type { ConnectionLimits } from './limits.js';

/** It takes as long as the connection lasts. */
const NO_LIMIT = { timeout: 0, signal: undefined };

/**
 * Subscribes again, with the options of then, to what the application is subscribed to and the server does not know any more.
 *
 * Why it is remembered what is still owed:
 * 1. The server has lost the session; its new one begins with this connection, and SUBSCRIBE is sent again.
 * 2. The connection is lost before SUBACK.
 * 3. The next CONNACK says that there is a session, and so there is: the new one, without these subscriptions.
 */
export class Resubscription {
  readonly #owed = new Set<RoutedSubscription>();

  constructor(
    private readonly outgoing: Outgoing,
    private readonly dispatcher: Dispatcher,
    private readonly log: Log,
    private readonly onError: (error: MqttError) => void,
  ) {}

  /** There is a connection. `all`: the server knows of no subscription. The SUBSCRIBEs are with the engine when this returns. */
  connected(all: boolean, engine: Engine, limits: ConnectionLimits): void {
    if (all) {
      this.#owed.clear();
      for (const subscription of this.dispatcher.active()) this.#owed.add(subscription);
    }
    for (const subscription of this.#owed) {
      if (subscription.active) this.#send(subscription, engine, limits);
      else this.#owed.delete(subscription);
    }
  }

  #send(subscription: RoutedSubscription, engine: Engine, limits: ConnectionLimits): void {
    const request = subscription.request();
    const { filters, options, properties } = request;
    try {
      const beyondQos = options.some((byte) => byte > 2) ? 'noLocal, retainAsPublished or retainHandling' : undefined;
      limits.checkSubscribe({ filters, properties, hasIdentifier: subscription.identified, mqtt5Only: properties === undefined ? beyondQos : 'properties' });
    } catch (error) {
      this.#refused(subscription, filters, error as MqttError);
      return;
    }
    this.log.write('info', `subscribing again to ${filters.map((filter) => JSON.stringify(filter)).join(', ')}`);
    this.outgoing.request(NO_LIMIT, (slot) => engine.subscribe(slot, filters, options, properties)).then(
      (answer) => this.#answered(subscription, request, answer),
      // The connection is lost before the answer: it is still owed.
      () => undefined,
    );
  }

  #answered(subscription: RoutedSubscription, { filters }: SubscribeRequest, answer: Answer): void {
    this.#owed.delete(subscription);
    const grants: Grant[] = filters.map((filter, i) => Object.freeze({ filter, reasonCode: answer.reasonCodes[i] ?? FIRST_ERROR }));
    subscription.regranted(grants);
    const refused = grants.filter((grant) => grant.reasonCode >= FIRST_ERROR);
    if (refused.length === 0) return;
    const [{ filter, reasonCode }] = refused as [Grant];
    const properties = answer.properties === undefined ? NO_PROPERTIES : decodeProperties('ack', answer.properties);
    const message = `the server does not grant ${JSON.stringify(filter)} again: ${reasonText(reasonCode)}`;
    this.#refused(subscription, refused.map((grant) => grant.filter), new MqttError('ERR_MQTT_SUBSCRIBE', message, { reasonCode, properties }));
  }

  /** A loop throws the error; where none runs, or the subscription goes on with its other filters, the client tells of it. */
  #refused(subscription: RoutedSubscription, filters: readonly string[], error: MqttError): void {
    this.#owed.delete(subscription);
    const looping = subscription.mode === 'loop';
    this.dispatcher.remove(subscription, filters, error);
    this.log.write('error', error.message);
    if (!looping || subscription.active) this.onError(error);
  }
}
