/** The js engine: mqtt.js 5 behind the interface of engine.ts, for where the native addon does not load or cannot serve. */
import type { Engine, EngineFailure, EngineInfo, EngineOpen, EngineSink, MessageFlags } from '../engine.js';
import { Connection } from './connection.js';
import { failureOf } from './failure.js';
import { Inbox } from './inbox.js';
import { loadMqtt, mqttVersion } from './load.js';
import { Outcomes } from './outcomes.js';
import { publicationOf } from './publication.js';
import { Session } from './session.js';

export class JsEngine<M> implements Engine {
  readonly info: EngineInfo;
  readonly #sink: EngineSink<M>;
  readonly #inbox: Inbox<M>;
  readonly #outcomes: Outcomes;
  readonly #session: Session;
  #connection: Connection<M> | undefined;
  #ref = true;

  /** `reason`: why this engine serves. Throws when there is no mqtt.js, or one that must not be used. */
  constructor(sink: EngineSink<M>, reason: string) {
    // Now and not when the first server has answered: it takes longer than a connection.
    loadMqtt();
    this.info = { name: 'js', version: `mqtt.js ${mqttVersion()}`, reason };
    this.#sink = sink;
    this.#inbox = new Inbox(sink);
    this.#outcomes = new Outcomes(sink);
    this.#session = new Session(this.#outcomes);
  }

  open(options: EngineOpen): void {
    if (this.#connection !== undefined) {
      throw new Error('open() was called while the engine is open');
    }
    const onEnd = (failure: EngineFailure, wasConnected: boolean): void => {
      this.#connection = undefined;
      if (wasConnected) {
        this.#sink.onDisconnected(failure);
      } else {
        this.#sink.onOpenFailed(failure);
      }
    };
    this.#session.begin(options);
    const owner = { sink: this.#sink, inbox: this.#inbox, outcomes: this.#outcomes, session: this.#session, onEnd };
    try {
      this.#connection = new Connection(options, owner);
      this.#connection.setRef(this.#ref);
    } catch (error) {
      const failure = optionFailure(options, error);
      queueMicrotask(() => this.#sink.onOpenFailed(failure));
    }
  }

  publish(topic: string, payload: Uint8Array | string, flags: MessageFlags, properties: Uint8Array | undefined, slot: number): boolean {
    const publication = publicationOf(topic, payload, flags, properties, slot);
    if (this.#connection !== undefined) {
      return this.#connection.publish(publication);
    }
    this.#outcomes.publishFailed(publication, notConnected());
    return true;
  }

  subscribe(slot: number, filters: readonly string[], options: Uint8Array, properties: Uint8Array | undefined): void {
    if (this.#connection === undefined) {
      this.#outcomes.failed(slot, notConnected());
    } else {
      this.#connection.subscribe(slot, filters, options, properties);
    }
  }

  unsubscribe(slot: number, filters: readonly string[], properties: Uint8Array | undefined): void {
    if (this.#connection === undefined) {
      this.#outcomes.failed(slot, notConnected());
    } else {
      this.#connection.unsubscribe(slot, filters, properties);
    }
  }

  ack(count: number, reasonCode: number): void {
    this.#session.acks.ack(count, reasonCode);
  }

  taken(messages: number, bytes: number): void {
    this.#inbox.taken(messages, bytes);
  }

  close(reasonCode: number, properties: Uint8Array | undefined): void {
    this.#connection?.close(reasonCode, properties);
  }

  destroy(): void {
    this.#connection?.destroy();
    this.#connection = undefined;
    this.#inbox.clear();
    this.#outcomes.clear();
    this.#session.clear();
  }

  ref(): void {
    this.#ref = true;
    this.#connection?.setRef(true);
  }

  unref(): void {
    this.#ref = false;
    this.#connection?.setRef(false);
  }
}

function notConnected(): EngineFailure {
  return failureOf('ERR_MQTT_NOT_CONNECTED', 'there is no connection');
}

/** There was no attempt: node:net, node:tls or ws cannot use the options, or CONNECT cannot say them. */
function optionFailure(options: EngineOpen, thrown: unknown): EngineFailure {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  if (thrown instanceof RangeError) {
    return failureOf('ERR_MQTT_OPTION', message, { cause: thrown });
  }
  return options.tls === undefined
    ? failureOf('ERR_MQTT_CONNECT', `no connection: ${message}`, { cause: thrown })
    : failureOf('ERR_MQTT_TLS', `TLS: ${message}`, { cause: thrown });
}
