/**
 * Topic Aliases of the PUBLISH packets that this side sends (3.3.2.3.4). First come, first served: a topic gets a free alias when it is
 * first published, and once all are taken other topics go without. Valid for the connection [MQTT-3.3.2-7].
 */

/** Below, the alias saves nothing: the property takes three bytes. */
const SHORTEST_TOPIC = 4;

export class OutgoingAliases {
  readonly #maximum: number;
  readonly #aliases = new Map<string, number>();

  /** `maximum`: the server's Topic Alias Maximum or less [MQTT-3.2.2-17]. */
  constructor(maximum: number) {
    this.#maximum = maximum;
  }

  /** The alias under which the server knows this topic; 0: none. */
  of(topic: string): number {
    return this.#aliases.get(topic) ?? 0;
  }

  /** There is one for a topic of so many bytes. */
  hasFree(topicLength: number): boolean {
    return topicLength >= SHORTEST_TOPIC && this.#aliases.size < this.#maximum;
  }

  /** Takes a free one: the packet that says so is written next. */
  assign(topic: string): number {
    const alias = this.#aliases.size + 1;
    this.#aliases.set(topic, alias);
    return alias;
  }
}
