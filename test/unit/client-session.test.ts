/**
 * The session over connections: when Clean Start is said, what becomes of what was in flight and of what waited, and the subscriptions that
 * are made again where the server does not know them any more. Over an engine that does what the test says, in time the test moves.
 */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ClientOptions, Filters, MessageHandler, SubscribeOptions, Subscription } from 'mqtt-native';
import { FakeClient, turn, watch } from '../support/fake-engine.js';

beforeEach(() => { vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] }); });
afterEach(() => { vi.useRealTimers(); });

const OPTIONS: ClientOptions = { reconnect: { initialDelay: 100, maxDelay: 1000, jitter: 'none' }, protocolVersion: 5, clientId: 'c' };
const SESSION: ClientOptions = { ...OPTIONS, sessionExpiryInterval: 60 };

async function connected(options: ClientOptions = SESSION, connack?: string): Promise<FakeClient> {
  const fake = new FakeClient(options);
  const connecting = fake.connecting();
  fake.engine.accept(connack);
  await connecting;
  await turn();
  return fake;
}

/** The connection is lost and the next one made. */
async function again(fake: FakeClient, sessionPresent: boolean, connack = ''): Promise<void> {
  fake.engine.cut();
  vi.advanceTimersByTime(1000);
  fake.engine.accept(connack, sessionPresent);
  await turn();
}

async function subscribed(fake: FakeClient, filters: Filters, options?: SubscribeOptions | MessageHandler): Promise<Subscription> {
  const subscribing = fake.client.subscribe(filters, options as SubscribeOptions);
  await turn();
  fake.engine.answer(fake.engine.requests[0]!.filters.map(() => 0));
  const subscription = await subscribing;
  await turn();
  return subscription;
}

describe('Clean Start', () => {
  const cleanStarts = (fake: FakeClient): boolean[] => fake.engines.flatMap((engine) => engine.opened.map((open) => open.cleanStart));

  it('5: only the first connection of a client with a session begins anew', async () => {
    const fake = await connected();
    await again(fake, true);
    await again(fake, false);
    expect(cleanStarts(fake)).toEqual([true, false, false]);
    expect(fake.engines).toHaveLength(1);
    fake.client.destroy();
  });

  it('5: without a session each one does', async () => {
    const fake = await connected(OPTIONS);
    await again(fake, false);
    expect(cleanStarts(fake)).toEqual([true, true]);
    expect(fake.engines).toHaveLength(2);
    fake.client.destroy();
  });

  it('5: the server\'s Session Expiry Interval decides', async () => {
    const fake = await connected(SESSION, '1100000000');
    await again(fake, false, '110000000a');
    await again(fake, true);
    expect(cleanStarts(fake)).toEqual([true, true, false]);
    fake.client.destroy();
  });

  it('5: a session whose engine was ended is gone on with all the same: the server has it', async () => {
    const fake = await connected({ ...SESSION, reconnect: false });
    fake.engine.lose();
    const controller = new AbortController();
    const aborted = watch(fake.connecting({ signal: controller.signal }));
    controller.abort();
    await turn();
    expect(aborted.error?.code).toBe('ERR_MQTT_ABORTED');
    watch(fake.connecting());
    expect(fake.engines).toHaveLength(2);
    expect(cleanStarts(fake)).toEqual([true, false, false]);
    fake.client.destroy();
  });

  it('3.1.1: as the option says, each time', async () => {
    for (const cleanStart of [true, false]) {
      const fake = await connected({ ...OPTIONS, protocolVersion: 4, cleanStart });
      await again(fake, !cleanStart);
      expect(cleanStarts(fake)).toEqual([cleanStart, cleanStart]);
      expect(fake.engines).toHaveLength(cleanStart ? 2 : 1);
      fake.client.destroy();
    }
  });
});

describe('Session Present', () => {
  it('for an identifier made up for this client is not believed [MQTT-3.2.2-4]', async () => {
    const { clientId, ...rest } = OPTIONS;
    expect(clientId).toBe('c');
    const fake = new FakeClient({ ...rest, cleanStart: false });
    const connecting = watch(fake.connecting());
    fake.engine.accept('', true);
    await turn();
    expect(connecting.error?.code).toBe('ERR_MQTT_PROTOCOL');
    expect(fake.engine.destroyed).toBe(true);
    expect(fake.client.state).toBe('disconnected');
  });

  it('for an identifier the server chose just now, neither', async () => {
    const fake = new FakeClient({ ...OPTIONS, clientId: '', cleanStart: false });
    const connecting = watch(fake.connecting());
    fake.engine.accept('12000161', true);
    await turn();
    expect(connecting.error?.code).toBe('ERR_MQTT_PROTOCOL');
  });

  it('for an identifier of the user is the session of an earlier process', async () => {
    const fake = new FakeClient({ ...OPTIONS, cleanStart: false });
    const connecting = fake.connecting();
    fake.engine.accept('', true);
    expect((await connecting).sessionPresent).toBe(true);
    fake.client.destroy();
  });

  it('for an identifier made up for this client is believed from the second connection on', async () => {
    const { clientId, ...rest } = SESSION;
    expect(clientId).toBe('c');
    const fake = await connected(rest);
    await again(fake, true);
    expect(fake.client.connected).toBe(true);
    fake.client.destroy();
  });
});

describe('what was on its way', () => {
  it('with a session: what was sent stays with the engine, what was not goes later, in order', async () => {
    const fake = await connected();
    const sent = watch(fake.client.publish('a', '1', { qos: 1 }));
    const unsent = watch(fake.client.publish('a', '2', { qos: 1 }));
    fake.engine.cut(1);
    const later = watch(fake.client.publish('a', '3', { qos: 1 }));
    vi.advanceTimersByTime(100);
    fake.engine.accept('', true);
    expect(fake.engine.published.map((one) => one.payload)).toEqual(['1', '2', '3']);
    fake.engine.finishAll();
    await turn();
    for (const outcome of [sent, unsent, later]) expect(outcome).toMatchObject({ settled: true, value: { reasonCode: 0 } });
    fake.client.destroy();
  });

  it('with a session the server has lost: what was sent fails and is never sent as new', async () => {
    const fake = await connected();
    const sent = watch(fake.client.publish('a', '1', { qos: 2 }));
    const unsent = watch(fake.client.publish('a', '2', { qos: 2 }));
    fake.engine.cut(1);
    vi.advanceTimersByTime(100);
    fake.engine.accept('', false);
    await turn();
    expect(sent.error?.code).toBe('ERR_MQTT_CONNECTION_LOST');
    expect(fake.engine.published.map((one) => one.payload)).toEqual(['2']);
    fake.engine.finishAll();
    await turn();
    expect(unsent.error).toBeUndefined();
    fake.client.destroy();
  });

  it('without a session: what was sent fails with the failure of the connection, what was not goes later', async () => {
    const fake = await connected(OPTIONS);
    const sent = watch(fake.client.publish('a', '1', { qos: 1 }));
    const unsent = watch(fake.client.publish('a', '2', { qos: 1 }));
    fake.engine.cut(1, { code: 'ERR_MQTT_KEEP_ALIVE' });
    await turn();
    expect(sent.error?.code).toBe('ERR_MQTT_KEEP_ALIVE');
    vi.advanceTimersByTime(100);
    fake.engine.accept();
    expect(fake.engine.published.map((one) => one.payload)).toEqual(['2']);
    fake.engine.finishAll();
    await turn();
    expect(unsent.error).toBeUndefined();
    fake.client.destroy();
  });

  it('with reconnect: false everything fails at once, and a later connection of the session finishes it for nobody', async () => {
    const fake = await connected({ ...SESSION, reconnect: false });
    const sent = watch(fake.client.publish('a', '1', { qos: 1 }));
    const unsent = watch(fake.client.publish('a', '2', { qos: 1 }));
    fake.engine.cut(1);
    await turn();
    expect([sent.error?.code, unsent.error?.code]).toEqual(['ERR_MQTT_CONNECTION_LOST', 'ERR_MQTT_CONNECTION_LOST']);
    const connecting = fake.connecting();
    fake.engine.accept('', true);
    await connecting;
    expect(fake.engine.published.map((one) => one.payload)).toEqual(['1']);
    const next = watch(fake.client.publish('a', '3', { qos: 1 }));
    fake.engine.finish();
    await turn();
    expect(next.settled).toBe(false);
    fake.engine.finish();
    await turn();
    expect(next.value).toMatchObject({ reasonCode: 0 });
    fake.client.destroy();
  });
});

describe('subscriptions', () => {
  it('with Session Present 1 are not made again', async () => {
    const fake = await connected();
    await subscribed(fake, 'a');
    await again(fake, true);
    expect(fake.engine.requests).toEqual([]);
    fake.client.destroy();
  });

  it('with Session Present 0 are made again, in their order and with their options, before anything that waited', async () => {
    const fake = await connected(OPTIONS);
    await subscribed(fake, 'a', { qos: 2, noLocal: true, subscriptionIdentifier: 7, properties: { userProperties: { k: 'v' } } });
    await subscribed(fake, { 'b': { qos: 1 }, 'c/#': {} });
    fake.engine.cut();
    const order: string[] = [];
    const waiting = [watch(fake.client.publish('p', 'x')), watch(fake.client.subscribe('d'))];
    vi.advanceTimersByTime(100);
    const { engine } = fake;
    vi.spyOn(engine, 'publish').mockImplementation((topic) => order.push(`publish ${topic}`) > 0);
    const subscribe = engine.subscribe.bind(engine);
    vi.spyOn(engine, 'subscribe').mockImplementation((...args) => {
      order.push(`subscribe ${args[1].join(' ')}`);
      subscribe(...args);
    });
    engine.accept();
    expect(order).toEqual(['subscribe a', 'subscribe b c/#', 'subscribe d', 'publish p']);
    expect(engine.requests.map((request) => request.options)).toEqual([[2 | 4], [1, 0], [0]]);
    expect(engine.requests[0]!.properties!.toString('hex')).toBe('0b07' + '2600016b000176');
    expect(waiting.map((outcome) => outcome.settled)).toEqual([false, false]);
    fake.client.destroy();
    await turn();
  });

  it('a filter that was unsubscribed is not made again, and neither is a subscription that ended', async () => {
    const fake = await connected(OPTIONS);
    await subscribed(fake, ['a', 'b']);
    const gone = await subscribed(fake, 'c');
    for (const [filters, codes] of [['a', [0]], [gone.filters, [0]]] as const) {
      const unsubscribing = fake.client.unsubscribe(filters);
      await turn();
      fake.engine.answer([...codes]);
      await unsubscribing;
    }
    await again(fake, false);
    expect(fake.engine.requests.map((request) => request.filters)).toEqual([['b']]);
    fake.client.destroy();
  });

  it('loops and handlers go on over it', async () => {
    const fake = await connected(OPTIONS);
    const got: string[] = [];
    const subscription = await subscribed(fake, 'a');
    const loop = watch((async () => { for await (const message of subscription) got.push(`loop ${message.text()}`); })());
    await subscribed(fake, 'b', (message) => { got.push(`handler ${message.text()}`); });
    await again(fake, false);
    while (fake.engine.requests.length > 0) fake.engine.answer([0]);
    await turn();
    fake.engine.deliver([fake.engine.message('a', '1'), fake.engine.message('b', '2')]);
    await turn();
    expect(got.sort()).toEqual(['handler 2', 'loop 1']);
    expect(loop.settled).toBe(false);
    expect(subscription.active).toBe(true);
    fake.client.destroy();
  });

  it('one that is refused now ends: its loop throws, and without a loop error is emitted', async () => {
    const fake = await connected(OPTIONS);
    const errors: unknown[] = [];
    fake.client.on('error', (error) => errors.push(error));
    const looping = await subscribed(fake, 'a');
    const loop = watch((async () => { for await (const message of looping) void message; })());
    const handled = await subscribed(fake, 'b', () => undefined);
    const kept = await subscribed(fake, ['c', 'd']);
    const keptLoop = watch((async () => { for await (const message of kept) void message; })());
    await again(fake, false);
    fake.engine.answer([0x87]);
    fake.engine.answer([0x80]);
    fake.engine.answer([0, 0x97]);
    await turn();
    expect(loop.error).toMatchObject({ code: 'ERR_MQTT_SUBSCRIBE', reasonCode: 0x87 });
    expect(keptLoop.settled).toBe(false);
    expect([looping.active, handled.active, kept.active, kept.filters]).toEqual([false, false, true, ['c']]);
    expect(errors).toMatchObject([{ code: 'ERR_MQTT_SUBSCRIBE', reasonCode: 0x80 }, { code: 'ERR_MQTT_SUBSCRIBE', reasonCode: 0x97 }]);
    fake.client.destroy();
  });

  it('one the server of now does not offer ends without a packet', async () => {
    const fake = await connected(OPTIONS);
    const errors: unknown[] = [];
    fake.client.on('error', (error) => errors.push(error));
    const wild = await subscribed(fake, 'a/#', () => undefined);
    await again(fake, false, '2800');
    expect(fake.engine.requests).toEqual([]);
    expect(wild.active).toBe(false);
    expect(errors).toMatchObject([{ code: 'ERR_MQTT_NOT_SUPPORTED', reasonCode: 0xa2 }]);
    expect(fake.client.connected).toBe(true);
    fake.client.destroy();
  });

  it('a connection that ends before SUBACK leaves them owed, even if the next one has a session', async () => {
    const fake = await connected();
    await subscribed(fake, 'a');
    await subscribed(fake, 'b');
    await again(fake, false);
    fake.engine.answer([0]);
    await turn();
    await again(fake, true);
    expect(fake.engine.requests.map((request) => request.filters)).toEqual([['b']]);
    fake.engine.answer([0]);
    await turn();
    await again(fake, true);
    expect(fake.engine.requests).toEqual([]);
    fake.client.destroy();
  });

  it('at another server are made again, whatever it says of a session', async () => {
    const fake = await connected({ ...SESSION, servers: ['mqtt://second'] });
    await subscribed(fake, 'a');
    fake.engine.cut();
    vi.advanceTimersByTime(100);
    fake.engine.refuse({ code: 'ERR_MQTT_CONNECT' });
    fake.engine.accept('', true);
    expect(fake.engine.requests.map((request) => request.filters)).toEqual([['a']]);
    fake.client.destroy();
  });

  it('with reconnect: false loops throw, the subscription of a session stays, and is made again where that is lost', async () => {
    const fake = await connected({ ...SESSION, reconnect: false });
    const subscription = await subscribed(fake, 'a');
    const loop = watch((async () => { for await (const message of subscription) void message; })());
    fake.engine.cut();
    await turn();
    expect(loop.error?.code).toBe('ERR_MQTT_CONNECTION_LOST');
    expect(subscription.active).toBe(true);
    const connecting = fake.connecting();
    fake.engine.accept('', false);
    await connecting;
    expect(fake.engine.requests.map((request) => request.filters)).toEqual([['a']]);
    fake.client.destroy();
  });

  it('a search that is given up ends loops with the last failure', async () => {
    const fake = await connected(OPTIONS);
    const subscription = await subscribed(fake, 'a');
    const loop = watch((async () => { for await (const message of subscription) void message; })());
    fake.engine.cut();
    vi.advanceTimersByTime(100);
    await turn();
    expect(loop.settled).toBe(false);
    fake.engine.refuse({ code: 'ERR_MQTT_REFUSED', reasonCode: 0x8a });
    await turn();
    expect(loop.error).toMatchObject({ code: 'ERR_MQTT_REFUSED' });
    expect(subscription.active).toBe(false);
  });
});

describe("onHandlerError: 'disconnect'", () => {
  const FAILING: ClientOptions = { ...SESSION, onHandlerError: 'disconnect' };

  async function failing(options = FAILING): Promise<{ fake: FakeClient; errors: unknown[]; ends: unknown[] }> {
    const fake = await connected(options);
    const errors: unknown[] = [];
    const ends: unknown[] = [];
    fake.client.on('error', (error) => errors.push(error));
    fake.client.on('disconnect', (reason) => ends.push(reason));
    await subscribed(fake, 'a', () => { throw new Error('mine'); });
    fake.engine.deliver([fake.engine.message('a', '1', 1), fake.engine.message('a', '2', 1)]);
    return { fake, errors, ends };
  }

  it('ends the connection with 0x83 without an acknowledgement, and makes the next one', async () => {
    const { fake, errors, ends } = await failing();
    expect(fake.engine.closes).toEqual([{ reasonCode: 0x83, properties: undefined }]);
    expect(fake.engine.acknowledged).toBe(0);
    const waiting = watch(fake.client.publish('p', 'x'));
    expect(fake.engine.published).toEqual([]);
    fake.engine.cut(0, { code: 'ERR_MQTT_CLOSED' });
    expect(ends).toMatchObject([{ code: 'ERR_MQTT_CLOSED', cause: { message: 'mine' } }]);
    expect(errors).toMatchObject([{ message: 'mine' }, { message: 'mine' }]);
    expect(fake.client.state).toBe('reconnecting');
    vi.advanceTimersByTime(100);
    fake.engine.accept('', true);
    expect(fake.engine.published).toHaveLength(1);
    fake.engine.finish();
    await turn();
    expect(waiting.error).toBeUndefined();
    fake.client.destroy();
  });

  it('3.1.1 has no reason code', async () => {
    const { fake } = await failing({ ...OPTIONS, protocolVersion: 4, cleanStart: false, onHandlerError: 'disconnect' });
    expect(fake.engine.closes).toEqual([{ reasonCode: 0, properties: undefined }]);
    fake.client.destroy();
  });

  it('a DISCONNECT that cannot be written does not hold it up: the engine ends, and the session is asked for', async () => {
    const { fake, ends } = await failing();
    const [first] = fake.engines;
    vi.advanceTimersByTime(250);
    expect(first!.destroyed).toBe(true);
    expect(ends).toMatchObject([{ code: 'ERR_MQTT_CLOSED', cause: { message: 'mine' } }]);
    vi.advanceTimersByTime(100);
    expect(fake.engine).not.toBe(first);
    expect(fake.engine.opened[0]!.cleanStart).toBe(false);
    fake.client.destroy();
  });

  it('close() meanwhile sends no second DISCONNECT', async () => {
    const { fake } = await failing();
    const closing = watch(fake.client.close());
    expect(fake.engine.closes).toHaveLength(1);
    fake.engine.cut(0, { code: 'ERR_MQTT_CLOSED' });
    await turn();
    expect(closing).toEqual({ settled: true, value: undefined });
    expect(fake.client.state).toBe('closed');
    vi.advanceTimersByTime(1000);
    expect(vi.getTimerCount()).toBe(0);
  });
});
