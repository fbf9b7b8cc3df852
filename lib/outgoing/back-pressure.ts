import type { ResolvedQueue } from '../options/queue-options.js';
import type { Account } from './account.js';
import type { Backlog } from './backlog.js';

/** What write() says, and the event 'drain' that follows when it has said false. */
export class BackPressure {
  /** write() said false and nobody has heard 'drain' yet. */
  #needDrain = false;

  constructor(
    private readonly options: ResolvedQueue,
    private readonly backlog: Backlog,
    private readonly account: Account,
    private readonly onDrain: () => void,
  ) {}

  /** Whether the producer may go on. Online what waits here means that the engine is busy; offline it is what the queue is for. */
  hasRoom(online: boolean): boolean {
    const { options, backlog, account } = this;
    if (
      backlog.length + account.messages < options.highWaterMessages &&
      backlog.bytes + account.bytes < options.highWaterBytes &&
      (backlog.length === 0 || (!online && !backlog.isFull))
    ) {
      return true;
    }
    this.#needDrain = true;
    return false;
  }

  /** Something has left: tells when half of everything is free. */
  look(online: boolean): void {
    if (!this.#needDrain) return;
    const { options, backlog, account } = this;
    if (
      backlog.length + account.messages <= options.highWaterMessages / 2 &&
      backlog.bytes + account.bytes <= options.highWaterBytes / 2 &&
      (online ? backlog.length === 0 : backlog.isHalfEmpty)
    ) {
      this.wake();
    }
  }

  /** Tells a producer that waits, whatever there is. */
  wake(): void {
    if (!this.#needDrain) return;
    this.#needDrain = false;
    this.onDrain();
  }
}
