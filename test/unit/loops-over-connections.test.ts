/**
 * Subscriptions of a client that reconnects: loops wait over the gap, what had arrived stays in its order, and what the server grants anew
 * is shown. Without a connection to come, loops end.
 */
import { describe, expect, it } from 'vitest';
import type { Client, ClientOptions, Message, Subscription } from 'mqtt-native';
import { fakeConnected, turn, watch } from '../support/fake-engine.js';
import type { FakeClient, FakeEngine } from '../support/fake-engine.js';

const RECONNECTING: ClientOptions = { reconnect: { initialDelay: 1_000_000, maxDelay: 1_000_000, jitter: 'none' } };
const SESSION: ClientOptions = { ...RECONNECTING, sessionExpiryInterval: 100 };

async function subscribed(client: Client, engine: FakeEngine, filters: string | string[]): Promise<Subscription> {
  const subscribing = client.subscribe(filters, { qos: 2 });
  engine.answer(engine.requests.at(-1)!.filters.map(() => 2));
  const subscription = await subscribing;
  await turn();
  return subscription;
}

/** connect() begins the attempt that is planned; the engine it takes has its answer when this returns. */
async function reconnected(fake: FakeClient, sessionPresent: boolean): Promise<FakeEngine> {
  const connecting = fake.connecting();
  fake.engine.accept('', sessionPresent);
  await connecting;
  await turn();
  return fake.engine;
}

describe('a loop of a client that reconnects', () => {
  it('waits over the gap, and goes on with what comes then', async () => {
    const { client, engine, fake } = await fakeConnected(SESSION);
    const subscription = await subscribed(client, engine, 'a');
    const next = watch(subscription[Symbol.asyncIterator]().next());
    engine.cut();
    await turn();
    expect(next.settled).toBe(false);
    expect(subscription.active).toBe(true);
    await reconnected(fake, true);
    expect(fake.engines).toHaveLength(1);
    engine.deliver([engine.message('a', 'again', 1)]);
    await turn();
    expect((next.value as { value: Message }).value.text()).toBe('again');
    client.destroy();
  });

  it('that is slow: nothing that had arrived is lost or overtaken, and it is acknowledged in the order of arrival', async () => {
    const { client, engine, fake } = await fakeConnected(SESSION);
    const subscription = await subscribed(client, engine, 'a');
    const loop = subscription[Symbol.asyncIterator]();
    const message = (text: string): object => engine.message('a', text, 1);
    engine.deliver(['1', '2', '3'].map(message));
    expect((await loop.next()).value!.text()).toBe('1');
    engine.cut();
    // The engine had it when the connection ended.
    engine.deliver([message('4')]);
    expect((await loop.next()).value!.text()).toBe('2');
    await turn();
    expect(engine.acknowledged).toBe(1);
    await reconnected(fake, true);
    engine.deliver(['5', '6'].map(message));
    expect(engine.taken_.messages).toBe(1);
    const got: string[] = [];
    for await (const one of { [Symbol.asyncIterator]: () => loop }) if (got.push(one.text()) === 4) break;
    expect(got).toEqual(['3', '4', '5', '6']);
    await turn();
    expect(engine.acknowledged).toBe(6);
    expect(engine.taken_.messages).toBe(6);
    client.destroy();
  });

  it('without a session: it goes on with another engine; what had arrived comes first and is not acknowledged there', async () => {
    const { client, engine, fake } = await fakeConnected(RECONNECTING);
    const subscription = await subscribed(client, engine, 'a');
    const loop = subscription[Symbol.asyncIterator]();
    engine.deliver(['1', '2', '3'].map((text) => engine.message('a', text, 1)));
    expect((await loop.next()).value!.text()).toBe('1');
    engine.cut();
    const second = await reconnected(fake, false);
    expect(second).not.toBe(engine);
    expect(second.requests).toMatchObject([{ kind: 'subscribe', filters: ['a'], options: [2] }]);
    second.answer([1]);
    await turn();
    second.deliver(['4', '5'].map((text) => second.message('a', text, 1)));
    const got: string[] = [];
    for await (const one of { [Symbol.asyncIterator]: () => loop }) if (got.push(one.text()) === 4) break;
    await turn();
    expect(got).toEqual(['2', '3', '4', '5']);
    expect(engine.acks).toEqual([]);
    expect(second.acknowledged).toBe(2);
    expect(second.taken_.messages).toBe(2);
    expect(subscription.grants).toEqual([{ filter: 'a', reasonCode: 1 }]);
    client.destroy();
  });

  it('throws why the client has given up, after what had arrived', async () => {
    const { client, engine, fake } = await fakeConnected({ reconnect: { ...RECONNECTING.reconnect as object, maxAttempts: 1 } });
    client.on('error', () => undefined);
    const subscription = await subscribed(client, engine, 'a');
    const loop = subscription[Symbol.asyncIterator]();
    engine.deliver([engine.message('a', '1', 1)]);
    engine.cut();
    const attempt = watch(fake.connecting());
    fake.engine.refuse({ code: 'ERR_MQTT_REFUSED', reasonCode: 0x87 });
    await turn();
    expect(attempt.error?.code).toBe('ERR_MQTT_REFUSED');
    expect((await loop.next()).value!.text()).toBe('1');
    await expect(loop.next()).rejects.toMatchObject({ code: 'ERR_MQTT_REFUSED' });
    expect(subscription.active).toBe(false);
  });
});

describe('subscribed again', () => {
  it('are the filters that are left, with the options and the identifier of then, in the order of subscribe()', async () => {
    const { client, engine, fake } = await fakeConnected(RECONNECTING);
    const subscribing = client.subscribe({ 'a/1': { qos: 0 }, 'a/2': { qos: 1, noLocal: true }, 'a/3': { qos: 2 } }, { subscriptionIdentifier: 9 });
    engine.answer([0, 1, 2]);
    const first = await subscribing;
    const second = await subscribed(client, engine, 'b');
    const unsubscribing = client.unsubscribe('a/1');
    engine.answer([0]);
    await unsubscribing;
    engine.cut();
    const again = await reconnected(fake, false);
    expect(again.requests).toMatchObject([
      { kind: 'subscribe', filters: ['a/2', 'a/3'], options: [5, 2] }, { kind: 'subscribe', filters: ['b'], options: [2] },
    ]);
    expect(again.requests[0]!.properties?.toString('hex')).toBe('0b09');
    expect(again.requests[1]!.properties?.toString('hex')).toMatch(/^0b/);
    again.answer([0x87, 1]);
    again.answer([0]);
    await turn();
    expect(first.filters).toEqual(['a/3']);
    expect(first.grants).toEqual([{ filter: 'a/1', reasonCode: 0 }, { filter: 'a/2', reasonCode: 0x87 }, { filter: 'a/3', reasonCode: 1 }]);
    expect([first.active, second.active]).toEqual([true, true]);
    expect(second.grants).toEqual([{ filter: 'b', reasonCode: 0 }]);
    client.destroy();
  });
});
