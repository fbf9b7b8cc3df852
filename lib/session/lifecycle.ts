import type { Log } from '../diagnostics.js';
import type { Engine, EngineConnected, EngineFailure, EngineInfo, EngineTls } from '../engine/engine.js';
import { selectEngine } from '../engine/select.js';
import { abortedError, closedError, MqttError } from '../errors.js';
import type { Dispatcher } from '../incoming/dispatch.js';
import { parseClose, parseConnect, type ParsedClose } from '../options/close-options.js';
import { engineOpen, type ResolvedOptions } from '../options/resolve.js';
import { loadTls } from '../options/tls.js';
import type { Outgoing } from '../outgoing/outgoing.js';
import { connectResult, type ConnectResult } from '../protocol/connack.js';
import { Closing } from './closing.js';
import { ConnectAttempt } from './connect-attempt.js';
import { errorFromFailure } from './failure.js';
import { ConnectionLimits } from './limits.js';
import { Sink, type ConnectionEvents } from './sink.js';

/**
 * `new` before the first connect(); `connecting`; `connected`; `disconnected` after a failed attempt or a lost connection; `closing` while
 * close() waits for what is on its way; `closed` after close() or destroy(), which is final.
 */
export type ClientState = 'new' | 'connecting' | 'connected' | 'disconnected' | 'closing' | 'closed';

/** What the client makes events of. Must not throw. */
export interface LifecycleEvents {
  onConnect(result: ConnectResult): void;
  onDisconnect(reason: MqttError): void;
  onClose(): void;
}

/** Whether the server keeps the session when the connection is lost. */
function sessionMayGoOn(result: ConnectResult, options: ResolvedOptions): boolean {
  if (result.protocolVersion === 4) return !options.cleanStart;
  return (result.properties.sessionExpiryInterval ?? options.sessionExpiryInterval) > 0;
}

/** Brings the engine up and down: one attempt a connect(), one engine a session. */
export class Lifecycle implements ConnectionEvents {
  state: ClientState = 'new';
  /** Of the last engine that was chosen. */
  info: EngineInfo | undefined = undefined;

  /** Valid for a session: kept over a lost connection when the session may go on. */
  #engine: Engine | undefined = undefined;
  #sink: Sink | undefined = undefined;
  #attempt: ConnectAttempt | undefined = undefined;
  #closing: Closing | undefined = undefined;
  /** Valid for one connection. */
  #result: ConnectResult | undefined = undefined;
  #sessionMayGoOn = false;
  #version: 4 | 5 = 5;
  /** The identifier the server chose; the session is found by it [MQTT-3.1.3-7]. */
  #assignedClientId: string | undefined = undefined;
  #referenced = true;

  constructor(
    private readonly options: ResolvedOptions,
    private readonly outgoing: Outgoing,
    private readonly dispatcher: Dispatcher,
    private readonly log: Log,
    private readonly events: LifecycleEvents,
  ) {}

  // ---- connect() ----------------------------------------------------------------------------------------------------------

  connect(given: unknown): Promise<ConnectResult> {
    let signal: AbortSignal | undefined;
    try {
      signal = parseConnect(given);
      if (signal?.aborted) throw abortedError(signal);
      if (this.state === 'closing' || this.state === 'closed') throw closedError();
    } catch (error) {
      return Promise.reject(error);
    }
    if (this.state === 'connected') return Promise.resolve(this.#result!);
    let attempt = this.#attempt;
    if (attempt === undefined) {
      // A session that goes on speaks the version it began with.
      const versions = this.#engine === undefined ? this.options.versions : [this.#version];
      attempt = this.#attempt = new ConnectAttempt(versions, this.options.connectTimeout);
      this.state = 'connecting';
      this.#start(attempt);
    }
    // The last one who waits and gives up gives the attempt up.
    return attempt.wait(signal, (error) => this.#failAttempt(error));
  }

  #start(attempt: ConnectAttempt): void {
    const { tls } = this.options;
    if (tls === undefined) {
      this.#open(attempt, undefined);
      return;
    }
    loadTls(tls).then(
      (loaded) => {
        if (this.#attempt === attempt) this.#open(attempt, loaded);
      },
      (error: MqttError) => {
        if (this.#attempt === attempt) this.#failAttempt(error);
      },
    );
  }

  #open(attempt: ConnectAttempt, tls: EngineTls | undefined): void {
    attempt.tls = tls;
    try {
      const engine = (this.#engine ??= this.#makeEngine());
      this.#logAttempt(attempt.version);
      const id = this.options.clientId === '' ? (this.#assignedClientId ?? '') : this.options.clientId;
      engine.open(engineOpen(this.options, attempt.version, id, tls, attempt.timeLeft()));
    } catch (error) {
      this.#failAttempt(error as MqttError);
    }
  }

  #logAttempt(protocolVersion: 4 | 5): void {
    const { endpoint, mqtt5Only } = this.options;
    const { name, version, reason } = this.info!;
    const mqtt = protocolVersion === 5 ? '5' : '3.1.1';
    this.log.write('info', `connecting to ${endpoint.host}:${endpoint.port} by ${endpoint.transport} with MQTT ${mqtt}, engine ${name} ${version} (${reason})`);
    if (protocolVersion === 4 && mqtt5Only.length > 0) {
      this.log.write('warn', `MQTT 3.1.1 does not have ${mqtt5Only.join(', ')}: without effect on this connection`);
    }
  }

  #makeEngine(): Engine {
    const sink = new Sink(this, this.outgoing, this.dispatcher);
    const engine = selectEngine(this.options.engine, this.options.endpoint.transport, sink);
    this.#sink = sink;
    this.info = engine.info;
    if (!this.#referenced) engine.unref();
    return engine;
  }

  /** The attempt is over; so is the engine, unless it holds a session from before. */
  #failAttempt(error: Error): void {
    const attempt = this.#attempt;
    if (attempt === undefined) return;
    this.#attempt = undefined;
    this.state = 'disconnected';
    // An engine in the middle of an attempt can only be stopped by ending it.
    if (!attempt.over || !this.#sessionMayGoOn) this.#retireEngine();
    this.log.write('info', `not connected: ${error.message}`);
    attempt.fail(error);
  }

  #retireEngine(): void {
    if (this.#sink !== undefined) this.#sink.gone = true;
    this.#engine?.destroy();
    this.#engine = undefined;
    this.#sink = undefined;
    this.#sessionMayGoOn = false;
  }

  // ---- from the engine ----------------------------------------------------------------------------------------------------

  connected(connected: EngineConnected): void {
    const attempt = this.#attempt;
    if (attempt === undefined) return;
    let result: ConnectResult;
    try {
      result = connectResult(connected, this.info!);
    } catch (error) {
      this.#failAttempt(error as MqttError);
      return;
    }
    this.#attempt = undefined;
    this.#result = result;
    this.#version = result.protocolVersion;
    this.#sessionMayGoOn = sessionMayGoOn(result, this.options);
    if (result.assignedClientIdentifier !== undefined) this.#assignedClientId = result.assignedClientIdentifier;
    if (!result.sessionPresent) {
      this.dispatcher.endAll(new MqttError('ERR_MQTT_CONNECTION_LOST', 'the server does not have the session any more'), false);
    }
    this.state = 'connected';
    this.outgoing.connected(this.#engine!, new ConnectionLimits(result.protocolVersion, result.limits));
    this.dispatcher.connected(this.#engine!, result.protocolVersion);
    this.log.write('info', `connected with MQTT ${result.protocolVersion === 5 ? '5' : '3.1.1'}, session ${result.sessionPresent ? 'present' : 'new'}`);
    attempt.succeed(result);
    this.events.onConnect(result);
  }

  openFailed(failure: EngineFailure): void {
    const attempt = this.#attempt;
    if (attempt === undefined) return;
    if (attempt.nextVersion(failure)) {
      this.log.write('info', `the server does not take MQTT 5 (${failure.message}), trying 3.1.1`);
      this.#open(attempt, attempt.tls);
    } else {
      attempt.over = true;
      this.#failAttempt(errorFromFailure(failure));
    }
  }

  disconnected(failure: EngineFailure): void {
    const error = errorFromFailure(failure);
    if (this.#closing !== undefined) this.#closed(error);
    else if (this.state === 'connected') this.#ended(error, this.#sessionMayGoOn, 'disconnected');
  }

  /** The connection is no more. Everything that waited fails with `error`. */
  #ended(error: MqttError, keepEngine: boolean, state: 'disconnected' | 'closed'): void {
    this.state = state;
    this.#result = undefined;
    if (!keepEngine) this.#retireEngine();
    this.log.write('info', `disconnected: ${error.message}`);
    this.dispatcher.disconnected(error, keepEngine, !keepEngine);
    this.outgoing.disconnected(error);
    this.events.onDisconnect(error);
  }

  // ---- close(), destroy() -------------------------------------------------------------------------------------------------

  close(given: unknown): Promise<void> {
    let parsed: ParsedClose;
    try {
      parsed = parseClose(given, this.options.sessionExpiryInterval);
      if (this.#result?.protocolVersion === 4 && (parsed.reasonCode !== 0 || parsed.properties !== undefined)) {
        throw new MqttError('ERR_MQTT_NOT_SUPPORTED', 'close: the connection speaks MQTT 3.1.1, whose DISCONNECT has no reason code and no properties');
      }
    } catch (error) {
      return Promise.reject(error);
    }
    if (this.#closing !== undefined) return this.#closing.promise;
    if (this.state !== 'connected') {
      this.destroy();
      return Promise.resolve();
    }
    this.state = 'closing';
    this.outgoing.shut();
    const closing = (this.#closing = new Closing(parsed, parsed.timeout ?? this.options.operationTimeout, {
      sendDisconnect: () => this.#engine?.close(parsed.reasonCode, parsed.properties),
      giveUp: () => this.#closed(closedError()),
      stopWaiting: () => this.outgoing.whenIdle(undefined),
    }));
    this.outgoing.whenIdle(() => closing.idle());
    return closing.promise;
  }

  /** At once. What waits fails with ERR_MQTT_CLOSED and `error` as its cause. */
  destroy(error?: unknown): void {
    const reason = closedError(error);
    if (this.#attempt !== undefined) this.#failAttempt(reason);
    const subscriptionsEnd = error === undefined ? undefined : reason;
    if (this.state === 'connected' || this.state === 'closing') {
      this.dispatcher.endAll(subscriptionsEnd, true);
      this.#closed(reason);
      return;
    }
    if (this.state === 'closed') return;
    this.state = 'closed';
    this.outgoing.closed = true;
    this.#retireEngine();
    this.dispatcher.endAll(subscriptionsEnd, true);
    this.events.onClose();
  }

  /** The end of a connection that this side ended. */
  #closed(reason: MqttError): void {
    const closing = this.#closing;
    this.#closing = undefined;
    this.outgoing.whenIdle(undefined);
    this.outgoing.closed = true;
    this.dispatcher.endAll(undefined, false);
    this.#ended(reason, false, 'closed');
    this.events.onClose();
    closing?.settle();
  }

  // ---- event loop ---------------------------------------------------------------------------------------------------------

  ref(): void {
    this.#referenced = true;
    this.#engine?.ref();
  }

  unref(): void {
    this.#referenced = false;
    this.#engine?.unref();
  }
}

