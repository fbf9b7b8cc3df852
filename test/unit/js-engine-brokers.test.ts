/** The js engine without lib, against real brokers: Aedes (3.1.1) and Mosquitto (both versions), over TCP, TLS and WebSockets. */
import type { TLSSocket } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EngineOpen, EngineTls } from '../../dist/engine/engine.js';
import type { Version } from '../support/packets.js';
import { startServers } from '../support/servers.js';
import type { Certificates } from '../support/certificates.js';
import { ScriptedBroker } from '../support/scripted-broker.js';
import { Driver } from './js-engine-driver.js';

const servers = startServers({ tls: true, users: true });
let topics = 0;
const freshTopic = (): string => `unit/${topics += 1}`;

let driver: Driver;
beforeEach(() => { driver = new Driver(); });
afterEach(() => {
  driver.destroy();
  expect(driver.faults).toEqual([]);
});

async function connect(options: Partial<EngineOpen>): Promise<void> {
  driver.open({ clientId: `unit-${Math.random().toString(36).slice(2)}`, ...options });
  await driver.connects.next();
}

/** Three messages a QoS come back as they went, in order; a hundred of each more are counted. */
async function roundTrip(): Promise<void> {
  const topic = freshTopic();
  driver.subscribe(1, [topic, `${topic}/none`], [2, 0]);
  expect((await driver.subscribed.next()).reasonCodes).toEqual([2, 0]);
  let slot = 10;
  for (const qos of [0, 1, 2]) {
    for (const payload of ['', 'text', Buffer.alloc(100_000, qos)]) {
      expect(driver.publish(topic, payload, qos, slot)).toBe(true);
      const message = await driver.messages.next();
      expect([message.topic, message.qos]).toEqual([topic, qos]);
      expect(message.payload.equals(Buffer.from(payload))).toBe(true);
      expect((await driver.published.next()).slot).toBe(slot);
      slot += 1;
    }
  }
  for (let index = 0; index < 300; index += 1) {
    expect(driver.publish(topic, String(index), 1 + index % 2, slot + index)).toBe(true);
  }
  await driver.published.take(300);
  const numbers = (await driver.messages.take(300)).map(({ payload }) => Number(payload.toString()));
  for (const parity of [0, 1]) {
    expect(numbers.filter((number) => number % 2 === parity)).toEqual(Array.from({ length: 150 }, (_, index) => index * 2 + parity));
  }
  driver.unsubscribe(2, [topic]);
  await driver.unsubscribed.next();
  driver.close();
  expect((await driver.disconnects.next()).code).toBe('ERR_MQTT_CLOSED');
  expect([driver.failures.all, driver.creditMessages]).toEqual([[], 309]);
}

describe('plain TCP', () => {
  it('Aedes, 3.1.1: messages of every QoS there and back', async () => {
    await connect({ port: servers.aedes.port, protocolVersion: 4, window: 20 });
    await roundTrip();
  });

  for (const version of [4, 5] as Version[]) {
    it(`Mosquitto, ${version === 4 ? '3.1.1' : '5'}: messages of every QoS there and back`, async () => {
      await connect({ port: servers.mosquitto.port('plain'), protocolVersion: version, window: 20 });
      await roundTrip();
    });

    it(`Mosquitto, ${version === 4 ? '3.1.1' : '5'}: a wrong password is refused with its code`, async () => {
      driver.open({ port: servers.mosquitto.port('users'), protocolVersion: version, username: 'admin', password: Buffer.from('wrong') });
      expect(await driver.openFailures.next()).toMatchObject({ code: 'ERR_MQTT_REFUSED', reasonCode: version === 4 ? 5 : 0x87 });
    });
  }

  it('Mosquitto, 5: its Receive Maximum of 20 bounds what is under way, and 2,000 messages arrive', async () => {
    await connect({ port: servers.mosquitto.port('plain'), window: 100 });
    const topic = freshTopic();
    driver.subscribe(1, [topic], [1]);
    await driver.subscribed.next();
    for (let sent = 0; sent < 2000;) {
      if (driver.publish(topic, String(sent), 1, 10 + sent)) {
        sent += 1;
      } else {
        await driver.rooms.next();
      }
    }
    const messages = await driver.messages.take(2000);
    expect(messages.map(({ payload }) => Number(payload.toString()))).toEqual(Array.from({ length: 2000 }, (_, index) => index));
    await driver.published.take(2000);
  });

  it('properties there and back, user properties in order', async () => {
    await connect({ port: servers.mosquitto.port('plain') });
    const topic = freshTopic();
    driver.subscribe(1, [topic], [1]);
    await driver.subscribed.next();
    driver.publish(topic, 'x', 1, 2, "01 01 03 0001'c' 08 0001'r' 09 0002 00ff 26 0001'b' 0001'1' 26 0001'a' 0001'2' 26 0001'b' 0001'3'");
    const { properties } = await driver.messages.next();
    const text = properties.toString('hex');
    for (const part of ['0101', '03000163', '08000172', '09000200ff', '26000162000131' + '26000161000132' + '26000162000133']) {
      expect(text).toContain(part);
    }
  });

  it('a name that does not exist is ERR_MQTT_RESOLVE, a port where nobody listens ERR_MQTT_CONNECT', async () => {
    driver.open({ host: 'does-not-exist.invalid', port: 1883 });
    expect((await driver.openFailures.next()).code).toBe('ERR_MQTT_RESOLVE');
    driver.open({ host: 'localhost', port: 1 });
    expect((await driver.openFailures.next()).code).toBe('ERR_MQTT_CONNECT');
  });
});

describe('TLS', () => {
  const certificates = (): Certificates => servers.mosquitto.certificates!;
  const tls = (more: Partial<EngineTls> = {}): EngineTls => ({
    ca: certificates().authority.cert, cert: undefined, key: undefined, passphrase: undefined, servername: undefined, alpn: undefined,
    minVersion: 'TLSv1.2', maxVersion: undefined, ciphers: undefined, insecureSkipVerify: false, ...more,
  });
  const where = (): Partial<EngineOpen> => ({ transport: 'tls', host: 'localhost', port: servers.mosquitto.port('tls') });

  it('messages of every QoS there and back', async () => {
    await connect({ ...where(), tls: tls(), window: 20 });
    await roundTrip();
  });

  for (const maxVersion of ['TLSv1.2', undefined] as const) {
    it(`a cipher list is about TLS 1.2 and leaves 1.3 alone (${maxVersion ?? 'no'} maximum)`, async () => {
      const { cert, key } = certificates().server;
      const server = await ScriptedBroker.start({ tls: { cert, key } });
      try {
        const ciphers = 'ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256';
        driver.open({ ...where(), host: '127.0.0.1', port: server.port, tls: tls({ ciphers, maxVersion }) });
        const link = await server.accept();
        await link.handshake(5);
        await driver.connects.next();
        const socket = link.socket as TLSSocket;
        expect(socket.getProtocol()).toBe(maxVersion ?? 'TLSv1.3');
        expect(ciphers.includes(socket.getCipher().name)).toBe(maxVersion === 'TLSv1.2');
      } finally {
        await server.stop();
      }
    });
  }

  const REFUSALS: [string, () => Partial<EngineTls>, RegExp][] = [
    ['the certificate is for another name', () => ({ servername: 'other.example' }), /altnames|does not match/i],
    ['an address is not in the certificate', () => ({ servername: '127.0.0.2' }), /altnames|does not match/i],
    ['the authority is unknown', () => ({ ca: certificates().otherAuthority.cert }), /certificate/i],
    ['the authority is no certificate', () => ({ ca: 'no certificate' }), /./],
    ['the key is not the certificate\'s', () => ({ cert: certificates().client.cert, key: certificates().server.key }), /key/i],
    ['there is no common cipher', () => ({ ciphers: 'NULL-SHA256', maxVersion: 'TLSv1.2' }), /./],
  ];
  for (const [what, options, text] of REFUSALS) {
    it(`${what}: ERR_MQTT_TLS says so`, async () => {
      driver.open({ ...where(), tls: tls(options()) });
      const failure = await driver.openFailures.next();
      expect(failure.code).toBe('ERR_MQTT_TLS');
      expect(failure.message).toMatch(text);
    });
  }

  it('an environment variable does not turn verification off', async () => {
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    try {
      driver.open({ ...where(), tls: tls({ servername: 'other.example' }) });
      expect((await driver.openFailures.next()).code).toBe('ERR_MQTT_TLS');
    } finally {
      delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    }
  });

  it('the insecure option takes any certificate', async () => {
    await connect({ ...where(), tls: tls({ ca: undefined, servername: 'other.example', insecureSkipVerify: true }) });
  });

  it('a client certificate, its key encrypted, is shown; without one ERR_MQTT_TLS', async () => {
    const { client, encryptedClientKey, passphrase } = certificates();
    const port = servers.mosquitto.port('clientCertificate');
    await connect({ ...where(), port, tls: tls({ cert: client.cert, key: encryptedClientKey, passphrase }) });
    const without = new Driver();
    try {
      without.open({ ...where(), port, tls: tls() });
      expect((await without.openFailures.next()).code).toBe('ERR_MQTT_TLS');
    } finally {
      without.destroy();
    }
  });

  it('a server without TLS: ERR_MQTT_TLS', async () => {
    driver.open({ ...where(), host: '127.0.0.1', port: servers.mosquitto.port('plain'), tls: tls() });
    expect((await driver.openFailures.next()).code).toBe('ERR_MQTT_TLS');
  });

  for (const version of [4, 5] as Version[]) {
    it(`WebSocket with and without TLS, ${version === 4 ? '3.1.1' : '5'}: messages of every QoS there and back`, async () => {
      await connect({ transport: 'ws', port: servers.mosquitto.port('websocket'), protocolVersion: version, window: 20 });
      const topic = freshTopic();
      driver.subscribe(1, [topic], [2]);
      await driver.subscribed.next();
      const secure = new Driver();
      try {
        const port = servers.mosquitto.port('websocketTls');
        const path = '/mqtt?x=1';
        secure.open({ transport: 'wss', host: 'localhost', port, path, tls: tls(), protocolVersion: version, clientId: 'secure', window: 20 });
        await secure.connects.next();
        for (const qos of [0, 1, 2]) {
          secure.publish(topic, 'x'.repeat(20_000), qos, 1 + qos);
          expect((await driver.messages.next()).payload.length).toBe(20_000);
        }
        await secure.published.take(3);
      } finally {
        secure.destroy();
      }
      expect(secure.faults).toEqual([]);
    });
  }

  it('wss: another name is ERR_MQTT_TLS, ws to a server without WebSockets ERR_MQTT_CONNECT', async () => {
    const port = servers.mosquitto.port('websocketTls');
    driver.open({ transport: 'wss', host: 'localhost', port, tls: tls({ servername: 'other.example' }) });
    expect((await driver.openFailures.next()).code).toBe('ERR_MQTT_TLS');
    driver.open({ transport: 'ws', port: servers.mosquitto.port('plain') });
    expect((await driver.openFailures.next()).code).toBe('ERR_MQTT_CONNECT');
  });
});
