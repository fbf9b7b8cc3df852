/**
 * Messages on their way up, over an engine that hands out what the test says: who gets them, in which order they are acknowledged, when
 * the engine hears that there is room, and that nothing a listener does stops the rest.
 */
import assert from 'node:assert';
import * as diagnostics from 'node:diagnostics_channel';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { Client, DiagnosticsMessages, Message, MessageHandler, Subscription } from 'mqtt-native';
import { fakeConnected, turn, watch } from '../support/fake-engine.js';
import type { FakeEngine } from '../support/fake-engine.js';

/** A subscription that was granted. */
async function subscribed(client: Client, engine: FakeEngine, filter: string, handler?: MessageHandler): Promise<Subscription> {
  const subscribing = client.subscribe(filter, { qos: 2 }, handler);
  engine.answer([2]);
  const subscription = await subscribing;
  await turn();
  return subscription;
}

/** A promise and its two ends. */
function deferred(): { promise: Promise<void>; resolve: () => void; reject: (error: unknown) => void } {
  let resolve!: () => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<void>((yes, no) => { [resolve, reject] = [yes, no]; });
  return { promise, resolve, reject };
}

/** Uncaught exceptions, which would end the process outside of a test, until `count` of them have come. */
function uncaught(count = 1): Promise<unknown[]> {
  const errors: unknown[] = [];
  return new Promise((resolve) => {
    process.setUncaughtExceptionCaptureCallback((error) => {
      if (errors.push(error) < count) return;
      process.setUncaughtExceptionCaptureCallback(null);
      resolve(errors);
    });
  });
}

describe('a message', () => {
  it('has what was sent, and nothing of its neighbours', async () => {
    const { client, engine } = await fakeConnected();
    const got: Message[] = [];
    client.on('message', (message) => got.push(message));
    engine.deliver([engine.message('a/b', '{"ä":1}', 2, '01012600016b000176', 4 | 8), engine.message('c'), engine.message('d', Buffer.from([0xff, 0x41]))]);
    const [first, second, third] = got as [Message, Message, Message];
    expect(first).toMatchObject({ topic: 'a/b', qos: 2, retain: true, dup: true, length: 8, properties: { payloadFormatIndicator: 1, userProperties: [['k', 'v']] } });
    expect(first.payload).toBeInstanceOf(Buffer);
    expect(Buffer.isBuffer(first.payload)).toBe(true);
    expect(first.payload.toString()).toBe('{"ä":1}');
    expect(first.payload).toBe(first.payload);
    assert.deepStrictEqual(first.payload, Buffer.from('{"ä":1}'));
    expect(first.payload.equals(Buffer.from('{"ä":1}'))).toBe(true);
    expect(first.payload.subarray(1, 2)).toBeInstanceOf(Buffer);
    expect(first.text()).toBe('{"ä":1}');
    expect(first.json()).toEqual({ ä: 1 });
    expect(first.properties).toBe(first.properties);
    expect(second).toMatchObject({ topic: 'c', qos: 0, retain: false, dup: false, length: 0, properties: {} });
    expect(second.payload.length).toBe(0);
    expect(second.text()).toBe('');
    expect(() => second.json()).toThrow(SyntaxError);
    expect(third.text()).toBe('\uFFFDA');
  });

  it('detach() gives it memory of its own', async () => {
    const { client, engine } = await fakeConnected();
    const got: Message[] = [];
    client.on('message', (message) => got.push(message));
    const slab = Buffer.from('0101payload');
    engine.deliver([engine.sink.createMessage('a', Buffer.concat([Buffer.from('0101', 'hex'), slab.subarray(4)]), 2, 7, 0, 2, 0)]);
    const [message] = got;
    const before = message!.payload;
    expect(message!.detach()).toBe(message);
    expect(message!.payload).not.toBe(before);
    expect(message!.payload.buffer.byteLength).toBe(9);
    before.fill(0);
    expect(message!.text()).toBe('payload');
    expect(message!.properties).toEqual({ payloadFormatIndicator: 1 });
  });

  it('prints what it is', async () => {
    const { client, engine } = await fakeConnected();
    let text = '';
    client.on('message', (message) => { text = inspect(message); });
    engine.deliver([engine.message('a/b', 'x', 1)]);
    expect(text).toContain("topic: 'a/b'");
    expect(text).not.toContain('slab');
  });
});

describe("'message' listeners", () => {
  it('each gets each message, with the client as this, in order', async () => {
    const { client, engine } = await fakeConnected();
    const got: string[] = [];
    client.on('message', function (this: Client, message) {
      expect(this).toBe(client);
      got.push(`1 ${message.topic}`);
    });
    engine.deliver([engine.message('a')]);
    client.addListener('message', (message) => got.push(`2 ${message.topic}`));
    client.prependListener('message', (message) => got.push(`0 ${message.topic}`));
    engine.deliver([engine.message('b'), engine.message('c')]);
    expect(got).toEqual(['1 a', '0 b', '1 b', '2 b', '0 c', '1 c', '2 c']);
  });

  it('may be added and taken away in the middle of a batch', async () => {
    const { client, engine } = await fakeConnected();
    const got: string[] = [];
    const second = (message: Message): void => { got.push(`second ${message.topic}`); };
    const first = (message: Message): void => {
      got.push(`first ${message.topic}`);
      if (message.topic === 'a') client.on('message', second);
      if (message.topic === 'b') client.off('message', first);
      if (message.topic === 'c') expect.unreachable();
    };
    client.on('message', first);
    engine.deliver(['a', 'b', 'c'].map((topic) => engine.message(topic)));
    expect(got).toEqual(['first a', 'first b', 'second b', 'second c']);
    client.removeAllListeners('message');
    engine.deliver([engine.message('d')]);
    client.on('message', second);
    client.removeAllListeners();
    engine.deliver([engine.message('e')]);
    expect(got).toHaveLength(4);
  });

  it('once() is once, also within a batch', async () => {
    const { client, engine } = await fakeConnected();
    const got: string[] = [];
    client.once('message', (message) => got.push(`once ${message.topic}`));
    client.prependOnceListener('message', (message) => got.push(`first ${message.topic}`));
    engine.deliver(['a', 'b'].map((topic) => engine.message(topic)));
    expect(got).toEqual(['first a', 'once a']);
    expect(client.listenerCount('message')).toBe(0);
  });

  it('one that throws is an uncaught exception; the others and the rest of the batch are served, and all is acknowledged', async () => {
    const { client, engine } = await fakeConnected();
    const errors = uncaught(3);
    const got: string[] = [];
    client.on('message', (message) => {
      if (message.topic !== 'b') throw new Error(message.topic);
    });
    expect(engine.deliver([engine.message('alone', '', 1)])).toHaveLength(0);
    client.on('message', (message) => got.push(message.topic));
    expect(engine.deliver(['a', 'b', 'c'].map((topic) => engine.message(topic, '', 1)))).toHaveLength(0);
    expect(got).toEqual(['a', 'b', 'c']);
    expect(engine.acknowledged).toBe(4);
    expect((await errors).map((error) => (error as Error).message)).toEqual(['alone', 'a', 'c']);
  });

  it('a batch stops at its deadline and goes on where it was; what was handed out is acknowledged', async () => {
    const { client, engine } = await fakeConnected();
    const got: number[] = [];
    client.on('message', (message) => got.push(Number(message.text())));
    let rest: object[] = Array.from({ length: 100 }, (_, i) => engine.message('a', String(i), 1));
    let turns = 0;
    while (rest.length > 0) {
      rest = engine.deliver(rest, 0);
      turns += 1;
      expect(engine.acknowledged).toBe(got.length);
      expect(engine.taken_.messages).toBe(got.length);
    }
    expect(turns).toBeGreaterThan(1);
    expect(got).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });

  it('destroy() in a listener: not one message more', async () => {
    const { client, engine } = await fakeConnected();
    let seen = 0;
    client.on('message', () => {
      seen += 1;
      if (seen === 3) client.destroy();
    });
    const batch = Array.from({ length: 10 }, () => engine.message('a', '', 1));
    expect(engine.deliver(batch)).toEqual([]);
    expect(seen).toBe(3);
    expect(engine.acks).toEqual([]);
    expect(engine.deliver([engine.message('a')])).toEqual([]);
    expect(seen).toBe(3);
  });
});

describe('acknowledgements', () => {
  it('a batch nobody listens to is acknowledged and taken in one go [MQTT-4.5.0-2]', async () => {
    const { engine } = await fakeConnected();
    engine.deliver([engine.message('a', 'xx', 1), engine.message('a', 'xxx'), engine.message('a', 'x', 2)]);
    expect(engine.acks).toEqual([[2, 0]]);
    expect(engine.taken_).toEqual({ messages: 3, bytes: 6 });
  });

  it('leave in order of arrival, whatever the order handlers finish in [MQTT-4.6.0-2]', async () => {
    const { client, engine } = await fakeConnected();
    const open: ReturnType<typeof deferred>[] = [];
    await subscribed(client, engine, 'slow', () => {
      open.push(deferred());
      return open.at(-1)!.promise;
    });
    engine.deliver(['fast', 'slow', 'fast', 'slow', 'slow', 'fast'].map((topic) => engine.message(topic, '', 1)));
    expect(engine.acknowledged).toBe(1);
    expect(engine.taken_.messages).toBe(3);
    open[2]!.resolve();
    await turn();
    expect(engine.acknowledged).toBe(1);
    expect(engine.taken_.messages).toBe(4);
    open[0]!.resolve();
    await turn();
    expect(engine.acknowledged).toBe(3);
    open[1]!.resolve();
    await turn();
    expect(engine.acknowledged).toBe(6);
    expect(engine.taken_.messages).toBe(6);
    engine.deliver([engine.message('fast', '', 1)]);
    expect(engine.acknowledged).toBe(7);
  });

  it('a QoS 0 message that is worked on holds no acknowledgement', async () => {
    const { client, engine } = await fakeConnected();
    const { promise, resolve } = deferred();
    await subscribed(client, engine, 'slow', () => promise);
    engine.deliver([engine.message('slow', 'x', 0), engine.message('a', '', 1)]);
    expect(engine.acknowledged).toBe(1);
    expect(engine.taken_).toEqual({ messages: 1, bytes: 0 });
    resolve();
    await turn();
    expect(engine.taken_).toEqual({ messages: 2, bytes: 1 });
    expect(engine.acknowledged).toBe(1);
  });

  it('wait for every handler of the message', async () => {
    const { client, engine } = await fakeConnected();
    const [first, second] = [deferred(), deferred()];
    await subscribed(client, engine, 'a', () => first.promise);
    await subscribed(client, engine, '+', () => second.promise);
    engine.deliver([engine.message('a', '', 1)]);
    second.resolve();
    await turn();
    expect(engine.acknowledged).toBe(0);
    first.resolve();
    await turn();
    expect(engine.acks).toEqual([[1, 0]]);
  });

  it('ack() acknowledges before the handler has finished, once, with its reason code, in its place', async () => {
    const { client, engine } = await fakeConnected();
    const open = new Map<string, ReturnType<typeof deferred>>();
    const messages = new Map<string, Message>();
    await subscribed(client, engine, '#', (message) => {
      open.set(message.topic, deferred());
      messages.set(message.topic, message);
      return open.get(message.topic)!.promise;
    });
    engine.deliver(['a', 'b', 'c', 'd'].map((topic) => engine.message(topic, '', 1)));
    messages.get('b')!.ack(0x97);
    messages.get('b')!.ack();
    await turn();
    expect(engine.acks).toEqual([]);
    messages.get('a')!.ack();
    await turn();
    expect(engine.acks).toEqual([[1, 0], [1, 0x97]]);
    open.get('c')!.resolve();
    open.get('d')!.resolve();
    open.get('a')!.resolve();
    open.get('b')!.resolve();
    await turn();
    expect(engine.acks).toEqual([[1, 0], [1, 0x97], [2, 0]]);
    expect(engine.taken_.messages).toBe(4);
    messages.get('c')!.ack(0x80);
    await turn();
    expect(engine.acknowledged).toBe(4);
  });

  it('ack() in a listener gives the reason code', async () => {
    const { client, engine } = await fakeConnected();
    client.on('message', (message) => message.ack(message.topic === 'bad' ? 0x99 : 0));
    engine.deliver(['ok', 'bad', 'bad', 'ok'].map((topic) => engine.message(topic, '', 1)));
    expect(engine.acks).toEqual([[1, 0], [2, 0x99], [1, 0]]);
    engine.deliver([engine.message('bad')]);
    expect(engine.acknowledged).toBe(4);
  });

  it('ack() refuses what a client may not send', async () => {
    const five = await fakeConnected();
    let message: Message | undefined;
    five.client.on('message', (one) => { message = one; });
    five.engine.deliver([five.engine.message('a', '', 1)]);
    for (const code of [1, 0x82, 0x92, -1, 256, Number.NaN]) expect(() => message!.ack(code)).toThrowError(expect.objectContaining({ code: 'ERR_MQTT_OPTION' }));
    const four = await fakeConnected({ protocolVersion: 4 });
    four.client.on('message', (one) => { message = one; });
    four.engine.deliver([four.engine.message('a', '', 1)]);
    expect(() => message!.ack(0x97)).toThrowError(expect.objectContaining({ code: 'ERR_MQTT_NOT_SUPPORTED' }));
    message!.ack();
  });

  it('of a message of an ended connection are counted in its place, before those of the next one [MQTT-4.6.0-2]', async () => {
    const { client, engine, fake } = await fakeConnected({ sessionExpiryInterval: 10 });
    const open: ReturnType<typeof deferred>[] = [];
    await subscribed(client, engine, 'a', () => {
      open.push(deferred());
      return open.at(-1)!.promise;
    });
    engine.deliver([engine.message('a', 'x', 1), engine.message('a', 'x', 1)]);
    engine.lose();
    // Finished while there is no connection: the engine counts it all the same.
    open[0]!.resolve();
    await turn();
    expect(engine.acks).toEqual([[1, 0]]);
    void fake.connecting();
    expect(fake.engines).toHaveLength(1);
    engine.accept('', true);
    await turn();
    engine.deliver([engine.message('a', 'x', 1)]);
    // The one of this connection is finished first, and waits for the one before it.
    open[2]!.resolve();
    await turn();
    expect(engine.acknowledged).toBe(1);
    open[1]!.resolve();
    await turn();
    expect(engine.acks).toEqual([[1, 0], [2, 0]]);
    expect(engine.taken_).toEqual({ messages: 3, bytes: 3 });
  });

  it('of an engine that is gone go nowhere, not to its successor either', async () => {
    const { client, engine, fake } = await fakeConnected();
    const open: ReturnType<typeof deferred>[] = [];
    const handler: MessageHandler = () => {
      open.push(deferred());
      return open.at(-1)!.promise;
    };
    await subscribed(client, engine, 'a', handler);
    engine.deliver([engine.message('a', 'x', 1)]);
    engine.lose();
    void fake.connecting();
    const second = fake.engine;
    expect(second).not.toBe(engine);
    second.accept();
    await turn();
    await subscribed(client, second, 'a', handler);
    second.deliver([second.message('a', 'x', 1)]);
    open[0]!.resolve();
    await turn();
    expect([engine.acks, second.acks]).toEqual([[], []]);
    open[1]!.resolve();
    await turn();
    expect([engine.acks, second.acks]).toEqual([[], [[1, 0]]]);
  });

  it('are counted for what is handed out when the connection has ended', async () => {
    const { client, engine } = await fakeConnected({ sessionExpiryInterval: 10 });
    let seen = 0;
    client.on('message', () => { seen += 1; });
    engine.lose();
    engine.deliver([engine.message('a', 'x', 1)]);
    expect(seen).toBe(1);
    expect(engine.acks).toEqual([[1, 0]]);
    expect(engine.taken_).toEqual({ messages: 1, bytes: 1 });
  });

  it('of what is done with leave before the DISCONNECT of close(), also when a listener closes in the middle of a batch', async () => {
    const { client, engine } = await fakeConnected();
    let before = -1;
    const close = engine.close.bind(engine);
    engine.close = (...args) => {
      before = engine.acknowledged;
      close(...args);
    };
    let closing: Promise<void> | undefined;
    client.on('message', (message) => { if (message.topic === 'c') closing = client.close(); });
    engine.deliver(['a', 'b', 'c'].map((topic) => engine.message(topic, '', 1)));
    engine.lose({ code: 'ERR_MQTT_CLOSED' });
    await closing;
    expect(before).toBe(2);
  });

  it('belong to the connection that is, also for messages the engine made before it told of it', async () => {
    const { client, engine, fake } = await fakeConnected({ sessionExpiryInterval: 10 });
    client.on('message', () => undefined);
    engine.lose();
    void fake.connecting();
    const early = engine.message('a', '', 1);
    engine.accept('', true);
    await turn();
    engine.deliver([early]);
    expect(engine.acknowledged).toBe(1);
  });
});

describe('handlers', () => {
  it('get the messages of their filters, each subscription once', async () => {
    const { client, engine } = await fakeConnected();
    const got: string[] = [];
    const subscribing = client.subscribe(['a/b', 'a/+', 'a/#'], (message) => { got.push(`several ${message.topic}`); });
    engine.answer([0, 0, 0]);
    await subscribing;
    await subscribed(client, engine, '$share/g/a/b', (message) => { got.push(`shared ${message.topic}`); });
    client.on('message', (message) => got.push(`event ${message.topic}`));
    engine.deliver(['a/b', 'a', 'b'].map((topic) => engine.message(topic)));
    expect(got).toEqual(['event a/b', 'several a/b', 'shared a/b', 'event a', 'several a', 'event b']);
  });

  it('get messages that come before SUBACK (3.8.4)', async () => {
    const { client, engine } = await fakeConnected();
    const got: string[] = [];
    const subscribing = client.subscribe('a', (message) => { got.push(message.text()); });
    engine.deliver([engine.message('a', 'early')]);
    engine.answer([0]);
    await subscribing;
    expect(got).toEqual(['early']);
  });

  it('that throw or reject: error is emitted with what they threw, and the message is acknowledged', async () => {
    const { client, engine } = await fakeConnected();
    const errors: unknown[] = [];
    client.on('error', (error) => errors.push(error));
    await subscribed(client, engine, 'throws', () => { throw new Error('thrown'); });

    await subscribed(client, engine, 'rejects', () => Promise.reject('rejected'));
    let others = 0;
    await subscribed(client, engine, '#', () => { others += 1; });
    engine.deliver(['throws', 'rejects', 'a'].map((topic) => engine.message(topic, '', 1)));
    await turn();
    expect(errors).toMatchObject([{ message: 'thrown' }, 'rejected']);
    expect(others).toBe(3);
    expect(engine.acknowledged).toBe(3);
    expect(engine.taken_.messages).toBe(3);
  });

  it('that fail without a listener for error: an uncaught exception', async () => {
    const { client, engine } = await fakeConnected();
    const errors = uncaught(2);
    await subscribed(client, engine, 'a', () => { throw new Error('thrown'); });
    await subscribed(client, engine, 'b', async () => { throw new Error('rejected'); });
    engine.deliver(['a', 'b'].map((topic) => engine.message(topic, '', 1)));
    expect((await errors).map((error) => (error as Error).message)).toEqual(['thrown', 'rejected']);
    expect(engine.acknowledged).toBe(2);
  });

  it('may return something that only looks like a promise, and calls back at once and twice', async () => {
    const { client, engine } = await fakeConnected();
    const thenable = { then: (resolve: () => void) => { resolve(); resolve(); } };
    await subscribed(client, engine, 'a', () => thenable as unknown as Promise<void>);
    engine.deliver([engine.message('a', '', 1), engine.message('a', '', 1)]);
    await turn();
    expect(engine.acknowledged).toBe(2);
    expect(engine.taken_.messages).toBe(2);
  });

  it('of 10,000 filters, found at once; changing them changes who is found', async () => {
    const { client, engine } = await fakeConnected();
    let handled = 0;
    const filters = Array.from({ length: 10_000 }, (_, i) => `site/${i}/+`);
    const subscribing = client.subscribe(filters, () => { handled += 1; });
    engine.answer(filters.map(() => 1));
    await subscribing;
    const batch = () => Array.from({ length: 10_000 }, (_, i) => engine.message(`site/${i}/t`));
    await turn();
    engine.deliver(batch());
    expect(handled).toBe(10_000);
    const unsubscribing = client.unsubscribe('site/5/+');
    engine.answer([0]);
    await unsubscribing;
    await turn();
    engine.deliver(batch());
    expect(handled).toBe(19_999);
  });
});

describe('for await', () => {
  it('a message is acknowledged when the loop asks for the next one', async () => {
    const { client, engine } = await fakeConnected();
    const subscription = await subscribed(client, engine, 'a');
    const loop = subscription[Symbol.asyncIterator]();
    engine.deliver([1, 2, 3].map((i) => engine.message('a', String(i), 1)));
    expect(engine.taken_.messages).toBe(0);
    expect((await loop.next()).value.text()).toBe('1');
    await turn();
    expect(engine.acks).toEqual([]);
    expect((await loop.next()).value.text()).toBe('2');
    await turn();
    expect(engine.acks).toEqual([[1, 0]]);
    expect(engine.taken_).toEqual({ messages: 1, bytes: 1 });
    expect((await loop.next()).value.text()).toBe('3');
    const fourth = loop.next();
    await turn();
    expect(engine.acknowledged).toBe(3);
    engine.deliver([engine.message('a', '4', 1)]);
    expect(engine.acknowledged).toBe(3);
    expect((await fourth).value.text()).toBe('4');
    await loop.return!();
    await turn();
    expect(engine.acknowledged).toBe(4);
    expect(await loop.next()).toEqual({ value: undefined, done: true });
  });

  it('a slow loop: nothing is taken, so the engine stops reading; what it reads is taken in few steps', async () => {
    const { client, engine } = await fakeConnected();
    const subscription = await subscribed(client, engine, 'a');
    const loop = subscription[Symbol.asyncIterator]();
    let calls = 0;
    const original = engine.taken.bind(engine);
    engine.taken = (messages, bytes) => { calls += 1; original(messages, bytes); };
    let rest = Array.from({ length: 5000 }, (_, i) => engine.message('a', String(i), 1));
    // Only some are put aside before what reads them has its turn.
    while (rest.length > 0) {
      const { length } = rest;
      rest = engine.deliver(rest);
      expect(engine.deliver(rest)).toHaveLength(rest.length);
      expect(length - rest.length).toBeGreaterThan(0);
      expect(length - rest.length).toBeLessThan(600);
      await turn();
    }
    await turn();
    expect(engine.taken_.messages).toBe(0);
    const got: number[] = [];
    for await (const message of { [Symbol.asyncIterator]: () => loop }) {
      if (got.push(Number(message.text())) === 5000) break;
    }
    await turn();
    expect(got).toEqual(Array.from({ length: 5000 }, (_, i) => i));
    expect(engine.taken_.messages).toBe(5000);
    expect(engine.acknowledged).toBe(5000);
    expect(calls).toBeLessThan(50);
  });

  it('messages from before the loop are acknowledged at once and kept for it', async () => {
    const { client, engine } = await fakeConnected();
    const subscription = await subscribed(client, engine, 'a');
    engine.deliver([engine.message('a', 'early', 1)]);
    expect(engine.acknowledged).toBe(1);
    await turn();
    const got: string[] = [];
    const loop = watch((async () => {
      for await (const message of subscription) {
        // What is kept does not keep the memory it came in.
        if (got.length === 0) expect(message.payload.buffer.byteLength).toBe(5);
        if (got.push(message.text()) === 2) break;
      }
    })());
    engine.deliver([engine.message('a', 'late', 1)]);
    await turn();
    expect(loop.settled).toBe(true);
    expect(got).toEqual(['early', 'late']);
    expect(engine.acknowledged).toBe(2);
  });

  it('too many from before the loop: all that were kept are dropped, it is said in the log, and the loop gets those from now on', async () => {
    const lines: string[] = [];
    const { client, engine } = await fakeConnected({ log: (record) => { if (record.level === 'warn') lines.push(record.message); } });
    const [first, second] = [await subscribed(client, engine, 'a'), await subscribed(client, engine, 'b')];
    engine.deliver([engine.message('b', 'kept')]);
    engine.deliver(Array.from({ length: 1000 }, () => engine.message('a', 'x', 1)));
    expect(engine.acknowledged).toBe(1000);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('"a"');
    const got: string[] = [];
    const read = async (subscription: Subscription): Promise<void> => {
      for await (const message of subscription) {
        got.push(`${message.topic} ${message.text()}`);
        break;
      }
    };
    const loops = [watch(read(first)), watch(read(second))];
    engine.deliver([engine.message('a', 'new')]);
    await turn();
    expect(loops.map((loop) => loop.settled)).toEqual([true, true]);
    expect(got.sort()).toEqual(['a new', 'b kept']);
  });

  it('1 MiB is too much, too', async () => {
    const { client, engine } = await fakeConnected();
    const subscription = await subscribed(client, engine, 'a');
    engine.deliver([engine.message('a', Buffer.alloc(1024 * 1024))]);
    engine.deliver([engine.message('a', 'x')]);
    const loop = subscription[Symbol.asyncIterator]();
    const next = watch(loop.next());
    await turn();
    expect(next.settled).toBe(false);
    engine.deliver([engine.message('a', 'now')]);
    await turn();
    expect((next.value as { value: Message }).value.text()).toBe('now');
  });

  it('a loop that is left keeps what had arrived for the next one, acknowledged', async () => {
    const { client, engine } = await fakeConnected();
    const subscription = await subscribed(client, engine, 'a');
    const loop = subscription[Symbol.asyncIterator]();
    engine.deliver(['1', '2', '3'].map((text) => engine.message('a', text, 1)));
    await loop.next();
    await loop.return!();
    await turn();
    expect(engine.acknowledged).toBe(3);
    expect(engine.taken_.messages).toBe(3);
    const got: string[] = [];
    for await (const message of subscription) if (got.push(message.text()) === 2) break;
    expect(got).toEqual(['2', '3']);
  });

  it('several loops share the messages; next() may be called ahead', async () => {
    const { client, engine } = await fakeConnected();
    const subscription = await subscribed(client, engine, 'a');
    const [first, second] = [subscription[Symbol.asyncIterator](), subscription[Symbol.asyncIterator]()];
    const asked = [first.next(), second.next(), first.next()];
    engine.deliver(['1', '2', '3', '4'].map((text) => engine.message('a', text, 1)));
    expect((await Promise.all(asked)).map((result) => (result.value as Message).text())).toEqual(['1', '2', '3']);
    await first.return!();
    expect(((await second.next()).value as Message).text()).toBe('4');
    await second.return!();
    await turn();
    expect(engine.acknowledged).toBe(4);
    expect(engine.taken_.messages).toBe(4);
  });

  it('return() answers what was asked for', async () => {
    const { client, engine } = await fakeConnected();
    const subscription = await subscribed(client, engine, 'a');
    const loop = subscription[Symbol.asyncIterator]();
    const asked = [loop.next(), loop.next()];
    await loop.return!();
    expect(await Promise.all(asked)).toEqual([{ value: undefined, done: true }, { value: undefined, done: true }]);
    const other = subscription[Symbol.asyncIterator]();
    await expect(other.throw!(new Error('mine'))).rejects.toThrow('mine');
    expect(await other.next()).toEqual({ value: undefined, done: true });
  });

  it('unsubscribe() ends it after what has arrived', async () => {
    const { client, engine } = await fakeConnected();
    const subscription = await subscribed(client, engine, 'a');
    const got: string[] = [];
    const loop = watch((async () => {
      for await (const message of subscription) {
        got.push(message.text());
        await turn();
      }
    })());
    engine.deliver([engine.message('a', '1', 1), engine.message('a', '2', 1)]);
    const unsubscribing = subscription.unsubscribe();
    engine.answer([0]);
    await unsubscribing;
    for (let i = 0; i < 5; i += 1) await turn();
    expect(loop).toEqual({ settled: true, value: undefined });
    expect(got).toEqual(['1', '2']);
    expect(engine.acknowledged).toBe(2);
  });

  it('a lost connection: the loop throws why, after what had arrived', async () => {
    const { client, engine } = await fakeConnected();
    const subscription = await subscribed(client, engine, 'a');
    const loop = subscription[Symbol.asyncIterator]();
    engine.deliver([engine.message('a', '1', 1)]);
    engine.lose({ code: 'ERR_MQTT_SERVER_DISCONNECT', reasonCode: 0x8b });
    expect(((await loop.next()).value as Message).text()).toBe('1');
    await expect(loop.next()).rejects.toMatchObject({ code: 'ERR_MQTT_SERVER_DISCONNECT', reasonCode: 0x8b });
    expect(await loop.next()).toEqual({ value: undefined, done: true });
    expect(await subscription[Symbol.asyncIterator]().next()).toEqual({ value: undefined, done: true });
  });

  it('a lost connection while it waits: it throws, and a loop after connect() goes on when the session does', async () => {
    const { client, engine, fake } = await fakeConnected({ sessionExpiryInterval: 10 });
    const subscription = await subscribed(client, engine, 'a');
    const waiting = watch(subscription[Symbol.asyncIterator]().next());
    engine.lose();
    await turn();
    expect(waiting.error?.code).toBe('ERR_MQTT_CONNECTION_LOST');
    void fake.connecting();
    engine.accept('', true);
    const next = subscription[Symbol.asyncIterator]().next();
    await turn();
    engine.deliver([engine.message('a', 'again', 1)]);
    expect(((await next).value as Message).text()).toBe('again');
  });

  it('a subscription with a handler has no loop', async () => {
    const { client, engine } = await fakeConnected();
    const subscription = await subscribed(client, engine, 'a', () => undefined);
    expect(() => subscription[Symbol.asyncIterator]()).toThrowError(expect.objectContaining({ code: 'ERR_MQTT_OPTION' }));
  });
});

describe('what has come', () => {
  it('is counted, whoever gets it', async () => {
    const { client, engine } = await fakeConnected();
    engine.deliver([engine.message('a', 'xx', 1), engine.message('b', 'xxx', 2), engine.message('c')]);
    client.on('message', () => undefined);
    engine.deliver([engine.message('a', 'x')]);
    expect(client.stats.received).toEqual({ messages: 4, bytes: 6 });
  });

  it('and was handed out before destroy() in a listener is counted, and no more', async () => {
    const { client, engine } = await fakeConnected();
    client.on('message', (message) => { if (message.text() === '3') client.destroy(); });
    engine.deliver(['1', '2', '3', '4'].map((text) => engine.message('a', text)));
    expect(client.stats.received).toEqual({ messages: 3, bytes: 3 });
  });

  it('is published to the channel mqtt-native:message before it is handed out, while somebody has subscribed to it', async () => {
    const { client, engine } = await fakeConnected({ clientId: 'me' });
    const got: string[] = [];
    const subscriber = (published: unknown): void => {
      const { clientId, message } = published as DiagnosticsMessages['mqtt-native:message'];
      got.push(`channel ${clientId} ${message.topic} ${message.text()}`);
    };
    client.on('message', (message) => got.push(`listener ${message.topic}`));
    engine.deliver([engine.message('a')]);
    diagnostics.subscribe('mqtt-native:message', subscriber);
    engine.deliver([engine.message('b', 'x')]);
    diagnostics.unsubscribe('mqtt-native:message', subscriber);
    engine.deliver([engine.message('c')]);
    expect(got).toEqual(['listener a', 'channel me b x', 'listener b', 'listener c']);
  });
});
