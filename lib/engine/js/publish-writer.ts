/** Writes PUBLISH, for mqtt.js and for what is sent again past it. */
import type { Guard } from './guard.js';
import type { OutgoingAliases } from './outgoing-aliases.js';
import type { OutgoingStream } from './outgoing-stream.js';
import { variableSize } from './packet-view.js';
import { LARGEST_LENGTH, writeLength } from './packets.js';

/** Payloads up to here are copied into the gathered bytes; above they go as they are. */
const INLINE = 16 * 1024;
const TOPIC_ALIAS = 0x23;
const TOPIC_ALIAS_SIZE = 3;
const NOTHING = new Uint8Array(0);

/** What is in a PUBLISH besides its first byte and its identifier. */
export interface PublishContent {
  topic: string;
  payload: Uint8Array | string;
  payloadLength: number;
  /** Nobody else can change the payload's bytes. */
  owned: boolean;
  properties: Uint8Array | undefined;
}

export class PublishWriter {
  /** Undefined: the server takes none, or this side wants none. */
  aliases: OutgoingAliases | undefined;
  /** Largest packet the server takes; 0: no limit below the protocol's. */
  maximumPacketSize = 0;
  readonly #version: 4 | 5;
  readonly #out: OutgoingStream;
  readonly #guard: Guard;

  constructor(version: 4 | 5, out: OutgoingStream, guard: Guard) {
    this.#version = version;
    this.#out = out;
    this.#guard = guard;
  }

  /** `head` has the topic, its length in front, and the identifier if there is one, from `start` to `end`. */
  write(first: number, head: Buffer, start: number, end: number, content: PublishContent): void {
    const { payload, payloadLength } = content;
    const properties = content.properties ?? NOTHING;
    let headSize = end - start;
    let alias = 0;
    let known = false;
    if (this.aliases !== undefined) {
      const topicLength = head.readUInt16BE(start);
      alias = this.aliases.of(content.topic);
      if (alias > 0) {
        known = true;
        headSize -= topicLength;
      } else if (this.aliases.hasFree(topicLength) && this.#fits(headSize, properties.length + TOPIC_ALIAS_SIZE, payloadLength)) {
        alias = this.aliases.assign(content.topic);
      }
    }
    const propertyLength = properties.length + (alias > 0 ? TOPIC_ALIAS_SIZE : 0);
    const propertySize = this.#version === 5 ? variableSize(propertyLength) + propertyLength : 0;
    const length = headSize + propertySize + payloadLength;
    const inline = payloadLength <= INLINE;
    const out = this.#out;
    const from = out.claim(1 + variableSize(length) + headSize + propertySize + (inline ? payloadLength : 0));
    const to = out.buffer;
    to[from] = first;
    let at = writeLength(to, from + 1, length);
    if (known) {
      to[at++] = 0;
      to[at++] = 0;
      start = end - headSize + 2;
    }
    at += head.copy(to, at, start, end);
    if (propertySize > 0) {
      at = writeLength(to, at, propertyLength);
      if (alias > 0) {
        to[at++] = TOPIC_ALIAS;
        to[at++] = alias >> 8;
        to[at++] = alias & 255;
      }
      to.set(properties, at);
      at += properties.length;
    }
    if (!inline) {
      out.appendLarge(typeof payload === 'string' ? Buffer.from(payload) : content.owned ? payload : Buffer.from(payload));
    } else if (typeof payload === 'string') {
      to.write(payload, at, 'utf8');
    } else {
      to.set(payload, at);
    }
    if ((first & 6) !== 0) {
      this.#guard.sent(first, head.readUInt16BE(end - 2), 0, 0);
    }
  }

  /** Within what the server takes, properties of version 5 included. */
  #fits(headSize: number, propertyLength: number, payloadLength: number): boolean {
    const length = headSize + variableSize(propertyLength) + propertyLength + payloadLength;
    return length <= LARGEST_LENGTH && (this.maximumPacketSize === 0 || 1 + variableSize(length) + length <= this.maximumPacketSize);
  }
}
