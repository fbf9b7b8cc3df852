/** How something ended, as the codes of lib/errors.ts. The same cause has the same code on both engines. */
import type { EngineFailure } from '../engine.js';

/** How far a connection had come when it failed. */
export type Phase = 'resolve' | 'tls' | 'upgrade' | 'open';

export interface FailureDetails {
  reasonCode?: number | undefined;
  properties?: Uint8Array | undefined;
  cause?: unknown;
}

export function failureOf(code: string, message: string, details: FailureDetails = {}): EngineFailure {
  const failure: EngineFailure = { code, message, reasonCode: details.reasonCode, properties: details.properties };
  if (details.cause !== undefined) {
    failure.cause = details.cause;
  }
  return failure;
}

export function lost(cause?: unknown): EngineFailure {
  const reason = cause instanceof Error ? `: ${cause.message}` : '';
  return failureOf('ERR_MQTT_CONNECTION_LOST', `the connection was lost${reason}`, { cause });
}

/** Of what a session has kept and cannot go on with. */
export function lostUnanswered(): EngineFailure {
  return failureOf('ERR_MQTT_CONNECTION_LOST', 'the connection was lost before the server answered');
}

export function closed(): EngineFailure {
  return failureOf('ERR_MQTT_CLOSED', 'the connection was closed by this side');
}

/** Node's errors of getaddrinfo(); ENOTFOUND and EAI_AGAIN are the usual ones. */
function isResolveError(error: NodeJS.ErrnoException): boolean {
  return error.syscall === 'getaddrinfo' || error.code === 'ENOTFOUND' || (error.code?.startsWith('EAI_') ?? false);
}

/** Alerts of TLS 1.3 about the client's certificate come when the handshake is over for this side: they belong to it all the same. */
function isTlsError(error: NodeJS.ErrnoException): boolean {
  return error.code !== undefined && (error.code.startsWith('ERR_SSL_') || error.code.startsWith('ERR_TLS_') || error.code === 'EPROTO');
}

/** With several addresses Node reports one error an address; the last one counts, and the text names all. */
function flatten(error: NodeJS.ErrnoException): NodeJS.ErrnoException {
  if (!(error instanceof AggregateError) || error.errors.length === 0) {
    return error;
  }
  const each = error.errors as NodeJS.ErrnoException[];
  const last = each[each.length - 1]!;
  const flat: NodeJS.ErrnoException = new Error(each.map((one) => one.message).join('; '));
  const code = (error as NodeJS.ErrnoException).code ?? last.code;
  return Object.assign(flat, code === undefined ? {} : { code }, last.syscall === undefined ? {} : { syscall: last.syscall });
}

/** The failure behind an error of a socket. `connected`: CONNACK has been seen. */
export function socketFailure(thrown: unknown, phase: Phase, connected: boolean): EngineFailure {
  const error = flatten(thrown instanceof Error ? thrown : new Error(String(thrown)));
  if (phase === 'resolve') {
    // A port nobody listens on answers ECONNREFUSED: the connection had been accepted and was cut before Node said so.
    if (error.code === 'ECONNRESET') {
      return lost(thrown);
    }
    return isResolveError(error)
      ? failureOf('ERR_MQTT_RESOLVE', `the host name was not resolved: ${error.message}`, { cause: thrown })
      : failureOf('ERR_MQTT_CONNECT', `no connection: ${error.message}`, { cause: thrown });
  }
  if (phase === 'tls' || (isTlsError(error) && !connected)) {
    return failureOf('ERR_MQTT_TLS', `TLS: ${error.message}`, { cause: thrown });
  }
  if (phase === 'upgrade') {
    return failureOf('ERR_MQTT_CONNECT', `the WebSocket upgrade failed: ${error.message}`, { cause: thrown });
  }
  if (error.code?.startsWith('WS_ERR_') ?? false) {
    return failureOf('ERR_MQTT_PROTOCOL', `WebSocket: ${error.message}`, { cause: thrown });
  }
  return lost(thrown);
}
