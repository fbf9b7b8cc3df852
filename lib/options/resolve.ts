import { randomBytes } from 'node:crypto';
import type { LogRecord } from '../diagnostics.js';
import type { EngineOpen, EngineTls, EngineWill } from '../engine/engine.js';
import { MqttError, optionError } from '../errors.js';
import { MAX_PACKET_SIZE } from '../protocol/packet-size.js';
import { encodeProperties } from '../protocol/properties.js';
import { checkFunction } from './call-options.js';
import { CLIENT_OPTION_NAMES, MQTT5_OPTION_NAMES, type ClientOptions } from './client-options.js';
import { resolveQueue, type ResolvedQueue } from './queue-options.js';
import { resolveReconnect, type ResolvedReconnect } from './reconnect-options.js';
import { resolveSignals } from './signals.js';
import { resolveTls, type ResolvedTls } from './tls.js';
import { isSecure, parseUrl, type Endpoint } from './url.js';
import { binaryData, boolean, checkNames, integer, milliseconds, mqttText, oneOf } from './validate.js';
import { resolveWill } from './will.js';

/** Unacknowledged publishes inside an engine: more make Paho slower, not faster. */
const MAX_WINDOW = 100;

/** Publishes an engine holds: enough to keep the wire busy, or few, where the user wants few to be held. */
const LOOK_AHEAD = 4096;
const SMALL_LOOK_AHEAD = 100;

const EMPTY = Buffer.alloc(0);

/** A client's options with every default filled in. Nothing of what the user gave is referred to any more. */
export interface ResolvedOptions {
  /** The servers, the first one first. */
  readonly endpoints: readonly Endpoint[];
  readonly engine: 'auto' | 'native' | 'js';
  readonly clientId: string;
  /** The identifier was made up for this client: no server can have a session for it. */
  readonly clientIdGenerated: boolean;
  /** The protocol versions to try, in order. */
  readonly versions: readonly (4 | 5)[];
  readonly cleanStart: boolean;
  readonly sessionExpiryInterval: number;
  readonly keepAlive: number;
  readonly username: string | undefined;
  readonly password: Uint8Array | undefined;
  /** Instead of the two: asked before each attempt. What it answers is not checked yet. */
  readonly credentials: (() => unknown) | undefined;
  readonly will: EngineWill | undefined;
  /** What is held against the server; what it is told is among `connectProperties`. */
  readonly receiveMaximum: number;
  /** 0: no limit below the protocol's. */
  readonly maximumPacketSize: number;
  readonly topicAliasMaximum: number;
  readonly outgoingTopicAliases: number;
  readonly window: number;
  /** CONNECT's properties in MQTT 5. */
  readonly connectProperties: Uint8Array | undefined;
  /** Names of options given that mean nothing in 3.1.1. */
  readonly mqtt5Only: readonly string[];
  readonly tls: ResolvedTls | undefined;
  readonly connectTimeout: number;
  readonly operationTimeout: number;
  readonly reconnect: false | ResolvedReconnect;
  readonly queue: ResolvedQueue;
  readonly followServerReference: boolean;
  readonly onHandlerError: 'ack' | 'disconnect';
  readonly closeOnSignals: readonly NodeJS.Signals[];
  readonly log: ((record: LogRecord) => void) | undefined;
}

/** Checks and copies everything the client was given. */
export function resolveOptions(url: unknown, given: unknown): ResolvedOptions {
  const first = parseUrl(url);
  const options = given ?? {};
  checkNames('', options, CLIENT_OPTION_NAMES);
  const endpoints = [first, ...furtherServers(options['servers'])];
  const read = <T>(name: string, check: (name: string, value: unknown) => T): T | undefined =>
    options[name] === undefined ? undefined : check(name, options[name]);
  const within = (min: number, max: number) => (name: string, value: unknown) => integer(name, value, min, max);

  const givenId = read('clientId', mqttText);
  const clientId = givenId ?? `mqtt-native-${randomBytes(6).toString('hex').slice(0, 11)}`;
  const cleanStart = read('cleanStart', boolean) ?? true;
  const username = read('username', mqttText) ?? urlText('url: the user name', first.username);
  const password = read('password', binaryData) ?? (first.password === undefined ? undefined : binaryData('url: the password', first.password));
  const credentials = read('credentials', aFunction<NonNullable<ClientOptions['credentials']>>);
  if (credentials !== undefined && (options['username'] !== undefined || options['password'] !== undefined)) {
    throw optionError('credentials', 'stands instead of username and password: give one or the other');
  }
  const will = read('will', (_, value) => resolveWill(value));
  const version = read('protocolVersion', (n, v) => oneOf(n, v, ['auto', 5, 4])) ?? 'auto';
  const secure = endpoints.some(isSecure);
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
    endpoints,
    engine: read('engine', (n, v) => oneOf(n, v, ['auto', 'native', 'js'])) ?? 'auto',
    clientId,
    clientIdGenerated: givenId === undefined,
    versions: versionsToTry(version, {
      clientId, cleanStart, mqtt5Only, passwordOnly: credentials === undefined && password !== undefined && username === undefined,
    }),
    cleanStart,
    sessionExpiryInterval,
    keepAlive: read('keepAlive', within(0, 65_535)) ?? 60,
    username,
    password,
    credentials,
    will,
    // Mosquitto 2.0 sends a window more for each acknowledgement when messages wait. What the user did not ask for ends no connection:
    // the inbox bounds it.
    receiveMaximum: options['receiveMaximum'] === undefined ? 65_535 : receiveMaximum,
    maximumPacketSize,
    topicAliasMaximum,
    outgoingTopicAliases: read('outgoingTopicAliases', within(0, 65_535)) ?? 16,
    window: read('window', within(1, MAX_WINDOW)) ?? MAX_WINDOW,
    connectProperties: userProperties === undefined ? connectProperties : Buffer.concat([connectProperties ?? EMPTY, userProperties]),
    mqtt5Only,
    tls: secure ? resolveTls(options['tls']) : undefined,
    connectTimeout: read('connectTimeout', connectTime) ?? 10_000,
    operationTimeout: read('operationTimeout', milliseconds) ?? 30_000,
    reconnect: resolveReconnect(options['reconnect']),
    queue: resolveQueue(options['queue']),
    followServerReference: read('followServerReference', boolean) ?? false,
    onHandlerError: read('onHandlerError', (n, v) => oneOf(n, v, ['ack', 'disconnect'])) ?? 'ack',
    closeOnSignals: resolveSignals(options['closeOnSignals']),
    log: read('log', aFunction<(record: LogRecord) => void>),
  };
}

function aFunction<F>(name: string, value: unknown): F {
  checkFunction(name, value);
  return value as F;
}

/** The option `servers`. */
function furtherServers(given: unknown): Endpoint[] {
  if (given === undefined) return [];
  if (!Array.isArray(given)) throw optionError('servers', 'must be an array of URLs');
  return given.map((url: unknown, i) => {
    const name = `servers[${i}]`;
    const endpoint = parseUrl(url, name);
    if (endpoint.username !== undefined || endpoint.password !== undefined) {
      throw optionError(name, 'must have no user name and no password: those of the first URL or the options count');
    }
    return endpoint;
  });
}

function urlText(name: string, value: string | undefined): string | undefined {
  return value === undefined ? undefined : mqttText(name, value);
}

function connectTime(name: string, value: unknown): number {
  const time = Math.ceil(milliseconds(name, value));
  if (time === 0) throw optionError(name, 'must be above 0');
  return time;
}

type VersionFacts = Pick<ResolvedOptions, 'clientId' | 'cleanStart' | 'mqtt5Only'> & { passwordOnly: boolean };

/** What 3.1.1 does not allow is refused when it was asked for, and keeps 'auto' from falling back to it. */
function versionsToTry(version: 'auto' | 4 | 5, facts: VersionFacts): readonly (4 | 5)[] {
  if (version === 5) return [5];
  let problem: Error | undefined;
  if (facts.passwordOnly) {
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

/** What an attempt adds to the options. */
export interface AttemptFacts {
  readonly endpoint: Pick<Endpoint, 'transport' | 'host' | 'port' | 'path'>;
  readonly protocolVersion: 4 | 5;
  readonly cleanStart: boolean;
  readonly clientId: string;
  readonly username: string | undefined;
  readonly password: Uint8Array | undefined;
  readonly tls: EngineTls | undefined;
  readonly connectTimeout: number;
}

/** One attempt to connect, as an engine takes it. */
export function engineOpen(options: ResolvedOptions, facts: AttemptFacts): EngineOpen {
  const v5 = facts.protocolVersion === 5;
  const { endpoint } = facts;
  const { will } = options;
  return {
    transport: endpoint.transport,
    host: endpoint.host,
    port: endpoint.port,
    path: endpoint.path,
    tls: isSecure(endpoint) ? facts.tls : undefined,
    protocolVersion: facts.protocolVersion,
    cleanStart: facts.cleanStart,
    keepAlive: options.keepAlive,
    clientId: facts.clientId,
    username: facts.username,
    password: facts.password,
    will: will === undefined || v5 ? will : { ...will, properties: undefined },
    properties: v5 ? options.connectProperties : undefined,
    // 3.1.1 cannot announce a Receive Maximum: a server that sends more has done nothing wrong.
    receiveMaximum: v5 ? options.receiveMaximum : 65_535,
    maximumPacketSize: options.maximumPacketSize,
    topicAliasMaximum: v5 ? options.topicAliasMaximum : 0,
    outgoingTopicAliases: v5 ? options.outgoingTopicAliases : 0,
    window: options.window,
    lookAhead: options.queue.maxMessages < LOOK_AHEAD ? SMALL_LOOK_AHEAD : LOOK_AHEAD,
    connectTimeout: facts.connectTimeout,
  };
}
