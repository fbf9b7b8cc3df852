/**
 * The state of a session (4.1), which outlives connections: what was sent and not acknowledged, the Packet Identifiers it takes, what the
 * application still works on, and what the guard knows of both directions.
 */
import type { EngineOpen } from '../engine.js';
import { Acks } from './acks.js';
import { lostUnanswered } from './failure.js';
import { Guard } from './guard.js';
import { Identifiers } from './identifiers.js';
import { Leftovers } from './leftovers.js';
import type { Outcomes } from './outcomes.js';
import type { Publication } from './publication.js';

export class Session {
  readonly guard = new Guard();
  readonly identifiers = new Identifiers();
  readonly acks = new Acks(this.guard);
  /** QoS 1 and 2, sent and not acknowledged, by identifier; in the order in which they were first sent. */
  readonly inFlight = new Map<number, Publication>();
  /** Of an earlier process. Undefined: there can be none. */
  leftovers: Leftovers | undefined;
  readonly #outcomes: Outcomes;
  /** Of the last connection that stood. */
  #version: 4 | 5 | undefined;
  /** PUBRECs so far: PUBRELs are sent again in their order [MQTT-4.6.0-4]. */
  #released = 0;

  constructor(outcomes: Outcomes) {
    this.#outcomes = outcomes;
  }

  /** A new attempt to connect. What cannot go on with it fails. */
  begin({ cleanStart, protocolVersion }: EngineOpen): void {
    if (cleanStart || (this.#version !== undefined && this.#version !== protocolVersion)) {
      this.#lose();
    }
  }

  /** CONNACK has come. Where the server has no session, what was kept fails: nobody knows whether the server got it. */
  connected(version: 4 | 5, sessionPresent: boolean): void {
    const remembers = this.#version !== undefined;
    this.#version = version;
    if (!sessionPresent) {
      this.#lose();
    } else if (!remembers) {
      this.leftovers = new Leftovers(this.identifiers, this.guard);
    }
  }

  /** PUBREC has come: from here on only PUBREL is sent again [MQTT-4.3.3-6]. */
  release(publication: Publication): void {
    this.#released += 1;
    publication.released = this.#released;
  }

  /** The connection is over. SUBSCRIBE and UNSUBSCRIBE are no part of the session. */
  disconnected(): void {
    this.acks.detach();
    this.leftovers?.disconnected();
    this.identifiers.keepOnly(this.inFlight.keys());
  }

  /** Forgets everything and tells nobody. */
  clear(): void {
    this.leftovers = undefined;
    this.inFlight.clear();
    this.identifiers.keepOnly([]);
    this.guard.forget();
    this.acks.forget();
  }

  #lose(): void {
    if (this.inFlight.size > 0) {
      const failure = lostUnanswered();
      for (const publication of this.inFlight.values()) {
        this.#outcomes.publishFailed(publication, failure);
      }
    }
    this.clear();
  }
}
