/**
 * The one interface between policy (lib/) and protocol (an engine): one attempt to connect, then packets both ways. Everything about
 * queues, reconnecting, limits and validation is above it; wire format, handshakes and keepalive are below it. Two engines serve it:
 * engine/native/ (Paho's protocol core) and engine/js/ (mqtt.js). Every case in test/contract runs on both.
 *
 * Bytes called `properties` are MQTT 5 properties as on the wire, without the length in front; `protocol/properties.ts` reads and
 * writes them. In 3.1.1 they are always undefined.
 */

/** Which engine, what is under it, and why this one was chosen. */
export interface EngineInfo {
  /** `native`: Paho's protocol core in the addon; `js`: mqtt.js. */
  readonly name: 'native' | 'js';
  /** For the native engine the core's versions, for the js engine mqtt.js's. */
  readonly version: string;
  /**
   * Why this engine: `asked for`; `native addon loaded:` and its file; or what kept the native one from serving: every file that was tried
   * with its cause, and in brackets the host.
   */
  readonly reason: string;
}

/** The will of CONNECT (3.1.2.5). */
export interface EngineWill {
  topic: string;
  payload: Uint8Array;
  qos: 0 | 1 | 2;
  retain: boolean;
  properties: Uint8Array | undefined;
}

/** TLS as the engines take it: files are read and defaults filled in by lib/options. */
export interface EngineTls {
  ca: string | undefined;
  cert: string | undefined;
  key: string | undefined;
  passphrase: string | undefined;
  servername: string | undefined;
  alpn: string[] | undefined;
  minVersion: 'TLSv1.2' | 'TLSv1.3';
  maxVersion: 'TLSv1.2' | 'TLSv1.3' | undefined;
  ciphers: string | undefined;
  insecureSkipVerify: boolean;
}

/** One attempt to connect. */
export interface EngineOpen {
  /** tcp | tls | ws | wss */
  transport: 'tcp' | 'tls' | 'ws' | 'wss';
  host: string;
  port: number;
  /** Path and query of ws and wss, `/` at least. */
  path: string;
  tls: EngineTls | undefined;
  protocolVersion: 4 | 5;
  cleanStart: boolean;
  keepAlive: number;
  clientId: string;
  username: string | undefined;
  password: Uint8Array | undefined;
  will: EngineWill | undefined;
  /** CONNECT's properties (version 5). */
  properties: Uint8Array | undefined;
  receiveMaximum: number;
  /** 0: no limit below the protocol's. */
  maximumPacketSize: number;
  topicAliasMaximum: number;
  /** Topic aliases this side may use in PUBLISH, before the server's Topic Alias Maximum lowers it; 0: none. */
  outgoingTopicAliases: number;
  /** Unacknowledged QoS 1/2 publishes, before the server's Receive Maximum lowers it. */
  window: number;
  /**
   * Publishes that may wait in the engine for room in the window before publish() says false. The native engine counts those in flight,
   * too.
   */
  lookAhead: number;
  connectTimeout: number;
}

/**
 * How an attempt, a connection or a request ended. `code` is one of ERR_MQTT_* of lib/errors.ts; `reasonCode` is the server's, where
 * it gave one.
 */
export interface EngineFailure {
  code: string;
  message: string;
  reasonCode: number | undefined;
  properties: Uint8Array | undefined;
  cause?: unknown;
}

export interface EngineConnected {
  sessionPresent: boolean;
  protocolVersion: 4 | 5;
  /** CONNACK's properties (version 5). */
  properties: Uint8Array | undefined;
}

/** Flags of a message or a publish: qos | retain << 2 | dup << 3. */
export type MessageFlags = number;

/** The upper side of an engine. Called on the client's own thread, never from inside a call into the engine. */
export interface EngineSink<M> {
  /**
   * Makes the object that onMessages() gets; called once a message. The bytes of the payload are `slab[offset, offset + length)`, the
   * properties' `slab[propertiesOffset, propertiesOffset + propertiesLength)`. The slab is never written again;
   * nothing was decoded yet.
   */
  createMessage(
    topic: string,
    slab: Uint8Array,
    offset: number,
    length: number,
    propertiesOffset: number,
    propertiesLength: number,
    flags: MessageFlags,
  ): M;
  onConnected(result: EngineConnected): void;
  /** The attempt failed. Nothing of it is left but the session of an earlier connection; open() may be called again. */
  onOpenFailed(failure: EngineFailure): void;
  /**
   * A publish that was taken and not sent goes back, in order, before onDisconnected(): whoever takes it now has its slot and its share
   * of the account, onCredit() does not report it. `payload` and `properties` are the receiver's.
   */
  onUnsent(topic: string, payload: Uint8Array | string, flags: MessageFlags, properties: Uint8Array | undefined, slot: number): void;
  /**
   * The connection ended. Before that SUBSCRIBE and UNSUBSCRIBE without an answer and QoS 0 not yet written have failed, and what was not
   * sent went back by onUnsent(). What is left is the session (4.1): QoS 1 and 2 publishes sent and not acknowledged, with their slots,
   * and QoS 2 messages received and not released. open() may be called again: where the server then has the session, they go on, sent
   * again with DUP, their identifiers and in their order; where it has not, they fail before onConnected().
   */
  onDisconnected(failure: EngineFailure): void;
  /**
   * A publish with a slot is finished: reasonCode 0 (or 16 No matching subscribers, or an error code of the server); properties of the
   * acknowledgement.
   */
  onPublished(slot: number, reasonCode: number, properties: Uint8Array | undefined): void;
  /** A publish, subscribe or unsubscribe with this slot has failed without an answer of the server. */
  onRequestFailed(slot: number, failure: EngineFailure): void;
  /** SUBACK or UNSUBACK: a reason code a filter (UNSUBACK of 3.1.1: empty). */
  onSubscribed(slot: number, reasonCodes: Uint8Array, properties: Uint8Array | undefined): void;
  onUnsubscribed(slot: number, reasonCodes: Uint8Array, properties: Uint8Array | undefined): void;
  /** Messages that left the engine (QoS 0: written; QoS 1, 2: acknowledged or failed), and their bytes. */
  onCredit(messages: number, bytes: number): void;
  /** publish() said false; it will say true now. */
  onRoom(): void;
  /**
   * Messages in order of arrival. `from` is the first one not yet handed out; returns the index behind the last one that was. When it
   * returns less than
   * batch.length the engine keeps the rest and calls again after a turn of the event loop. `deadline` (performance.now) is when to stop.
   */
  onMessages(batch: M[], from: number, deadline: number): number;
}

export interface Engine {
  readonly info: EngineInfo;
  /**
   * Starts one attempt; onConnected() or onOpenFailed() follows. An engine is one session: with `cleanStart` what is left of an earlier
   * connection fails; without it, and with the same protocol version, it goes on.
   */
  open(options: EngineOpen): void;
  /**
   * Takes a publish. False: no room now, nothing was taken; onRoom() follows, or the end of the connection. The payload is copied before
   * it returns (a string is written as UTF-8). `slot` -1: nobody waits for the result. Topic, flags, properties have been validated. Bytes
   * count as reported by onCredit(). While it waits for the window its Message Expiry Interval runs: the seconds are taken off when it is
   * sent or goes back, and when none are left it fails with
   * ERR_MQTT_EXPIRED. The engine may replace the topic by a Topic Alias.
   */
  publish(topic: string, payload: Uint8Array | string, flags: MessageFlags, properties: Uint8Array | undefined, slot: number): boolean;
  /** options: a byte a filter as in SUBSCRIBE's payload (3.8.3.1). */
  subscribe(slot: number, filters: readonly string[], options: Uint8Array, properties: Uint8Array | undefined): void;
  unsubscribe(slot: number, filters: readonly string[], properties: Uint8Array | undefined): void;
  /**
   * The next `count` QoS 1/2 messages in order of arrival are done with: acknowledge them with this reason code (0 in 3.1.1). Counts over
   * all connections of the engine: of a message that came by an earlier one nothing is sent, but a QoS 2 exchange that the server repeats
   * is answered from then on, and not delivered again; with a reason code of 0x80 and above it is forgotten, and a repetition is delivered.
   */
  ack(count: number, reasonCode: number): void;
  /** `messages` of those handed to onMessages(), with `bytes` of payload, no longer wait in an inbox of lib: room for more. */
  taken(messages: number, bytes: number): void;
  /**
   * DISCONNECT (properties: version 5) after everything taken before it was written, then close; onDisconnected() or onOpenFailed()
   * with ERR_MQTT_CLOSED follows.
   */
  close(reasonCode: number, properties: Uint8Array | undefined): void;
  /** Ends at once, without DISCONNECT. Nothing is reported any more: pending slots are the caller's to settle. */
  destroy(): void;
  /** Whether an open engine keeps the process alive; as an open socket, it does unless unref() was called. */
  ref(): void;
  unref(): void;
}
