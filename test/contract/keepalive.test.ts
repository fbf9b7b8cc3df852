/**
 * An idle connection stays alive, and a broker that has fallen silent is found out. Mosquitto is frozen by a signal: its connections stay
 * open and nothing answers.
 */
import * as net from 'node:net';
import { expect, onTestFinished } from 'vitest';
import { forEachEngine, messagesOf } from '../support/engines.js';
import { codeOf } from '../support/outcomes.js';
import { freshTopic, startMosquitto } from '../support/servers.js';
import { Inbox } from '../support/waiting.js';
import type { MqttError } from 'mqtt-native';

const mosquitto = startMosquitto();

/** Lets 1 MB from a client through every 100 ms, for four seconds; then all that comes. */
async function slowUplink(port: number): Promise<string> {
  const sockets: net.Socket[] = [];
  const proxy = net.createServer((client) => {
    const server = net.connect(port, '127.0.0.1');
    sockets.push(client, server);
    for (const socket of [client, server]) socket.on('error', () => undefined).on('close', () => { client.destroy(); server.destroy(); });
    server.pipe(client);
    let room = 1e6, steps = 40;
    client.on('data', (data: Buffer) => {
      server.write(data);
      room -= data.length;
      if (room > 0 || steps === 0) return;
      room = 1e6;
      steps -= 1;
      client.pause();
      setTimeout(() => { client.resume(); }, 100);
    });
  });
  await new Promise<void>((resolve) => { proxy.listen(0, '127.0.0.1', resolve); });
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    proxy.close();
  });
  return `mqtt://127.0.0.1:${(proxy.address() as net.AddressInfo).port}`;
}

forEachEngine((engine) => {
  for (const version of [4, 5] as const) {
    const name = version === 4 ? '3.1.1' : '5';

    engine.case(`${name}: an idle client outlives several times its keep alive`, async () => {
      const topic = freshTopic(engine);
      const client = await engine.connected(mosquitto.broker.url, { protocolVersion: version, keepAlive: 1 });
      const disconnects = Inbox.of<MqttError, [MqttError]>(client, 'disconnect', (error) => error);
      const messages = messagesOf(client);
      await client.subscribe(topic, { qos: 1 });
      // The broker closes after one and a half times the keep alive: this is three times, and nothing but pings is sent.
      await mosquitto.broker.logged('Received PINGREQ', 3, mosquitto.broker.log.length);
      expect(disconnects.all).toEqual([]);
      await client.publish(topic, 'alive', { qos: 1 });
      expect((await messages.next()).text()).toBe('alive');
    });

    engine.case(`${name}: a frozen broker is found out, and what waits is rejected`, async () => {
      const client = await engine.connected(mosquitto.broker.url, { protocolVersion: version, keepAlive: 1 });
      const disconnects = Inbox.of<MqttError, [MqttError]>(client, 'disconnect', (error) => error);
      mosquitto.broker.freeze();
      try {
        const waiting = codeOf(client.publish('t', 'x', { qos: 1 }));
        expect((await disconnects.next()).code).toBe('ERR_MQTT_KEEP_ALIVE');
        expect(await waiting).toBe('ERR_MQTT_KEEP_ALIVE');
      } finally {
        mosquitto.broker.thaw();
      }
    });

    engine.case(`${name}: an upload that takes several times the keep alive is a sign of life`, async () => {
      const client = await engine.connected(await slowUplink(mosquitto.broker.port('plain')), { protocolVersion: version, keepAlive: 1 });
      const disconnects = Inbox.of<MqttError, [MqttError]>(client, 'disconnect', (error) => error);
      await client.publish('upload', new Uint8Array(64e6), { qos: 1 });
      expect(disconnects.all).toEqual([]);
    }, { timeout: 30_000 });

    engine.case(`${name}: a broker frozen while connecting is ERR_MQTT_TIMEOUT`, async () => {
      mosquitto.broker.freeze();
      try {
        const client = engine.client(mosquitto.broker.url, { protocolVersion: version, connectTimeout: 300 });
        expect(await codeOf(client.connect())).toBe('ERR_MQTT_TIMEOUT');
      } finally {
        mosquitto.broker.thaw();
      }
    });

    engine.case(`${name}: a broker that is killed is ERR_MQTT_CONNECTION_LOST for everything, once`, async () => {
      const client = await engine.connected(mosquitto.broker.url, { protocolVersion: version });
      const disconnects = Inbox.of<MqttError, [MqttError]>(client, 'disconnect', (error) => error);
      mosquitto.broker.freeze();
      let settled = 0;
      const waiting = Array.from({ length: 20 }, (_, index) => client.publish('t', 'x', { qos: index % 2 === 0 ? 1 : 2 })
        .then(() => 'ok', (error: MqttError) => error.code).finally(() => { settled += 1; }));
      await mosquitto.broker.kill();
      try {
        expect((await disconnects.next()).code).toBe('ERR_MQTT_CONNECTION_LOST');
        expect(await Promise.all(waiting)).toEqual(Array(20).fill('ERR_MQTT_CONNECTION_LOST'));
        expect(settled).toBe(20);
        expect(disconnects.waiting).toBe(0);
      } finally {
        await mosquitto.broker.restart();
      }
      await client.connect();
      await client.publish('t', 'again', { qos: 1 });
    });
  }
});
