/** SUBSCRIBE and UNSUBSCRIBE without an answer. They do not count in the window [MQTT-3.3.4-8]. Valid for the connection. */
import type { EngineFailure, EngineSink } from '../engine.js';
import { failureOf } from './failure.js';
import { SUBACK } from './guard-rules.js';
import type { Identifiers } from './identifiers.js';
import type { Inbox } from './inbox.js';
import type { MqttPeer } from './mqtt-peer.js';
import type { OutgoingPackets } from './outgoing-packets.js';
import type { PacketView } from './packet-view.js';
import { variableSize } from './packet-view.js';
import { LARGEST_LENGTH, copyOf } from './packets.js';

export class Requests<M> {
  /** Largest packet the server takes; 0: no limit below the protocol's. */
  maximumPacketSize = 0;
  readonly #version: 4 | 5;
  readonly #sink: EngineSink<M>;
  readonly #inbox: Inbox<M>;
  readonly #identifiers: Identifiers;
  readonly #peer: MqttPeer;
  readonly #packets: OutgoingPackets;
  /** Slots by identifier. */
  readonly #waiting = new Map<number, number>();

  constructor(
    version: 4 | 5, sink: EngineSink<M>, inbox: Inbox<M>, identifiers: Identifiers, peer: MqttPeer, packets: OutgoingPackets,
  ) {
    this.#version = version;
    this.#sink = sink;
    this.#inbox = inbox;
    this.#identifiers = identifiers;
    this.#peer = peer;
    this.#packets = packets;
  }

  /** Returns why nothing was sent, undefined when it was. */
  subscribe(slot: number, filters: readonly string[], options: Uint8Array, properties: Uint8Array | undefined): EngineFailure | undefined {
    return this.#obstacle(filters, 1, properties) ?? this.#sent(slot, this.#peer.subscribe(filters, options, properties));
  }

  unsubscribe(slot: number, filters: readonly string[], properties: Uint8Array | undefined): EngineFailure | undefined {
    return this.#obstacle(filters, 0, properties) ?? this.#sent(slot, this.#peer.unsubscribe(filters, properties));
  }

  /** SUBACK or UNSUBACK, after mqtt.js has seen it. Told in its place among the messages. */
  answered(view: PacketView, data: Uint8Array): void {
    const slot = this.#waiting.get(view.id);
    if (slot === undefined) return;
    this.#waiting.delete(view.id);
    const reasonCodes = new Uint8Array(data.subarray(view.payloadStart, view.payloadEnd));
    const properties = copyOf(data, view.propertiesStart, view.propertiesEnd);
    this.#inbox.event(() => {
      if (view.type === SUBACK) {
        this.#sink.onSubscribed(slot, reasonCodes, properties);
      } else {
        this.#sink.onUnsubscribed(slot, reasonCodes, properties);
      }
    });
  }

  /** The connection is over: the slots that wait, which are forgotten. */
  takeAll(): number[] {
    const slots = [...this.#waiting.values()];
    this.#waiting.clear();
    return slots;
  }

  #sent(slot: number, written: boolean): EngineFailure | undefined {
    if (!written) return failureOf('ERR_MQTT_FILTER', 'mqtt.js did not take the topic filters');
    this.#waiting.set(this.#packets.addition.id, slot);
    return undefined;
  }

  #obstacle(filters: readonly string[], optionSize: number, properties: Uint8Array | undefined): EngineFailure | undefined {
    const propertyLength = properties?.length ?? 0;
    let length = 2 + (this.#version === 5 ? variableSize(propertyLength) + propertyLength : 0);
    for (const filter of filters) {
      length += 2 + Buffer.byteLength(filter) + optionSize;
    }
    const limit = this.maximumPacketSize;
    if (length > LARGEST_LENGTH || (limit > 0 && 1 + variableSize(length) + length > limit)) {
      return failureOf('ERR_MQTT_PACKET_TOO_LARGE', 'the request is larger than the largest packet the server takes');
    }
    return this.#identifiers.full ? failureOf('ERR_MQTT_QUEUE_FULL', 'no Packet Identifier is free') : undefined;
  }
}
