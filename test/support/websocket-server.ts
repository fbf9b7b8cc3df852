/**
 * A WebSocket server (RFC 6455) of the few parts that MQTT needs, so that a test can look at every frame, send wrong ones, and let a
 * broker behind it speak through a plain stream.
 */
import * as crypto from 'node:crypto';
import * as http from 'node:http';
import type * as net from 'node:net';
import { Duplex } from 'node:stream';
import { withSafetyNet } from './waiting.js';

const ACCEPT_SUFFIX = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export interface Frame {
  opcode: number;
  final: boolean;
  masked: boolean;
  payload: Buffer;
}

/** A frame of a server: never masked. */
export function frame(opcode: number, payload: Uint8Array, final = true): Buffer {
  const head = [(final ? 0x80 : 0) | opcode];
  const { length } = payload;
  let size = Buffer.alloc(0);
  if (length < 126) {
    head.push(length);
  } else if (length < 65_536) {
    head.push(126);
    size = Buffer.alloc(2);
    size.writeUInt16BE(length);
  } else {
    head.push(127);
    size = Buffer.alloc(8);
    size.writeBigUInt64BE(BigInt(length));
  }
  return Buffer.concat([Buffer.from(head), size, payload]);
}

/** One upgraded connection. Its frames go to `frames`, or through `stream()` to a broker. */
export class WebSocketLink {
  readonly frames: Frame[] = [];
  #taken = 0;
  #ended = false;
  #wake: (() => void) | undefined;
  #chunks: Buffer[] = [];
  #length = 0;
  #onBinary: ((payload: Buffer) => void) | undefined;

  constructor(readonly socket: net.Socket, readonly request: http.IncomingMessage, head: Buffer) {
    socket.setNoDelay(true);
    socket.on('error', () => undefined);
    // An HTTP server leaves its side open.
    socket.on('end', () => socket.end());
    socket.on('close', () => {
      this.#ended = true;
      this.#wake?.();
    });
    socket.on('data', (data: Buffer) => this.#received(data));
    if (head.length > 0) {
      this.#received(head);
    }
  }

  async next(): Promise<Frame> {
    while (this.#taken === this.frames.length) {
      if (this.#ended) {
        throw new Error('the client ended the connection where a frame was expected');
      }
      await withSafetyNet('a WebSocket frame', new Promise<void>((resolve) => { this.#wake = resolve; }));
    }
    this.#taken += 1;
    return this.frames[this.#taken - 1]!;
  }

  /** Waits until the TCP connection has ended. */
  async ended(): Promise<void> {
    while (!this.#ended) {
      await withSafetyNet('the end of the WebSocket', new Promise<void>((resolve) => { this.#wake = resolve; }));
    }
  }

  send(opcode: number, payload: Uint8Array, final = true): void {
    this.socket.write(frame(opcode, payload, final));
  }

  /** What a broker reads and writes; binary frames both ways. */
  stream(): Duplex {
    const { socket } = this;
    const duplex = new Duplex({
      read: () => { socket.resume(); },
      write: (chunk: Buffer, _encoding, done) => { socket.write(frame(OPCODE.binary, chunk), () => done()); },
      final: (done) => {
        socket.end(frame(OPCODE.close, Buffer.from([0x03, 0xe8])));
        done();
      },
      destroy: (error, done) => {
        socket.destroy();
        done(error);
      },
    });
    this.#onBinary = (payload) => {
      if (!duplex.push(payload)) {
        socket.pause();
      }
    };
    for (const { payload } of this.frames.splice(0)) {
      this.#onBinary(payload);
    }
    socket.on('close', () => duplex.destroy());
    return duplex;
  }

  #received(data: Buffer): void {
    this.#chunks.push(data);
    this.#length += data.length;
    for (;;) {
      const head = this.#length < 14 || this.#chunks[0]!.length < 14 ? this.#joined() : this.#chunks[0]!;
      if (head.length < 2) {
        return;
      }
      const masked = (head[1]! & 0x80) !== 0;
      const short = head[1]! & 0x7f;
      const sizeBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
      const start = 2 + sizeBytes + (masked ? 4 : 0);
      if (head.length < start) {
        return;
      }
      const length = sizeBytes === 0 ? short : sizeBytes === 2 ? head.readUInt16BE(2) : Number(head.readBigUInt64BE(2));
      if (this.#length < start + length) {
        return;
      }
      const all = this.#joined();
      const payload = Buffer.from(all.subarray(start, start + length));
      if (masked) {
        const mask = all.subarray(start - 4, start);
        for (let index = 0; index < payload.length; index += 1) {
          payload[index]! ^= mask[index & 3]!;
        }
      }
      this.#chunks = all.length > start + length ? [all.subarray(start + length)] : [];
      this.#length = all.length - start - length;
      this.#frame({ opcode: all[0]! & 15, final: (all[0]! & 0x80) !== 0, masked, payload });
      if (this.#length === 0) {
        return;
      }
    }
  }

  #joined(): Buffer {
    if (this.#chunks.length !== 1) {
      this.#chunks = [Buffer.concat(this.#chunks)];
    }
    return this.#chunks[0]!;
  }

  #frame(received: Frame): void {
    if (this.#onBinary !== undefined && (received.opcode === OPCODE.binary || received.opcode === OPCODE.continuation)) {
      this.#onBinary(received.payload);
      return;
    }
    if (received.opcode === OPCODE.close && !this.socket.writableEnded) {
      this.socket.end(frame(OPCODE.close, received.payload));
    }
    this.frames.push(received);
    this.#wake?.();
  }
}

export interface WebSocketServerOptions {
  /** The subprotocol to pick; null: none is named. Default: `mqtt`. */
  subprotocol?: string | null;
  /** Answers the upgrade with this HTTP status instead. */
  refuseWith?: number;
}

export class WebSocketServer {
  readonly #ready: WebSocketLink[] = [];
  readonly #waiting: ((link: WebSocketLink) => void)[] = [];
  readonly #sockets = new Set<net.Socket>();

  private constructor(readonly server: http.Server, options: WebSocketServerOptions) {
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    server.on('upgrade', (request, socket, head) => {
      if (options.refuseWith !== undefined) {
        socket.end(`HTTP/1.1 ${options.refuseWith} Refused\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
        return;
      }
      const accept = crypto.createHash('sha1').update(`${request.headers['sec-websocket-key'] ?? ''}${ACCEPT_SUFFIX}`).digest('base64');
      const { subprotocol = 'mqtt' } = options;
      const lines = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade', `Sec-WebSocket-Accept: ${accept}`];
      if (subprotocol !== null) {
        lines.push(`Sec-WebSocket-Protocol: ${subprotocol}`);
      }
      socket.write(`${lines.join('\r\n')}\r\n\r\n`);
      const link = new WebSocketLink(socket as net.Socket, request, head);
      const taker = this.#waiting.shift();
      if (taker === undefined) {
        this.#ready.push(link);
      } else {
        taker(link);
      }
    });
  }

  static async start(options: WebSocketServerOptions = {}): Promise<WebSocketServer> {
    const server = http.createServer((_request, response) => {
      response.writeHead(404);
      response.end();
    });
    const wrapped = new WebSocketServer(server, options);
    await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
    return wrapped;
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.server.address() as net.AddressInfo).port}/`;
  }

  async accept(): Promise<WebSocketLink> {
    return this.#ready.shift() ?? withSafetyNet('a WebSocket of the client', new Promise<WebSocketLink>((resolve) => this.#waiting.push(resolve)));
  }

  /** Takes every connection from now on. */
  serve(take: (link: WebSocketLink) => void): void {
    const again = (link: WebSocketLink): void => {
      this.#waiting.push(again);
      take(link);
    };
    this.#waiting.push(again);
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) {
      socket.destroy();
    }
    await new Promise<void>((resolve) => { this.server.close(() => resolve()); });
  }
}
