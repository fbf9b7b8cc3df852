import type { Engine } from '../engine/engine.js';
import type { Identifiers } from './identifiers.js';
import { HELD, OPEN, type IncomingMessage } from './message.js';

/** So many finished messages are reported without waiting for the end of the turn. */
const FLUSH_AT = 256;

/** Implementation specific error: the server may send the message again. */
const GIVEN_UP = 0x83;

/**
 * The messages of one engine on their way to being acknowledged. The engine is told how many of the next ones, in order of arrival, are
 * done with [MQTT-4.6.0-2], so a message that is still worked on holds those behind it. Most messages are finished when the dispatcher
 * comes back: they are counted and never stored.
 *
 * The line goes on over the connections of its engine. Why:
 *   1. a message arrives, and its handler takes a while;
 *   2. the connection is lost, another one is made, and the server goes on with the session: a message arrives on it;
 *   3. the first handler is done. Were the line a new one for each connection, this would count as the end of the second message, which is
 *      still worked on, and a crash would lose it. Were it not counted at all, a QoS 2 message that the server repeats would never be
 *      answered.
 * So each keeps its place, and the engine, which counts as well, knows for which of them something is to be sent.
 */
export class AckLine {
  readonly engine: Engine;
  /** For the messages that came by the engine. */
  readonly identifiers: Identifiers;
  /** Of the present connection, or of the last one. */
  protocolVersion: 4 | 5;
  /** The engine was destroyed: nothing can be reported any more, and nothing of it is to be handed out. */
  engineGone = false;
  #connected = false;

  /** QoS 1 and 2 messages from the first unfinished one on. */
  readonly #line: IncomingMessage[] = [];
  #head = 0;
  /** So many of them, from the head on, came by connections that have ended. */
  #earlier = 0;

  #ready = 0;
  #readyCode = 0;
  #taken = 0;
  #takenBytes = 0;
  #flushPlanned = false;
  /** The dispatcher is at work and will flush when it is done with the batch. */
  batching = false;

  constructor(engine: Engine, protocolVersion: 4 | 5, identifiers: Identifiers) {
    this.engine = engine;
    this.protocolVersion = protocolVersion;
    this.identifiers = identifiers;
  }

  /** The dispatcher has handed a message to everybody. Called once a message, in order of arrival. */
  dispatched(message: IncomingMessage): void {
    const done = --message.holds === 0;
    if (done) {
      this.#taken++;
      this.#takenBytes += message.length;
    }
    if ((message.flags & 3) === 0 || this.engineGone) return;
    if (this.#head === this.#line.length && message.finished) this.#finish(message.reasonCode);
    else this.#push(message);
  }

  #push(message: IncomingMessage): void {
    this.#line.push(message);
    if (!this.#connected) this.#earlier++;
  }

  /** Nobody holds this message any more. */
  released(message: IncomingMessage): void {
    if (this.engineGone) return;
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
      if (this.#earlier > 0) this.#earlier--;
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
    const { engine } = this;
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
   * A handler has failed and its message is not to be acknowledged: it holds its place in the line until the connection has ended, and is
   * given up then, so that the engine forgets a QoS 2 exchange and takes the repetition for what it is, a message to be delivered. Whether
   * the present connection has to end for that; what is done is reported before.
   */
  hold(message: IncomingMessage): boolean {
    if (message.qos === 0 || message.answer !== OPEN || this.engineGone) return false;
    // Of an earlier connection, QoS 1: the server sends it again on this one, and that is a message of its own here. QoS 2: it is not, and
    // if the repetition has come it must not be answered.
    if (this.#connected && (message.qos === 2 || !this.#isEarlier(message))) {
      message.answer = HELD;
      this.flush();
      return true;
    }
    message.answer = GIVEN_UP;
    this.advance();
    return false;
  }

  #isEarlier(message: IncomingMessage): boolean {
    if (this.#earlier === 0) return false;
    const at = this.#line.indexOf(message, this.#head);
    return at >= 0 && at < this.#head + this.#earlier;
  }

  connected(protocolVersion: 4 | 5): void {
    this.protocolVersion = protocolVersion;
    this.#connected = true;
  }

  /** The connection has ended, the engine goes on with the session. */
  interrupted(): void {
    if (this.engineGone) return;
    this.#connected = false;
    const line = this.#line;
    this.#earlier = line.length - this.#head;
    for (let at = this.#head; at < line.length; at++) {
      if (line[at]!.answer === HELD) line[at]!.answer = GIVEN_UP;
    }
    this.advance();
    this.flush();
  }

  /** The engine is gone. */
  end(): void {
    this.engineGone = true;
    this.#connected = false;
    this.#line.length = 0;
    this.#head = this.#earlier = 0;
    this.#ready = this.#taken = this.#takenBytes = 0;
  }

  #finish(reasonCode: number): void {
    if (reasonCode !== this.#readyCode) {
      if (this.#ready !== 0) {
        this.engine.ack(this.#ready, this.#readyCode);
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
