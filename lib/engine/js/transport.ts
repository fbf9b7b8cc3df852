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

/** A socket that is paused does not keep the process alive; an open client must. */
export class Hold {
  #timer: NodeJS.Timeout | undefined;

  set(on: boolean): void {
    if (on && this.#timer === undefined) {
      this.#timer = setInterval(() => undefined, 2 ** 30);
    } else if (!on && this.#timer !== undefined) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }
}
