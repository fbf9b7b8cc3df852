/** TCP and TLS with Node's own sockets. */
import * as net from 'node:net';
import * as tls from 'node:tls';
import type { EngineOpen, EngineTls } from '../engine.js';
import type { Phase } from './failure.js';
import { lost, socketFailure } from './failure.js';
import { LINGER, Reading } from './transport.js';
import type { Transport, TransportHandler } from './transport.js';

/**
 * Node takes one list for TLS 1.2 and 1.3, and without a suite of 1.3 in it turns 1.3 off. Our option is about 1.2 only, as with the
 * native engine.
 */
const TLS_13_CIPHERS = 'TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256';

/** The name in the certificate is always checked, also when no name can be sent because it is an address (RFC 6066, 3). */
function tlsOptions(options: EngineTls, host: string): tls.ConnectionOptions {
  const name = options.servername ?? host;
  const result: tls.ConnectionOptions = {
    minVersion: options.minVersion,
    rejectUnauthorized: !options.insecureSkipVerify,
    servername: net.isIP(name) === 0 ? name : '',
    checkServerIdentity: (_host, certificate) => tls.checkServerIdentity(name, certificate),
  };
  if (options.maxVersion !== undefined) {
    result.maxVersion = options.maxVersion;
  }
  if (options.ca !== undefined) {
    result.ca = options.ca;
  }
  if (options.cert !== undefined) {
    result.cert = options.cert;
  }
  if (options.key !== undefined) {
    result.key = options.key;
  }
  if (options.passphrase !== undefined) {
    result.passphrase = options.passphrase;
  }
  if (options.alpn !== undefined && options.alpn.length > 0) {
    result.ALPNProtocols = options.alpn;
  }
  if (options.ciphers !== undefined) {
    result.ciphers = options.maxVersion === 'TLSv1.2' ? options.ciphers : `${TLS_13_CIPHERS}:${options.ciphers}`;
  }
  return result;
}

/** A socket under way, and how far it is. TLS when `options.tls` is given. */
export class Dialled {
  readonly socket: net.Socket;
  phase: Phase = 'resolve';

  /** `next` is the phase that follows when the socket is ready; `ready` is called then. */
  constructor(options: EngineOpen, next: Phase, ready: () => void) {
    const where = { host: options.host, port: options.port };
    if (options.tls === undefined) {
      this.socket = net.connect(where, () => {
        this.phase = next;
        ready();
      });
    } else {
      this.socket = tls.connect({ ...where, ...tlsOptions(options.tls, options.host) }, () => {
        this.phase = next;
        ready();
      });
      this.socket.once('connect', () => { this.phase = 'tls'; });
    }
    this.socket.setNoDelay(true);
    // Whoever uses the socket listens too; nobody may have come to that when it fails.
    this.socket.on('error', () => undefined);
  }
}

export class SocketTransport implements Transport {
  readonly #socket: net.Socket;
  readonly #reading: Reading;
  /** Undefined once the owner has let go or was told of the end. */
  #handler: TransportHandler | undefined;
  #opened = false;

  constructor(options: EngineOpen, handler: TransportHandler) {
    this.#handler = handler;
    const dialled = new Dialled(options, 'open', () => {
      this.#opened = true;
      this.#handler?.opened();
    });
    const socket = dialled.socket;
    this.#socket = socket;
    this.#reading = new Reading(socket, socket);
    socket.on('data', (bytes: Buffer) => this.#handler?.received(bytes));
    const failed = (error: Error | undefined): void => {
      const handler = this.#handler;
      this.#handler = undefined;
      this.#reading.stop();
      handler?.failed(error === undefined && this.#opened
        ? lost()
        : socketFailure(error ?? new Error('the server closed the connection'), dialled.phase, handler.connected));
    };
    socket.on('error', failed);
    socket.on('end', () => failed(undefined));
    socket.on('close', () => failed(undefined));
  }

  write(bytes: Uint8Array, written: () => void): void {
    this.#socket.write(bytes, (error) => {
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
    let told = false;
    const tell = (): void => {
      if (!told) {
        told = true;
        ended();
      }
    };
    // What the server still sends is read and dropped.
    this.#reading.resume();
    const linger = setTimeout(() => socket.destroy(), LINGER).unref();
    socket.once('close', () => {
      clearTimeout(linger);
      tell();
    });
    socket.end(tell);
  }

  destroy(): void {
    this.#handler = undefined;
    this.#reading.stop();
    this.#socket.destroy();
  }

  setRef(on: boolean): void {
    this.#reading.setRef(on);
  }
}
