import { markAsUntransferable } from 'node:worker_threads';
import type { EngineSink } from '../engine.js';
import type { NativeBinding } from './binding.js';
import type { Inbox, NativeEvent } from './inbox.js';
import * as layout from './layout.js';

const { CTL_MQ_TAIL, CTL_MQ_HEAD } = layout;
const { R_SIZE, R_KIND, R_CLIENT, R_TOPIC, R_LENGTH, R_PROPERTIES, R_SLOT, R_AUX, RECORD_HEADER, RECORD_SKIP, TOPIC_INLINE } = layout;
const { MAX_TOPICS, EVENT_TOPIC, EVENT_MESSAGE, EVENT_MESSAGE_LARGE, EVENT_UNSENT, EVENT_UNSENT_LARGE } = layout;
const { PROPERTIES_LARGE, BLOCK_WANTED, EVENT_DISCONNECTED, EVENT_OPEN_FAILED } = layout;

/** Bytes of one stretch, and so of one slab: what a message that is kept holds in memory beyond itself. */
const SLAB_BYTES = 16384;
/** Stretches up to here come from Node's own pool: a lone message needs no slab of its own. */
const POOLED_BYTES = 1024;

/** Where the messages of one client go. */
export interface MessageTarget {
  readonly sink: EngineSink<unknown>;
  readonly inbox: Inbox<unknown>;
}

/** The owner of the targets. */
export interface MessageRouter<T extends MessageTarget> {
  /** This client's inbox has something, and the client is in no list yet. */
  onArrived(target: T): void;
  /** An event record. Without a target when the client is gone, or when the record belongs to no client. */
  onEventRecord(client: number, target: T | undefined, event: NativeEvent): void;
}

/**
 * Messages and events, reactor to JavaScript. This thread owns `head`. A stretch of whole records is copied out at once into a slab that
 * is never written again, and its room handed back: no view on the ring ever leaves this file.
 */
export class MessageRing<T extends MessageTarget> {
  private readonly bytes: Buffer;
  private readonly words: Int32Array;
  private readonly size: number;
  private readonly mask: number;
  private head = 0;
  /** Text of the interned topics, by id. Filled at once: the reactor's ids are spread, and V8 would make a hash table of a sparse array. */
  private readonly topics: string[] = new Array<string>(MAX_TOPICS).fill('');

  constructor(
    private readonly control: Int32Array,
    memory: ArrayBuffer,
    private readonly binding: NativeBinding,
    private readonly router: MessageRouter<T>,
  ) {
    this.bytes = Buffer.from(memory);
    this.words = new Int32Array(memory);
    this.size = memory.byteLength;
    this.mask = this.size - 1;
  }

  /** How far the reactor is; take() goes no further than what it is given. */
  tail(): number {
    return Atomics.load(this.control, CTL_MQ_TAIL);
  }

  /** How far this thread is, in bytes; overflows. */
  get position(): number {
    return this.head;
  }

  /** For the last look before this thread sleeps. */
  hasNews(): boolean {
    return Atomics.load(this.control, CTL_MQ_TAIL) !== this.head;
  }

  /** Moves one stretch into the inboxes of its clients; false: nothing is left before `tail`. */
  take(targets: readonly (T | undefined)[], tail: number): boolean {
    if (this.head === tail) return false;
    const { words, size } = this;
    const first = this.head & this.mask;
    const stop = Math.min(first + ((tail - this.head) | 0), size);

    // 1. How far does the stretch go, and are there messages in it? A record may end exactly at the end of the ring.
    let end = first;
    let holdsMessages = false;
    while (end !== stop) {
      const recordSize = words[(end >> 2) + R_SIZE]!;
      if (recordSize === RECORD_SKIP || (end !== first && end + recordSize - first > SLAB_BYTES)) break;
      if ((words[(end >> 2) + R_KIND]! & 255) === EVENT_MESSAGE) holdsMessages = true;
      end += recordSize;
    }

    // 2. Every record to its client.
    if (end !== first) {
      const slab = holdsMessages ? this.copyOut(first, end) : undefined;
      for (let at = first; at !== end; at += words[(at >> 2) + R_SIZE]!) {
        const word = at >> 2;
        const kind = words[word + R_KIND]!;
        const client = words[word + R_CLIENT]!;
        // Topics and log records have client -1. Looked up, that would be a property's name, and make this line slow for ever.
        const target = client < 0 ? undefined : targets[client];
        if ((kind & 255) !== EVENT_MESSAGE) this.takeOther(at, kind & 255, client, target);
        else if (target !== undefined) {
          const topicId = words[word + R_TOPIC]!;
          const inBody = at - first + RECORD_HEADER;
          const inlineBytes = topicId === TOPIC_INLINE ? words[word + R_AUX]! : 0;
          const topic = topicId === TOPIC_INLINE ? this.text(at + RECORD_HEADER, inlineBytes) : this.topics[topicId]!;
          const properties = words[word + R_PROPERTIES]!;
          const propertiesAt = inBody + inlineBytes;
          const message = target.sink.createMessage(
            topic, slab!, propertiesAt + properties, words[word + R_LENGTH]!, propertiesAt, properties, (kind >> 8) & 15,
          );
          target.inbox.push(message);
          if (!target.inbox.listed) this.router.onArrived(target);
        }
      }
    }

    // 3. The room goes back to the reactor.
    this.head = (this.head + end - first) | 0;
    if (this.head !== tail && end !== size && words[(end >> 2) + R_SIZE] === RECORD_SKIP) this.head = (this.head + size - end) | 0;
    Atomics.store(this.control, CTL_MQ_HEAD, this.head);
    return true;
  }

  /** The stretch as memory of its own. Nobody may transfer it to another thread: that would empty the other messages in it. */
  private copyOut(first: number, end: number): Buffer {
    const length = end - first;
    let slab: Buffer;
    if (length <= POOLED_BYTES) slab = Buffer.allocUnsafe(length);
    else {
      slab = Buffer.allocUnsafeSlow(length);
      markAsUntransferable(slab.buffer);
    }
    this.bytes.copy(slab, 0, first, end);
    return slab;
  }

  /** Everything but a message in the ring: topics, large messages, publishes that go back, events. */
  private takeOther(at: number, kind: number, client: number, target: T | undefined): void {
    const { words } = this;
    const word = at >> 2;
    const body = at + RECORD_HEADER;
    const length = words[word + R_LENGTH]!;
    if (kind === EVENT_TOPIC) {
      this.topics[words[word + R_TOPIC]!] = this.text(body, length);
      return;
    }
    const properties = words[word + R_PROPERTIES]!;
    if (kind === EVENT_MESSAGE_LARGE) {
      this.takeLarge(at, properties, length, target);
      return;
    }
    if (kind === EVENT_UNSENT || kind === EVENT_UNSENT_LARGE) {
      this.takeUnsent(at, kind === EVENT_UNSENT_LARGE, client, target);
      return;
    }
    const ends = kind === EVENT_DISCONNECTED || kind === EVENT_OPEN_FAILED;
    this.router.onEventRecord(client, target, {
      kind,
      slot: words[word + R_SLOT]!,
      aux: words[word + R_AUX]!,
      properties: properties === 0 ? undefined : this.copy(body, properties),
      payload: this.copy(body + properties, length),
      topic: '',
      flags: 0,
      keptMessages: ends ? words[word + R_KIND]! >>> 8 : 0,
      keptBytes: ends ? words[word + R_TOPIC]! : 0,
    });
  }

  /** A publish that was not sent, as an event: it keeps its place before the end of its connection. */
  private takeUnsent(at: number, large: boolean, client: number, target: T | undefined): void {
    const { words } = this;
    const word = at >> 2;
    const length = words[word + R_LENGTH]!;
    const propertyBytes = words[word + R_PROPERTIES]!;
    const topic = this.topicOf(at);
    const propertiesAt = at + RECORD_HEADER + this.inlineBytes(at);
    let properties: Uint8Array | undefined;
    let payload: Uint8Array;
    if (large && (words[word + R_KIND]! & PROPERTIES_LARGE) !== 0) {
      const block = new Uint8Array(this.binding.takeLarge(propertiesAt, propertyBytes + length));
      properties = block.subarray(0, propertyBytes);
      payload = block.subarray(propertyBytes);
    } else {
      if (propertyBytes !== 0) properties = this.copy(propertiesAt, propertyBytes);
      const payloadAt = propertiesAt + propertyBytes;
      payload = large ? new Uint8Array(this.binding.takeLarge(payloadAt, length)) : this.copy(payloadAt, length);
    }
    this.router.onEventRecord(client, target, {
      kind: EVENT_UNSENT,
      slot: words[word + R_SLOT]!,
      aux: 0,
      properties,
      payload,
      topic,
      flags: (words[word + R_KIND]! >> 8) & 15,
      keptMessages: 0,
      keptBytes: 0,
    });
  }

  /**
   * The payload is taken over as it is when it has no properties, or has them in front of it, and the reactor does not want its block back.
   * Properties in the ring cost one copy, because a message's bytes are in one piece of memory.
   */
  private takeLarge(at: number, properties: number, length: number, target: T | undefined): void {
    const { words } = this;
    const word = at >> 2;
    const kind = words[word + R_KIND]!;
    const propertiesAt = at + RECORD_HEADER + this.inlineBytes(at);
    const together = (kind & PROPERTIES_LARGE) !== 0;
    const place = together ? propertiesAt : propertiesAt + properties;
    const bytes = together ? properties + length : length;
    let slab: Buffer;
    if ((kind & BLOCK_WANTED) !== 0) {
      slab = Buffer.allocUnsafeSlow(bytes);
      this.binding.copyLarge(place, slab);
    } else slab = Buffer.from(this.binding.takeLarge(place, bytes));
    // Taken even when the client is gone: the memory is ours to free.
    if (target === undefined) return;
    const topic = this.topicOf(at);
    if (!together && properties !== 0) slab = Buffer.concat([this.bytes.subarray(propertiesAt, propertiesAt + properties), slab]);
    target.inbox.push(target.sink.createMessage(topic, slab, properties, length, 0, properties, (kind >> 8) & 15));
    if (!target.inbox.listed) this.router.onArrived(target);
  }

  /** Bytes of the topic in this record's body; 0: it has an id. */
  private inlineBytes(at: number): number {
    const word = at >> 2;
    return this.words[word + R_TOPIC] === TOPIC_INLINE ? this.words[word + R_AUX]! : 0;
  }

  private topicOf(at: number): string {
    const topicId = this.words[(at >> 2) + R_TOPIC]!;
    return topicId === TOPIC_INLINE ? this.text(at + RECORD_HEADER, this.inlineBytes(at)) : this.topics[topicId]!;
  }

  private text(at: number, length: number): string {
    return this.bytes.toString('utf8', at, at + length);
  }

  private copy(at: number, length: number): Uint8Array {
    return new Uint8Array(this.bytes.subarray(at, at + length));
  }
}
