/**
 * The stream mqtt.js holds for its socket. mqtt.js is given whole packets that have passed the guard, one a call and handled before the
 * call returns; what it writes goes to outgoing-packets.ts. Back-pressure is not its business: it is asked for a publish only when there
 * is room.
 */
import { Duplex } from 'node:stream';
import type { Writable } from 'node:stream';
import type { OutgoingPackets } from './outgoing-packets.js';

export class MqttStream extends Duplex {
  readonly #packets: OutgoingPackets;
  readonly #destroyed: () => void;
  #parser: Writable | undefined;

  /** `destroyed`: mqtt.js has given up the connection, or destroy() was called. */
  constructor(packets: OutgoingPackets, destroyed: () => void) {
    super();
    // Packets are gathered by themselves; where there is no cork(), mqtt.js does without a tick to undo it for each packet.
    Object.defineProperty(this, 'cork', { value: undefined });
    this.#packets = packets;
    this.#destroyed = destroyed;
  }

  /** A whole packet for mqtt.js. */
  feed(packet: Uint8Array): void {
    this.#parser!.write(packet);
  }

  /** mqtt.js pipes its stream into its parser, once. */
  override pipe<T extends NodeJS.WritableStream>(destination: T): T {
    this.#parser = destination as unknown as Writable;
    return destination;
  }

  override write(chunk: Uint8Array | string): boolean {
    // The guard behind it may belong to the next connection already.
    if (!this.destroyed) {
      this.#packets.write(chunk);
    }
    return true;
  }

  override _read(): void {}

  override _destroy(_error: Error | null, done: (error?: Error | null) => void): void {
    this.#destroyed();
    done(null);
  }
}
