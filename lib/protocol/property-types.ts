/**
 * User properties as they are given: pairs in their order, where a name may stand more than once, or an object whose values are a text or
 * several. They are always read back as pairs, `[name, value][]`, because order and repeated names mean something (3.3.2.3.7).
 */
export type UserPropertiesInit = Iterable<readonly [name: string, value: string]> | Readonly<Record<string, string | readonly string[]>>;

/** User properties as they were received: every pair, in order. */
export type UserProperties = readonly (readonly [name: string, value: string])[];

/** Properties of a message to publish. MQTT 5. */
export interface PublishProperties {
  /** 1: the payload is UTF-8 text, 0: bytes. Default: not sent, which means 0. */
  payloadFormatIndicator?: 0 | 1 | undefined;
  /** Seconds until the server may drop the message. Default: it never expires. */
  messageExpiryInterval?: number | undefined;
  /** What the payload is, by convention a MIME type. */
  contentType?: string | undefined;
  /** Topic for an answer; without wildcards. */
  responseTopic?: string | undefined;
  /** Sent back with the answer. A text is written as UTF-8. */
  correlationData?: Uint8Array | string | undefined;
  /** Any pairs, in order. */
  userProperties?: UserPropertiesInit | undefined;
}

/** Properties of a received message. MQTT 5; empty in 3.1.1. */
export interface MessageProperties {
  /** 1: the payload is UTF-8 text, as its publisher says. */
  readonly payloadFormatIndicator?: 0 | 1;
  /** Seconds that were left when the server sent the message. */
  readonly messageExpiryInterval?: number;
  /** What the payload is, by convention a MIME type. */
  readonly contentType?: string;
  /** Topic for an answer. */
  readonly responseTopic?: string;
  /** To be sent back with the answer. */
  readonly correlationData?: Buffer;
  /** Identifiers of the subscriptions that matched, where they have one. */
  readonly subscriptionIdentifiers?: readonly number[];
  /** Any pairs, in order. */
  readonly userProperties?: UserProperties;
}

/** Properties of a server's acknowledgement. MQTT 5; empty in 3.1.1. */
export interface AckProperties {
  /** What the server has to say about it, for people. */
  readonly reasonString?: string;
  /** Any pairs, in order. */
  readonly userProperties?: UserProperties;
}

/** Properties of CONNACK. MQTT 5; empty in 3.1.1. See `limits` of ConnectResult for what they mean when absent. */
export interface ConnackProperties extends AckProperties {
  /** Seconds; the server's word replaces the client's. */
  readonly sessionExpiryInterval?: number;
  /** QoS 1 and 2 messages the server takes unacknowledged. */
  readonly receiveMaximum?: number;
  /** The highest QoS the server takes, where that is not 2. */
  readonly maximumQoS?: 0 | 1;
  /** 0: the server keeps no retained messages. */
  readonly retainAvailable?: 0 | 1;
  /** The largest packet the server takes, bytes. */
  readonly maximumPacketSize?: number;
  /** The client identifier the server chose. */
  readonly assignedClientIdentifier?: string;
  /** Topic aliases the server takes. */
  readonly topicAliasMaximum?: number;
  /** 0: no wildcards in filters. */
  readonly wildcardSubscriptionAvailable?: 0 | 1;
  /** 0: no subscription identifiers. */
  readonly subscriptionIdentifiersAvailable?: 0 | 1;
  /** 0: no shared subscriptions. */
  readonly sharedSubscriptionAvailable?: 0 | 1;
  /** Seconds; used instead of the option `keepAlive`. */
  readonly serverKeepAlive?: number;
  /** A base for response topics, when `requestResponseInformation` asked for it. */
  readonly responseInformation?: string;
  /** Another server to use. */
  readonly serverReference?: string;
  /** The name of the authentication method. */
  readonly authenticationMethod?: string;
  /** Data of that method. */
  readonly authenticationData?: Buffer;
}

/** What a server may say when something ends: properties of CONNACK, DISCONNECT or an acknowledgement. */
export type ServerProperties = ConnackProperties;

/** Properties of DISCONNECT. MQTT 5. */
export interface DisconnectProperties {
  /** Seconds the session lives on. Not above 0 when the connection was made with 0. Default: as it was when connecting. */
  sessionExpiryInterval?: number | undefined;
  /** For people. */
  reasonString?: string | undefined;
  /** Any pairs, in order. */
  userProperties?: UserPropertiesInit | undefined;
}

/** Properties of SUBSCRIBE and UNSUBSCRIBE. MQTT 5. */
export interface SubscribeProperties {
  /** Any pairs, in order. */
  userProperties?: UserPropertiesInit | undefined;
}
