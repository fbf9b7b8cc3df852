/** One line of the `log` option. */
export interface LogRecord {
  /** How much it matters. */
  readonly level: 'error' | 'warn' | 'info' | 'debug';
  /** An English sentence; no password, no payload. */
  readonly message: string;
  /** The client identifier. */
  readonly clientId: string;
}

/**
 * Throws where nobody catches: as an uncaught exception, after the caller is done. The rest of a batch does not suffer for one listener.
 */
export function reportUncaught(error: unknown): void {
  process.nextTick(() => {
    throw error;
  });
}

/** Tells the `log` option. Costs nothing without one. */
export class Log {
  readonly #sink: ((record: LogRecord) => void) | undefined;
  readonly #clientId: string;

  constructor(sink: ((record: LogRecord) => void) | undefined, clientId: string) {
    this.#sink = sink;
    this.#clientId = clientId;
  }

  write(level: LogRecord['level'], message: string): void {
    if (this.#sink === undefined) return;
    try {
      this.#sink({ level, message, clientId: this.#clientId });
    } catch (error) {
      reportUncaught(error);
    }
  }
}
