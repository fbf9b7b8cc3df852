/**
 * Every promise ends exactly once, and the error says what happened by a stable code. Requests without a connection, with a signal, with
 * a timeout and after the end are tried on a real broker.
 */
import { describe, expect } from 'vitest';
import { EngineUnavailableError, MqttError } from 'mqtt-native';
import { forEachEngine } from '../support/engines.js';
import { codeOf, failureOf, outcomeOf } from '../support/outcomes.js';
import { startMosquitto } from '../support/servers.js';

// A limit that Mosquitto does not announce: it finds out after the message has come.
const mosquitto = startMosquitto({ extra: ['message_size_limit 100000'] });

forEachEngine((engine) => {
  describe('before connect()', () => {
    engine.case('publish() of any QoS, subscribe() and unsubscribe() are ERR_MQTT_NOT_CONNECTED', async () => {
      const client = engine.client(mosquitto.broker.url);
      for (const qos of [0, 1, 2] as const) {
        expect(await codeOf((async () => client.publish('t', 'x', { qos }))())).toBe('ERR_MQTT_NOT_CONNECTED');
      }
      expect(await codeOf((async () => client.subscribe('t'))())).toBe('ERR_MQTT_NOT_CONNECTED');
      expect(await codeOf((async () => client.unsubscribe('t'))())).toBe('ERR_MQTT_NOT_CONNECTED');
    });

    engine.case('nothing happens before connect(): no connection is made by the constructor', async () => {
      const { broker } = mosquitto;
      const witness = async (name: string, from: number): Promise<void> => {
        await engine.connected(broker.url, { clientId: `${name}-${engine.name}` });
        // What Mosquitto writes comes when it comes.
        await broker.logged(`as ${name}-${engine.name}`, 1, from);
      };
      await witness('before', broker.log.length);
      const start = broker.log.length;
      engine.client(broker.url);
      await witness('after', start);
      expect(broker.log.slice(start).split('New connection from').length - 1).toBe(1);
    });
  });

  describe('connect()', () => {
    engine.case('twice at the same time: both get a result or a named error, and there is one connection', async () => {
      const client = engine.client(mosquitto.broker.url, { clientId: `twice-${engine.name}` });
      const outcomes = await Promise.all([outcomeOf(client.connect()), outcomeOf((async () => client.connect())())]);
      expect(outcomes[0]).toBe('ok');
      expect(outcomes[1]).toMatch(/^(ok|ERR_MQTT_OPTION|ERR_MQTT_STATE)$/);
      await client.publish('t', 'x', { qos: 1 });
    });

    engine.case('aborted while it waits: ERR_MQTT_ABORTED, and the client can be connected afterwards', async () => {
      mosquitto.broker.freeze();
      const controller = new AbortController();
      const client = engine.client(mosquitto.broker.url);
      try {
        const failure = failureOf(client.connect({ signal: controller.signal }));
        await new Promise((resolve) => { setImmediate(resolve); });
        controller.abort(new Error('enough'));
        expect((await failure).code).toBe('ERR_MQTT_ABORTED');
      } finally {
        mosquitto.broker.thaw();
      }
      await client.connect();
      await client.publish('t', 'x', { qos: 1 });
    });

    engine.case('destroyed while it waits: ERR_MQTT_CLOSED', async () => {
      mosquitto.broker.freeze();
      try {
        const client = engine.client(mosquitto.broker.url);
        const failure = failureOf(client.connect());
        await new Promise((resolve) => { setImmediate(resolve); });
        client.destroy();
        expect((await failure).code).toBe('ERR_MQTT_CLOSED');
      } finally {
        mosquitto.broker.thaw();
      }
    });
  });

  describe('while the broker is silent', () => {
    engine.case('publish() with a timeout is ERR_MQTT_TIMEOUT; the message may still arrive', async () => {
      const client = await engine.connected(mosquitto.broker.url);
      mosquitto.broker.freeze();
      try {
        expect(await codeOf(client.publish('t', 'x', { qos: 1, timeout: 100 }))).toBe('ERR_MQTT_TIMEOUT');
      } finally {
        mosquitto.broker.thaw();
      }
      await client.publish('t', 'after', { qos: 1 });
    });

    engine.case('publish() and subscribe() with a signal are ERR_MQTT_ABORTED with its reason', async () => {
      const client = await engine.connected(mosquitto.broker.url);
      mosquitto.broker.freeze();
      try {
        const controller = new AbortController();
        const { signal } = controller;
        const failures = [failureOf(client.publish('t', 'x', { qos: 2, signal })), failureOf(client.subscribe('s', { signal }))];
        await new Promise((resolve) => { setImmediate(resolve); });
        const reason = new Error('enough');
        controller.abort(reason);
        for (const error of await Promise.all(failures)) {
          expect(error.code).toBe('ERR_MQTT_ABORTED');
          expect(error.cause).toBe(reason);
        }
      } finally {
        mosquitto.broker.thaw();
      }
      await client.publish('t', 'after', { qos: 1 });
    });

    engine.case('a signal that is aborted already sends nothing', async () => {
      const client = await engine.connected(mosquitto.broker.url);
      const signal = AbortSignal.abort();
      expect(await codeOf((async () => client.publish('t', 'x', { qos: 1, signal }))())).toBe('ERR_MQTT_ABORTED');
      expect(await codeOf((async () => client.subscribe('t', { signal }))())).toBe('ERR_MQTT_ABORTED');
      await client.publish('t', 'after', { qos: 1 });
    });

    engine.case('destroy(): every waiting promise is ERR_MQTT_CLOSED, once', async () => {
      const client = await engine.connected(mosquitto.broker.url);
      mosquitto.broker.freeze();
      try {
        let settled = 0;
        const count = <T>(promise: Promise<T>): Promise<string> => codeOf(promise.finally(() => { settled += 1; }));
        const waiting = [
          ...Array.from({ length: 300 }, (_, index) => count(client.publish('t', 'x', { qos: index % 2 === 0 ? 1 : 2 }))),
          count(client.subscribe('a')), count(client.unsubscribe('b')),
        ];
        await new Promise((resolve) => { setImmediate(resolve); });
        client.destroy();
        expect(new Set(await Promise.all(waiting))).toEqual(new Set(['ERR_MQTT_CLOSED']));
        expect(settled).toBe(302);
      } finally {
        mosquitto.broker.thaw();
      }
    });

    engine.case('destroy(error): the error is the cause', async () => {
      const client = await engine.connected(mosquitto.broker.url);
      mosquitto.broker.freeze();
      try {
        const failure = failureOf(client.publish('t', 'x', { qos: 1 }));
        const reason = new Error('my reason');
        client.destroy(reason);
        expect(await failure).toMatchObject({ code: 'ERR_MQTT_CLOSED', cause: reason });
      } finally {
        mosquitto.broker.thaw();
      }
    });
  });

  describe('errors', () => {
    engine.case('are MqttError with a code, a sentence and a stack', async () => {
      const error = await failureOf(engine.client('mqtt://127.0.0.1:1').connect());
      expect(error).toBeInstanceOf(MqttError);
      expect(error).toBeInstanceOf(Error);
      expect(error.name).toBe('MqttError');
      expect(error.code).toBe('ERR_MQTT_CONNECT');
      expect(error.message).toMatch(/\w+ \w+/);
      expect(typeof error.stack).toBe('string');
    });

    engine.case('EngineUnavailableError is one of them', () => {
      expect(new EngineUnavailableError('none', [])).toBeInstanceOf(MqttError);
    });
  });

  for (const version of [4, 5] as const) {
    engine.case(`${version === 4 ? '3.1.1' : '5'}: a message above a limit the server does not announce ends in an answer or an error, and the client goes on`, async () => {
      const client = await engine.connected(mosquitto.broker.url, { protocolVersion: version });
      // Mosquitto answers version 5 with a reason code that PUBACK does not have, and in 3.1.1 it just acknowledges.
      expect(await outcomeOf(client.publish('t', Buffer.alloc(100_001), { qos: 1 }))).toMatch(/^(ok|ERR_MQTT_(PUBLISH|PROTOCOL|CONNECTION_LOST|SERVER_DISCONNECT))$/);
      if (!client.connected) {
        await client.connect();
      }
      await client.publish('t', Buffer.alloc(10_000), { qos: 1 });
    });
  }

  engine.case('50 clients that fail to connect leave nothing behind: the next one connects', async () => {
    const outcomes = await Promise.all(Array.from({ length: 50 }, () => codeOf(engine.client('mqtt://127.0.0.1:1').connect())));
    expect(new Set(outcomes)).toEqual(new Set(['ERR_MQTT_CONNECT']));
    const client = await engine.connected(mosquitto.broker.url);
    await client.publish('t', 'x', { qos: 1 });
  });
});
