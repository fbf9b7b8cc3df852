import type { MessageFlags } from '../engine/engine.js';

/** Payloads of up to this many bytes are copied into blocks. */
export const SMALL_BYTES = 1024;
const BLOCK_BYTES = 8192;

/** As the start of a payload that is not part of a block. */
const WHOLE = -1;

/** A message that was taken out of the queue to be given up. */
export interface TakenMessage {
  readonly topic: string;
  readonly flags: MessageFlags;
  readonly slot: number;
}

/** In place of a message's bytes: it has left, only its place is still there. */
const LEFT = -1;

/** Of every queue that never had a slot: an idle client has no array of its own. */
const NO_PLACES = new Int32Array(0);
const NO_BLOCK = Buffer.alloc(0);

/**
 * Publishes that wait, in their order: for the connection, or for room in the engine. While one waits here, later ones wait behind it:
 * nothing overtakes. Parallel arrays for the same reason as in Pending.
 *
 * Payloads wait as they are handed to the engine: a text, or bytes that are the queue's own. Small ones are copied into blocks, one behind
 * the other, and only the place is kept: a queue that is deep for long outlives the young generation, and an object a message would be
 * copied twice by the garbage collector and then collected with the old ones. A block lives as long as one of its messages.
 *
 * Leaving from the middle, when a publish is aborted or its time is over:
 * 1. The place of its slot is known (#places), so nothing is searched.
 * 2. What it held is released and counted off at once; its place stays, marked, and is skipped when its turn comes.
 * 3. A client that stays offline would gather marked places without end behind a message that waits for ever: when there are more of them
 * than messages, the messages move together.
 */
export class OutgoingQueue {
  /** Messages that wait. */
  length = 0;
  /** Their topics, properties and payloads. */
  bytes = 0;
  /** No message expires before this time (performance.now); some may later. */
  earliest = Infinity;

  #topics: string[] = [];
  /** The payload, or the block it is in. */
  #payloads: (Uint8Array | string)[] = [];
  /** Where in its block it begins and ends; WHOLE. */
  #starts: number[] = [];
  #ends: number[] = [];
  #flags: MessageFlags[] = [];
  #properties: (Uint8Array | undefined)[] = [];
  #slots: number[] = [];
  #sizes: number[] = [];
  /** When it expires; 0: never. */
  #expires: number[] = [];
  /** The place of the first message. */
  #head = 0;
  /** Where a slot's message is; -1: not here. */
  #places = NO_PLACES;
  /** The block that is being filled, and how far. */
  #block = NO_BLOCK;
  #filled = 0;

  /** Places in use, those of messages that left included. */
  get places(): number {
    return this.#topics.length;
  }

  /** Takes a message in. `payload` is copied when it has up to SMALL_BYTES; else it, and `properties`, are the queue's from now on. */
  push(
    topic: string,
    payload: Uint8Array | string,
    flags: MessageFlags,
    properties: Uint8Array | undefined,
    slot: number,
    size: number,
    expires: number,
  ): void {
    if (typeof payload === 'string' || payload.length > SMALL_BYTES) {
      this.#push(topic, payload, WHOLE, WHOLE, flags, properties, slot, size, expires);
      return;
    }
    const { length } = payload;
    if (this.#filled + length > this.#block.length) {
      this.#block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
      this.#filled = 0;
    }
    const start = this.#filled, end = start + length;
    this.#block.set(payload, start);
    this.#filled = end;
    this.#push(topic, this.#block, start, end, flags, properties, slot, size, expires);
  }

  #push(
    topic: string,
    payload: Uint8Array | string,
    start: number,
    end: number,
    flags: MessageFlags,
    properties: Uint8Array | undefined,
    slot: number,
    size: number,
    expires: number,
  ): void {
    if (slot !== -1) this.#setPlace(slot, this.#topics.length);
    this.#topics.push(topic);
    this.#payloads.push(payload);
    this.#starts.push(start);
    this.#ends.push(end);
    this.#flags.push(flags);
    this.#properties.push(properties);
    this.#slots.push(slot);
    this.#sizes.push(size);
    this.#expires.push(expires);
    if (expires !== 0 && expires < this.earliest) this.earliest = expires;
    this.length++;
    this.bytes += size;
  }

  // ---- the first message; only while there is one -------------------------------------------------------------------------

  get topic(): string {
    return this.#topics[this.#head]!;
  }
  get payload(): Uint8Array | string {
    const kept = this.#payloads[this.#head]!, start = this.#starts[this.#head]!;
    return start === WHOLE ? kept : (kept as Uint8Array).subarray(start, this.#ends[this.#head]);
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
  get size(): number {
    return this.#sizes[this.#head]!;
  }
  get expires(): number {
    return this.#expires[this.#head]!;
  }

  /** Takes the first one away. */
  shift(): void {
    this.#leave(this.#head);
    this.#skip();
  }

  /** Takes the first one away, to give it up. */
  take(): TakenMessage {
    const taken = { topic: this.topic, flags: this.flags, slot: this.slot };
    this.shift();
    return taken;
  }

  // ---- anywhere -----------------------------------------------------------------------------------------------------------

  /** Whether the message of this slot waits here. */
  holds(slot: number): boolean {
    return slot < this.#places.length && this.#places[slot] !== -1;
  }

  /** Takes the message of a slot away; whether it was here. */
  remove(slot: number): boolean {
    if (!this.holds(slot)) return false;
    this.#leave(this.#places[slot]!);
    this.#skip();
    return true;
  }

  /** Takes away, in order, all that the test wants. */
  takeAll(test: (flags: MessageFlags, expires: number) => boolean): TakenMessage[] {
    const taken: TakenMessage[] = [];
    this.earliest = Infinity;
    for (let at = this.#head; at < this.#topics.length; at++) {
      if (this.#sizes[at] === LEFT) continue;
      const expires = this.#expires[at]!;
      if (test(this.#flags[at]!, expires)) {
        taken.push({ topic: this.#topics[at]!, flags: this.#flags[at]!, slot: this.#slots[at]! });
        this.#leave(at);
      } else if (expires !== 0 && expires < this.earliest) {
        this.earliest = expires;
      }
    }
    this.#skip();
    return taken;
  }

  /** Takes over all messages of another queue, behind its own. */
  append(other: OutgoingQueue): void {
    for (let at = other.#head; at < other.#topics.length; at++) {
      if (other.#sizes[at] === LEFT) continue;
      this.#push(
        other.#topics[at]!,
        other.#payloads[at]!,
        other.#starts[at]!,
        other.#ends[at]!,
        other.#flags[at]!,
        other.#properties[at],
        other.#slots[at]!,
        other.#sizes[at]!,
        other.#expires[at]!,
      );
    }
  }

  // ---- inside -------------------------------------------------------------------------------------------------------------

  #setPlace(slot: number, place: number): void {
    if (slot >= this.#places.length) {
      const larger = new Int32Array(Math.max(1024, slot * 2)).fill(-1);
      larger.set(this.#places);
      this.#places = larger;
    }
    this.#places[slot] = place;
  }

  /** Releases and counts off what is at a place. */
  #leave(at: number): void {
    const slot = this.#slots[at]!;
    if (slot !== -1) this.#places[slot] = -1;
    this.length--;
    this.bytes -= this.#sizes[at]!;
    this.#topics[at] = '';
    this.#payloads[at] = '';
    this.#properties[at] = undefined;
    this.#sizes[at] = LEFT;
  }

  /** The head goes to the first message there is; places nobody needs are given back. */
  #skip(): void {
    const end = this.#topics.length;
    if (this.length === 0) {
      this.#clear();
      return;
    }
    while (this.#head < end && this.#sizes[this.#head] === LEFT) this.#head++;
    // Moving the rest together costs less than one step for each that has gone.
    if (end >= 8192 && this.length * 2 <= end) this.#moveTogether();
  }

  #moveTogether(): void {
    let to = 0;
    for (let from = this.#head; from < this.#topics.length; from++) {
      if (this.#sizes[from] === LEFT) continue;
      const slot = this.#slots[from]!;
      if (slot !== -1) this.#places[slot] = to;
      this.#topics[to] = this.#topics[from]!;
      this.#payloads[to] = this.#payloads[from]!;
      this.#starts[to] = this.#starts[from]!;
      this.#ends[to] = this.#ends[from]!;
      this.#flags[to] = this.#flags[from]!;
      this.#properties[to] = this.#properties[from];
      this.#slots[to] = slot;
      this.#sizes[to] = this.#sizes[from]!;
      this.#expires[to] = this.#expires[from]!;
      to++;
    }
    this.#head = 0;
    const parts = [
      this.#topics, this.#payloads, this.#starts, this.#ends, this.#flags, this.#properties, this.#slots, this.#sizes, this.#expires,
    ];
    for (const part of parts) part.length = to;
  }

  #clear(): void {
    this.#topics = [];
    this.#payloads = [];
    this.#starts = [];
    this.#ends = [];
    this.#flags = [];
    this.#properties = [];
    this.#slots = [];
    this.#sizes = [];
    this.#expires = [];
    this.#head = 0;
    this.bytes = 0;
    this.earliest = Infinity;
  }
}
