/**
 * MQTT over WebSockets, with and without TLS, which the js engine serves for now. Mosquitto's listeners speak it.
 */
import { describe, expect } from 'vitest';
import { Client } from 'mqtt-native';
import { AedesBroker } from '../support/aedes.js';
import { forEachEngine, messagesOf, numbersOf, upTo } from '../support/engines.js';
import { codeOf, failureOf } from '../support/outcomes.js';
import { freePorts } from '../support/ports.js';
import { freshTopic, startMosquitto } from '../support/servers.js';
import { WebSocketServer } from '../support/websocket-server.js';

const mosquitto = startMosquitto({ tls: true });

forEachEngine((engine) => {
  for (const version of [4, 5] as const) {
    describe(version === 4 ? '3.1.1' : '5', () => {
      for (const secure of [false, true]) {
        const connect = () => engine.connected(secure ? mosquitto.broker.websocketTlsUrl : mosquitto.broker.websocketUrl, {
          protocolVersion: version, ...(secure ? { tls: { ca: mosquitto.broker.certificates!.authority.cert } } : {}),
        });

        engine.case(`${secure ? 'wss' : 'ws'}: messages of QoS 0, 1, 2 there and back`, async () => {
          const topic = freshTopic(engine);
          const client = await connect();
          const messages = messagesOf(client);
          await client.subscribe(topic, { qos: 2 });
          for (const qos of [0, 1, 2] as const) {
            await client.publish(topic, `${qos}`, { qos });
            expect((await messages.next()).text()).toBe(`${qos}`);
          }
          await client.close();
        });

        engine.case(`${secure ? 'wss' : 'ws'}: 1,000 messages in order, one of 10 KB there and back, one of 1 MB there`, async () => {
          const topic = freshTopic(engine);
          const client = await connect();
          const messages = messagesOf(client);
          await client.subscribe(topic, { qos: 1 });
          await Promise.all(upTo(1000).map((index) => client.publish(topic, String(index), { qos: 1 })));
          expect(numbersOf(await messages.take(1000))).toEqual(upTo(1000));
          await client.publish(topic, Buffer.alloc(10_000, 7), { qos: 1 });
          expect((await messages.next()).payload.length).toBe(10_000);
          // Mosquitto 2.0.11 gets stuck when it sends more than some 50 KB over a WebSocket, whichever client it is.
          await client.publish(`${topic}/nobody`, Buffer.alloc(1_000_000, 7), { qos: 1 });
        });
      }
    });
  }

  engine.case('ws: 1 MB and 20 MB there and back, through Aedes', async () => {
    const aedes = await AedesBroker.start();
    const server = await WebSocketServer.start();
    server.serve((link) => { aedes.aedes.handle(link.stream()); });
    try {
      const client = await engine.connected(server.url, { protocolVersion: 4 });
      const messages = messagesOf(client);
      await client.subscribe('t', { qos: 1 });
      for (const size of [1_000_000, 20_000_000]) {
        const payload = Buffer.alloc(size, 'abcdefg');
        await client.publish('t', payload, { qos: 1 });
        const message = await messages.next();
        expect(message.payload.length).toBe(size);
        expect(Buffer.compare(message.payload, payload)).toBe(0);
      }
      await client.close();
    } finally {
      await server.stop();
      await aedes.stop();
    }
  }, { timeout: 60_000 });

  engine.case('wss: an unknown authority is ERR_MQTT_TLS', async () => {
    const { otherAuthority } = mosquitto.broker.certificates!;
    expect(await codeOf(engine.client(mosquitto.broker.websocketTlsUrl, { tls: { ca: otherAuthority.cert } }).connect())).toBe('ERR_MQTT_TLS');
  });

  engine.case('ws: a port where nobody listens is ERR_MQTT_CONNECT', async () => {
    const [port] = await freePorts(1);
    expect(await codeOf(engine.client(`ws://127.0.0.1:${port}/`).connect())).toBe('ERR_MQTT_CONNECT');
  });

  engine.case('ws: a broker without WebSockets ends in an error with a code', async () => {
    const client = engine.client(`ws://127.0.0.1:${mosquitto.broker.port('plain')}/`, { connectTimeout: 3000 });
    expect((await failureOf(client.connect())).code).toMatch(/^ERR_MQTT_(CONNECT|CONNECTION_LOST|PROTOCOL|TIMEOUT)$/);
  });

  engine.case('ws: a broker that is killed is ERR_MQTT_CONNECTION_LOST', async () => {
    const client = await engine.connected(mosquitto.broker.websocketUrl);
    const lost = new Promise<{ code: string }>((resolve) => { client.once('disconnect', resolve); });
    await mosquitto.broker.kill();
    expect((await lost).code).toBe('ERR_MQTT_CONNECTION_LOST');
    await mosquitto.broker.restart();
  });
}, ['js']);

forEachEngine((engine) => {
  engine.case('ws with the native engine is refused by name, until it serves it', async () => {
    const client = engine.client(mosquitto.broker.websocketUrl);
    expect(await codeOf(client.connect())).toBe('ERR_MQTT_ENGINE_UNAVAILABLE');
  });

  engine.case("ws with 'auto' is served by the js engine, which says why", async () => {
    const client = new Client(mosquitto.broker.websocketUrl, { engine: 'auto' });
    try {
      const result = await client.connect();
      expect(result.engine.name).toBe('js');
      expect(result.engine.reason).toMatch(/ws/i);
    } finally {
      client.destroy();
    }
  });
}, ['native']);
