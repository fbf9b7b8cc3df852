import { performance } from 'node:perf_hooks';
import type { Inbox, InboxOwner } from './inbox.js';

/** A client with an inbox. */
export interface ReadyClient extends InboxOwner<unknown> {
  readonly inbox: Inbox<unknown>;
}

/** Clients with something in their inbox. One that is slow gets one share of the time a turn, and the others come before its next. */
export class ReadyList<T extends ReadyClient> {
  /** The longest waiting first. */
  private ready: T[] = [];
  /** They have had enough in this turn of the event loop. */
  private later: T[] = [];

  /** Nobody has anything, or only those who go on in the next turn. */
  get empty(): boolean {
    return this.ready.length === 0;
  }

  get hasLater(): boolean {
    return this.later.length !== 0;
  }

  add(client: T): void {
    client.inbox.listed = true;
    this.ready.push(client);
  }

  /** A new turn: who has had nothing yet comes before who has had enough. */
  turn(): void {
    if (this.later.length === 0) return;
    this.ready = this.ready.concat(this.later);
    this.later = [];
  }

  /** Lets every client hand out what its inbox holds, each once; false: the time is over. */
  handOut(deadline: number): boolean {
    const { ready } = this;
    let next = 0;
    let inTime = true;
    try {
      while (next < ready.length && inTime) {
        const client = ready[next++]!;
        client.inbox.listed = false;
        if (!client.inbox.hand(client, deadline)) {
          client.inbox.listed = true;
          this.later.push(client);
        }
        inTime = performance.now() < deadline;
      }
    } finally {
      // Also when a sink throws: nobody is forgotten.
      this.ready = next === ready.length ? [] : ready.slice(next);
    }
    return inTime;
  }
}
