import { performance } from 'node:perf_hooks';
import { channels, reportUncaught, type Log } from '../diagnostics.js';
import type { Engine } from '../engine/engine.js';
import type { ServerLimits } from '../protocol/connack.js';
import { AckLine } from './acks.js';
import { Identifiers } from './identifiers.js';
import type { IncomingMessage, Message } from './message.js';
import { Routes, type RouteGroup } from './routes.js';
import type { RoutedSubscription } from './subscription.js';

type MessageListener = (message: Message) => void;

/** The clock is looked at once for so many messages. */
const CLOCK_EVERY = 16;

/**
 * Loops read in microtasks, all that was put aside for them in one go: so many messages are put aside until they do, for all loops of a
 * client together. It bounds how long a loop with a body of some microseconds holds the event loop, and keeps the messages in the
 * processor's caches.
 */
const LOOP_SHARE = 512;

/** What subscriptions nobody reads may keep for a loop that may come, together. */
const MAX_EARLY_MESSAGES = 1000;
const MAX_EARLY_BYTES = 1024 * 1024;

/** Counted here. */
export interface ReceivedStats {
  receivedMessages: number;
  receivedBytes: number;
}

export interface DispatcherOptions {
  /**
   * A handler has failed with `error`. `disconnect`: the connection is to be ended for it, so that the server sends the message again (only
   * with `holdFailed`, QoS 1 and 2, and a message that was not acknowledged before). Must not throw.
   */
  onHandlerError(error: unknown, disconnect: boolean): void;
  /** Messages whose handler has failed are not acknowledged: `onHandlerError: 'disconnect'`. */
  readonly holdFailed: boolean;
  readonly clientId: string;
}

/**
 * Hands each message to everybody it is for: the listeners of 'message', and the subscriptions with a filter that matches, each once. Runs
 * for every message that arrives, so it makes nothing and looks nothing up that it can know before.
 */
export class Dispatcher {
  /** Active subscriptions that want messages. */
  consumers = 0;
  /** Valid for one engine, over its connections; undefined before the first. */
  acks: AckLine | undefined = undefined;

  readonly log: Log;
  /** What listeners see as `this`. */
  readonly #emitter: object;
  readonly #stats: ReceivedStats;
  readonly #options: DispatcherOptions;

  #listener: MessageListener | undefined = undefined;
  /** All of them, when there is more than one. Replaced, never changed: a listener may remove itself while they are called. */
  #listeners: readonly MessageListener[] | undefined = undefined;

  readonly #identifiers = new Identifiers();
  readonly #routes = new Routes(this.#identifiers);
  /** Active ones, in the order of subscribe(). */
  readonly #subscriptions = new Set<RoutedSubscription>();
  /** Whether the server of the present connection takes Subscription Identifiers. */
  #identifiersAvailable = false;
  /** Counts the messages for which subscriptions were marked. */
  #stamp = 0;
  #earlyMessages = 0;
  #earlyBytes = 0;
  /**
   * No message before the next turn of the event loop. Otherwise:
   * 1. SUBACK and 1,500 messages of that subscription arrive in one piece.
   * 2. SUBACK resolves subscribe(); the messages are handed out in the same go, before anything that awaits subscribe() has run.
   * 3. The application begins its loop, and the subscription has kept what it may keep without one, and dropped the rest.
   * The same with connect() and a listener that is added behind it.
   */
  #waitTurn = false;
  /** Messages put aside for loops since they last ran. */
  #forLoops = 0;
  readonly #loopsRun = (): void => {
    this.#forLoops = 0;
  };

  constructor(emitter: object, log: Log, stats: ReceivedStats, options: DispatcherOptions) {
    this.#emitter = emitter;
    this.log = log;
    this.#stats = stats;
    this.#options = options;
  }

  // ---- hot path -----------------------------------------------------------------------------------------------------------

  /** As EngineSink.onMessages(). */
  dispatch(batch: IncomingMessage[], from: number, deadline: number): number {
    const { acks } = this;
    if (this.#waitTurn || acks === undefined || this.#forLoops >= LOOP_SHARE) return from;
    const end = batch.length;
    let at = from;
    let bytes = 0;
    acks.batching = true;
    while (at < end && !acks.engineGone) {
      const stop = at + CLOCK_EVERY < end ? at + CLOCK_EVERY : end;
      const watched = channels.message.hasSubscribers;
      while (at < stop) {
        const message = batch[at++]!;
        bytes += message.length;
        // Not when it was made: engines make messages as they read, and tell of the connection in its place among them.
        message.acks = acks;
        if (watched) channels.message.publish({ clientId: this.#options.clientId, message });
        const listener = this.#listener;
        if (listener !== undefined) {
          try {
            listener.call(this.#emitter, message);
          } catch (error) {
            reportUncaught(error);
          }
        } else if (this.#listeners !== undefined) {
          this.#emit(this.#listeners, message);
        }
        if (this.consumers !== 0) this.#route(message);
        acks.dispatched(message);
        // destroy() in a listener: not one message more.
        if (acks.engineGone) break;
      }
      if (at < end && (this.#forLoops >= LOOP_SHARE || performance.now() > deadline)) break;
    }
    this.#stats.receivedMessages += at - from;
    this.#stats.receivedBytes += bytes;
    acks.batching = false;
    acks.flush();
    return acks.engineGone ? end : at;
  }

  #emit(listeners: readonly MessageListener[], message: IncomingMessage): void {
    for (const listener of listeners) {
      try {
        listener.call(this.#emitter, message);
      } catch (error) {
        reportUncaught(error);
      }
    }
  }

  #route(message: IncomingMessage): void {
    const { topic } = message;
    const { subscriptions, groups } = this.#routes.recent.get(topic) ?? this.#routes.find(topic);
    if (groups !== undefined && message.hasProperties && this.#routeByIdentifier(message, subscriptions, groups)) return;
    for (let i = 0; i < subscriptions.length; i++) subscriptions[i]!.deliver(message);
  }

  /**
   * Several subscriptions have filters that match. A server may send one message with the identifiers of all of them, or a copy for each
   * with its own (3.3.4): each gets what carries its identifier, so it gets the message once either way. False: the message carries none of
   * these identifiers, as in a session from before this process; then all get it.
   */
  #routeByIdentifier(message: IncomingMessage, all: readonly RoutedSubscription[], groups: ReadonlyMap<number, RouteGroup>): boolean {
    const reader = message.identifiers();
    const first = reader.next();
    if (first === 0) return false;
    let identifier = reader.next();
    if (identifier === 0) {
      const group = groups.get(first);
      if (group === undefined) return false;
      for (let i = 0; i < group.subscriptions.length; i++) group.subscriptions[i]!.deliver(message);
      return true;
    }
    const stamp = ++this.#stamp;
    let found = mark(groups.get(first), stamp);
    for (; identifier !== 0; identifier = reader.next()) found = mark(groups.get(identifier), stamp) || found;
    if (!found) return false;
    for (let i = 0; i < all.length; i++) {
      if (all[i]!.stamp === stamp) all[i]!.deliver(message);
    }
    return true;
  }

  /** A message is put aside for a loop, which runs in a microtask. */
  forLoop(): void {
    if (this.#forLoops++ === 0) queueMicrotask(this.#loopsRun);
  }

  // ---- listeners and handlers ---------------------------------------------------------------------------------------------

  /** The listeners of 'message' have changed. */
  setListeners(listeners: readonly MessageListener[]): void {
    this.#listener = listeners.length === 1 ? listeners[0] : undefined;
    this.#listeners = listeners.length > 1 ? listeners : undefined;
  }

  /** The handler that worked on the message has thrown or rejected. Called before it lets go of it. */
  handlerFailed(message: IncomingMessage, error: unknown): void {
    const disconnect = this.#options.holdFailed && message.acks.hold(message);
    this.#options.onHandlerError(error, disconnect);
  }

  // ---- subscriptions ------------------------------------------------------------------------------------------------------

  /** From now on, or again: a server may send messages before its SUBACK (3.8.4). */
  add(subscription: RoutedSubscription): void {
    this.#routes.add(subscription.filters, subscription);
    if (this.#subscriptions.has(subscription)) return;
    this.#subscriptions.add(subscription);
    if (subscription.identified) this.#identifiers.retain(subscription.identifier, true);
    this.consumers++;
  }

  /** The identifier to subscribe with on the present connection; 0: none. */
  identify(subscription: RoutedSubscription): number {
    const available = this.#identifiersAvailable;
    if (available && subscription.identifier === 0) subscription.identifier = this.#identifiers.take();
    const identifier = available ? subscription.identifier : 0;
    this.#routes.requested(subscription.filters, identifier);
    return identifier;
  }

  /** The server's answer for filters of the subscription. */
  granted(subscription: RoutedSubscription, filters: readonly string[]): void {
    this.#routes.granted(filters, subscription.identifier);
  }

  /** Takes filters from a subscription; it ends when it has none left. */
  remove(subscription: RoutedSubscription, filters: readonly string[], error?: Error): void {
    if (!this.#subscriptions.has(subscription)) return;
    this.#routes.remove(filters, subscription);
    const gone = new Set(filters);
    subscription.filters = subscription.filters.filter((filter) => !gone.has(filter));
    if (subscription.filters.length > 0) return;
    this.#subscriptions.delete(subscription);
    this.#identifiers.release(subscription.identifier);
    subscription.end(error);
  }

  /** The subscriptions that have a filter. */
  holders(filter: string): RoutedSubscription[] {
    return this.#routes.holders(filter);
  }

  /** Whether only this subscription has the filter. */
  isLastHolder(subscription: RoutedSubscription, filter: string): boolean {
    return this.#routes.isLastHolder(subscription, filter);
  }

  /** Those the server has granted, in the order of subscribe(): to be subscribed again where it does not have the session any more. */
  active(): RoutedSubscription[] {
    return [...this.#subscriptions].filter((subscription) => subscription.grants.length > 0);
  }

  endAll(error: Error | undefined, discard: boolean): void {
    for (const subscription of [...this.#subscriptions]) {
      this.remove(subscription, subscription.filters, error);
      if (discard) subscription.discard();
    }
  }

  // ---- messages kept for a loop -------------------------------------------------------------------------------------------

  /** Whether there is room to keep one more. */
  earlyCame(message: IncomingMessage): boolean {
    if (this.#earlyMessages >= MAX_EARLY_MESSAGES || this.#earlyBytes + message.length > MAX_EARLY_BYTES) return false;
    this.#earlyMessages++;
    this.#earlyBytes += message.length;
    return true;
  }

  earlyLeft(message: IncomingMessage): void {
    this.#earlyMessages--;
    this.#earlyBytes -= message.length;
  }

  /** Before DISCONNECT: what is done with is acknowledged, also in the middle of a batch. */
  flush(): void {
    this.acks?.flush();
  }

  // ---- connection ---------------------------------------------------------------------------------------------------------

  /**
   * There is a connection. Of the same engine: what its earlier ones brought keeps its place in the line. `sessionPresent`: the server has
   * a session, which may be that of an earlier process.
   */
  connected(engine: Engine, protocolVersion: 4 | 5, limits: ServerLimits, sessionPresent = false): void {
    if (this.acks?.engine === engine) {
      this.acks.connected(protocolVersion);
    } else {
      this.acks?.end();
      this.acks = new AckLine(engine, protocolVersion, this.#identifiers);
      this.acks.connected(protocolVersion);
    }
    if (sessionPresent) this.#identifiers.avoidThoseBefore();
    this.#identifiersAvailable = protocolVersion === 5 && limits.subscriptionIdentifiersAvailable;
    this.waitTurn();
  }

  /** Who awaits what was just resolved runs before the next message, and may begin a loop or add a listener. */
  waitTurn(): void {
    if (this.#waitTurn) return;
    this.#waitTurn = true;
    setImmediate(() => {
      this.#waitTurn = false;
    });
  }

  /**
   * The connection has ended, or nobody tries to get another any more. `goesOn`: another is sought, subscriptions and loops wait for it.
   * Otherwise loops throw `error`, and the subscriptions end unless the engine, and with it the session, is kept. `engineGone`: it was
   * destroyed.
   */
  disconnected(error: Error, { goesOn, engineGone }: { goesOn: boolean; engineGone: boolean }): void {
    if (engineGone) this.acks?.end();
    else this.acks?.interrupted();
    if (goesOn) return;
    if (engineGone) this.endAll(error, false);
    else for (const subscription of this.#subscriptions) subscription.interrupt(error);
  }
}

/** Marks the subscriptions of a group. Whether there are any. */
function mark(group: RouteGroup | undefined, stamp: number): boolean {
  if (group === undefined) return false;
  // A server may repeat an identifier as often as it likes.
  if (group.stamp !== stamp) {
    group.stamp = stamp;
    for (const subscription of group.subscriptions) subscription.stamp = stamp;
  }
  return true;
}
