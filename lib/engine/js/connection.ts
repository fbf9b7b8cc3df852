/**
 * One attempt to connect and the connection that comes of it: how it begins, ends, and what joins its parts.
 *
 *   in    transport -> incoming-stream (guard) -> incoming-packets -> inbox (PUBLISH), mqtt-peer, window, requests
 *   out   window -> mqtt-peer (mqtt.js) -> outgoing-packets -> outgoing-stream -> transport
 */
import type { EngineFailure, EngineOpen, EngineSink } from '../engine.js';
import { Acks } from './acks.js';
import { dial } from './dial.js';
import { closed, failureOf } from './failure.js';
import { Guard } from './guard.js';
import { IncomingPackets } from './incoming-packets.js';
import type { ConnectionHandler } from './incoming-packets.js';
import type { Inbox } from './inbox.js';
import { IncomingStream } from './incoming-stream.js';
import { Keepalive } from './keepalive.js';
import { MqttPeer } from './mqtt-peer.js';
import { OutgoingPackets } from './outgoing-packets.js';
import { OutgoingStream } from './outgoing-stream.js';
import type { PacketView } from './packet-view.js';
import { PINGREQ_PACKET, connectPacket, disconnectPacket } from './packets.js';
import { MAXIMUM_PACKET_SIZE, RECEIVE_MAXIMUM, REQUEST_PROBLEM_INFORMATION, SERVER_KEEP_ALIVE, numberIn } from './properties.js';
import { Requests } from './requests.js';
import type { Transport, TransportHandler } from './transport.js';
import { Window } from './window.js';
import type { Publication } from './window.js';

const LARGEST_WINDOW = 65_535;
/** ms for a last DISCONNECT to leave when the connection is given up for a fault of the server. */
const FAREWELL = 250;

/** `dialling`: nothing to send on yet. `waiting`: CONNECT is sent. `closing`: DISCONNECT follows what was taken, or is sent. */
type State = 'dialling' | 'waiting' | 'connected' | 'closing' | 'ended' | 'destroyed';

/** Told after the last message. */
export type ConnectionEnded = (failure: EngineFailure, wasConnected: boolean) => void;

export class Connection<M> implements TransportHandler, ConnectionHandler {
  readonly #options: EngineOpen;
  readonly #sink: EngineSink<M>;
  readonly #inbox: Inbox<M>;
  readonly #onEnd: ConnectionEnded;
  readonly #version: 4 | 5;
  #state: State = 'dialling';
  /** CONNACK has accepted. */
  #wasConnected = false;
  /** Why it ended. */
  #failure: EngineFailure | undefined;
  /** CONNECT until it is sent: it holds the password. */
  #connect: Buffer | undefined;
  /** The connect timeout. */
  #timer: NodeJS.Timeout | undefined;
  /** close() was called: the DISCONNECT that follows what was taken before. */
  #farewell: Buffer | undefined;
  /** The last packet has been appended: when it is written the transport ends, then this is called. */
  #finishing: (() => void) | undefined;
  /** That has happened: the transport clears itself away. */
  #finished = false;
  #settling = false;

  readonly #guard = new Guard();
  readonly #transport: Transport;
  readonly #out: OutgoingStream;
  readonly #peer: MqttPeer;
  readonly #acks: Acks;
  readonly #window: Window;
  readonly #requests: Requests<M>;
  readonly #keepalive: Keepalive;
  readonly #incoming: IncomingStream;

  /** Throws when there can be no attempt: RangeError for what CONNECT cannot say, else what dial() throws. */
  constructor(options: EngineOpen, sink: EngineSink<M>, inbox: Inbox<M>, onEnd: ConnectionEnded) {
    this.#options = options;
    this.#sink = sink;
    this.#inbox = inbox;
    this.#onEnd = onEnd;
    this.#version = options.protocolVersion;
    this.#connect = connectPacket(options);
    this.#transport = dial(options, this);
    const guard = this.#guard;
    const out = this.#out = new OutgoingStream(this.#transport, () => {
      this.#keepalive.sent();
      this.#settle();
    });
    const packets = new OutgoingPackets(this.#version, out, guard);
    const acks = this.#acks = new Acks(this.#version, out, guard);
    const peer = this.#peer = new MqttPeer(packets, (error) => {
      const message = error instanceof Error ? error.message : String(error);
      this.#end(failureOf('ERR_MQTT_PROTOCOL', `mqtt.js: ${message}`, { cause: error }));
    });
    const window = this.#window = new Window(this.#version, sink, peer, packets, out);
    const requests = this.#requests = new Requests(this.#version, sink, inbox, peer, packets);
    const keepalive = this.#keepalive = new Keepalive({
      ping: () => this.#ping(),
      written: () => out.written,
      lost: () => this.#end(failureOf('ERR_MQTT_KEEP_ALIVE', 'the server did not answer PINGREQ in time')),
    });
    const receivers = { guard, inbox, acks, window, requests, peer, keepalive };
    this.#incoming = new IncomingStream(guard, new IncomingPackets(options, receivers, this));
    guard.start({
      version: options.protocolVersion,
      cleanStart: options.cleanStart,
      authentication: false,
      requestProblemInformation: numberIn(options.properties, REQUEST_PROBLEM_INFORMATION) !== 0,
      maximumPacketSize: options.maximumPacketSize,
      receiveMaximum: options.receiveMaximum,
      topicAliasMaximum: options.topicAliasMaximum,
      session: !options.cleanStart,
    });
    this.#timer = setTimeout(() => {
      this.#end(failureOf('ERR_MQTT_TIMEOUT', `no CONNACK within ${options.connectTimeout} ms`));
    }, options.connectTimeout).unref();
  }

  // ---- asked for by the engine ----

  publish(publication: Publication): boolean {
    let taken = true;
    if (this.#state === 'connected') {
      taken = this.#window.publish(publication);
    } else {
      this.#window.refuse(publication, this.#lateFailure());
    }
    if (this.#window.due) {
      this.#settleSoon();
    }
    return taken;
  }

  subscribe(slot: number, filters: readonly string[], options: Uint8Array, properties: Uint8Array | undefined): void {
    const failure = this.#state === 'connected' ? this.#requests.subscribe(slot, filters, options, properties) : this.#lateFailure();
    this.#refuse(slot, failure);
  }

  unsubscribe(slot: number, filters: readonly string[], properties: Uint8Array | undefined): void {
    const failure = this.#state === 'connected' ? this.#requests.unsubscribe(slot, filters, properties) : this.#lateFailure();
    this.#refuse(slot, failure);
  }

  ack(count: number, reasonCode: number): void {
    if (this.#canSend) {
      this.#acks.ack(count, reasonCode);
    }
  }

  close(reasonCode: number, properties: Uint8Array | undefined): void {
    const farewell = disconnectPacket(this.#version, reasonCode, properties);
    if (this.#state === 'dialling') {
      this.#end(closed());
    } else if (this.#state === 'waiting') {
      // The server may have accepted already: without a DISCONNECT it would publish the will.
      this.#end(closed(), farewell);
    } else if (this.#state === 'connected') {
      this.#state = 'closing';
      this.#farewell = farewell;
      this.#settleSoon();
    }
  }

  destroy(): void {
    this.#state = 'destroyed';
    this.#release();
    this.#window.stop();
    this.#out.stop();
    this.#transport.destroy();
  }

  setRef(on: boolean): void {
    this.#transport.setRef(on);
  }

  // ---- told by the transport ----

  get connected(): boolean {
    return this.#wasConnected;
  }

  opened(): void {
    if (this.#state === 'dialling') {
      this.#state = 'waiting';
      this.#out.append(this.#connect!);
      this.#connect = undefined;
    }
  }

  received(bytes: Uint8Array): void {
    this.#keepalive.received();
    this.#incoming.take(bytes);
    // What the sink throws is the process's to handle; the connection goes on behind it.
    try {
      this.#inbox.deliver();
    } catch (error) {
      this.#settleSoon();
      throw error;
    }
    this.#settle();
  }

  failed(failure: EngineFailure): void {
    this.#end(failure);
    this.#out.stop();
    this.#transport.destroy();
  }

  // ---- told by the incoming packets ----

  get stopped(): boolean {
    return this.#state === 'ended' || this.#state === 'destroyed' || this.#finishing !== undefined;
  }

  onRefused(): void {
    const { reason, text } = this.#guard;
    this.#end(failureOf('ERR_MQTT_PROTOCOL', text, { reasonCode: reason }), disconnectPacket(this.#version, reason, undefined));
  }

  onServerDisconnect(reasonCode: number, properties: Uint8Array | undefined): void {
    this.#end(failureOf('ERR_MQTT_SERVER_DISCONNECT', 'the server ended the connection', { reasonCode, properties }));
  }

  onConnack(view: PacketView, properties: Uint8Array | undefined, packet: Uint8Array): void {
    const { reasonCode, sessionPresent } = view;
    if (reasonCode !== 0) {
      this.#end(failureOf('ERR_MQTT_REFUSED', 'the server refused the connection', { reasonCode, properties }));
      return;
    }
    this.#peer.start(this.#options, packet);
    if (this.#state !== 'waiting') return;
    clearTimeout(this.#timer);
    this.#state = 'connected';
    this.#wasConnected = true;
    const window = this.#options.window === 0 ? LARGEST_WINDOW : this.#options.window;
    this.#window.limit = Math.min(window, numberIn(properties, RECEIVE_MAXIMUM) ?? LARGEST_WINDOW);
    this.#window.maximumPacketSize = this.#requests.maximumPacketSize = numberIn(properties, MAXIMUM_PACKET_SIZE) ?? 0;
    this.#keepalive.start(numberIn(properties, SERVER_KEEP_ALIVE) ?? this.#options.keepAlive);
    this.#inbox.setReader((on) => {
      this.#keepalive.pause(!on);
      if (on) {
        this.#transport.resume();
      } else {
        this.#transport.pause();
      }
    });
    this.#inbox.event(() => this.#sink.onConnected({ sessionPresent, protocolVersion: this.#version, properties }));
  }

  // ---- outgoing ----

  /** CONNECT has been sent and nothing that must be the last. */
  get #canSend(): boolean {
    return (this.#state === 'waiting' || this.#state === 'connected' || this.#state === 'closing') && this.#finishing === undefined;
  }

  /** What a request gets that came too early or too late. */
  #lateFailure(): EngineFailure {
    return this.#failure ?? (this.#state === 'closing' ? closed() : failureOf('ERR_MQTT_NOT_CONNECTED', 'there is no connection yet'));
  }

  #refuse(slot: number, failure: EngineFailure | undefined): void {
    if (failure === undefined) return;
    this.#window.failLater(slot, failure);
    this.#settleSoon();
  }

  #ping(): number {
    if (this.#canSend) {
      this.#out.append(PINGREQ_PACKET);
      this.#guard.sent(PINGREQ_PACKET[0]!, 0, 0, 0);
    }
    return this.#out.appended;
  }

  #settleSoon(): void {
    if (this.#settling) return;
    this.#settling = true;
    process.nextTick(() => {
      this.#settling = false;
      this.#settle();
    });
  }

  /** End of a turn: what can go goes, what is to be told is told. */
  #settle(): void {
    if (this.#state !== 'destroyed') {
      try {
        this.#window.settle(this.#canSend);
      } finally {
        if (this.#window.due) {
          this.#settleSoon();
        }
      }
    }
    if (this.#farewell !== undefined && this.#canSend && this.#window.empty) {
      this.#finish(this.#farewell, () => this.#end(closed()));
    }
    if (this.#finishing !== undefined && !this.#finished && this.#out.written === this.#out.appended) {
      this.#finished = true;
      this.#out.stop();
      this.#transport.end(this.#finishing);
    }
  }

  // ---- end ----

  #finish(last: Buffer, ended: () => void): void {
    this.#out.append(last);
    this.#guard.sent(last[0]!, 0, 0, 0);
    this.#finishing = ended;
  }

  /**
   * The attempt or the connection is over. `farewell`: a DISCONNECT that still goes out if it can be, without anybody waiting for it. May
   * be called from inside a call into the engine: what is to be told is told later.
   */
  #end(reason: EngineFailure, farewell?: Buffer): void {
    if (this.#state === 'ended' || this.#state === 'destroyed') return;
    const failure = this.#state === 'closing' ? closed() : reason;
    const mayFinish = this.#canSend && (this.#version === 5 || failure.code === 'ERR_MQTT_CLOSED');
    this.#state = 'ended';
    this.#failure = failure;
    this.#release();
    if (farewell !== undefined && mayFinish) {
      this.#finish(farewell, () => undefined);
      setTimeout(() => {
        this.#out.stop();
        this.#transport.destroy();
      }, FAREWELL).unref();
    } else if (!this.#finished) {
      this.#out.stop();
      this.#transport.destroy();
    }
    queueMicrotask(() => this.#tellEnd(failure));
  }

  #tellEnd(failure: EngineFailure): void {
    this.#inbox.event(() => {
      // What was asked for while the last messages were handed out.
      this.#window.settle(false);
      if (this.#state !== 'destroyed') {
        this.#onEnd(failure, this.#wasConnected);
      }
    });
    try {
      this.#window.fail(failure, this.#requests.takeAll());
    } finally {
      this.#inbox.deliver();
    }
  }

  /** Lets go of everything but the transport. */
  #release(): void {
    clearTimeout(this.#timer);
    this.#keepalive.stop();
    this.#inbox.setReader(undefined);
    this.#peer.destroy();
    this.#connect = undefined;
    this.#farewell = undefined;
  }
}
