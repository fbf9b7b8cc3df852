/**
 * Publishes on their way: at most `limit` of QoS 1 and 2 without an acknowledgement, and a bounded look-ahead behind them. Order is kept:
 * what comes after a message that waits, waits too; and what an earlier connection left behind goes before all of them.
 */
import type { EngineFailure, EngineSink } from '../engine.js';
import { failureOf } from './failure.js';
import { PUBREC } from './guard-rules.js';
import type { MqttPeer } from './mqtt-peer.js';
import type { Outcomes } from './outcomes.js';
import type { OutgoingPackets } from './outgoing-packets.js';
import type { OutgoingStream } from './outgoing-stream.js';
import { variableSize } from './packet-view.js';
import { LARGEST_LENGTH } from './packets.js';
import { endWaiting, own, startWaiting } from './publication.js';
import type { Publication } from './publication.js';
import type { Resend } from './resend.js';
import type { Session } from './session.js';
import { Unwritten } from './unwritten.js';

const LOOK_AHEAD_MESSAGES = 1024;
const LOOK_AHEAD_BYTES = 1024 * 1024;
/** Identifiers that publishes leave for SUBSCRIBE and UNSUBSCRIBE. */
const MOST_IDENTIFIERS = 65_535 - 64;
const FIRST_ERROR = 0x80;
/**
 * 3.1.1 has no Receive Maximum, and Mosquitto, whose max_inflight_messages is 20 unless set otherwise, acknowledges QoS 2 messages
 * beyond that and forgets them (2.0.11). Both engines keep below it; native/core/src/outgoing.c has the same number.
 */
const WINDOW_OF_QOS_2_IN_4 = 20;

type WindowSink = Pick<EngineSink<unknown>, 'onUnsent' | 'onRoom'>;

/** What the window works with. */
export interface WindowParts {
  session: Session;
  outcomes: Outcomes;
  peer: MqttPeer;
  packets: OutgoingPackets;
  out: OutgoingStream;
  resend: Resend;
}

export class Window {
  /** Unacknowledged publishes allowed. Valid for the connection, from CONNACK on. */
  limit = 0;
  /** Largest packet the server takes; 0: no limit below the protocol's. */
  maximumPacketSize = 0;

  readonly #version: 4 | 5;
  readonly #lookAhead: number;
  readonly #sink: WindowSink;
  readonly #session: Session;
  readonly #outcomes: Outcomes;
  readonly #peer: MqttPeer;
  readonly #packets: OutgoingPackets;
  readonly #out: OutgoingStream;
  readonly #resend: Resend;
  readonly #unwritten: Unwritten;

  /** Taken and not sent. */
  #queue: Publication[] = [];
  #next = 0;
  #queuedBytes = 0;
  /** publish() said false, and onRoom() is owed. */
  #refused = false;
  #stopped = false;

  constructor(version: 4 | 5, lookAhead: number, sink: WindowSink, parts: WindowParts) {
    this.#version = version;
    this.#lookAhead = Math.min(lookAhead, LOOK_AHEAD_MESSAGES);
    this.#sink = sink;
    this.#session = parts.session;
    this.#outcomes = parts.outcomes;
    this.#peer = parts.peer;
    this.#packets = parts.packets;
    this.#out = parts.out;
    this.#resend = parts.resend;
    this.#unwritten = new Unwritten(parts.out, parts.outcomes);
  }

  /** Everything taken has been sent. */
  get empty(): boolean {
    return this.#next === this.#queue.length;
  }

  publish(publication: Publication): boolean {
    if (this.#isTooLarge(publication)) {
      this.#outcomes.publishFailed(publication, tooLarge());
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
    own(publication);
    startWaiting(publication);
    this.#queue.push(publication);
    this.#queuedBytes += publication.bytes;
    return true;
  }

  /** PUBACK, PUBREC or PUBCOMP of the server, after mqtt.js has seen it. */
  answered(type: number, id: number, reasonCode: number, properties: Uint8Array | undefined): void {
    if (this.#resend.owns(id)) {
      this.#resend.answered(type, id, reasonCode);
    }
    const { inFlight } = this.#session;
    const publication = inFlight.get(id);
    if (publication === undefined) {
      return;
    }
    if (type === PUBREC && reasonCode < FIRST_ERROR) {
      this.#session.release(publication);
      return;
    }
    inFlight.delete(id);
    this.#outcomes.credit(1, publication.bytes);
    this.#outcomes.published(publication.slot, reasonCode, properties);
  }

  /** CONNACK said that the server has the session, and `limit` is set: what was kept goes first. */
  resume(): void {
    this.#resend.start();
    this.#sendHeld();
  }

  /** Once a turn: sends what can be sent now, unless `send` is false, and reports. Not from inside a call into the engine. */
  settle(send: boolean): void {
    this.#unwritten.complete();
    if (send) {
      this.#sendHeld();
      this.#sendQueued();
    }
    try {
      this.#outcomes.report();
    } finally {
      if (this.#refused && !this.#stopped && this.#hasRoom()) {
        this.#refused = false;
        this.#sink.onRoom();
      }
    }
  }

  /**
   * The connection is over: QoS 0 not yet written fails, and what was not sent goes back. What was sent and not acknowledged is the
   * session's.
   */
  end(failure: EngineFailure): void {
    this.#refused = false;
    this.#unwritten.complete();
    this.#unwritten.fail(failure);
    this.#outcomes.report();
    while (this.#next < this.#queue.length) {
      const publication = this.#queue[this.#next]!;
      this.#next += 1;
      if (endWaiting(publication)) {
        const { topic, payload, flags, properties, slot } = publication;
        this.#sink.onUnsent(topic, payload, flags, properties, slot);
      } else {
        this.#outcomes.publishFailed(publication, hasExpired());
      }
    }
    this.#queue = [];
    this.#next = this.#queuedBytes = 0;
    this.#outcomes.report();
  }

  /** Nothing is reported any more. */
  stop(): void {
    this.#stopped = true;
    this.#queue = [];
    this.#next = 0;
    this.#unwritten.clear();
  }

  #isTooLarge({ flags, properties, bytes }: Publication): boolean {
    const limit = this.maximumPacketSize === 0 ? LARGEST_LENGTH + 5 : this.maximumPacketSize;
    const propertyLengthSize = this.#version === 5 ? variableSize(properties?.length ?? 0) : 0;
    const length = 2 + ((flags & 3) > 0 ? 2 : 0) + propertyLengthSize + bytes;
    return length > LARGEST_LENGTH || 1 + variableSize(length) + length > limit;
  }

  #canSend(qos: number): boolean {
    if (this.#out.congested || this.#resend.held > 0) return false;
    if (qos === 0) return true;
    const { identifiers, leftovers } = this.#session;
    if (!this.#hasPlace(qos) || identifiers.used >= MOST_IDENTIFIERS) return false;
    return qos === 1 || leftovers === undefined || leftovers.canPublish(this.#out);
  }

  /** In the window, for one of QoS 1 or 2. */
  #hasPlace(qos: number): boolean {
    const limit = qos === 2 && this.#version === 4 ? Math.min(this.limit, WINDOW_OF_QOS_2_IN_4) : this.limit;
    return this.#session.inFlight.size - this.#resend.held < limit;
  }

  /** No matter how large the next message is: what onRoom() promises must hold for any. */
  #hasRoom(): boolean {
    return this.#queue.length - this.#next < this.#lookAhead && this.#queuedBytes < LOOK_AHEAD_BYTES;
  }

  #send(publication: Publication): void {
    const { slot, bytes } = publication;
    if ((publication.flags & 3) === 0) {
      const { gathered } = this.#out;
      if (this.#write(publication)) {
        this.#unwritten.add(slot, bytes, gathered);
      }
      return;
    }
    // It may have to be sent again.
    own(publication);
    if (this.#write(publication)) {
      publication.id = this.#packets.addition.id;
      this.#session.inFlight.set(publication.id, publication);
    }
  }

  #write(publication: Publication): boolean {
    if (this.#peer.publish(publication)) return true;
    this.#outcomes.publishFailed(publication, failureOf('ERR_MQTT_PROTOCOL', 'mqtt.js did not take the message'));
    return false;
  }

  /** What an earlier connection left behind. */
  #sendHeld(): void {
    while (this.#resend.held > 0 && !this.#out.congested) {
      const publication = this.#resend.next!;
      if (this.#isTooLarge(publication)) {
        this.#resend.giveUp(publication);
        this.#outcomes.publishFailed(publication, tooLarge());
      } else if (this.#hasPlace(publication.flags & 3)) {
        this.#resend.send(publication);
      } else {
        return;
      }
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
      if (endWaiting(one)) {
        this.#send(one);
      } else {
        this.#outcomes.publishFailed(one, hasExpired());
      }
      if (this.#next > 512) {
        this.#queue.splice(0, this.#next);
        this.#next = 0;
      }
    }
    this.#queue.length = this.#next = 0;
  }
}

function tooLarge(): EngineFailure {
  return failureOf('ERR_MQTT_PACKET_TOO_LARGE', 'the message is larger than the largest packet the server takes');
}

function hasExpired(): EngineFailure {
  return failureOf('ERR_MQTT_EXPIRED', 'the message expired before it was sent');
}
