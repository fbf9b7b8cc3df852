import { channels } from '../diagnostics.js';
import type { EngineFailure } from '../engine/engine.js';
import type { MqttError } from '../errors.js';
import type { Endpoint } from '../options/url.js';
import type { ConnectResult } from '../protocol/connack.js';
import { Attempt, type AttemptTools } from './attempt.js';
import { Reconnect, type Plan } from './reconnect.js';
import type { Verdict } from './refusal.js';
import { Timer } from './timer.js';
import { Waiters } from './waiters.js';

/** What a search tells. Must not throw; may call anything here. */
export interface SearchEvents {
  onOffline(): void;
  onReconnecting(attempt: number, delay: number): void;
  onReconnect(attempt: number, delay: number): void;
  /** Nobody looks for a connection any more, because of this. */
  onGivenUp(error: MqttError): void;
}

/** Looks for a connection: one attempt after the other, with delays between them, until there is one or it is given up. */
export class Search {
  readonly #tools: AttemptTools;
  readonly #events: SearchEvents;
  readonly #reconnect: Reconnect | undefined;
  /** For the delay before an attempt, then for its credentials. */
  readonly #timer = new Timer();
  readonly #waiters = new Waiters();
  #attempt: Attempt | undefined = undefined;
  /** The attempt that is due next. */
  #plan: Plan | undefined = undefined;
  /** For a lost connection: it goes on whether somebody waits or not. */
  #afterLoss = false;
  /** Once an outage. */
  #offlineTold = false;
  /** The server another one has named when it ended the connection. */
  #referred: Endpoint | undefined = undefined;
  /** The server of now, or the last one. */
  #endpoint: Endpoint | undefined = undefined;

  constructor(tools: Omit<AttemptTools, 'timer' | 'failed'>, events: SearchEvents) {
    const { reconnect } = tools.options;
    this.#tools = { ...tools, timer: this.#timer, failed: (error, verdict) => this.#attemptFailed(error, verdict) };
    this.#events = events;
    this.#reconnect = reconnect === false ? undefined : new Reconnect(reconnect);
  }

  /** The server connected to, or the last one tried. */
  get endpoint(): Endpoint | undefined {
    return this.#attempt?.endpoint ?? this.#endpoint;
  }

  /** connect() was called, and no connection was sought. */
  begin(): void {
    this.#afterLoss = false;
    this.#offlineTold = false;
    this.#reconnect?.reset();
  }

  /** Resolves when there is a connection. Begins the next attempt now, unless one is under way. */
  wait(signal: AbortSignal | undefined): Promise<ConnectResult> {
    const connected = this.#waiters.add(signal, (error) => {
      if (this.#afterLoss) return;
      this.#endAttempt();
      this.#giveUp(error);
    });
    if (this.#attempt === undefined) this.#try();
    return connected;
  }

  /**
   * A connection was lost; `referred`: to be tried first. Returns what begins the search, to be called when all others know of the loss,
   * or undefined: there is none.
   */
  lost(referred: Endpoint | undefined): (() => void) | undefined {
    this.#reconnect?.lost();
    const plan = this.#reconnect?.next();
    if (plan === undefined) return undefined;
    this.#afterLoss = true;
    this.#referred = referred;
    this.#plan = plan;
    return () => this.#announce(plan);
  }

  // ---- attempts -----------------------------------------------------------------------------------------------------------

  #try(): void {
    this.#timer.clear();
    const plan = this.#plan;
    this.#plan = undefined;
    const attempt = (this.#attempt = new Attempt(this.#tools, this.#referred));
    this.#referred = undefined;
    if (plan !== undefined) this.#events.onReconnect(plan.attempt, plan.delay);
    if (this.#attempt === attempt) attempt.start();
  }

  #attemptFailed(error: MqttError, verdict: Verdict): void {
    this.#endAttempt();
    const { reconnect } = this.#tools.options;
    const goesOn = verdict === 'passes' && (this.#afterLoss || (reconnect !== false && reconnect.initial));
    const plan = goesOn ? this.#reconnect?.next() : undefined;
    if (plan === undefined) {
      this.#giveUp(error);
      return;
    }
    this.#plan = plan;
    if (this.#afterLoss) this.#waiters.fail(error);
    this.#announce(plan);
  }

  /** A listener may begin the attempt, or end the client: then this is not what is planned any more. */
  #announce(plan: Plan): void {
    if (this.#plan !== plan) return;
    if (!this.#offlineTold) {
      this.#offlineTold = true;
      this.#events.onOffline();
      if (this.#plan !== plan) return;
    }
    const { attempt, delay } = plan;
    const { log, options: { clientId } } = this.#tools;
    log.write('info', `attempt ${attempt} to connect again in ${delay} ms`);
    if (channels.reconnect.hasSubscribers) channels.reconnect.publish({ clientId, attempt, delay });
    if (this.#plan !== plan) return;
    this.#timer.set(() => this.#try(), delay);
    this.#events.onReconnecting(attempt, delay);
  }

  #giveUp(error: MqttError): void {
    this.#tools.log.write(this.#afterLoss ? 'error' : 'info', `not trying to connect any more: ${error.message}`);
    this.#plan = undefined;
    this.#timer.clear();
    // First: a listener of the other may call connect() again, and wait for what comes of that.
    this.#waiters.fail(error);
    this.#events.onGivenUp(error);
  }

  /** No attempt is under way any more. What the engine keeps of an earlier connection stays. */
  #endAttempt(): void {
    const attempt = this.#attempt;
    if (attempt === undefined) return;
    this.#endpoint = attempt.endpoint;
    this.#attempt = undefined;
    attempt.cancel();
    const { session } = this.#tools;
    if (!session.kept) session.retire();
  }

  // ---- what became of it --------------------------------------------------------------------------------------------------

  openFailed(failure: EngineFailure): void {
    this.#attempt?.openFailed(failure);
  }

  /** The server has accepted and must not be taken at its word. */
  reject(error: MqttError): void {
    this.#attempt?.reject(error);
  }

  /** Whether somebody waits for the engine's answer. */
  get opening(): boolean {
    return this.#attempt !== undefined;
  }

  /** There is a connection. Those who wait are told by succeeded(). */
  found(): void {
    this.#endpoint = this.#attempt!.endpoint;
    this.#attempt = undefined;
    this.#offlineTold = false;
    this.#reconnect?.connected();
  }

  succeeded(result: ConnectResult): void {
    this.#waiters.succeed(result);
  }

  /** The client ends. */
  end(error: MqttError): void {
    this.#plan = undefined;
    this.#timer.clear();
    this.#endAttempt();
    this.#waiters.fail(error);
  }

  // ---- event loop ---------------------------------------------------------------------------------------------------------

  ref(): void {
    this.#timer.ref();
  }

  unref(): void {
    this.#timer.unref();
  }
}
