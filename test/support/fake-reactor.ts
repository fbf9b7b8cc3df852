/**
 * The other side of the rings, written after mqtt_native.h and in TypeScript: it takes what JavaScript submits, and puts messages, events
 * and completions where JavaScript will look. It runs when a test says so, so every interleaving can be made. Payloads by address live in a
 * table: their "addresses" are numbers of it.
 */
import type { NativeBinding, NativeOpenOptions } from '../../dist/engine/native/binding.js';
import { Environment } from '../../dist/engine/native/environment.js';
import type { EnvironmentMemory, EnvironmentSizes } from '../../dist/engine/native/environment.js';
import * as layout from '../../dist/engine/native/layout.js';

/** A record of the submission ring, read back. */
export interface Submission {
  kind: number;
  client: number;
  topic: string;
  /** The id the topic was sent as; TOPIC_INLINE: as text. */
  topicId: number;
  qos: number;
  retain: boolean;
  properties: Buffer;
  payload: Buffer;
  slot: number;
  aux: number;
  /** What a credit for it says. */
  bytes: number;
}

/** A record for the message ring. */
export interface Arrival {
  kind: number;
  client: number;
  /** With `topicId` undefined it is written into the record. */
  topic?: string;
  topicId?: number;
  flags?: number;
  properties?: Uint8Array;
  payload?: Uint8Array;
  slot?: number;
  aux?: number;
  /** Payload (and with `propertiesLarge` the properties) by address. */
  large?: boolean;
  propertiesLarge?: boolean;
  blockWanted?: boolean;
  /** Of an end: publishes the session keeps in flight, and their bytes. */
  kept?: number;
  keptBytes?: number;
}

export class FakeReactor implements NativeBinding {
  /** What was called, in order: `subscribe 3`, `wake`. */
  readonly calls: string[] = [];
  /** Results of the next commands by name; 0 where there is none. */
  readonly results = new Map<string, number>();
  /** Payloads by address that nobody has taken over or freed yet. */
  readonly payloads = new Map<number, Buffer>();
  readonly topics = new Map<number, string>();
  /** Blocks that were copied and given back. */
  copied = 0;
  refs = 0;
  notified = 0;
  onWake: () => void = () => undefined;

  memory!: EnvironmentMemory;
  control!: Int32Array;
  private nextAddress = 1;
  private readonly numbers: boolean[] = [];
  private submitted = 0;
  private completed = 0;
  private written = 0;

  /** `start`: where all positions begin, for what happens at 2^31 and 2^32. */
  static environment(sizes: EnvironmentSizes): { reactor: FakeReactor; environment: Environment } {
    const reactor = new FakeReactor();
    const environment = new Environment((memory, onWake) => {
      reactor.connect(memory);
      reactor.onWake = onWake;
      return reactor;
    }, sizes);
    return { reactor, environment };
  }

  connect(memory: EnvironmentMemory): void {
    this.memory = memory;
    this.control = memory.control;
  }

  /** Begins at another position than 0, as after gigabytes. A multiple of 8. */
  startAt(position: number): void {
    this.submitted = this.completed = this.written = position | 0;
    const words = [layout.CTL_SQ_TAIL, layout.CTL_SQ_HEAD, layout.CTL_CQ_TAIL, layout.CTL_CQ_HEAD, layout.CTL_MQ_TAIL, layout.CTL_MQ_HEAD];
    for (const word of words) this.control[word] = position | 0;
  }

  // ---- calls of JavaScript ----

  createClient(): number {
    let number = this.numbers.indexOf(false);
    if (number < 0) number = this.numbers.length;
    this.numbers[number] = true;
    return number;
  }

  /** A destroyed client's number may be given again. */
  free(number: number): void {
    this.numbers[number] = false;
  }

  open(client: number, options: NativeOpenOptions): number {
    return this.command('open', client, options.host);
  }

  subscribe(client: number, slot: number, filters: readonly string[]): number {
    return this.command('subscribe', client, slot, filters.join());
  }

  unsubscribe(client: number, slot: number, filters: readonly string[]): number {
    return this.command('unsubscribe', client, slot, filters.join());
  }

  close(client: number, reasonCode: number): number {
    return this.command('close', client, reasonCode);
  }

  destroyClient(client: number): number {
    return this.command('destroyClient', client);
  }

  wake(): void {
    this.calls.push('wake');
  }

  putLarge(place: number, payload: Uint8Array | string): number {
    const copy = Buffer.from(payload as string);
    this.writeAddress(this.memory.submissions, place, copy);
    return copy.length;
  }

  takeLarge(place: number, length: number): ArrayBuffer {
    const bytes = Buffer.from(this.memory.messages);
    const address = bytes.readUInt32LE(place);
    bytes.writeUInt32LE(0, place);
    const payload = this.payloads.get(address);
    if (payload?.length !== length) throw new Error(`no payload of ${length} bytes at address ${address}`);
    this.payloads.delete(address);
    return new Uint8Array(payload).buffer;
  }

  copyLarge(place: number, slab: Uint8Array): void {
    slab.set(new Uint8Array(this.takeLarge(place, slab.length)));
    this.copied++;
  }

  ref(): void {
    this.refs++;
  }

  unref(): void {
    this.refs--;
  }

  dispose(): void {
    this.calls.push('dispose');
  }

  private command(name: string, ...details: (number | string)[]): number {
    this.calls.push([name, ...details].join(' '));
    return this.results.get(name) ?? 0;
  }

  // ---- submissions ----

  /** Takes all that JavaScript has released. Topics are remembered and not returned. */
  take(): Submission[] {
    const words = new Int32Array(this.memory.submissions);
    const size = this.memory.submissions.byteLength;
    const tail = Atomics.load(this.control, layout.CTL_SQ_TAIL);
    const taken: Submission[] = [];
    while (this.submitted !== tail) {
      const place = this.submitted & (size - 1);
      if (words[place >> 2] === layout.RECORD_SKIP) {
        this.submitted = (this.submitted + size - place) | 0;
        continue;
      }
      const submission = this.read(words, place);
      if (submission.kind === layout.SUBMIT_TOPIC) this.topics.set(submission.topicId, submission.payload.toString());
      else taken.push(submission);
      this.submitted = (this.submitted + words[place >> 2]!) | 0;
    }
    Atomics.store(this.control, layout.CTL_SQ_HEAD, this.submitted);
    if (Atomics.exchange(this.control, layout.CTL_SQ_WANTED, 0) === 1) this.notify();
    return taken;
  }

  private read(words: Int32Array, place: number): Submission {
    const bytes = Buffer.from(this.memory.submissions);
    const word = (index: number): number => words[(place >> 2) + index]!;
    const recordSize = word(layout.R_SIZE);
    if (recordSize % 8 !== 0 || recordSize < layout.RECORD_HEADER || place + recordSize > bytes.length) {
      throw new Error(`a record of ${recordSize} bytes at ${place}`);
    }
    const kind = word(layout.R_KIND) & 255;
    const topicId = word(layout.R_TOPIC);
    let at = place + layout.RECORD_HEADER;
    const cut = (length: number): Buffer => Buffer.from(bytes.subarray(at, (at += length)));
    const carriesTopic = kind === layout.SUBMIT_PUBLISH || kind === layout.SUBMIT_PUBLISH_LARGE;
    let topic = '';
    if (carriesTopic) topic = topicId === layout.TOPIC_INLINE ? cut(word(layout.R_AUX)).toString() : (this.topics.get(topicId) ?? '?');
    const together = (word(layout.R_KIND) & layout.PROPERTIES_LARGE) !== 0;
    let properties = cut(together ? 0 : word(layout.R_PROPERTIES));
    const length = word(layout.R_LENGTH);
    let payload: Buffer;
    let byAddress = 0;
    if (kind === layout.SUBMIT_PUBLISH_LARGE) {
      const address = cut(8).readUInt32LE(0);
      payload = this.payloads.get(address)!;
      this.payloads.delete(address);
      byAddress = payload.length;
      if (together) {
        properties = payload.subarray(0, word(layout.R_PROPERTIES));
        payload = payload.subarray(word(layout.R_PROPERTIES));
      }
      if (payload.length !== length) throw new Error(`${payload.length} bytes by address, ${length} announced`);
    } else payload = kind === layout.SUBMIT_TAKEN ? Buffer.alloc(0) : cut(length);
    if (at > place + recordSize) throw new Error('the body is longer than its record');
    return {
      kind,
      client: word(layout.R_CLIENT),
      topic,
      topicId,
      qos: (word(layout.R_KIND) >> 8) & 3,
      retain: ((word(layout.R_KIND) >> 10) & 1) === 1,
      properties,
      payload,
      slot: word(layout.R_SLOT),
      aux: word(layout.R_AUX),
      bytes: kind === layout.SUBMIT_PUBLISH_LARGE ? recordSize + byAddress : kind === layout.SUBMIT_TAKEN ? length : recordSize,
    };
  }

  // ---- messages and completions ----

  /** Writes a record and shows it; false: no room. JavaScript is not told before notify(). */
  arrive(arrival: Arrival): boolean {
    const topic = Buffer.from(arrival.topic ?? '');
    const isTopic = arrival.kind === layout.EVENT_TOPIC;
    const inlineTopic = isTopic || arrival.topicId !== undefined ? 0 : topic.length;
    const properties = arrival.properties ?? new Uint8Array(0);
    const payload = isTopic ? topic : Buffer.from(arrival.payload ?? new Uint8Array(0));
    const block = arrival.propertiesLarge === true ? Buffer.concat([properties, payload]) : payload;
    const inlineProperties = arrival.propertiesLarge === true ? 0 : properties.length;
    const body = inlineTopic + inlineProperties + (arrival.large === true ? 8 : payload.length);
    const place = this.place((layout.RECORD_HEADER + body + 7) & ~7);
    if (place < 0) return false;
    const words = new Int32Array(this.memory.messages);
    const bytes = Buffer.from(this.memory.messages);
    const word = place >> 2;
    words[word + layout.R_SIZE] = (layout.RECORD_HEADER + body + 7) & ~7;
    const wanted = arrival.blockWanted === true ? layout.BLOCK_WANTED : 0;
    const large = (arrival.propertiesLarge === true ? layout.PROPERTIES_LARGE : 0) | wanted;
    const ends = arrival.kind === layout.EVENT_DISCONNECTED || arrival.kind === layout.EVENT_OPEN_FAILED;
    words[word + layout.R_KIND] = arrival.kind | ((arrival.kept ?? arrival.flags ?? 0) << 8) | large;
    words[word + layout.R_CLIENT] = arrival.client;
    words[word + layout.R_TOPIC] = ends ? (arrival.keptBytes ?? 0) : (arrival.topicId ?? layout.TOPIC_INLINE);
    words[word + layout.R_LENGTH] = payload.length;
    words[word + layout.R_PROPERTIES] = properties.length;
    words[word + layout.R_SLOT] = arrival.slot ?? 0;
    words[word + layout.R_AUX] = arrival.aux ?? inlineTopic;
    let at = place + layout.RECORD_HEADER;
    if (inlineTopic > 0) at += topic.copy(bytes, at);
    if (inlineProperties > 0) at += Buffer.from(properties).copy(bytes, at);
    if (arrival.large === true) this.writeAddress(this.memory.messages, at, block);
    else payload.copy(bytes, at);
    this.written = (this.written + words[word + layout.R_SIZE]!) | 0;
    Atomics.store(this.control, layout.CTL_MQ_TAIL, this.written);
    return true;
  }

  complete(client: number, slot: number, code: number, bytes = 0): void {
    const entries = this.memory.completions.length / layout.COMPLETION_WORDS;
    if (((this.completed - Atomics.load(this.control, layout.CTL_CQ_HEAD)) | 0) >= entries) throw new Error('the completion ring is full');
    this.memory.completions.set([client, slot, code, bytes], (this.completed & (entries - 1)) * layout.COMPLETION_WORDS);
    this.completed = (this.completed + 1) | 0;
    Atomics.store(this.control, layout.CTL_CQ_TAIL, this.completed);
  }

  /** Publishes are done: their results where somebody waits, and the credit. */
  answer(taken: Submission[], code = 0): void {
    const publishes = taken.filter(({ kind }) => kind === layout.SUBMIT_PUBLISH || kind === layout.SUBMIT_PUBLISH_LARGE);
    for (const { client, slot, bytes } of publishes) {
      if (slot >= 0) this.complete(client, slot, code);
      this.complete(client, layout.NO_SLOT, 1, bytes);
    }
  }

  /** What was taken goes back, as the reactor does with publishes it has no connection for. */
  giveBack(taken: Submission[]): void {
    const publishes = taken.filter(({ kind }) => kind === layout.SUBMIT_PUBLISH || kind === layout.SUBMIT_PUBLISH_LARGE);
    for (const { client, topic, payload, properties, qos, retain, slot } of publishes) {
      const flags = qos | (retain ? 4 : 0);
      if (!this.arrive({ kind: layout.EVENT_UNSENT, client, topic, payload, properties, flags, slot })) throw new Error('the message ring is full');
    }
  }

  /** As the reactor does at the end of a turn; the call comes through the event loop. */
  notify(): void {
    if (Atomics.exchange(this.control, layout.CTL_LISTENING, 0) === 0) return;
    this.notified++;
    setImmediate(this.onWake);
  }

  private place(need: number): number {
    const size = this.memory.messages.byteLength;
    const place = this.written & (size - 1);
    const skip = size - place < need ? size - place : 0;
    if (size - ((this.written - Atomics.load(this.control, layout.CTL_MQ_HEAD)) | 0) < need + skip) return -1;
    if (skip === 0) return place;
    new Int32Array(this.memory.messages)[place >> 2] = layout.RECORD_SKIP;
    this.written = (this.written + skip) | 0;
    return 0;
  }

  private writeAddress(memory: ArrayBuffer, place: number, payload: Buffer): void {
    const address = this.nextAddress++;
    this.payloads.set(address, payload);
    const bytes = Buffer.from(memory);
    bytes.writeUInt32LE(address, place);
    bytes.writeUInt32LE(0, place + 4);
  }
}
