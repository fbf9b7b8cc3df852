/**
 * The outgoing half of a client without the rest: a test says when there is a connection, what the engine does and how a connection ends,
 * one call at a time. Publishes are told apart by their topics.
 */
import { errorFromFailure } from '../../dist/session/failure.js';
import { ConnectionLimits } from '../../dist/session/limits.js';
import { Sink } from '../../dist/session/sink.js';
import { Stats } from '../../dist/stats.js';
import { Outgoing } from '../../dist/outgoing/outgoing.js';
import { publish } from '../../dist/outgoing/publish.js';
import { write } from '../../dist/outgoing/write.js';
import type { MqttError, PublishOptions } from 'mqtt-native';
import type { Dispatcher } from '../../dist/incoming/dispatch.js';
import type { DroppedMessage } from '../../dist/outgoing/drop.js';
import type { ResolvedQueue } from '../../dist/options/queue-options.js';
import type { ServerLimits } from '../../dist/protocol/connack.js';
import { FakeEngine, watch } from './fake-engine.js';
import type { Outcome } from './fake-engine.js';

const QUEUE: ResolvedQueue = {
  maxMessages: 100_000, maxBytes: 64 * 1024 * 1024, overflow: 'reject', qos0: true, highWaterMessages: 16_384, highWaterBytes: 16 * 1024 * 1024,
};

const LIMITS: ServerLimits = {
  receiveMaximum: 65_535, maximumQoS: 2, retainAvailable: true, maximumPacketSize: 268_435_460, topicAliasMaximum: 0,
  wildcardSubscriptionAvailable: true, subscriptionIdentifiersAvailable: true, sharedSubscriptionAvailable: true,
  serverKeepAlive: undefined,
};

export class OutgoingRig {
  readonly stats = new Stats();
  /** `topic qos code` of each. */
  readonly drops: string[] = [];
  drains = 0;
  readonly outgoing: Outgoing;
  engine!: FakeEngine;
  /** What the session makes of the end of a connection. */
  onEnd: (error: MqttError) => void = () => this.outgoing.interrupted();
  onDrop: (dropped: DroppedMessage) => void = () => undefined;

  constructor(queue: Partial<ResolvedQueue> = {}, operationTimeout = 0) {
    this.outgoing = new Outgoing({ operationTimeout, queue: { ...QUEUE, ...queue }, clientId: 'rig' }, this.stats, {
      onDrain: () => { this.drains += 1; },
      onDrop: (dropped) => {
        this.drops.push(`${dropped.topic} ${dropped.qos} ${dropped.error.code}`);
        this.onDrop(dropped);
      },
    });
  }

  /** A connection is sought. */
  static seeking(queue: Partial<ResolvedQueue> = {}, operationTimeout = 0): OutgoingRig {
    const rig = new OutgoingRig(queue, operationTimeout);
    rig.outgoing.seek();
    return rig;
  }

  static connected(queue: Partial<ResolvedQueue> = {}, operationTimeout = 0): OutgoingRig {
    const rig = OutgoingRig.seeking(queue, operationTimeout);
    rig.connect();
    return rig;
  }

  /** A connection of a new engine, without resume(). */
  accept(limits: Partial<ServerLimits> = {}, protocolVersion: 4 | 5 = 5): FakeEngine {
    const events = {
      connected: () => undefined, openFailed: () => undefined, disconnected: (failure: never) => this.onEnd(errorFromFailure(failure)),
    };
    this.engine = new FakeEngine(new Sink(events, this.outgoing, {} as Dispatcher));
    this.outgoing.connected(this.engine, new ConnectionLimits(protocolVersion, { ...LIMITS, ...limits }));
    return this.engine;
  }

  connect(limits: Partial<ServerLimits> = {}, protocolVersion: 4 | 5 = 5): FakeEngine {
    this.accept(limits, protocolVersion);
    this.outgoing.resume();
    return this.engine;
  }

  /** The next connection of the same engine: it goes on with what it holds. */
  reconnect(): void {
    this.outgoing.connected(this.engine, new ConnectionLimits(5, LIMITS));
    this.outgoing.resume();
  }

  publish(topic: string, options?: PublishOptions, payload: string | Uint8Array = 'x'): Outcome {
    return watch(publish(this.outgoing, topic, payload, options));
  }

  write(topic: string, options?: PublishOptions, payload: string | Uint8Array = 'x'): boolean {
    return write(this.outgoing, topic, payload, options);
  }

  /** Topics of what the engine has, in order. */
  get topics(): string[] {
    return this.engine.published.map((one) => one.topic);
  }

  get queue(): { readonly messages: number; readonly bytes: number } {
    return this.outgoing.snapshot().queue;
  }
}
