/** One attempt to connect and the connection that comes of it: how it begins and how it ends. What it is made of is in parts.ts. */
import type { EngineFailure, EngineOpen } from '../engine.js';
import { closed, failureOf } from './failure.js';
import type { PacketView } from './packet-view.js';
import { PINGREQ_PACKET, connectPacket, disconnectPacket } from './packets.js';
import { Parts } from './parts.js';
import type { Owner, PartsHandler } from './parts.js';
import type { Publication } from './publication.js';

/** `dialling`: nothing to send on yet. `waiting`: CONNECT is sent. `closing`: DISCONNECT follows what was taken, or is sent. */
type State = 'dialling' | 'waiting' | 'connected' | 'closing' | 'ended' | 'destroyed';

export class Connection<M> implements PartsHandler {
  readonly #options: EngineOpen;
  readonly #owner: Owner<M>;
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
  #settling = false;

  readonly #parts: Parts<M>;

  /** Throws when there can be no attempt: RangeError for what CONNECT cannot say, else what dial() throws. */
  constructor(options: EngineOpen, owner: Owner<M>) {
    this.#options = options;
    this.#owner = owner;
    this.#version = options.protocolVersion;
    this.#connect = connectPacket(options);
    this.#parts = new Parts(options, owner, this);
    this.#timer = setTimeout(() => {
      this.#end(failureOf('ERR_MQTT_TIMEOUT', `no CONNACK within ${options.connectTimeout} ms`));
    }, options.connectTimeout).unref();
  }

  // ---- asked for by the engine ----

  publish(publication: Publication): boolean {
    if (this.#state === 'connected') {
      return this.#parts.window.publish(publication);
    }
    // The caller has not heard of the end yet, and will: it is not for the publish to fail.
    if (this.#state === 'ended' && this.#wasConnected) {
      return false;
    }
    this.#owner.outcomes.publishFailed(publication, this.#lateFailure());
    return true;
  }

  subscribe(slot: number, filters: readonly string[], options: Uint8Array, properties: Uint8Array | undefined): void {
    this.#request(slot, () => this.#parts.requests.subscribe(slot, filters, options, properties));
  }

  unsubscribe(slot: number, filters: readonly string[], properties: Uint8Array | undefined): void {
    this.#request(slot, () => this.#parts.requests.unsubscribe(slot, filters, properties));
  }

  close(reasonCode: number, properties: Uint8Array | undefined): void {
    const last = disconnectPacket(this.#version, reasonCode, properties);
    if (this.#state === 'dialling') {
      this.#end(closed());
    } else if (this.#state === 'waiting') {
      // The server may have accepted already: without a DISCONNECT it would publish the will.
      this.#end(closed(), last);
    } else if (this.#state === 'connected') {
      this.#state = 'closing';
      this.#parts.farewell.planned = last;
      this.#settleSoon();
    }
  }

  destroy(): void {
    this.#state = 'destroyed';
    this.#release();
    this.#parts.window.stop();
    this.#parts.farewell.cut();
  }

  setRef(on: boolean): void {
    this.#parts.transport.setRef(on);
  }

  // ---- told by the transport ----

  get connected(): boolean {
    return this.#wasConnected;
  }

  opened(): void {
    if (this.#state === 'dialling') {
      this.#state = 'waiting';
      this.#parts.out.append(this.#connect!);
      this.#connect = undefined;
    }
  }

  received(bytes: Uint8Array): void {
    this.#parts.keepalive.received();
    this.#parts.incoming.take(bytes);
    // What the sink throws is the process's to handle; the connection goes on behind it.
    try {
      this.#owner.inbox.deliver();
    } catch (error) {
      this.#settleSoon();
      throw error;
    }
    this.#settle();
  }

  failed(failure: EngineFailure): void {
    this.#end(failure);
    this.#parts.farewell.cut();
  }

  // ---- told by the parts ----

  progressed(): void {
    this.#parts.keepalive.sent();
    this.#settle();
  }

  ping(): number {
    const { out } = this.#parts;
    if (this.#canSend) {
      out.append(PINGREQ_PACKET);
      this.#owner.session.guard.sent(PINGREQ_PACKET[0]!, 0, 0, 0);
    }
    return out.appended;
  }

  gaveUp(failure: EngineFailure): void {
    this.#end(failure);
  }

  get stopped(): boolean {
    return this.#state === 'ended' || this.#state === 'destroyed' || this.#parts.farewell.said;
  }

  onRefused(): void {
    const { reason, text } = this.#owner.session.guard;
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
    this.#parts.peer.start(this.#options, packet);
    if (this.#state !== 'waiting') return;
    clearTimeout(this.#timer);
    this.#state = 'connected';
    this.#wasConnected = true;
    const { session, outcomes, inbox, sink } = this.#owner;
    session.connected(this.#version, sessionPresent);
    this.#parts.applyLimits(properties);
    session.acks.attach(this.#version, this.#parts.out);
    this.#parts.window.resume();
    inbox.setReader((on) => {
      this.#parts.keepalive.pause(!on);
      if (on) {
        this.#parts.transport.resume();
      } else {
        this.#parts.transport.pause();
      }
    });
    inbox.event(() => outcomes.report());
    inbox.event(() => sink.onConnected({ sessionPresent, protocolVersion: this.#version, properties }));
  }

  // ---- outgoing ----

  /** CONNECT has been sent and nothing that must be the last. */
  get #canSend(): boolean {
    return (this.#state === 'waiting' || this.#state === 'connected' || this.#state === 'closing') && !this.#parts.farewell.said;
  }

  /** What a request gets that came too early or too late. */
  #lateFailure(): EngineFailure {
    return this.#failure ?? (this.#state === 'closing' ? closed() : failureOf('ERR_MQTT_NOT_CONNECTED', 'there is no connection yet'));
  }

  /** `send` returns why nothing was sent, undefined when it was. */
  #request(slot: number, send: () => EngineFailure | undefined): void {
    const failure = this.#state === 'connected' ? send() : this.#lateFailure();
    if (failure !== undefined) {
      this.#owner.outcomes.failed(slot, failure);
    }
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
      this.#parts.window.settle(this.#canSend);
    }
    const { planned } = this.#parts.farewell;
    if (planned !== undefined && this.#canSend && this.#parts.window.empty) {
      this.#owner.session.acks.detach();
      this.#parts.farewell.say(planned, () => this.#end(closed()));
    }
    this.#parts.farewell.settle();
  }

  // ---- end ----

  /**
   * The attempt or the connection is over. `last`: a DISCONNECT that still goes out if it can be, without anybody waiting for it. May be
   * called from inside a call into the engine: what is to be told is told later.
   */
  #end(reason: EngineFailure, last?: Buffer): void {
    if (this.#state === 'ended' || this.#state === 'destroyed') return;
    const failure = this.#state === 'closing' ? closed() : reason;
    const mayFinish = this.#canSend && (this.#version === 5 || failure.code === 'ERR_MQTT_CLOSED');
    this.#state = 'ended';
    this.#failure = failure;
    this.#release();
    if (last !== undefined && mayFinish) {
      this.#parts.farewell.sayAndGo(last);
    } else {
      this.#parts.farewell.cutUnlessWritten();
    }
    queueMicrotask(() => this.#tellEnd(failure));
  }

  /** Twice what waits is told: now, and for what was asked while the last messages were handed out. */
  #tellEnd(failure: EngineFailure): void {
    if (this.#state === 'destroyed') return;
    const { inbox, onEnd } = this.#owner;
    inbox.event(() => {
      try {
        this.#parts.window.end(failure);
      } finally {
        if (this.#state !== 'destroyed') {
          onEnd(failure, this.#wasConnected);
        }
      }
    });
    try {
      for (const slot of this.#parts.requests.takeAll()) {
        this.#owner.outcomes.failed(slot, failure);
      }
      this.#parts.window.end(failure);
    } finally {
      inbox.deliver();
    }
  }

  /** Lets go of everything but the transport. */
  #release(): void {
    clearTimeout(this.#timer);
    this.#parts.keepalive.stop();
    this.#owner.inbox.setReader(undefined);
    this.#parts.peer.destroy();
    this.#owner.session.disconnected();
    this.#connect = undefined;
    this.#parts.farewell.planned = undefined;
  }
}
