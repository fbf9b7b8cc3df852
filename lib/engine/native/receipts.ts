import { SUBMIT_ACK, SUBMIT_TAKEN } from './layout.js';
import type { SubmissionRing } from './submission-ring.js';

/** The record's length word is an int32. */
const MAX_BYTES = 0x7fffffff;

/**
 * What a client owes the core for messages it got: acknowledgements and room in the inbox. Collected, and written as one record each. The
 * core counts acknowledgements over all connections of a client, so none is forgotten when one ends.
 */
export class Receipts {
  /** Set while the client stands in the environment's list of those that owe something. */
  listed = false;
  private messages = 0;
  private bytes = 0;
  /** The next acknowledgements, all with the same reason code ... */
  private count = 0;
  private reasonCode = 0;
  /** ... and those before them that have others: count, reason code, count, reason code ... In order of arrival. */
  private before: number[] | undefined;

  taken(messages: number, bytes: number): void {
    this.messages += messages;
    this.bytes += bytes;
  }

  ack(count: number, reasonCode: number): void {
    if (reasonCode !== this.reasonCode && this.count !== 0) {
      (this.before ??= []).push(this.count, this.reasonCode);
      this.count = 0;
    }
    this.reasonCode = reasonCode;
    this.count += count;
  }

  clear(): void {
    this.count = 0;
    this.before = undefined;
    this.messages = this.bytes = 0;
  }

  /** Writes what there is room for; false: the rest waits for room. */
  write(ring: SubmissionRing, client: number): boolean {
    if (this.before !== undefined && !this.writeBefore(ring, client)) return false;
    if (this.count !== 0) {
      if (!ring.note(SUBMIT_ACK, client, this.count, 0, this.reasonCode)) return false;
      this.count = 0;
    }
    while (this.messages !== 0 || this.bytes !== 0) {
      const bytes = Math.min(this.bytes, MAX_BYTES);
      if (!ring.note(SUBMIT_TAKEN, client, this.messages, bytes, 0)) return false;
      this.messages = 0;
      this.bytes -= bytes;
    }
    return true;
  }

  private writeBefore(ring: SubmissionRing, client: number): boolean {
    const before = this.before!;
    let written = 0;
    while (written < before.length && ring.note(SUBMIT_ACK, client, before[written]!, 0, before[written + 1]!)) written += 2;
    if (written === before.length) this.before = undefined;
    else before.splice(0, written);
    return this.before === undefined;
  }
}
