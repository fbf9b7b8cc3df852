import type { LogRecord } from '../diagnostics.js';
import type { UserPropertiesInit } from '../protocol/property-types.js';
import type { TlsOptions } from './tls.js';
import type { WillOptions } from './will.js';

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
   * decides for `'auto'`. An engine asked for that cannot serve makes connect() reject with `ERR_MQTT_ENGINE_UNAVAILABLE`. Default:
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
  /** Whether to begin with a new session (3.1.1: Clean Session) instead of going on with the one the server may have. Default: true. */
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
  /** What the server publishes when the connection is lost. Default: none. */
  will?: WillOptions | undefined;
  /** QoS 1 and 2 messages this client takes unacknowledged, 1 to 65,535. MQTT 5. Default: 1,000. */
  receiveMaximum?: number | undefined;
  /**
   * The largest packet this client takes, bytes, 1 to 268,435,460. 3.1.1 cannot announce it: a larger one then ends the connection.
   * Default: no limit.
   */
  maximumPacketSize?: number | undefined;
  /** Topic aliases the server may use, 0 to 65,535. MQTT 5. Default: 16. */
  topicAliasMaximum?: number | undefined;
  /** User properties of CONNECT. MQTT 5. Default: none. */
  userProperties?: UserPropertiesInit | undefined;
  /** Asks the server for Response Information. MQTT 5. Default: false. */
  requestResponseInformation?: boolean | undefined;
  /** Whether the server may send reason strings and user properties with errors. MQTT 5. Default: true. */
  requestProblemInformation?: boolean | undefined;
  /** TLS; only with a URL that asks for it. Default: the certificate authorities Node trusts, TLS 1.2 at least, host name checked. */
  tls?: TlsOptions | undefined;
  /** Milliseconds until CONNACK must have come, for all attempts of one connect(). Default: 10,000. */
  connectTimeout?: number | undefined;
  /**
   * Milliseconds publish(), subscribe(), unsubscribe() and close() may take unless they are given a `timeout`; then they reject with
   * `ERR_MQTT_TIMEOUT`. 0: no limit. Times are kept coarsely: a request ends up to 200 ms later. Default: 30,000.
   */
  operationTimeout?: number | undefined;
  /** Is told what happens, with no password and no payload in it. Default: nothing is logged. */
  log?: ((record: LogRecord) => void) | undefined;
}

export const CLIENT_OPTION_NAMES: ReadonlySet<string> = new Set([
  'engine',
  'clientId',
  'protocolVersion',
  'cleanStart',
  'sessionExpiryInterval',
  'keepAlive',
  'username',
  'password',
  'will',
  'receiveMaximum',
  'maximumPacketSize',
  'topicAliasMaximum',
  'userProperties',
  'requestResponseInformation',
  'requestProblemInformation',
  'tls',
  'connectTimeout',
  'operationTimeout',
  'log',
] satisfies (keyof ClientOptions)[]);

/** These mean nothing in 3.1.1. */
export const MQTT5_OPTION_NAMES = [
  'sessionExpiryInterval',
  'receiveMaximum',
  'topicAliasMaximum',
  'userProperties',
  'requestResponseInformation',
  'requestProblemInformation',
] as const satisfies readonly (keyof ClientOptions)[];
