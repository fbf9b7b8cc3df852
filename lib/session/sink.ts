import type { EngineConnected, EngineFailure, EngineSink, MessageFlags } from '../engine/engine.js';
import type { MqttError } from '../errors.js';
import type { Dispatcher } from '../incoming/dispatch.js';
import { IncomingMessage } from '../incoming/message.js';
import type { Answer, Outgoing } from '../outgoing/outgoing.js';
import { published } from '../outgoing/publish.js';
import { errorFromFailure } from './failure.js';

/** The three reports that change the state of the client. */
export interface ConnectionEvents {
  connected(result: EngineConnected): void;
  openFailed(failure: EngineFailure): void;
  disconnected(failure: EngineFailure): void;
}

/**
 * What one engine reports, handed to whom it concerns. Each engine gets its own, so that one that was given up cannot disturb its
 * successor.
 */
export class Sink implements EngineSink<IncomingMessage> {
  /** The engine was destroyed. */
  gone = false;
  readonly #events: ConnectionEvents;
  readonly #outgoing: Outgoing;
  readonly #dispatcher: Dispatcher;
  /** When a connection ends, thousands of requests fail with the same failure: one error for all. */
  #lastFailure: EngineFailure | undefined = undefined;
  #lastError: MqttError | undefined = undefined;

  constructor(events: ConnectionEvents, outgoing: Outgoing, dispatcher: Dispatcher) {
    this.#events = events;
    this.#outgoing = outgoing;
    this.#dispatcher = dispatcher;
  }

  createMessage(
    topic: string,
    slab: Uint8Array,
    offset: number,
    length: number,
    propertiesOffset: number,
    propertiesLength: number,
    flags: MessageFlags,
  ): IncomingMessage {
    return new IncomingMessage(topic, slab, offset, length, propertiesOffset, propertiesLength, flags);
  }

  onMessages(batch: IncomingMessage[], from: number, deadline: number): number {
    return this.gone ? batch.length : this.#dispatcher.dispatch(batch, from, deadline);
  }

  onPublished(slot: number, reasonCode: number, properties: Uint8Array | undefined): void {
    if (!this.gone) published(this.#outgoing, slot, reasonCode, properties);
  }

  onCredit(messages: number, bytes: number): void {
    if (!this.gone) this.#outgoing.credit(messages, bytes);
  }

  onRoom(): void {
    if (!this.gone) this.#outgoing.pump();
  }

  onSubscribed(slot: number, reasonCodes: Uint8Array, properties: Uint8Array | undefined): void {
    this.#dispatcher.waitTurn();
    this.#answer(slot, { reasonCodes, properties });
  }

  onUnsubscribed(slot: number, reasonCodes: Uint8Array, properties: Uint8Array | undefined): void {
    this.#answer(slot, { reasonCodes, properties });
  }

  onRequestFailed(slot: number, failure: EngineFailure): void {
    if (this.gone) return;
    if (failure !== this.#lastFailure) {
      this.#lastFailure = failure;
      this.#lastError = errorFromFailure(failure);
      // Engines may use one object again: what fails later gets an error of its own.
      queueMicrotask(() => {
        this.#lastFailure = undefined;
      });
    }
    this.#outgoing.failed(slot, this.#lastError!);
  }

  onUnsent(topic: string, payload: Uint8Array | string, flags: MessageFlags, properties: Uint8Array | undefined, slot: number): void {
    if (!this.gone) this.#outgoing.unsent(topic, payload, flags, properties, slot);
  }

  onConnected(result: EngineConnected): void {
    if (!this.gone) this.#events.connected(result);
  }

  onOpenFailed(failure: EngineFailure): void {
    if (!this.gone) this.#events.openFailed(failure);
  }

  onDisconnected(failure: EngineFailure): void {
    if (!this.gone) this.#events.disconnected(failure);
  }

  #answer(slot: number, answer: Answer): void {
    if (!this.gone) this.#outgoing.pending.resolve(slot, answer);
  }
}
