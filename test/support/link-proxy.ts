/**
 * A TCP proxy between a client and a real broker, which cuts, refuses or holds what passes. It knows where a packet ends, so that a link
 * can be cut between any two packets.
 */
import * as net from 'node:net';
import { onTestFinished } from 'vitest';
import { wholePacketSize } from './packets.js';
import { resetSocket } from './reset-socket.js';
import { withSafetyNet } from './waiting.js';

export type Side = 'client' | 'server';

/**
 * What becomes of a packet: `pass`; `swallow`: only this one is lost; `cut`: it is lost and the link with it; `cut-after`: it arrives, and
 * nothing after it.
 */
export type Verdict = 'pass' | 'swallow' | 'cut' | 'cut-after';

/** One client's connection and the one to the broker that goes with it. */
export class ProxiedLink {
  readonly #rest: Record<Side, Buffer> = { client: Buffer.alloc(0), server: Buffer.alloc(0) };
  readonly #held: Record<Side, Buffer[]> = { client: [], server: [] };
  readonly #heldEnds: (() => void)[] = [];
  #cut = false;

  constructor(readonly proxy: LinkProxy, readonly client: net.Socket, readonly server: net.Socket) {
    for (const side of ['client', 'server'] as const) {
      const socket = this[side];
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.on('data', (data: Buffer) => this.#read(side, data));
      socket.on('end', () => this.#pass(() => this.#other(side).end()));
      socket.on('close', () => this.#pass(() => this.#closed(side)));
    }
  }

  /** Nothing arrives any more, on either side. */
  cut(): void {
    this.#cut = true;
    resetSocket(this.client);
    resetSocket(this.server);
    this.#passEnds();
  }

  /** Says something in the other side's name. */
  sendTo(side: Side, packet: Uint8Array): void {
    this[side].write(packet);
  }

  /** What was held goes its way. */
  release(): void {
    for (const side of ['client', 'server'] as const) {
      for (const packet of this.#held[side].splice(0)) {
        this.#forward(side, packet);
      }
    }
    this.#passEnds();
  }

  /** Tells one side of the end of the other, at once or when the link is released: who is held is silent, even when it has left. */
  #pass(end: () => void): void {
    if (this.proxy.holding && !this.#cut) {
      this.#heldEnds.push(end);
    } else {
      end();
    }
  }

  #passEnds(): void {
    for (const end of this.#heldEnds.splice(0)) {
      end();
    }
  }

  #closed(side: Side): void {
    this.#other(side).destroy();
    this.proxy.links.delete(this);
    this.proxy.linkGone();
  }

  #other(side: Side): net.Socket {
    return side === 'client' ? this.server : this.client;
  }

  #read(side: Side, data: Buffer): void {
    let rest = this.#rest[side].length === 0 ? data : Buffer.concat([this.#rest[side], data]);
    for (let size = wholePacketSize(rest); size !== 0 && !this.#cut; size = wholePacketSize(rest)) {
      this.#forward(side, rest.subarray(0, size));
      rest = rest.subarray(size);
    }
    this.#rest[side] = rest;
  }

  #forward(side: Side, packet: Buffer): void {
    if (this.#cut) {
      return;
    }
    if (this.proxy.holding) {
      this.#held[side].push(packet);
      return;
    }
    const target = this.#other(side);
    const verdict = this.proxy.onPacket(side, packet, this);
    if (this.#cut) {
      return;
    }
    switch (verdict) {
      case 'pass':
        if (!target.write(packet)) {
          this[side].pause();
          target.once('drain', () => this[side].resume());
        }
        break;
      case 'swallow':
        break;
      case 'cut':
        this.cut();
        break;
      case 'cut-after':
        this.#cut = true;
        // FIN and not RST: what was written before it is read for certain.
        target.end(packet);
        this[side].destroy();
        break;
    }
  }
}

export class LinkProxy {
  /** Connections clients have made, refused ones included. */
  accepted = 0;
  readonly links = new Set<ProxiedLink>();
  /** Asked about each packet, in order, when it is about to be passed on. */
  onPacket: (from: Side, packet: Buffer, link: ProxiedLink) => Verdict = () => 'pass';
  /** Packets wait, in both directions, and so do the ends of connections. See hold(). */
  holding = false;
  #down = false;
  #whenEmpty: (() => void)[] = [];

  private constructor(readonly server: net.Server, public target: number) {
    server.on('connection', (client: net.Socket) => {
      this.accepted += 1;
      client.on('error', () => undefined);
      if (this.#down) {
        resetSocket(client);
        return;
      }
      this.links.add(new ProxiedLink(this, client, net.connect(this.target, '127.0.0.1')));
    });
  }

  /** In front of a broker, until the end of the test that runs. */
  static async before(url: string): Promise<LinkProxy> {
    const server = net.createServer();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    const proxy = new LinkProxy(server, Number(new URL(url).port));
    onTestFinished(() => proxy.#stop());
    return proxy;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${(this.server.address() as net.AddressInfo).port}`;
  }

  /** Cuts every link; the next connection is passed on. */
  cut(): void {
    for (const link of this.links) {
      link.cut();
    }
  }

  /** Cuts every link, and every connection from now on as soon as it is made. */
  down(): void {
    this.refuse();
    this.cut();
  }

  /** Cuts only those from now on. */
  refuse(): void {
    this.#down = true;
  }

  up(): void {
    this.#down = false;
  }

  /** Nothing passes until release(). */
  hold(): void {
    this.holding = true;
  }

  release(): void {
    this.holding = false;
    for (const link of this.links) {
      link.release();
    }
  }

  /** Waits until every link has ended: what the client said last has been seen then. */
  async ended(): Promise<void> {
    if (this.links.size > 0) {
      await withSafetyNet('the end of the links', new Promise<void>((resolve) => { this.#whenEmpty.push(resolve); }));
    }
  }

  /** From a link that has ended. */
  linkGone(): void {
    if (this.links.size === 0) {
      for (const resolve of this.#whenEmpty.splice(0)) {
        resolve();
      }
    }
  }

  async #stop(): Promise<void> {
    this.cut();
    await new Promise<void>((resolve) => { this.server.close(() => resolve()); });
  }
}

/** The type of a packet, as in its first four bits. */
export function typeOf(packet: Uint8Array): number {
  return packet[0]! >> 4;
}

export const CONNECT = 1;
export const PUBLISH = 3;
export const PUBACK = 4;
export const PUBREC = 5;
export const PUBREL = 6;
export const PUBCOMP = 7;
export const SUBSCRIBE = 8;
export const SUBACK = 9;
