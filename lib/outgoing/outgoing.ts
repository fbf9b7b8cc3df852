import { channels } from '../diagnostics.js';
import type { Engine, MessageFlags } from '../engine/engine.js';
import { closedError, MqttError, notConnectedError } from '../errors.js';
import type { Wait } from '../options/call-options.js';
import type { ResolvedQueue } from '../options/queue-options.js';
import type { ConnectionLimits } from '../session/limits.js';
import type { ClientStats, Stats } from '../stats.js';
import { Account } from './account.js';
import { BackPressure } from './back-pressure.js';
import { Backlog } from './backlog.js';
import type { DroppedMessage } from './drop.js';
import { Pending, REQUEST } from './pending.js';
import type { OutgoingQueue, TakenMessage } from './queue.js';
import { Requests, type SendRequest } from './requests.js';
import { waitFor } from './wait.js';

/** The server's answer to SUBSCRIBE or UNSUBSCRIBE. */
export interface Answer {
  readonly reasonCodes: Uint8Array;
  readonly properties: Uint8Array | undefined;
}

export interface OutgoingOptions {
  /** Milliseconds a request may wait unless it says otherwise; 0: no limit. */
  readonly operationTimeout: number;
  readonly queue: ResolvedQueue;
  readonly clientId: string;
}

/** What the client makes events of. Must not throw. */
export interface OutgoingEvents {
  onDrain(): void;
  onDrop(dropped: DroppedMessage): void;
}

/**
 * What is on its way to the server: the requests that wait for an answer, the publishes that wait for a connection or for room in the
 * engine, and how much the engine holds. The verbs beside this file work on it.
 *
 * A publish is in one of three places, and who settles it depends on that: in the queue (this class), with the engine (the engine's
 * answer, or the end of the engine), or nowhere any more. A slot that was abandoned while the engine has it is reserved until the engine
 * lets go of it; see Pending.
 *
 * The end of a connection, in the order of the calls:
 * 1. unsent() for what the engine gives back. From the first one on nothing goes to this engine any more: a publish() between two of them
 * would be lost or overtake.
 * 2. What came back is gathered apart (Backlog), because it belongs in front of what was queued meanwhile.
 * 3. interrupted() or disconnected() puts it there, and settles what the engine does not hold any more.
 */
export class Outgoing {
  readonly pending: Pending;
  /** Ticks a request may wait unless it says otherwise. */
  readonly ticks: number;

  /** Takes what is sent. Undefined: no connection, or what waited does not go yet. */
  engine: Engine | undefined = undefined;
  /** What publish() and the like check. Undefined: no connection, or closing. */
  limits: ConnectionLimits | undefined = undefined;
  /** close() or destroy() was called. */
  closed = false;

  readonly #stats: Stats;
  readonly #options: OutgoingOptions;
  readonly #events: OutgoingEvents;
  readonly #requests: Requests;
  readonly #backlog: Backlog;
  readonly #account = new Account();
  readonly #backPressure: BackPressure;
  /** A connection is being made or waited for: what is published meanwhile waits. */
  #seeking = false;
  /** The engine that may hold slots, valid for a session; and what was agreed on, valid for one connection, also while closing. */
  #holder: Engine | undefined = undefined;
  #agreed: ConnectionLimits | undefined = undefined;

  /** Counts QoS 1 and 2 publishes: of one in 16 the round trip is measured. */
  #turn = 0;

  #onIdle: (() => void) | undefined = undefined;

  constructor(options: OutgoingOptions, stats: Stats, events: OutgoingEvents) {
    this.#options = options;
    this.#stats = stats;
    this.#events = events;
    this.ticks = Pending.ticks(options.operationTimeout);
    this.pending = new Pending(stats, {
      withdraw: (slot) => this.#withdraw(slot),
      dropped: (topic, flags, error) => this.#drop(topic, flags, error),
      tick: () => this.#tick(),
    });
    this.#backlog = new Backlog(options.queue, {
      isWritten: (slot) => this.pending.isWritten(slot),
      giveUp: (message, error) => this.#giveUp(message, error),
      startClock: () => this.pending.startClock(),
    });
    this.#backPressure = new BackPressure(options.queue, this.#backlog, this.#account, () => events.onDrain());
    this.#requests = new Requests((slot, error) => this.pending.fail(slot, error));
  }

  /** The client's counters of now. */
  snapshot(): ClientStats {
    const { length, bytes } = this.#backlog;
    this.#stats.deliveredWithoutSlot = this.#account.throughWithoutSlot;
    return this.#stats.snapshot({ messages: length, bytes }, this.#account.messages);
  }

  // ---- for the verbs ------------------------------------------------------------------------------------------------------

  /** Throws what keeps a message from waiting for the connection that there is not. */
  checkWait(flags: MessageFlags): void {
    if (this.closed || !this.#seeking) throw this.unavailable();
    if ((flags & 3) === 0 && !this.#options.queue.qos0) throw notConnectedError();
  }

  /** Why nothing can be sent now. */
  unavailable(): MqttError {
    return this.closed ? closedError() : notConnectedError();
  }

  /** As `started` of Pending: the time, for a publish whose round trip is measured. */
  started(flags: MessageFlags): number {
    return (flags & 3) !== 0 && (this.#turn++ & 15) === 0 ? performance.now() : 0;
  }

  /** Takes a publish: to the engine if it has room and nothing waits before it, else into the queue. Throws when there is no room there. */
  submit(
    topic: string,
    payload: Uint8Array | string,
    flags: MessageFlags,
    properties: Uint8Array | undefined,
    slot: number,
    bytes: number,
  ): void {
    const { engine } = this;
    if (engine !== undefined && this.#backlog.length === 0 && engine.publish(topic, payload, flags, properties, slot)) {
      this.#account.took(slot, bytes);
      if (properties !== undefined) this.#backlog.passedBy(slot, properties);
    } else {
      this.#backlog.push(topic, payload, flags, properties, slot, bytes);
    }
    this.#count(topic, flags, bytes);
  }

  #count(topic: string, flags: MessageFlags, bytes: number): void {
    this.#stats.publishedMessages++;
    this.#stats.publishedBytes += bytes;
    if (channels.publish.hasSubscribers) {
      channels.publish.publish({ clientId: this.#options.clientId, topic, qos: (flags & 3) as 0 | 1 | 2, bytes });
    }
  }

  /** Whether the producer may go on; when not, 'drain' follows. */
  hasRoom(): boolean {
    return this.#backPressure.hasRoom(this.engine !== undefined);
  }

  /** A SUBSCRIBE or UNSUBSCRIBE on the connection of now: `send` gets the slot the answer comes back with. It fails with the connection. */
  request(wait: Wait, send: (slot: number) => void): Promise<Answer> {
    const { promise, slot } = waitFor<Answer>(this.pending, this.#ticksOf(wait), wait.signal, REQUEST);
    try {
      send(slot);
    } catch (error) {
      this.pending.refuse(slot, error);
    }
    return promise;
  }

  /**
   * A SUBSCRIBE or UNSUBSCRIBE on the connection of now or, while one is sought, the next; `send` is called again on the one after that if
   * there was no answer.
   */
  ask(wait: Wait, send: SendRequest): Promise<Answer> {
    if (this.limits === undefined && (this.closed || !this.#seeking)) return Promise.reject(this.unavailable());
    const { promise, slot } = waitFor<Answer>(this.pending, this.#ticksOf(wait), wait.signal, REQUEST, (of) => this.#requests.delete(of));
    this.#requests.add(slot, send);
    if (this.engine !== undefined) this.#requests.send(this.engine, this.#agreed!);
    return promise;
  }

  #ticksOf(wait: Wait): number {
    return wait.timeout === undefined ? this.ticks : Pending.ticks(wait.timeout);
  }

  // ---- from the engine ----------------------------------------------------------------------------------------------------

  /** onRoom(): hands over what waits, in order. */
  pump(): void {
    const backlog = this.#backlog;
    // Read anew each time: giving a message up calls the user, who may do anything.
    while (this.engine !== undefined && backlog.length !== 0) {
      const { queue } = backlog;
      const { slot, size } = queue;
      const error = backlog.prepareFirst() ?? this.#refusal(queue);
      if (error !== undefined) {
        this.#giveUp(queue.take(), error);
      } else if (this.engine.publish(queue.topic, queue.payload, queue.flags, queue.properties, slot)) {
        backlog.handedOver();
        this.#account.took(slot, size);
      } else {
        break;
      }
    }
    this.#looked();
  }

  /** Why this connection does not take a message that was queued under the limits of another one, or none. */
  #refusal({ flags, size, properties }: OutgoingQueue): MqttError | undefined {
    try {
      this.#agreed!.checkPublish(flags, size - (properties === undefined ? 0 : properties.length), 0, properties);
      return undefined;
    } catch (error) {
      return error as MqttError;
    }
  }

  /** A publish the engine gives back unsent when the connection ends. */
  unsent(topic: string, payload: Uint8Array | string, flags: MessageFlags, properties: Uint8Array | undefined, slot: number): void {
    this.#cut();
    const length = typeof payload === 'string' ? Buffer.byteLength(payload) : payload.length;
    const bytes = Buffer.byteLength(topic) + length + (properties?.length ?? 0);
    this.#account.gaveBack(slot, bytes);
    // Nobody waits for it any more: with this its slot is free.
    if (slot !== -1 && this.pending.isAbandoned(slot)) this.pending.refuse(slot, undefined);
    else this.#backlog.returned(topic, payload, flags, properties, slot, bytes);
  }

  /** A publish, subscribe or unsubscribe has failed without an answer of the server. */
  failed(slot: number, error: MqttError): void {
    if (this.#requests.failed(slot, error)) return;
    this.answered(slot);
    this.pending.fail(slot, error);
  }

  /** The engine has let go of a slot; called before it is free. */
  answered(slot: number): void {
    if (this.pending.isPublish(slot)) this.#account.answered();
  }

  credit(messages: number, bytes: number): void {
    this.#account.credit(messages, bytes);
    this.#looked();
  }

  // ---- connection ---------------------------------------------------------------------------------------------------------

  /** A connection is being made: requests and publishes wait for it. */
  seek(): void {
    this.#seeking = true;
  }

  /** There is a connection. Nothing that waits goes before resume(). */
  connected(engine: Engine, limits: ConnectionLimits): void {
    if (this.#holder !== undefined && this.#holder !== engine) {
      this.#engineGone(new MqttError('ERR_MQTT_CONNECTION_LOST', 'the connection has ended, and the session with it'));
    }
    this.#seeking = false;
    this.#holder = engine;
    this.#agreed = limits;
    if (!this.closed) this.limits = limits;
  }

  /** What waits goes: first the requests, then the queue. */
  resume(): void {
    if (this.#agreed === undefined || this.#holder === undefined) return;
    this.engine = this.#holder;
    this.#requests.send(this.engine, this.#agreed);
    this.pump();
  }

  /** This side is about to end the connection, to make another one: nothing goes to it any more. interrupted() follows. */
  pause(): void {
    this.#cut();
  }

  /**
   * The connection was lost and another one is sought. With `lost` the engine is gone, and what it held fails with that; else it keeps
   * it for the next connection.
   */
  interrupted(lost?: MqttError): void {
    this.#cut();
    this.#seeking = true;
    this.#backlog.takeBack();
    this.#requests.interrupted();
    if (lost !== undefined) this.#engineGone(lost);
    this.#backlog.dropQoS0();
    this.#looked();
  }

  /**
   * There is no connection and nobody tries any more: everything fails with `error`, and a producer that waits for 'drain' is woken to find
   * out. With `engineKept` the engine goes on with what it holds at the next connection, for nobody: promises are rejected, and messages
   * of write() are told of when their end is known.
   */
  disconnected(error: MqttError, engineKept: boolean): void {
    this.#cut();
    this.#seeking = false;
    this.#backlog.takeBack();
    if (engineKept) for (const slot of this.#heldSlots()) this.pending.abandon(slot, error);
    else this.#engineGone(error);
    this.#backlog.dropAll(error);
    this.#requests.end(error);
    this.#backPressure.wake();
    this.#looked();
  }

  /** Nothing goes to the engine from now on. */
  #cut(): void {
    this.engine = undefined;
    this.limits = undefined;
    this.#agreed = undefined;
    // Until it is known how it goes on; publish() between the engine's last reports waits for that.
    this.#seeking = true;
  }

  /** The engine does not answer any more: what it held fails. */
  #engineGone(error: MqttError): void {
    this.#holder = undefined;
    const withoutSlot = this.#account.gone();
    if (withoutSlot > 0) this.#stats.dropped(error.code, withoutSlot);
    for (const slot of this.#heldSlots()) this.pending.fail(slot, error);
  }

  /** The slots the engine has: those that do not wait here. */
  #heldSlots(): number[] {
    return this.pending.taken().filter((slot) => !this.#backlog.holds(slot) && !this.#requests.waits(slot));
  }

  // ---- giving up ----------------------------------------------------------------------------------------------------------

  #giveUp({ slot, topic, flags }: TakenMessage, error: MqttError): void {
    if (slot !== -1) {
      this.pending.fail(slot, error, topic, flags);
      return;
    }
    this.#stats.dropped(error.code);
    this.#drop(topic, flags, error);
  }

  #drop(topic: string | undefined, flags: MessageFlags | undefined, error: MqttError): void {
    const dropped: DroppedMessage = Object.freeze({ topic, qos: flags === undefined ? undefined : ((flags & 3) as 0 | 1 | 2), error });
    if (channels.drop.hasSubscribers) channels.drop.publish({ clientId: this.#options.clientId, dropped });
    this.#events.onDrop(dropped);
  }

  /** A promise was aborted or timed out: what the engine does not have yet is not handed to it any more. */
  #withdraw(slot: number): boolean {
    return this.#backlog.remove(slot) || this.#requests.waits(slot);
  }

  /** Whether the clock is needed for what waits in the queue. */
  #tick(): boolean {
    this.#backlog.dropExpired();
    this.#looked();
    return this.#backlog.expires;
  }

  // ---- for close() --------------------------------------------------------------------------------------------------------

  /** No new requests. What was taken goes on. */
  shut(): void {
    this.closed = true;
    this.limits = undefined;
  }

  /** Calls back once nothing is on its way any more; at once when that is so already. Undefined: not any more. */
  whenIdle(callback: (() => void) | undefined): void {
    this.#onIdle = callback;
    this.pending.onIdle = callback === undefined ? undefined : () => this.#looked();
    this.#looked();
  }

  #looked(): void {
    this.#backPressure.look(this.engine !== undefined);
    if (this.#onIdle !== undefined && this.#backlog.length + this.#account.messages === 0 && this.pending.waiting === 0) {
      const idle = this.#onIdle;
      this.whenIdle(undefined);
      idle();
    }
  }
}
