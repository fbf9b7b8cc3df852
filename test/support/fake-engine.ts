/**
 * An engine that does nothing but what a test tells it, so that lib's policy can be seen from both sides: what it asks of an engine, and
 * what it makes of what an engine reports. It takes the place of both engines where lib chooses one.
 */
import { createRequire } from 'node:module';
import { Client } from 'mqtt-native';
import type { ClientOptions, ConnectOptions } from 'mqtt-native';
import type { Engine, EngineFailure, EngineInfo, EngineOpen, EngineSink } from '../../dist/engine/engine.js';

const require = createRequire(import.meta.url);
/** The built module: its function is looked up at each call, so it can be replaced. */
const select = require('../../dist/engine/select.js') as { selectEngine: unknown };

/** A message as the dispatcher takes it; what it is made of is lib's own matter. */
type FakeMessage = object;

export interface TakenPublish {
  topic: string;
  payload: string;
  flags: number;
  properties: Buffer | undefined;
  slot: number;
  bytes: number;
}

export interface TakenRequest {
  kind: 'subscribe' | 'unsubscribe';
  slot: number;
  filters: readonly string[];
  options: number[];
  properties: Buffer | undefined;
}

export class FakeEngine implements Engine {
  readonly info: EngineInfo = { name: 'js', version: 'fake', reason: 'a test' };
  readonly opened: EngineOpen[] = [];
  readonly published: TakenPublish[] = [];
  readonly requests: TakenRequest[] = [];
  readonly acks: [count: number, reasonCode: number][] = [];
  readonly closes: { reasonCode: number; properties: Buffer | undefined }[] = [];
  taken_ = { messages: 0, bytes: 0 };
  destroyed = false;
  referenced = true;
  /** Publishes it takes before it says that there is no room. */
  room = Infinity;
  /** Whether it was told that there is no room since the last onRoom(). */
  refused = false;

  /** Asked for when it was made. */
  transport = '';

  constructor(readonly sink: EngineSink<FakeMessage>, readonly onFirstOpen: (engine: FakeEngine) => void = () => undefined) {}

  // ---- asked by lib ----

  open(options: EngineOpen): void {
    this.opened.push(options);
    if (this.opened.length === 1) this.onFirstOpen(this);
  }

  publish(topic: string, payload: Uint8Array | string, flags: number, properties: Uint8Array | undefined, slot: number): boolean {
    if (this.room <= 0) {
      this.refused = true;
      return false;
    }
    this.room -= 1;
    const bytes = Buffer.byteLength(topic) + Buffer.byteLength(payload) + (properties?.length ?? 0);
    const copy = properties === undefined ? undefined : Buffer.from(properties);
    this.published.push({ topic, payload: Buffer.from(payload).toString(), flags, properties: copy, slot, bytes });
    return true;
  }

  subscribe(slot: number, filters: readonly string[], options: Uint8Array, properties: Uint8Array | undefined): void {
    this.requests.push({ kind: 'subscribe', slot, filters, options: [...options], properties: properties && Buffer.from(properties) });
  }

  unsubscribe(slot: number, filters: readonly string[], properties: Uint8Array | undefined): void {
    this.requests.push({ kind: 'unsubscribe', slot, filters, options: [], properties: properties && Buffer.from(properties) });
  }

  ack(count: number, reasonCode: number): void {
    this.acks.push([count, reasonCode]);
  }

  taken(messages: number, bytes: number): void {
    this.taken_.messages += messages;
    this.taken_.bytes += bytes;
  }

  close(reasonCode: number, properties: Uint8Array | undefined): void {
    this.closes.push({ reasonCode, properties: properties && Buffer.from(properties) });
  }

  destroy(): void {
    this.destroyed = true;
  }

  ref(): void {
    this.referenced = true;
  }

  unref(): void {
    this.referenced = false;
  }

  // ---- told by the test ----

  /** How many messages were acknowledged. */
  get acknowledged(): number {
    return this.acks.reduce((sum, [count]) => sum + count, 0);
  }

  /** CONNACK. What is left of an earlier connection fails first where the server has no session, as an engine must see to. */
  accept(properties?: string | Buffer, sessionPresent = false): void {
    const { protocolVersion } = this.opened.at(-1)!;
    if (!sessionPresent) this.#fail(this.published.splice(0), { code: 'ERR_MQTT_CONNECTION_LOST', message: 'the session is gone' });
    const bytes = typeof properties === 'string' ? Buffer.from(properties, 'hex') : properties;
    this.sink.onConnected({ sessionPresent, protocolVersion, properties: bytes });
  }

  refuse(failure: Partial<EngineFailure>): void {
    this.sink.onOpenFailed({ code: 'ERR_MQTT_CONNECT', message: 'told to fail', reasonCode: undefined, properties: undefined, ...failure });
  }

  /** Ends the connection as an engine must: every request fails first. */
  lose(failure: Partial<EngineFailure> = {}): void {
    const whole: EngineFailure = {
      code: 'ERR_MQTT_CONNECTION_LOST', message: 'told to end', reasonCode: undefined, properties: undefined, ...failure,
    };
    for (const { slot } of [...this.published, ...this.requests]) if (slot >= 0) this.sink.onRequestFailed(slot, whole);
    this.published.length = 0;
    this.requests.length = 0;
    this.sink.onDisconnected(whole);
  }

  /**
   * Ends the connection as an engine of a session must: of the publishes the first `sent` stay with it, without those of QoS 0, and the
   * others go back; requests fail.
   */
  cut(sent = this.published.length, failure: Partial<EngineFailure> = {}): void {
    const whole = wholeFailure(failure);
    for (const { slot } of this.requests.splice(0)) this.sink.onRequestFailed(slot, whole);
    const unsent = this.published.splice(sent);
    this.#fail(this.published.filter((one) => (one.flags & 3) === 0), whole);
    this.published.splice(0, this.published.length, ...this.published.filter((one) => (one.flags & 3) !== 0));
    for (const one of unsent) this.sink.onUnsent(one.topic, one.payload, one.flags, one.properties, one.slot);
    this.sink.onDisconnected(whole);
  }

  #fail(publishes: TakenPublish[], failure: Partial<EngineFailure>): void {
    for (const { slot, bytes } of publishes) {
      if (slot >= 0) this.sink.onRequestFailed(slot, wholeFailure(failure));
      this.sink.onCredit(1, bytes);
    }
  }

  /** The server's answer to the oldest publish, and its credit. */
  finish(reasonCode = 0, properties?: Buffer): TakenPublish {
    const publish = this.published.shift()!;
    if (publish.slot >= 0) this.sink.onPublished(publish.slot, reasonCode, properties);
    this.sink.onCredit(1, publish.bytes);
    return publish;
  }

  finishAll(): void {
    while (this.published.length > 0) this.finish();
  }

  /** The server's answer to the oldest SUBSCRIBE or UNSUBSCRIBE. */
  answer(reasonCodes: number[], properties?: Buffer): TakenRequest {
    const request = this.requests.shift()!;
    if (request.kind === 'subscribe') this.sink.onSubscribed(request.slot, Uint8Array.from(reasonCodes), properties);
    else this.sink.onUnsubscribed(request.slot, Uint8Array.from(reasonCodes), properties);
    return request;
  }

  giveRoom(count: number): void {
    this.room = count;
    this.refused = false;
    this.sink.onRoom();
  }

  message(topic: string, payload: string | Buffer = '', qos: 0 | 1 | 2 = 0, properties = '', more = 0): FakeMessage {
    const body = Buffer.from(payload);
    const extra = Buffer.from(properties, 'hex');
    // Bytes of others around it: an offset that is wrong shows.
    const slab = Buffer.concat([Buffer.from('<<'), extra, Buffer.from('--'), body, Buffer.from('>>')]);
    return this.sink.createMessage(topic, slab, 4 + extra.length, body.length, 2, extra.length, qos | more);
  }

  /** Hands a batch over as an engine does; returns what is left of it. */
  deliver(batch: FakeMessage[], deadline = Infinity): FakeMessage[] {
    return batch.slice(this.sink.onMessages(batch, 0, deadline));
  }
}

function wholeFailure(failure: Partial<EngineFailure>): EngineFailure {
  return { code: 'ERR_MQTT_CONNECTION_LOST', message: 'told to end', reasonCode: undefined, properties: undefined, ...failure };
}

/** Who gets an engine that is opened: the client of its CONNECT, or else the one that was last told to connect. */
const clients = new Map<string, FakeClient>();
let lastConnecting: FakeClient;

/** In the place of both engines, from the first FakeClient on: engines are also made later, when a client connects again by itself. */
function selectFake(_option: unknown, transport: string, sink: EngineSink<FakeMessage>): FakeEngine {
  const engine = new FakeEngine(sink, (opened) => (clients.get(opened.opened[0]!.clientId) ?? lastConnecting).engines.push(opened));
  engine.transport = transport;
  return engine;
}

/** A client with fake engines: the last one opened is `engine`. It does not reconnect unless asked for. */
export class FakeClient {
  readonly client: Client;
  readonly engines: FakeEngine[] = [];

  constructor(options: ClientOptions = {}, url = 'mqtt://host') {
    this.client = new Client(url, { reconnect: false, ...options });
  }

  get engine(): FakeEngine {
    return this.engines.at(-1)!;
  }

  /** Starts connect(); the engine is there when this returns (not with tls or credentials, which come first). */
  connecting(options?: ConnectOptions): ReturnType<Client['connect']> {
    select.selectEngine = selectFake;
    clients.set(this.client.clientId, this);
    // eslint-disable-next-line @typescript-eslint/no-this-alias -- what this module remembers
    lastConnecting = this;
    return this.client.connect(options);
  }
}

/** A connected client; messages are taken from the first turn on. `connack`: its properties as hex. */
export async function fakeConnected(
  options: ClientOptions = {}, connack?: string,
): Promise<{ client: Client; engine: FakeEngine; fake: FakeClient }> {
  const fake = new FakeClient(options);
  const connecting = fake.connecting();
  fake.engine.accept(connack);
  await connecting;
  await turn();
  return { client: fake.client, engine: fake.engine, fake };
}

/** One turn of the event loop: everything that was due in this one has happened. */
export function turn(): Promise<void> {
  return new Promise((resolve) => { setImmediate(resolve); });
}

/** How a promise ended, so far. */
export interface Outcome {
  value?: unknown;
  error?: { code: string; message: string; reasonCode?: number; cause?: unknown };
  settled: boolean;
}

/** Watches a promise without waiting for it. */
export function watch(promise: Promise<unknown>): Outcome {
  const outcome: Outcome = { settled: false };
  promise.then(
    (value) => Object.assign(outcome, { value, settled: true }),
    (error: unknown) => Object.assign(outcome, { error, settled: true }),
  );
  return outcome;
}
