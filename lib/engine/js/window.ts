/**
 * Publishes on their way: at most `limit` of QoS 1 and 2 without an acknowledgement, a bounded look-ahead behind them, and the account of
 * what has left. Order is kept: what comes after a message that waits, waits too.
 */
import type { EngineFailure, EngineSink, MessageFlags } from '../engine.js';
import { failureOf } from './failure.js';
import { PUBREC } from './guard-rules.js';
import type { MqttPeer } from './mqtt-peer.js';
import type { OutgoingPackets } from './outgoing-packets.js';
import type { OutgoingStream } from './outgoing-stream.js';
import { variableSize } from './packet-view.js';
import { LARGEST_LENGTH } from './packets.js';

const LOOK_AHEAD_MESSAGES = 1024;
const LOOK_AHEAD_BYTES = 1024 * 1024;
/** Identifiers that publishes leave for SUBSCRIBE and UNSUBSCRIBE. */
const MOST_IDENTIFIERS = 65_535 - 64;
const FIRST_ERROR = 0x80;

/** A publish on its way to mqtt.js. */
export interface Publication {
  topic: string;
  payload: Uint8Array | string;
  payloadLength: number;
  /** Nobody else can change the payload and the properties. */
  owned: boolean;
  flags: MessageFlags;
  properties: Uint8Array | undefined;
  slot: number;
  /** For the account of onCredit(): topic, properties and payload. */
  bytes: number;
}

interface InFlight {
  slot: number;
  bytes: number;
}

/** The end of a publish that somebody waits for. */
interface Answer {
  slot: number;
  reasonCode: number;
  properties: Uint8Array | undefined;
}

/**
 * 3.1.1 has no Receive Maximum, and Mosquitto, whose max_inflight_messages is 20 unless set otherwise, acknowledges QoS 2 messages
 * beyond that
 * and forgets them (2.0.11). Both engines keep below it; native/core/src/outgoing.c has the same number.
 */
const WINDOW_OF_QOS_2_IN_4 = 20;

type WindowSink = Pick<EngineSink<unknown>, 'onPublished' | 'onRequestFailed' | 'onCredit' | 'onRoom'>;

export class Window {
  /** Unacknowledged publishes allowed. Valid for the connection, from CONNACK on. */
  limit = 0;
  /** Largest packet the server takes; 0: no limit below the protocol's. */
  maximumPacketSize = 0;

  readonly #version: 4 | 5;
  readonly #sink: WindowSink;
  readonly #peer: MqttPeer;
  readonly #packets: OutgoingPackets;
  readonly #out: OutgoingStream;

  /** Taken and not written. */
  #queue: Publication[] = [];
  #next = 0;
  #queuedBytes = 0;
  /** publish() said false, and onRoom() is owed. */
  #refused = false;
  /** QoS 1 and 2, by identifier. */
  readonly #inFlight = new Map<number, InFlight>();
  /** QoS 0 not yet with the kernel, four numbers each: place in the outgoing stream where it ends, slot, messages, bytes. */
  #unwritten: number[] = [];
  #unwrittenNext = 0;
  /** To be told at the end of the turn. What the sink throws leaves the rest to be told later. */
  readonly #answers: Answer[] = [];
  readonly #failed: { slot: number; failure: EngineFailure }[] = [];
  #creditMessages = 0;
  #creditBytes = 0;
  #stopped = false;

  constructor(version: 4 | 5, sink: WindowSink, peer: MqttPeer, packets: OutgoingPackets, out: OutgoingStream) {
    this.#version = version;
    this.#sink = sink;
    this.#peer = peer;
    this.#packets = packets;
    this.#out = out;
  }

  /** Everything taken has been written. */
  get empty(): boolean {
    return this.#next === this.#queue.length;
  }

  /** Something is to be reported that no event will bring about: settle() is wanted soon. */
  get due(): boolean {
    return this.#answers.length > 0 || this.#failed.length > 0 || this.#creditMessages > 0;
  }

  publish(publication: Publication): boolean {
    if (this.#isTooLarge(publication)) {
      this.refuse(publication, failureOf('ERR_MQTT_PACKET_TOO_LARGE', 'the message is larger than the largest packet the server takes'));
      return true;
    }
    if (this.empty && this.#canSend(publication.flags & 3)) {
      this.#send(publication);
      return true;
    }
    if (!this.#hasRoom()) {
      this.#refused = true;
      return false;
    }
    const { payload, properties } = publication;
    publication.payload = typeof payload === 'string' ? payload : Buffer.from(payload);
    publication.properties = properties === undefined ? undefined : new Uint8Array(properties);
    publication.owned = true;
    this.#queue.push(publication);
    this.#queuedBytes += publication.bytes;
    return true;
  }

  /** A publish ends without having been sent; told at the next settle(). */
  refuse({ slot, bytes }: Publication, failure: EngineFailure): void {
    this.failLater(slot, failure);
    this.#credit(1, bytes);
  }

  /** Any request ends without having been sent; told at the next settle(). */
  failLater(slot: number, failure: EngineFailure): void {
    if (slot >= 0) {
      this.#failed.push({ slot, failure });
    }
  }

  /** PUBACK, PUBREC or PUBCOMP of the server, after mqtt.js has seen it. */
  answered(type: number, id: number, reasonCode: number, properties: Uint8Array | undefined): void {
    if (type === PUBREC && reasonCode < FIRST_ERROR) {
      return;
    }
    const entry = this.#inFlight.get(id);
    if (entry === undefined) {
      return;
    }
    this.#inFlight.delete(id);
    this.#credit(1, entry.bytes);
    if (entry.slot >= 0) {
      this.#answers.push({ slot: entry.slot, reasonCode, properties });
    }
  }

  /** Once a turn: sends what can be sent now, unless `send` is false, and reports. Not from inside a call into the engine. */
  settle(send: boolean): void {
    this.#completeWritten();
    if (send) {
      this.#sendQueued();
    }
    this.#report();
  }

  /** The connection is over: everything fails with this, and so do the requests of these slots. */
  fail(failure: EngineFailure, slots: readonly number[]): void {
    const fail = (slot: number): void => this.failLater(slot, failure);
    for (; this.#unwrittenNext < this.#unwritten.length; this.#unwrittenNext += 4) {
      fail(this.#unwritten[this.#unwrittenNext + 1]!);
      this.#credit(this.#unwritten[this.#unwrittenNext + 2]!, this.#unwritten[this.#unwrittenNext + 3]!);
    }
    for (const { slot, bytes } of this.#inFlight.values()) {
      fail(slot);
      this.#credit(1, bytes);
    }
    this.#inFlight.clear();
    for (; this.#next < this.#queue.length; this.#next += 1) {
      const { slot, bytes } = this.#queue[this.#next]!;
      fail(slot);
      this.#credit(1, bytes);
    }
    this.#queue = [];
    this.#next = this.#queuedBytes = 0;
    this.#refused = false;
    for (const slot of slots) {
      fail(slot);
    }
    this.#report();
  }

  /** Nothing is reported any more. */
  stop(): void {
    this.#stopped = true;
    this.#queue = [];
    this.#unwritten = [];
    this.#next = this.#unwrittenNext = 0;
    this.#inFlight.clear();
  }

  #isTooLarge({ flags, properties, bytes }: Publication): boolean {
    const limit = this.maximumPacketSize === 0 ? LARGEST_LENGTH + 5 : this.maximumPacketSize;
    const propertyLengthSize = this.#version === 5 ? variableSize(properties?.length ?? 0) : 0;
    const length = 2 + ((flags & 3) > 0 ? 2 : 0) + propertyLengthSize + bytes;
    return length > LARGEST_LENGTH || 1 + variableSize(length) + length > limit;
  }

  #canSend(qos: number): boolean {
    if (this.#out.congested) return false;
    if (qos === 0) return true;
    const limit = qos === 2 && this.#version === 4 ? Math.min(this.limit, WINDOW_OF_QOS_2_IN_4) : this.limit;
    return this.#inFlight.size < limit && this.#peer.identifiers.used < MOST_IDENTIFIERS;
  }

  /** No matter how large the next message is: what onRoom() promises must hold for any. */
  #hasRoom(): boolean {
    return this.#queue.length - this.#next < LOOK_AHEAD_MESSAGES && this.#queuedBytes < LOOK_AHEAD_BYTES;
  }

  #send(publication: Publication): void {
    const { slot, bytes } = publication;
    const gathered = this.#out.gathered;
    if (!this.#peer.publish(publication)) {
      this.refuse(publication, failureOf('ERR_MQTT_PROTOCOL', 'mqtt.js did not take the message'));
      return;
    }
    if ((publication.flags & 3) > 0) {
      this.#inFlight.set(this.#packets.addition.id, { slot, bytes });
      return;
    }
    const list = this.#unwritten;
    const last = list.length - 4;
    // Messages nobody waits for that leave in one write are one entry.
    if (slot < 0 && last >= this.#unwrittenNext && list[last + 1]! < 0 && list[last]! > gathered && gathered === this.#out.gathered) {
      list[last] = this.#out.appended;
      list[last + 2]! += 1;
      list[last + 3]! += bytes;
    } else {
      list.push(this.#out.appended, slot, 1, bytes);
    }
  }

  #sendQueued(): void {
    while (this.#next < this.#queue.length) {
      const one = this.#queue[this.#next]!;
      if (!this.#canSend(one.flags & 3)) {
        return;
      }
      this.#next += 1;
      this.#queuedBytes -= one.bytes;
      this.#send(one);
      if (this.#next > 512) {
        this.#queue.splice(0, this.#next);
        this.#next = 0;
      }
    }
    this.#queue.length = this.#next = 0;
  }

  #completeWritten(): void {
    const list = this.#unwritten;
    const written = this.#out.written;
    while (this.#unwrittenNext < list.length && list[this.#unwrittenNext]! <= written) {
      const at = this.#unwrittenNext;
      this.#unwrittenNext += 4;
      this.#credit(list[at + 2]!, list[at + 3]!);
      if (list[at + 1]! >= 0) {
        this.#answers.push({ slot: list[at + 1]!, reasonCode: 0, properties: undefined });
      }
    }
    if (this.#unwrittenNext === list.length) {
      list.length = this.#unwrittenNext = 0;
    } else if (this.#unwrittenNext > 4096) {
      list.splice(0, this.#unwrittenNext);
      this.#unwrittenNext = 0;
    }
  }

  #credit(messages: number, bytes: number): void {
    this.#creditMessages += messages;
    this.#creditBytes += bytes;
  }

  #report(): void {
    this.#tell(this.#answers, ({ slot, reasonCode, properties }) => this.#sink.onPublished(slot, reasonCode, properties));
    this.#tell(this.#failed, ({ slot, failure }) => this.#sink.onRequestFailed(slot, failure));
    if (this.#creditMessages > 0 && !this.#stopped) {
      const messages = this.#creditMessages;
      const bytes = this.#creditBytes;
      this.#creditMessages = this.#creditBytes = 0;
      this.#sink.onCredit(messages, bytes);
    }
    if (this.#refused && !this.#stopped && this.#hasRoom()) {
      this.#refused = false;
      this.#sink.onRoom();
    }
  }

  #tell<T>(list: T[], tell: (one: T) => void): void {
    let next = 0;
    try {
      while (next < list.length && !this.#stopped) {
        next += 1;
        tell(list[next - 1]!);
      }
    } finally {
      list.splice(0, next);
    }
  }
}

export function publicationOf(
  topic: string, payload: Uint8Array | string, flags: MessageFlags, properties: Uint8Array | undefined, slot: number,
): Publication {
  const payloadLength = typeof payload === 'string' ? Buffer.byteLength(payload) : payload.length;
  const bytes = Buffer.byteLength(topic) + (properties === undefined ? 0 : properties.length) + payloadLength;
  return { topic, payload, payloadLength, owned: false, flags, properties, slot, bytes };
}
