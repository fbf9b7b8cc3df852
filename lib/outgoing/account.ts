/**
 * What the engine has: messages it took and has not reported by onCredit() or given back by onUnsent(), and their bytes.
 *
 * Messages without a slot (QoS 0 of write()) are only known by number, and what the engine credits does not say which they were. Each
 * message with a slot is both answered and credited, in whichever order, so what was credited beyond the answers are those without.
 */
export class Account {
  messages = 0;
  bytes = 0;
  /** Since the engine began: messages without a slot it took and did not give back, credits, and answers to messages with a slot. */
  #withoutSlot = 0;
  #credited = 0;
  #answered = 0;
  /** Messages without a slot that are through, with engines of before. */
  #before = 0;
  /** The most that was told: between an answer and its credit it would look like fewer. */
  #told = 0;

  took(slot: number, bytes: number): void {
    this.messages++;
    this.bytes += bytes;
    if (slot === -1) this.#withoutSlot++;
  }

  gaveBack(slot: number, bytes: number): void {
    if (slot === -1) this.#withoutSlot--;
    this.#release(1, bytes);
  }

  /** A message with a slot has its result. */
  answered(): void {
    this.#answered++;
  }

  credit(messages: number, bytes: number): void {
    this.#credited += messages;
    this.#release(messages, bytes);
  }

  /** Messages without a slot that are through. */
  get throughWithoutSlot(): number {
    this.#told = Math.max(this.#told, this.#before + this.#through);
    return this.#told;
  }

  /** The engine is gone. Returns how many messages without a slot went with it. */
  gone(): number {
    const through = this.#through;
    const lost = this.#withoutSlot - through;
    this.#before += through;
    this.messages = this.bytes = this.#withoutSlot = this.#credited = this.#answered = 0;
    return lost;
  }

  get #through(): number {
    return Math.max(0, Math.min(this.#withoutSlot, this.#credited - this.#answered));
  }

  #release(messages: number, bytes: number): void {
    this.messages -= messages;
    this.bytes -= bytes;
    // Nothing left means no bytes left, whatever was counted.
    if (this.messages <= 0) this.messages = this.bytes = 0;
    else if (this.bytes < 0) this.bytes = 0;
  }
}
