import type { EngineFailure, EngineTls } from '../engine/engine.js';
import { abortedError } from '../errors.js';
import type { ConnectResult } from '../protocol/connack.js';
import { UNSUPPORTED_PROTOCOL_VERSION } from '../protocol/reason-codes.js';

interface Waiter {
  resolve(result: ConnectResult): void;
  reject(error: Error): void;
}

/** 3.1.1's CONNACK return code for a protocol version the server does not take. */
const UNACCEPTABLE_PROTOCOL_VERSION = 1;

/** Whether the server would perhaps take 3.1.1: it said so, or it hung up without a word, as some do. */
function refusesVersion5(failure: EngineFailure): boolean {
  if (failure.code === 'ERR_MQTT_REFUSED') {
    return failure.reasonCode === UNACCEPTABLE_PROTOCOL_VERSION || failure.reasonCode === UNSUPPORTED_PROTOCOL_VERSION;
  }
  return failure.code === 'ERR_MQTT_CONNECTION_LOST';
}

/** One connect(): the versions still to try, the time left, and everybody who waits for it. */
export class ConnectAttempt {
  version: 4 | 5;
  tls: EngineTls | undefined = undefined;
  /** The engine has said that nothing of it is left. */
  over = false;
  readonly #versions: readonly (4 | 5)[];
  readonly #deadline: number;
  readonly #waiters = new Set<Waiter>();

  constructor(versions: readonly (4 | 5)[], connectTimeout: number) {
    this.#versions = versions;
    this.version = versions[0]!;
    this.#deadline = performance.now() + connectTimeout;
  }

  timeLeft(): number {
    return Math.max(1, Math.ceil(this.#deadline - performance.now()));
  }

  /** Goes on to the version after this one, if the failure is a reason to. */
  nextVersion(failure: EngineFailure): boolean {
    const next = this.#versions[this.#versions.indexOf(this.version) + 1];
    if (next === undefined || !refusesVersion5(failure)) return false;
    this.version = next;
    return true;
  }

  /** `giveUp` is called when nobody waits any more. */
  wait(signal: AbortSignal | undefined, giveUp: (error: Error) => void): Promise<ConnectResult> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        const error = abortedError(signal!);
        this.#waiters.delete(waiter);
        reject(error);
        if (this.#waiters.size === 0) giveUp(error);
      };
      const forget = (): void => signal?.removeEventListener('abort', onAbort);
      const waiter: Waiter = {
        resolve(result) {
          forget();
          resolve(result);
        },
        reject(error) {
          forget();
          reject(error);
        },
      };
      this.#waiters.add(waiter);
      signal?.addEventListener('abort', onAbort, { once: true });
      if (this.#failure !== undefined) waiter.reject(this.#failure);
    });
  }

  /** Set when it failed before anybody could wait: within connect() itself. */
  #failure: Error | undefined = undefined;

  succeed(result: ConnectResult): void {
    for (const waiter of this.#waiters) waiter.resolve(result);
  }

  fail(error: Error): void {
    this.#failure = error;
    for (const waiter of this.#waiters) waiter.reject(error);
  }
}
