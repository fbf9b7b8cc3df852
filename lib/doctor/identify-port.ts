import * as net from 'node:net';
import * as tls from 'node:tls';
import type { Clock } from './clock.js';
import { cleaned } from './shown.js';

/** What a port speaks, as far as it lets on. */
export interface PortKind {
  readonly kind: 'mqtt' | 'tls' | 'http' | 'websocket' | 'openwire' | 'amqp' | 'other' | 'closes' | 'silent';
  /** Of `other`: how it begins. Of `websocket`: the path. */
  readonly detail: string;
}

/** Opens a connection to the port, TCP or TLS as the case may be. */
export type Dial = () => net.Socket;

/** So long a server that speaks first has time for it, and so long every question may go without an answer; milliseconds. */
const GREETING = 400;
const ANSWER = 1_500;
/** What comes in pieces is put together: so many bytes tell enough, and so long the next piece may take. */
const ENOUGH = 16;
const REST = 100;

/** CONNECT of MQTT 3.1.1, Clean Session, with a client identifier that every server must take, and no credentials. */
const CONNECT = Buffer.from('\x10\x19\x00\x04MQTT\x04\x02\x00\x05\x00\x0dmqttNatDoctor', 'latin1');
/** OpenWire's WIREFORMAT_INFO: length, type, magic, version 12, no properties. */
const WIREFORMAT = Buffer.from('\x00\x00\x00\x0e\x01ActiveMQ\x00\x00\x00\x0c\x00', 'latin1');

/**
 * Asks a port that is not what it was taken for, from what costs it least on: listens, then says CONNECT, then TLS, HTTP, OpenWire, each
 * on a connection of its own, until it says something that can be told.
 */
export async function identifyPort(dial: Dial, secure: boolean, host: string, clock: Clock): Promise<PortKind> {
  const greeting = await ask(dial, CONNECT, clock, GREETING);
  const known = recognise(greeting.bytes);
  if (known !== undefined && known.kind !== 'http') return known;
  if (known === undefined && !secure && await speaksTls(dial, host, clock)) return { kind: 'tls', detail: '' };
  let sawHttp = known?.kind === 'http';
  for (const path of ['/mqtt', '/']) {
    const answer = (await ask(dial, upgradeTo(path, host), clock)).bytes.toString('latin1');
    if (/^HTTP\/1\.[01] 101/.test(answer)) return { kind: 'websocket', detail: path };
    sawHttp ||= answer.startsWith('HTTP/');
    if (!sawHttp) break;
  }
  if (sawHttp) return { kind: 'http', detail: '' };
  const frame = await ask(dial, WIREFORMAT, clock);
  return recognise(frame.bytes) ?? { kind: greeting.closed ? 'closes' : 'silent', detail: '' };
}

/** What begins like that. Undefined: no bytes. */
export function recognise(bytes: Buffer): PortKind | undefined {
  if (bytes.length === 0) return undefined;
  const text = bytes.toString('latin1', 0, 64);
  const kind = (kind: PortKind['kind']): PortKind => ({ kind, detail: '' });
  if (text.startsWith('HTTP/')) return kind('http');
  if (text.includes('ActiveMQ')) return kind('openwire');
  if (text.startsWith('AMQP')) return kind('amqp');
  // A record of TLS: an alert or a handshake, of version 3.x.
  if ((bytes[0] === 0x15 || bytes[0] === 0x16) && bytes[1] === 3) return kind('tls');
  // CONNACK, of 3.1.1 two bytes long, be it a wrong one as long as it is whole; or DISCONNECT.
  if ((bytes[0] === 0x20 && ((bytes[1]! >= 2 && (bytes[2] ?? 0) <= 1) || bytes.length === 2 + bytes[1]!)) || (bytes[0] === 0xe0 && bytes[1]! < 128)) return kind('mqtt');
  const readable = cleaned(text);
  const isText = /^[\x20-\x7e]{3,}/.test(text);
  return { kind: 'other', detail: isText ? readable.slice(0, 40) : bytes.subarray(0, 12).toString('hex').replace(/(..)(?=.)/g, '$1 ') };
}

/** Connects, listens for `greeting` ms, says its words unless the server has spoken, and takes the first bytes that come back. */
function ask(dial: Dial, words: Uint8Array | string, clock: Clock, greeting = 0): Promise<{ bytes: Buffer; closed: boolean }> {
  return new Promise((resolve) => {
    const socket = dial();
    let timer: NodeJS.Timeout;
    const done = (bytes: Buffer, closed: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ bytes, closed });
    };
    const none = Buffer.alloc(0);
    const speak = (): void => {
      socket.write(words);
      timer = setTimeout(() => done(none, false), clock.share(ANSWER, 0.2));
    };
    timer = setTimeout(() => done(none, false), clock.share(ANSWER, 0.2));
    socket.once(socket instanceof tls.TLSSocket ? 'secureConnect' : 'connect', () => {
      clearTimeout(timer);
      if (greeting === 0) speak();
      else timer = setTimeout(speak, clock.share(greeting, 0.1));
    });
    let got = none;
    socket.on('data', (bytes: Buffer) => {
      got = Buffer.concat([got, bytes]);
      clearTimeout(timer);
      if (got.length >= ENOUGH) done(got, false);
      else timer = setTimeout(() => done(got, false), clock.share(REST));
    });
    socket.once('end', () => done(got, true));
    socket.on('error', () => done(got, true));
    socket.once('close', () => done(got, true));
  });
}

/** Whether it answers a TLS handshake with TLS, be it a refusal. */
function speaksTls(dial: Dial, host: string, clock: Clock): Promise<boolean> {
  return new Promise((resolve) => {
    const raw = dial();
    const socket = tls.connect({ socket: raw, rejectUnauthorized: false, servername: net.isIP(host) === 0 ? host : '' });
    const done = (speaks: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      raw.destroy();
      resolve(speaks);
    };
    const timer = setTimeout(() => done(false), clock.share(ANSWER, 0.2));
    raw.on('error', () => done(false));
    socket.once('secureConnect', () => done(true));
    socket.on('error', (error: NodeJS.ErrnoException) => done(/\balert\b/i.test(error.message) || (error.code?.includes('ALERT') ?? false)));
    socket.once('close', () => done(false));
  });
}

function upgradeTo(path: string, host: string): string {
  return [
    `GET ${path} HTTP/1.1`, `Host: ${host.includes(':') ? `[${host}]` : host}`, 'Connection: Upgrade', 'Upgrade: websocket',
    'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: bXF0dC1uYXRpdmUgZG9jdA==', 'Sec-WebSocket-Protocol: mqtt', '', '',
  ].join('\r\n');
}
