import type { Engine, EngineInfo } from '../engine/engine.js';
import { selectEngine, servesTransport } from '../engine/select.js';
import { MqttError } from '../errors.js';
import type { ResolvedOptions } from '../options/resolve.js';
import type { Endpoint } from '../options/url.js';
import type { ConnectResult } from '../protocol/connack.js';
import type { Sink } from './sink.js';

/** Whether the server keeps the session when the connection is lost. */
function outlivesConnection(result: ConnectResult, options: ResolvedOptions): boolean {
  if (result.protocolVersion === 4) return !options.cleanStart;
  return (result.properties.sessionExpiryInterval ?? options.sessionExpiryInterval) > 0;
}

/**
 * The session of a client, in both its halves (4.1): what an engine keeps of it, and what the server may still have. The engine is kept
 * over a lost connection when the session outlives it; without a session each attempt chooses its engine anew.
 */
export class Session {
  engine: Engine | undefined = undefined;
  /** Of the last engine that was chosen. */
  info: EngineInfo | undefined = undefined;
  /** The protocol version of the last connection. */
  version: 4 | 5 | undefined = undefined;
  /** The engine holds what is left of an earlier connection. */
  kept = false;
  /** There was a connection. */
  connectedBefore = false;

  #sink: Sink | undefined = undefined;
  /** What the engine was chosen for. */
  #transport: Endpoint['transport'] | undefined = undefined;
  /** Of the last connection: the server keeps the session when it ends. */
  #outlives = false;
  /** The server of the last connection. */
  #server: Endpoint | undefined = undefined;
  /** The identifier the server chose; the session is found by it [MQTT-3.1.3-7]. */
  #assignedClientId: string | undefined = undefined;
  #referenced = true;

  /** `onLost`: what the engine held is gone, and with it what nobody will ever answer. */
  constructor(
    private readonly options: ResolvedOptions,
    private readonly makeSink: () => Sink,
    private readonly onLost: (error: MqttError) => void,
  ) {}

  get clientId(): string {
    return this.options.clientId === '' ? (this.#assignedClientId ?? '') : this.options.clientId;
  }

  /**
   * What CONNECT says. In MQTT 5 the session of the connection before is gone on with, whatever the option, unless it ended with that
   * connection; in 3.1.1 a Clean Session is one connection's.
   */
  cleanStart(version: 4 | 5): boolean {
    const goesOn = version === 5 && this.version === 5 && this.#outlives;
    return this.options.cleanStart && !goesOn;
  }

  /** The engine to open. Throws what selectEngine() throws. */
  engineFor(endpoint: Endpoint, version: 4 | 5): Engine {
    const { engine } = this;
    if (engine !== undefined) {
      const fits = this.kept
        ? version === this.version && servesTransport(engine.info.name, endpoint.transport)
        : endpoint.transport === this.#transport;
      if (fits) return engine;
      this.lose(new MqttError('ERR_MQTT_CONNECTION_LOST', 'the session ended: the next server is reached in another way, or speaks another version of MQTT'));
    }
    const sink = this.makeSink();
    this.engine = selectEngine(this.options.engine, endpoint.transport, sink);
    this.#sink = sink;
    this.#transport = endpoint.transport;
    this.info = this.engine.info;
    if (!this.#referenced) this.engine.unref();
    return this.engine;
  }

  /**
   * Whether CONNACK's Session Present can be. Nobody but this client can have made a session under an identifier that was made up for it
   * [MQTT-3.2.2-4].
   */
  checkPresent(result: ConnectResult): void {
    if (!result.sessionPresent || this.connectedBefore) return;
    if (this.options.clientIdGenerated || result.assignedClientIdentifier !== undefined) {
      throw new MqttError('ERR_MQTT_PROTOCOL', 'the server has a session for a client that has never been there');
    }
  }

  /** Whether the subscriptions have to be made again: with a new session, or at another server, which may not know of them all. */
  needsSubscriptions(result: ConnectResult, endpoint: Endpoint): boolean {
    const before = this.#server;
    return !result.sessionPresent || (before !== undefined && (before.host !== endpoint.host || before.port !== endpoint.port));
  }

  /** There is a connection. Returns whether it is the first one of the client. */
  connected(result: ConnectResult, endpoint: Endpoint): boolean {
    const first = !this.connectedBefore;
    this.connectedBefore = true;
    this.kept = false;
    this.version = result.protocolVersion;
    this.#outlives = outlivesConnection(result, this.options);
    this.#server = endpoint;
    if (result.assignedClientIdentifier !== undefined) this.#assignedClientId = result.assignedClientIdentifier;
    return first;
  }

  /** There is none any more. */
  disconnected(): void {
    if (this.#outlives && this.engine !== undefined) this.kept = true;
    else this.retire();
  }

  /** Gives the engine up; what it held fails. */
  lose(error: MqttError): void {
    const { kept } = this;
    this.retire();
    if (kept) this.onLost(error);
  }

  /** Gives the engine up; what it held is the caller's matter. */
  retire(): void {
    if (this.#sink !== undefined) this.#sink.gone = true;
    this.engine?.destroy();
    this.engine = undefined;
    this.#sink = undefined;
    this.kept = false;
  }

  ref(): void {
    this.#referenced = true;
    this.engine?.ref();
  }

  unref(): void {
    this.#referenced = false;
    this.engine?.unref();
  }
}
