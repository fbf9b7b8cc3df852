import { EventEmitter } from 'node:events';
import { Log, reportUncaught } from './diagnostics.js';
import type { EngineInfo } from './engine/engine.js';
import type { MqttError } from './errors.js';
import { Dispatcher } from './incoming/dispatch.js';
import type { Message } from './incoming/message.js';
import type { MessageHandler, Subscription } from './incoming/subscription.js';
import type { ClientOptions } from './options/client-options.js';
import type { CloseOptions, ConnectOptions } from './options/close-options.js';
import type { Payload, PublishOptions, WriteOptions } from './options/publish-options.js';
import { resolveOptions, type ResolvedOptions } from './options/resolve.js';
import type { Filters, SubscribeOptions, UnsubscribeOptions } from './options/subscribe-options.js';
import type { DroppedMessage } from './outgoing/drop.js';
import { Outgoing } from './outgoing/outgoing.js';
import { publish, type PublishResult } from './outgoing/publish.js';
import { subscribe } from './outgoing/subscribe.js';
import { unsubscribe, type UnsubscribeResult } from './outgoing/unsubscribe.js';
import { write } from './outgoing/write.js';
import type { ConnectResult } from './protocol/connack.js';
import { Lifecycle, type ClientState } from './session/lifecycle.js';
import { Stats, type ClientStats } from './stats.js';

/** Events of a client and what their listeners get. A listener that throws is reported as an uncaught exception, and stops nothing. */
export interface ClientEvents {
  /** A connection was made: the first one, and each one after a lost one. */
  connect: [result: ConnectResult];
  /** A connection has ended; the error says why. `ERR_MQTT_CLOSED`: by close() or destroy(), or because a handler has failed. */
  disconnect: [reason: MqttError];
  /** There is no connection, and the client tries to get one. Once an outage, before the first 'reconnecting'. */
  offline: [];
  /** The next attempt to connect is planned: its number in this outage, from 1 on, and milliseconds until then. */
  reconnecting: [attempt: number, delay: number];
  /** The attempt that 'reconnecting' told of begins. */
  reconnect: [attempt: number, delay: number];
  /**
   * A message has arrived: every message, whichever subscription it came by. It is acknowledged when all listeners have returned (and
   * every handler and loop is done with it).
   */
  message: [message: Message];
  /** write() said false; there is room again, or the connection has ended and the next write() will say so. */
  drain: [];
  /** A message of write() was given up; the error says why. What publish() has taken is told by its promise instead. */
  drop: [dropped: DroppedMessage];
  /**
   * The handler of a subscription has thrown or rejected: with what it threw, and without a listener it becomes an uncaught exception. Or,
   * with an MqttError and only if there is a listener: the client does not try to connect any more, or a subscription was not granted again
   * after the server had lost the session.
   */
  error: [error: unknown];
  /** close() or destroy() is done. */
  close: [];
}

/** A listener of one event. */
export type ClientListener<E extends keyof ClientEvents> = (...args: ClientEvents[E]) => void;
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- as EventEmitter has it
type AnyListener = (...args: any[]) => void;

/** Node 20.0 to 20.4 lack the symbol; TypeScript's `await using` then looks for whatever a polyfill put there. */
const asyncDispose: typeof Symbol.asyncDispose = Symbol.asyncDispose ?? (Symbol.for('nodejs.asyncDispose') as typeof Symbol.asyncDispose);

/**
 * An MQTT client. Nothing happens before connect(). Works with either engine; see {@link ClientOptions.engine}.
 *
 * @example
 * ```ts
 * const client = new Client('mqtts://broker.example');
 * await client.connect();
 * await client.publish('site/1/temp', '21.5', { qos: 1 });
 * await client.close();
 * ```
 */
export class Client extends EventEmitter {
  readonly #options: ResolvedOptions;
  readonly #stats = new Stats();
  readonly #outgoing: Outgoing;
  readonly #dispatcher: Dispatcher;
  readonly #lifecycle: Lifecycle;

  /**
   * @param url - `mqtt:` or `tcp:` (port 1883), `mqtts:`, `ssl:` or `tls:` (8883), `ws:` (80), `wss:` (443), as
   * `scheme://[user[:password]@]host[:port][/path]`; a path only with `ws:` and `wss:`. User name and password count unless the options
   * have them.
   * @throws MqttError `ERR_MQTT_OPTION`, `ERR_MQTT_TOPIC` (of the will) or `ERR_MQTT_NOT_SUPPORTED` naming the option that is wrong.
   */
  constructor(url: string | URL, options?: ClientOptions) {
    super();
    this.#options = resolveOptions(url, options);
    const log = new Log(this.#options.log, this.#options.clientId);
    const { operationTimeout, queue, clientId, onHandlerError } = this.#options;
    this.#outgoing = new Outgoing({ operationTimeout, queue, clientId }, this.#stats, {
      onDrain: () => this.#emitSafely('drain'),
      onDrop: (dropped) => this.#emitSafely('drop', dropped),
    });
    this.#dispatcher = new Dispatcher(this, log, this.#stats, {
      onHandlerError: (error, disconnect) => this.#handlerFailed(error, disconnect),
      holdFailed: onHandlerError === 'disconnect',
      clientId,
    });
    this.#lifecycle = new Lifecycle(this.#options, this.#outgoing, this.#dispatcher, this.#stats, log, {
      onConnect: (result) => this.#emitSafely('connect', result),
      onDisconnect: (reason) => this.#emitSafely('disconnect', reason),
      onOffline: () => this.#emitSafely('offline'),
      onReconnecting: (attempt, delay) => this.#emitSafely('reconnecting', attempt, delay),
      onReconnect: (attempt, delay) => this.#emitSafely('reconnect', attempt, delay),
      onError: (error) => this.#failed(error),
      onClose: () => this.#emitSafely('close'),
    });
  }

  // ---- state --------------------------------------------------------------------------------------------------------------

  /** Which engine serves, and why. Undefined before connect() has chosen one. */
  get engine(): EngineInfo | undefined {
    return this.#lifecycle.info;
  }

  /** Whether there is a connection. */
  get connected(): boolean {
    return this.#lifecycle.state === 'connected';
  }

  /** Where in its life the client is. */
  get state(): ClientState {
    return this.#lifecycle.state;
  }

  /**
   * The server connected to, or else the last one tried, as a URL without user name, password and query. Undefined before connect().
   */
  get server(): string | undefined {
    return this.#lifecycle.server;
  }

  /** Counters since the client was made, and what waits now. A new object each time. */
  get stats(): ClientStats {
    return this.#outgoing.snapshot();
  }

  /** The client identifier of the options, or the one made up for this client. */
  get clientId(): string {
    return this.#options.clientId;
  }

  // ---- verbs --------------------------------------------------------------------------------------------------------------

  /**
   * Connects: one attempt, which goes through all servers. While one is under way, waits for that one; while connected, resolves at once;
   * while a lost connection is sought again, begins the next attempt now, and the client goes on if it fails. With `reconnect.initial` it
   * goes on until it succeeds or the failure is one that does not pass. close() and destroy() are final. Listeners added right after
   * `await client.connect()` miss no message.
   *
   * @returns Rejects with MqttError `ERR_MQTT_RESOLVE`, `_CONNECT`, `_TLS`, `_TIMEOUT`, `_REFUSED` (with `reasonCode`), `_PROTOCOL`,
   * `_CONNECTION_LOST`, `_CREDENTIALS`, `_CLOSED` (by close() or destroy() meanwhile), `_ABORTED`, `_ENGINE_UNAVAILABLE`, or `_OPTION` when
   * a file of `tls` cannot be read: with several servers, that of the last one.
   */
  connect(options?: ConnectOptions): Promise<ConnectResult> {
    return this.#lifecycle.connect(options);
  }

  /**
   * Publishes a message. The promise settles once: at QoS 0 when it was written, at QoS 1 and 2 when the server has answered. Any number
   * may be under way; they leave in the order of the calls. While a connection is being made or sought again the message waits for it, and
   * so does one the engine has no room for now: see the option `queue`. The seconds of its `messageExpiryInterval` run while it waits.
   *
   * @param topic - A topic name: not empty, no wildcards, at most 65,535 bytes.
   * @param payload - Copied before the call returns.
   * @returns Rejects with MqttError `ERR_MQTT_TOPIC`, `_OPTION`, `_NOT_CONNECTED` (nobody tries to connect, or QoS 0 with `queue.qos0:
   * false`), `_CLOSED`, `_NOT_SUPPORTED` (QoS or retain above what the server takes, or properties in 3.1.1), `_PACKET_TOO_LARGE`,
   * `_QUEUE_FULL`, `_EXPIRED`, `_PUBLISH` (the server refused it; `reasonCode`), `_TIMEOUT`, `_ABORTED`, or what ended the connection. At
   * QoS 1 and 2 a timeout, abort or lost connection does not tell whether the server has the message, unless it was still waiting.
   */
  publish(topic: string, payload: Payload, options?: PublishOptions): Promise<PublishResult> {
    return publish(this.#outgoing, topic, payload, options);
  }

  /**
   * Publishes a message without waiting for what becomes of it. Unless it throws, the message is taken, and the result says whether to go
   * on. Where publish() would reject later, the event 'drop' tells; of a QoS 0 message that the engine had already, nobody does.
   *
   * @returns false at the high-water marks of the option `queue` (16,384 messages or 16 MiB on their way), while messages wait although
   * there is a connection, and when the queue is full: better wait for 'drain' before the next one.
   * @throws MqttError as publish() rejects before anything is taken: `ERR_MQTT_TOPIC`, `_OPTION`, `_NOT_CONNECTED`, `_CLOSED`,
   * `_NOT_SUPPORTED`, `_PACKET_TOO_LARGE`, and `_QUEUE_FULL` with `queue.overflow` `'reject'` or `'wait'`.
   */
  write(topic: string, payload: Payload, options?: WriteOptions): boolean {
    return write(this.#outgoing, topic, payload, options);
  }

  /**
   * Subscribes to one filter or several and resolves with the Subscription when the server has answered. For one filter that is refused,
   * or several that all are, it rejects; otherwise `grants` has each filter's answer. While a connection is being made or sought again it
   * waits for that, and it is sent again if the connection is lost before the answer; the timeout is for all of it.
   *
   * @param filters - A filter, an array, or a Map or object of filters with options of their own. `$share/<name>/<filter>` is a shared
   * subscription.
   * @param handler - Gets the messages. Without one, read them with `for await`.
   * @returns Rejects with MqttError `ERR_MQTT_FILTER`, `_OPTION`, `_NOT_CONNECTED`, `_CLOSED`, `_NOT_SUPPORTED` (something this server or
   * 3.1.1 lacks), `_PACKET_TOO_LARGE`, `_SUBSCRIBE` (refused; `reasonCode`), `_TIMEOUT`, `_ABORTED`, or what ended the connection.
   */
  subscribe(filters: Filters, options?: SubscribeOptions, handler?: MessageHandler): Promise<Subscription>;
  subscribe(filters: Filters, handler: MessageHandler): Promise<Subscription>;
  subscribe(filters: Filters, options?: SubscribeOptions | MessageHandler, handler?: MessageHandler): Promise<Subscription> {
    return typeof options === 'function'
      ? subscribe(this.#outgoing, this.#dispatcher, filters, undefined, options)
      : subscribe(this.#outgoing, this.#dispatcher, filters, options, handler);
  }

  /**
   * Unsubscribes from a filter or several, for every Subscription that has them. Waits for a connection as subscribe() does.
   *
   * @returns Rejects with MqttError `ERR_MQTT_FILTER`, `_OPTION`, `_NOT_CONNECTED`, `_CLOSED`, `_NOT_SUPPORTED`, `_PACKET_TOO_LARGE`,
   * `_UNSUBSCRIBE` (the server refused them all; `reasonCode`), `_TIMEOUT`, `_ABORTED`, or what ended the connection.
   */
  unsubscribe(filters: string | readonly string[], options?: UnsubscribeOptions): Promise<UnsubscribeResult> {
    return unsubscribe(this.#outgoing, this.#dispatcher, filters, options);
  }

  /**
   * Waits until everything on its way has been answered, sends DISCONNECT and closes. New requests are refused with `ERR_MQTT_CLOSED`.
   * Without a connection it closes at once: attempts are given up, and what waits fails with `ERR_MQTT_CLOSED`. Loops over subscriptions
   * end after what has arrived.
   *
   * @returns Resolves when the client is closed, also when the connection was lost meanwhile: what did not get through has failed by
   * itself. Rejects with MqttError `ERR_MQTT_TIMEOUT` or `_ABORTED` when that ended the wait (the client is closed all the same), and with
   * `_OPTION` or `_NOT_SUPPORTED` when nothing was done.
   */
  close(options?: CloseOptions): Promise<void> {
    return this.#lifecycle.close(options);
  }

  /**
   * Closes at once, without DISCONNECT, so that the server publishes the will. Everything that waits is rejected with `ERR_MQTT_CLOSED`.
   *
   * @param error - Why: the `cause` of those errors.
   */
  destroy(error?: unknown): void {
    this.#lifecycle.destroy(error);
  }

  /** An open client keeps the process alive, as an open socket does. That is so unless unref() was called. */
  ref(): this {
    this.#lifecycle.ref();
    return this;
  }

  /** Lets the process end while the client is open. */
  unref(): this {
    this.#lifecycle.unref();
    return this;
  }

  /** close(), for `await using`. */
  async [asyncDispose](): Promise<void> {
    await this.close();
  }

  // ---- events -------------------------------------------------------------------------------------------------------------
  // The listeners of 'message' are kept at hand by the dispatcher, which calls them directly. Each way to add or remove one passes through
  // here.

  override on<E extends keyof ClientEvents>(event: E, listener: ClientListener<E>): this {
    super.on(event, listener as AnyListener);
    return this.#listenersChanged(event);
  }
  override addListener<E extends keyof ClientEvents>(event: E, listener: ClientListener<E>): this {
    return this.on(event, listener);
  }
  override prependListener<E extends keyof ClientEvents>(event: E, listener: ClientListener<E>): this {
    super.prependListener(event, listener as AnyListener);
    return this.#listenersChanged(event);
  }
  override once<E extends keyof ClientEvents>(event: E, listener: ClientListener<E>): this {
    return super.once(event, listener as AnyListener);
  }
  override prependOnceListener<E extends keyof ClientEvents>(event: E, listener: ClientListener<E>): this {
    return super.prependOnceListener(event, listener as AnyListener);
  }
  override off<E extends keyof ClientEvents>(event: E, listener: ClientListener<E>): this {
    return this.removeListener(event, listener);
  }
  override removeListener<E extends keyof ClientEvents>(event: E, listener: ClientListener<E>): this {
    super.removeListener(event, listener as AnyListener);
    return this.#listenersChanged(event);
  }
  override removeAllListeners(event?: keyof ClientEvents): this {
    if (event === undefined) super.removeAllListeners();
    else super.removeAllListeners(event);
    return this.#listenersChanged('message');
  }
  override emit<E extends keyof ClientEvents>(event: E, ...args: ClientEvents[E]): boolean {
    return super.emit(event, ...args);
  }

  #listenersChanged(event: keyof ClientEvents): this {
    if (event === 'message') this.#dispatcher.setListeners(this.rawListeners('message') as ((message: Message) => void)[]);
    return this;
  }

  /** Events come out of the engine's turn: a listener that throws must not stop it. */
  #emitSafely<E extends keyof ClientEvents>(event: E, ...args: ClientEvents[E]): void {
    try {
      super.emit(event, ...args);
    } catch (error) {
      reportUncaught(error);
    }
  }

  #handlerFailed(error: unknown, disconnect: boolean): void {
    if (this.listenerCount('error') > 0) this.#emitSafely('error', error);
    else reportUncaught(error);
    if (disconnect) this.#lifecycle.interrupt(error);
  }

  /** Not worth ending the process for: without a listener, only the log tells. */
  #failed(error: MqttError): void {
    if (this.listenerCount('error') > 0) this.#emitSafely('error', error);
  }
}

/**
 * Makes a client and connects it: the short form of both.
 *
 * @param url - As for {@link Client}.
 * @returns The connected client. Rejects as {@link Client} throws and connect() rejects.
 */
export async function connect(url: string | URL, options?: ClientOptions, connectOptions?: ConnectOptions): Promise<Client> {
  const client = new Client(url, options);
  await client.connect(connectOptions);
  return client;
}
