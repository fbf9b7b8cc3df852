import type { Engine } from '../engine/engine.js';
import type { MqttError } from '../errors.js';
import type { ConnectionLimits } from '../session/limits.js';

/** Checks a request against the limits of the connection and hands it to the engine. What it throws rejects the request. */
export type SendRequest = (engine: Engine, limits: ConnectionLimits, slot: number) => void;

interface WaitingRequest {
  readonly send: SendRequest;
  /** The engine has it. */
  sent: boolean;
  /** With what the engine has failed it, until it is known whether that was the end of the connection. */
  failure: MqttError | undefined;
}

/**
 * SUBSCRIBEs and UNSUBSCRIBEs of the user that have no answer yet, in their order, by slot. They keep slot, time and signal over
 * connections.
 *
 * Whether a request that the engine has failed is sent again:
 * 1. The connection ends. The engine fails the request first and reports the end afterwards (engine.ts), in the same turn.
 * 2. Until then nobody knows whether it failed for that, or for a reason of its own.
 * 3. So failed() only writes the failure down. interrupted() takes it back; the end of the turn, or the end of all trying, settles it.
 */
export class Requests {
  readonly #waiting = new Map<number, WaitingRequest>();
  #settling = false;

  constructor(private readonly settle: (slot: number, error: MqttError) => void) {}

  add(slot: number, send: SendRequest): void {
    this.#waiting.set(slot, { send, sent: false, failure: undefined });
  }

  /** It is settled. */
  delete(slot: number): void {
    this.#waiting.delete(slot);
  }

  /** Whether the slot is of a request that the engine does not have. */
  waits(slot: number): boolean {
    return this.#waiting.get(slot)?.sent === false;
  }

  /** Sends the requests the engine does not have. */
  send(engine: Engine, limits: ConnectionLimits): void {
    for (const [slot, request] of [...this.#waiting]) {
      if (request.sent || this.#waiting.get(slot) !== request) continue;
      request.sent = true;
      try {
        request.send(engine, limits, slot);
      } catch (error) {
        this.settle(slot, error as MqttError);
      }
    }
  }

  /** The engine has failed the request of a slot; false: it is none of these. */
  failed(slot: number, failure: MqttError): boolean {
    const request = this.#waiting.get(slot);
    if (request === undefined) return false;
    request.sent = false;
    request.failure = failure;
    if (!this.#settling) {
      this.#settling = true;
      setImmediate(() => {
        this.#settling = false;
        for (const [at, one] of [...this.#waiting]) if (one.failure !== undefined) this.settle(at, one.failure);
      });
    }
    return true;
  }

  /** The connection has ended and another one is sought: all wait for it. */
  interrupted(): void {
    for (const request of this.#waiting.values()) {
      request.sent = false;
      request.failure = undefined;
    }
  }

  /** Nobody tries any more. */
  end(error: MqttError): void {
    for (const slot of [...this.#waiting.keys()]) this.settle(slot, error);
  }
}
