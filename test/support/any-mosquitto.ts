/**
 * What a test sees of a Mosquitto, whether its process is a child of the test's own (mosquitto.ts) or a service's on the other side of
 * Wine (test/platforms/bundle/remote-mosquitto.ts): listeners, log, and what can be done to it.
 */
import type { Certificates } from './certificates.js';
import { withSafetyNet } from './waiting.js';

export interface MosquittoOptions {
  /** With TLS listeners; certificates are made for them. Default false, because making them takes half a second. */
  tls?: boolean;
  /**
   * With the listener `users`, for USERS only. Default false: it wants `per_listener_settings true`, and with that Mosquitto from 2.0.12 on
   * keeps no messages and no delayed wills of clients that are away (its issue 2618).
   */
  users?: boolean;
  /** Saves at every change, so that kill() loses nothing. Default false: shutDown() saves, kill() loses what came since the start. */
  durable?: boolean;
  /** Lines for the end of the configuration, for example `max_inflight_messages 5`. */
  extra?: string[];
}

/** Users of the listener `users`. Their rights are in ACL of mosquitto.ts. */
export const USERS = {
  /** May do anything. */
  admin: 'correct horse',
  /** May read and write below `open/` only. */
  guest: 'guest password',
  /** A password that is no UTF-8 text. */
  bytes: Buffer.from([0xff, 0xfe, 0x80, 0x01, 0xc3, 0x28]),
} as const;

export type Listener = 'plain' | 'users' | 'websocket' | 'tls' | 'clientCertificate' | 'websocketTls';

export abstract class AnyMosquitto {
  abstract readonly folder: string;
  abstract readonly certificates: Certificates | undefined;
  /** What the broker wrote, all of it. */
  log = '';
  /** Of the listeners that it was started with. */
  ports: Partial<Record<Listener, number>> = {};
  #logGrew: () => void = () => undefined;

  port(listener: Listener): number {
    const port = this.ports[listener];
    if (port === undefined) {
      throw new Error(`this Mosquitto was started without the listener '${listener}'`);
    }
    return port;
  }

  /** For anybody. */
  get url(): string {
    return `mqtt://127.0.0.1:${this.port('plain')}`;
  }

  /** For USERS only, with their rights. */
  get usersUrl(): string {
    return `mqtt://127.0.0.1:${this.port('users')}`;
  }

  get tlsUrl(): string {
    return `mqtts://localhost:${this.port('tls')}`;
  }

  /** TLS, for those who show a certificate of our authority. */
  get clientCertificateUrl(): string {
    return `mqtts://localhost:${this.port('clientCertificate')}`;
  }

  get websocketUrl(): string {
    return `ws://127.0.0.1:${this.port('websocket')}/`;
  }

  get websocketTlsUrl(): string {
    return `wss://localhost:${this.port('websocketTls')}/`;
  }

  /** Waits until a text stands in the log `times` times, behind place `from` of it. One wait at a time. */
  async logged(text: string, times: number, from: number): Promise<void> {
    while (this.log.slice(from).split(text).length - 1 < times) {
      await withSafetyNet(`'${text}' in Mosquitto's log`, new Promise<void>((resolve) => { this.#logGrew = resolve; }));
    }
  }

  /** For who brings its log here. */
  wrote(text: string): void {
    this.log += text;
    this.#logGrew();
  }

  /** The process answers nothing any more, and its connections stay open. */
  abstract freeze(): void;
  abstract thaw(): void;

  /** Ends without a word to its clients, as a power cut would. */
  abstract kill(): Promise<void>;

  /** Asks it to end; clients of MQTT 5 are told nothing either (Mosquitto 2.0 just closes). Files are saved. */
  abstract shutDown(): Promise<void>;

  /** After kill() or shutDown(): the same ports, the same files. */
  abstract restart(): Promise<void>;

  /** Ends it and removes its files. */
  abstract stop(): Promise<void>;
}
