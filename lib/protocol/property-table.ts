/** How a property's value is written (1.5). */
export type PropertyType = 'byte' | 'two' | 'four' | 'varint' | 'text' | 'bytes' | 'pair';

/**
 * Where a property stands. `will` is the Will Properties of CONNECT's payload, `ack` is PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK and
 * UNSUBACK, which allow the same two; `publish-in` and `publish-out` differ because a client sends no Subscription Identifier (3.3.4-6)
 * and leaves aliases to the engine. `answer` is any packet in which the server says how something ended.
 */
export type PropertyPlace =
  | 'connect'
  | 'connack'
  | 'will'
  | 'publish-in'
  | 'publish-out'
  | 'ack'
  | 'subscribe'
  | 'unsubscribe'
  | 'disconnect'
  | 'answer';

export interface PropertySpec {
  readonly id: number;
  /** Its name in an object of properties. */
  readonly name: string;
  readonly type: PropertyType;
  readonly places: ReadonlySet<PropertyPlace>;
  /** Bytes may stand more than once: the value is an array. */
  readonly many: boolean;
  readonly min: number;
  readonly max: number;
}

type Limits = Partial<Pick<PropertySpec, 'min' | 'many'>>;

function spec(id: number, name: string, type: PropertyType, places: PropertyPlace[], limits?: Limits): PropertySpec {
  const most = { byte: 1, two: 0xffff, four: 0xffff_ffff, varint: 268_435_455, text: 0, bytes: 0, pair: 0 }[type];
  return { id, name, type, places: new Set(places), many: limits?.many ?? false, min: limits?.min ?? 0, max: most };
}

const MESSAGE: PropertyPlace[] = ['publish-in', 'publish-out', 'will'];

/** Every property of MQTT 5 (2.2.2.2) except Topic Alias in PUBLISH, which an engine assigns and resolves. */
export const PROPERTIES: readonly PropertySpec[] = [
  spec(1, 'payloadFormatIndicator', 'byte', MESSAGE),
  spec(2, 'messageExpiryInterval', 'four', MESSAGE),
  spec(3, 'contentType', 'text', MESSAGE),
  spec(8, 'responseTopic', 'text', MESSAGE),
  spec(9, 'correlationData', 'bytes', MESSAGE),
  spec(11, 'subscriptionIdentifiers', 'varint', ['publish-in'], { min: 1, many: true }),
  spec(11, 'subscriptionIdentifier', 'varint', ['subscribe'], { min: 1 }),
  spec(17, 'sessionExpiryInterval', 'four', ['connect', 'connack', 'disconnect', 'answer']),
  spec(18, 'assignedClientIdentifier', 'text', ['connack', 'answer']),
  spec(19, 'serverKeepAlive', 'two', ['connack', 'answer']),
  spec(21, 'authenticationMethod', 'text', ['connect', 'connack', 'answer']),
  spec(22, 'authenticationData', 'bytes', ['connect', 'connack', 'answer']),
  spec(23, 'requestProblemInformation', 'byte', ['connect']),
  spec(24, 'willDelayInterval', 'four', ['will']),
  spec(25, 'requestResponseInformation', 'byte', ['connect']),
  spec(26, 'responseInformation', 'text', ['connack', 'answer']),
  spec(28, 'serverReference', 'text', ['connack', 'disconnect', 'answer']),
  spec(31, 'reasonString', 'text', ['connack', 'ack', 'disconnect', 'answer']),
  spec(33, 'receiveMaximum', 'two', ['connect', 'connack', 'answer'], { min: 1 }),
  spec(34, 'topicAliasMaximum', 'two', ['connect', 'connack', 'answer']),
  spec(36, 'maximumQoS', 'byte', ['connack', 'answer']),
  spec(37, 'retainAvailable', 'byte', ['connack', 'answer']),
  spec(38, 'userProperties', 'pair', [
    'connect',
    'connack',
    'will',
    'publish-in',
    'publish-out',
    'ack',
    'subscribe',
    'unsubscribe',
    'disconnect',
    'answer',
  ], { many: true }),
  spec(39, 'maximumPacketSize', 'four', ['connect', 'connack', 'answer'], { min: 1 }),
  spec(40, 'wildcardSubscriptionAvailable', 'byte', ['connack', 'answer']),
  spec(41, 'subscriptionIdentifiersAvailable', 'byte', ['connack', 'answer']),
  spec(42, 'sharedSubscriptionAvailable', 'byte', ['connack', 'answer']),
];

/** Topic Alias: two bytes, read over in PUBLISH. */
export const TOPIC_ALIAS = 35;
