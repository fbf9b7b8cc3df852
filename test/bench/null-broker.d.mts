export interface NullBroker {
  port: number;
  /** With --tls: PEM, to be trusted. */
  certificate: string | undefined;
  pid: number;
  /** Rejects when it did not end well. */
  stop(): Promise<void>;
  stderr(): string;
  /** Resolves when it ends by itself. */
  failed: Promise<Error>;
}
export function buildNullBroker(options?: { extraFlags?: string[]; onBuild?: () => void }): Promise<string>;
export function startNullBroker(program: string, args?: string[]): Promise<NullBroker>;
