/** QoS 0 messages that are not yet with the kernel. They end when they are, or fail with the connection. */
import type { EngineFailure } from '../engine.js';
import type { Outcomes } from './outcomes.js';
import type { OutgoingStream } from './outgoing-stream.js';

export class Unwritten {
  readonly #out: OutgoingStream;
  readonly #outcomes: Outcomes;
  /** Four numbers each: place in the outgoing stream where it ends, slot, messages, bytes. */
  #list: number[] = [];
  #next = 0;

  constructor(out: OutgoingStream, outcomes: Outcomes) {
    this.#out = out;
    this.#outcomes = outcomes;
  }

  /** One has been appended to the stream. `gathered`: where the stream's next write began before that. */
  add(slot: number, bytes: number, gathered: number): void {
    const list = this.#list;
    const last = list.length - 4;
    // Messages nobody waits for that leave in one write are one entry.
    if (slot < 0 && last >= this.#next && list[last + 1]! < 0 && list[last]! > gathered && gathered === this.#out.gathered) {
      list[last] = this.#out.appended;
      list[last + 2]! += 1;
      list[last + 3]! += bytes;
    } else {
      list.push(this.#out.appended, slot, 1, bytes);
    }
  }

  /** Ends those that the kernel has taken. */
  complete(): void {
    const list = this.#list;
    const { written } = this.#out;
    while (this.#next < list.length && list[this.#next]! <= written) {
      const at = this.#next;
      this.#next += 4;
      this.#outcomes.credit(list[at + 2]!, list[at + 3]!);
      this.#outcomes.published(list[at + 1]!, 0, undefined);
    }
    if (this.#next === list.length) {
      list.length = this.#next = 0;
    } else if (this.#next > 4096) {
      list.splice(0, this.#next);
      this.#next = 0;
    }
  }

  fail(failure: EngineFailure): void {
    const list = this.#list;
    for (let at = this.#next; at < list.length; at += 4) {
      this.#outcomes.failed(list[at + 1]!, failure);
      this.#outcomes.credit(list[at + 2]!, list[at + 3]!);
    }
    this.clear();
  }

  clear(): void {
    this.#list = [];
    this.#next = 0;
  }
}
