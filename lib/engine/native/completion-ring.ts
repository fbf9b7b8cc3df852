import * as layout from './layout.js';

const { CTL_CQ_TAIL, CTL_CQ_HEAD, C_CLIENT, C_SLOT, C_CODE, C_BYTES, COMPLETION_WORDS } = layout;

/** What a completion reaches. Called from inside drain(); may throw, the entry counts as taken. */
export interface CompletionTarget {
  onCompletion(slot: number, code: number): void;
  onCredit(messages: number, bytes: number): void;
}

/** Finished requests and credits, reactor to JavaScript: four words each. This thread owns `head`. */
export class CompletionRing {
  private readonly mask: number;
  private head = 0;

  constructor(
    private readonly control: Int32Array,
    private readonly entries: Int32Array,
  ) {
    this.mask = entries.length / COMPLETION_WORDS - 1;
  }

  /** How far the reactor is; drain() goes no further than what it is given. */
  tail(): number {
    return Atomics.load(this.control, CTL_CQ_TAIL);
  }

  /** How far this thread is; overflows. */
  get position(): number {
    return this.head;
  }

  /** Hands out what stands before `end`, `most` entries of it; true: the head moved. Entries of clients that are gone are dropped. */
  drain(targets: readonly (CompletionTarget | undefined)[], end: number, most: number): boolean {
    const first = this.head;
    if (first === end) return false;
    const tail = ((end - first) | 0) > most ? (first + most) | 0 : end;
    const { entries, mask } = this;
    try {
      while (this.head !== tail) {
        const at = (this.head & mask) * COMPLETION_WORDS;
        const target = targets[entries[at + C_CLIENT]!];
        const slot = entries[at + C_SLOT]!;
        const code = entries[at + C_CODE]!;
        const bytes = entries[at + C_BYTES]!;
        this.head = (this.head + 1) | 0;
        if (target === undefined) continue;
        if (slot >= 0) target.onCompletion(slot, code);
        else target.onCredit(code, bytes);
      }
    } finally {
      Atomics.store(this.control, CTL_CQ_HEAD, this.head);
    }
    return true;
  }

  /** For the last look before this thread sleeps. */
  hasNews(): boolean {
    return Atomics.load(this.control, CTL_CQ_TAIL) !== this.head;
  }
}
