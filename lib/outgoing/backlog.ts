import type { MessageFlags } from '../engine/engine.js';
import { MqttError, notConnectedError } from '../errors.js';
import type { ResolvedQueue } from '../options/queue-options.js';
import { expiryTime, writeExpiry } from '../protocol/expiry.js';
import { OutgoingQueue, SMALL_BYTES, type TakenMessage } from './queue.js';

/** What the queue does not know. */
export interface BacklogEvents {
  /** Whether nobody waits for the message of a slot. */
  isWritten(slot: number): boolean;
  /** The message has left the queue and goes nowhere. May call the user. */
  giveUp(message: TakenMessage, error: MqttError): void;
  /** A message that expires waits: drop expired ones from time to time. */
  startClock(): void;
}

function expiredError(): MqttError {
  return new MqttError('ERR_MQTT_EXPIRED', 'the Message Expiry Interval has passed');
}

/**
 * What waits in the queue, by the rules of the option `queue`.
 *
 * At the end of a connection the engine gives messages back that belong in front of what was queued meanwhile, in their order. So they
 * are gathered apart, and takeBack() puts the rest behind them.
 */
export class Backlog {
  #queue = new OutgoingQueue();
  /** What the engine gave back, until its end is reported; made when something is. */
  #returned: OutgoingQueue | undefined = undefined;
  /**
   * When a message that the engine has expires, by its slot. What comes back says it in whole seconds only, rounded up for the message:
   * 1. a link is cut every few hundred milliseconds, and a message of 2 s goes to the engine and comes back each time
   * 2. each way its fraction of a second is forgotten: it never expires
   * An entry is written over by the next such message of its slot, and read for no other. QoS 0 of write() has no slot, and that grace.
   */
  readonly #deadlines = new Map<number, number>();

  constructor(
    private readonly options: ResolvedQueue,
    private readonly events: BacklogEvents,
  ) {}

  get length(): number {
    return this.#queue.length;
  }
  get bytes(): number {
    return this.#queue.bytes;
  }
  /** For its first message: good until anything is called here. */
  get queue(): OutgoingQueue {
    return this.#queue;
  }
  /** Whether it has messages that expire. */
  get expires(): boolean {
    return this.#queue.earliest !== Infinity;
  }

  /**
   * Takes a message, or deals with there being no room: drops others, or this one, or throws ERR_MQTT_QUEUE_FULL and nothing was taken.
   */
  push(
    topic: string,
    payload: Uint8Array | string,
    flags: MessageFlags,
    properties: Uint8Array | undefined,
    slot: number,
    bytes: number,
  ): void {
    let dropped: TakenMessage[] | undefined;
    if (!this.#fits(bytes)) {
      this.dropExpired();
      if (this.options.overflow === 'drop-oldest') {
        dropped = [];
        while (!this.#fits(bytes)) dropped.push(this.#queue.take());
      } else if (!this.#fits(bytes) && (this.options.overflow !== 'wait' || this.events.isWritten(slot))) {
        const full = new MqttError('ERR_MQTT_QUEUE_FULL', 'the outgoing queue is full');
        if (this.options.overflow !== 'drop-newest') throw full;
        this.events.giveUp({ topic, flags, slot }, full);
        return;
      }
    }
    // The caller may write into its buffer again as soon as publish() has returned.
    const own = typeof payload === 'string' || payload.length <= SMALL_BYTES ? payload : Buffer.from(payload);
    this.#append(this.#queue, topic, own, flags, properties, slot, bytes, this.#deadline(properties));
    // Now that all is in order: this calls the user.
    if (dropped !== undefined) {
      this.#giveUpAll(dropped, () => new MqttError('ERR_MQTT_QUEUE_FULL', 'the outgoing queue was full, and a newer message took the place'));
    }
  }

  #append(
    queue: OutgoingQueue,
    topic: string,
    payload: Uint8Array | string,
    flags: MessageFlags,
    properties: Uint8Array | undefined,
    slot: number,
    bytes: number,
    expires: number,
  ): void {
    queue.push(topic, payload, flags, properties, slot, bytes, expires);
    if (expires !== 0) this.events.startClock();
  }

  /** Of a message whose time begins now; 0: never. */
  #deadline(properties: Uint8Array | undefined): number {
    return properties === undefined ? 0 : expiryTime(properties, performance.now());
  }

  /** Whether the queue has room. One message that is larger than all of it goes into the empty queue. */
  #fits(bytes: number): boolean {
    const { length } = this.#queue;
    return length === 0 || (length < this.options.maxMessages && this.#queue.bytes + bytes <= this.options.maxBytes);
  }

  /** Whether it is full, for a producer that asks before the next message. */
  get isFull(): boolean {
    return this.length >= this.options.maxMessages || this.bytes >= this.options.maxBytes;
  }
  get isHalfEmpty(): boolean {
    return this.length <= this.options.maxMessages / 2 && this.bytes <= this.options.maxBytes / 2;
  }

  /** Makes the first message ready to be sent; what it returns is why it cannot be, and expired ones are that. */
  prepareFirst(): MqttError | undefined {
    const { expires, properties } = this.#queue;
    if (expires === 0) return undefined;
    const now = performance.now();
    if (expires <= now) return expiredError();
    writeExpiry(properties!, expires, now);
    return undefined;
  }

  // ---- to the engine and from it ------------------------------------------------------------------------------------------

  /** The engine takes the first message of the queue. */
  handedOver(): void {
    const { slot, expires } = this.#queue;
    if (expires !== 0 && slot !== -1) this.#deadlines.set(slot, expires);
    this.#queue.shift();
  }

  /** The engine has taken a message that was never here, and has properties. */
  passedBy(slot: number, properties: Uint8Array): void {
    const expires = slot === -1 ? 0 : this.#deadline(properties);
    if (expires !== 0) this.#deadlines.set(slot, expires);
  }

  /** The engine gives a message back. */
  returned(
    topic: string,
    payload: Uint8Array | string,
    flags: MessageFlags,
    properties: Uint8Array | undefined,
    slot: number,
    bytes: number,
  ): void {
    let expires = this.#deadline(properties);
    if (expires !== 0 && slot !== -1) expires = this.#deadlines.get(slot) ?? expires;
    this.#append((this.#returned ??= new OutgoingQueue()), topic, payload, flags, properties, slot, bytes, expires);
  }

  /** The connection has ended: what was given back goes in front. It may be more than the limits allow; it was taken before. */
  takeBack(): void {
    if (this.#returned === undefined) return;
    this.#returned.append(this.#queue);
    this.#queue = this.#returned;
    this.#returned = undefined;
  }

  // ---- leaving ------------------------------------------------------------------------------------------------------------

  holds(slot: number): boolean {
    return this.#queue.holds(slot) || this.#returned?.holds(slot) === true;
  }

  /** The promise was aborted or timed out: its message goes nowhere. Whether it was here. */
  remove(slot: number): boolean {
    return this.#queue.remove(slot) || this.#returned?.remove(slot) === true;
  }

  dropExpired(): void {
    if (this.#queue.earliest === Infinity) return;
    const now = performance.now();
    if (this.#queue.earliest > now) return;
    this.#giveUpAll(this.#queue.takeAll((_flags, expires) => expires !== 0 && expires <= now), expiredError);
  }

  /** There is no connection, and the option `qos0` says that these do not wait for one. */
  dropQoS0(): void {
    if (!this.options.qos0) this.#giveUpAll(this.#queue.takeAll((flags) => (flags & 3) === 0), notConnectedError);
  }

  dropAll(error: MqttError): void {
    this.#giveUpAll(this.#queue.takeAll(() => true), () => error);
  }

  /** One error for all of them, made only if there are any. */
  #giveUpAll(taken: readonly TakenMessage[], makeError: () => MqttError): void {
    if (taken.length === 0) return;
    const error = makeError();
    for (const one of taken) this.events.giveUp(one, error);
  }
}
