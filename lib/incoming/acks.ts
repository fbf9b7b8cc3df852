import type { Engine } from '../engine/engine.js';
import type { IncomingMessage } from './message.js';

/** So many finished messages are reported without waiting for the end of the turn. */
const FLUSH_AT = 256;

/**
 * The messages of one connection on their way to being acknowledged. The engine is told how many of the next ones, in order of arrival,
 * are done with [MQTT-4.6.0-2], so a message that is still worked on holds those behind it. Most messages are finished when the dispatcher
 * comes back: they are counted and never stored.
 */
export class AckLine {
  readonly protocolVersion: 4 | 5;
  /** The engine was destroyed: nothing can be reported any more, and nothing of it is to be handed out. */
  engineGone = false;
  readonly #engine: Engine;
  /** The connection still stands: acknowledgements mean something. */
  #open = true;

  /** QoS 1 and 2 messages from the first unfinished one on. */
  readonly #line: IncomingMessage[] = [];
  #head = 0;

  #ready = 0;
  #readyCode = 0;
  #taken = 0;
  #takenBytes = 0;
  #flushPlanned = false;
  /** The dispatcher is at work and will flush when it is done with the batch. */
  batching = false;

  constructor(engine: Engine, protocolVersion: 4 | 5) {
    this.#engine = engine;
    this.protocolVersion = protocolVersion;
  }

  /** The dispatcher has handed a message to everybody. Called once a message, in order of arrival. */
  dispatched(message: IncomingMessage): void {
    const done = --message.holds === 0;
    if (done) {
      this.#taken++;
      this.#takenBytes += message.length;
    }
    if ((message.flags & 3) === 0) return;
    if (this.#head === this.#line.length && message.finished) this.#finish(message.reasonCode);
    else this.#line.push(message);
  }

  /** Nobody holds this message any more. */
  released(message: IncomingMessage): void {
    this.#taken++;
    this.#takenBytes += message.length;
    if ((message.flags & 3) !== 0) this.advance();
    this.#planFlush();
  }

  /** Counts what is finished at the head of the line. */
  advance(): void {
    const line = this.#line;
    while (this.#head < line.length && line[this.#head]!.finished) {
      this.#finish(line[this.#head]!.reasonCode);
      this.#head++;
    }
    if (this.#head === line.length) {
      line.length = 0;
      this.#head = 0;
    } else if (this.#head >= 1024) {
      line.splice(0, this.#head);
      this.#head = 0;
    }
    if (this.#ready !== 0) this.#planFlush();
  }

  /** Tells the engine. */
  flush(): void {
    if (this.engineGone) return;
    const engine = this.#engine;
    if (this.#taken !== 0) {
      engine.taken(this.#taken, this.#takenBytes);
      this.#taken = this.#takenBytes = 0;
    }
    if (this.#ready !== 0) {
      engine.ack(this.#ready, this.#readyCode);
      this.#ready = 0;
    }
  }

  /**
   * The connection has ended. `engineGone`: and the engine with it. What still waits in inboxes of a connection that ended is reported as
   * taken only.
   */
  end(engineGone: boolean): void {
    this.#open = false;
    this.#line.length = 0;
    this.#head = 0;
    this.#ready = 0;
    if (engineGone) this.engineGone = true;
  }

  #finish(reasonCode: number): void {
    if (!this.#open) return;
    if (reasonCode !== this.#readyCode) {
      if (this.#ready !== 0) {
        this.#engine.ack(this.#ready, this.#readyCode);
        this.#ready = 0;
      }
      this.#readyCode = reasonCode;
    }
    this.#ready++;
  }

  /**
   * A loop that takes one message after another is a chain of microtasks: nextTick runs when the chain is done, so all of it is one
   * report.
   */
  #planFlush(): void {
    if (this.batching) return;
    if (this.#ready >= FLUSH_AT || this.#taken >= FLUSH_AT) {
      this.flush();
    } else if (!this.#flushPlanned) {
      this.#flushPlanned = true;
      process.nextTick(() => {
        this.#flushPlanned = false;
        this.flush();
      });
    }
  }
}
