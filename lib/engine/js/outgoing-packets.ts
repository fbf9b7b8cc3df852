/**
 * What mqtt.js writes, made ready for the wire. It writes a packet as a row of small chunks: they are gathered here until the packet is
 * whole. mqtt.js chooses identifiers, order and handshake; three things it is not given, because it copies them, reorders them or drops
 * some: they are put in here.
 *
 *   PUBLISH                 its payload and its properties; and its topic may become a Topic Alias
 *   SUBSCRIBE, UNSUBSCRIBE  their properties, and the options of each filter
 *   CONNECT                 was sent before mqtt.js came in (packets.ts): its own is dropped
 */
import { writeAck } from './acks.js';
import type { Guard } from './guard.js';
import { CONNECT, PUBCOMP, PUBLISH, PUBREL, SUBSCRIBE, UNSUBSCRIBE } from './guard-rules.js';
import type { OutgoingStream } from './outgoing-stream.js';
import { variableSize } from './packet-view.js';
import { writeLength } from './packets.js';
import type { PublishContent, PublishWriter } from './publish-writer.js';

/** The place where packets are gathered: its size at first, and above this it is not kept. */
const SMALL = 256;
const LARGE = 16 * 1024;
const UNKNOWN_IDENTIFIER = 0x92;
const NOTHING = new Uint8Array(0);

/** What mqtt.js was not given, of the request that is being handed to it. */
export interface Addition extends PublishContent {
  dup: boolean;
  /** SUBSCRIBE: a byte a filter. */
  options: Uint8Array;
  properties: Uint8Array;
  /** Set when the packet has been written. */
  written: boolean;
  /** Its identifier, 0 for QoS 0. */
  id: number;
}

export class OutgoingPackets {
  readonly addition: Addition = {
    topic: '', payload: NOTHING, payloadLength: 0, owned: false, dup: false, options: NOTHING, properties: NOTHING, written: false, id: 0,
  };
  readonly #version: 4 | 5;
  readonly #out: OutgoingStream;
  readonly #guard: Guard;
  readonly #publishes: PublishWriter;
  #packet = Buffer.allocUnsafeSlow(SMALL);
  #length = 0;
  /** Of the packet that is being gathered: where its Remaining Length ends, and its size; 0: not known yet. */
  #body = 0;
  #size = 0;

  constructor(version: 4 | 5, out: OutgoingStream, guard: Guard, publishes: PublishWriter) {
    this.#version = version;
    this.#out = out;
    this.#guard = guard;
    this.#publishes = publishes;
  }

  /** A chunk of mqtt.js's. */
  write(chunk: Uint8Array | string): void {
    const room = typeof chunk === 'string' ? chunk.length * 3 : chunk.length;
    if (this.#packet.length - this.#length < room) {
      const grown = Buffer.allocUnsafeSlow(Math.max(this.#packet.length * 2, this.#length + room));
      this.#packet.copy(grown, 0, 0, this.#length);
      this.#packet = grown;
    }
    if (typeof chunk === 'string') {
      this.#length += this.#packet.write(chunk, this.#length, 'utf8');
    } else if (chunk.length < 8) {
      for (let index = 0; index < chunk.length; index += 1) {
        this.#packet[this.#length++] = chunk[index]!;
      }
    } else {
      this.#packet.set(chunk, this.#length);
      this.#length += chunk.length;
    }
    if (this.#size === 0) {
      this.#readSize();
    }
    if (this.#size !== 0 && this.#length >= this.#size) {
      const size = this.#size;
      this.#length = this.#size = 0;
      this.#whole(this.#packet, this.#body, size);
      if (this.#packet.length > LARGE) {
        this.#packet = Buffer.allocUnsafeSlow(SMALL);
      }
    }
  }

  #readSize(): void {
    let value = 0;
    for (let at = 1, shift = 0; at < this.#length && at < 5; at += 1, shift += 7) {
      const byte = this.#packet[at]!;
      value += (byte & 127) << shift;
      if ((byte & 128) === 0) {
        this.#body = at + 1;
        this.#size = this.#body + value;
        return;
      }
    }
  }

  #whole(packet: Buffer, body: number, size: number): void {
    switch (packet[0]! >> 4) {
      case CONNECT:
        return;
      case PUBLISH:
        this.#publish(packet, body, size);
        return;
      case SUBSCRIBE:
      case UNSUBSCRIBE:
        this.#subscribe(packet, body, size);
        return;
      case PUBREL:
      case PUBCOMP:
        this.#release(packet[0]!, packet.readUInt16BE(body));
        return;
      default:
        this.#out.append(packet.subarray(0, size));
    }
  }

  #publish(packet: Buffer, body: number, size: number): void {
    const { addition } = this;
    // mqtt.js has written an empty property length at the end of its packet.
    const end = size - (this.#version === 5 ? 1 : 0);
    addition.id = (packet[0]! & 6) === 0 ? 0 : packet.readUInt16BE(end - 2);
    addition.written = true;
    this.#publishes.write(packet[0]! | (addition.dup ? 8 : 0), packet, body, end, addition);
  }

  #subscribe(packet: Buffer, body: number, size: number): void {
    const { addition } = this;
    const { properties } = addition;
    const subscribe = packet[0]! >> 4 === SUBSCRIBE;
    const filters = body + (this.#version === 5 ? 3 : 2);
    let count = 0;
    for (let at = filters; at < size; count += 1) {
      at += 2 + packet.readUInt16BE(at);
      if (subscribe) {
        packet[at] = addition.options[count] ?? 0;
        at += 1;
      }
    }
    const propertySize = this.#version === 5 ? variableSize(properties.length) + properties.length : 0;
    const length = 2 + propertySize + size - filters;
    const out = this.#out;
    let at = out.claim(1 + variableSize(length) + length);
    const to = out.buffer;
    to[at] = packet[0]!;
    at = writeLength(to, at + 1, length);
    at += packet.copy(to, at, body, body + 2);
    if (propertySize > 0) {
      at = writeLength(to, at, properties.length);
      to.set(properties, at);
      at += properties.length;
    }
    packet.copy(to, at, filters, size);
    addition.id = packet.readUInt16BE(body);
    addition.written = true;
    this.#guard.sent(packet[0]!, addition.id, count, 0);
  }

  /** In the shortest form; PUBCOMP for an identifier that nobody knows says so [MQTT-4.3.3-11]. */
  #release(first: number, id: number): void {
    const reasonCode = this.#version === 5 && first >> 4 === PUBCOMP && !this.#guard.isReceiving(id) ? UNKNOWN_IDENTIFIER : 0;
    writeAck(this.#out, first, id, reasonCode);
    this.#guard.sent(first, id, 0, reasonCode);
  }
}
