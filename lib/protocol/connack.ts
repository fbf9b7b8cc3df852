import type { EngineConnected, EngineInfo } from '../engine/engine.js';
import { MAX_PACKET_SIZE } from './packet-size.js';
import { decodeProperties, NO_PROPERTIES } from './properties.js';
import type { ConnackProperties } from './property-types.js';

/**
 * What this server allows on this connection, with the standard's defaults where CONNACK says nothing. Requests beyond it are refused
 * before a byte is sent. Valid for one connection.
 */
export interface ServerLimits {
  /** QoS 1 and 2 messages the server takes unacknowledged. 65,535 when it says nothing. */
  readonly receiveMaximum: number;
  /** The highest QoS it takes in PUBLISH. */
  readonly maximumQoS: 0 | 1 | 2;
  /** Whether it keeps retained messages. */
  readonly retainAvailable: boolean;
  /** The largest packet it takes, in bytes. 268,435,460, the protocol's limit, when it says nothing. */
  readonly maximumPacketSize: number;
  /** Topic aliases it takes. */
  readonly topicAliasMaximum: number;
  /** Whether filters may have wildcards. */
  readonly wildcardSubscriptionAvailable: boolean;
  /** Whether subscriptions may have an identifier. */
  readonly subscriptionIdentifiersAvailable: boolean;
  /** Whether there are shared subscriptions, `$share/...`. */
  readonly sharedSubscriptionAvailable: boolean;
  /** Seconds, used instead of the option `keepAlive`; undefined: the option is used. */
  readonly serverKeepAlive: number | undefined;
}

/** What connect() resolves with. */
export interface ConnectResult {
  /** Whether the server had a session for this client. */
  readonly sessionPresent: boolean;
  /** 5, or 4 for MQTT 3.1.1. */
  readonly protocolVersion: 4 | 5;
  /** The engine that serves this connection, and why. */
  readonly engine: EngineInfo;
  /** What the server allows. */
  readonly limits: ServerLimits;
  /** The client identifier the server chose, when the option was empty. */
  readonly assignedClientIdentifier: string | undefined;
  /** CONNACK's properties as they came. Empty in 3.1.1. */
  readonly properties: ConnackProperties;
}

function limitsFrom(p: ConnackProperties): ServerLimits {
  return Object.freeze({
    receiveMaximum: p.receiveMaximum ?? 65_535,
    maximumQoS: p.maximumQoS ?? 2,
    retainAvailable: p.retainAvailable !== 0,
    maximumPacketSize: p.maximumPacketSize ?? MAX_PACKET_SIZE,
    topicAliasMaximum: p.topicAliasMaximum ?? 0,
    wildcardSubscriptionAvailable: p.wildcardSubscriptionAvailable !== 0,
    subscriptionIdentifiersAvailable: p.subscriptionIdentifiersAvailable !== 0,
    sharedSubscriptionAvailable: p.sharedSubscriptionAvailable !== 0,
    serverKeepAlive: p.serverKeepAlive,
  });
}

/** CONNACK as connect() reports it. */
export function connectResult(connected: EngineConnected, engine: EngineInfo): ConnectResult {
  const properties = connected.properties === undefined ? NO_PROPERTIES : decodeProperties('connack', connected.properties);
  return Object.freeze({
    sessionPresent: connected.sessionPresent,
    protocolVersion: connected.protocolVersion,
    engine,
    limits: limitsFrom(properties),
    assignedClientIdentifier: properties.assignedClientIdentifier,
    properties,
  });
}
