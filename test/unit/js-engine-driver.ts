/**
 * Drives the js engine as lib does, without lib: what the engine reports is kept to be awaited. Two promises of engine.ts are watched all
 * the time: the sink is never called from inside a call into the engine, and each request ends once.
 */
import { JsEngine } from '../../dist/engine/js/js-engine.js';
import type { EngineConnected, EngineFailure, EngineOpen, EngineSink } from '../../dist/engine/engine.js';
import type { ScriptedBroker, ScriptedLink } from '../support/scripted-broker.js';
import type { Bytes, Version } from '../support/packets.js';
import { toBytes } from '../support/packets.js';
import { Inbox } from '../support/waiting.js';

export interface Received {
  topic: string;
  payload: Buffer;
  properties: Buffer;
  qos: number;
  retain: boolean;
  dup: boolean;
}

export interface Finished {
  slot: number;
  reasonCode: number;
  properties: Uint8Array | undefined;
}

export interface Answered {
  slot: number;
  reasonCodes: number[];
  properties: Uint8Array | undefined;
}

/** A publish that went back. */
export interface Unsent {
  topic: string;
  payload: string;
  qos: number;
  slot: number;
  properties: string | undefined;
}

export const OPTIONS: EngineOpen = {
  transport: 'tcp', host: '127.0.0.1', port: 0, path: '/', tls: undefined, protocolVersion: 5, cleanStart: true, keepAlive: 60,
  clientId: 'driver', username: undefined, password: undefined, will: undefined, properties: undefined, receiveMaximum: 1000,
  maximumPacketSize: 0, topicAliasMaximum: 16, outgoingTopicAliases: 0, window: 100, lookAhead: 4096,
  connectTimeout: 10_000,
};

export const HEX = (data: Uint8Array | undefined): string | undefined => (data === undefined ? undefined : Buffer.from(data).toString('hex'));

export class Driver implements EngineSink<Received> {
  readonly engine: JsEngine<Received>;
  readonly connects = new Inbox<EngineConnected>('onConnected()');
  readonly openFailures = new Inbox<EngineFailure>('onOpenFailed()');
  readonly disconnects = new Inbox<EngineFailure>('onDisconnected()');
  readonly published = new Inbox<Finished>('onPublished()');
  readonly failures = new Inbox<{ slot: number; failure: EngineFailure }>('onRequestFailed()');
  readonly subscribed = new Inbox<Answered>('onSubscribed()');
  readonly unsubscribed = new Inbox<Answered>('onUnsubscribed()');
  readonly unsent: Unsent[] = [];
  readonly rooms = new Inbox<true>('onRoom()');
  readonly messages = new Inbox<Received>('onMessages()');
  /** Everything in the order it was reported, as one word each. */
  readonly order: string[] = [];
  creditMessages = 0;
  creditBytes = 0;
  /** Acknowledge and take each message when it comes. */
  automatic = true;
  /** How many messages onMessages() takes at a time. */
  atATime = Infinity;
  /** What the engine did against its promises. */
  readonly faults: string[] = [];
  #inCall = 0;
  readonly #settled = new Set<number>();

  constructor() {
    this.engine = new JsEngine<Received>(this, 'test');
  }

  /** Calls into the engine, watching that nothing is reported meanwhile. */
  call<T>(run: (engine: JsEngine<Received>) => T): T {
    this.#inCall += 1;
    try {
      return run(this.engine);
    } finally {
      this.#inCall -= 1;
    }
  }

  open(options: Partial<EngineOpen>): void {
    this.call((engine) => engine.open({ ...OPTIONS, ...options }));
  }

  publish(topic: string, payload: Uint8Array | string, qos = 0, slot = -1, properties?: Bytes, retain = false): boolean {
    const bytes = properties === undefined ? undefined : toBytes(properties);
    return this.call((engine) => engine.publish(topic, payload, qos | (retain ? 4 : 0), bytes, slot));
  }

  subscribe(slot: number, filters: string[], options: number[] = filters.map(() => 0), properties?: Bytes): void {
    const data = properties === undefined ? undefined : toBytes(properties);
    this.call((engine) => engine.subscribe(slot, filters, Uint8Array.from(options), data));
  }

  unsubscribe(slot: number, filters: string[]): void {
    this.call((engine) => engine.unsubscribe(slot, filters, undefined));
  }

  ack(count: number, reasonCode = 0): void {
    this.call((engine) => engine.ack(count, reasonCode));
  }

  taken(messages: number, bytes: number): void {
    this.call((engine) => engine.taken(messages, bytes));
  }

  close(reasonCode = 0, properties?: Uint8Array): void {
    this.call((engine) => engine.close(reasonCode, properties));
  }

  destroy(): void {
    this.call((engine) => engine.destroy());
  }

  /** Opens on a scripted broker, which accepts; returns its link. */
  async connect(broker: ScriptedBroker, version: Version, options: Partial<EngineOpen> = {}, connack?: Bytes): Promise<ScriptedLink> {
    this.open({ port: broker.port, protocolVersion: version, ...options });
    const link = await broker.accept();
    await link.handshake(version, connack);
    await this.connects.next();
    return link;
  }

  // ---- EngineSink ----

  createMessage(
    topic: string, slab: Uint8Array, offset: number, length: number, propertiesOffset: number, propertiesLength: number, flags: number,
  ): Received {
    const cut = (at: number, size: number): Buffer => Buffer.from(slab.subarray(at, at + size));
    return {
      topic, payload: cut(offset, length), properties: cut(propertiesOffset, propertiesLength),
      qos: flags & 3, retain: (flags & 4) !== 0, dup: (flags & 8) !== 0,
    };
  }

  onConnected(result: EngineConnected): void {
    this.#note('connected');
    this.connects.push(result);
  }

  onOpenFailed(failure: EngineFailure): void {
    this.#note('open failed');
    this.openFailures.push(failure);
  }

  onUnsent(topic: string, payload: Uint8Array | string, flags: number, properties: Uint8Array | undefined, slot: number): void {
    this.#note(`unsent ${topic}`);
    this.unsent.push({ topic, payload: Buffer.from(payload).toString(), qos: flags & 3, slot, properties: HEX(properties) });
  }

  onDisconnected(failure: EngineFailure): void {
    this.#note('disconnected');
    this.disconnects.push(failure);
  }

  onPublished(slot: number, reasonCode: number, properties: Uint8Array | undefined): void {
    this.#settle(slot);
    this.published.push({ slot, reasonCode, properties });
  }

  onRequestFailed(slot: number, failure: EngineFailure): void {
    this.#settle(slot);
    this.failures.push({ slot, failure });
  }

  onSubscribed(slot: number, reasonCodes: Uint8Array, properties: Uint8Array | undefined): void {
    this.#settle(slot);
    this.subscribed.push({ slot, reasonCodes: [...reasonCodes], properties });
  }

  onUnsubscribed(slot: number, reasonCodes: Uint8Array, properties: Uint8Array | undefined): void {
    this.#settle(slot);
    this.unsubscribed.push({ slot, reasonCodes: [...reasonCodes], properties });
  }

  onCredit(messages: number, bytes: number): void {
    this.#note('credit');
    this.creditMessages += messages;
    this.creditBytes += bytes;
  }

  onRoom(): void {
    this.#note('room');
    this.rooms.push(true);
  }

  onMessages(batch: Received[], from: number, deadline: number): number {
    this.#note('messages');
    if (deadline <= performance.now() - 1000) {
      this.faults.push('onMessages() got a deadline of the past');
    }
    const to = Math.min(batch.length, from + this.atATime);
    for (let index = from; index < to; index += 1) {
      const message = batch[index]!;
      this.order.push(`message ${message.topic}`);
      this.messages.push(message);
      if (this.automatic) {
        this.taken(1, message.payload.length);
        if (message.qos > 0) {
          this.ack(1);
        }
      }
    }
    return to;
  }

  #settle(slot: number): void {
    this.#note(`slot ${slot}`);
    if (this.#settled.has(slot)) {
      this.faults.push(`slot ${slot} ended twice`);
    }
    this.#settled.add(slot);
  }

  #note(what: string): void {
    this.order.push(what);
    if (this.#inCall > 0) {
      this.faults.push(`${what} was reported from inside a call into the engine`);
    }
  }
}

/** Lets the event loop go round. */
export async function turns(count = 3): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    await new Promise((resolve) => { setImmediate(resolve); });
  }
}
