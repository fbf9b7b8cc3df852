/**
 * What has come and is on its way up: messages in batches, and events that must not overtake them (SUBACK before the messages that follow
 * it, the end of a connection after its last message). Belongs to the engine and not to a connection: the application may still hold
 * messages of the one before, and they count.
 *
 * When the application holds too much, reading stops until half of it is taken.
 */
import type { EngineSink, MessageFlags } from '../engine.js';

const MOST_MESSAGES = 16_384;
const MOST_BYTES = 2 * 1024 * 1024;
/** ms of handing out before other work gets its turn. */
const SLICE = 5;
const LONGEST_BATCH = 1024;

/** Reading goes on (true) or stops (false). */
export type Reader = (on: boolean) => void;

type Segment<M> = M[] | (() => void);
const nothing = (): void => undefined;

export class Inbox<M> {
  readonly #sink: EngineSink<M>;
  #segments: Segment<M>[] = [];
  /** Of the first segment: the first message not yet handed out. */
  #from = 0;
  #delivering = false;
  #next: NodeJS.Immediate | undefined;
  /** Came and not yet taken. */
  #messages = 0;
  #bytes = 0;
  #paused = false;
  #reader: Reader | undefined;

  constructor(sink: EngineSink<M>) {
    this.#sink = sink;
  }

  /** A new connection reads; undefined: none does. */
  setReader(reader: Reader | undefined): void {
    this.#reader = reader;
    if (this.#paused) {
      reader?.(false);
    }
  }

  message(
    topic: string, slab: Uint8Array, offset: number, length: number,
    propertiesOffset: number, propertiesLength: number, flags: MessageFlags,
  ): void {
    const message = this.#sink.createMessage(topic, slab, offset, length, propertiesOffset, propertiesLength, flags);
    const last = this.#segments[this.#segments.length - 1];
    // A batch that is being handed out is the sink's: what comes meanwhile starts the next. A long one ends, so that what is handed out is
    // let go.
    if (Array.isArray(last) && !this.#delivering && last.length < LONGEST_BATCH) {
      last.push(message);
    } else {
      this.#segments.push([message]);
    }
    this.#messages += 1;
    this.#bytes += length;
    if (!this.#paused && (this.#messages >= MOST_MESSAGES || this.#bytes >= MOST_BYTES)) {
      this.#paused = true;
      this.#reader?.(false);
    }
  }

  /** Runs in its place among the messages, at the next deliver(). */
  event(run: () => void): void {
    this.#segments.push(run);
  }

  taken(messages: number, bytes: number): void {
    this.#messages -= messages;
    this.#bytes -= bytes;
    if (this.#paused && this.#messages < MOST_MESSAGES / 2 && this.#bytes < MOST_BYTES / 2) {
      this.#paused = false;
      this.#reader?.(true);
    }
  }

  /** Hands out what there is, for a while; goes on by itself in a later turn. Not from inside a call into the engine. */
  readonly deliver = (): void => {
    if (this.#delivering || this.#segments.length === 0) {
      return;
    }
    this.#delivering = true;
    try {
      const deadline = performance.now() + SLICE;
      while (this.#segments.length > 0) {
        const segment = this.#segments[0]!;
        if (typeof segment === 'function') {
          this.#segments.shift();
          segment();
        } else {
          const from = this.#from;
          // Should the sink throw, its batch is over: nothing is handed out twice.
          this.#segments[0] = nothing;
          this.#from = 0;
          const to = this.#sink.onMessages(segment, from, deadline);
          if (this.#segments[0] === nothing && to < segment.length) {
            this.#segments[0] = segment;
            this.#from = to;
            return;
          }
        }
      }
    } finally {
      this.#delivering = false;
      if (this.#segments.length > 0 && this.#next === undefined) {
        this.#next = setImmediate(() => {
          this.#next = undefined;
          this.deliver();
        });
      }
    }
  };

  /** Forgets everything. */
  clear(): void {
    this.#segments = [];
    this.#from = this.#messages = this.#bytes = 0;
    this.#paused = false;
    this.#reader = undefined;
    if (this.#next !== undefined) {
      clearImmediate(this.#next);
      this.#next = undefined;
    }
  }
}
