/**
 * Servers that are wrong on purpose, each in one way, for doctor to tell what is wrong. They serve any number of connections, because
 * doctor makes some, and answer each packet by a habit of theirs instead of by a script.
 */
import * as http from 'node:http';
import * as net from 'node:net';
import * as tls from 'node:tls';
import { afterAll } from 'vitest';
import { headerSize, packetIdentifier, packetsOf, wholePacketSize } from '../support/packets.js';
import type { Bytes, Version } from '../support/packets.js';

/** How a broker behaves; what is left out it does well. */
export interface Habits {
  /** Answer to CONNECT of this version: a code of CONNACK, or none. */
  connack?: (version: Version) => number | 'close' | 'silence';
  /** Properties of CONNACK in MQTT 5. */
  connackProperties?: Bytes;
  /** Code of SUBACK. */
  suback?: number;
  /** Code of PUBACK (3.1.1 has none), or none. */
  puback?: number | 'close' | 'silence';
  /** Whether a message comes back to its publisher. */
  delivers?: boolean;
}

const running = new Set<net.Server>();

/** Stops what the tests of a file have started. */
export function stopServersAfterAll(): void {
  afterAll(async () => {
    const servers = [...running];
    running.clear();
    await Promise.all(servers.map((server) => new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.emit('stop');
    })));
  });
}

async function listening(server: net.Server): Promise<number> {
  running.add(server);
  const sockets = new Set<net.Socket>();
  server.on('connection', (socket: net.Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
  });
  server.once('stop', () => sockets.forEach((socket) => socket.destroy()));
  await new Promise<void>((resolve) => { server.listen(0, 'localhost', resolve); });
  return (server.address() as net.AddressInfo).port;
}

/** A TCP server, or with `secure` one of TLS, that does `serve` with each connection. Returns its port. */
export function serverThat(serve: (socket: net.Socket) => void, secure?: tls.TlsOptions): Promise<number> {
  const take = (socket: net.Socket): void => {
    socket.on('error', () => undefined);
    serve(socket);
  };
  if (secure === undefined) return listening(net.createServer(take));
  return listening(tls.createServer(secure, take).on('tlsClientError', () => undefined));
}

/** An HTTP server with a page on every path. */
export function webServer(secure?: tls.TlsOptions): Promise<number> {
  const server = http.createServer((_request, response) => response.end('a page'));
  if (secure === undefined) return listening(server);
  return serverThat((socket) => server.emit('connection', socket), secure);
}

/** ActiveMQ's OpenWire transport: says WIREFORMAT_INFO at once, takes four bytes for a length, and closes when that is too large. */
export function openWirePort(): Promise<number> {
  const body = Buffer.concat([Buffer.from([1]), Buffer.from('ActiveMQ'), Buffer.from([0, 0, 0, 12, 1]), Buffer.alloc(120, 7)]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  return serverThat((socket) => {
    socket.write(Buffer.concat([length, body]));
    socket.on('data', (data: Buffer) => {
      if (data.length >= 4 && data.readUInt32BE(0) > 100 * 1024 * 1024) socket.destroy();
    });
  });
}

/** A broker with these habits. */
export function brokerThat(habits: Habits, secure?: tls.TlsOptions): Promise<number> {
  return serverThat((socket) => {
    let version: Version = 4;
    let greeted = false;
    let waiting = Buffer.alloc(0);
    socket.on('data', (data: Buffer) => {
      waiting = Buffer.concat([waiting, data]);
      // As brokers do with what is no MQTT.
      if (!greeted && waiting[0] !== 0x10) {
        socket.destroy();
        return;
      }
      greeted = true;
      for (let size = wholeOrNone(waiting); size > 0; size = wholeOrNone(waiting)) {
        const packet = waiting.subarray(0, size);
        waiting = waiting.subarray(size);
        if (packet[0]! >> 4 === 1) version = packet[headerSize(packet) + 6] as Version;
        answer(socket, packet, version, habits);
      }
    });
  }, secure);
}

/** Of one byte nothing can be said. */
function wholeOrNone(data: Buffer): number {
  return data.length > 1 ? wholePacketSize(data) : 0;
}

function answer(socket: net.Socket, packet: Buffer, version: Version, habits: Habits): void {
  const packets = packetsOf(version);
  const id = packet[0]! >> 4 === 1 ? 0 : packetIdentifier(packet);
  switch (packet[0]! >> 4) {
    case 1: {
      const code = habits.connack?.(version) ?? 0;
      if (code === 'close') socket.end();
      else if (code !== 'silence') {
        socket.write(packets.connack(code, false, habits.connackProperties));
        if (code !== 0) socket.end();
      }
      break;
    }
    case 3: {
      const code = habits.puback ?? 0;
      if (code === 'close') socket.end();
      else if (code !== 'silence') {
        if (id !== undefined) socket.write(packets.puback(id, code));
        if (code < 0x80 && habits.delivers !== false) socket.write(echoOf(packet, version));
      }
      break;
    }
    case 8:
      socket.write(packets.suback(id!, [habits.suback ?? 1]));
      break;
    case 14:
      socket.end();
  }
}

/** The same message at QoS 0, as a broker sends it to a subscriber. */
function echoOf(packet: Buffer, version: Version): Buffer {
  const body = packet.subarray(headerSize(packet));
  const length = body.readUInt16BE(0);
  const behind = 2 + length + ((packet[0]! & 6) === 0 ? 0 : 2);
  // doctor publishes without properties: their length is one byte.
  const payload = body.subarray(version === 5 ? behind + 1 : behind);
  return packetsOf(version).publish({ topic: body.toString('utf8', 2, 2 + length), payload });
}
