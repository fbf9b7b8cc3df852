import type { EngineSink } from '../engine.js';

/** An event record, copied out of the ring. What the words mean depends on the kind (mqtt_native.h). */
export interface NativeEvent {
  readonly kind: number;
  readonly slot: number;
  readonly aux: number;
  readonly properties: Uint8Array | undefined;
  readonly payload: Uint8Array;
  /** Of a publish that goes back; '' and 0 otherwise. */
  readonly topic: string;
  readonly flags: number;
  /** Of an end: publishes of the session, in flight, and their bytes; 0 otherwise. */
  readonly keptMessages: number;
  readonly keptBytes: number;
}

/** Who an inbox belongs to. */
export interface InboxOwner<M> {
  readonly sink: EngineSink<M>;
  onEvent(event: NativeEvent): void;
}

/** What has arrived for one client and was not handed out yet: batches of messages and events, in order of arrival. */
export class Inbox<M> {
  /** Set while the client stands in the environment's list of those that have something. */
  listed = false;
  private items: (M[] | NativeEvent)[] = [];
  private next = 0;
  /** The message to go on with in the batch at `next`. */
  private from = 0;
  /** The last item, while it is a batch nobody has seen: messages are appended to it. A sink may keep what it was given. */
  private growing: M[] | undefined;

  push(message: M): void {
    if (this.growing !== undefined) this.growing.push(message);
    else this.items.push((this.growing = [message]));
  }

  pushEvent(event: NativeEvent): void {
    this.growing = undefined;
    this.items.push(event);
  }

  clear(): void {
    this.items = [];
    this.next = 0;
    this.from = 0;
    this.growing = undefined;
  }

  /**
   * Hands out until it is empty or the sink has had enough; false: something is left. The sink may call clear(). It should not throw; when
   * it does, the batch counts as handed out, because only the sink knows how far it came.
   */
  hand(owner: InboxOwner<M>, deadline: number): boolean {
    this.growing = undefined;
    const items = this.items;
    while (this.next < items.length) {
      const item = items[this.next++]!;
      if (Array.isArray(item)) {
        const from = this.from;
        this.from = 0;
        const reached = owner.sink.onMessages(item, from, deadline);
        if (this.items !== items) return true;
        if (reached < item.length) {
          this.next--;
          this.from = reached;
          return false;
        }
      } else {
        owner.onEvent(item);
        if (this.items !== items) return true;
      }
    }
    this.clear();
    return true;
  }
}
