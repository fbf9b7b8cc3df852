import { optionError } from '../errors.js';
import type { ParsedSubscribe, UnsubscribeOptions } from '../options/subscribe-options.js';
import type { UnsubscribeResult } from '../outgoing/unsubscribe.js';
import type { AckProperties } from '../protocol/property-types.js';
import { FIRST_ERROR } from '../protocol/reason-codes.js';
import type { Dispatcher } from './dispatch.js';
import { IdentifierReader, withIdentifier } from './identifiers.js';
import { SubscriptionLoop } from './loop.js';
import type { IncomingMessage, Message } from './message.js';

/**
 * Is called with each message of a subscription. The message is acknowledged when it has returned, or when the promise it returned has
 * settled. When it throws or the promise rejects, the client emits 'error' (without a listener for that: an uncaught exception), and the
 * message is acknowledged all the same; with `onHandlerError: 'disconnect'` a message of QoS 1 or 2 is not, unless it
 * was by ack() before.
 */
export type MessageHandler = (message: Message) => void | Promise<void>;

/**
 * A filter of a shared subscription (4.8.2): the server gives each message to one of those who have the same name and filter. The name has
 * no `/`, `+` or `#`. What can be subscribed to is any string; with this type the compiler finds a misspelt `$share`.
 */
export type SharedFilter = `$share/${string}/${string}`;

/** What the server granted for one filter. */
export interface Grant {
  /** As it was given. */
  readonly filter: string;
  /** 0, 1, 2: the granted QoS. 128 and above: refused. */
  readonly reasonCode: number;
}

/**
 * One subscribe() call and its messages. Without a handler it is read with `for await`: a message is acknowledged when the loop asks for
 * the next one or ends, and a loop that is slow makes the client stop reading from the server. A loop that is left by an error
 * acknowledges the message it worked on as well, whatever `onHandlerError` says: JavaScript does not tell it from `break`. Several loops
 * share the messages between them.
 *
 * Messages that arrive before a loop runs are acknowledged and kept for it: 1,000 of them and 1 MiB for all subscriptions of a client
 * together. Beyond that the kept ones of this subscription are dropped, and it keeps none until a loop has run.
 *
 * A loop ends when the subscription does: by unsubscribe() or by the client's close(). When the connection is lost it waits for the next
 * one, and the subscription with it: where the server does not have the session any more, the client subscribes again. A server that
 * refuses then ends the subscription with `ERR_MQTT_SUBSCRIBE`. When the client does not reconnect (`reconnect: false`) or has given up,
 * the loop throws the error that tells why, after the messages that had arrived; if the session may go on (`cleanStart: false` in 3.1.1, a
 * `sessionExpiryInterval` in MQTT 5) the subscription stays and serves again after connect(), otherwise it has ended.
 *
 * Where filters of several subscriptions match a message, each of them gets it once, also from servers that send a copy for each: in MQTT 5
 * they are told apart by Subscription Identifiers, which the client adds by itself where the server takes them and the call gave none. They
 * cannot be told apart in 3.1.1, nor where the filters of one and the same call overlap: from such a server a message then comes more than
 * once. The event 'message' gets all that comes.
 */
export interface Subscription extends AsyncIterable<Message> {
  /** The filters the server granted and that were not unsubscribed since. */
  readonly filters: readonly string[];
  /** The server's answer for each filter of the call: the last one, where it was subscribed to again. */
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

/** A SUBSCRIBE as an engine takes it. */
export interface SubscribeRequest {
  readonly filters: readonly string[];
  /** A byte a filter, as in SUBSCRIBE's payload. */
  readonly options: Uint8Array;
  readonly properties: Uint8Array | undefined;
}

/** What becomes of a message. */
type Mode = 'handler' | 'early' | 'loop' | 'passive';

/** The one implementation of Subscription. */
export class RoutedSubscription implements Subscription {
  filters: readonly string[];
  properties: AckProperties = {};
  active = true;
  mode: Mode;
  /** The application's Subscription Identifier, or an automatic one for connections whose server takes them; 0: none yet. */
  identifier: number;
  /** Whether the identifier is the application's. */
  readonly identified: boolean;
  /** Of the message it was last marked for; see Dispatcher. */
  stamp = 0;

  #grants: readonly Grant[] = [];

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
    private readonly parsed: ParsedSubscribe,
    private readonly handler: MessageHandler | undefined,
    private readonly onUnsubscribe: (subscription: RoutedSubscription, options?: UnsubscribeOptions) => Promise<UnsubscribeResult>,
  ) {
    this.filters = parsed.filters;
    this.identified = parsed.hasIdentifier;
    this.identifier = parsed.hasIdentifier ? new IdentifierReader().set(parsed.properties!, 0, parsed.properties!.length).next() : 0;
    this.mode = handler === undefined ? 'early' : 'handler';
  }

  get grants(): readonly Grant[] {
    return this.#grants;
  }

  /** From the server's answer. */
  set grants(grants: readonly Grant[]) {
    this.#grants = grants;
    this.dispatcher.granted(this, grants.filter(({ reasonCode }) => reasonCode < FIRST_ERROR).map(({ filter }) => filter));
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

  // ---- to the server ------------------------------------------------------------------------------------------------------

  /**
   * The SUBSCRIBE for the filters it still has, to be sent on the connection that is: with an automatic identifier where the application
   * gave none and the server takes them. From now on messages are handed out by what this says. The connection's limits are to be checked
   * on it: an identifier is up to five bytes more.
   */
  request(): SubscribeRequest {
    const { parsed, filters, identified } = this;
    const identifier = this.dispatcher.identify(this);
    const properties = identified || identifier === 0 ? parsed.properties : withIdentifier(identifier, parsed.properties);
    if (filters === parsed.filters) return { filters, options: parsed.options, properties };
    const still = new Set(filters);
    return { filters, options: parsed.options.filter((_, i) => still.has(parsed.filters[i]!)), properties };
  }

  /** The server's answer to a later request(), which was of the filters that were left then. Those it refuses are to be removed. */
  regranted(grants: readonly Grant[]): void {
    const answers = new Map(grants.map((grant) => [grant.filter, grant]));
    this.grants = Object.freeze(this.#grants.map((grant) => answers.get(grant.filter) ?? grant));
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
        this.dispatcher.forLoop();
        if (this.#asking.length !== 0) this.#asking.shift()!.give(message);
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

  /** The next of the messages from before a loop ran. */
  takeEarly(): IncomingMessage | undefined {
    if (this.#early.length === 0) return undefined;
    const message = this.#early.shift()!;
    this.dispatcher.earlyLeft(message);
    return message;
  }

  /** The next message, which the loop that takes it releases. */
  takeHeld(): IncomingMessage | undefined {
    if (this.#head === this.#inbox.length) return undefined;
    const message = this.#inbox[this.#head];
    this.#head++;
    if (this.#head === this.#inbox.length) {
      this.#inbox.length = 0;
      this.#head = 0;
    } else if (this.#head >= 1024 && this.#head * 2 >= this.#inbox.length) {
      this.#inbox.splice(0, this.#head);
      this.#head = 0;
    }
    return message;
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
            dispatcher.handlerFailed(message, error);
            message.release();
          },
        );
      }
    } catch (error) {
      dispatcher.handlerFailed(message, error);
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
