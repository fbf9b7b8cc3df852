import type { MqttErrorCode } from '../../errors.js';
import type { EngineFailure } from '../engine.js';
import * as layout from './layout.js';

/** What an MQN_ERR_* code is for the user. The text is used where the core sends none. */
const failures = new Map<number, readonly [MqttErrorCode, string]>([
  [layout.ERR_ARGUMENT, ['ERR_MQTT_OPTION', 'an argument is out of range']],
  [layout.ERR_STATE, ['ERR_MQTT_NOT_CONNECTED', 'the client is not connected']],
  [layout.ERR_NO_MEMORY, ['ERR_MQTT_CONNECTION_LOST', 'no memory was left']],
  [layout.ERR_FULL, ['ERR_MQTT_QUEUE_FULL', 'the submission ring is full']],
  [layout.ERR_RESOLVE, ['ERR_MQTT_RESOLVE', 'the host name was not resolved']],
  [layout.ERR_CONNECT, ['ERR_MQTT_CONNECT', 'no address of the server accepted a connection']],
  [layout.ERR_TLS, ['ERR_MQTT_TLS', 'the TLS handshake failed']],
  [layout.ERR_TIMEOUT, ['ERR_MQTT_TIMEOUT', 'no CONNACK in time']],
  [layout.ERR_PROTOCOL, ['ERR_MQTT_PROTOCOL', 'the server broke the protocol']],
  [layout.ERR_CONNECTION_LOST, ['ERR_MQTT_CONNECTION_LOST', 'the connection was lost']],
  [layout.ERR_KEEP_ALIVE, ['ERR_MQTT_KEEP_ALIVE', 'the server did not answer PINGREQ in time']],
  [layout.ERR_CLOSED, ['ERR_MQTT_CLOSED', 'the connection was closed by this side']],
  [layout.ERR_PACKET_TOO_LARGE, ['ERR_MQTT_PACKET_TOO_LARGE', 'the packet is above the Maximum Packet Size of the server or the protocol']],
  [layout.ERR_REFUSED, ['ERR_MQTT_REFUSED', 'the server refused the connection']],
  [layout.ERR_SERVER_DISCONNECT, ['ERR_MQTT_SERVER_DISCONNECT', 'the server sent DISCONNECT']],
  [layout.ERR_EXPIRED, ['ERR_MQTT_EXPIRED', 'the message expired before it was sent']],
]);

/** How an attempt or a connection ended. The reason code is the server's, or, where it broke the protocol, the one that names the fault. */
export function failureFromNative(code: number, reasonCode: number, text: string, properties: Uint8Array | undefined): EngineFailure {
  const [name, ownText] = failures.get(code) ?? (['ERR_MQTT_CONNECTION_LOST', `the native engine reported ${code}`] as const);
  const hasReason = code === layout.ERR_REFUSED || code === layout.ERR_SERVER_DISCONNECT || code === layout.ERR_PROTOCOL;
  return { code: name, message: text === '' ? ownText : text, reasonCode: hasReason ? reasonCode : undefined, properties };
}

const connectionEnds: ReadonlySet<number> = new Set([
  layout.ERR_PROTOCOL, layout.ERR_CONNECTION_LOST, layout.ERR_KEEP_ALIVE, layout.ERR_SERVER_DISCONNECT,
]);

/** Whether a request with this code ended because its connection did. */
export function endsWithConnection(code: number): boolean {
  return connectionEnds.has(code);
}

const requestFailures = new Map<number, EngineFailure>();

/** How a request ended without an answer of the server. One object a code: thousands may end at once with a connection. */
export function requestFailureFromNative(code: number): EngineFailure {
  let failure = requestFailures.get(code);
  if (failure === undefined) {
    failure = Object.freeze(failureFromNative(code, 0, '', undefined));
    requestFailures.set(code, failure);
  }
  return failure;
}
