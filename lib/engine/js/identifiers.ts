/**
 * Packet Identifiers, given to mqtt.js as its message id provider. Its own counts up and hands out an identifier again although it is
 * still in use; this one starts at 1, goes round, and leaves out what is in use [MQTT-2.2.1-3].
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

  /** Null: all are in use. */
  allocate(): number | null {
    if (this.full) {
      return null;
    }
    do {
      this.#last = this.#last === LARGEST ? 1 : this.#last + 1;
    } while (this.#used.has(this.#last));
    this.#used.add(this.#last);
    return this.#last;
  }

  getLastAllocated(): number {
    return this.#last;
  }

  /** Takes this one, if it is free. */
  register(id: number): boolean {
    if (this.#used.has(id)) {
      return false;
    }
    this.#used.add(id);
    return true;
  }

  deallocate(id: number): void {
    this.#used.delete(id);
  }

  clear(): void {
    this.#used.clear();
  }
}
