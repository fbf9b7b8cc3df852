import type { MqttErrorCode } from './errors.js';
import { RoundTrip } from './round-trip.js';

/** A number of messages, and what they take. */
export interface MessagesAndBytes {
  /** How many messages. */
  readonly messages: number;
  /** Their bytes, together. */
  readonly bytes: number;
}

/** Of times in milliseconds. NaN where nothing was measured. */
export interface TimeSummary {
  /** How many were measured. */
  readonly count: number;
  /** The shortest. */
  readonly min: number;
  /** The longest. */
  readonly max: number;
  /** The mean. */
  readonly mean: number;
  /** Half of them are not above this. */
  readonly p50: number;
  /** Nine of ten are not above this. */
  readonly p90: number;
  /** 99 of 100 are not above this. */
  readonly p99: number;
}

/** A client's counters since it was made. */
export interface ClientStats {
  /** Connections made. */
  readonly connections: number;
  /** Of these, those after the first. */
  readonly reconnections: number;
  /** Attempts to connect, those that failed included; one for each server tried. */
  readonly attempts: number;
  /** Publishes taken from the application, and the bytes of their topics, properties and payloads. */
  readonly published: MessagesAndBytes;
  /**
   * Publishes that are through: QoS 1 and 2 acknowledged without an error, QoS 0 written. One of QoS 0 by write(), of which nobody is told
   * more, counts when the engine lets go of it: what was in the buffers of a connection that is lost is among them.
   */
  readonly delivered: number;
  /**
   * Publishes that were taken and given up, whether somebody waited for them or not, by the code of their error. One that timed out or was
   * aborted counts here even if the server acknowledges it later.
   */
  readonly dropped: Readonly<Partial<Record<MqttErrorCode, number>>>;
  /** Messages received, and the bytes of their payloads. */
  readonly received: MessagesAndBytes;
  /** What waits in the client's queue now. */
  readonly queue: MessagesAndBytes;
  /** Publishes with the engine now: next to be sent, or sent and not acknowledged. */
  readonly inFlight: number;
  /** Time from publish() to the acknowledgement of QoS 1 and 2, milliseconds; one of 16 publishes is measured. NaN before the first. */
  readonly roundTrip: TimeSummary;
}

/** What a client counts. Plain fields, so that counting a message costs an addition; valid for the client's lifetime. */
export class Stats {
  attempts = 0;
  connections = 0;
  reconnections = 0;
  publishedMessages = 0;
  publishedBytes = 0;
  /** Those with a slot; and those without, of which only the number is known. */
  delivered = 0;
  deliveredWithoutSlot = 0;
  receivedMessages = 0;
  receivedBytes = 0;
  readonly roundTrip = new RoundTrip();
  /** By code; made with the first. */
  #dropped: Map<MqttErrorCode, number> | undefined = undefined;

  /** A server is about to be tried. */
  attempt(): void {
    this.attempts++;
  }

  /** A connection was made; `first`: of this client. */
  connected(first: boolean): void {
    this.connections++;
    if (!first) this.reconnections++;
  }

  /** Publishes were given up. */
  dropped(code: MqttErrorCode, count = 1): void {
    const dropped = (this.#dropped ??= new Map<MqttErrorCode, number>());
    dropped.set(code, (dropped.get(code) ?? 0) + count);
  }

  /** The counters of now: a copy, frozen. */
  snapshot(queue: MessagesAndBytes, inFlight: number): ClientStats {
    return Object.freeze({
      connections: this.connections,
      reconnections: this.reconnections,
      attempts: this.attempts,
      published: Object.freeze({ messages: this.publishedMessages, bytes: this.publishedBytes }),
      delivered: this.delivered + this.deliveredWithoutSlot,
      dropped: Object.freeze(Object.fromEntries(this.#dropped ?? []) as Partial<Record<MqttErrorCode, number>>),
      received: Object.freeze({ messages: this.receivedMessages, bytes: this.receivedBytes }),
      queue: Object.freeze({ messages: queue.messages, bytes: queue.bytes }),
      inFlight,
      roundTrip: this.roundTrip.summary(),
    });
  }
}
