import { reportUncaught, type Log } from '../diagnostics.js';
import type { Engine } from '../engine/engine.js';
import { AckLine } from './acks.js';
import { FilterTree } from './filter-tree.js';
import type { IncomingMessage, Message } from './message.js';
import type { RoutedSubscription } from './subscription.js';

type MessageListener = (message: Message) => void;

/** The clock is looked at once for so many messages. */
const CLOCK_EVERY = 16;

/** Topics whose subscriptions are remembered. */
const MAX_CACHED = 1024;
const MAX_CACHED_LENGTH = 256;

/** What subscriptions nobody reads may keep for a loop that may come, together. */
const MAX_EARLY_MESSAGES = 1000;
const MAX_EARLY_BYTES = 1024 * 1024;

/**
 * Hands each message to everybody it is for: the listeners of 'message', and the subscriptions with a filter that matches, each once. Runs
 * for every message that arrives, so it makes nothing and looks nothing up that it can know before.
 */
export class Dispatcher {
  /** Active subscriptions that want messages. */
  consumers = 0;
  /** Valid for one connection; undefined before the first. */
  acks: AckLine | undefined = undefined;

  readonly log: Log;
  /** What listeners see as `this`. */
  readonly #emitter: object;
  readonly #onHandlerError: (error: unknown) => void;

  #listener: MessageListener | undefined = undefined;
  /** All of them, when there is more than one. Replaced, never changed: a listener may remove itself while they are called. */
  #listeners: readonly MessageListener[] | undefined = undefined;

  readonly #tree = new FilterTree<RoutedSubscription>();
  readonly #cache = new Map<string, readonly RoutedSubscription[]>();
  /** Subscriptions by filter: the last one that leaves a filter tells the server. */
  readonly #holders = new Map<string, Set<RoutedSubscription>>();
  #earlyMessages = 0;
  #earlyBytes = 0;
  /** Until the next turn of the event loop: what awaits connect() runs before the first message, and may still add a listener. */
  #waitTurn = false;

  constructor(emitter: object, log: Log, onHandlerError: (error: unknown) => void) {
    this.#emitter = emitter;
    this.log = log;
    this.#onHandlerError = onHandlerError;
  }

  // ---- hot path -----------------------------------------------------------------------------------------------------------

  /** As EngineSink.onMessages(). */
  dispatch(batch: IncomingMessage[], from: number, deadline: number): number {
    const { acks } = this;
    if (this.#waitTurn || acks === undefined) return from;
    const end = batch.length;
    let at = from;
    acks.batching = true;
    while (at < end) {
      const stop = at + CLOCK_EVERY < end ? at + CLOCK_EVERY : end;
      while (at < stop) {
        const message = batch[at++]!;
        // Not when it was made: engines make messages as they read, and tell of the connection in its place among them.
        message.acks = acks;
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
        if (acks.engineGone) return end;
      }
      if (at < end && performance.now() > deadline) break;
    }
    acks.batching = false;
    acks.flush();
    return at;
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
    let matches = this.#cache.get(topic);
    if (matches === undefined) {
      matches = this.#tree.match(topic);
      if (topic.length <= MAX_CACHED_LENGTH) {
        if (this.#cache.size === MAX_CACHED) this.#cache.clear();
        this.#cache.set(topic, matches);
      }
    }
    for (let i = 0; i < matches.length; i++) matches[i]!.deliver(message);
  }

  // ---- listeners and handlers ---------------------------------------------------------------------------------------------

  /** The listeners of 'message' have changed. */
  setListeners(listeners: readonly MessageListener[]): void {
    this.#listener = listeners.length === 1 ? listeners[0] : undefined;
    this.#listeners = listeners.length > 1 ? listeners : undefined;
  }

  handlerFailed(error: unknown): void {
    this.#onHandlerError(error);
  }

  // ---- subscriptions ------------------------------------------------------------------------------------------------------

  /** From now on: a server may send messages before its SUBACK (3.8.4). */
  add(subscription: RoutedSubscription): void {
    for (const filter of subscription.filters) {
      this.#tree.add(filter, subscription);
      let holders = this.#holders.get(filter);
      if (holders === undefined) this.#holders.set(filter, (holders = new Set()));
      holders.add(subscription);
    }
    this.#cache.clear();
    this.consumers++;
  }

  /** Takes filters from a subscription; it ends when it has none left. */
  remove(subscription: RoutedSubscription, filters: readonly string[], error?: Error): void {
    for (const filter of filters) {
      if (!this.#tree.remove(filter, subscription)) continue;
      const holders = this.#holders.get(filter);
      holders?.delete(subscription);
      if (holders?.size === 0) this.#holders.delete(filter);
    }
    this.#cache.clear();
    subscription.filters = subscription.filters.filter((filter) => !filters.includes(filter));
    if (subscription.filters.length === 0) subscription.end(error);
  }

  /** The subscriptions that have a filter. */
  holders(filter: string): RoutedSubscription[] {
    return [...(this.#holders.get(filter) ?? [])];
  }

  /** Whether only this subscription has the filter. */
  isLastHolder(subscription: RoutedSubscription, filter: string): boolean {
    const holders = this.#holders.get(filter);
    return holders !== undefined && holders.size === 1 && holders.has(subscription);
  }

  #all(): Set<RoutedSubscription> {
    const all = new Set<RoutedSubscription>();
    for (const holders of this.#holders.values()) for (const subscription of holders) all.add(subscription);
    return all;
  }

  endAll(error: Error | undefined, discard: boolean): void {
    for (const subscription of this.#all()) {
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

  // ---- connection ---------------------------------------------------------------------------------------------------------

  connected(engine: Engine, protocolVersion: 4 | 5): void {
    this.acks = new AckLine(engine, protocolVersion);
    this.#waitTurn = true;
    setImmediate(() => {
      this.#waitTurn = false;
    });
  }

  /** The connection has ended, and with it the subscriptions unless the session may go on. */
  disconnected(error: Error, sessionMayGoOn: boolean, engineGone: boolean): void {
    this.acks?.end(engineGone);
    if (sessionMayGoOn) for (const subscription of this.#all()) subscription.interrupt(error);
    else this.endAll(error, false);
  }
}
