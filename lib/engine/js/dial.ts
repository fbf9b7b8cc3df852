/** Starts the connection an EngineOpen asks for. */
import type { EngineOpen } from '../engine.js';
import { SocketTransport } from './socket.js';
import type { Transport, TransportHandler } from './transport.js';
import { WebSocketTransport } from './websocket.js';

/** Throws what node:net, node:tls and ws throw for options they cannot use, a certificate that is none for example. */
export function dial(options: EngineOpen, handler: TransportHandler): Transport {
  return options.transport === 'ws' || options.transport === 'wss' ? new WebSocketTransport(options, handler) : new SocketTransport(options, handler);
}
