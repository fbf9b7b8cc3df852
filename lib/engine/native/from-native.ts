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
]);

/** How an attempt or a connection ended. Only two codes come with a reason code of the server; with others it is what was sent to it. */
export function failureFromNative(code: number, reasonCode: number, text: string, properties: Uint8Array | undefined): EngineFailure {
  const [name, ownText] = failures.get(code) ?? (['ERR_MQTT_CONNECTION_LOST', `the native engine reported ${code}`] as const);
  const fromServer = code === layout.ERR_REFUSED || code === layout.ERR_SERVER_DISCONNECT;
  return { code: name, message: text === '' ? ownText : text, reasonCode: fromServer ? reasonCode : undefined, properties };
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
