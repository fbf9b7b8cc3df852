import { notConnectedError, optionError } from '../../errors.js';
import type { Engine, EngineInfo, EngineOpen, EngineSink, MessageFlags } from '../engine.js';
import { nativeEnvironment, type Environment, type EnvironmentClient } from './environment.js';
import { endsWithConnection, failureFromNative, requestFailureFromNative } from './from-native.js';
import { Inbox, type NativeEvent } from './inbox.js';
import * as layout from './layout.js';
import { nativeAddon } from './load.js';
import { Receipts } from './receipts.js';
import type { SubmissionRing } from './submission-ring.js';
import { toNativeOpen } from './to-native.js';

const { OK, ERR_CONNECTION_LOST, EVENT_CONNECTED, EVENT_OPEN_FAILED, EVENT_DISCONNECTED, EVENT_SUBSCRIBED, EVENT_UNSUBSCRIBED } = layout;
const { EVENT_PUBLISHED, EVENT_UNSENT } = layout;

/**
 * Bytes in the engine of publishes that were not yet sent (QoS 0) or acknowledged (QoS 1, 2); their number is limited by
 * EngineOpen.lookAhead. The rest waits in lib, where it can be counted, dropped and timed out.
 */
const AHEAD_BYTES = 1024 * 1024;
/** So many may be ahead with these bytes instead: what is large is copied once when it goes to the engine, twice when it waits first. */
const LARGE_MESSAGES = 16;
const LARGE_BYTES = 4 * 1024 * 1024;
/** As many may be ahead however large they are, so that the next one follows at once when one is through. */
const AHEAD_LEAST = 2;

/** Engines that were dropped without destroy(): the core forgets their clients, too. */
const dropped = new FinalizationRegistry<{ environment: Environment; number: number }>(({ environment, number }) => {
  environment.destroyClient(number);
});

const NOTHING = new Uint8Array(0);

/**
 * The native engine: one client of the core, which keeps the session from one connection to the next. Publishes, results and messages go
 * through the rings of its thread's environment.
 */
export class NativeEngine<M> implements Engine, EnvironmentClient {
  readonly info: EngineInfo;
  readonly inbox = new Inbox<M>();
  readonly receipts = new Receipts();
  /** The client's number in the core; -1 before the first open(). The session's state in the core goes with it. */
  number = -1;
  private readonly submissions: SubmissionRing;

  /** From open() until the end of that attempt or connection has been reported. */
  private isOpen = false;
  /** EVENT_CONNECTED has come. What fails before it is of a session that the server has lost, or that a clean start gives up. */
  private isConnected = false;
  private destroyed = false;
  private staysAlive = true;
  private keepsAlive = false;
  private protocolVersion: 4 | 5 = 5;

  /**
   * Publishes taken and neither credited nor given back, and their bytes as the core counts them. Those of the session stay from one
   * connection to the next.
   */
  private aheadMessages = 0;
  private aheadBytes = 0;
  private lookAhead = 0;
  /** SUBSCRIBE and UNSUBSCRIBE without an answer. */
  private requests = 0;
  /** Payload bytes of the publish that was refused because too much is ahead; -1: none was. */
  private refusedBytes = -1;
  private waitsForRing = false;
  /**
   * The end of the connection, not yet reported because something that was submitted is not accounted for.
   *  1. the server closes; the reactor gives back what it has not sent and writes EVENT_DISCONNECTED
   *  2. JavaScript, which has not seen it, submits a publish
   *  3. the event is reported, the client opens again, and the publish of the old connection comes back or is sent behind newer ones
   * so the end is reported when the core has acknowledged, failed, given back or kept for the session everything that was submitted.
   */
  private ending: NativeEvent | undefined;
  /**
   * A publish came back, so the connection has ended: nothing more is taken.
   *  1. publishes A and B come back
   *  2. from onUnsent(A) lib hands A over again: it comes back once more, behind B
   */
  private givesBack = false;
  /** Slots of requests that ended with the connection: they fail with the reason its end brings, which is more than their own code says. */
  private orphans: number[] = [];

  /** `reason`: why this engine was chosen. Throws where the addon does not load. */
  constructor(
    readonly sink: EngineSink<M>,
    reason = 'native addon loaded',
    private readonly environment: Environment = nativeEnvironment(),
  ) {
    this.submissions = environment.submissions;
    this.info = { name: 'native', version: nativeAddon()?.version ?? 'unknown', reason };
  }

  open(options: EngineOpen): void {
    if (options.transport !== 'tcp' && options.transport !== 'tls') {
      throw optionError('engine', `the native engine does not speak ${options.transport}`);
    }
    if (this.destroyed || this.isOpen) throw new Error('open() on an engine that is open or destroyed');
    const { environment } = this;
    this.isOpen = true;
    this.protocolVersion = options.protocolVersion;
    this.lookAhead = options.lookAhead;
    this.updateKeepsAlive();
    let code = OK;
    if (this.number < 0) {
      code = environment.binding.createClient();
      if (code >= 0) {
        this.number = code;
        dropped.register(this, { environment, number: code }, this);
        code = OK;
      }
    }
    if (code === OK) {
      environment.attach(this);
      code = environment.beforeCommand(this);
    }
    if (code === OK) code = environment.binding.open(this.number, toNativeOpen(options));
    if (code !== OK) this.postEvent(EVENT_OPEN_FAILED, code, 0, this.aheadMessages, this.aheadBytes);
  }

  publish(topic: string, payload: Uint8Array | string, flags: MessageFlags, properties: Uint8Array | undefined, slot: number): boolean {
    if (this.aheadMessages !== 0 && !this.hasRoomFor(payload.length)) {
      this.refusedBytes = payload.length;
      return false;
    }
    if (!this.isOpen) throw notConnectedError();
    if (this.ending !== undefined || this.givesBack) return false;
    const bytes = this.submissions.publish(this.number, topic, payload, flags, properties, slot);
    if (bytes < 0) {
      if (!this.waitsForRing) {
        this.waitsForRing = true;
        this.environment.waitForRoom(this);
      }
      return false;
    }
    this.aheadMessages++;
    this.aheadBytes += bytes;
    return true;
  }

  subscribe(slot: number, filters: readonly string[], options: Uint8Array, properties: Uint8Array | undefined): void {
    const code = this.beforeRequest() || this.environment.binding.subscribe(this.number, slot, filters, options, properties);
    if (code !== OK) this.postEvent(EVENT_SUBSCRIBED, slot, code);
  }

  unsubscribe(slot: number, filters: readonly string[], properties: Uint8Array | undefined): void {
    const code = this.beforeRequest() || this.environment.binding.unsubscribe(this.number, slot, filters, properties);
    if (code !== OK) this.postEvent(EVENT_UNSUBSCRIBED, slot, code);
  }

  ack(count: number, reasonCode: number): void {
    if (this.number < 0 || this.destroyed) return;
    this.receipts.ack(count, reasonCode);
    if (!this.receipts.listed) this.environment.owe(this);
  }

  taken(messages: number, bytes: number): void {
    if (this.number < 0 || this.destroyed) return;
    this.receipts.taken(messages, bytes);
    if (!this.receipts.listed) this.environment.owe(this);
  }

  close(reasonCode: number, properties: Uint8Array | undefined): void {
    if (!this.isOpen || this.ending !== undefined) return;
    // An error means that the connection has ended by itself: its event is on the way.
    if (this.environment.beforeCommand(this) === OK) this.environment.binding.close(this.number, reasonCode, properties);
  }

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.end();
    this.inbox.clear();
    this.receipts.clear();
    if (this.number < 0) return;
    dropped.unregister(this);
    this.environment.destroyClient(this.number);
  }

  ref(): void {
    this.staysAlive = true;
    this.updateKeepsAlive();
  }

  unref(): void {
    this.staysAlive = false;
    this.updateKeepsAlive();
  }

  // ---- called by the environment, while it drains ----

  onCompletion(slot: number, code: number): void {
    if (code >= 0) this.sink.onPublished(slot, code, undefined);
    else this.failRequest(slot, code);
  }

  onCredit(messages: number, bytes: number): void {
    this.aheadMessages -= messages;
    this.aheadBytes -= bytes;
    this.sink.onCredit(messages, bytes);
    if (this.ending !== undefined) this.tryEnd();
    else if (this.refusedBytes >= 0 && !this.givesBack && this.hasRoomAgain()) {
      this.refusedBytes = -1;
      this.sink.onRoom();
    }
  }

  onRingRoom(): void {
    if (!this.waitsForRing) return;
    this.waitsForRing = false;
    if (this.ending === undefined && !this.givesBack) this.sink.onRoom();
  }

  onEvent(event: NativeEvent): void {
    const { sink } = this;
    switch (event.kind) {
      case EVENT_CONNECTED:
        this.isConnected = true;
        sink.onConnected({ sessionPresent: event.slot !== 0, protocolVersion: this.protocolVersion, properties: event.properties });
        break;
      case EVENT_OPEN_FAILED:
      case EVENT_DISCONNECTED:
        this.ending = event;
        this.tryEnd();
        break;
      case EVENT_UNSENT:
        this.givesBack = true;
        this.aheadMessages--;
        sink.onUnsent(event.topic, event.payload, event.flags, event.properties, event.slot);
        if (this.ending !== undefined) this.tryEnd();
        break;
      case EVENT_PUBLISHED:
        if (event.aux >= 0) sink.onPublished(event.slot, event.aux, event.properties);
        else this.failRequest(event.slot, event.aux);
        break;
      case EVENT_SUBSCRIBED:
      case EVENT_UNSUBSCRIBED:
        this.requests--;
        if (event.aux < 0) this.failRequest(event.slot, event.aux);
        else if (event.kind === EVENT_SUBSCRIBED) sink.onSubscribed(event.slot, event.payload, event.properties);
        else sink.onUnsubscribed(event.slot, event.payload, event.properties);
        if (this.ending !== undefined) this.tryEnd();
        break;
    }
  }

  // ---- inside ----

  /** Half of what may be ahead is free, and the refused publish will be taken. */
  private hasRoomAgain(): boolean {
    const messages = this.aheadMessages;
    if (messages === 0) return true;
    if (messages > this.lookAhead / 2 || !this.hasRoomFor(this.refusedBytes)) return false;
    return this.aheadBytes <= AHEAD_BYTES / 2 || messages <= LARGE_MESSAGES / 2;
  }

  /** Whether one publish more may be ahead, with so many bytes. */
  private hasRoomFor(bytes: number): boolean {
    const messages = this.aheadMessages, all = this.aheadBytes + bytes;
    if (messages >= this.lookAhead) return false;
    return all <= AHEAD_BYTES || messages < AHEAD_LEAST || (messages < LARGE_MESSAGES && all <= LARGE_BYTES);
  }

  private beforeRequest(): number {
    this.requests++;
    if (!this.isOpen || this.ending !== undefined) return ERR_CONNECTION_LOST;
    return this.environment.beforeCommand(this);
  }

  /** What the core did not take is reported as if it had answered: behind everything that arrived, and never from inside a call. */
  private postEvent(kind: number, slot: number, aux: number, keptMessages = 0, keptBytes = 0): void {
    const event = { kind, slot, aux, properties: undefined, payload: NOTHING, topic: '', flags: 0, keptMessages, keptBytes };
    this.environment.post(this, event);
    this.environment.continue();
  }

  private failRequest(slot: number, code: number): void {
    if (this.isConnected && endsWithConnection(code)) this.orphans.push(slot);
    else this.sink.onRequestFailed(slot, requestFailureFromNative(code));
  }

  private tryEnd(): void {
    const event = this.ending!;
    if (this.aheadMessages !== event.keptMessages || this.requests !== 0) return;
    const { orphans } = this;
    this.end();
    this.aheadMessages = event.keptMessages;
    this.aheadBytes = event.keptBytes;
    const failure = failureFromNative(event.slot, event.aux, Buffer.from(event.payload).toString(), event.properties);
    for (const slot of orphans) this.sink.onRequestFailed(slot, failure);
    if (event.kind === EVENT_OPEN_FAILED) this.sink.onOpenFailed(failure);
    else this.sink.onDisconnected(failure);
  }

  private end(): void {
    this.isOpen = false;
    this.isConnected = false;
    this.ending = undefined;
    this.givesBack = false;
    this.aheadMessages = this.aheadBytes = this.requests = 0;
    this.refusedBytes = -1;
    this.waitsForRing = false;
    this.orphans = [];
    this.environment.detach(this);
    this.updateKeepsAlive();
  }

  private updateKeepsAlive(): void {
    const keepsAlive = this.isOpen && this.staysAlive;
    if (keepsAlive === this.keepsAlive) return;
    this.keepsAlive = keepsAlive;
    if (keepsAlive) this.environment.ref();
    else this.environment.unref();
  }
}
