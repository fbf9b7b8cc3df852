/**
 * How requests ended, kept until they can be told: never from inside a call into the engine. Belongs to the engine and not to a connection,
 * because what a session has kept ends also between two of them.
 */
import type { EngineFailure, EngineSink } from '../engine.js';
import type { Publication } from './publication.js';

/** The end of a publish that somebody waits for. */
interface Answer {
  slot: number;
  reasonCode: number;
  properties: Uint8Array | undefined;
}

type OutcomeSink = Pick<EngineSink<unknown>, 'onPublished' | 'onRequestFailed' | 'onCredit'>;

export class Outcomes {
  readonly #sink: OutcomeSink;
  /** What the sink throws leaves the rest to be told later. */
  readonly #answers: Answer[] = [];
  readonly #failures: { slot: number; failure: EngineFailure }[] = [];
  #messages = 0;
  #bytes = 0;
  #planned = false;

  constructor(sink: OutcomeSink) {
    this.#sink = sink;
  }

  /** Told at the next report(), which the caller sees to; slot -1: nobody waits. */
  published(slot: number, reasonCode: number, properties: Uint8Array | undefined): void {
    if (slot >= 0) {
      this.#answers.push({ slot, reasonCode, properties });
    }
  }

  /** Told at the next report(), which the caller sees to. */
  credit(messages: number, bytes: number): void {
    this.#messages += messages;
    this.#bytes += bytes;
  }

  /** Any request has failed; told at the end of the turn at the latest. */
  failed(slot: number, failure: EngineFailure): void {
    if (slot >= 0) {
      this.#failures.push({ slot, failure });
      this.#reportSoon();
    }
  }

  /** A publish has failed; told at the end of the turn at the latest. */
  publishFailed({ slot, bytes }: Publication, failure: EngineFailure): void {
    this.failed(slot, failure);
    this.credit(1, bytes);
    this.#reportSoon();
  }

  /** Tells everything. Not from inside a call into the engine. */
  report(): void {
    try {
      tell(this.#answers, ({ slot, reasonCode, properties }) => this.#sink.onPublished(slot, reasonCode, properties));
      tell(this.#failures, ({ slot, failure }) => this.#sink.onRequestFailed(slot, failure));
      if (this.#messages > 0) {
        const messages = this.#messages;
        const bytes = this.#bytes;
        this.#messages = this.#bytes = 0;
        this.#sink.onCredit(messages, bytes);
      }
    } finally {
      if (this.#answers.length > 0 || this.#failures.length > 0 || this.#messages > 0) {
        this.#reportSoon();
      }
    }
  }

  /** Nothing of all this is told. */
  clear(): void {
    this.#answers.length = this.#failures.length = 0;
    this.#messages = this.#bytes = 0;
  }

  #reportSoon(): void {
    if (this.#planned) return;
    this.#planned = true;
    process.nextTick(() => {
      this.#planned = false;
      this.report();
    });
  }
}

/** The list may grow and may be cleared meanwhile. */
function tell<T>(list: T[], one: (outcome: T) => void): void {
  let next = 0;
  try {
    while (next < list.length) {
      next += 1;
      one(list[next - 1]!);
    }
  } finally {
    list.splice(0, next);
  }
}
