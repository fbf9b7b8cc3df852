/**
 * Cuts what the server sends into whole packets. Packets that lie whole in what was received are not copied. Of one that does not, the
 * guard has seen the header before a byte is kept, and memory grows with what has come, not with what was announced: 256 MB cost the
 * server 256 MB.
 */
import { FAIL, PASS } from './guard.js';
import type { Guard } from './guard.js';

const FIRST = 64 * 1024;

export interface PacketHandler {
  /** Nothing more is wanted. */
  readonly stopped: boolean;
  /** A whole packet is at data[offset, end); its bytes are never written again. */
  packet(data: Uint8Array, offset: number, end: number): void;
  /** The guard refuses the header; it says why. */
  refused(): void;
}

export class IncomingStream {
  readonly #guard: Guard;
  readonly #handler: PacketHandler;
  /** The start of a packet, up to `#length`. `#size` 0: its header is not whole yet. */
  #partial: Uint8Array | undefined;
  #length = 0;
  #size = 0;

  constructor(guard: Guard, handler: PacketHandler) {
    this.#guard = guard;
    this.#handler = handler;
  }

  take(data: Uint8Array): void {
    const handler = this.#handler;
    if (handler.stopped) return;
    const guard = this.#guard;
    const end = data.length;
    let offset = this.#partial === undefined ? 0 : this.#complete(data);
    while (offset < end && !handler.stopped) {
      const verdict = guard.header(data, offset, end);
      if (verdict === FAIL) {
        handler.refused();
        return;
      }
      const size = verdict === PASS ? guard.size : 0;
      if (size === 0 || size > end - offset) {
        this.#begin(data, offset, size);
        return;
      }
      handler.packet(data, offset, offset + size);
      offset += size;
    }
  }

  #begin(data: Uint8Array, offset: number, size: number): void {
    const length = data.length - offset;
    this.#size = size;
    this.#length = length;
    this.#partial = Buffer.allocUnsafeSlow(size === 0 ? 8 : Math.min(size, Math.max(FIRST, length * 2)));
    this.#partial.set(data.subarray(offset));
  }

  /** Adds to the packet that was begun, and hands it on when it is whole. Returns how much of `data` belonged to it. */
  #complete(data: Uint8Array): number {
    let partial = this.#partial!;
    let offset = 0;
    while (this.#size === 0) {
      if (offset === data.length) {
        return offset;
      }
      partial[this.#length++] = data[offset++]!;
      const verdict = this.#guard.header(partial, 0, this.#length);
      if (verdict === FAIL) {
        this.#handler.refused();
        return data.length;
      }
      if (verdict === PASS) {
        this.#size = this.#guard.size;
      }
    }
    const part = Math.min(this.#size - this.#length, data.length - offset);
    if (this.#length + part > partial.length) {
      const grown = Buffer.allocUnsafeSlow(Math.min(this.#size, Math.max(FIRST, partial.length * 2, this.#length + part)));
      grown.set(partial.subarray(0, this.#length));
      this.#partial = partial = grown;
    }
    partial.set(data.subarray(offset, offset + part), this.#length);
    this.#length += part;
    offset += part;
    if (this.#length === this.#size) {
      this.#partial = undefined;
      this.#handler.packet(partial, 0, this.#size);
    }
    return offset;
  }
}
