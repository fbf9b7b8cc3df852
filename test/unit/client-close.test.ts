/**
 * close() and destroy() over an engine that does what the test says: what close() waits for and for how long, that each promise settles
 * once, and that the end is final.
 */
import { describe, expect, it } from 'vitest';
import { FakeClient, fakeConnected, turn, watch } from '../support/fake-engine.js';
import type { FakeEngine } from '../support/fake-engine.js';

/** The engine has written DISCONNECT. */
function closed(engine: FakeEngine): void {
  engine.lose({ code: 'ERR_MQTT_CLOSED', message: 'closed by this side' });
}

function eventsOf(client: FakeClient['client']): string[] {
  const events: string[] = [];
  client.on('disconnect', (reason) => events.push(`disconnect ${reason.code}`));
  client.on('close', () => events.push('close'));
  return events;
}

describe('close()', () => {
  it('with nothing on its way: DISCONNECT, then the events, then the promise; the engine is given up', async () => {
    const { client, engine } = await fakeConnected();
    const events = eventsOf(client);
    const closing = watch(client.close().then(() => events.push('resolved')));
    expect(client.state).toBe('closing');
    expect(client.connected).toBe(false);
    expect(engine.closes).toEqual([{ reasonCode: 0, properties: undefined }]);
    await turn();
    expect(closing.settled).toBe(false);
    closed(engine);
    await turn();
    expect(closing.settled).toBe(true);
    expect(events).toEqual(['disconnect ERR_MQTT_CLOSED', 'close', 'resolved']);
    expect(engine.destroyed).toBe(true);
    expect(client.state).toBe('closed');
  });

  it('waits for publishes that wait for room or an answer, written ones, and requests', async () => {
    const { client, engine } = await fakeConnected();
    engine.room = 2;
    const outcomes = [watch(client.publish('a', 'x', { qos: 1 })), watch(client.subscribe('s'))];
    client.write('b', 'x', { qos: 2 });
    outcomes.push(watch(client.publish('waits', 'x')));
    const closing = watch(client.close());
    engine.finish();
    expect(engine.closes).toEqual([]);
    engine.giveRoom(5);
    expect(engine.published.map((one) => one.topic)).toEqual(['b', 'waits']);
    engine.finish();
    engine.finish();
    expect(engine.closes).toEqual([]);
    engine.answer([0]);
    expect(engine.closes).toHaveLength(1);
    closed(engine);
    await turn();
    expect(outcomes.map((outcome) => [outcome.settled, outcome.error])).toEqual(Array(3).fill([true, undefined]));
    expect(closing).toEqual({ settled: true, value: undefined });
  });

  it('waits for written messages nobody waits for', async () => {
    const { client, engine } = await fakeConnected();
    client.write('a', 'x', { qos: 1 });
    void client.close();
    expect(engine.closes).toEqual([]);
    engine.finish();
    expect(engine.closes).toHaveLength(1);
    closed(engine);
  });

  it('messages are delivered and acknowledged while it waits', async () => {
    const { client, engine } = await fakeConnected();
    let seen = 0;
    client.on('message', () => { seen += 1; });
    client.publish('a', 'x', { qos: 1 }).catch(() => undefined);
    void client.close();
    engine.deliver([engine.message('a', '', 1)]);
    expect([seen, engine.acknowledged]).toEqual([1, 1]);
    engine.finish();
    closed(engine);
  });

  it('what comes after it is ERR_MQTT_CLOSED, while closing and for ever', async () => {
    const { client, engine } = await fakeConnected();
    const pending = client.publish('a', 'x', { qos: 1 });
    const closing = client.close();
    const refused = async (): Promise<void> => {
      for (const call of [() => client.publish('a', 'x'), () => client.subscribe('a'), () => client.unsubscribe('a'), () => client.connect()]) {
        await expect(call()).rejects.toMatchObject({ code: 'ERR_MQTT_CLOSED' });
      }
      expect(() => client.write('a', 'x')).toThrowError(expect.objectContaining({ code: 'ERR_MQTT_CLOSED' }));
    };
    await refused();
    engine.finish();
    closed(engine);
    await Promise.all([pending, closing]);
    await refused();
    await client.close();
    client.destroy();
    expect(client.state).toBe('closed');
  });

  it('twice is one', async () => {
    const { client, engine } = await fakeConnected();
    const events = eventsOf(client);
    const both = Promise.all([client.close(), client.close()]);
    expect(engine.closes).toHaveLength(1);
    closed(engine);
    await both;
    expect(events.filter((event) => event === 'close')).toHaveLength(1);
  });

  it('reason code and properties', async () => {
    const { client, engine } = await fakeConnected({ sessionExpiryInterval: 5 });
    void client.close({ reasonCode: 4, properties: { reasonString: 'bye', sessionExpiryInterval: 9, userProperties: { k: 'v' } } });
    expect(engine.closes).toMatchObject([{ reasonCode: 4 }]);
    expect(engine.closes[0]!.properties!.toString('hex')).toBe('1f0003627965' + '1100000009' + '2600016b000176');
    closed(engine);
  });

  const WRONG: [options: unknown, code: string][] = [
    [{ reasonCode: 0x87 }, 'ERR_MQTT_OPTION'], [{ reasonCode: '4' }, 'ERR_MQTT_OPTION'], [{ properties: { serverReference: 'x' } }, 'ERR_MQTT_OPTION'],
    [{ properties: { sessionExpiryInterval: 5 } }, 'ERR_MQTT_OPTION'], [{ timeout: -1 }, 'ERR_MQTT_OPTION'], [{ signal: 1 }, 'ERR_MQTT_OPTION'], [{ reason: 1 }, 'ERR_MQTT_OPTION'], [5, 'ERR_MQTT_OPTION'],
  ];
  for (const [options, code] of WRONG) {
    it(`refused, and the client stays open: ${JSON.stringify(options)}`, async () => {
      const { client, engine } = await fakeConnected();
      await expect(client.close(options as never)).rejects.toMatchObject({ code });
      expect(client.connected).toBe(true);
      expect(engine.closes).toEqual([]);
    });
  }

  it('3.1.1 has no reason code and no properties', async () => {
    const { client } = await fakeConnected({ protocolVersion: 4, cleanStart: false });
    await expect(client.close({ reasonCode: 4 })).rejects.toMatchObject({ code: 'ERR_MQTT_NOT_SUPPORTED' });
    await expect(client.close({ properties: { reasonString: 'x' } })).rejects.toMatchObject({ code: 'ERR_MQTT_NOT_SUPPORTED' });
    expect(client.connected).toBe(true);
  });

  it('resolves when the connection is lost meanwhile; what waited fails with that', async () => {
    const { client, engine } = await fakeConnected();
    const events = eventsOf(client);
    const waiting = watch(client.publish('a', 'x', { qos: 1 }));
    const closing = watch(client.close());
    engine.lose();
    await turn();
    expect(waiting.error?.code).toBe('ERR_MQTT_CONNECTION_LOST');
    expect(closing).toEqual({ settled: true, value: undefined });
    expect(events).toEqual(['disconnect ERR_MQTT_CONNECTION_LOST', 'close']);
  });

  it('a timeout: DISCONNECT for what it is worth, and the end even if the engine has nothing to say', async () => {
    const { client, engine } = await fakeConnected();
    const waiting = watch(client.publish('a', 'x', { qos: 1 }));
    const closing = watch(client.close({ timeout: 30 }));
    await new Promise((resolve) => { setTimeout(resolve, 150); });
    expect(engine.closes).toHaveLength(1);
    expect(closing.settled).toBe(false);
    await new Promise((resolve) => { setTimeout(resolve, 350); });
    expect(closing.error?.code).toBe('ERR_MQTT_TIMEOUT');
    expect(waiting.error?.code).toBe('ERR_MQTT_CLOSED');
    expect(engine.destroyed).toBe(true);
    expect(client.state).toBe('closed');
  });

  it('operationTimeout is the default: a DISCONNECT that cannot be written does not take longer', async () => {
    const { client, engine } = await fakeConnected({ operationTimeout: 30 });
    const closing = watch(client.close());
    expect(engine.closes).toHaveLength(1);
    await new Promise((resolve) => { setTimeout(resolve, 150); });
    expect(closing.error?.code).toBe('ERR_MQTT_TIMEOUT');
    expect(engine.destroyed).toBe(true);
  });

  it('a signal ends the wait at once', async () => {
    const { client, engine } = await fakeConnected();
    const waiting = watch(client.publish('a', 'x', { qos: 1 }));
    const controller = new AbortController();
    const closing = watch(client.close({ signal: controller.signal }));
    controller.abort('now');
    await turn();
    expect(closing.error).toMatchObject({ code: 'ERR_MQTT_ABORTED', cause: 'now' });
    expect(waiting.error?.code).toBe('ERR_MQTT_CLOSED');
    expect(engine.destroyed).toBe(true);
    const other = await fakeConnected();
    await expect(other.client.close({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ERR_MQTT_ABORTED' });
    expect(other.client.state).toBe('closed');
  });

  it('a client that was never connected', async () => {
    const fake = new FakeClient();
    const events = eventsOf(fake.client);
    await fake.client.close();
    expect(events).toEqual(['close']);
    await expect(fake.client.connect()).rejects.toMatchObject({ code: 'ERR_MQTT_CLOSED' });
  });

  it('while connecting: the attempt is given up', async () => {
    const fake = new FakeClient();
    const connecting = watch(fake.connecting());
    await fake.client.close();
    await turn();
    expect(connecting.error?.code).toBe('ERR_MQTT_CLOSED');
    expect(fake.engine.destroyed).toBe(true);
    fake.engine.accept();
    expect(fake.client.state).toBe('closed');
  });

  it('ends loops after what has arrived', async () => {
    const { client, engine } = await fakeConnected();
    const subscribing = client.subscribe('a');
    engine.answer([0]);
    const subscription = await subscribing;
    const got: string[] = [];
    const loop = watch((async () => { for await (const message of subscription) got.push(message.text()); })());
    await turn();
    engine.deliver([engine.message('a', '1'), engine.message('a', '2')]);
    void client.close();
    closed(engine);
    await turn();
    expect(loop).toEqual({ settled: true, value: undefined });
    expect(got).toEqual(['1', '2']);
  });

  it('await using', async () => {
    const { client, engine } = await fakeConnected();
    const left = (async () => {
      await using used = client;
      void used;
    })();
    await turn();
    expect(engine.closes).toHaveLength(1);
    closed(engine);
    await left;
    expect(client.state).toBe('closed');
  });
});

describe('destroy()', () => {
  it('rejects everything at once, each promise once, with the reason as cause', async () => {
    const { client, engine } = await fakeConnected();
    const events = eventsOf(client);
    engine.room = 300;
    let settled = 0;
    const outcomes = [
      ...Array.from({ length: 400 }, (_, i) => client.publish('a', 'x', { qos: (i % 3) as 0 | 1 | 2 })), client.subscribe('s'), client.unsubscribe('u'),
    ].map((promise: Promise<unknown>) => watch(promise.finally(() => { settled += 1; })));
    const reason = new Error('mine');
    client.destroy(reason);
    expect(engine.destroyed).toBe(true);
    expect(events).toEqual(['disconnect ERR_MQTT_CLOSED', 'close']);
    engine.finishAll();
    engine.lose();
    await turn();
    expect(settled).toBe(402);
    expect(outcomes.every((outcome) => outcome.error?.code === 'ERR_MQTT_CLOSED' && outcome.error.cause === reason)).toBe(true);
    client.destroy();
    expect(events).toHaveLength(2);
  });

  it('while closing ends close()', async () => {
    const { client, engine } = await fakeConnected();
    const waiting = watch(client.publish('a', 'x', { qos: 1 }));
    const closing = watch(client.close());
    client.destroy();
    await turn();
    expect(closing).toEqual({ settled: true, value: undefined });
    expect(waiting.error?.code).toBe('ERR_MQTT_CLOSED');
    expect(engine.closes).toEqual([]);
  });

  it('ends loops at once; with an error they throw', async () => {
    for (const reason of [undefined, new Error('mine')]) {
      const { client, engine } = await fakeConnected();
      const subscribing = client.subscribe('a');
      engine.answer([0]);
      const subscription = await subscribing;
      const got: string[] = [];
      const loop = watch((async () => {
        for await (const message of subscription) {
          got.push(message.text());
          if (got.length === 1) client.destroy(reason);
        }
      })());
      await turn();
      engine.deliver([engine.message('a', '1'), engine.message('a', '2')]);
      await turn();
      expect(got).toEqual(['1']);
      expect(loop.settled).toBe(true);
      expect(loop.error?.cause).toBe(reason);
    }
  });

  it('a kept engine of a lost session ends, too', async () => {
    const { client, engine } = await fakeConnected({ sessionExpiryInterval: 10 });
    const events = eventsOf(client);
    engine.lose();
    expect(engine.destroyed).toBe(false);
    client.destroy();
    expect(engine.destroyed).toBe(true);
    expect(events).toEqual(['disconnect ERR_MQTT_CONNECTION_LOST', 'close']);
  });

  it('listeners of disconnect and close see a client that is closed', async () => {
    const { client } = await fakeConnected();
    const states: string[] = [];
    client.on('disconnect', () => states.push(client.state));
    client.on('close', () => states.push(client.state));
    client.destroy();
    expect(states).toEqual(['closed', 'closed']);
  });
});
