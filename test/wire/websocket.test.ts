/**
 * MQTT over WebSockets frame by frame: binary frames only, packets cut and joined over frames at will, and the subprotocol "mqtt". The
 * server is a script that sees every frame.
 */
import { afterEach, expect } from 'vitest';
import { forEachEngine, messagesOf } from '../support/engines.js';
import type { EngineUnderTest } from '../support/engines.js';
import { codeOf } from '../support/outcomes.js';
import { bytes, packetsOf } from '../support/packets.js';
import { OPCODE, WebSocketServer } from '../support/websocket-server.js';
import type { WebSocketLink, WebSocketServerOptions } from '../support/websocket-server.js';
import type { Client, MqttError } from 'mqtt-native';

const packets = packetsOf(4);
const servers: WebSocketServer[] = [];
afterEach(async () => { await Promise.all(servers.splice(0).map((server) => server.stop())); });

async function start(options: WebSocketServerOptions = {}): Promise<WebSocketServer> {
  const server = await WebSocketServer.start(options);
  servers.push(server);
  return server;
}

async function connected(engine: EngineUnderTest): Promise<{ client: Client; link: WebSocketLink }> {
  const server = await start();
  const client = engine.client(server.url, { protocolVersion: 4, clientId: 'c' });
  const connecting = client.connect();
  connecting.catch(() => undefined);
  const link = await server.accept();
  await link.next();
  link.send(OPCODE.binary, packets.connack());
  await connecting;
  return { client, link };
}

forEachEngine((engine) => {
  engine.case('the upgrade asks for the path and query of the URL and offers the subprotocol mqtt [MQTT-6.0.0-3]', async () => {
    const server = await start();
    const client = engine.client(`${server.url}some/path?key=value`, { protocolVersion: 4, clientId: 'c' });
    client.connect().catch(() => undefined);
    const { request } = await server.accept();
    expect(request.url).toBe('/some/path?key=value');
    expect(request.headers['sec-websocket-protocol']).toBe('mqtt');
  });

  engine.case('packets go out in masked binary frames, byte for byte [MQTT-6.0.0-1]', async () => {
    const server = await start();
    const client = engine.client(server.url, { protocolVersion: 4, clientId: 'c' });
    const connecting = client.connect();
    const link = await server.accept();
    const connect = await link.next();
    expect(connect).toMatchObject({ opcode: OPCODE.binary, final: true, masked: true });
    expect(connect.payload.toString('hex')).toBe(bytes("10 0d 0004'MQTT' 04 02 003c 0001'c'").toString('hex'));
    link.send(OPCODE.binary, packets.connack());
    await connecting;
    await client.publish('a/b', 'hi');
    expect((await link.next()).payload.toString('hex')).toBe(bytes("30 07 0003'a/b' 'hi'").toString('hex'));
    const closing = client.close();
    expect((await link.next()).payload.toString('hex')).toBe('e000');
    expect((await link.next()).opcode).toBe(OPCODE.close);
    await closing;
    await link.ended();
  });

  engine.case('packets split and joined over frames and fragments are put together [MQTT-6.0.0-2]', async () => {
    const { client, link } = await connected(engine);
    const messages = messagesOf(client);
    const all = Buffer.concat(['one', 'two', 'three'].map((payload) => packets.publish({ topic: 't', payload })));
    for (const byte of all) {
      link.send(OPCODE.binary, Buffer.from([byte]));
    }
    link.send(OPCODE.binary, all);
    link.send(OPCODE.binary, all.subarray(0, 9), false);
    link.send(OPCODE.continuation, all.subarray(9, 11), false);
    link.send(OPCODE.continuation, all.subarray(11));
    const texts = (await messages.take(9)).map((message) => message.text());
    expect(texts).toEqual(['one', 'two', 'three', 'one', 'two', 'three', 'one', 'two', 'three']);
  });

  engine.case('two clients at once, frames cut across each other: each gets its own bytes [trap 25]', async () => {
    const pairs = [await connected(engine), await connected(engine)];
    const inboxes = pairs.map(({ client }) => messagesOf(client));
    const packet = (index: number, round: number): Buffer => packets.publish({ topic: `of/${index}`, payload: `${index}:${round}` });
    for (let round = 0; round < 50; round += 1) {
      // Half a frame's worth to one, then half to the other, then the rest: whoever keeps one state for both mixes them up.
      for (const part of [0, 1]) {
        for (const [index, { link }] of pairs.entries()) {
          const whole = packet(index, round);
          link.send(OPCODE.binary, part === 0 ? whole.subarray(0, 5) : whole.subarray(5));
        }
      }
    }
    for (const [index, inbox] of inboxes.entries()) {
      expect((await inbox.take(50)).map((message) => message.text())).toEqual(Array.from({ length: 50 }, (_, round) => `${index}:${round}`));
    }
  });

  engine.case('a text frame ends the connection with ERR_MQTT_PROTOCOL [MQTT-6.0.0-1]', async () => {
    const { client, link } = await connected(engine);
    const lost = new Promise<MqttError>((resolve) => { client.once('disconnect', resolve); });
    link.send(OPCODE.text, packets.publish({ topic: 't', payload: 'x' }));
    expect((await lost).code).toBe('ERR_MQTT_PROTOCOL');
    await link.ended();
  });

  engine.case('a ping of the WebSocket is answered with its pong', async () => {
    const { link } = await connected(engine);
    link.send(OPCODE.ping, Buffer.from('are you there'));
    const pong = await link.next();
    expect(pong.opcode).toBe(OPCODE.pong);
    expect(pong.payload.toString()).toBe('are you there');
  });

  engine.case('a close frame of the server is ERR_MQTT_CONNECTION_LOST', async () => {
    const { client, link } = await connected(engine);
    const lost = new Promise<MqttError>((resolve) => { client.once('disconnect', resolve); });
    link.send(OPCODE.close, Buffer.from([0x03, 0xe9]));
    expect((await lost).code).toBe('ERR_MQTT_CONNECTION_LOST');
  });

  for (const [name, options] of [
    ['picks another subprotocol', { subprotocol: 'soap' }], ['answers 404', { refuseWith: 404 }], ['answers 401', { refuseWith: 401 }],
    ['sends the client elsewhere', { refuseWith: 302 }],
  ] as const) {
    engine.case(`a server that ${name} is refused with ERR_MQTT_CONNECT, and gets no byte of MQTT [MQTT-6.0.0-4]`, async () => {
      const server = await start(options);
      const client = engine.client(server.url, { protocolVersion: 4, username: 'me', password: 'secret' });
      expect(await codeOf(client.connect())).toBe('ERR_MQTT_CONNECT');
    });
  }

  engine.case('the two bytes that killed a parser come in a frame: ERR_MQTT_PROTOCOL', async () => {
    const { client, link } = await connected(engine);
    const lost = new Promise<MqttError>((resolve) => { client.once('disconnect', resolve); });
    link.send(OPCODE.binary, bytes('62 00'));
    expect((await lost).code).toBe('ERR_MQTT_PROTOCOL');
  });
}, ['js']);
