import { performance } from 'node:perf_hooks';
import type { NativeBinding } from './binding.js';
import { ClientTable } from './client-table.js';
import { CompletionRing, type CompletionTarget } from './completion-ring.js';
import type { NativeEvent } from './inbox.js';
import * as layout from './layout.js';
import { nativeAddon } from './load.js';
import { MessageRing, type MessageRouter } from './message-ring.js';
import { ReadyList, type ReadyClient } from './ready-list.js';
import type { Receipts } from './receipts.js';
import { SubmissionRing } from './submission-ring.js';

const { CTL_WORDS, CTL_OUT_WANTED, CTL_LISTENING, COMPLETION_WORDS, OK, ERR_STATE, EVENT_DESTROYED, EVENT_LOG, EVENT_PUBLISHED } = layout;

/** A drain stops handing out messages after this many milliseconds and goes on in the next turn of the event loop. */
const DRAIN_BUDGET = 1;
/** A drain that keeps finding more looks this often, then lets promises and timers run: what it finds may be answers to what they do. */
const DRAIN_ROUNDS = 4;
/** Requests settled in one drain: what awaits them runs behind it, and takes longer than the drain. */
const MOST_COMPLETIONS = 2048;
/**
 * A drain that took so many bytes of messages or so many completions does not ask to be notified but comes back in the next turn.
 * Otherwise:
 * 1. The drain finds the rings empty and says so; then what awaits its messages runs, in microtasks.
 * 2. Meanwhile the reactor has more, and notifies.
 * 3. Node calls a thread-safe function that was called meanwhile again at once, up to a thousand times: no timer and no other socket
 *    of the process has its turn, for 100 ms and more.
 * A few messages are not worth it: for them one turn more would cost more than they do.
 */
const MANY_BYTES = 4096;
const MANY_COMPLETIONS = 64;

/** One native client, as its environment sees it. */
export interface EnvironmentClient extends CompletionTarget, ReadyClient {
  readonly number: number;
  readonly receipts: Receipts;
  /** The ring had refused a publish, and there is room again. */
  onRingRoom(): void;
}

/** The rings' memory. */
export interface EnvironmentMemory {
  readonly control: Int32Array;
  readonly submissions: ArrayBuffer;
  readonly completions: Int32Array;
  readonly messages: ArrayBuffer;
}

/** Bytes, entries, bytes: powers of two. */
export interface EnvironmentSizes {
  readonly submissions: number;
  readonly completions: number;
  readonly messages: number;
}

export const DEFAULT_SIZES: EnvironmentSizes = { submissions: 256 * 1024, completions: 8192, messages: 1024 * 1024 };

/**
 * The rings of this thread, shared by all its native clients. Everything here runs on the JavaScript thread; what the reactor does is told
 * in mqtt_native.h.
 */
export class Environment implements MessageRouter<EnvironmentClient> {
  readonly binding: NativeBinding;
  readonly submissions: SubmissionRing;
  /** Gets the core's log records: level 1 error .. 4 debug. Nobody by default. */
  log: ((client: number, level: number, text: string) => void) | undefined;

  private readonly control: Int32Array;
  private readonly completions: CompletionRing;
  private readonly messages: MessageRing<EnvironmentClient>;

  private readonly clients = new ClientTable<EnvironmentClient>();
  private readonly ready = new ReadyList<EnvironmentClient>();
  /** Clients whose publish the submission ring refused. */
  private refused: EnvironmentClient[] = [];
  /** Clients with receipts to be written. */
  private owing: EnvironmentClient[] = [];

  /** Completions up to `settleUntil` come before the messages up to `takeUntil`, which may take several turns. */
  private settling = false;
  private settleUntil = 0;
  private takeUntil = 0;

  private continuing = false;
  private disposed = false;
  private refs = 0;

  constructor(connect: (memory: EnvironmentMemory, onWake: () => void) => NativeBinding, sizes: EnvironmentSizes = DEFAULT_SIZES) {
    // Plain ArrayBuffers: V8 does not move them, Atomics work on them, and the rules for shared ones do not apply.
    const memory: EnvironmentMemory = {
      control: new Int32Array(new ArrayBuffer(CTL_WORDS * 4)),
      submissions: new ArrayBuffer(sizes.submissions),
      completions: new Int32Array(new ArrayBuffer(sizes.completions * COMPLETION_WORDS * 4)),
      messages: new ArrayBuffer(sizes.messages),
    };
    this.control = memory.control;
    this.binding = connect(memory, () => { this.drain(); });
    this.submissions = new SubmissionRing(memory.control, memory.submissions, this.binding, () => { this.writeReceipts(); });
    this.completions = new CompletionRing(memory.control, memory.completions);
    this.messages = new MessageRing(memory.control, memory.messages, this.binding, this);
    Atomics.store(memory.control, CTL_LISTENING, 1);
  }

  // ---- clients ----

  /** From here on this client gets what comes for its number. */
  attach(client: EnvironmentClient): void {
    this.clients.attach(client);
  }

  /** Nothing more is expected for this client, or wanted by it. */
  detach(client: EnvironmentClient): void {
    this.clients.detach(client);
    if (this.refused.includes(client)) this.refused = this.refused.filter((other) => other !== client);
  }

  /** Ends a client by its number; the client itself may be gone already. */
  destroyClient(number: number): void {
    if (this.disposed) return;
    this.submissions.release();
    if (this.binding.destroyClient(number) === OK) this.clients.leaves(number);
  }

  ref(): void {
    if (this.refs++ === 0) this.binding.ref();
  }

  unref(): void {
    if (--this.refs === 0) this.binding.unref();
  }

  /** Lets go of the core, as at the exit of the process: what was submitted and not sent is lost. */
  dispose(): void {
    this.disposed = true;
    this.binding.dispose();
  }

  // ---- JavaScript -> reactor ----

  /** The ring refused this client's publish: onRingRoom() follows. */
  waitForRoom(client: EnvironmentClient): void {
    this.refused.push(client);
  }

  /** Something was added to this client's receipts: they are written in a microtask. */
  owe(client: EnvironmentClient): void {
    client.receipts.listed = true;
    this.owing.push(client);
    this.submissions.plan();
  }

  /** Everything said so far comes before the command that follows. */
  beforeCommand(client: EnvironmentClient): number {
    if (this.disposed) return ERR_STATE;
    client.receipts.write(this.submissions, client.number);
    this.submissions.release();
    return OK;
  }

  /** Those that find no room stay in the list; the drain that learns of room comes back here. */
  private writeReceipts(): void {
    const owing = this.owing;
    let written = 0;
    while (written < owing.length) {
      const client = owing[written]!;
      if (!client.receipts.write(this.submissions, client.number)) break;
      client.receipts.listed = false;
      written++;
    }
    if (written === owing.length) owing.length = 0;
    else owing.splice(0, written);
  }

  /** Room came: acknowledgements first, then publishes, one client after the other until the ring is full again. */
  private useRoom(): void {
    if (!this.submissions.hasRoom()) return;
    if (this.owing.length !== 0) this.writeReceipts();
    const refused = this.refused;
    this.refused = [];
    let next = 0;
    try {
      while (next < refused.length && this.refused.length === 0) refused[next++]!.onRingRoom();
    } finally {
      // Who has not been asked comes before who filled the ring.
      if (next < refused.length) this.refused = refused.slice(next).concat(this.refused);
    }
    this.submissions.release();
  }

  private waitsForRoom(): boolean {
    return this.refused.length !== 0 || this.owing.length !== 0;
  }

  // ---- reactor -> JavaScript ----

  /** The next turn of the event loop continues. */
  continue(): void {
    if (this.continuing || this.disposed) return;
    this.continuing = true;
    setImmediate(this.onImmediate);
  }

  private readonly onImmediate = (): void => {
    this.continuing = false;
    this.drain();
  };

  /**
   * Called by the reactor's notify, and by continue(). What a client's sink throws leaves from here (the addon makes it an uncaught
   * exception); the rest is handed out in the next turn.
   */
  private drain(): void {
    let finished = false;
    try {
      finished = this.drainRings();
    } finally {
      if (!finished) this.continue();
    }
  }

  /** True: everything was handed out and the reactor will notify; false: to be continued. */
  private drainRings(): boolean {
    const { byNumber } = this.clients;
    let deadline = 0;
    const messagesBefore = this.messages.position;
    const completionsBefore = this.completions.position;
    this.ready.turn();
    for (let round = 0; round < DRAIN_ROUNDS; round++) {
      if (this.disposed) return true;
      // In this order: a request's completion is in its ring before the record that ends its connection.
      const { completions } = this;
      if (!this.settling) {
        this.takeUntil = this.messages.tail();
        this.settleUntil = completions.tail();
        this.settling = true;
      }
      if (completions.drain(byNumber, this.settleUntil, MOST_COMPLETIONS)) this.giveRoom();
      if (this.waitsForRoom()) this.useRoom();
      if (completions.position !== this.settleUntil) return false;
      this.settling = false;
      const tail = this.takeUntil;
      let took: boolean;
      do {
        took = this.messages.take(byNumber, tail);
        if (took) this.giveRoom();
        if (this.ready.empty) continue;
        if (deadline === 0) deadline = performance.now() + DRAIN_BUDGET;
        if (!this.ready.handOut(deadline)) return false;
        // What nobody else waits behind stays in the ring: taken out it would only grow old.
        if (this.ready.hasLater && this.clients.count === 1) return false;
      } while (took);
      if (this.owing.length !== 0) this.writeReceipts();
      if (this.ready.hasLater || ((this.messages.position - messagesBefore) | 0) >= MANY_BYTES) return false;
      if (((this.completions.position - completionsBefore) | 0) >= MANY_COMPLETIONS) return false;
      if (this.listen()) return true;
    }
    return false;
  }

  /**
   * Says that this thread will sleep, unless something has come.
   *  1. both rings are found empty
   *  2. the reactor writes a record, sees that nobody listens, and does not notify
   *  3. CTL_LISTENING is set: the record stays where it is
   * so everything is looked at again after the word is set. When the reactor swapped it back meanwhile, its notify is on the way.
   */
  private listen(): boolean {
    Atomics.store(this.control, CTL_LISTENING, 1);
    if (!this.completions.hasNews() && !this.messages.hasNews() && !(this.waitsForRoom() && this.submissions.hasRoom())) return true;
    return Atomics.exchange(this.control, CTL_LISTENING, 0) === 0;
  }

  /** The heads moved: does something wait for that? */
  private giveRoom(): void {
    if (Atomics.load(this.control, CTL_OUT_WANTED) === 1 && Atomics.exchange(this.control, CTL_OUT_WANTED, 0) === 1) this.binding.wake();
  }

  onArrived(client: EnvironmentClient): void {
    this.ready.add(client);
  }

  onEventRecord(number: number, client: EnvironmentClient | undefined, event: NativeEvent): void {
    if (event.kind === EVENT_LOG) this.log?.(number, event.aux, Buffer.from(event.payload).toString());
    else if (event.kind === EVENT_DESTROYED) this.clients.left(number);
    else if (client === undefined) return;
    // A result, as a completion is: no reason to wait behind messages.
    else if (event.kind === EVENT_PUBLISHED) client.onEvent(event);
    else this.post(client, event);
  }

  /** An event that comes behind everything in the client's inbox. */
  post(client: EnvironmentClient, event: NativeEvent): void {
    client.inbox.pushEvent(event);
    if (!client.inbox.listed) this.onArrived(client);
  }
}

let shared: Environment | undefined;

/** This thread's environment; made when it is first needed, and there until the thread ends. Call it only where the addon loads. */
export function nativeEnvironment(): Environment {
  return (shared ??= create());
}

function create(): Environment {
  const addon = nativeAddon();
  if (addon === undefined) throw new Error('the native addon is not loaded');
  const environment = new Environment((memory, onWake) => {
    const submissions = new Uint8Array(memory.submissions);
    return addon.createEnvironment(memory.control, submissions, memory.completions, new Uint8Array(memory.messages), onWake, 0);
  });
  // Node runs no cleanup hooks of addons in process.exit(), and then ends with the reactor in full flight.
  process.once('exit', () => { environment.dispose(); });
  return environment;
}
