/**
 * Credentials that expire: a function supplies them before each attempt, and a server that refuses them is tried again with new ones.
 * Fixed ones that are refused stop the client, because trying them again locks accounts. Mosquitto's users are in
 * test/support/mosquitto.ts.
 */
import { describe, expect } from 'vitest';
import { forEachEngine, messagesOf } from '../support/engines.js';
import { errorsOf, eventsOf, LATER, SOON, untilEvent } from '../support/events.js';
import { LinkProxy } from '../support/link-proxy.js';
import { USERS } from '../support/mosquitto.js';
import { codeOf, failureOf, outcomeOf, refusalOf } from '../support/outcomes.js';
import { freshTopic, startMosquitto } from '../support/servers.js';

const mosquitto = startMosquitto({ users: true });

const GOOD = { username: 'admin', password: USERS.admin };
const EXPIRED = { username: 'admin', password: 'the one of yesterday' };

forEachEngine((engine) => {
  for (const version of [4, 5] as const) {
    describe(version === 4 ? '3.1.1' : '5', () => {
      engine.case('the function is called before each attempt, also for a reconnection', async () => {
        const proxy = await LinkProxy.before(mosquitto.broker.usersUrl);
        let calls = 0;
        const client = engine.client(proxy.url, {
          protocolVersion: version, reconnect: SOON,
          credentials: () => {
            calls += 1;
            return GOOD;
          },
        });
        const events = eventsOf(client);
        await client.connect();
        expect(calls).toBe(1);
        proxy.cut();
        await untilEvent(events, 'disconnect');
        await client.publish('t', 'x', { qos: 1 });
        expect(calls).toBe(2);
      });

      engine.case('expired ones are refused and new ones are asked for', async () => {
        const answers = [EXPIRED, EXPIRED, GOOD];
        const client = engine.client(mosquitto.broker.usersUrl, {
          protocolVersion: version, reconnect: { ...SOON, initial: true }, credentials: async () => Promise.resolve(answers.shift()!),
        });
        await client.connect();
        expect(answers).toEqual([]);
        await client.publish('t', 'x', { qos: 1 });
      });

      engine.case('ones that expired while the client was connected are renewed when it comes back', async () => {
        const topic = freshTopic(engine);
        const proxy = await LinkProxy.before(mosquitto.broker.usersUrl);
        const answers = [GOOD, EXPIRED, GOOD];
        const client = engine.client(proxy.url, { protocolVersion: version, reconnect: SOON, credentials: () => answers.shift()! });
        const messages = messagesOf(client);
        const events = eventsOf(client);
        await client.connect();
        await client.subscribe(topic, { qos: 1 });
        proxy.cut();
        await untilEvent(events, 'disconnect');
        await client.publish(topic, 'x', { qos: 1 });
        expect((await messages.next()).text()).toBe('x');
        expect(answers).toEqual([]);
        expect(events.all.filter((event) => event.name === 'reconnect').length).toBe(2);
      });

      engine.case('fixed ones that are refused stop the client, with what waited', async () => {
        // The proxy leads to the listener for anybody first, and to the one with users afterwards.
        const proxy = await LinkProxy.before(mosquitto.broker.url);
        const client = engine.client(proxy.url, { protocolVersion: version, reconnect: SOON, ...EXPIRED });
        const errors = errorsOf(client);
        const events = eventsOf(client);
        await client.connect();
        proxy.target = mosquitto.broker.port('users');
        proxy.cut();
        await untilEvent(events, 'disconnect');
        const waiting = failureOf(client.publish('t', 'x', { qos: 1 }));
        expect(await waiting).toMatchObject({ code: 'ERR_MQTT_REFUSED', reasonCode: version === 5 ? 0x87 : 5 });
        expect(await errors.next()).toBe('ERR_MQTT_REFUSED');
        expect(client.state).toBe('disconnected');
        expect(events.all.filter((event) => event.name === 'reconnect').length).toBe(1);
      });

      engine.case('fixed ones are not tried again by connect() with initial: true either', async () => {
        const proxy = await LinkProxy.before(mosquitto.broker.usersUrl);
        const client = engine.client(proxy.url, { protocolVersion: version, reconnect: { ...SOON, initial: true }, ...EXPIRED });
        expect(await codeOf(client.connect())).toBe('ERR_MQTT_REFUSED');
        expect(proxy.accepted).toBe(1);
      });
    });
  }

  engine.case('the function stands instead of the options username and password: both are refused by name', async () => {
    for (const fixed of [{ username: 'admin' }, GOOD]) {
      const error = await refusalOf(() => engine.client(mosquitto.broker.usersUrl, { ...fixed, credentials: () => GOOD }));
      expect(error.code).toBe('ERR_MQTT_OPTION');
      expect(error.message).toContain('credentials');
    }
  });

  engine.case('a password of bytes', async () => {
    const client = await engine.connected(mosquitto.broker.usersUrl, { credentials: () => ({ username: 'bytes', password: USERS.bytes }) });
    await client.publish('t', 'x', { qos: 1 });
  });

  engine.case('no user at all, where the server takes anybody', async () => {
    const client = await engine.connected(mosquitto.broker.url, { credentials: () => ({}) });
    await client.publish('t', 'x', { qos: 1 });
  });

  for (const [how, credentials] of [
    ['throws', (reason: Error) => () => { throw reason; }],
    ['rejects', (reason: Error) => () => Promise.reject(reason)],
  ] as const) {
    engine.case(`a function that ${how} fails the attempt with ERR_MQTT_CREDENTIALS and its error as the cause`, async () => {
      const reason = new Error('the token server is down');
      const client = engine.client(mosquitto.broker.usersUrl, { credentials: credentials(reason) });
      const error = await failureOf(client.connect());
      expect(error.code).toBe('ERR_MQTT_CREDENTIALS');
      expect(error.cause).toBe(reason);
      expect(client.state).toBe('disconnected');
    });
  }

  engine.case('a function that fails once is asked again by the next attempt', async () => {
    let calls = 0;
    const client = engine.client(mosquitto.broker.usersUrl, {
      reconnect: { ...SOON, initial: true },
      credentials: async () => {
        calls += 1;
        if (calls === 1) {
          throw new Error('the token server is down');
        }
        return Promise.resolve(GOOD);
      },
    });
    await client.connect();
    expect(calls).toBe(2);
  });

  engine.case('a function that never answers has the time of connectTimeout', async () => {
    const client = engine.client(mosquitto.broker.usersUrl, { connectTimeout: 100, credentials: () => new Promise(() => undefined) });
    const error = await failureOf(client.connect());
    expect(error.code).toBe('ERR_MQTT_CREDENTIALS');
    expect(error.cause).toMatchObject({ code: 'ERR_MQTT_TIMEOUT' });
  });

  engine.case('close() and an aborted signal do not wait for it', async () => {
    const options = { credentials: () => new Promise<never>(() => undefined), reconnect: LATER };
    const closed = engine.client(mosquitto.broker.usersUrl, options);
    const connecting = codeOf(closed.connect());
    await closed.close();
    expect(await connecting).toBe('ERR_MQTT_CLOSED');
    const aborting = new AbortController();
    const aborted = outcomeOf(engine.client(mosquitto.broker.usersUrl, options).connect({ signal: aborting.signal }));
    aborting.abort();
    expect(await aborted).toBe('ERR_MQTT_ABORTED');
  });
});
