import { channels, type Log } from '../diagnostics.js';
import type { EngineConnected, EngineFailure, EngineInfo } from '../engine/engine.js';
import { abortedError, closedError, MqttError } from '../errors.js';
import type { Dispatcher } from '../incoming/dispatch.js';
import { parseClose, parseConnect, type ParsedClose } from '../options/close-options.js';
import type { ResolvedOptions } from '../options/resolve.js';
import { shownUrl } from '../options/url.js';
import type { Outgoing } from '../outgoing/outgoing.js';
import { connectResult, type ConnectResult } from '../protocol/connack.js';
import type { Stats } from '../stats.js';
import { closeOnSignals } from './close-on-signals.js';
import { Closing } from './closing.js';
import { errorFromFailure } from './failure.js';
import { Interruption } from './interruption.js';
import { ConnectionLimits } from './limits.js';
import { isMoved } from './refusal.js';
import { Resubscription } from './resubscribe.js';
import { Search } from './search.js';
import { parseServerReference } from './server-reference.js';
import { Session } from './session.js';
import { Sink, type ConnectionEvents } from './sink.js';

/**
 * `new` before the first connect(); `connecting` while it tries; `connected`; `reconnecting` after a lost connection while the next attempt
 * is planned or under way; `disconnected` when nobody tries: an attempt of connect() failed, a connection was lost with `reconnect: false`,
 * or the client has given up; `closing` while close() waits for what is on its way; `closed` after close() or destroy(), which is final.
 */
export type ClientState = 'new' | 'connecting' | 'connected' | 'reconnecting' | 'disconnected' | 'closing' | 'closed';

/** What the client makes events of. Must not throw; may call anything here. */
export interface LifecycleEvents {
  onConnect(result: ConnectResult): void;
  onDisconnect(reason: MqttError): void;
  onOffline(): void;
  onReconnecting(attempt: number, delay: number): void;
  onReconnect(attempt: number, delay: number): void;
  /** Something the application was not told in another way. */
  onError(error: MqttError): void;
  onClose(): void;
}

const SESSION_TAKEN_OVER = 0x8e;

/** The states of a client and what leads from one to the next. */
export class Lifecycle implements ConnectionEvents {
  state: ClientState = 'new';

  readonly #session: Session;
  readonly #search: Search;
  readonly #resubscription: Resubscription;
  #interruption: Interruption | undefined = undefined;
  #closing: Closing | undefined = undefined;
  /** Valid for one connection. */
  #result: ConnectResult | undefined = undefined;
  #forgetSignals = (): void => undefined;

  constructor(
    private readonly options: ResolvedOptions,
    private readonly outgoing: Outgoing,
    private readonly dispatcher: Dispatcher,
    private readonly stats: Stats,
    private readonly log: Log,
    private readonly events: LifecycleEvents,
  ) {
    this.#session = new Session(options, () => new Sink(this, outgoing, dispatcher), (error) => {
      outgoing.interrupted(error);
      dispatcher.disconnected(error, { goesOn: true, engineGone: true });
    });
    this.#resubscription = new Resubscription(outgoing, dispatcher, log, (error) => events.onError(error));
    this.#search = new Search({ options, stats, log, session: this.#session }, {
      onOffline: () => events.onOffline(),
      onReconnecting: (attempt, delay) => events.onReconnecting(attempt, delay),
      onReconnect: (attempt, delay) => events.onReconnect(attempt, delay),
      onGivenUp: (error) => this.#givenUp(error),
    });
  }

  get info(): EngineInfo | undefined {
    return this.#session.info;
  }

  /** The server connected to, or the last one tried. */
  get server(): string | undefined {
    const { endpoint } = this.#search;
    return endpoint === undefined ? undefined : shownUrl(endpoint);
  }

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
    if (this.state === 'new' || this.state === 'disconnected') {
      this.state = 'connecting';
      this.#forgetSignals = closeOnSignals(this.options.closeOnSignals, { close: () => this.close(undefined) });
      this.outgoing.seek();
      this.#search.begin();
    }
    return this.#search.wait(signal);
  }

  /** Nobody tries any more until connect() is called. */
  #givenUp(error: MqttError): void {
    const inBackground = this.state === 'reconnecting';
    this.#disconnected(error);
    if (inBackground) this.events.onError(error);
  }

  #disconnected(error: MqttError): void {
    const { kept } = this.#session;
    this.state = 'disconnected';
    this.#forgetSignals();
    this.dispatcher.disconnected(error, { goesOn: false, engineGone: !kept });
    this.outgoing.disconnected(error, kept);
  }

  // ---- from the engine ----------------------------------------------------------------------------------------------------

  openFailed(failure: EngineFailure): void {
    this.#search.openFailed(failure);
  }

  connected(connected: EngineConnected): void {
    if (!this.#search.opening) return;
    const session = this.#session;
    let result: ConnectResult;
    try {
      result = connectResult(connected, session.info!);
      session.checkPresent(result);
    } catch (error) {
      session.lose(error as MqttError);
      this.#search.reject(error as MqttError);
      return;
    }
    this.#search.found();
    const endpoint = this.#search.endpoint!;
    const needsSubscriptions = session.needsSubscriptions(result, endpoint);
    this.stats.connected(session.connected(result, endpoint));
    this.state = 'connected';
    this.#result = result;

    const engine = session.engine!;
    const limits = new ConnectionLimits(result.protocolVersion, result.limits);
    this.outgoing.connected(engine, limits);
    this.dispatcher.connected(engine, result.protocolVersion, result.limits, result.sessionPresent);
    const server = shownUrl(endpoint);
    const version = result.protocolVersion === 5 ? '5' : '3.1.1';
    this.log.write('info', `connected to ${server} with MQTT ${version}, session ${result.sessionPresent ? 'present' : 'new'}`);
    // From here on the application is told, and may end the client at any word.
    if (this.state === 'connected') this.#resubscription.connected(needsSubscriptions, engine, limits);
    if (this.state === 'connected') this.outgoing.resume();
    this.#search.succeeded(result);
    if (channels.connect.hasSubscribers) channels.connect.publish({ clientId: this.options.clientId, server, result });
    if (this.state === 'connected') this.events.onConnect(result);
  }

  disconnected(failure: EngineFailure): void {
    this.#linkEnded(errorFromFailure(failure));
  }

  #linkEnded(failure: MqttError): void {
    const error = this.#interruption?.error ?? failure;
    if (this.#closing !== undefined) this.#closed(error);
    else if (this.state === 'connected') this.#lost(error);
  }

  /** The connection has ended, and not because of close() or destroy(). */
  #lost(error: MqttError): void {
    this.#connectionIsNoMore(error);
    this.#session.disconnected();
    const moved = this.options.followServerReference && isMoved(error);
    const referred = moved ? parseServerReference(error.properties?.serverReference, this.#search.endpoint!) : undefined;
    const announce = this.#search.lost(referred);
    if (announce === undefined) {
      this.#disconnected(error);
      const givenUp = this.options.reconnect !== false;
      if (givenUp) this.log.write('error', 'not trying to connect any more: there were as many attempts as reconnect.maxAttempts');
      this.events.onDisconnect(error);
      if (givenUp) this.events.onError(error);
      return;
    }
    this.state = 'reconnecting';
    const engineGone = !this.#session.kept;
    this.dispatcher.disconnected(error, { goesOn: true, engineGone });
    this.outgoing.interrupted(engineGone ? error : undefined);
    this.events.onDisconnect(error);
    announce();
  }

  #connectionIsNoMore(error: MqttError): void {
    this.#result = undefined;
    this.#interruption?.end();
    this.#interruption = undefined;
    const server = this.server!;
    this.log.write('info', `disconnected from ${server}: ${error.message}`);
    if (error.reasonCode === SESSION_TAKEN_OVER) this.log.write('warn', 'another client connects with the same client identifier');
    if (channels.disconnect.hasSubscribers) channels.disconnect.publish({ clientId: this.options.clientId, server, error });
  }

  /** `onHandlerError: 'disconnect'`: ends the connection, which counts as a lost one. */
  interrupt(cause: unknown): void {
    if (this.state !== 'connected' || this.#interruption !== undefined) return;
    this.outgoing.pause();
    this.#interruption = new Interruption(cause, () => {
      this.#session.retire();
      this.#linkEnded(closedError());
    });
    this.#session.engine!.close(this.#result!.protocolVersion === 5 ? Interruption.REASON_CODE : 0, undefined);
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
      this.dispatcher.endAll(undefined, false);
      this.#end(closedError());
      return Promise.resolve();
    }
    this.state = 'closing';
    this.outgoing.shut();
    const closing = (this.#closing = new Closing(parsed, parsed.timeout ?? this.options.operationTimeout, {
      sendDisconnect: () => {
        this.dispatcher.flush();
        // A connection that is being ended already gets no second DISCONNECT.
        if (this.#interruption === undefined) this.#session.engine?.close(parsed.reasonCode, parsed.properties);
      },
      giveUp: () => this.#closed(closedError()),
      stopWaiting: () => this.outgoing.whenIdle(undefined),
    }));
    this.outgoing.whenIdle(() => closing.idle());
    return closing.promise;
  }

  /** At once. What waits fails with ERR_MQTT_CLOSED and `error` as its cause. */
  destroy(error?: unknown): void {
    if (this.state === 'closed') return;
    const reason = closedError(error);
    this.dispatcher.endAll(error === undefined ? undefined : reason, true);
    if (this.state === 'connected' || this.state === 'closing') this.#closed(reason);
    else this.#end(reason);
  }

  /** The end of a connection that this side ended, and of the client. */
  #closed(reason: MqttError): void {
    const closing = this.#closing;
    this.#closing = undefined;
    this.outgoing.whenIdle(undefined);
    this.dispatcher.endAll(undefined, false);
    this.#end(reason, () => {
      this.#connectionIsNoMore(reason);
      this.events.onDisconnect(reason);
    });
    closing?.settle();
  }

  /** For good. `tell` before 'close' is told. */
  #end(reason: MqttError, tell?: () => void): void {
    if (this.state === 'closed') return;
    this.state = 'closed';
    this.#search.end(reason);
    this.#session.retire();
    this.#forgetSignals();
    this.outgoing.shut();
    this.dispatcher.disconnected(reason, { goesOn: false, engineGone: true });
    this.outgoing.disconnected(reason, false);
    tell?.();
    this.events.onClose();
  }

  // ---- event loop ---------------------------------------------------------------------------------------------------------

  ref(): void {
    this.#session.ref();
    this.#search.ref();
  }

  unref(): void {
    this.#session.unref();
    this.#search.unref();
  }
}
