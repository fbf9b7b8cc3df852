import { randomBytes } from 'node:crypto';
import type { LogRecord } from '../diagnostics.js';
import type { EngineOpen, EngineTls, EngineWill } from '../engine/engine.js';
import { MqttError, optionError } from '../errors.js';
import { MAX_PACKET_SIZE } from '../protocol/packet-size.js';
import { encodeProperties } from '../protocol/properties.js';
import { CLIENT_OPTION_NAMES, MQTT5_OPTION_NAMES } from './client-options.js';
import { resolveTls, type ResolvedTls } from './tls.js';
import { parseUrl, type Endpoint } from './url.js';
import { binaryData, boolean, checkNames, integer, milliseconds, mqttText, oneOf } from './validate.js';
import { resolveWill } from './will.js';

/** Unacknowledged publishes inside an engine: more make Paho slower, not faster. */
const WINDOW = 100;

const EMPTY = Buffer.alloc(0);

/** A client's options with every default filled in. Nothing of what the user gave is referred to any more. */
export interface ResolvedOptions {
  readonly endpoint: Endpoint;
  readonly engine: 'auto' | 'native' | 'js';
  readonly clientId: string;
  /** The protocol versions to try, in order. */
  readonly versions: readonly (4 | 5)[];
  readonly cleanStart: boolean;
  readonly sessionExpiryInterval: number;
  readonly keepAlive: number;
  readonly username: string | undefined;
  readonly password: Uint8Array | undefined;
  readonly will: EngineWill | undefined;
  readonly receiveMaximum: number;
  /** 0: no limit below the protocol's. */
  readonly maximumPacketSize: number;
  readonly topicAliasMaximum: number;
  /** CONNECT's properties in MQTT 5. */
  readonly connectProperties: Uint8Array | undefined;
  /** Names of options given that mean nothing in 3.1.1. */
  readonly mqtt5Only: readonly string[];
  readonly tls: ResolvedTls | undefined;
  readonly connectTimeout: number;
  readonly operationTimeout: number;
  readonly log: ((record: LogRecord) => void) | undefined;
}

/** Checks and copies everything the client was given. */
export function resolveOptions(url: unknown, given: unknown): ResolvedOptions {
  const endpoint = parseUrl(url);
  const options = given ?? {};
  checkNames('', options, CLIENT_OPTION_NAMES);
  const read = <T>(name: string, check: (name: string, value: unknown) => T): T | undefined =>
    options[name] === undefined ? undefined : check(name, options[name]);
  const within = (min: number, max: number) => (name: string, value: unknown) => integer(name, value, min, max);

  const clientId = read('clientId', mqttText) ?? `mqtt-native-${randomBytes(6).toString('hex').slice(0, 11)}`;
  const cleanStart = read('cleanStart', boolean) ?? true;
  const username = read('username', mqttText) ?? urlText('url: the user name', endpoint.username);
  const password = read('password', binaryData) ?? (endpoint.password === undefined ? undefined : binaryData('url: the password', endpoint.password));
  const will = read('will', (_, value) => resolveWill(value));
  const version = read('protocolVersion', (n, v) => oneOf(n, v, ['auto', 5, 4])) ?? 'auto';
  const secure = endpoint.transport === 'tls' || endpoint.transport === 'wss';
  if (options['tls'] !== undefined && !secure) throw optionError('tls', 'the URL does not ask for TLS; use mqtts: or wss:');

  const sessionExpiryInterval = read('sessionExpiryInterval', within(0, 0xffff_ffff)) ?? 0;
  const receiveMaximum = read('receiveMaximum', within(1, 65_535)) ?? 1000;
  const maximumPacketSize = read('maximumPacketSize', within(1, MAX_PACKET_SIZE)) ?? 0;
  const topicAliasMaximum = read('topicAliasMaximum', within(0, 65_535)) ?? 16;
  const requestResponseInformation = read('requestResponseInformation', boolean) ?? false;
  const requestProblemInformation = read('requestProblemInformation', boolean) ?? true;
  // Properties that say what the standard takes for granted are left out.
  const connectProperties = encodeProperties(
    'connect',
    {
      sessionExpiryInterval: sessionExpiryInterval === 0 ? undefined : sessionExpiryInterval,
      receiveMaximum: receiveMaximum === 65_535 ? undefined : receiveMaximum,
      maximumPacketSize: maximumPacketSize === 0 ? undefined : maximumPacketSize,
      topicAliasMaximum: topicAliasMaximum === 0 ? undefined : topicAliasMaximum,
      requestResponseInformation: requestResponseInformation ? 1 : undefined,
      requestProblemInformation: requestProblemInformation ? undefined : 0,
    },
    'options',
  );
  const userProperties = encodeProperties('connect', { userProperties: options['userProperties'] }, 'options');
  const mqtt5Only: string[] = MQTT5_OPTION_NAMES.filter((name) => options[name] !== undefined);
  if (will?.properties !== undefined) mqtt5Only.push('will: delay or properties');

  return {
    endpoint,
    engine: read('engine', (n, v) => oneOf(n, v, ['auto', 'native', 'js'])) ?? 'auto',
    clientId,
    versions: versionsToTry(version, { clientId, cleanStart, username, password, mqtt5Only }),
    cleanStart,
    sessionExpiryInterval,
    keepAlive: read('keepAlive', within(0, 65_535)) ?? 60,
    username,
    password,
    will,
    receiveMaximum,
    maximumPacketSize,
    topicAliasMaximum,
    connectProperties: userProperties === undefined ? connectProperties : Buffer.concat([connectProperties ?? EMPTY, userProperties]),
    mqtt5Only,
    tls: secure ? resolveTls(options['tls']) : undefined,
    connectTimeout: read('connectTimeout', connectTime) ?? 10_000,
    operationTimeout: read('operationTimeout', milliseconds) ?? 30_000,
    log: read('log', (name, value) => {
      if (typeof value !== 'function') throw optionError(name, 'must be a function');
      return value as (record: LogRecord) => void;
    }),
  };
}

function urlText(name: string, value: string | undefined): string | undefined {
  return value === undefined ? undefined : mqttText(name, value);
}

function connectTime(name: string, value: unknown): number {
  const time = Math.ceil(milliseconds(name, value));
  if (time === 0) throw optionError(name, 'must be above 0');
  return time;
}

type VersionFacts = Pick<ResolvedOptions, 'clientId' | 'cleanStart' | 'username' | 'password' | 'mqtt5Only'>;

/** What 3.1.1 does not allow is refused when it was asked for, and keeps 'auto' from falling back to it. */
function versionsToTry(version: 'auto' | 4 | 5, facts: VersionFacts): readonly (4 | 5)[] {
  if (version === 5) return [5];
  let problem: Error | undefined;
  if (facts.password !== undefined && facts.username === undefined) {
    problem = optionError('password', 'MQTT 3.1.1 allows none without a username [MQTT-3.1.2-22]');
  } else if (facts.clientId === '' && !facts.cleanStart) {
    problem = optionError('clientId', 'MQTT 3.1.1 allows an empty one only with cleanStart [MQTT-3.1.3-7]');
  } else if (version === 4 && facts.mqtt5Only.length > 0) {
    problem = new MqttError('ERR_MQTT_NOT_SUPPORTED', `${facts.mqtt5Only[0]}: MQTT 3.1.1 does not have it`);
  }
  if (version === 4) {
    if (problem !== undefined) throw problem;
    return [4];
  }
  return problem === undefined ? [5, 4] : [5];
}

/** One attempt to connect, as an engine takes it. */
export function engineOpen(
  options: ResolvedOptions,
  protocolVersion: 4 | 5,
  clientId: string,
  tls: EngineTls | undefined,
  connectTimeout: number,
): EngineOpen {
  const v5 = protocolVersion === 5;
  const { endpoint, will } = options;
  return {
    transport: endpoint.transport,
    host: endpoint.host,
    port: endpoint.port,
    path: endpoint.path,
    tls,
    protocolVersion,
    cleanStart: options.cleanStart,
    keepAlive: options.keepAlive,
    clientId,
    username: options.username,
    password: options.password,
    will: will === undefined || v5 ? will : { ...will, properties: undefined },
    properties: v5 ? options.connectProperties : undefined,
    // 3.1.1 cannot announce a Receive Maximum: a server that sends more has done nothing wrong.
    receiveMaximum: v5 ? options.receiveMaximum : 65_535,
    maximumPacketSize: options.maximumPacketSize,
    topicAliasMaximum: v5 ? options.topicAliasMaximum : 0,
    outgoingTopicAliases: v5 ? 16 : 0,
    window: WINDOW,
    lookAhead: 4096,
    connectTimeout,
  };
}
