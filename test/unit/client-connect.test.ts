/**
 * connect() over an engine that does what the test says: one attempt, the fall back to 3.1.1, what is reported and in which order, and
 * what becomes of everything when an attempt or a connection ends.
 */
import { describe, expect, expectTypeOf, it } from 'vitest';
import { MqttError } from 'mqtt-native';
import type { ConnectResult , Client} from 'mqtt-native';
import { FakeClient, fakeConnected, turn, watch } from '../support/fake-engine.js';

describe('an attempt', () => {
  it('nothing happens before connect()', () => {
    const fake = new FakeClient();
    expect(fake.client).toMatchObject({ state: 'new', connected: false, engine: undefined });
    expect(fake.engines).toEqual([]);
  });

  it('opens at once, resolves with the result, and emits it once', async () => {
    const fake = new FakeClient({ clientId: 'c' });
    const events: unknown[] = [];
    fake.client.on('connect', (result) => events.push(result));
    const connecting = fake.connecting();
    expect(fake.client.state).toBe('connecting');
    expect(fake.engine.opened).toHaveLength(1);
    expect(fake.engine.opened[0]).toMatchObject({ clientId: 'c', protocolVersion: 5 });
    fake.engine.accept();
    const result = await connecting;
    expect(result).toEqual({
      sessionPresent: false, protocolVersion: 5, engine: fake.engine.info, assignedClientIdentifier: undefined, properties: {},
      limits: {
        receiveMaximum: 65_535, maximumQoS: 2, retainAvailable: true, maximumPacketSize: 268_435_460, topicAliasMaximum: 0,
        wildcardSubscriptionAvailable: true,
        subscriptionIdentifiersAvailable: true, sharedSubscriptionAvailable: true, serverKeepAlive: undefined,
      },
    });
    expect(events).toEqual([result]);
    expect(fake.client).toMatchObject({ state: 'connected', connected: true, engine: fake.engine.info });
  });

  it('CONNACK\'s properties become limits', async () => {
    const fake = new FakeClient();
    const connecting = fake.connecting();
    fake.engine.accept('2100142200051300' + '1e' + '240025002700000064' + '280029002a00' + '12000161', false);
    expect(await connecting).toMatchObject({
      sessionPresent: false, assignedClientIdentifier: 'a',
      limits: {
        receiveMaximum: 20, maximumQoS: 0, retainAvailable: false, maximumPacketSize: 100, topicAliasMaximum: 5,
        wildcardSubscriptionAvailable: false,
        subscriptionIdentifiersAvailable: false, sharedSubscriptionAvailable: false, serverKeepAlive: 30,
      },
    });
  });

  it('CONNACK\'s properties that cannot be read end the attempt', async () => {
    const fake = new FakeClient();
    const connecting = watch(fake.connecting());
    fake.engine.accept('21');
    await turn();
    expect(connecting.error).toMatchObject({ code: 'ERR_MQTT_PROTOCOL' });
    expect(fake.engine.destroyed).toBe(true);
    expect(fake.client.state).toBe('disconnected');
  });

  it('fails with the engine\'s reason; the engine is given up and the next attempt gets a new one', async () => {
    const fake = new FakeClient({ protocolVersion: 5 });
    const cause = new Error('ECONNREFUSED');
    const connecting = watch(fake.connecting());
    fake.engine.refuse({ code: 'ERR_MQTT_CONNECT', message: 'no address answered', cause });
    await turn();
    expect(connecting.error).toBeInstanceOf(MqttError);
    expect(connecting.error).toMatchObject({ code: 'ERR_MQTT_CONNECT', message: 'no address answered', cause });
    expect(fake.client.state).toBe('disconnected');
    expect(fake.engine.destroyed).toBe(true);
    const again = fake.connecting();
    expect(fake.engines).toHaveLength(2);
    fake.engine.accept();
    await again;
  });

  it('CONNACK with an error shows reason code, reason string and properties', async () => {
    const fake = new FakeClient({ protocolVersion: 5 });
    const connecting = watch(fake.connecting());
    fake.engine.refuse({ code: 'ERR_MQTT_REFUSED', message: 'Banned', reasonCode: 0x8a, properties: Buffer.from('1f00036279652600016b000176', 'hex') });
    await turn();
    expect(connecting.error).toMatchObject({
      code: 'ERR_MQTT_REFUSED', reasonCode: 0x8a, message: 'Banned: bye', properties: { reasonString: 'bye', userProperties: [['k', 'v']] },
    });
  });

  it('twice at the same time is one attempt, and connected it resolves at once', async () => {
    const fake = new FakeClient();
    const both = Promise.all([fake.connecting(), fake.connecting()]);
    expect(fake.engines).toHaveLength(1);
    expect(fake.engine.opened).toHaveLength(1);
    fake.engine.accept();
    const [first, second] = await both;
    expect(second).toBe(first);
    expect(await fake.connecting()).toBe(first);
    expect(fake.engine.opened).toHaveLength(1);
  });

  it('what awaits connect() runs before the first message', async () => {
    const fake = new FakeClient();
    const connecting = fake.connecting();
    const seen: string[] = [];
    const awaiting = (async () => {
      await connecting;
      fake.client.on('message', (message) => seen.push(message.topic));
    })();
    fake.engine.accept();
    // One segment brought CONNACK and a message: both are told of in one go.
    const left = fake.engine.deliver([fake.engine.message('a', 'x', 1)]);
    expect(left).toHaveLength(1);
    await awaiting;
    await turn();
    expect(fake.engine.deliver(left)).toHaveLength(0);
    expect(seen).toEqual(['a']);
  });

  it('a listener of connect that throws is an uncaught exception, and the client is connected', async () => {
    const thrown = new Error('from the listener');
    const uncaught = nextUncaught();
    const fake = new FakeClient();
    fake.client.on('connect', () => { throw thrown; });
    const connecting = fake.connecting();
    fake.engine.accept();
    await connecting;
    expect(await uncaught).toBe(thrown);
    expect(fake.client.connected).toBe(true);
  });
});

/** The next uncaught exception, which would end the process outside of a test. */
function nextUncaught(): Promise<unknown> {
  return new Promise((resolve) => { process.setUncaughtExceptionCaptureCallback((error) => {
    process.setUncaughtExceptionCaptureCallback(null);
    resolve(error);
  }); });
}

describe("protocolVersion 'auto'", () => {
  for (const failure of [
    { code: 'ERR_MQTT_REFUSED', reasonCode: 1 }, { code: 'ERR_MQTT_REFUSED', reasonCode: 0x84 }, { code: 'ERR_MQTT_CONNECTION_LOST' },
  ]) {
    it(`tries 3.1.1 once after ${failure.code} ${failure.reasonCode ?? ''}`, async () => {
      const fake = new FakeClient();
      const connecting = fake.connecting();
      fake.engine.refuse(failure);
      expect(fake.engines).toHaveLength(1);
      expect(fake.engine.opened.map((open) => open.protocolVersion)).toEqual([5, 4]);
      expect(fake.engine.opened[1]!.properties).toBeUndefined();
      fake.engine.accept();
      expect((await connecting).protocolVersion).toBe(4);
    });
  }

  for (const failure of [
    { code: 'ERR_MQTT_REFUSED', reasonCode: 0x87 }, { code: 'ERR_MQTT_CONNECT' }, { code: 'ERR_MQTT_RESOLVE' }, { code: 'ERR_MQTT_TLS' }, { code: 'ERR_MQTT_TIMEOUT' }, { code: 'ERR_MQTT_PROTOCOL' },
  ]) {
    it(`is not tried after ${failure.code}`, async () => {
      const fake = new FakeClient();
      const connecting = watch(fake.connecting());
      fake.engine.refuse(failure);
      await turn();
      expect(connecting.error).toMatchObject(failure);
      expect(fake.engine.opened).toHaveLength(1);
    });
  }

  it('fails with the second failure, and tries no third time', async () => {
    const fake = new FakeClient();
    const connecting = watch(fake.connecting());
    fake.engine.refuse({ code: 'ERR_MQTT_CONNECTION_LOST', message: 'first' });
    fake.engine.refuse({ code: 'ERR_MQTT_CONNECTION_LOST', message: 'second' });
    await turn();
    expect(connecting.error).toMatchObject({ code: 'ERR_MQTT_CONNECTION_LOST', message: 'second' });
    expect(fake.engine.opened).toHaveLength(2);
  });

  it('the second attempt has the time the first one left', async () => {
    const fake = new FakeClient({ connectTimeout: 5000 });
    void fake.connecting();
    const before = fake.engine.opened[0]!.connectTimeout;
    const until = performance.now() + 30;
    while (performance.now() < until);
    fake.engine.refuse({ code: 'ERR_MQTT_CONNECTION_LOST' });
    const after = fake.engine.opened[1]!.connectTimeout;
    expect(before).toBeLessThanOrEqual(5000);
    expect(after).toBeLessThanOrEqual(before - 29);
    expect(after).toBeGreaterThan(0);
    fake.engine.accept();
  });

  it('says in the log which options are without effect in 3.1.1, and no secret', () => {
    const lines: string[] = [];
    const options = { username: 'u', password: 'secret', sessionExpiryInterval: 5, clientId: 'me', log: (record: object) => lines.push(JSON.stringify(record)) };
    const fake = new FakeClient(options);
    void fake.connecting();
    fake.engine.refuse({ code: 'ERR_MQTT_CONNECTION_LOST' });
    expect(lines.some((line) => line.includes('"warn"') && line.includes('sessionExpiryInterval'))).toBe(true);
    expect(lines.every((line) => line.includes('"clientId":"me"'))).toBe(true);
    expect(lines.join()).not.toContain('secret');
  });
});

describe('a signal', () => {
  it('aborted before: nothing is opened', async () => {
    const fake = new FakeClient();
    const reason = new Error('no more');
    await expect(fake.client.connect({ signal: AbortSignal.abort(reason) })).rejects.toMatchObject({ code: 'ERR_MQTT_ABORTED', cause: reason });
    expect(fake.client.state).toBe('new');
  });

  it('aborted meanwhile: the engine is given up, and the client can connect again', async () => {
    const fake = new FakeClient();
    const controller = new AbortController();
    const connecting = watch(fake.connecting({ signal: controller.signal }));
    controller.abort('enough');
    await turn();
    expect(connecting.error).toMatchObject({ code: 'ERR_MQTT_ABORTED', cause: 'enough' });
    expect(fake.engine.destroyed).toBe(true);
    expect(fake.client.state).toBe('disconnected');
    const late = new AbortController();
    const again = fake.connecting({ signal: late.signal });
    expect(fake.engines).toHaveLength(2);
    fake.engine.accept();
    expect((await again).protocolVersion).toBe(5);
    late.abort();
    expect(fake.client.connected).toBe(true);
  });

  it('of one of two who wait: the other one still gets its connection', async () => {
    const fake = new FakeClient();
    const connecting = fake.connecting();
    const controller = new AbortController();
    const other = watch(fake.client.connect({ signal: controller.signal }));
    controller.abort();
    await turn();
    expect(other.error).toMatchObject({ code: 'ERR_MQTT_ABORTED' });
    fake.engine.accept();
    expect((await connecting).protocolVersion).toBe(5);
  });
});

describe('the end of a connection', () => {
  it('rejects what waits, each once, emits disconnect, and refuses what comes after', async () => {
    const { client, engine } = await fakeConnected();
    engine.room = 2;
    const events: string[] = [];
    client.on('disconnect', (reason) => events.push(reason.code));
    let settled = 0;
    const count = <T>(promise: Promise<T>): Promise<T> => promise.finally(() => { settled += 1; });
    const waiting = [
      count(client.publish('a', 'x', { qos: 1 })), count(client.publish('a', 'x')), count(client.publish('waits for room', 'x')), count(client.subscribe('s')), count(client.unsubscribe('u')),
    ].map((promise: Promise<unknown>) => watch(promise));
    engine.lose({ code: 'ERR_MQTT_KEEP_ALIVE', message: 'no PINGRESP' });
    await turn();
    expect(waiting.map((outcome) => outcome.error?.code)).toEqual(Array(5).fill('ERR_MQTT_KEEP_ALIVE'));
    expect(settled).toBe(5);
    expect(events).toEqual(['ERR_MQTT_KEEP_ALIVE']);
    expect(client.state).toBe('disconnected');
    await expect(client.publish('a', 'x')).rejects.toMatchObject({ code: 'ERR_MQTT_NOT_CONNECTED' });
    expect(() => client.write('a', 'x')).toThrowError(expect.objectContaining({ code: 'ERR_MQTT_NOT_CONNECTED' }));
  });

  it('without a session that goes on, the engine ends too; connect() begins with a new one', async () => {
    const { client, engine, fake } = await fakeConnected();
    engine.lose();
    expect(engine.destroyed).toBe(true);
    const again = fake.connecting();
    expect(fake.engines).toHaveLength(2);
    fake.engine.accept();
    await again;
    const published = client.publish('a', 'x');
    expect(fake.engine.published).toHaveLength(1);
    fake.engine.finish();
    await published;
  });

  for (const [name, options, connack] of [
    ['5 with an expiry', { sessionExpiryInterval: 10 }, ''], ['5 with an expiry the server gave', {}, '110000000a'], ['3.1.1 without clean start', { protocolVersion: 4, cleanStart: false }, ''],
  ] as const) {
    it(`with a session that goes on (${name}) the engine is kept and opens again, with the version it had`, async () => {
      const { engine, fake } = await fakeConnected({ ...options }, connack);
      engine.lose();
      expect(engine.destroyed).toBe(false);
      const again = fake.connecting();
      expect(fake.engines).toHaveLength(1);
      expect(engine.opened.map((open) => open.protocolVersion)).toEqual(Array(2).fill(engine.opened[0]!.protocolVersion));
      engine.refuse({ code: 'ERR_MQTT_CONNECT' });
      await expect(again).rejects.toMatchObject({ code: 'ERR_MQTT_CONNECT' });
      expect(engine.destroyed).toBe(false);
      const third = fake.connecting();
      engine.accept(connack, true);
      expect((await third).sessionPresent).toBe(true);
    });
  }

  it('the server\'s word that the session ends counts', async () => {
    const { engine } = await fakeConnected({ sessionExpiryInterval: 10 }, '1100000000');
    engine.lose();
    expect(engine.destroyed).toBe(true);
  });

  it('a listener of disconnect may connect again', async () => {
    const { client, engine, fake } = await fakeConnected();
    let again: Promise<ConnectResult> | undefined;
    client.once('disconnect', () => { again = fake.connecting(); });
    engine.lose();
    fake.engine.accept();
    expect((await again)?.protocolVersion).toBe(5);
    expect(client.connected).toBe(true);
  });

  it('the identifier the server chose is used again [MQTT-3.1.3-7]', async () => {
    const { engine, fake } = await fakeConnected({ clientId: '', protocolVersion: 5 }, '1200046175746f');
    engine.lose();
    void fake.connecting();
    expect(fake.engine.opened.at(-1)!.clientId).toBe('auto');
    fake.engine.accept();
  });

  it('an engine that was given up is not listened to any more', async () => {
    const { client, engine, fake } = await fakeConnected();
    const old = client.publish('a', 'x', { qos: 1 });
    const { slot } = engine.published[0]!;
    old.catch(() => undefined);
    engine.lose();
    void fake.connecting();
    fake.engine.accept();
    const mine = watch(client.publish('b', 'x', { qos: 1 }));
    expect(fake.engine.published[0]!.slot).toBe(slot);
    engine.sink.onPublished(slot, 0, undefined);
    engine.sink.onDisconnected({ code: 'ERR_MQTT_CLOSED', message: '', reasonCode: undefined, properties: undefined });
    await turn();
    expect(mine.settled).toBe(false);
    expect(client.connected).toBe(true);
  });
});

describe('ref() and unref()', () => {
  it('reach the engine of now and those to come', async () => {
    const fake = new FakeClient();
    expect(fake.client.unref()).toBe(fake.client);
    void fake.connecting();
    expect(fake.engine.referenced).toBe(false);
    fake.client.ref();
    expect(fake.engine.referenced).toBe(true);
    fake.client.unref();
    expect(fake.engine.referenced).toBe(false);
  });
});

describe('types', () => {
  it('are those of the documentation', () => {
    expectTypeOf<Client>().toExtend<AsyncDisposable>();
    expectTypeOf<Client['connect']>().returns.resolves.toEqualTypeOf<ConnectResult>();
    const { client } = new FakeClient();
    client.on('disconnect', (reason) => { expectTypeOf(reason).toEqualTypeOf<MqttError>(); });
    client.on('reconnecting', (attempt, delay) => { expectTypeOf([attempt, delay]).toEqualTypeOf<number[]>(); });
    expectTypeOf<Client['server']>().toEqualTypeOf<string | undefined>();
    // @ts-expect-error there is no such event
    client.on('online', () => undefined);
  });
});
