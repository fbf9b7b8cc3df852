/** MQTT over WebSocket (6): binary frames, subprotocol `mqtt`, packets split and joined over frames as they come. */
import * as net from 'node:net';
import type { EngineFailure, EngineOpen } from '../engine.js';
import { failureOf, lost, socketFailure } from './failure.js';
import { loadWebSocket } from './load.js';
import type { WebSocketLike } from './load.js';
import { LARGEST_LENGTH } from './packets.js';
import { Dialled } from './socket.js';
import { LINGER, Reading } from './transport.js';
import type { Transport, TransportHandler } from './transport.js';

/** A frame may hold many packets, so a frame may be larger than the largest packet. */
const SMALLEST_FRAME_LIMIT = 1 << 20;
const NORMAL_CLOSURE = 1000;

export class WebSocketTransport implements Transport {
  readonly #socket: WebSocketLike;
  readonly #reading: Reading;
  #handler: TransportHandler | undefined;
  #opened = false;

  constructor(options: EngineOpen, handler: TransportHandler) {
    this.#handler = handler;
    const dialled = new Dialled(options, 'upgrade', () => undefined);
    const host = net.isIPv6(options.host) ? `[${options.host}]` : options.host;
    let socket: WebSocketLike;
    try {
      socket = new (loadWebSocket())(`${options.transport}://${host}:${options.port}${options.path}`, ['mqtt'], {
        perMessageDeflate: false,
        followRedirects: false,
        maxPayload: Math.max(SMALLEST_FRAME_LIMIT, options.maximumPacketSize === 0 ? LARGEST_LENGTH + 5 : options.maximumPacketSize),
        maxHeaderSize: 16_384,
        createConnection: () => dialled.socket,
      });
    } catch (error) {
      dialled.socket.destroy();
      throw error;
    }
    this.#socket = socket;
    this.#reading = new Reading(socket, dialled.socket);
    socket.on('open', () => {
      dialled.phase = 'open';
      this.#opened = true;
      this.#handler?.opened();
    });
    const failed = (failure: (connected: boolean) => EngineFailure): void => {
      const handler = this.#handler;
      this.#handler = undefined;
      this.#reading.stop();
      handler?.failed(failure(handler.connected));
    };
    socket.on('message', (bytes, binary) => {
      if (binary) {
        this.#handler?.received(bytes);
      } else {
        failed(() => failureOf('ERR_MQTT_PROTOCOL', 'the server sent a text frame [MQTT-6.0.0-1]'));
      }
    });
    socket.on('error', (error) => failed((connected) => socketFailure(error, dialled.phase, connected)));
    socket.on('close', () => failed((connected) => (this.#opened ? lost() : socketFailure(new Error('the server closed the connection'), dialled.phase, connected))));
  }

  write(bytes: Uint8Array, written: () => void): void {
    this.#socket.send(bytes, { binary: true, compress: false }, (error) => {
      if (!error) {
        written();
      }
    });
  }

  pause(): void {
    this.#reading.pause();
  }

  resume(): void {
    this.#reading.resume();
  }

  end(ended: () => void): void {
    const socket = this.#socket;
    this.#handler = undefined;
    // What the server still sends is read and dropped.
    this.#reading.resume();
    const linger = setTimeout(() => socket.terminate(), LINGER).unref();
    socket.on('close', () => {
      clearTimeout(linger);
      ended();
    });
    socket.close(NORMAL_CLOSURE);
  }

  destroy(): void {
    this.#handler = undefined;
    this.#reading.stop();
    this.#socket.terminate();
  }

  setRef(on: boolean): void {
    this.#reading.setRef(on);
  }
}
