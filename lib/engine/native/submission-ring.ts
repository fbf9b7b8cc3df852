import type { NativeBinding } from './binding.js';
import * as layout from './layout.js';

const { CTL_SQ_TAIL, CTL_SQ_HEAD, CTL_SQ_ASLEEP, CTL_SQ_WANTED } = layout;
const { R_SIZE, R_KIND, R_CLIENT, R_TOPIC, R_LENGTH, R_PROPERTIES, R_SLOT, R_AUX, RECORD_HEADER, RECORD_SKIP } = layout;
const { TOPIC_INLINE, NO_SLOT, MAX_TOPICS, SUBMIT_TOPIC, SUBMIT_PUBLISH, SUBMIT_PUBLISH_LARGE, PROPERTIES_LARGE } = layout;

/** Topics above this many bytes are written into each record instead of being interned. */
const MAX_INTERNED_BYTES = 1024;
/** Strings up to here are written character by character while they are ASCII: a call to write() costs as much as about 16 of them. */
const SHORT_STRING = 12;
/** Bytes written before the reactor is told in the middle of a microtask: it works while a long loop of publishes is still filling. */
const RELEASE_BYTES = 8192;
/** What publish() leaves free, so that acknowledgements never wait behind publishes. */
const RESERVE_BYTES = 4096;

/** Payloads from here on are copied once, into a block that is written to the socket as it is; smaller ones into the ring and out of it. */
const LARGE_FROM = 16 * 1024;

/** A then() on it is the cheapest way to a microtask. */
const settled = Promise.resolve();

const NO_ROOM = -2;

/** What publish() returns when nothing was taken. */
export const SUBMISSION_FULL = -1;

/**
 * The ring from JavaScript to the reactor. This thread owns `tail` and everything between `head` and `tail`; the reactor sees a record when
 * release() has stored the tail. Positions are int32 and wrap; their place is position & mask.
 */
export class SubmissionRing {
  private readonly bytes: Buffer;
  private readonly words: Int32Array;
  private readonly size: number;
  private readonly mask: number;
  private readonly reserve: number;
  /** A record with more payload than this carries an address. */
  private readonly inlineLimit: number;
  /** Topic, properties and header of one record must leave room for its skip. */
  private readonly recordLimit: number;

  private tail = 0;
  /** The tail the reactor has been told. */
  private released = 0;
  /** The reactor's head when it was last looked at. */
  private head = 0;
  private releasePlanned = false;
  private readonly onMicrotask: () => void;

  /** Interned topics. When full it starts over: ids are redefined as they come, and the order of the ring keeps them right. */
  private readonly topics = new Map<string, number>();
  /** Topics used once. Only the second use interns, so that topics made for one message (replies) do not push out the others. */
  private readonly seen = new Set<string>();
  private lastTopic = '';
  private lastId = TOPIC_INLINE;

  /** `beforeRelease` runs first in the microtask that releases: the place to write what was collected since. */
  constructor(
    private readonly control: Int32Array,
    memory: ArrayBuffer,
    private readonly binding: NativeBinding,
    beforeRelease: () => void,
  ) {
    this.bytes = Buffer.from(memory);
    this.words = new Int32Array(memory);
    this.size = memory.byteLength;
    this.mask = this.size - 1;
    this.reserve = Math.min(RESERVE_BYTES, this.size >> 3);
    this.inlineLimit = Math.min(this.size >> 2, LARGE_FROM - 1);
    this.recordLimit = (this.size >> 1) - this.reserve;
    this.onMicrotask = () => {
      beforeRelease();
      this.releasePlanned = false;
      this.release();
    };
  }

  /**
   * Writes one PUBLISH and returns its bytes as credits count them (the record, and a payload carried by address), or SUBMISSION_FULL:
   * nothing was taken and the reactor will notify when there is room. Throws RangeError when no memory is left.
   */
  publish(
    client: number,
    topic: string,
    payload: Uint8Array | string,
    flags: number,
    properties: Uint8Array | undefined,
    slot: number,
  ): number {
    let id = this.lastId;
    if (topic !== this.lastTopic || id < 0) {
      const known = this.topics.get(topic);
      id = known === undefined ? this.meet(topic) : known;
      if (id >= 0) {
        this.lastTopic = topic;
        this.lastId = id;
      } else if (id === NO_ROOM) return SUBMISSION_FULL;
    }
    if (id < 0 || properties !== undefined) return this.publishLong(client, id, topic, payload, flags, properties, slot);

    const isText = typeof payload === 'string';
    const bound = isText ? payload.length * 3 : payload.length;
    if (bound > this.inlineLimit) return this.publishLong(client, id, topic, payload, flags, properties, slot);
    const place = this.room((RECORD_HEADER + bound + 7) & ~7, this.reserve);
    if (place < 0) return SUBMISSION_FULL;
    const length = isText ? this.writeText(payload, place + RECORD_HEADER) : this.writeBytes(payload, place + RECORD_HEADER);
    const size = (RECORD_HEADER + length + 7) & ~7;
    const words = this.words;
    const word = place >> 2;
    words[word + R_SIZE] = size;
    words[word + R_KIND] = SUBMIT_PUBLISH | (flags << 8);
    words[word + R_CLIENT] = client;
    words[word + R_TOPIC] = id;
    words[word + R_LENGTH] = length;
    words[word + R_PROPERTIES] = 0;
    words[word + R_SLOT] = slot;
    words[word + R_AUX] = 0;
    this.commit(size);
    return size;
  }

  /** A record without a body, from what publish() left free: SUBMIT_ACK and SUBMIT_TAKEN. False: no room. */
  note(kind: number, client: number, count: number, length: number, aux: number): boolean {
    const place = this.room(RECORD_HEADER, 0);
    if (place < 0) return false;
    this.header(place, RECORD_HEADER, kind, client, 0, length, 0, count, aux);
    this.commit(RECORD_HEADER);
    return true;
  }

  /** Shows the reactor what was written, and wakes it when it sleeps. A command that must come behind the ring calls this first. */
  release(): void {
    if (this.released === this.tail) return;
    this.released = this.tail;
    const control = this.control;
    Atomics.store(control, CTL_SQ_TAIL, this.tail);
    if (Atomics.load(control, CTL_SQ_ASLEEP) === 1 && Atomics.exchange(control, CTL_SQ_ASLEEP, 0) === 1) this.binding.wake();
  }

  /** Makes sure that a microtask will release. */
  plan(): void {
    if (this.releasePlanned) return;
    this.releasePlanned = true;
    void settled.then(this.onMicrotask);
  }

  /** Whether who was refused may try again. */
  hasRoom(): boolean {
    this.head = Atomics.load(this.control, CTL_SQ_HEAD);
    return ((this.tail - this.head) | 0) <= this.size >> 1;
  }

  /** Topics in the record, properties, payloads by address: the uncommon records. */
  private publishLong(
    client: number,
    id: number,
    topic: string,
    payload: Uint8Array | string,
    flags: number,
    properties: Uint8Array | undefined,
    slot: number,
  ): number {
    const inlineBytes = id < 0 ? Buffer.byteLength(topic) : 0;
    const propertyBytes = properties === undefined ? 0 : properties.length;
    if (properties !== undefined && propertyBytes > this.inlineLimit >> 1) {
      return this.publishTogether(client, id, topic, payload, flags, properties, slot, inlineBytes);
    }
    const before = RECORD_HEADER + inlineBytes + propertyBytes;
    let length = typeof payload === 'string' ? Buffer.byteLength(payload) : payload.length;
    const large = length > this.inlineLimit || before + length > this.recordLimit;
    const size = (before + (large ? 8 : length) + 7) & ~7;
    const place = this.room(size, this.reserve);
    if (place < 0) return SUBMISSION_FULL;
    let at = place + RECORD_HEADER;
    if (id < 0) at += this.bytes.write(topic, at, inlineBytes);
    if (properties !== undefined) {
      this.bytes.set(properties, at);
      at += propertyBytes;
    }
    if (large) length = this.binding.putLarge(at, payload);
    else if (typeof payload === 'string') this.bytes.write(payload, at, length);
    else this.bytes.set(payload, at);
    const kind = large ? SUBMIT_PUBLISH_LARGE : SUBMIT_PUBLISH;
    this.header(place, size, kind | (flags << 8), client, id, length, propertyBytes, slot, inlineBytes);
    this.commit(size);
    // The address in a record nobody was told of would be lost with a worker that is terminated now.
    if (large) this.release();
    return large ? size + length : size;
  }

  /** Properties too large for the ring go in front of the payload, behind one address: a copy, paid by who sends such properties. */
  private publishTogether(
    client: number,
    id: number,
    topic: string,
    payload: Uint8Array | string,
    flags: number,
    properties: Uint8Array,
    slot: number,
    inlineBytes: number,
  ): number {
    const size = (RECORD_HEADER + inlineBytes + 8 + 7) & ~7;
    const place = this.room(size, this.reserve);
    if (place < 0) return SUBMISSION_FULL;
    const at = place + RECORD_HEADER;
    if (id < 0) this.bytes.write(topic, at, inlineBytes);
    const together = Buffer.concat([properties, typeof payload === 'string' ? Buffer.from(payload) : payload]);
    const bytes = this.binding.putLarge(at + inlineBytes, together);
    const kind = SUBMIT_PUBLISH_LARGE | PROPERTIES_LARGE | (flags << 8);
    this.header(place, size, kind, client, id, bytes - properties.length, properties.length, slot, inlineBytes);
    this.commit(size);
    this.release();
    return size + bytes;
  }

  /** A topic that is not interned: TOPIC_INLINE, its new id, or NO_ROOM. */
  private meet(topic: string): number {
    if (topic.length > MAX_INTERNED_BYTES) return TOPIC_INLINE;
    if (!this.seen.has(topic)) {
      if (this.seen.size === MAX_TOPICS) this.seen.clear();
      this.seen.add(topic);
      return TOPIC_INLINE;
    }
    const length = Buffer.byteLength(topic);
    if (length > MAX_INTERNED_BYTES) return TOPIC_INLINE;
    const size = (RECORD_HEADER + length + 7) & ~7;
    const place = this.room(size, this.reserve);
    if (place < 0) return NO_ROOM;
    if (this.topics.size === MAX_TOPICS) this.topics.clear();
    const id = this.topics.size;
    this.bytes.write(topic, place + RECORD_HEADER, length);
    this.header(place, size, SUBMIT_TOPIC, 0, id, length, 0, NO_SLOT, 0);
    this.commit(size);
    this.seen.delete(topic);
    this.topics.set(topic, id);
    return id;
  }

  private writeText(text: string, at: number): number {
    const length = text.length;
    const bytes = this.bytes;
    if (length <= SHORT_STRING) {
      let i = 0;
      for (; i < length; i++) {
        const code = text.charCodeAt(i);
        if (code > 127) break;
        bytes[at + i] = code;
      }
      if (i === length) return length;
    }
    return bytes.write(text, at, length * 3);
  }

  private writeBytes(payload: Uint8Array, at: number): number {
    this.bytes.set(payload, at);
    return payload.length;
  }

  /** The place of a contiguous record of `need` bytes that leaves `keep` bytes free, or -1. */
  private room(need: number, keep: number): number {
    const place = this.tail & this.mask;
    const rest = this.size - place;
    const total = (rest < need ? rest + need : need) + keep;
    if (this.size - ((this.tail - this.head) | 0) < total && !this.findRoom(total)) return -1;
    if (rest >= need) return place;
    this.words[place >> 2] = RECORD_SKIP;
    this.tail = (this.tail + rest) | 0;
    return 0;
  }

  /**
   * The ring looked full; what has the reactor taken since?
   *  1. the head is read: still full
   *  2. the reactor takes everything and looks at CTL_SQ_WANTED: 0, nobody to notify
   *  3. CTL_SQ_WANTED is set: nobody will ever come
   * so the head is read again after the mark is set, and the reactor looks at the mark after it stored the head.
   */
  private findRoom(total: number): boolean {
    this.head = Atomics.load(this.control, CTL_SQ_HEAD);
    if (this.size - ((this.tail - this.head) | 0) >= total) return true;
    Atomics.store(this.control, CTL_SQ_WANTED, 1);
    this.release();
    this.head = Atomics.load(this.control, CTL_SQ_HEAD);
    return this.size - ((this.tail - this.head) | 0) >= total;
  }

  private header(
    place: number,
    size: number,
    kind: number,
    client: number,
    topic: number,
    length: number,
    properties: number,
    slot: number,
    aux: number,
  ): void {
    const words = this.words;
    const word = place >> 2;
    words[word + R_SIZE] = size;
    words[word + R_KIND] = kind;
    words[word + R_CLIENT] = client;
    words[word + R_TOPIC] = topic;
    words[word + R_LENGTH] = length;
    words[word + R_PROPERTIES] = properties;
    words[word + R_SLOT] = slot;
    words[word + R_AUX] = aux;
  }

  private commit(size: number): void {
    this.tail = (this.tail + size) | 0;
    if (((this.tail - this.released) | 0) >= RELEASE_BYTES) this.release();
    else if (!this.releasePlanned) this.plan();
  }
}
