import type { Engine, MessageFlags } from '../engine/engine.js';
import type { MqttError} from '../errors.js';
import { closedError, notConnectedError } from '../errors.js';
import type { Wait } from '../options/call-options.js';
import type { ConnectionLimits } from '../session/limits.js';
import { Pending } from './pending.js';
import { OutgoingQueue } from './queue.js';
import { waitFor } from './wait.js';

/** Messages, and their bytes, that may wait anywhere on this side before write() says false. */
const HIGH_MESSAGES = 16_384;
const HIGH_BYTES = 16 * 1024 * 1024;
/** 'drain' is emitted when both are below half of that. */
const LOW_MESSAGES = HIGH_MESSAGES / 2;
const LOW_BYTES = HIGH_BYTES / 2;

/** The server's answer to SUBSCRIBE or UNSUBSCRIBE. */
export interface Answer {
  readonly reasonCodes: Uint8Array;
  readonly properties: Uint8Array | undefined;
}

/**
 * What is on its way to the server: the requests that wait for an answer, the publishes that wait for room, and how much of both there is.
 * The verbs beside this file work on it.
 */
export class Outgoing {
  readonly pending = new Pending();
  readonly queue = new OutgoingQueue();
  /** Ticks a request may wait unless it says otherwise. */
  readonly ticks: number;

  /** Both valid for one connection; undefined: not connected, or closing. */
  engine: Engine | undefined = undefined;
  limits: ConnectionLimits | undefined = undefined;
  /** close() or destroy() was called. */
  closed = false;

  /** Messages taken and not yet reported by onCredit(), and their bytes: in the queue here or in the engine's. */
  messages = 0;
  bytes = 0;

  /** write() said false and nobody has heard 'drain' yet. */
  #needDrain = false;
  readonly #onDrain: () => void;
  #onIdle: (() => void) | undefined = undefined;

  constructor(operationTimeout: number, onDrain: () => void) {
    this.ticks = Pending.ticks(operationTimeout);
    this.#onDrain = onDrain;
  }

  // ---- for the verbs ------------------------------------------------------------------------------------------------------

  /** Why nothing can be sent now. */
  unavailable(): MqttError {
    return this.closed ? closedError() : notConnectedError();
  }

  /** Takes a publish: to the engine if it has room and nothing waits before it, else into the queue. */
  submit(
    topic: string,
    payload: Uint8Array | string,
    flags: MessageFlags,
    properties: Uint8Array | undefined,
    slot: number,
    bytes: number,
  ): void {
    if (this.queue.length !== 0 || !this.engine!.publish(topic, payload, flags, properties, slot)) {
      this.queue.push(topic, payload, flags, properties, slot, bytes);
    }
    this.messages++;
    this.bytes += bytes;
  }

  /** Whether the producer may go on; when not, 'drain' follows. */
  hasRoom(): boolean {
    if (this.queue.length === 0 && this.messages < HIGH_MESSAGES && this.bytes < HIGH_BYTES) return true;
    this.#needDrain = true;
    return false;
  }

  /** A SUBSCRIBE or UNSUBSCRIBE: `send` gets the slot the answer comes back with. */
  request(wait: Wait, send: (slot: number) => void): Promise<Answer> {
    const ticks = wait.timeout === undefined ? this.ticks : Pending.ticks(wait.timeout);
    const { promise, slot } = waitFor<Answer>(this.pending, ticks, wait.signal);
    try {
      send(slot);
    } catch (error) {
      this.pending.reject(slot, error);
    }
    return promise;
  }

  // ---- from the engine ----------------------------------------------------------------------------------------------------

  connected(engine: Engine, limits: ConnectionLimits): void {
    this.engine = engine;
    this.limits = limits;
  }

  /** onRoom(): hands over what waits, in order. */
  pump(): void {
    const { queue, engine } = this;
    if (engine === undefined) return;
    while (queue.length !== 0) {
      const { slot } = queue;
      if (slot !== -1 && this.pending.isAbandoned(slot)) {
        this.pending.reject(slot, undefined);
        this.#leave(1, queue.bytes);
      } else if (!engine.publish(queue.topic, queue.payload, queue.flags, queue.properties, slot)) {
        return;
      }
      queue.shift();
    }
    this.#looked();
  }

  /** A publish the engine gives back unsent when the connection ends. */
  unsent(topic: string, payload: Uint8Array | string, flags: MessageFlags, properties: Uint8Array | undefined, slot: number): void {
    const length = typeof payload === 'string' ? Buffer.byteLength(payload) : payload.length;
    this.queue.push(topic, payload, flags, properties, slot, Buffer.byteLength(topic) + length + (properties?.length ?? 0));
  }

  credit(messages: number, bytes: number): void {
    this.#leave(messages, bytes);
    this.#looked();
  }

  /** The connection has ended: what waits fails with `error`, and a producer that waits for 'drain' is woken to find out. */
  disconnected(error: MqttError): void {
    this.engine = undefined;
    this.limits = undefined;
    this.queue.clear();
    this.messages = 0;
    this.bytes = 0;
    this.pending.rejectAll(error);
    this.#looked();
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

  #leave(messages: number, bytes: number): void {
    this.messages -= messages;
    this.bytes -= bytes;
    // Nothing left means no bytes left, whatever was counted.
    if (this.messages <= 0) this.messages = this.bytes = 0;
    else if (this.bytes < 0) this.bytes = 0;
  }

  #looked(): void {
    if (this.#needDrain && this.queue.length === 0 && this.messages <= LOW_MESSAGES && this.bytes <= LOW_BYTES) {
      this.#needDrain = false;
      this.#onDrain();
    }
    if (this.#onIdle !== undefined && this.messages === 0 && this.pending.waiting === 0) {
      const idle = this.#onIdle;
      this.whenIdle(undefined);
      idle();
    }
  }
}
