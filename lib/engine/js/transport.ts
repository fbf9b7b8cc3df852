/** Bytes to and from the server: TCP, TLS (socket.ts), WebSocket over either (websocket.ts). Nothing here knows MQTT. */
import type { EngineFailure } from '../engine.js';

/** The owner's side. Never called from inside a call into the transport, nor after destroy() or end(). */
export interface TransportHandler {
  /** CONNACK has come: what fails from here on is a lost connection. */
  readonly connected: boolean;
  /** TCP, TLS and WebSocket are up. */
  opened(): void;
  /** The bytes are the receiver's: they are never written again. */
  received(bytes: Uint8Array): void;
  /** It ended, by an error or by the other side. Once. */
  failed(failure: EngineFailure): void;
}

export interface Transport {
  /** Keeps a reference to the bytes until `written` is called: the kernel has them. Not called when the connection ends first. */
  write(bytes: Uint8Array, written: () => void): void;
  pause(): void;
  resume(): void;
  /**
   * Ends this side; everything has been written. `ended` is called once when the server can know of it; the rest is cleared away without
   * the owner.
   */
  end(ended: () => void): void;
  destroy(): void;
  /** Whether this connection keeps the process alive. */
  setRef(on: boolean): void;
}

/**
 * ms for the server to end its side after ours. Closing at once would answer what it still sends with RST, and that can overtake the
 * DISCONNECT: the server then publishes the will.
 */
export const LINGER = 250;

/** What can be paused, and what keeps the process alive. */
interface Pausable {
  pause(): void;
  resume(): void;
}
interface Referable {
  ref(): void;
  unref(): void;
}

/** Whether a socket is read, and whether it keeps the process alive: one that is paused does not by itself, but an open client must. */
export class Reading {
  readonly #stream: Pausable;
  readonly #socket: Referable;
  #paused = false;
  #ref = true;
  #hold: NodeJS.Timeout | undefined;

  /** `socket` is the TCP or TLS socket under `stream`, or the same. */
  constructor(stream: Pausable, socket: Referable) {
    this.#stream = stream;
    this.#socket = socket;
  }

  pause(): void {
    this.#paused = true;
    this.#stream.pause();
    this.#keepAlive(this.#ref);
  }

  resume(): void {
    this.#paused = false;
    this.#stream.resume();
    this.#keepAlive(false);
  }

  setRef(on: boolean): void {
    this.#ref = on;
    if (on) {
      this.#socket.ref();
    } else {
      this.#socket.unref();
    }
    this.#keepAlive(on && this.#paused);
  }

  /** The owner has let go, or the socket has ended. */
  stop(): void {
    this.#keepAlive(false);
  }

  #keepAlive(on: boolean): void {
    if (on && this.#hold === undefined) {
      this.#hold = setInterval(() => undefined, 2 ** 30);
    } else if (!on && this.#hold !== undefined) {
      clearInterval(this.#hold);
      this.#hold = undefined;
    }
  }
}
