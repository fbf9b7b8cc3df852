/**
 * A broker that does what its script says and nothing else: the test accepts a connection, says byte for byte what the client must send
 * and what is sent back. It answers nothing by itself.
 */
import * as net from 'node:net';
import * as tls from 'node:tls';
import { describePacket, difference, headerSize, hexDump, packetsOf, toBytes, wholePacketSize } from './packets.js';
import type { Bytes, Version } from './packets.js';
import { resetSocket } from './reset-socket.js';
import { withSafetyNet } from './waiting.js';

export interface ScriptedBrokerOptions {
  /** TLS with this certificate and key, as PEM. */
  tls?: tls.TlsOptions;
  host?: string;
}

/** One accepted connection. */
export class ScriptedLink {
  /** Every packet that was read so far, in order, for a look afterwards. */
  readonly seen: Buffer[] = [];
  /** Bytes that came in, before they are cut into packets. */
  bytesReceived = 0;
  #waiting: Buffer[] = [];
  #waitingLength = 0;
  #ended = false;
  #error: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(readonly socket: net.Socket) {
    socket.setNoDelay(true);
    socket.on('data', (data: Buffer) => {
      this.bytesReceived += data.length;
      this.#waiting.push(data);
      this.#waitingLength += data.length;
      this.#wake?.();
    });
    const end = (): void => {
      this.#ended = true;
      this.#wake?.();
    };
    socket.on('end', end);
    socket.on('close', end);
    socket.on('error', (error) => {
      this.#error = error;
      end();
    });
  }

  /** The next whole packet. */
  async read(): Promise<Buffer> {
    const packet = await this.#next();
    if (packet === undefined) {
      throw new Error(`the client ended the connection${this.#error === undefined ? '' : ` (${this.#error.message})`} where a packet was expected; ${this.#history()}`);
    }
    return packet;
  }

  /** The next packets must be these, byte for byte. One call may hold several packets. */
  async expect(...expected: Bytes[]): Promise<void> {
    let rest = Buffer.concat(expected.map(toBytes));
    while (rest.length > 0) {
      const size = wholePacketSize(rest);
      if (size === 0) {
        throw new Error(`the script's own packet is not whole:\n${hexDump(rest)}`);
      }
      const want = rest.subarray(0, size);
      rest = rest.subarray(size);
      const actual = await this.#next();
      if (actual === undefined) {
        throw new Error(`the client ended the connection; expected ${describePacket(want)}\n${hexDump(want)}\n${this.#history()}`);
      }
      const text = difference(want, actual);
      if (text !== undefined) {
        throw new Error(`${text}\n${this.#history()}`);
      }
    }
  }

  /** The next packet must be of this type (the upper half of its first byte); returns it. */
  async expectType(type: number): Promise<Buffer> {
    const packet = await this.read();
    if (packet[0]! >> 4 !== type) {
      throw new Error(`expected a packet of type ${type}, the client sent ${describePacket(packet)}\n${hexDump(packet)}\n${this.#history()}`);
    }
    return packet;
  }

  /** CONNECT comes in, whatever it says, and is accepted. */
  async handshake(version: Version, properties?: Bytes): Promise<Buffer> {
    const connect = await this.expectType(1);
    const level = connect[headerSize(connect) + 6];
    if (level !== version) {
      throw new Error(`expected CONNECT of protocol level ${version}, the client sent level ${level}`);
    }
    this.send(packetsOf(version).connack(0, false, properties));
    return connect;
  }

  /**
   * Proves that the client has sent nothing more than what was read: a PUBLISH of QoS 1 goes out, and its PUBACK must be the next packet.
   * The client must have answered all that it was going to, because it answers in order.
   */
  async barrier(version: Version, id = 0xfff0): Promise<void> {
    const packets = packetsOf(version);
    this.send(packets.publish({ topic: 'barrier', qos: 1, id }));
    await this.expect(packets.puback(id));
  }

  send(...data: Bytes[]): void {
    this.socket.write(Buffer.concat(data.map(toBytes)));
  }

  /** One write a byte, each after the one before was taken, so that no two of them share a segment by intent. */
  async sendByteByByte(data: Bytes): Promise<void> {
    for (const byte of toBytes(data)) {
      await new Promise<void>((resolve) => {
        this.socket.write(Buffer.from([byte]), () => { setImmediate(resolve); });
      });
    }
  }

  /** The client must end the connection, and send nothing before it does. */
  async expectEnd(): Promise<void> {
    const packet = await this.#next();
    if (packet !== undefined) {
      throw new Error(`expected the end of the connection, the client sent ${describePacket(packet)}\n${hexDump(packet)}\n${this.#history()}`);
    }
    if (this.#waitingLength > 0) {
      throw new Error(`the client ended the connection within a packet:\n${hexDump(Buffer.concat(this.#waiting))}`);
    }
  }

  /** Waits for the end; returns what came before it. */
  async readToEnd(): Promise<Buffer[]> {
    const packets: Buffer[] = [];
    for (;;) {
      const packet = await this.#next();
      if (packet === undefined) {
        return packets;
      }
      packets.push(packet);
    }
  }

  /** Stops reading: the client's writes pile up. */
  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  /** Ends the connection with FIN, after what was sent. */
  end(): void {
    this.socket.end();
  }

  /** Ends the connection with RST; see resetSocket(). */
  cut(): void {
    if (this.socket instanceof tls.TLSSocket) {
      this.socket.destroy();
    } else {
      resetSocket(this.socket);
    }
  }

  async #next(): Promise<Buffer | undefined> {
    for (;;) {
      if (this.#waitingLength > 0) {
        // Joining is put off until the announced size is there: a packet of megabytes is joined once and not at every read.
        const head = this.#waiting.length > 1 && this.#waiting[0]!.length < 5 ? Buffer.concat(this.#waiting) : this.#waiting[0]!;
        const size = announcedSize(head);
        if (size > 0 && this.#waitingLength >= size) {
          const all = this.#waiting.length > 1 ? Buffer.concat(this.#waiting) : this.#waiting[0]!;
          this.#waiting = all.length > size ? [all.subarray(size)] : [];
          this.#waitingLength = all.length - size;
          const packet = all.subarray(0, size);
          this.seen.push(packet);
          return packet;
        }
      }
      if (this.#ended) {
        return undefined;
      }
      await withSafetyNet('a packet of the client', new Promise<void>((resolve) => { this.#wake = resolve; }), () => this.#history());
    }
  }

  #history(): string {
    const last = this.seen.slice(-8).map((packet) => `  ${describePacket(packet)}`);
    const rest = this.#waitingLength > 0 ? `\nnot a whole packet yet:\n${hexDump(Buffer.concat(this.#waiting).subarray(0, 64))}` : '';
    return `read so far (${this.seen.length}, the last ones):\n${last.join('\n')}${rest}`;
  }
}

/** Size of the packet whose first bytes these are; 0: not known yet. */
function announcedSize(data: Uint8Array): number {
  let length = 0;
  for (let at = 1; at < 5; at += 1) {
    const byte = data[at];
    if (byte === undefined) {
      return 0;
    }
    length += (byte & 0x7f) * 128 ** (at - 1);
    if ((byte & 0x80) === 0) {
      return at + 1 + length;
    }
  }
  throw new Error(`the client sent a Remaining Length of more than four bytes: ${Buffer.from(data.subarray(0, 5)).toString('hex')}`);
}

export class ScriptedBroker {
  /** Connections accepted since the start. */
  accepted = 0;
  readonly #links: ScriptedLink[] = [];
  readonly #ready: ScriptedLink[] = [];
  readonly #waiting: ((link: ScriptedLink) => void)[] = [];
  readonly #sockets = new Set<net.Socket>();
  /** TLS handshakes that failed, as the server saw them. */
  readonly handshakeErrors: Error[] = [];

  private constructor(readonly server: net.Server, readonly secure: boolean) {
    server.on('connection', (socket: net.Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('error', () => undefined);
    });
    server.on(secure ? 'secureConnection' : 'connection', (socket: net.Socket) => {
      this.accepted += 1;
      const link = new ScriptedLink(socket);
      this.#links.push(link);
      const taker = this.#waiting.shift();
      if (taker === undefined) {
        this.#ready.push(link);
      } else {
        taker(link);
      }
    });
    server.on('tlsClientError', (error: Error) => this.handshakeErrors.push(error));
  }

  static async start(options: ScriptedBrokerOptions = {}): Promise<ScriptedBroker> {
    const server = options.tls === undefined ? net.createServer() : tls.createServer(options.tls);
    const broker = new ScriptedBroker(server, options.tls !== undefined);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, options.host ?? '127.0.0.1', resolve);
    });
    return broker;
  }

  get port(): number {
    return (this.server.address() as net.AddressInfo).port;
  }

  /** The address to give to a client. */
  get url(): string {
    return `${this.secure ? 'mqtts' : 'mqtt'}://${this.secure ? 'localhost' : '127.0.0.1'}:${this.port}`;
  }

  /** The next connection that nobody has taken. */
  async accept(): Promise<ScriptedLink> {
    const ready = this.#ready.shift();
    if (ready !== undefined) {
      return ready;
    }
    return withSafetyNet('a connection of the client', new Promise<ScriptedLink>((resolve) => this.#waiting.push(resolve)));
  }

  /** Cuts what is open and stops listening. */
  async stop(): Promise<void> {
    for (const socket of this.#sockets) {
      socket.destroy();
    }
    await new Promise<void>((resolve) => { this.server.close(() => resolve()); });
  }
}
