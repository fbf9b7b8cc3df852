import type { LogRecord } from '../diagnostics.js';
import type { UserPropertiesInit } from '../protocol/property-types.js';
import type { TlsOptions } from './tls.js';
import type { WillOptions } from './will.js';

/** User name and password, as the options of the same names. */
export interface Credentials {
  /** Default: none. */
  username?: string | undefined;
  /** At most 65,535 bytes. Default: none. */
  password?: string | ArrayBufferView | ArrayBuffer | undefined;
}

/** How the client comes back after a lost connection. */
export interface ReconnectOptions {
  /**
   * Milliseconds before the first attempt, 1 to 2,147,483,647; each further one waits longer, up to `maxDelay`. A connection that held for
   * less than 5 s does not begin anew: a server that accepts and closes is not stormed. Default: 500.
   */
  initialDelay?: number | undefined;
  /** The longest delay, milliseconds, not below `initialDelay`. Default: 30,000. */
  maxDelay?: number | undefined;
  /**
   * How delays are spread so that clients do not come back all at once. `'full'`: anything from 0 to a bound that doubles with each
   * attempt; `'decorrelated'`: anything from `initialDelay` to three times the delay before; `'none'`: the bound itself. Default:
   * `'full'`.
   */
  jitter?: 'full' | 'decorrelated' | 'none' | undefined;
  /**
   * Attempts after which the client gives up, an attempt being all servers once; 0: never. Those before and after a connection that held
   * for less than 5 s count together. Default: 0.
   */
  maxAttempts?: number | undefined;
  /**
   * Whether connect() goes on like this, too, when its first attempt fails for a reason that may pass. Otherwise it rejects. Default:
   * false.
   */
  initial?: boolean | undefined;
}

/**
 * The queue of messages that wait: for the connection, or for room in the window. Besides, the engine holds up to 4,096 messages and 1 MiB
 * that it will send next, or 16 messages and 4 MiB, or 2 that are larger (100 messages if `maxMessages` is below 4,096).
 */
export interface QueueOptions {
  /** Messages, 1 to 4,294,967,295. Default: 100,000. */
  maxMessages?: number | undefined;
  /** Bytes of topics, properties and payloads, from 1; a single message may be larger. Default: 67,108,864 (64 MiB). */
  maxBytes?: number | undefined;
  /**
   * What to do with a message for which there is no room. `'reject'`: publish() rejects and write() throws `ERR_MQTT_QUEUE_FULL`;
   * `'drop-oldest'`: those that have waited longest are dropped; `'drop-newest'`: the message itself is dropped; `'wait'`: publish() keeps
   * it until there is room, and write(), which cannot wait, throws. A dropped message rejects its promise with `ERR_MQTT_QUEUE_FULL`, or,
   * where it was written with write(), is told by the event 'drop'. Default: `'reject'`.
   */
  overflow?: 'reject' | 'drop-oldest' | 'drop-newest' | 'wait' | undefined;
  /** Whether QoS 0 messages wait, too, while there is no connection. Otherwise they fail with `ERR_MQTT_NOT_CONNECTED`. Default: true. */
  qos0?: boolean | undefined;
  /** Messages on their way at which write() says false. 'drain' follows below half of it. Default: 16,384. */
  highWaterMessages?: number | undefined;
  /** Bytes on their way at which write() says false. 'drain' follows below half of it. Default: 16,777,216 (16 MiB). */
  highWaterBytes?: number | undefined;
}

/**
 * Options of a client. They are checked and copied when the client is made: a wrong one throws `ERR_MQTT_OPTION` and names it, a known one
 * the chosen protocol version lacks throws `ERR_MQTT_NOT_SUPPORTED`. `undefined` means the default. Both engines take all of them.
 *
 * Options marked MQTT 5 are refused with `protocolVersion: 4`. With `'auto'` they apply when the connection is made with MQTT 5; if the
 * server only speaks 3.1.1 they have no effect, and the `log` says so.
 */
export interface ClientOptions {
  /**
   * Who speaks the protocol: `'native'` is Paho's protocol core in an addon, `'js'` is mqtt.js. `'auto'` takes the native one when it
   * loads and can serve the URL (`ws:` and `wss:` are served by js for now). Environment variable MQTT_NATIVE_ENGINE (`js` or `native`)
   * decides for `'auto'`. An engine asked for that cannot serve makes connect() reject with `ERR_MQTT_ENGINE_UNAVAILABLE`. Where `'auto'`
   * has to take js although there is an addon for this platform, one warning a process says so (code `MQTT_NATIVE_FALLBACK`). Default:
   * `'auto'`.
   */
  engine?: 'auto' | 'native' | 'js' | undefined;
  /**
   * Names this client to the server. An empty one lets the server choose, which 3.1.1 allows only with `cleanStart`. At most 65,535 bytes;
   * servers need not take more than 23. Default: `mqtt-native-` and 11 random hexadecimal digits, chosen once a client.
   */
  clientId?: string | undefined;
  /**
   * 5, or 4 for MQTT 3.1.1. `'auto'` tries 5, and once 3.1.1 where the server refuses 5 or closes the connection on it; ConnectResult says
   * which it became. Default: `'auto'`.
   */
  protocolVersion?: 'auto' | 5 | 4 | undefined;
  /**
   * Further servers, URLs as the first argument of {@link Client}; user name and password are those of that first URL or the options. An
   * attempt goes through all of them, the first one first: what was lost to a server further down comes back to the first when it is there
   * again and a connection is needed. Default: none.
   */
  servers?: readonly (string | URL)[] | undefined;
  /**
   * Whether to begin with a new session (3.1.1: Clean Session) instead of going on with the one the server may have. In MQTT 5 only the
   * first connection of a client with a `sessionExpiryInterval` begins anew, later ones go on with its session; in 3.1.1 each connection
   * with it is a session of its own. Default: true.
   */
  cleanStart?: boolean | undefined;
  /** Seconds the server keeps the session after the connection has ended; 4,294,967,295: for ever. MQTT 5. Default: 0. */
  sessionExpiryInterval?: number | undefined;
  /**
   * Seconds of silence after which the connection is checked with PINGREQ; 0: never. At most 65,535. The server may set another. Default:
   * 60.
   */
  keepAlive?: number | undefined;
  /** User name. Default: the URL's, or none. */
  username?: string | undefined;
  /** Password, at most 65,535 bytes. 3.1.1 allows it only with a user name. Default: the URL's, or none. */
  password?: string | ArrayBufferView | ArrayBuffer | undefined;
  /**
   * Called before each attempt to connect, for credentials that expire. With it, a server that refuses them (0x86, 0x87; 3.1.1: 4, 5) is
   * tried again; without it, the client stops. When it throws, rejects or answers with something else than {@link Credentials}, the attempt
   * fails with `ERR_MQTT_CREDENTIALS`. It has the time of `connectTimeout`, and stands instead of `username` and `password`, which are
   * refused beside it. Default: `username` and `password`.
   */
  credentials?: (() => Credentials | Promise<Credentials>) | undefined;
  /** What the server publishes when the connection is lost. Default: none. */
  will?: WillOptions | undefined;
  /**
   * QoS 1 and 2 messages this client takes unacknowledged, 1 to 65,535. A server that sends more breaks the protocol, and the connection
   * ends with 0x93 [MQTT-3.3.4-9]; Mosquitto 2.0 does so when messages wait for slow handlers. MQTT 5. Default: 1,000 is what the server
   * is told, and more of them only fill the inbox.
   */
  receiveMaximum?: number | undefined;
  /**
   * The largest packet this client takes, bytes, 1 to 268,435,460. 3.1.1 cannot announce it: a larger one then ends the connection.
   * Default: no limit.
   */
  maximumPacketSize?: number | undefined;
  /** Topic aliases the server may use, 0 to 65,535. MQTT 5. Default: 16. */
  topicAliasMaximum?: number | undefined;
  /**
   * Topic aliases this client uses for what it publishes, 0 to 65,535; the server's Topic Alias Maximum lowers it. The first topics of a
   * connection get one each, and later messages to them go without the topic's text. MQTT 5. Default: 16.
   */
  outgoingTopicAliases?: number | undefined;
  /**
   * QoS 1 and 2 publishes on their way without an acknowledgement, 1 to 100; the server's Receive Maximum lowers it. More wait in the
   * queue. Default: 100.
   */
  window?: number | undefined;
  /** User properties of CONNECT. MQTT 5. Default: none. */
  userProperties?: UserPropertiesInit | undefined;
  /** Asks the server for Response Information. MQTT 5. Default: false. */
  requestResponseInformation?: boolean | undefined;
  /** Whether the server may send reason strings and user properties with errors. MQTT 5. Default: true. */
  requestProblemInformation?: boolean | undefined;
  /** TLS; only with a URL that asks for it. Default: the certificate authorities Node trusts, TLS 1.2 at least, host name checked. */
  tls?: TlsOptions | undefined;
  /**
   * Milliseconds until CONNACK must have come, for each server that is tried; with `protocolVersion: 'auto'` both tries together. Default:
   * 10,000.
   */
  connectTimeout?: number | undefined;
  /**
   * Milliseconds publish(), subscribe(), unsubscribe() and close() may take unless they are given a `timeout`; then they reject with
   * `ERR_MQTT_TIMEOUT`. 0: no limit. Times are kept coarsely: a request ends up to 200 ms later. Default: 30,000.
   */
  operationTimeout?: number | undefined;
  /** What to do when a connection was lost. `false`: nothing, connect() makes a new one. Default: try again for ever, see the fields. */
  reconnect?: false | ReconnectOptions | undefined;
  /** The queue of messages that wait to be sent. Default: see the fields. */
  queue?: QueueOptions | undefined;
  /**
   * Whether a server that says "use another server" or "server moved" (0x9C, 0x9D) with a Server Reference is left for the one it names,
   * once an attempt. Only to `host` or `host:port`, with the transport and the TLS options of now. MQTT 5. Default: false.
   */
  followServerReference?: boolean | undefined;
  /**
   * What becomes of a message whose handler has thrown or rejected: `'ack'` acknowledges it all the same, `'disconnect'` ends the
   * connection with 0x83 without acknowledging it, so that a server that keeps the session sends it again. 'error' is emitted in any case.
   * Default: `'ack'`.
   */
  onHandlerError?: 'ack' | 'disconnect' | undefined;
  /**
   * Signals of the process at which the client is closed before the signal does what it would have done without: `['SIGINT', 'SIGTERM']`.
   * Default: none.
   */
  closeOnSignals?: readonly NodeJS.Signals[] | undefined;
  /** Is told what happens, with no password and no payload in it. Default: nothing is logged. */
  log?: ((record: LogRecord) => void) | undefined;
}

export const CLIENT_OPTION_NAMES: ReadonlySet<string> = new Set([
  'engine',
  'servers',
  'clientId',
  'protocolVersion',
  'cleanStart',
  'sessionExpiryInterval',
  'keepAlive',
  'username',
  'password',
  'credentials',
  'will',
  'receiveMaximum',
  'maximumPacketSize',
  'topicAliasMaximum',
  'outgoingTopicAliases',
  'window',
  'userProperties',
  'requestResponseInformation',
  'requestProblemInformation',
  'tls',
  'connectTimeout',
  'operationTimeout',
  'reconnect',
  'queue',
  'followServerReference',
  'onHandlerError',
  'closeOnSignals',
  'log',
] satisfies (keyof ClientOptions)[]);

/** These mean nothing in 3.1.1. */
export const MQTT5_OPTION_NAMES = [
  'sessionExpiryInterval',
  'receiveMaximum',
  'topicAliasMaximum',
  'outgoingTopicAliases',
  'userProperties',
  'requestResponseInformation',
  'requestProblemInformation',
  'followServerReference',
] as const satisfies readonly (keyof ClientOptions)[];
