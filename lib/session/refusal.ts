import type { MqttError } from '../errors.js';

/** Whether what went wrong may pass by itself, so that it is worth to try again. */
export type Verdict = 'passes' | 'stop';

/** Use another server, Server moved. */
const USE_ANOTHER_SERVER = 0x9c;
const SERVER_MOVED = 0x9d;

/** Bad User Name or Password, Not authorized; and the same of 3.1.1. */
const CREDENTIALS: ReadonlySet<number> = new Set([0x86, 0x87, 4, 5]);

/**
 * Unspecified error, Implementation specific error, Server unavailable, Server busy, Quota exceeded, Connection rate exceeded; and 3.1.1's
 * Server unavailable. Every other refusal is about what this client is or asks for, which does not change.
 */
const BUSY: ReadonlySet<number> = new Set([0x80, 0x83, 0x88, 0x89, 0x97, 0x9f, 3]);

/** Errors of this side that no server and no time will change. */
const HOPELESS: ReadonlySet<string> = new Set(['ERR_MQTT_OPTION', 'ERR_MQTT_TOPIC', 'ERR_MQTT_ENGINE_UNAVAILABLE', 'ERR_MQTT_NOT_SUPPORTED', 'ERR_MQTT_CLOSED']);

/** Whether the server sends the client elsewhere. */
export function isMoved(error: MqttError): boolean {
  if (error.code !== 'ERR_MQTT_REFUSED' && error.code !== 'ERR_MQTT_SERVER_DISCONNECT') return false;
  return error.reasonCode === USE_ANOTHER_SERVER || error.reasonCode === SERVER_MOVED;
}

/** What the failure of one server means. `credentialsChange`: a function supplies them, other ones perhaps at the next attempt. */
export function verdictOn(error: MqttError, credentialsChange: boolean): Verdict {
  if (HOPELESS.has(error.code)) return 'stop';
  if (error.code !== 'ERR_MQTT_REFUSED') return 'passes';
  const code = error.reasonCode ?? 0;
  if (CREDENTIALS.has(code)) return credentialsChange ? 'passes' : 'stop';
  return BUSY.has(code) || code === USE_ANOTHER_SERVER ? 'passes' : 'stop';
}
