/** Who gets what comes for a number. Generic only so that it can be tested alone. */
export class ClientTable<T extends { readonly number: number }> {
  /** Clients that may get completions and records. An idle client is not here, so that it can be collected. */
  readonly byNumber: (T | undefined)[] = [];
  /** How many they are. */
  count = 0;
  /**
   * By number: how many destroyed clients of this number still have records in the ring.
   *  1. client 7 is destroyed; the reactor writes its last record, and number 7 is free
   *  2. a new client is created and gets number 7
   *  3. the drain finds records of the old client 7
   * so a number belongs to its new client only when the last record of the old one has been seen.
   */
  private readonly leaving: number[] = [];
  private readonly waiting = new Map<number, T>();

  /** From here on this client gets what comes for its number. */
  attach(client: T): void {
    if ((this.leaving[client.number] ?? 0) > 0) this.waiting.set(client.number, client);
    else this.put(client);
  }

  detach(client: T): void {
    if (this.byNumber[client.number] === client) {
      this.byNumber[client.number] = undefined;
      this.count--;
    }
    if (this.waiting.get(client.number) === client) this.waiting.delete(client.number);
  }

  /** The client of this number was destroyed: its last record is to come. */
  leaves(number: number): void {
    this.leaving[number] = (this.leaving[number] ?? 0) + 1;
  }

  /** The last record of a destroyed client has come. */
  left(number: number): void {
    const rest = Math.max(0, (this.leaving[number] ?? 0) - 1);
    this.leaving[number] = rest;
    const next = this.waiting.get(number);
    if (rest !== 0 || next === undefined) return;
    this.waiting.delete(number);
    this.put(next);
  }

  private put(client: T): void {
    if (this.byNumber[client.number] === undefined) this.count++;
    this.byNumber[client.number] = client;
  }
}
