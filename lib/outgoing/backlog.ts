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
    this.#append(this.#queue, topic, own, flags, properties, slot, bytes);
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
  ): void {
    const expires = properties === undefined ? 0 : expiryTime(properties, performance.now());
    queue.push(topic, payload, flags, properties, slot, bytes, expires);
    if (expires !== 0) this.events.startClock();
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

  // ---- from the engine ----------------------------------------------------------------------------------------------------

  /** The engine gives a message back. It has the time its properties say. */
  returned(
    topic: string,
    payload: Uint8Array | string,
    flags: MessageFlags,
    properties: Uint8Array | undefined,
    slot: number,
    bytes: number,
  ): void {
    this.#append((this.#returned ??= new OutgoingQueue()), topic, payload, flags, properties, slot, bytes);
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
