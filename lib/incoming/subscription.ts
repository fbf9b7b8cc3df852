import { optionError } from '../errors.js';
import type { UnsubscribeOptions } from '../options/subscribe-options.js';
import type { UnsubscribeResult } from '../outgoing/unsubscribe.js';
import type { AckProperties } from '../protocol/property-types.js';
import type { Dispatcher } from './dispatch.js';
import { SubscriptionLoop } from './loop.js';
import type { IncomingMessage, Message } from './message.js';

/**
 * Is called with each message of a subscription. The message is acknowledged when it has returned, or when the promise it returned has
 * settled. When it throws or the promise rejects, the client emits 'error' (without a listener for that: an uncaught exception), and the
 * message is acknowledged all the same.
 */
export type MessageHandler = (message: Message) => void | Promise<void>;

/** What the server granted for one filter. */
export interface Grant {
  /** As it was given. */
  readonly filter: string;
  /** 0, 1, 2: the granted QoS. 128 and above: refused. */
  readonly reasonCode: number;
}

/**
 * One subscribe() call and its messages. Without a handler it is read with `for await`: a message is acknowledged when the loop asks for
 * the next one or ends, and a loop that is slow makes the client stop reading from the server. Several loops share the messages between
 * them.
 *
 * Messages that arrive before a loop runs are acknowledged and kept for it: 1,000 of them and 1 MiB for all subscriptions of a client
 * together. Beyond that the kept ones of this subscription are dropped, and it keeps none until a loop has run.
 *
 * A loop ends when the subscription does: by unsubscribe() or by the client's close(). When the connection is lost it throws the error
 * that tells why, after the messages that had arrived. If the session may go on (`cleanStart: false` in 3.1.1, a `sessionExpiryInterval`
 * in MQTT 5) the subscription stays and serves again after connect(), otherwise it has ended.
 */
export interface Subscription extends AsyncIterable<Message> {
  /** The filters the server granted and that were not unsubscribed since. */
  readonly filters: readonly string[];
  /** The server's answer for each filter of the call. */
  readonly grants: readonly Grant[];
  /** Properties of SUBACK. */
  readonly properties: AckProperties;
  /** Whether messages may still come. */
  readonly active: boolean;
  /** Ends it. The server is told about the filters no other subscription of the client has. */
  unsubscribe(options?: UnsubscribeOptions): Promise<UnsubscribeResult>;
  /** Reads its messages. Throws `ERR_MQTT_OPTION` when it has a handler. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Message>;
}

/** What becomes of a message. */
type Mode = 'handler' | 'early' | 'loop' | 'passive';

/** The one implementation of Subscription. */
export class RoutedSubscription implements Subscription {
  filters: readonly string[];
  grants: readonly Grant[] = [];
  properties: AckProperties = {};
  active = true;
  mode: Mode;

  /** Messages for the loops, held until a loop has done with them. */
  readonly #inbox: IncomingMessage[] = [];
  #head = 0;
  /** Messages from before a loop ran: copied, acknowledged, held by nobody. */
  #early: IncomingMessage[] = [];
  readonly #loops = new Set<SubscriptionLoop>();
  /** Loops that have asked for a message, the one that asked first in front. A loop may ask more than once. */
  readonly #asking: SubscriptionLoop[] = [];

  constructor(
    private readonly dispatcher: Dispatcher,
    filters: readonly string[],
    private readonly handler: MessageHandler | undefined,
    private readonly onUnsubscribe: (subscription: RoutedSubscription, options?: UnsubscribeOptions) => Promise<UnsubscribeResult>,
  ) {
    this.filters = filters;
    this.mode = handler === undefined ? 'early' : 'handler';
  }

  unsubscribe(options?: UnsubscribeOptions): Promise<UnsubscribeResult> {
    return this.onUnsubscribe(this, options);
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Message> {
    if (this.handler !== undefined) throw optionError('subscription', 'its handler gets the messages; subscribe without one to use for await');
    const loop = new SubscriptionLoop(this);
    if (this.active) {
      this.#loops.add(loop);
      this.#setMode('loop');
    } else {
      loop.failure = null;
    }
    return loop;
  }

  // ---- from the dispatcher ------------------------------------------------------------------------------------------------

  deliver(message: IncomingMessage): void {
    if (!this.active) return;
    switch (this.mode) {
      case 'handler':
        this.#handle(message);
        break;
      case 'loop': {
        message.holds++;
        const loop = this.#asking.shift();
        if (loop !== undefined) loop.give(message, true);
        else this.#inbox.push(message);
        break;
      }
      case 'early':
        this.#keepEarly(message);
        break;
      case 'passive':
        break;
    }
  }

  /** The connection was lost but the session may go on: the loops of now end. */
  interrupt(error: Error): void {
    this.#endLoops(error);
  }

  /** No message comes any more. Undefined: the user wanted it so. */
  end(error: Error | undefined): void {
    if (!this.active) return;
    if (this.mode !== 'passive') this.dispatcher.consumers--;
    this.active = false;
    this.filters = [];
    this.#endLoops(error);
    if (this.mode === 'early') this.#dropEarly();
  }

  /** What waits is not wanted any more. */
  discard(): void {
    for (const message of this.#inbox.splice(this.#head)) message.release();
    this.#inbox.length = 0;
    this.#head = 0;
    this.#dropEarly();
  }

  // ---- from the loops -----------------------------------------------------------------------------------------------------

  /** Gives the next message to a loop, if there is one. */
  take(loop: SubscriptionLoop): boolean {
    if (this.#early.length > 0) {
      const message = this.#early.shift()!;
      this.dispatcher.earlyLeft(message);
      loop.give(message, false);
      return true;
    }
    const message = this.#inbox[this.#head];
    if (message === undefined) return false;
    this.#head++;
    if (this.#head === this.#inbox.length) {
      this.#inbox.length = 0;
      this.#head = 0;
    } else if (this.#head >= 1024 && this.#head * 2 >= this.#inbox.length) {
      this.#inbox.splice(0, this.#head);
      this.#head = 0;
    }
    loop.give(message, true);
    return true;
  }

  ask(loop: SubscriptionLoop): void {
    this.#asking.push(loop);
  }

  /** A loop was left. After the last one, messages are kept for the next loop as before the first. */
  left(loop: SubscriptionLoop): void {
    this.#loops.delete(loop);
    for (let at = this.#asking.indexOf(loop); at >= 0; at = this.#asking.indexOf(loop)) this.#asking.splice(at, 1);
    if (this.#loops.size !== 0) return;
    if (!this.active) {
      this.discard();
      return;
    }
    this.#setMode('early');
    const rest = this.#inbox.splice(this.#head);
    this.#inbox.length = 0;
    this.#head = 0;
    for (const message of rest) {
      if ((this.mode) === 'early') this.#keepEarly(message);
      message.release();
    }
  }

  // ---- parts --------------------------------------------------------------------------------------------------------------

  #handle(message: IncomingMessage): void {
    const { dispatcher } = this;
    try {
      const result: unknown = this.handler!(message);
      if (typeof result === 'object' && result !== null && 'then' in result) {
        message.holds++;
        // Through a promise of ours: a foreign one may call back twice, or at once.
        Promise.resolve(result).then(
          () => message.release(),
          (error: unknown) => {
            message.release();
            dispatcher.handlerFailed(error);
          },
        );
      }
    } catch (error) {
      dispatcher.handlerFailed(error);
    }
  }

  #keepEarly(message: IncomingMessage): void {
    if (this.dispatcher.earlyCame(message)) {
      this.#early.push(message.detach());
      return;
    }
    this.dispatcher.log.write('warn', `nobody reads the messages of ${JSON.stringify(this.filters)}: those kept for a loop were dropped`);
    this.#dropEarly();
    this.#setMode('passive');
  }

  #dropEarly(): void {
    for (const message of this.#early) this.dispatcher.earlyLeft(message);
    this.#early = [];
  }

  #endLoops(error: Error | undefined): void {
    const loops = [...this.#loops];
    this.#loops.clear();
    this.#asking.length = 0;
    // null: end without an error.
    for (const loop of loops) loop.end(error ?? null);
    if (this.active && this.mode === 'loop') this.#setMode('early');
  }

  #setMode(mode: Mode): void {
    if (mode === this.mode) return;
    if (this.mode === 'passive') this.dispatcher.consumers++;
    if (mode === 'passive') this.dispatcher.consumers--;
    this.mode = mode;
  }
}
