/**
 * The support itself is tested first, because a scripted broker that overlooks a wrong byte makes every wire test worthless. Plain
 * sockets play the client here; the library takes no part.
 */
import { execFileSync } from 'node:child_process';
import * as net from 'node:net';
import * as tls from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { AedesBroker } from './aedes.js';
import { Certificates } from './certificates.js';
import { LinkProxy } from './link-proxy.js';
import { Mosquitto, USERS } from './mosquitto.js';
import { bytes, describePacket, difference, field, packet, packetIdentifier, packetsOf, variableByteInteger, wholePacketSize } from './packets.js';
import { accepts } from './ports.js';
import { ScriptedBroker } from './scripted-broker.js';
import { Inbox, withSafetyNet } from './waiting.js';

/** A raw client: connects, and gives what comes back. */
async function rawConnect(port: number): Promise<{ socket: net.Socket; data: Inbox<Buffer> }> {
  const socket = net.connect(port, '127.0.0.1');
  const data = Inbox.of<Buffer, [Buffer]>(socket, 'data', (chunk) => chunk);
  socket.on('error', () => undefined);
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  return { socket, data };
}

function connectPacket(version: 4 | 5, clientId: string, user?: string, password?: Uint8Array): Buffer {
  const flags = 2 | (user === undefined ? 0 : 0x80) | (password === undefined ? 0 : 0x40);
  return packet(0x10, field('MQTT'), Buffer.from([version, flags, 0, 60]), version === 5 ? '00' : '', field(clientId),
    user === undefined ? '' : field(user), password === undefined ? '' : field(password));
}

describe('bytes of packets', () => {
  it('reads hexadecimal digits and quoted text, and refuses anything else', () => {
    expect(bytes("10 0c 0004'MQTT' 04").toString('hex')).toBe('100c00044d51545404');
    expect(bytes("30 [ {'ab'} [] 'x'*3 00ff*2 ]").toString('hex')).toBe('300c000261620078787800ff00ff');
    expect(() => bytes('30 [ 00')).toThrow(/not closed/);
    expect(() => bytes('30 [ 00 }')).toThrow(/position 8/);
    expect(() => bytes('10 0')).toThrow(/position 3/);
    expect(() => bytes('10 zz')).toThrow(/position 3/);
  });

  it('writes variable byte integers of one to four bytes', () => {
    const written = [0, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, 268_435_455].map((value) => variableByteInteger(value).toString('hex'));
    expect(written).toEqual(['00', '7f', '8001', 'ff7f', '808001', 'ffff7f', '80808001', 'ffffff7f']);
  });

  it('writes the packets of a broker as the standard shows them, in both versions', () => {
    expect(packetsOf(4).connack(0, true).toString('hex')).toBe('20020100');
    expect(packetsOf(5).connack(0x87).toString('hex')).toBe('2003008700');
    expect(packetsOf(4).publish({ topic: 'a/b', payload: 'x', qos: 1, id: 10, retain: true }).toString('hex')).toBe('33080003612f62000a78');
    expect(packetsOf(5).publish({ topic: 'a/b', payload: 'x', dup: true, qos: 2, id: 10, properties: '01 01' }).toString('hex')).toBe('3c0b0003612f62000a02010178');
    expect(packetsOf(4).suback(1, [0, 0x80]).toString('hex')).toBe('900400010080');
    expect(packetsOf(5).suback(1, [0]).toString('hex')).toBe('900400010000');
    expect(packetsOf(4).unsuback(1, [0]).toString('hex')).toBe('b0020001');
    expect(packetsOf(5).puback(1, 0x10).toString('hex')).toBe('4003000110');
    expect(packetsOf(5).disconnect(0x8b, '').toString('hex')).toBe('e0028b00');
  });

  it('cuts a stream into packets and names them', () => {
    const publish = packetsOf(5).publish({ topic: 'a', qos: 1, id: 7 });
    expect(wholePacketSize(publish.subarray(0, publish.length - 1))).toBe(0);
    expect(wholePacketSize(Buffer.concat([publish, publish]))).toBe(publish.length);
    expect(packetIdentifier(publish)).toBe(7);
    expect(packetIdentifier(packetsOf(5).publish({ topic: 'a' }))).toBeUndefined();
    expect(describePacket(publish)).toBe('PUBLISH QoS 1 topic "a" id 7, 8 bytes');
    expect(describePacket(bytes('62 02 00 01'))).toBe('PUBREL flags 0010 id 1, 4 bytes');
  });

  it('shows where two packets part', () => {
    expect(difference(bytes('40 02 00 01'), bytes('40 02 00 01'))).toBeUndefined();
    const text = difference(bytes('40 02 00 01'), bytes('40 02 00 02'));
    expect(text).toContain('from place 3 on');
    expect(text).toContain('expected PUBACK id 1');
    expect(text).toContain('the client sent PUBACK id 2');
  });
});

describe('the scripted broker', () => {
  let broker: ScriptedBroker;
  beforeAll(async () => { broker = await ScriptedBroker.start(); });
  afterAll(() => broker.stop());

  it('accepts the expected bytes, also in pieces and several packets at once', async () => {
    const { socket, data } = await rawConnect(broker.port);
    const link = await broker.accept();
    const connect = connectPacket(4, 'abc');
    socket.write(connect.subarray(0, 3));
    socket.write(connect.subarray(3));
    socket.write(bytes('c0 00 e0 00'));
    await link.expect("10 0f 0004'MQTT' 04 02 003c 0003'abc'", 'c0 00');
    await link.expect('e0 00');
    await link.sendByteByByte('20 02 00 00');
    let got = '';
    while (got.length < 8) {
      got += (await data.next()).toString('hex');
    }
    expect(got).toBe('20020000');
    socket.end();
    await link.expectEnd();
  });

  it('refuses one wrong byte, a packet of another type, a missing packet and one too many', async () => {
    const { socket } = await rawConnect(broker.port);
    const link = await broker.accept();
    socket.write(bytes('40 02 00 01'));
    await expect(link.expect('40 02 00 02')).rejects.toThrow(/from place 3 on/);
    socket.write(bytes('c0 00'));
    await expect(link.expectType(3)).rejects.toThrow(/PINGREQ/);
    socket.write(bytes('c0 00'));
    await expect(link.expectEnd()).rejects.toThrow(/PINGREQ/);
    socket.end(bytes('c0'));
    await expect(link.expectEnd()).rejects.toThrow(/within a packet/);
    await expect(link.expect('40 02 00 02')).rejects.toThrow(/ended the connection; expected PUBACK/);
  });

  it('refuses at the barrier what the client sent before its answer', async () => {
    const { socket, data } = await rawConnect(broker.port);
    const link = await broker.accept();
    const barrier = link.barrier(4, 5);
    await data.next();
    socket.write(bytes('40 02 00 05'));
    await barrier;
    const second = link.barrier(4, 6);
    await data.next();
    socket.write(bytes('c0 00 40 02 00 06'));
    await expect(second).rejects.toThrow(/PINGREQ/);
    socket.destroy();
  });

  it('cuts with RST and ends with FIN', async () => {
    const first = await rawConnect(broker.port);
    const firstEnd = new Promise<string>((resolve) => { first.socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? '')); });
    (await broker.accept()).cut();
    expect(await withSafetyNet('RST', firstEnd)).toBe('ECONNRESET');
    const second = await rawConnect(broker.port);
    const secondEnd = new Promise<string>((resolve) => { second.socket.once('end', () => resolve('FIN')); });
    (await broker.accept()).end();
    expect(await withSafetyNet('FIN', secondEnd)).toBe('FIN');
  });

  it('cuts while it ends, and its socket closes', async () => {
    const { socket } = await rawConnect(broker.port);
    const link = await broker.accept();
    const closed = Promise.all([link.socket, socket].map((side) => new Promise((resolve) => { side.once('close', resolve); })));
    link.end();
    link.cut();
    await withSafetyNet("'close' of both sockets", closed);
    expect(link.socket.errored).toBeNull();
  });

  it('says what it waited for when nothing comes', async () => {
    await expect(withSafetyNet('a packet', new Promise(() => undefined), () => 'nothing was read', 10)).rejects.toThrow('a packet did not come within 0.01 s; nothing was read');
  });
});

describe('the proxy', () => {
  let broker: ScriptedBroker;
  beforeAll(async () => { broker = await ScriptedBroker.start(); });
  afterAll(() => broker.stop());

  it('passes packets on whole, holds them, loses one, and cuts before and after one', async () => {
    const proxy = await LinkProxy.before(broker.url);
    const { socket, data } = await rawConnect(Number(new URL(proxy.url).port));
    const link = await broker.accept();
    socket.write(bytes('c0'));
    socket.write(bytes('00 40 02 00 01'));
    await link.expect('c0 00', '40 02 00 01');
    proxy.hold();
    socket.write(bytes('c0 00'));
    link.send('d0 00');
    proxy.release();
    await link.expect('c0 00');
    expect((await data.next()).toString('hex')).toBe('d000');
    proxy.onPacket = (from, packet) => {
      if (from === 'server') {
        return 'pass';
      }
      return ({ 1: 'swallow', 2: 'cut-after' } as const)[packet[3] ?? 0] ?? 'pass';
    };
    socket.write(bytes('40 02 00 01 40 02 00 02 40 02 00 03'));
    await link.expect('40 02 00 02');
    await link.expectEnd();
    await proxy.ended();
    expect(proxy.links.size).toBe(0);
  });

  it('refuses who comes while it is down, and cuts who is there', async () => {
    const proxy = await LinkProxy.before(broker.url);
    const port = Number(new URL(proxy.url).port);
    const first = await rawConnect(port);
    const link = await broker.accept();
    const cut = new Promise((resolve) => { first.socket.once('close', resolve); });
    proxy.down();
    await withSafetyNet('the end', cut);
    await expect(link.read()).rejects.toThrow(/ended the connection/);
    // Cut so soon that connecting itself may fail.
    await withSafetyNet('the end', new Promise((resolve) => { net.connect(port, '127.0.0.1').on('error', () => undefined).once('close', resolve); }));
    expect(proxy.accepted).toBe(2);
    proxy.up();
    const third = await rawConnect(port);
    third.socket.write(bytes('c0 00'));
    await (await broker.accept()).expect('c0 00');
    third.socket.destroy();
  });

  it('cuts a link whose ends are both on their way, and its sockets close', async () => {
    const proxy = await LinkProxy.before(broker.url);
    const { socket } = await rawConnect(Number(new URL(proxy.url).port));
    socket.write(bytes('c0 00'));
    await (await broker.accept()).expect('c0 00');
    const [link] = proxy.links;
    const closed = Promise.all([link!.client, link!.server].map((side) => new Promise((resolve) => { side.once('close', resolve); })));
    link!.client.end();
    link!.server.end();
    proxy.cut();
    await withSafetyNet("'close' of both sockets", closed);
    expect(proxy.links.size).toBe(0);
  });
});

describe('certificates', () => {
  let certificates: Certificates;
  const servers: tls.Server[] = [];
  beforeAll(() => { certificates = new Certificates(); });
  afterEach(() => { for (const server of servers.splice(0)) { server.close(); } });
  afterAll(() => certificates.remove());

  /** The code with which Node's own TLS refuses this server, or 'ok'. */
  async function verdict(pair: { cert: string; key: string }): Promise<string> {
    const server = tls.createServer({ cert: pair.cert, key: pair.key }, (socket) => socket.end());
    servers.push(server);
    await new Promise<void>((resolve) => { server.listen(0, 'localhost', resolve); });
    const { port } = server.address() as net.AddressInfo;
    return new Promise((resolve) => {
      const socket = tls.connect({ port, host: 'localhost', ca: certificates.authority.cert });
      socket.once('secureConnect', () => {
        socket.destroy();
        resolve('ok');
      });
      socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'no code'));
    });
  }

  it('are good, for another host, expired or signed by themselves, as their names say', async () => {
    expect(await verdict(certificates.server)).toBe('ok');
    expect(await verdict(certificates.otherHost)).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
    expect(await verdict(certificates.expired)).toBe('CERT_HAS_EXPIRED');
    expect(await verdict(certificates.selfSigned)).toBe('DEPTH_ZERO_SELF_SIGNED_CERT');
  });

  it('hold an encrypted key that opens with its passphrase', () => {
    const text = execFileSync('openssl', ['pkey', '-in', certificates.encryptedClientKeyFile, '-passin', `pass:${certificates.passphrase}`, '-noout', '-text'], { encoding: 'utf8' });
    expect(text).toContain('Private-Key');
    expect(certificates.encryptedClientKey).toContain('ENCRYPTED PRIVATE KEY');
  });
});

describe('Mosquitto', () => {
  let broker: Mosquitto;
  beforeAll(async () => { broker = await Mosquitto.start({ tls: true, users: true }); });
  afterAll(() => broker.stop());

  async function connack(port: number, connect: Buffer): Promise<string> {
    const { socket, data } = await rawConnect(port);
    socket.write(connect);
    const answer = await data.next();
    socket.destroy();
    return answer.toString('hex');
  }

  it('takes anybody on the plain listener, in both versions', async () => {
    expect(await connack(broker.port('plain'), connectPacket(4, 'a'))).toBe('20020000');
    expect((await connack(broker.port('plain'), connectPacket(5, 'a'))).slice(4, 8)).toBe('0000');
  });

  it('takes its users with their passwords only, text and bytes', async () => {
    const port = broker.port('users');
    expect(await connack(port, connectPacket(4, 'a', 'admin', Buffer.from(USERS.admin)))).toBe('20020000');
    expect(await connack(port, connectPacket(4, 'a', 'bytes', USERS.bytes))).toBe('20020000');
    expect(await connack(port, connectPacket(4, 'a', 'admin', Buffer.from('wrong')))).toBe('20020005');
    expect((await connack(port, connectPacket(5, 'a', 'bytes', Buffer.from('wrong')))).slice(4, 8)).toBe('0087');
  });

  it('listens with TLS, and keeps a log', async () => {
    for (const listener of ['tls', 'clientCertificate', 'websocket', 'websocketTls'] as const) {
      expect(await accepts(broker.port(listener), 'localhost')).toBe(true);
    }
    expect(broker.log).toContain('mosquitto version');
  });

  it('comes back on the same port after kill -9, and answers nothing while frozen', async () => {
    const port = broker.port('plain');
    await broker.kill();
    expect(await accepts(port)).toBe(false);
    await broker.restart();
    expect(await connack(port, connectPacket(4, 'a'))).toBe('20020000');
    broker.freeze();
    const { socket, data } = await rawConnect(port);
    socket.write(connectPacket(4, 'b'));
    await new Promise<void>((resolve) => { socket.write(bytes('c0 00'), () => resolve()); });
    expect(data.waiting).toBe(0);
    broker.thaw();
    expect((await data.next()).toString('hex')).toMatch(/^20020000/);
    socket.destroy();
  });
});

describe('Aedes', () => {
  it('answers a CONNECT of 3.1.1', async () => {
    const broker = await AedesBroker.start();
    const { socket, data } = await rawConnect(broker.port);
    socket.write(connectPacket(4, 'a'));
    expect((await data.next()).toString('hex')).toBe('20020000');
    socket.destroy();
    await broker.stop();
  });

  it('leaves with its connections and comes back on the same port', async () => {
    const broker = await AedesBroker.start();
    const { port } = broker;
    const { socket } = await rawConnect(port);
    const end = new Promise((resolve) => { socket.once('close', resolve); });
    await broker.leave();
    await withSafetyNet('the end', end);
    expect(await accepts(port)).toBe(false);
    await broker.comeBack();
    expect(await accepts(port)).toBe(true);
    await broker.stop();
  });
});
