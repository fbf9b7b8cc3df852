/**
 * Connecting to real brokers: what is agreed on, how a refusal looks, and who may not connect at all. Aedes speaks 3.1.1 only, which is
 * what 'auto' is tried on.
 */
import * as net from 'node:net';
import { describe, expect } from 'vitest';
import { forEachEngine } from '../support/engines.js';
import { codeOf, failureOf } from '../support/outcomes.js';
import { freePorts } from '../support/ports.js';
import { forEachServer, startServers } from '../support/servers.js';
import { Inbox, withSafetyNet } from '../support/waiting.js';
import type { ConnectResult, MqttError } from 'mqtt-native';

const servers = startServers({ users: true });

forEachEngine((engine) => {
  forEachServer(servers, (server) => {
    engine.case('connect() says version, session and engine, and emits the same once', async () => {
      const client = engine.client(server.url, { protocolVersion: server.version });
      const connects = Inbox.of<ConnectResult, [ConnectResult]>(client, 'connect', (result) => result);
      const result = await client.connect();
      expect(result).toMatchObject({ sessionPresent: false, protocolVersion: server.version });
      expect(result.engine.name).toBe(engine.name);
      expect(client.engine?.name).toBe(engine.name);
      expect(await connects.next()).toBe(result);
      expect(connects.waiting).toBe(0);
    });

    engine.case('two clients of one process connect side by side', async () => {
      const options = { protocolVersion: server.version };
      const [first, second] = [engine.client(server.url, options), engine.client(server.url, options)];
      const results = await Promise.all([first.connect(), second.connect()]);
      expect(results.map((result) => result.protocolVersion)).toEqual([server.version, server.version]);
    });

    engine.case('a second client with the same client identifier takes over: the first one loses its connection', async () => {
      const options = { protocolVersion: server.version, clientId: `takeover-${engine.name}-${server.name}` } as const;
      const first = await engine.connected(server.url, options);
      const lost = Inbox.of<MqttError, [MqttError]>(first, 'disconnect', (error) => error);
      const second = await engine.connected(server.url, options);
      expect((await lost.next()).code).toMatch(/^ERR_MQTT_(CONNECTION_LOST|SERVER_DISCONNECT)$/);
      await second.publish('still/here', 'x', { qos: 1 });
    });

    engine.case('an aborted signal ends the attempt with ERR_MQTT_ABORTED', async () => {
      const client = engine.client(server.url, { protocolVersion: server.version });
      const signal = AbortSignal.abort(new Error('changed my mind'));
      const error = await failureOf(client.connect({ signal }));
      expect(error.code).toBe('ERR_MQTT_ABORTED');
      expect(error.cause).toBe(signal.reason);
    });
  });

  describe("protocolVersion 'auto'", () => {
    engine.case('is 5 with Mosquitto', async () => {
      const client = engine.client(servers.mosquitto.url, { protocolVersion: 'auto' });
      expect((await client.connect()).protocolVersion).toBe(5);
    });

    engine.case('is the default', async () => {
      const client = engine.client(servers.mosquitto.url);
      expect((await client.connect()).protocolVersion).toBe(5);
    });

    engine.case('falls back to 3.1.1 with Aedes, which refuses 5', async () => {
      const client = engine.client(servers.aedes.url, { protocolVersion: 'auto' });
      expect((await client.connect()).protocolVersion).toBe(4);
      await client.publish('t', 'x', { qos: 1 });
    });

    engine.case('5 alone does not fall back: Aedes refuses it', async () => {
      const client = engine.client(servers.aedes.url, { protocolVersion: 5 });
      expect(await codeOf(client.connect())).toMatch(/^ERR_MQTT_(REFUSED|CONNECTION_LOST)$/);
    });
  });

  describe('a wrong user', () => {
    const wrong = [
      { name: 'a wrong password', options: { username: 'admin', password: 'wrong' } },
      { name: 'an unknown user', options: { username: 'nobody', password: 'x' } },
      { name: 'no user at all', options: {} },
    ];
    for (const { name, options } of wrong) {
      engine.case(`3.1.1: ${name} is refused with return code 5`, async () => {
        const client = engine.client(servers.mosquitto.usersUrl, { protocolVersion: 4, ...options });
        expect(await failureOf(client.connect())).toMatchObject({ code: 'ERR_MQTT_REFUSED', reasonCode: 5 });
      });

      engine.case(`5: ${name} is refused with reason 0x87`, async () => {
        const client = engine.client(servers.mosquitto.usersUrl, { protocolVersion: 5, ...options });
        expect(await failureOf(client.connect())).toMatchObject({ code: 'ERR_MQTT_REFUSED', reasonCode: 0x87 });
      });
    }

    engine.case("is no reason for 'auto' to try 3.1.1", async () => {
      const client = engine.client(servers.mosquitto.usersUrl, { protocolVersion: 'auto', username: 'admin', password: 'wrong' });
      expect(await failureOf(client.connect())).toMatchObject({ code: 'ERR_MQTT_REFUSED', reasonCode: 0x87 });
    });

    engine.case('never shows its password in the error', async () => {
      const client = engine.client(servers.mosquitto.usersUrl, { username: 'admin', password: 'not-for-logs' });
      const error = await failureOf(client.connect());
      expect(`${error.message} ${error.stack} ${JSON.stringify(error)}`).not.toContain('not-for-logs');
    });
  });

  describe('nobody there', () => {
    engine.case('a port where nobody listens is ERR_MQTT_CONNECT', async () => {
      const [port] = await freePorts(1);
      expect(await codeOf(engine.client(`mqtt://127.0.0.1:${port}`).connect())).toBe('ERR_MQTT_CONNECT');
    });

    engine.case('a host name that does not exist is ERR_MQTT_RESOLVE', async () => {
      expect(await codeOf(engine.client('mqtt://no-such-host.invalid:1883', { connectTimeout: 15_000 }).connect())).toBe('ERR_MQTT_RESOLVE');
    }, { timeout: 40_000 });

    engine.case('a server that speaks another protocol is ERR_MQTT_PROTOCOL', async () => {
      const server = net.createServer((socket) => {
        socket.on('error', () => undefined);
        socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n');
      });
      await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
      try {
        const client = engine.client(`mqtt://127.0.0.1:${(server.address() as net.AddressInfo).port}`, { protocolVersion: 4 });
        expect(await codeOf(client.connect())).toBe('ERR_MQTT_PROTOCOL');
      } finally {
        server.close();
      }
    });

    engine.case('a client that was never connected is destroyed without a trace', async () => {
      const client = engine.client('mqtt://127.0.0.1:1');
      client.destroy();
      expect(await codeOf(client.connect())).toBe('ERR_MQTT_CLOSED');
    });
  });

  describe('client identifiers', () => {
    engine.case('5: the server assigns one where none is given, and the result shows it [MQTT-3.1.3-7]', async () => {
      const client = engine.client(servers.mosquitto.url, { protocolVersion: 5, clientId: '' });
      const result = await client.connect();
      expect(result.assignedClientIdentifier).toMatch(/^auto-/);
    });

    engine.case('3.1.1: none is allowed with a clean session', async () => {
      const client = engine.client(servers.mosquitto.url, { protocolVersion: 4, clientId: '', cleanStart: true });
      await client.connect();
      await client.publish('t', 'x', { qos: 1 });
    });

    engine.case('3.1.1: none without a clean session is refused [MQTT-3.1.3-8]', async () => {
      let error: MqttError;
      try {
        const client = engine.client(servers.mosquitto.url, { protocolVersion: 4, clientId: '', cleanStart: false });
        error = await failureOf(client.connect());
      } catch (thrown) {
        error = thrown as MqttError;
      }
      expect(error.code).toMatch(/^ERR_MQTT_(OPTION|REFUSED)$/);
    });

    engine.case('one with every kind of character is taken', async () => {
      const client = engine.client(servers.mosquitto.url, { clientId: `ä/😀 #+ ${engine.name}` });
      await client.connect();
      await client.publish('t', 'x', { qos: 1 });
    });
  });

  engine.case('the connect() short form makes a client and connects it', async () => {
    const { connect } = await import('mqtt-native');
    const client = await connect(servers.mosquitto.url, { engine: engine.name });
    await client.publish('t', 'x', { qos: 1 });
    await withSafetyNet('close()', client.close());
  });
});
