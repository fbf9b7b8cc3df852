/**
 * Packet Identifiers of a session: they start at 1, go round, and leave out what is in use [MQTT-2.2.1-3]. mqtt.js's own count up and hand
 * out an identifier again although it is still in use.
 */
const LARGEST = 65_535;

export class Identifiers {
  readonly #used = new Set<number>();
  #last = 0;

  get used(): number {
    return this.#used.size;
  }

  get full(): boolean {
    return this.#used.size === LARGEST;
  }

  /** What allocate() will give; undefined: all are in use. */
  get next(): number | undefined {
    if (this.full) {
      return undefined;
    }
    let id = this.#last;
    do {
      id = id === LARGEST ? 1 : id + 1;
    } while (this.#used.has(id));
    return id;
  }

  /** Null: all are in use. */
  allocate(): number | null {
    const id = this.next;
    if (id === undefined) {
      return null;
    }
    this.#last = id;
    this.#used.add(id);
    return id;
  }

  /** This one, out of turn. False: it is in use. */
  take(id: number): boolean {
    if (this.#used.has(id)) {
      return false;
    }
    this.#used.add(id);
    return true;
  }

  getLastAllocated(): number {
    return this.#last;
  }

  deallocate(id: number): void {
    this.#used.delete(id);
  }

  /** A connection has ended: those of SUBSCRIBE and UNSUBSCRIBE are free, these stay taken. */
  keepOnly(ids: Iterable<number>): void {
    const kept = [...ids];
    this.#used.clear();
    for (const id of kept) {
      this.#used.add(id);
    }
  }
}

/**
 * The same as mqtt.js's message id provider on one connection. mqtt.js clears its provider at CONNACK, and clears up after itself when the
 * connection has long ended: neither may free an identifier that the session keeps.
 */
export class PeerIdentifiers {
  #identifiers: Identifiers | undefined;

  constructor(identifiers: Identifiers) {
    this.#identifiers = identifiers;
  }

  /** The connection has ended. */
  cut(): void {
    this.#identifiers = undefined;
  }

  allocate(): number | null {
    return this.#identifiers?.allocate() ?? null;
  }

  getLastAllocated(): number | null {
    return this.#identifiers?.getLastAllocated() ?? null;
  }

  /** mqtt.js asks for a certain one only when it sends again, which it is not given to do. */
  register(): boolean {
    return false;
  }

  deallocate(id: number): void {
    this.#identifiers?.deallocate(id);
  }

  clear(): void {}
}
