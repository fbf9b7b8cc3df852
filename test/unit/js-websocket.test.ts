/** MQTT over WebSocket frame by frame: the server is a script, frames are cut and joined where no packet ends. */
import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRequire } from 'node:module';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { packetsOf } from '../support/packets.js';
import { Inbox, withSafetyNet } from '../support/waiting.js';
import { Driver } from './js-engine-driver.js';

interface Link {
  on(event: 'message', listener: (data: Buffer, binary: boolean) => void): void;
  on(event: 'close', listener: (code: number) => void): void;
  send(data: Uint8Array | string, options?: { binary?: boolean; fin?: boolean }): void;
  close(code?: number): void;
  terminate(): void;
  readonly protocol: string;
}
type Choose = (protocols: Set<string>) => string | false;
interface Server {
  on(event: 'connection', listener: (link: Link) => void): void;
  close(): void;
}
const here = createRequire(import.meta.url);
const { WebSocketServer } = createRequire(here.resolve('mqtt'))('ws') as {
  WebSocketServer: new (options: { server: http.Server; handleProtocols: Choose }) => Server;
};

const packets = packetsOf(5);
let choose: Choose;
let server: http.Server;
let sockets: Server;
let links: Inbox<{ link: Link; frames: Inbox<Buffer>; closed: Promise<number> }>;
let requests: http.IncomingMessage[];
let driver: Driver;
beforeEach(async () => {
  choose = () => 'mqtt';
  requests = [];
  links = new Inbox('a WebSocket');
  server = http.createServer((_request, response) => {
    response.statusCode = 404;
    response.end();
  });
  server.on('upgrade', (request) => requests.push(request));
  sockets = new WebSocketServer({ server, handleProtocols: (protocols) => choose(protocols) });
  sockets.on('connection', (link) => {
    const frames = new Inbox<Buffer>('a frame');
    link.on('message', (data) => frames.push(data));
    links.push({ link, frames, closed: new Promise((resolve) => { link.on('close', resolve); }) });
  });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  driver = new Driver();
});
afterEach(async () => {
  driver.destroy();
  sockets.close();
  server.closeAllConnections();
  await new Promise<void>((resolve) => { server.close(() => resolve()); });
  expect(driver.faults).toEqual([]);
});

const port = (): number => (server.address() as AddressInfo).port;

async function connect(): Promise<{ link: Link; frames: Inbox<Buffer>; closed: Promise<number> }> {
  driver.open({ transport: 'ws', port: port(), path: '/mqtt?x=1' });
  const accepted = await links.next();
  expect((await accepted.frames.next())[0]).toBe(0x10);
  accepted.link.send(packets.connack());
  await driver.connects.next();
  return accepted;
}

it('asks for the subprotocol mqtt at the path given [MQTT-6.0.0-3]', async () => {
  const { link } = await connect();
  expect(link.protocol).toBe('mqtt');
  expect(requests[0]!.url).toBe('/mqtt?x=1');
  expect(requests[0]!.headers['sec-websocket-protocol']).toBe('mqtt');
  expect(requests[0]!.headers['sec-websocket-extensions']).toBeUndefined();
});

for (const [what, answer] of [['another subprotocol', 'mqttv3.1'], ['none', false]] as const) {
  it(`a server that picks ${what} is refused [MQTT-6.0.0-4]`, async () => {
    choose = () => answer;
    driver.open({ transport: 'ws', port: port() });
    const failure = await driver.openFailures.next();
    expect(failure.code).toBe('ERR_MQTT_CONNECT');
    expect(failure.message).toContain('subprotocol');
  });
}

it('a server that answers 404 is ERR_MQTT_CONNECT, and the error says 404', async () => {
  sockets.close();
  server.removeAllListeners('upgrade');
  driver.open({ transport: 'ws', port: port() });
  const failure = await driver.openFailures.next();
  expect(failure.code).toBe('ERR_MQTT_CONNECT');
  expect(failure.message).toContain('404');
});

it('packets split and joined over frames [MQTT-6.0.0-2]', async () => {
  const { link } = await connect();
  const large = Buffer.alloc(1_000_000, 7);
  const bytes = Buffer.concat([
    ...Array.from({ length: 50 }, (_, index) => packets.publish({ topic: 't', payload: String(index) })), packets.publish({ topic: 'large', payload: large }),
    packets.publish({ topic: 'end' }),
  ]);
  for (let at = 0; at < 600; at += 7) {
    link.send(bytes.subarray(at, Math.min(600, at + 7)));
  }
  link.send(bytes.subarray(600, 500_000), { fin: false });
  link.send(bytes.subarray(500_000));
  const messages = await driver.messages.take(52);
  expect(messages.slice(0, 50).map(({ payload }) => Number(payload.toString()))).toEqual(Array.from({ length: 50 }, (_, index) => index));
  expect(messages[50]!.payload.equals(large)).toBe(true);
});

it('what goes out is binary frames, 2 MB and a small one behind it', async () => {
  const { frames } = await connect();
  driver.publish('large', Buffer.alloc(2_000_000, 1), 0, 1);
  driver.publish('small', 'x', 0, 2);
  await driver.published.take(2);
  const parts: Buffer[] = [];
  let length = 0;
  while (length < 2_000_012 + 11) {
    const frame = await frames.next();
    parts.push(frame);
    length += frame.length;
  }
  const all = Buffer.concat(parts);
  expect(all.length).toBe(2_000_012 + 11);
  expect(all.subarray(-11).toString('hex')).toBe('3009' + '0005' + Buffer.from('small').toString('hex') + '00' + '78');
});

it('a text frame ends the connection [MQTT-6.0.0-1]', async () => {
  const { link, closed } = await connect();
  // A packet that would do in a binary frame.
  link.send(packets.publish({ topic: 'a', payload: 'b' }).toString());
  expect((await driver.disconnects.next()).code).toBe('ERR_MQTT_PROTOCOL');
  expect(driver.messages.all).toEqual([]);
  await withSafetyNet('the end', closed);
});

it('the server closes, or is gone: ERR_MQTT_CONNECTION_LOST', async () => {
  const first = await connect();
  first.link.close(1001);
  expect((await driver.disconnects.next()).code).toBe('ERR_MQTT_CONNECTION_LOST');
  const second = await connect();
  second.link.terminate();
  expect((await driver.disconnects.next()).code).toBe('ERR_MQTT_CONNECTION_LOST');
});

it('close() sends DISCONNECT and then the closing handshake', async () => {
  const { frames, closed } = await connect();
  driver.close();
  expect((await frames.next()).toString('hex')).toBe('e000');
  expect(await withSafetyNet('the end', closed)).toBe(1000);
  expect((await driver.disconnects.next()).code).toBe('ERR_MQTT_CLOSED');
});

it('destroy() while the upgrade is under way is silent', async () => {
  driver.open({ transport: 'ws', port: port() });
  driver.destroy();
  await new Promise((resolve) => { setTimeout(resolve, 50); });
  expect(driver.order).toEqual([]);
});

it('an application that takes nothing stops the reading', async () => {
  const { link } = await connect();
  driver.automatic = false;
  const one = packets.publish({ topic: 't', payload: Buffer.alloc(100_000) });
  for (let index = 0; index < 400; index += 1) {
    link.send(one);
  }
  await driver.messages.take(21);
  await new Promise((resolve) => { setTimeout(resolve, 100); });
  const held = driver.messages.all.length;
  expect(held).toBeLessThan(43);
  driver.automatic = true;
  driver.taken(held, held * 100_000);
  await driver.messages.take(400 - 21);
});
