/**
 * mqtt.js behind one connection. It comes in when the server has accepted the connection: it chooses identifiers, keeps the handshakes of
 * QoS 1 and 2, SUBSCRIBE and UNSUBSCRIBE, and answers PUBREL. Its reconnect, queue, keepalive, time limits, re-subscribe and log are
 * switched off: that is policy, and lib's. Its stores are never asked for anything: what outlives the connection is kept by session.ts.
 */
import type { MqttClient } from 'mqtt';
import type { EngineOpen } from '../engine.js';
import { PeerIdentifiers } from './identifiers.js';
import type { Identifiers } from './identifiers.js';
import { loadMqtt } from './load.js';
import type { OutgoingPackets } from './outgoing-packets.js';
import type { Publication } from './publication.js';
import { MqttStream } from './stream.js';

const NOTHING = new Uint8Array(0);
const nothing = (): void => undefined;
/** Longest time a timer takes: mqtt.js is started with CONNACK in hand, so its own limit never counts. */
const NEVER = 0x7fff_ffff;

const QOS = [0, 1, 2, 2] as const;
const PUBLISH_OPTIONS = Array.from({ length: 8 }, (_, flags) => ({ qos: QOS[flags & 3]!, retain: (flags & 4) !== 0 }));
const SUBSCRIBE_OPTIONS = { qos: 0 as const };

export class MqttPeer {
  readonly #identifiers: PeerIdentifiers;
  readonly #packets: OutgoingPackets;
  readonly #failed: (error: unknown) => void;
  #stream: MqttStream | undefined;
  #client: MqttClient | undefined;

  /** `failed`: mqtt.js gave up, or threw. May be called from inside a call. */
  constructor(identifiers: Identifiers, packets: OutgoingPackets, failed: (error: unknown) => void) {
    this.#identifiers = new PeerIdentifiers(identifiers);
    this.#packets = packets;
    this.#failed = failed;
  }

  /** `connack`: the packet that accepted the connection. */
  start(options: EngineOpen, connack: Uint8Array): void {
    const stream = new MqttStream(this.#packets, () => this.#failed(new Error('mqtt.js ended the connection')));
    this.#stream = stream;
    const { MqttClient: Client } = loadMqtt();
    this.#client = new Client(() => stream, {
      protocolVersion: options.protocolVersion,
      clean: options.cleanStart,
      clientId: 'mqtt-native',
      keepalive: 0,
      reconnectPeriod: 0,
      connectTimeout: NEVER,
      resubscribe: false,
      queueQoSZero: false,
      messageIdProvider: this.#identifiers,
      log: nothing,
    });
    this.#client.on('error', this.#failed);
    this.feed(connack);
    if (!this.#client.connected) {
      this.#failed(new Error('mqtt.js did not take CONNACK'));
    }
  }

  /** A whole packet that has passed the guard. */
  feed(packet: Uint8Array): void {
    try {
      this.#stream?.feed(packet);
    } catch (error) {
      this.#failed(error);
    }
  }

  /** False: mqtt.js did not write it. What it wrote is in `packets.addition`. */
  publish({ topic, payload, payloadLength, owned, flags, properties }: Publication): boolean {
    const { addition } = this.#packets;
    addition.topic = topic;
    addition.payload = payload;
    addition.payloadLength = payloadLength;
    addition.owned = owned;
    addition.dup = (flags & 8) !== 0;
    addition.properties = properties ?? NOTHING;
    return this.#write((client) => client.publish(topic, '', PUBLISH_OPTIONS[flags & 7]));
  }

  subscribe(filters: readonly string[], options: Uint8Array, properties: Uint8Array | undefined): boolean {
    const { addition } = this.#packets;
    addition.options = options;
    addition.properties = properties ?? NOTHING;
    return this.#write((client) => client.subscribe([...filters], SUBSCRIBE_OPTIONS, nothing));
  }

  unsubscribe(filters: readonly string[], properties: Uint8Array | undefined): boolean {
    const { addition } = this.#packets;
    addition.properties = properties ?? NOTHING;
    return this.#write((client) => client.unsubscribe([...filters], nothing));
  }

  /** Takes everything from mqtt.js; it may still clear up after itself, and is not listened to. */
  destroy(): void {
    this.#identifiers.cut();
    this.#stream?.destroy();
    this.#stream = undefined;
    this.#client = undefined;
  }

  #write(request: (client: MqttClient) => void): boolean {
    const { addition } = this.#packets;
    addition.written = false;
    if (this.#client !== undefined) {
      try {
        request(this.#client);
      } catch (error) {
        this.#failed(error);
      }
    }
    addition.payload = addition.options = addition.properties = NOTHING;
    return addition.written;
  }
}
