import type { MessageFlags } from '../engine/engine.js';

/** Payloads of up to this many bytes are copied into blocks. */
export const SMALL_BYTES = 1024;
const BLOCK_BYTES = 8192;
/** Empty blocks kept while messages wait: as many as leave between two looks of the producer. */
const MOST_SPARE = 128;

/** Payloads of several messages. */
class Block {
  readonly bytes = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  /** Messages whose payload is in it. */
  messages = 0;
}

/** A message that was taken out of the queue to be given up. */
export interface TakenMessage {
  readonly topic: string;
  readonly flags: MessageFlags;
  readonly slot: number;
}

/** In place of a message's bytes: it has left, only its place is still there. */
const LEFT = -1;

/** Places of a queue that has had a message; with more than that an empty one gives them back. */
const LEAST_PLACES = 64;

/** Of every queue that never had a slot: an idle client has no array of its own. */
const NO_PLACES = new Int32Array(0);

/** What is known of the message at each place. */
class Columns {
  readonly topics: string[];
  /** The payload, or the block it is in. */
  readonly payloads: (Uint8Array | string | Block)[];
  /** Where in its block it begins and ends. */
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  readonly flags: Uint8Array;
  readonly properties: (Uint8Array | undefined)[];
  readonly slots: Int32Array;
  readonly sizes: Float64Array;
  /** When it expires; 0: never. */
  readonly expires: Float64Array;

  constructor(places: number) {
    this.topics = new Array<string>(places).fill('');
    this.payloads = new Array<string>(places).fill('');
    this.starts = new Int32Array(places);
    this.ends = new Int32Array(places);
    this.flags = new Uint8Array(places);
    this.properties = new Array<undefined>(places).fill(undefined);
    this.slots = new Int32Array(places);
    this.sizes = new Float64Array(places);
    this.expires = new Float64Array(places);
  }
}

const NO_COLUMNS = new Columns(0);

/**
 * Publishes that wait, in their order: for the connection, or for room in the engine. While one waits here, later ones wait behind it:
 * nothing overtakes. Parallel arrays for the same reason as in Pending, used as rings: arrays that grow at one end and are cut at the other
 * are made anew all the time, and these are long.
 *
 * Payloads wait as they are handed to the engine: a text, or bytes that are the queue's own. Small ones are copied into blocks, one behind
 * the other, and only the place is kept: a queue that is deep for long outlives the young generation, and an object a message would be
 * copied twice by the garbage collector and then collected with the old ones. A block whose messages have left is filled again: left to
 * the garbage collector, blocks are found only with the old objects, and more memory waits for that than messages wait here.
 *
 * Leaving from the middle, when a publish is aborted or its time is over:
 * 1. The place of its slot is known (#places), so nothing is searched.
 * 2. What it held is released and counted off at once; its place stays, marked, and is skipped when its turn comes.
 * 3. A client that stays offline would gather marked places without end behind a message that waits for ever: when there is no place left
 * and half of them are marked, the messages move together.
 */
export class OutgoingQueue {
  /** Messages that wait. */
  length = 0;
  /** Their topics, properties and payloads. */
  bytes = 0;
  /** No message expires before this time (performance.now); some may later. */
  earliest = Infinity;

  #at = NO_COLUMNS;
  /** Of how many places there are, a power of two, less one; -1: none. */
  #mask = -1;
  /** The place of the first message, and how many are in use from there on, those of messages that left included. */
  #head = 0;
  #used = 0;
  /** Where a slot's message is; -1: not here. */
  #places = NO_PLACES;
  /** The block that is being filled, and how far. */
  #block: Block | undefined = undefined;
  #filled = 0;
  #spare: Block[] = [];

  /** Places in use, those of messages that left included. */
  get places(): number {
    return this.#used;
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
      this.#push(topic, payload, 0, 0, flags, properties, slot, size, expires);
      return;
    }
    const { length } = payload;
    if (this.#block === undefined || this.#filled + length > BLOCK_BYTES) {
      this.#block = this.#spare.pop() ?? new Block();
      this.#filled = 0;
    }
    const block = this.#block, start = this.#filled, end = start + length;
    block.bytes.set(payload, start);
    block.messages++;
    this.#filled = end;
    this.#push(topic, block, start, end, flags, properties, slot, size, expires);
  }

  #push(
    topic: string,
    payload: Uint8Array | string | Block,
    start: number,
    end: number,
    flags: MessageFlags,
    properties: Uint8Array | undefined,
    slot: number,
    size: number,
    expires: number,
  ): void {
    if (this.#used > this.#mask) this.#makeRoom();
    const columns = this.#at, at = (this.#head + this.#used++) & this.#mask;
    if (slot !== -1) this.#setPlace(slot, at);
    columns.topics[at] = topic;
    columns.payloads[at] = payload;
    columns.starts[at] = start;
    columns.ends[at] = end;
    columns.flags[at] = flags;
    columns.properties[at] = properties;
    columns.slots[at] = slot;
    columns.sizes[at] = size;
    columns.expires[at] = expires;
    if (expires !== 0 && expires < this.earliest) this.earliest = expires;
    this.length++;
    this.bytes += size;
  }

  // ---- the first message; only while there is one -------------------------------------------------------------------------

  get topic(): string {
    return this.#at.topics[this.#head]!;
  }
  /** Good until the message leaves: its memory is used again. */
  get payload(): Uint8Array | string {
    const { payloads, starts, ends } = this.#at, kept = payloads[this.#head]!;
    return kept instanceof Block ? kept.bytes.subarray(starts[this.#head], ends[this.#head]) : kept;
  }
  get flags(): MessageFlags {
    return this.#at.flags[this.#head]!;
  }
  get properties(): Uint8Array | undefined {
    return this.#at.properties[this.#head];
  }
  get slot(): number {
    return this.#at.slots[this.#head]!;
  }
  get size(): number {
    return this.#at.sizes[this.#head]!;
  }
  get expires(): number {
    return this.#at.expires[this.#head]!;
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
    const { topics, flags, slots, sizes, expires } = this.#at;
    for (let i = 0; i < this.#used; i++) {
      const at = (this.#head + i) & this.#mask;
      if (sizes[at] === LEFT) continue;
      const expiry = expires[at]!;
      if (test(flags[at]!, expiry)) {
        taken.push({ topic: topics[at]!, flags: flags[at]!, slot: slots[at]! });
        this.#leave(at);
      } else if (expiry !== 0 && expiry < this.earliest) {
        this.earliest = expiry;
      }
    }
    this.#skip();
    return taken;
  }

  /** Takes over all messages of another queue, behind its own. */
  append(other: OutgoingQueue): void {
    for (let i = 0; i < other.#used; i++) this.#copy(other.#at, (other.#head + i) & other.#mask);
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
    const { topics, payloads, properties, slots, sizes } = this.#at;
    const slot = slots[at]!, kept = payloads[at]!;
    if (slot !== -1) this.#places[slot] = -1;
    if (kept instanceof Block && --kept.messages === 0) this.#freed(kept);
    this.length--;
    this.bytes -= sizes[at]!;
    topics[at] = '';
    payloads[at] = '';
    properties[at] = undefined;
    sizes[at] = LEFT;
  }

  #freed(block: Block): void {
    if (block === this.#block) this.#filled = 0;
    else if (this.#spare.length < MOST_SPARE) this.#spare.push(block);
  }

  /** The head goes to the first message there is. */
  #skip(): void {
    if (this.length === 0) {
      this.#clear();
      return;
    }
    const { sizes } = this.#at;
    while (sizes[this.#head] === LEFT) {
      this.#head = (this.#head + 1) & this.#mask;
      this.#used--;
    }
  }

  /** Every place is in use: the messages move to others, twice as many unless half of these are of messages that left. */
  #makeRoom(): void {
    const before = this.#at, head = this.#head, places = this.#mask + 1;
    const more = Math.max(LEAST_PLACES, this.length * 2 <= places ? places : places * 2);
    this.#at = new Columns(more);
    this.#mask = more - 1;
    this.#head = this.#used = this.length = this.bytes = 0;
    for (let i = 0; i < places; i++) this.#copy(before, (head + i) & (places - 1));
  }

  #copy(columns: Columns, at: number): void {
    const size = columns.sizes[at]!;
    if (size === LEFT) return;
    const { topics, payloads, starts, ends, flags, properties, slots, expires } = columns;
    this.#push(topics[at]!, payloads[at]!, starts[at]!, ends[at]!, flags[at]!, properties[at], slots[at]!, size, expires[at]!);
  }

  #clear(): void {
    if (this.#mask >= LEAST_PLACES) {
      this.#at = NO_COLUMNS;
      this.#mask = -1;
    }
    this.#spare = [];
    this.#head = this.#used = 0;
    this.bytes = 0;
    this.earliest = Infinity;
  }
}
