import type { MessageFlags } from '../engine/engine.js';

/** Payloads wait as they are handed to the engine: a text, or bytes that are the queue's own. */
type QueuedPayload = Uint8Array | string;

/**
 * Publishes the engine had no room for, in their order. While one waits here, later ones wait behind it: nothing overtakes. Parallel
 * arrays for the same reason as in Pending.
 */
export class OutgoingQueue {
  length = 0;

  #topics: string[] = [];
  #payloads: (QueuedPayload | undefined)[] = [];
  #flags: MessageFlags[] = [];
  #properties: (Uint8Array | undefined)[] = [];
  #slots: number[] = [];
  #bytes: number[] = [];
  #head = 0;

  push(topic: string, payload: QueuedPayload, flags: MessageFlags, properties: Uint8Array | undefined, slot: number, bytes: number): void {
    this.#topics.push(topic);
    // The caller may write into its buffer again as soon as publish() has returned.
    this.#payloads.push(typeof payload === 'string' ? payload : Buffer.from(payload));
    this.#flags.push(flags);
    this.#properties.push(properties);
    this.#slots.push(slot);
    this.#bytes.push(bytes);
    this.length++;
  }

  get topic(): string {
    return this.#topics[this.#head]!;
  }
  get payload(): QueuedPayload {
    return this.#payloads[this.#head]!;
  }
  get flags(): MessageFlags {
    return this.#flags[this.#head]!;
  }
  get properties(): Uint8Array | undefined {
    return this.#properties[this.#head];
  }
  get slot(): number {
    return this.#slots[this.#head]!;
  }
  get bytes(): number {
    return this.#bytes[this.#head]!;
  }

  /** Takes the first one away. */
  shift(): void {
    this.#payloads[this.#head] = undefined;
    this.#properties[this.#head] = undefined;
    this.#head++;
    this.length--;
    if (this.length === 0) {
      this.clear();
    } else if (this.#head >= 4096 && this.#head * 2 >= this.#topics.length) {
      // Moving the rest down costs less than one step for each that has gone.
      const parts = [this.#topics, this.#payloads, this.#flags, this.#properties, this.#slots, this.#bytes];
      for (const part of parts) part.splice(0, this.#head);
      this.#head = 0;
    }
  }

  clear(): void {
    this.#topics = [];
    this.#payloads = [];
    this.#flags = [];
    this.#properties = [];
    this.#slots = [];
    this.#bytes = [];
    this.#head = 0;
    this.length = 0;
  }
}
