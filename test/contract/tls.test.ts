/**
 * TLS lets in the right server only, and a wrong one learns nothing: not one byte of MQTT reaches it. Mosquitto is the right one;
 * scripted servers show the wrong certificates.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { forEachEngine, messagesOf, numbersOf, upTo } from '../support/engines.js';
import { gatheringProxy } from '../support/gathering-proxy.js';
import { codeOf, failureOf, refusalOf } from '../support/outcomes.js';
import { packetsOf } from '../support/packets.js';
import { ScriptedBroker } from '../support/scripted-broker.js';
import { freshTopic, startMosquitto } from '../support/servers.js';
import type { MqttError } from 'mqtt-native';
import type { Certificates, Pair } from '../support/certificates.js';

const mosquitto = startMosquitto({ tls: true });
let certificates: Certificates;
beforeAll(() => { certificates = mosquitto.broker.certificates!; });

const wrongServers: { name: string; pair: () => Pair; reason: RegExp }[] = [
  { name: 'a certificate for another host', pair: () => certificates.otherHost, reason: /host|altname|name/i },
  { name: 'an expired certificate', pair: () => certificates.expired, reason: /expired/i },
  { name: 'a self-signed certificate', pair: () => certificates.selfSigned, reason: /self.?signed|issuer|verif/i },
];

const brokers: ScriptedBroker[] = [];
/** `host`: where it listens. On Windows localhost is ::1 first. */
async function secureServer(pair: Pair, more: Record<string, unknown> = {}, host = 'localhost'): Promise<ScriptedBroker> {
  const broker = await ScriptedBroker.start({ tls: { cert: pair.cert, key: pair.key, ...more }, host });
  brokers.push(broker);
  return broker;
}
afterAll(async () => { await Promise.all(brokers.map((broker) => broker.stop())); });

forEachEngine((engine) => {
  for (const version of [4, 5] as const) {
    describe(`what a server says last arrives together with close_notify and the end, ${version === 4 ? '3.1.1' : '5'}`, () => {
      const { connack } = packetsOf(version);

      engine.case('a refusal is the reason, not the end [MQTT-3.1.4-5] [MQTT-3.2.2-7]', async () => {
        const server = await secureServer(certificates.server, {}, '127.0.0.1');
        const proxy = await gatheringProxy(server.port);
        const url = `mqtts://127.0.0.1:${proxy.port}`;
        const client = engine.client(url, { protocolVersion: version, tls: { ca: certificates.authority.cert } });
        const refused = failureOf(client.connect());
        const link = await server.accept();
        await link.expectType(1);
        proxy.gather();
        link.socket.end(connack(version === 4 ? 5 : 0x87));
        expect(await refused).toMatchObject({ code: 'ERR_MQTT_REFUSED', reasonCode: version === 4 ? 5 : 0x87 });
      });

      if (version === 4) return;
      engine.case("a DISCONNECT's reason is the reason, not the end [MQTT-3.14.4-3]", async () => {
        const server = await secureServer(certificates.server, {}, '127.0.0.1');
        const proxy = await gatheringProxy(server.port);
        const url = `mqtts://127.0.0.1:${proxy.port}`;
        const client = engine.client(url, { protocolVersion: 5, tls: { ca: certificates.authority.cert } });
        const ended = new Promise<MqttError>((resolve) => { client.once('disconnect', resolve); });
        const connecting = client.connect();
        const link = await server.accept();
        await link.handshake(5);
        await connecting;
        proxy.gather();
        link.socket.end(Buffer.from([0xe0, 1, 0x8b]));
        expect(await ended).toMatchObject({ code: 'ERR_MQTT_SERVER_DISCONNECT', reasonCode: 0x8b });
      });
    });
  }

  describe('a good server', () => {
    for (const version of [4, 5] as const) {
      engine.case(`messages of QoS 0, 1, 2 there and back, ${version === 4 ? '3.1.1' : '5'}`, async () => {
        const topic = freshTopic(engine);
        const tls = { ca: certificates.authority.cert };
        const client = await engine.connected(mosquitto.broker.tlsUrl, { protocolVersion: version, tls });
        const messages = messagesOf(client);
        await client.subscribe(topic, { qos: 2 });
        for (const qos of [0, 1, 2] as const) {
          await client.publish(topic, `${qos}`, { qos });
          expect((await messages.next()).text()).toBe(`${qos}`);
        }
        await client.close();
      });
    }

    engine.case('the CA from a file, as bytes, and as one of several', async () => {
      const { authority, otherAuthority } = certificates;
      for (const ca of [authority.certFile, Buffer.from(authority.cert), [otherAuthority.cert, authority.cert]]) {
        const client = await engine.connected(mosquitto.broker.tlsUrl, { tls: { ca } });
        await client.close();
      }
    });

    engine.case('every scheme of TLS: mqtts, ssl, tls', async () => {
      for (const scheme of ['mqtts', 'ssl', 'tls']) {
        const client = await engine.connected(mosquitto.broker.tlsUrl.replace('mqtts', scheme), { tls: { ca: certificates.authority.cert } });
        await client.close();
      }
    });

    engine.case('an IP address that the certificate names', async () => {
      const server = await secureServer(certificates.server, {}, '127.0.0.1');
      const client = engine.client(`mqtts://127.0.0.1:${server.port}`, { protocolVersion: 4, tls: { ca: certificates.authority.cert } });
      const connecting = client.connect();
      connecting.catch(() => undefined);
      await (await server.accept()).handshake(4);
      await connecting;
    });

    engine.case('servername: the name that is verified in place of the host', async () => {
      const server = await secureServer(certificates.otherHost);
      const client = engine.client(server.url, { protocolVersion: 4, tls: { ca: certificates.authority.cert, servername: 'other.example' } });
      const connecting = client.connect();
      connecting.catch(() => undefined);
      await (await server.accept()).handshake(4);
      await connecting;
    });

    engine.case('1 MB there and back', async () => {
      const topic = freshTopic(engine);
      const client = await engine.connected(mosquitto.broker.tlsUrl, { tls: { ca: certificates.authority.cert } });
      const messages = messagesOf(client);
      await client.subscribe(topic, { qos: 1 });
      const payload = Buffer.alloc(1_000_000, 'abcdefg');
      await client.publish(topic, payload, { qos: 1 });
      expect(Buffer.compare((await messages.next()).payload, payload)).toBe(0);
    });

    engine.case('2,000 messages in order', async () => {
      const topic = freshTopic(engine);
      const client = await engine.connected(mosquitto.broker.tlsUrl, { tls: { ca: certificates.authority.cert } });
      const messages = messagesOf(client);
      await client.subscribe(topic, { qos: 1 });
      await Promise.all(upTo(2000).map((index) => client.publish(topic, String(index), { qos: 1 })));
      expect(numbersOf(await messages.take(2000))).toEqual(upTo(2000));
    }, { timeout: 60_000 });
  });

  describe('a wrong server', () => {
    for (const { name, pair, reason } of wrongServers) {
      engine.case(`${name} is ERR_MQTT_TLS with the reason, and the server gets no byte of MQTT`, async () => {
        const server = await secureServer(pair());
        const client = engine.client(server.url, { username: 'me', password: 'secret', tls: { ca: certificates.authority.cert } });
        const error = await failureOf(client.connect());
        expect(error.code).toBe('ERR_MQTT_TLS');
        expect(error.message).toMatch(reason);
        expect(error.message).not.toContain('secret');
        // With TLS 1.3 the server may believe in the handshake before it reads the refusal: a connection, but nothing on it.
        if (server.accepted > 0) {
          const link = await server.accept();
          await link.expectEnd();
          expect(link.bytesReceived).toBe(0);
        }
      });
    }

    engine.case('an unknown authority is ERR_MQTT_TLS', async () => {
      const client = engine.client(mosquitto.broker.tlsUrl, { tls: { ca: certificates.otherAuthority.cert } });
      expect((await failureOf(client.connect())).code).toBe('ERR_MQTT_TLS');
    });

    engine.case('without a CA the system\'s authorities decide: ERR_MQTT_TLS', async () => {
      expect(await codeOf(engine.client(mosquitto.broker.tlsUrl).connect())).toBe('ERR_MQTT_TLS');
    });

    engine.case('a server without TLS is ERR_MQTT_TLS', async () => {
      const client = engine.client(`mqtts://localhost:${mosquitto.broker.port('plain')}`, { tls: { ca: certificates.authority.cert } });
      expect(await codeOf(client.connect())).toMatch(/^ERR_MQTT_(TLS|CONNECTION_LOST)$/);
    });

    engine.case('a server that speaks TLS 1.1 at most is refused', async () => {
      const server = await secureServer(certificates.server, { maxVersion: 'TLSv1.1', minVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' });
      const client = engine.client(server.url, { tls: { ca: certificates.authority.cert } });
      expect(await codeOf(client.connect())).toBe('ERR_MQTT_TLS');
    });

    engine.case('insecureSkipVerify takes anybody, because its name says so', async () => {
      const server = await secureServer(certificates.selfSigned);
      const client = engine.client(server.url, { protocolVersion: 4, tls: { insecureSkipVerify: true } });
      const connecting = client.connect();
      connecting.catch(() => undefined);
      await (await server.accept()).handshake(4);
      await connecting;
    });
  });

  describe('versions', () => {
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      engine.case(`minVersion and maxVersion ${version} are kept`, async () => {
        const server = await secureServer(certificates.server);
        const tls = { ca: certificates.authority.cert, minVersion: version, maxVersion: version };
        const client = engine.client(server.url, { protocolVersion: 4, tls });
        const connecting = client.connect();
        connecting.catch(() => undefined);
        const link = await server.accept();
        expect((link.socket as unknown as { getProtocol(): string }).getProtocol()).toBe(version);
        await link.handshake(4);
        await connecting;
      });
    }

    engine.case('minVersion TLSv1.3 refuses a server of 1.2', async () => {
      const server = await secureServer(certificates.server, { maxVersion: 'TLSv1.2' });
      const client = engine.client(server.url, { tls: { ca: certificates.authority.cert, minVersion: 'TLSv1.3' } });
      expect(await codeOf(client.connect())).toBe('ERR_MQTT_TLS');
    });
  });

  describe('a client certificate', () => {
    engine.case('is asked for and shown: as PEM and as files', async () => {
      const { authority, client: pair } = certificates;
      const forms = [
        { ca: authority.cert, cert: pair.cert, key: pair.key }, { ca: authority.certFile, cert: pair.certFile, key: pair.keyFile },
      ];
      for (const tls of forms) {
        const client = await engine.connected(mosquitto.broker.clientCertificateUrl, { tls });
        await client.publish('t', 'x', { qos: 1 });
        await client.close();
      }
    });

    engine.case('with an encrypted key and its passphrase', async () => {
      const { authority, client: pair, encryptedClientKey, passphrase } = certificates;
      const tls = { ca: authority.cert, cert: pair.cert, key: encryptedClientKey, passphrase };
      const client = await engine.connected(mosquitto.broker.clientCertificateUrl, { tls });
      await client.publish('t', 'x', { qos: 1 });
    });

    engine.case('with a wrong passphrase is an error that does not show it', async () => {
      const { authority, client: pair, encryptedClientKey } = certificates;
      const tls = { ca: authority.cert, cert: pair.cert, key: encryptedClientKey, passphrase: 'wrong-passphrase' };
      const error = await refusalOf(() => engine.client(mosquitto.broker.clientCertificateUrl, { tls }).connect());
      expect(error.code).toMatch(/^ERR_MQTT_(TLS|OPTION)$/);
      expect(`${error.message} ${String(error.cause)}`).not.toContain('wrong-passphrase');
    });

    engine.case('is asked for and there is none: no connection', async () => {
      const client = engine.client(mosquitto.broker.clientCertificateUrl, { tls: { ca: certificates.authority.cert } });
      // TLS 1.3 tells a client of this only after its handshake: the alert comes where CONNACK is expected.
      expect(await codeOf(client.connect())).toBe('ERR_MQTT_TLS');
    });

    engine.case('of another authority: no connection', async () => {
      const { authority, otherClient } = certificates;
      const tls = { ca: authority.cert, cert: otherClient.cert, key: otherClient.key };
      const client = engine.client(mosquitto.broker.clientCertificateUrl, { tls });
      expect(await codeOf(client.connect())).toBe('ERR_MQTT_TLS');
    });

    engine.case('a key that belongs to another certificate is an error before anything is sent', async () => {
      const { authority, client: pair, server } = certificates;
      const tls = { ca: authority.cert, cert: pair.cert, key: server.key };
      expect((await refusalOf(() => engine.client(mosquitto.broker.clientCertificateUrl, { tls }).connect())).code).toMatch(/^ERR_MQTT_(TLS|OPTION)$/);
    });
  });

  describe('wrong options', () => {
    engine.case('a file that does not exist is refused with the option\'s name', async () => {
      const missing = path.join(mosquitto.broker.folder, 'missing.pem');
      for (const [name, tls] of [['tls.ca', { ca: missing }], ['tls.cert', { cert: missing, key: certificates.client.key }], ['tls.key', { cert: certificates.client.cert, key: missing }]] as const) {
        const error = await refusalOf(() => engine.client(mosquitto.broker.tlsUrl, { tls }).connect());
        expect(error.code).toBe('ERR_MQTT_OPTION');
        expect(error.message).toContain(name);
      }
    });

    engine.case('something that is no PEM is refused with the option\'s name', async () => {
      const file = path.join(mosquitto.broker.folder, 'no.pem');
      fs.writeFileSync(file, 'not a certificate');
      const error = await refusalOf(() => engine.client(mosquitto.broker.tlsUrl, { tls: { ca: file } }).connect());
      expect(error.code).toBe('ERR_MQTT_OPTION');
      expect(error.message).toContain('tls.ca');
    });

    engine.case('a broken certificate within PEM is an error and not a crash', async () => {
      const ca = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
      expect((await refusalOf(() => engine.client(mosquitto.broker.tlsUrl, { tls: { ca } }).connect())).code).toMatch(/^ERR_MQTT_(TLS|OPTION)$/);
    });
  });
});
