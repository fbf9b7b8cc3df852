/**
 * The parts of one connection, and what joins them.
 *
 *   in    transport -> incoming-stream (guard) -> incoming-packets -> inbox (PUBLISH), mqtt-peer, window, requests
 *   out   window -> mqtt-peer (mqtt.js) -> outgoing-packets -> publish-writer -> outgoing-stream -> transport
 *         resend (what the session has kept) -> publish-writer
 */
import type { EngineFailure, EngineOpen, EngineSink } from '../engine.js';
import { dial } from './dial.js';
import { failureOf } from './failure.js';
import { Farewell } from './farewell.js';
import { IncomingPackets } from './incoming-packets.js';
import type { ConnectionHandler } from './incoming-packets.js';
import type { Inbox } from './inbox.js';
import { IncomingStream } from './incoming-stream.js';
import { Keepalive } from './keepalive.js';
import { MqttPeer } from './mqtt-peer.js';
import type { Outcomes } from './outcomes.js';
import { OutgoingAliases } from './outgoing-aliases.js';
import { OutgoingPackets } from './outgoing-packets.js';
import { OutgoingStream } from './outgoing-stream.js';
import {
  MAXIMUM_PACKET_SIZE, RECEIVE_MAXIMUM, REQUEST_PROBLEM_INFORMATION, SERVER_KEEP_ALIVE, TOPIC_ALIAS_MAXIMUM, numberIn,
} from './properties.js';
import { PublishWriter } from './publish-writer.js';
import { Requests } from './requests.js';
import { Resend } from './resend.js';
import type { Session } from './session.js';
import type { Transport, TransportHandler } from './transport.js';
import { Window } from './window.js';

const LARGEST_WINDOW = 65_535;

/** What belongs to the engine and outlives the connection. */
export interface Owner<M> {
  readonly sink: EngineSink<M>;
  readonly inbox: Inbox<M>;
  readonly outcomes: Outcomes;
  readonly session: Session;
  /** Told after the last message. */
  onEnd(failure: EngineFailure, wasConnected: boolean): void;
}

/** What the parts ask of the connection. */
export interface PartsHandler extends TransportHandler, ConnectionHandler {
  /** The kernel has taken bytes. */
  progressed(): void;
  /** Sends PINGREQ if it can be sent; returns the place in the outgoing stream behind it. */
  ping(): number;
  /** The connection cannot go on. May be called from inside a call into the engine. */
  gaveUp(failure: EngineFailure): void;
}

export class Parts<M> {
  readonly transport: Transport;
  readonly out: OutgoingStream;
  readonly farewell: Farewell;
  readonly peer: MqttPeer;
  readonly window: Window;
  readonly requests: Requests<M>;
  readonly keepalive: Keepalive;
  readonly incoming: IncomingStream;
  readonly #options: EngineOpen;
  readonly #publishes: PublishWriter;

  /** Throws what dial() throws. */
  constructor(options: EngineOpen, { session, outcomes, sink, inbox }: Owner<M>, connection: PartsHandler) {
    const { guard, acks, identifiers } = session;
    const version = options.protocolVersion;
    this.#options = options;
    const transport = this.transport = dial(options, connection);
    const out = this.out = new OutgoingStream(transport, () => connection.progressed());
    this.farewell = new Farewell(out, transport, guard);
    const publishes = this.#publishes = new PublishWriter(version, out, guard);
    const packets = new OutgoingPackets(version, out, guard, publishes);
    const peer = this.peer = new MqttPeer(identifiers, packets, (error) => {
      const message = error instanceof Error ? error.message : String(error);
      connection.gaveUp(failureOf('ERR_MQTT_PROTOCOL', `mqtt.js: ${message}`, { cause: error }));
    });
    const resend = new Resend(session, out, publishes);
    const window = this.window = new Window(version, options.lookAhead, sink, { session, outcomes, peer, packets, out, resend });
    const requests = this.requests = new Requests(version, sink, inbox, identifiers, peer, packets);
    const keepalive = this.keepalive = new Keepalive({
      ping: () => connection.ping(),
      written: () => out.written,
      lost: () => connection.gaveUp(failureOf('ERR_MQTT_KEEP_ALIVE', 'the server did not answer PINGREQ in time')),
    });
    const receivers = { session, guard, inbox, acks, window, resend, requests, peer, keepalive };
    this.incoming = new IncomingStream(guard, new IncomingPackets(options, receivers, connection));
    guard.start({
      version,
      cleanStart: options.cleanStart,
      authentication: false,
      requestProblemInformation: numberIn(options.properties, REQUEST_PROBLEM_INFORMATION) !== 0,
      maximumPacketSize: options.maximumPacketSize,
      receiveMaximum: options.receiveMaximum,
      topicAliasMaximum: options.topicAliasMaximum,
      session: !options.cleanStart,
    });
  }

  /** What CONNACK says about what this side may send. Keepalive begins. */
  applyLimits(connack: Uint8Array | undefined): void {
    const { window, keepAlive, outgoingTopicAliases } = this.#options;
    this.window.limit = Math.min(window === 0 ? LARGEST_WINDOW : window, numberIn(connack, RECEIVE_MAXIMUM) ?? LARGEST_WINDOW);
    const largest = numberIn(connack, MAXIMUM_PACKET_SIZE) ?? 0;
    this.window.maximumPacketSize = this.requests.maximumPacketSize = this.#publishes.maximumPacketSize = largest;
    const aliases = Math.min(outgoingTopicAliases, numberIn(connack, TOPIC_ALIAS_MAXIMUM) ?? 0);
    this.#publishes.aliases = aliases > 0 ? new OutgoingAliases(aliases) : undefined;
    this.keepalive.start(numberIn(connack, SERVER_KEEP_ALIVE) ?? keepAlive);
  }
}
