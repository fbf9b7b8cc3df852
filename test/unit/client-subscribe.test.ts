/**
 * subscribe() and unsubscribe() over an engine that answers what the test says: the requests that are made, what is granted and refused,
 * and whose messages are whose.
 */
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { Subscription } from 'mqtt-native';
import { FakeClient, fakeConnected, turn, watch } from '../support/fake-engine.js';

type AnyCall = (...args: unknown[]) => Promise<unknown>;

describe('SUBSCRIBE', () => {
  const CASES: [args: unknown[], filters: string[], options: number[], properties?: string][] = [
    [['a'], ['a'], [0]],
    [['a', { qos: 2 }], ['a'], [2]],
    [['a', { qos: 1, noLocal: true, retainAsPublished: true, retainHandling: 2 }], ['a'], [0x2d]],
    [['$share/g/a', { noLocal: false }], ['$share/g/a'], [0]],
    [[['a', 'b/+', 'a'], { qos: 1 }], ['a', 'b/+'], [1, 1]],
    [[{ a: { qos: 1 }, b: {} }, { qos: 2, noLocal: true }], ['a', 'b'], [5, 6]],
    [[new Map([['a', { retainHandling: 1 }], ['b', { qos: 0, noLocal: false }]]), { qos: 1, noLocal: true }], ['a', 'b'], [0x15, 0]],
    [['a', { subscriptionIdentifier: 268_435_455 }], ['a'], [0], '0bffffff7f'],
    [['a', { properties: { userProperties: [['k', 'v']] } }], ['a'], [0], '2600016b000176'],
    [['a', () => undefined], ['a'], [0]],
    [['a', undefined, () => undefined], ['a'], [0]],
  ];
  for (const [args, filters, options, properties] of CASES) {
    it(`subscribe(${args.map((arg) => (arg instanceof Map ? 'Map' : JSON.stringify(arg) ?? typeof arg)).join(', ')})`, async () => {
      const { client, engine } = await fakeConnected();
      const subscribing = (client.subscribe as AnyCall).apply(client, args) as Promise<Subscription>;
      expect(engine.requests).toMatchObject([{ kind: 'subscribe', filters, options }]);
      // With an identifier of the client's own in front where the application gave none.
      expect(engine.requests[0]!.properties?.toString('hex')).toBe(properties?.startsWith('0b') ? properties : `0b8040${properties ?? ''}`);
      engine.answer(options.map((byte) => byte & 3), Buffer.from('1f00026f6b', 'hex'));
      const subscription = await subscribing;
      expect(subscription.filters).toEqual(filters);
      expect(subscription.grants).toEqual(filters.map((filter, i) => ({ filter, reasonCode: options[i]! & 3 })));
      expect(subscription.properties).toEqual({ reasonString: 'ok' });
      expect(subscription.active).toBe(true);
    });
  }

  const WRONG: [args: unknown[], code: string, name: string][] = [
    [['a#'], 'ERR_MQTT_FILTER', 'filter'], [[''], 'ERR_MQTT_FILTER', 'filter'], [[5], 'ERR_MQTT_FILTER', 'filter'], [[undefined], 'ERR_MQTT_FILTER', 'filter'], [[[]], 'ERR_MQTT_FILTER', 'filter'],
    [[{}], 'ERR_MQTT_FILTER', 'filter'], [[['a', 5]], 'ERR_MQTT_FILTER', 'filter'], [['$share/g'], 'ERR_MQTT_FILTER', 'filter'], [[{ a: 5 }], 'ERR_MQTT_OPTION', 'options of "a"'],
    [[{ a: { timeout: 5 } }], 'ERR_MQTT_OPTION', 'timeout'], [['a', { qos: 3 }], 'ERR_MQTT_OPTION', 'qos'], [['a', { noLocal: 1 }], 'ERR_MQTT_OPTION', 'noLocal'],
    [['a', { retainAsPublished: 'x' }], 'ERR_MQTT_OPTION', 'retainAsPublished'], [['a', { retainHandling: 3 }], 'ERR_MQTT_OPTION', 'retainHandling'], [['$share/g/a', { noLocal: true }], 'ERR_MQTT_OPTION', 'noLocal'],
    [['a', { subscriptionIdentifier: 0 }], 'ERR_MQTT_OPTION', 'subscriptionIdentifier'], [['a', { subscriptionIdentifier: 2 ** 28 }], 'ERR_MQTT_OPTION', 'subscriptionIdentifier'],
    [['a', { Qos: 1 }], 'ERR_MQTT_OPTION', 'did you mean qos'], [['a', { properties: { contentType: '' } }], 'ERR_MQTT_OPTION', 'contentType'], [['a', 'x'], 'ERR_MQTT_OPTION', 'subscribe'],
    [['a', {}, 'x'], 'ERR_MQTT_OPTION', 'handler'], [['a', { timeout: 'x' }], 'ERR_MQTT_OPTION', 'timeout'], [['a', { signal: 5 }], 'ERR_MQTT_OPTION', 'signal'],
  ];
  for (const [args, code, name] of WRONG) {
    it(`refused: subscribe(${args.map((arg) => JSON.stringify(arg)).join(', ')})`, async () => {
      const { client, engine } = await fakeConnected();
      const subscribing = (client.subscribe as AnyCall).apply(client, args);
      await expect(subscribing).rejects.toMatchObject({ code, message: expect.stringContaining(name) as string });
      expect(engine.requests).toEqual([]);
    });
  }

  it('what 3.1.1 does not have', async () => {
    const { client, engine } = await fakeConnected({ protocolVersion: 4 });
    for (const options of [{ noLocal: true }, { retainAsPublished: true }, { retainHandling: 1 }, { subscriptionIdentifier: 1 }, { properties: { userProperties: { a: 'b' } } }] as const) {
      await expect(client.subscribe('a', options), JSON.stringify(options)).rejects.toMatchObject({ code: 'ERR_MQTT_NOT_SUPPORTED' });
    }
    void client.subscribe('a', { noLocal: false, retainAsPublished: false, retainHandling: 0, properties: {} });
    expect(engine.requests).toHaveLength(1);
  });

  it('what the server does not have [MQTT-3.2.2-15]', async () => {
    const { client, engine } = await fakeConnected({}, '280029002a00' + '2700000020');
    const refused = (args: unknown[], code: string, reasonCode: number) =>
      expect((client.subscribe as AnyCall).apply(client, args)).rejects.toMatchObject({ code, reasonCode });
    await refused(['a/+'], 'ERR_MQTT_NOT_SUPPORTED', 0xa2);
    await refused([['a', '#']], 'ERR_MQTT_NOT_SUPPORTED', 0xa2);
    await refused(['$share/g/a'], 'ERR_MQTT_NOT_SUPPORTED', 0x9e);
    await refused(['a', { subscriptionIdentifier: 1 }], 'ERR_MQTT_NOT_SUPPORTED', 0xa1);
    // 1 + 1 + 2 + 1 + 2 + 24 + 1 = 32 bytes just fit.
    await refused(['x'.repeat(25)], 'ERR_MQTT_PACKET_TOO_LARGE', 0x95);
    void client.subscribe('x'.repeat(24));
    expect(engine.requests).toHaveLength(1);
    await expect(client.unsubscribe('x'.repeat(26))).rejects.toMatchObject({ code: 'ERR_MQTT_PACKET_TOO_LARGE' });
    void client.unsubscribe('x'.repeat(25));
    expect(engine.requests).toHaveLength(2);
  });

  it('one filter that is refused rejects with the server\'s reason, and has no messages', async () => {
    const { client, engine } = await fakeConnected();
    let handled = 0;
    const subscribing = client.subscribe('a', () => { handled += 1; });
    engine.answer([0x87], Buffer.from('1f00026e6f', 'hex'));
    await expect(subscribing).rejects.toMatchObject({
      code: 'ERR_MQTT_SUBSCRIBE', reasonCode: 0x87, properties: { reasonString: 'no' }, message: expect.stringMatching(/"a".*Not authorized.*no/) as string,
    });
    engine.deliver([engine.message('a')]);
    expect(handled).toBe(0);
  });

  it('several of which some are refused resolve with each one\'s answer; all refused rejects', async () => {
    const { client, engine } = await fakeConnected();
    const topics: string[] = [];
    const some = client.subscribe(['a', 'b', 'c'], (message) => { topics.push(message.topic); });
    engine.answer([0x80, 1, 0x87]);
    const subscription = await some;
    expect(subscription.grants).toEqual([{ filter: 'a', reasonCode: 0x80 }, { filter: 'b', reasonCode: 1 }, { filter: 'c', reasonCode: 0x87 }]);
    expect(subscription.filters).toEqual(['b']);
    await turn();
    engine.deliver(['a', 'b', 'c'].map((topic) => engine.message(topic)));
    expect(topics).toEqual(['b']);
    const all = client.subscribe(['a', 'b']);
    engine.answer([0x80, 0x87]);
    await expect(all).rejects.toMatchObject({ code: 'ERR_MQTT_SUBSCRIBE', reasonCode: 0x80 });
    await turn();
    engine.deliver([engine.message('b')]);
    expect(topics).toEqual(['b', 'b']);
  });

  it('aborted, timed out, failed: rejected, and without messages', async () => {
    const { client, engine } = await fakeConnected();
    let handled = 0;
    const handler = (): void => { handled += 1; };
    const controller = new AbortController();
    const subscribing = [
      client.subscribe('a', { signal: controller.signal }, handler), client.subscribe('a', { timeout: 1 }, handler), client.subscribe('a', {}, handler),
    ];
    controller.abort();
    engine.sink.onRequestFailed(engine.requests[2]!.slot, { code: 'ERR_MQTT_QUEUE_FULL', message: 'full', reasonCode: undefined, properties: undefined });
    const ends = await Promise.allSettled(subscribing);
    expect(ends.map((end) => (end as { reason: { code: string } }).reason.code)).toEqual(['ERR_MQTT_ABORTED', 'ERR_MQTT_TIMEOUT', 'ERR_MQTT_QUEUE_FULL']);
    engine.answer([0]);
    engine.answer([0]);
    engine.deliver([engine.message('a')]);
    expect(handled).toBe(0);
    await expect(client.subscribe('b', { signal: controller.signal })).rejects.toMatchObject({ code: 'ERR_MQTT_ABORTED' });
    expect(engine.requests.some((request) => request.filters[0] === 'b')).toBe(false);
  });

  it('an engine that throws rejects it', async () => {
    const { client, engine } = await fakeConnected();
    engine.subscribe = () => { throw new Error('engine bug'); };
    await expect(client.subscribe('a')).rejects.toThrow('engine bug');
  });
});

describe('UNSUBSCRIBE', () => {
  it('by filter: for every subscription that has it, after the answer', async () => {
    const { client, engine } = await fakeConnected();
    const got: string[] = [];
    const both = client.subscribe(['a', 'b'], (message) => { got.push(`first ${message.topic}`); });
    const one = client.subscribe('a', (message) => { got.push(`second ${message.topic}`); });
    engine.answer([0, 0]);
    engine.answer([0]);
    const [first, second] = await Promise.all([both, one]);
    const unsubscribing = client.unsubscribe('a', { properties: { userProperties: { k: 'v' } } });
    expect(engine.requests).toMatchObject([{ kind: 'unsubscribe', filters: ['a'], properties: Buffer.from('2600016b000176', 'hex') }]);
    // On its way: the server may still send.
    await turn();
    engine.deliver([engine.message('a')]);
    engine.answer([0], Buffer.from('1f00026f6b', 'hex'));
    expect(await unsubscribing).toEqual({ filters: ['a'], reasonCodes: [0], properties: { reasonString: 'ok' } });
    await turn();
    engine.deliver([engine.message('a'), engine.message('b')]);
    expect(got).toEqual(['first a', 'second a', 'first b']);
    expect([first.filters, first.active, second.filters, second.active]).toEqual([['b'], true, [], false]);
  });

  it('3.1.1 answers without codes', async () => {
    const { client, engine } = await fakeConnected({ protocolVersion: 4 });
    const unsubscribing = client.unsubscribe(['a', 'b', 'a']);
    engine.answer([]);
    expect(await unsubscribing).toMatchObject({ filters: ['a', 'b'], reasonCodes: [0, 0], properties: {} });
  });

  it('refused: the subscription stays', async () => {
    const { client, engine } = await fakeConnected();
    let handled = 0;
    const subscribing = client.subscribe('a', () => { handled += 1; });
    engine.answer([0]);
    const subscription = await subscribing;
    const unsubscribing = subscription.unsubscribe();
    engine.answer([0x87]);
    await expect(unsubscribing).rejects.toMatchObject({ code: 'ERR_MQTT_UNSUBSCRIBE', reasonCode: 0x87 });
    await turn();
    engine.deliver([engine.message('a')]);
    expect(handled).toBe(1);
    expect(subscription.active).toBe(true);
    const some = client.unsubscribe(['a', 'b']);
    engine.answer([0x11, 0x80]);
    expect((await some).reasonCodes).toEqual([0x11, 0x80]);
    expect(subscription.active).toBe(false);
  });

  it('of one subscription tells the server only what no other one needs', async () => {
    const { client, engine } = await fakeConnected();
    const got: string[] = [];
    const subscribing = ['first', 'second'].map((name) => client.subscribe(['a', name], (message) => { got.push(`${name} ${message.topic}`); }));
    engine.answer([0, 0]);
    engine.answer([0, 0]);
    const [first, second] = await Promise.all(subscribing);
    const unsubscribing = first!.unsubscribe();
    expect(engine.requests).toMatchObject([{ filters: ['first'] }]);
    engine.answer([0]);
    expect((await unsubscribing).filters).toEqual(['first']);
    await turn();
    engine.deliver([engine.message('a'), engine.message('first')]);
    expect(got).toEqual(['second a']);
    expect(first!.active).toBe(false);
    const last = second!.unsubscribe();
    expect(engine.requests).toMatchObject([{ filters: ['a', 'second'] }]);
    engine.answer([0, 0]);
    await last;
    expect(await second!.unsubscribe()).toEqual({ filters: [], reasonCodes: [], properties: {} });
    expect(engine.requests).toEqual([]);
  });

  it('does not take a subscription down that was made while it was under way', async () => {
    const { client, engine } = await fakeConnected();
    let handled = 0;
    const unsubscribing = client.unsubscribe('a');
    const subscribing = client.subscribe('a', () => { handled += 1; });
    engine.answer([0x11]);
    engine.answer([0]);
    await Promise.all([unsubscribing, subscribing]);
    await turn();
    engine.deliver([engine.message('a')]);
    expect(handled).toBe(1);
  });

  for (const [args, code] of [
    [[''], 'ERR_MQTT_FILTER'], [['a#'], 'ERR_MQTT_FILTER'], [[5], 'ERR_MQTT_FILTER'], [[[]], 'ERR_MQTT_FILTER'], [[{ a: {} }], 'ERR_MQTT_FILTER'], [['a', { qos: 1 }], 'ERR_MQTT_OPTION'],
    [['a', { properties: { subscriptionIdentifier: 1 } }], 'ERR_MQTT_OPTION'], [['a', { timeout: -1 }], 'ERR_MQTT_OPTION'],
  ] as [unknown[], string][]) {
    it(`refused: unsubscribe(${args.map((arg) => JSON.stringify(arg)).join(', ')})`, async () => {
      const { client, engine } = await fakeConnected();
      await expect((client.unsubscribe as AnyCall).apply(client, args)).rejects.toMatchObject({ code });
      expect(engine.requests).toEqual([]);
    });
  }

  it('properties are refused in 3.1.1', async () => {
    const { client } = await fakeConnected({ protocolVersion: 4 });
    await expect(client.unsubscribe('a', { properties: { userProperties: { a: 'b' } } })).rejects.toMatchObject({ code: 'ERR_MQTT_NOT_SUPPORTED' });
  });
});

describe('subscriptions and the end of a connection', () => {
  it('end when the session ends with it', async () => {
    const { client, engine, fake } = await fakeConnected();
    let handled = 0;
    const subscribing = client.subscribe('a', () => { handled += 1; });
    engine.answer([0]);
    const subscription = await subscribing;
    engine.lose();
    expect(subscription).toMatchObject({ active: false, filters: [] });
    const again = fake.connecting();
    fake.engine.accept();
    await again;
    await turn();
    fake.engine.deliver([fake.engine.message('a')]);
    expect(handled).toBe(0);
    // Nothing to tell the server about.
    expect((await subscription.unsubscribe()).filters).toEqual([]);
  });

  it('stay when the session goes on: messages that waited at the server find their handler', async () => {
    const { client, engine, fake } = await fakeConnected({ sessionExpiryInterval: 10 });
    const got: string[] = [];
    const subscribing = client.subscribe('a', (message) => { got.push(message.text()); });
    engine.answer([1]);
    const subscription = await subscribing;
    engine.lose();
    expect(subscription.active).toBe(true);
    void fake.connecting();
    engine.accept('', true);
    await turn();
    engine.deliver([engine.message('a', 'waited', 1)]);
    expect(got).toEqual(['waited']);
    expect(engine.acknowledged).toBe(1);
  });

  it('are subscribed again when the server does not have the session any more', async () => {
    const { client, engine, fake } = await fakeConnected({ sessionExpiryInterval: 10 });
    const got: string[] = [];
    const subscribing = client.subscribe({ a: { qos: 1 }, b: { noLocal: true } }, (message) => { got.push(message.text()); });
    const [request] = engine.requests;
    engine.answer([1, 0]);
    const subscription = await subscribing;
    engine.lose();
    void fake.connecting();
    engine.accept('', false);
    await turn();
    expect(engine.requests).toMatchObject([{ filters: request!.filters, options: request!.options, properties: request!.properties }]);
    engine.answer([1, 0]);
    await turn();
    engine.deliver([engine.message('a', 'again')]);
    expect(got).toEqual(['again']);
    expect(subscription.active).toBe(true);
  });
});

describe('a connection that is not there yet, or not any more', () => {
  const again = { reconnect: { initialDelay: 1, jitter: 'none' } } as const;

  /** The connection is lost, and the next attempt has begun. */
  async function lost(fake: FakeClient): Promise<void> {
    const attempt = once(fake.client, 'reconnect');
    fake.engine.lose();
    await attempt;
  }

  it('subscribe() and unsubscribe() wait for connect(), and go in their order before what was published', async () => {
    const fake = new FakeClient();
    const connecting = fake.connecting();
    const published = watch(fake.client.publish('p', 'x'));
    const subscribed = watch(fake.client.subscribe('a'));
    const unsubscribed = watch(fake.client.unsubscribe('b'));
    const { engine } = fake;
    const order: string[] = [];
    const [publish, subscribe, unsubscribe] = [engine.publish.bind(engine), engine.subscribe.bind(engine), engine.unsubscribe.bind(engine)];
    engine.publish = (...args) => { order.push('publish'); return publish(...args); };
    engine.subscribe = (...args) => { order.push('subscribe'); subscribe(...args); };
    engine.unsubscribe = (...args) => { order.push('unsubscribe'); unsubscribe(...args); };
    engine.accept();
    await connecting;
    expect(order).toEqual(['subscribe', 'unsubscribe', 'publish']);
    engine.answer([0]);
    engine.answer([0]);
    engine.finish();
    await turn();
    expect([published.settled, (subscribed.value as Subscription).filters, unsubscribed.settled]).toEqual([true, ['a'], true]);
  });

  it('nobody seeks one: ERR_MQTT_NOT_CONNECTED', async () => {
    const { client } = new FakeClient();
    await expect(client.subscribe('a')).rejects.toMatchObject({ code: 'ERR_MQTT_NOT_CONNECTED' });
    await expect(client.unsubscribe('a')).rejects.toMatchObject({ code: 'ERR_MQTT_NOT_CONNECTED' });
  });

  it('what the connection then cannot do rejects that one only', async () => {
    const fake = new FakeClient();
    const connecting = fake.connecting();
    const outcomes = [fake.client.subscribe('a/+'), fake.client.subscribe('a', { subscriptionIdentifier: 5 }), fake.client.subscribe('b')].map(watch);
    fake.engine.accept('28002900');
    await connecting;
    await turn();
    expect(outcomes.map((one) => one.error?.code)).toEqual(['ERR_MQTT_NOT_SUPPORTED', 'ERR_MQTT_NOT_SUPPORTED', undefined]);
    expect(fake.engine.requests.map((one) => one.filters)).toEqual([['b']]);
    // What never was sent gets no messages.
    expect(fake.engine.requests[0]!.properties).toBeUndefined();
  });

  it('lost before the answer: sent again on the next connection, once, and answered there', async () => {
    const fake = new FakeClient(again);
    const connecting = fake.connecting();
    fake.engine.accept();
    await connecting;
    let handled = 0;
    const subscribed = watch(fake.client.subscribe('a', () => { handled += 1; }));
    const unsubscribed = watch(fake.client.unsubscribe('b'));
    for (let round = 0; round < 3; round += 1) {
      await lost(fake);
      expect(fake.engine.requests).toEqual([]);
      fake.engine.accept();
      expect(fake.engine.requests).toMatchObject([{ kind: 'subscribe', filters: ['a'] }, { kind: 'unsubscribe', filters: ['b'] }]);
    }
    expect([subscribed.settled, unsubscribed.settled]).toEqual([false, false]);
    await turn();
    fake.engine.deliver([fake.engine.message('a')]);
    fake.engine.answer([0]);
    fake.engine.answer([0]);
    await turn();
    expect([(subscribed.value as Subscription).active, unsubscribed.settled, handled]).toEqual([true, true, 1]);
    fake.client.destroy();
  });

  it('the timeout is for all of it', async () => {
    const fake = new FakeClient(again);
    const connecting = fake.connecting();
    fake.engine.accept();
    await connecting;
    const subscribed = fake.client.subscribe('a', { timeout: 250 });
    const unlimited = watch(fake.client.subscribe('b', { timeout: 0 }));
    await lost(fake);
    await expect(subscribed).rejects.toMatchObject({ code: 'ERR_MQTT_TIMEOUT' });
    fake.engine.accept();
    expect(fake.engine.requests.map((one) => one.filters)).toEqual([['b']]);
    fake.client.destroy();
    await turn();
    expect(unlimited.error?.code).toBe('ERR_MQTT_CLOSED');
  });

  it('aborted while it waits: never sent', async () => {
    const fake = new FakeClient();
    const connecting = fake.connecting();
    const controller = new AbortController();
    const subscribed = watch(fake.client.subscribe('a', { signal: controller.signal }));
    controller.abort();
    await turn();
    expect(subscribed.error?.code).toBe('ERR_MQTT_ABORTED');
    fake.engine.accept();
    await connecting;
    expect(fake.engine.requests).toEqual([]);
  });

  it('without reconnecting it fails with the connection', async () => {
    const { client, engine } = await fakeConnected();
    const outcomes = [watch(client.subscribe('a')), watch(client.unsubscribe('b'))];
    engine.lose({ code: 'ERR_MQTT_KEEP_ALIVE' });
    await turn();
    expect(outcomes.map((one) => one.error?.code)).toEqual(['ERR_MQTT_KEEP_ALIVE', 'ERR_MQTT_KEEP_ALIVE']);
  });

  it('a request the engine fails for a reason of its own is not sent again', async () => {
    const { client, engine } = await fakeConnected(again);
    const outcome = watch(client.subscribe('a'));
    const [request] = engine.requests.splice(0);
    engine.sink.onRequestFailed(request!.slot, { code: 'ERR_MQTT_QUEUE_FULL', message: 'full', reasonCode: undefined, properties: undefined });
    await turn();
    expect(outcome.error?.code).toBe('ERR_MQTT_QUEUE_FULL');
    expect(engine.requests).toEqual([]);
    client.destroy();
  });
});
