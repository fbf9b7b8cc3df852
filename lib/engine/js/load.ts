/** The only file that loads mqtt.js and what comes with it, and only when the js engine is wanted: it costs some tens of milliseconds. */
import { createRequire } from 'node:module';
import type * as Http from 'node:http';
import type { Socket } from 'node:net';

export type Mqtt = typeof import('mqtt');

/** What this engine uses of the `ws` package. */
export interface WebSocketLike {
  on(event: 'open', listener: () => void): this;
  on(event: 'message', listener: (data: Uint8Array, binary: boolean) => void): this;
  on(event: 'error', listener: (error: Error) => void): this;
  on(event: 'close', listener: () => void): this;
  send(data: Uint8Array, options: { binary: boolean; compress: boolean }, written: (error?: Error) => void): void;
  pause(): void;
  resume(): void;
  close(code: number): void;
  terminate(): void;
}
export interface WebSocketOptions extends Http.RequestOptions {
  perMessageDeflate: boolean;
  followRedirects: boolean;
  maxPayload: number;
  createConnection: () => Socket;
}
export type WebSocketClass = new (url: string, protocols: string[], options: WebSocketOptions) => WebSocketLike;

/** Version 5.16.0 closed six holes through which a server could stop the process; 6 is unknown. */
const OLDEST = [5, 16];

/** Version of the mqtt.js that would be loaded. Throws when there is none, or one that must not be used. */
export function mqttVersion(): string {
  const { version } = require('mqtt/package.json') as { version: string };
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major !== OLDEST[0] || minor < OLDEST[1]!) {
    throw new Error(`mqtt.js ${version} is installed, the js engine needs 5.16.0 or a later 5.x`);
  }
  return version;
}

let mqtt: Mqtt | undefined;

export function loadMqtt(): Mqtt {
  mqtt ??= require('mqtt') as Mqtt;
  return mqtt;
}

/** `ws` is a dependency of mqtt.js and not of ours: it is looked for where mqtt.js finds it. A bundle has it under its name. */
export function loadWebSocket(): WebSocketClass {
  let ws: { WebSocket: WebSocketClass };
  try {
    ws = createRequire(require.resolve('mqtt'))('ws') as typeof ws;
  } catch (error) {
    try {
      ws = require('ws') as typeof ws;
    } catch {
      throw error;
    }
  }
  return ws.WebSocket;
}
