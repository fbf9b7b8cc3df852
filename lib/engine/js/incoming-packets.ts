/** Whole packets from the server, each to where it belongs, once the guard has passed it. */
import type { EngineOpen } from '../engine.js';
import type { Acks } from './acks.js';
import { DROP, FAIL, readPacket } from './guard.js';
import type { Guard } from './guard.js';
import { CONNACK, DISCONNECT, PINGRESP, PUBACK, PUBCOMP, PUBLISH, PUBREC, SUBACK, UNSUBACK } from './guard-rules.js';
import type { Inbox } from './inbox.js';
import type { PacketHandler } from './incoming-stream.js';
import type { Keepalive } from './keepalive.js';
import type { MqttPeer } from './mqtt-peer.js';
import type { PacketView } from './packet-view.js';
import { copyOf } from './packets.js';
import type { Requests } from './requests.js';
import type { Resend } from './resend.js';
import type { Session } from './session.js';
import type { Window } from './window.js';

/** The connection's side: what changes its state. */
export interface ConnectionHandler {
  /** Nothing is read any more. */
  readonly stopped: boolean;
  /** `packet` is CONNACK itself, for mqtt.js. */
  onConnack(view: PacketView, properties: Uint8Array | undefined, packet: Uint8Array): void;
  onServerDisconnect(reasonCode: number, properties: Uint8Array | undefined): void;
  /** The guard refuses what came; it says why. */
  onRefused(): void;
}

/** The parts a packet may be for. */
export interface Receivers<M> {
  session: Session;
  guard: Guard;
  inbox: Inbox<M>;
  acks: Acks;
  window: Window;
  resend: Resend;
  requests: Requests<M>;
  peer: MqttPeer;
  keepalive: Keepalive;
}

export class IncomingPackets<M> implements PacketHandler {
  readonly #options: EngineOpen;
  readonly #version: 4 | 5;
  readonly #to: Receivers<M>;
  readonly #connection: ConnectionHandler;
  /** Topics by Topic Alias. Valid for the connection [MQTT-3.3.2-7]. */
  readonly #aliases = new Map<number, string>();

  constructor(options: EngineOpen, to: Receivers<M>, connection: ConnectionHandler) {
    this.#options = options;
    this.#version = options.protocolVersion;
    this.#to = to;
    this.#connection = connection;
  }

  get stopped(): boolean {
    return this.#connection.stopped;
  }

  refused(): void {
    this.#connection.onRefused();
  }

  packet(data: Uint8Array, offset: number, end: number): void {
    const verdict = this.#to.guard.packet(data, offset, end);
    if (verdict === FAIL) {
      this.#connection.onRefused();
      return;
    }
    if (verdict === DROP) return;
    const type = data[offset]! >> 4;
    switch (type) {
      case PUBLISH: this.#message(data, offset, end); return;
      case PUBACK: case PUBREC: case PUBCOMP: this.#acknowledgement(type, data, offset, end); return;
      case PINGRESP: this.#to.keepalive.answered(); return;
      case SUBACK: case UNSUBACK:
        this.#to.peer.feed(data.subarray(offset, end));
        this.#to.requests.answered(readPacket(data, offset, end, this.#version), data);
        return;
      case CONNACK: {
        const view = readPacket(data, offset, end, this.#version);
        this.#connection.onConnack(view, copyOf(data, view.propertiesStart, view.propertiesEnd), data.subarray(offset, end));
        return;
      }
      case DISCONNECT: {
        const view = readPacket(data, offset, end, this.#version);
        this.#connection.onServerDisconnect(view.reasonCode, copyOf(data, view.propertiesStart, view.propertiesEnd));
        return;
      }
      default: this.#to.peer.feed(data.subarray(offset, end));
    }
  }

  /** Read here and not by readPacket(): it comes once a message. */
  #message(data: Uint8Array, offset: number, end: number): void {
    const first = data[offset]!;
    const qos = first >> 1 & 3;
    let at = offset + 1;
    while ((data[at++]! & 128) !== 0);
    const topicStart = at + 2;
    const topicEnd = topicStart + (data[at]! << 8 | data[at + 1]!);
    at = topicEnd;
    if (qos > 0) {
      at += 2;
      const { acks, guard } = this.#to;
      const isNew = acks.received(qos, data[at - 2]! << 8 | data[at - 1]!, guard.repeated);
      if (!isNew) return;
    }
    let topic = textOf(data, topicStart, topicEnd);
    let propertiesLength = 0;
    if (this.#version === 5) {
      let byte: number;
      let shift = 0;
      do {
        byte = data[at++]!;
        propertiesLength |= (byte & 127) << shift;
        shift += 7;
      } while ((byte & 128) !== 0);
      if (propertiesLength > 0 && this.#options.topicAliasMaximum > 0) {
        topic = this.#resolve(topic, readPacket(data, offset, end, 5).topicAlias);
      }
    }
    const flags = qos | (first & 1) << 2 | first & 8;
    this.#to.inbox.message(topic, data, at + propertiesLength, end - at - propertiesLength, at, propertiesLength, flags);
  }

  /** The guard has refused an alias that was never announced. */
  #resolve(topic: string, alias: number): string {
    if (alias === 0) return topic;
    if (topic === '') return this.#aliases.get(alias) ?? '';
    this.#aliases.set(alias, topic);
    return topic;
  }

  /** mqtt.js knows what was sent on this connection. */
  #acknowledgement(type: number, data: Uint8Array, offset: number, end: number): void {
    const { peer, session, window, resend } = this.#to;
    let at = offset + 1;
    while ((data[at++]! & 128) !== 0);
    const id = data[at]! << 8 | data[at + 1]!;
    if (type === PUBCOMP && session.leftovers?.answered(id) === true) return;
    if (!resend.owns(id)) {
      peer.feed(data.subarray(offset, end));
    }
    if (end - at === 2) {
      window.answered(type, id, 0, undefined);
    } else {
      const view = readPacket(data, offset, end, this.#version);
      window.answered(type, id, view.reasonCode, copyOf(data, view.propertiesStart, view.propertiesEnd));
    }
  }
}

function textOf(data: Uint8Array, start: number, end: number): string {
  return Buffer.isBuffer(data) ? data.toString('utf8', start, end) : Buffer.from(data.buffer, data.byteOffset + start, end - start).toString();
}
