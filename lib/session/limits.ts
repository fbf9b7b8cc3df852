import { MqttError } from '../errors.js';
import type { ParsedSubscribe } from '../options/subscribe-options.js';
import type { ServerLimits } from '../protocol/connack.js';
import { filtersSize, MAX_PACKET_SIZE, PUBLISH_OVERHEAD, publishSize } from '../protocol/packet-size.js';
import {
  PACKET_TOO_LARGE,
  QOS_NOT_SUPPORTED,
  reasonText,
  RETAIN_NOT_SUPPORTED,
  SHARED_SUBSCRIPTIONS_NOT_SUPPORTED,
  SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED,
  WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED,
} from '../protocol/reason-codes.js';
import { hasWildcard, sharedParts } from '../protocol/topic.js';

function notSupported(what: string, reasonCode: number): MqttError {
  return new MqttError('ERR_MQTT_NOT_SUPPORTED', `${what}: ${reasonText(reasonCode)}`, { reasonCode });
}

function tooLarge(size: number, limit: number): MqttError {
  const whose = limit === MAX_PACKET_SIZE ? 'MQTT' : 'the server';
  return new MqttError('ERR_MQTT_PACKET_TOO_LARGE', `the packet has ${size} bytes, ${whose} allows ${limit}`, { reasonCode: PACKET_TOO_LARGE });
}

/** What is checked of a SUBSCRIBE. */
type SubscribeFacts = Pick<ParsedSubscribe, 'filters' | 'properties' | 'hasIdentifier' | 'mqtt5Only'>;

/** What was agreed on when connecting, as checks made before anything is sent. Valid for one connection. */
export class ConnectionLimits {
  readonly protocolVersion: 4 | 5;
  readonly #limits: ServerLimits;
  /** Flags of a publish with a bit of this need a closer look. */
  readonly #suspectFlags: number;
  /** A publish whose topic, payload and properties together are below this fits without counting. */
  readonly #surelyFits: number;

  constructor(protocolVersion: 4 | 5, limits: ServerLimits) {
    this.protocolVersion = protocolVersion;
    this.#limits = limits;
    // maximumQoS 0 suspects 1 and 2, 1 suspects 2.
    const qos = limits.maximumQoS === 2 ? 0 : limits.maximumQoS === 1 ? 2 : 3;
    this.#suspectFlags = qos | (limits.retainAvailable ? 0 : 4);
    this.#surelyFits = limits.maximumPacketSize - PUBLISH_OVERHEAD;
  }

  checkPublish(flags: number, topicBytes: number, payloadBytes: number, properties: Uint8Array | undefined): void {
    if (properties !== undefined && this.protocolVersion === 4) {
      throw new MqttError('ERR_MQTT_NOT_SUPPORTED', 'properties: the connection speaks MQTT 3.1.1, which has none');
    }
    const propertyBytes = properties === undefined ? 0 : properties.length;
    if ((flags & this.#suspectFlags) !== 0) {
      if ((flags & 3) > this.#limits.maximumQoS) throw notSupported(`QoS ${flags & 3}`, QOS_NOT_SUPPORTED);
      if ((flags & 4) !== 0 && !this.#limits.retainAvailable) throw notSupported('retain', RETAIN_NOT_SUPPORTED);
    }
    if (topicBytes + payloadBytes + propertyBytes > this.#surelyFits) {
      const size = publishSize(this.protocolVersion, flags & 3, topicBytes, payloadBytes, propertyBytes);
      if (size > this.#limits.maximumPacketSize) throw tooLarge(size, this.#limits.maximumPacketSize);
    }
  }

  checkSubscribe({ filters, properties, hasIdentifier, mqtt5Only }: SubscribeFacts): void {
    if (mqtt5Only !== undefined) this.#checkVersion(mqtt5Only);
    for (const filter of filters) {
      const shared = sharedParts(filter);
      if (shared !== undefined && !this.#limits.sharedSubscriptionAvailable) throw notSupported(filter, SHARED_SUBSCRIPTIONS_NOT_SUPPORTED);
      if (!this.#limits.wildcardSubscriptionAvailable && hasWildcard(shared?.filter ?? filter)) {
        throw notSupported(filter, WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED);
      }
    }
    if (hasIdentifier && !this.#limits.subscriptionIdentifiersAvailable) {
      throw notSupported('subscriptionIdentifier', SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED);
    }
    this.#checkSize(filtersSize(this.protocolVersion, filters, 1, properties?.length ?? 0));
  }

  checkUnsubscribe(filters: readonly string[], properties: Uint8Array | undefined): void {
    if (properties !== undefined) this.#checkVersion('properties');
    this.#checkSize(filtersSize(this.protocolVersion, filters, 0, properties?.length ?? 0));
  }

  #checkVersion(name: string): void {
    if (this.protocolVersion === 4) throw new MqttError('ERR_MQTT_NOT_SUPPORTED', `${name}: the connection speaks MQTT 3.1.1, which has none`);
  }

  #checkSize(size: number): void {
    if (size > this.#limits.maximumPacketSize) throw tooLarge(size, this.#limits.maximumPacketSize);
  }
}
