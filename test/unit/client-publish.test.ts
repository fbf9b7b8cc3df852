/**
 * publish() and write() over an engine that has as much room as the test says: what is handed over and in which order, how each promise
 * settles, and when a producer is told to wait.
 */
import { describe, expect, it } from 'vitest';
import type { Client, PublishOptions } from 'mqtt-native';
import { Pending } from '../../dist/outgoing/pending.js';
import { FakeClient, fakeConnected, turn, watch } from '../support/fake-engine.js';

const topicsOf = (engine: { published: { topic: string }[] }): string[] => engine.published.map((one) => one.topic);

describe('what the engine gets', () => {
  it('topic, payload, flags, no properties, a slot of its own', async () => {
    const { client, engine } = await fakeConnected();
    for (const options of [undefined, {}, { qos: 1 }, { qos: 2, retain: true }, { retain: false, qos: undefined }] as const) void client.publish('a/b', 'x', options);
    expect(engine.published.map((one) => one.flags)).toEqual([0, 0, 1, 6, 0]);
    expect(engine.published.map((one) => one.slot)).toEqual([0, 1, 2, 3, 4]);
    expect(engine.published[0]).toMatchObject({ topic: 'a/b', payload: 'x', properties: undefined });
    expect(client.write('w', 'x', { qos: 1, retain: true })).toBe(true);
    // At QoS 1 and 2 it has a slot, too: the server may refuse it, and that is told.
    expect(engine.published[5]).toMatchObject({ topic: 'w', flags: 5, slot: 5 });
    client.write('w', 'x');
    expect(engine.published[6]).toMatchObject({ topic: 'w', flags: 0, slot: -1 });
  });

  it('properties as bytes', async () => {
    const { client, engine } = await fakeConnected();
    void client.publish('a', 'x', { properties: { contentType: 't' } });
    void client.publish('a', 'x', { properties: {} });
    client.write('a', 'x', { properties: { userProperties: { k: 'v' } } });
    expect(engine.published.map((one) => one.properties?.toString('hex'))).toEqual(['03000174', undefined, '2600016b000176']);
  });

  it('payloads of every kind, each as its bytes', async () => {
    const { client, engine } = await fakeConnected();
    const { buffer } = Uint8Array.from([0x30, 0x31, 0x32, 0x33]);
    const shared = new SharedArrayBuffer(2);
    new Uint8Array(shared).set([0x35, 0x36]);
    const payloads = ['ä', '', Buffer.from('b'), new Uint8Array(buffer, 1, 2), buffer, new DataView(buffer, 2, 1), new Uint16Array(buffer), new Float32Array(buffer), shared];
    for (const payload of payloads) void client.publish('a', payload);
    expect(engine.published.map((one) => one.payload)).toEqual(['ä', '', 'b', '12', '0123', '2', '0123', '0123', '56']);
  });

  it('bytes of another realm', async () => {
    const { runInNewContext } = await import('node:vm');
    const { client, engine } = await fakeConnected();
    void client.publish('a', runInNewContext('Uint8Array.of(65, 66)') as Uint8Array);
    void client.publish('a', runInNewContext('Uint8Array.of(67).buffer') as ArrayBuffer);
    expect(engine.published.map((one) => one.payload)).toEqual(['AB', 'C']);
  });
});

describe('how a promise settles', () => {
  it('with reason code 0 and no properties, one frozen object for all', async () => {
    const { client, engine } = await fakeConnected();
    const both = Promise.all([client.publish('a', 'x'), client.publish('b', 'x', { qos: 2 })]);
    engine.finishAll();
    const [first, second] = await both;
    expect(first).toEqual({ reasonCode: 0, properties: {} });
    expect(second).toBe(first);
    expect(Object.isFrozen(first) && Object.isFrozen(first.properties)).toBe(true);
  });

  it('with the server\'s reason code and properties', async () => {
    const { client, engine } = await fakeConnected();
    const published = [client.publish('a', 'x', { qos: 1 }), client.publish('a', 'x', { qos: 1 })];
    engine.finish(0x10, Buffer.from('1f00026e6f', 'hex'));
    engine.finish(0, Buffer.from('2600016b000176', 'hex'));
    expect(await Promise.all(published)).toEqual([
      { reasonCode: 0x10, properties: { reasonString: 'no' } }, { reasonCode: 0, properties: { userProperties: [['k', 'v']] } },
    ]);
  });

  it('ERR_MQTT_PUBLISH with what the server said', async () => {
    const { client, engine } = await fakeConnected();
    const published = client.publish('a', 'x', { qos: 1 });
    engine.finish(0x97, Buffer.from('1f000466756c6c', 'hex'));
    await expect(published).rejects.toMatchObject({
      name: 'MqttError', code: 'ERR_MQTT_PUBLISH', reasonCode: 0x97, properties: { reasonString: 'full' }, message: expect.stringMatching(/Quota exceeded.*full/) as string,
    });
  });

  it('properties of the acknowledgement that cannot be read reject it and nothing else', async () => {
    const { client, engine } = await fakeConnected();
    const outcomes = [watch(client.publish('a', 'x', { qos: 1 })), watch(client.publish('a', 'x', { qos: 1 }))];
    engine.finish(0, Buffer.from('1f', 'hex'));
    engine.finish();
    await turn();
    expect(outcomes[0]!.error?.code).toBe('ERR_MQTT_PROTOCOL');
    expect(outcomes[1]!.value).toMatchObject({ reasonCode: 0 });
  });

  it('each its own, in whatever order the answers come', async () => {
    const { client, engine } = await fakeConnected();
    const order: number[] = [];
    const all = Array.from({ length: 100 }, (_, i) => client.publish('a', String(i), { qos: 1 }).then(() => order.push(i)));
    const expected: number[] = [];
    while (engine.published.length > 0) {
      const at = (engine.published.length * 7) % engine.published.length ^ (engine.published.length >> 1);
      const [one] = engine.published.splice(Math.min(at, engine.published.length - 1), 1);
      expected.push(Number(one!.payload));
      engine.sink.onPublished(one!.slot, 0, undefined);
    }
    await Promise.all(all);
    expect(order).toEqual(expected);
  });

  it('70,000 at once, and slots are used again', async () => {
    const { client, engine } = await fakeConnected();
    for (let round = 0; round < 2; round += 1) {
      const all = Promise.all(Array.from({ length: 70_000 }, () => client.publish('a', 'x', { qos: 1 })));
      expect(new Set(engine.published.map((one) => one.slot)).size).toBe(70_000);
      expect(Math.max(...engine.published.slice(-10).map((one) => one.slot))).toBeLessThan(70_000);
      for (const one of engine.published.splice(0)) engine.sink.onPublished(one.slot, 0, undefined);
      expect((await all).length).toBe(70_000);
    }
  });

  it('an answer for a slot nobody has, and a second answer, do nothing', async () => {
    const { client, engine } = await fakeConnected();
    const published = client.publish('a', 'x', { qos: 1 });
    const { slot } = engine.finish();
    await published;
    engine.sink.onPublished(slot, 0x97, undefined);
    engine.sink.onPublished(12_345, 0, undefined);
    engine.sink.onRequestFailed(slot, { code: 'ERR_MQTT_CLOSED', message: '', reasonCode: undefined, properties: undefined });
    const next = client.publish('a', 'x', { qos: 1 });
    expect(engine.published[0]!.slot).toBe(slot);
    engine.finish();
    expect((await next).reasonCode).toBe(0);
  });

  it('requests that fail at different times get errors of their own, those of one turn share one', async () => {
    const { client, engine } = await fakeConnected();
    const failure = Object.freeze({ code: 'ERR_MQTT_PACKET_TOO_LARGE', message: 'too large', reasonCode: undefined, properties: undefined });
    const errors = [0, 1, 2].map(() => client.publish('a', 'x', { qos: 1 }).catch((error: unknown) => error));
    const slots = engine.published.map((one) => one.slot);
    engine.sink.onRequestFailed(slots[0]!, failure);
    engine.sink.onRequestFailed(slots[1]!, failure);
    await turn();
    engine.sink.onRequestFailed(slots[2]!, failure);
    const [first, second, third] = await Promise.all(errors);
    expect(second).toBe(first);
    expect(third).not.toBe(first);
    expect(third).toMatchObject({ code: 'ERR_MQTT_PACKET_TOO_LARGE' });
  });

  it('an engine that throws rejects this publish and no other', async () => {
    const { client, engine } = await fakeConnected();
    const original = engine.publish.bind(engine);
    engine.publish = () => { throw new Error('engine bug'); };
    await expect(client.publish('a', 'x')).rejects.toThrow('engine bug');
    engine.publish = original;
    const next = client.publish('a', 'x');
    engine.finish();
    await next;
  });
});

describe('what is wrong is refused before anything is sent', () => {
  const WRONG: [name: string, args: unknown[], code: string][] = [
    ['topic', [''], 'ERR_MQTT_TOPIC'], ['topic', ['a/+'], 'ERR_MQTT_TOPIC'], ['topic', [5], 'ERR_MQTT_TOPIC'], ['payload', ['a'], 'ERR_MQTT_OPTION'], ['payload', ['a', 5], 'ERR_MQTT_OPTION'],
    ['payload', ['a', null], 'ERR_MQTT_OPTION'], ['payload', ['a', { a: 1 }], 'ERR_MQTT_OPTION'], ['payload', ['a', [1, 2]], 'ERR_MQTT_OPTION'], ['options', ['a', 'x', null], 'ERR_MQTT_OPTION'],
    ['options', ['a', 'x', 1], 'ERR_MQTT_OPTION'], ['qos', ['a', 'x', { qos: 3 }], 'ERR_MQTT_OPTION'], ['qos', ['a', 'x', { qos: '1' }], 'ERR_MQTT_OPTION'], ['retain', ['a', 'x', { retain: 1 }], 'ERR_MQTT_OPTION'],
    ['dup: unknown option', ['a', 'x', { dup: true }], 'ERR_MQTT_OPTION'], ['did you mean qos', ['a', 'x', { QoS: 1 }], 'ERR_MQTT_OPTION'],
    ['properties', ['a', 'x', { properties: 'p' }], 'ERR_MQTT_OPTION'], ['properties.contenttype: unknown option, did you mean contentType', ['a', 'x', { properties: { contenttype: '' } }], 'ERR_MQTT_OPTION'],
    ['timeout', ['a', 'x', { timeout: -1 }], 'ERR_MQTT_OPTION'], ['signal', ['a', 'x', { signal: {} }], 'ERR_MQTT_OPTION'],
  ];
  for (const [name, args, code] of WRONG) {
    it(`${name}: ${String(JSON.stringify(args)).slice(0, 40)}`, async () => {
      const { client, engine } = await fakeConnected();
      // Called, not awaited inside: publish() must reject and not throw.
      const rejected = (client.publish as (...all: unknown[]) => Promise<unknown>)(...args);
      await expect(rejected).rejects.toMatchObject({ code, message: expect.stringContaining(name) as string });
      expect(() => (client.write as (...all: unknown[]) => unknown)(...args)).toThrowError(expect.objectContaining({ code }));
      expect(engine.published).toEqual([]);
    });
  }

  it('write() does not wait: timeout and signal are refused', async () => {
    const { client } = await fakeConnected();
    const waits: PublishOptions[] = [{ timeout: 1 }, { signal: new AbortController().signal }];
    for (const options of waits) {
      expect(() => client.write('a', 'x', options)).toThrowError(expect.objectContaining({ code: 'ERR_MQTT_OPTION' }));
    }
  });

  it('ERR_MQTT_NOT_CONNECTED before connect() and after a failed one; while it connects they wait', async () => {
    const fake = new FakeClient();
    const refused = async (client: Client): Promise<void> => {
      await expect(client.publish('a', 'x')).rejects.toMatchObject({ code: 'ERR_MQTT_NOT_CONNECTED' });
      expect(() => client.write('a', 'x')).toThrowError(expect.objectContaining({ code: 'ERR_MQTT_NOT_CONNECTED' }));
    };
    await refused(fake.client);
    const failing = watch(fake.connecting());
    const first = watch(fake.client.publish('first', 'x'));
    fake.engine.refuse({});
    await turn();
    expect([failing.error?.code, first.error?.code]).toEqual(['ERR_MQTT_CONNECT', 'ERR_MQTT_CONNECT']);
    await refused(fake.client);
    const connecting = fake.connecting();
    const second = watch(fake.client.publish('second', 'x'));
    expect(fake.engine.published).toEqual([]);
    fake.engine.accept();
    await connecting;
    expect(topicsOf(fake.engine)).toEqual(['second']);
    fake.engine.finish();
    await turn();
    expect(second.value).toMatchObject({ reasonCode: 0 });
  });
});

describe('limits of the server', () => {
  const refuses = async (connack: string, options: object, code: string, reasonCode: number, payload = 'x'): Promise<void> => {
    const { client, engine } = await fakeConnected({}, connack);
    await expect(client.publish('a', payload, options)).rejects.toMatchObject({ code, reasonCode });
    expect(() => client.write('a', payload, options)).toThrowError(expect.objectContaining({ code, reasonCode }));
    expect(engine.published).toEqual([]);
  };

  it('Maximum QoS [MQTT-3.2.2-11]', async () => {
    await refuses('2400', { qos: 1 }, 'ERR_MQTT_NOT_SUPPORTED', 0x9b);
    await refuses('2400', { qos: 2 }, 'ERR_MQTT_NOT_SUPPORTED', 0x9b);
    await refuses('2401', { qos: 2 }, 'ERR_MQTT_NOT_SUPPORTED', 0x9b);
    const { client, engine } = await fakeConnected({}, '2401');
    void client.publish('a', 'x', { qos: 1, retain: true });
    expect(engine.published).toHaveLength(1);
  });

  it('Retain Available [MQTT-3.2.2-14]', async () => {
    await refuses('2500', { retain: true }, 'ERR_MQTT_NOT_SUPPORTED', 0x9a);
    const { client, engine } = await fakeConnected({}, '2500');
    void client.publish('a', 'x', { qos: 2 });
    expect(engine.published).toHaveLength(1);
  });

  it('Maximum Packet Size, to the byte [MQTT-3.2.2-15]', async () => {
    // 1 + 1 + 2 + 1 topic + 2 identifier + 1 property length = 8; with content type 't' 4 more.
    for (const [options, overhead] of [[{}, 6], [{ qos: 1 }, 8], [{ qos: 2, properties: { contentType: 't' } }, 12]] as const) {
      const { client, engine } = await fakeConnected({}, '2700000064');
      void client.publish('a', 'x'.repeat(100 - overhead), options);
      expect(engine.published).toHaveLength(1);
      await refuses('2700000064', options, 'ERR_MQTT_PACKET_TOO_LARGE', 0x95, 'x'.repeat(101 - overhead));
    }
  });

  it('the protocol\'s own 268,435,460 bytes', async () => {
    const { client, engine } = await fakeConnected({ protocolVersion: 4 });
    engine.publish = () => true;
    const memory = new ArrayBuffer(268_435_455);
    expect(client.write('a', new Uint8Array(memory, 0, 268_435_452))).toBe(false);
    await expect(client.publish('a', new Uint8Array(memory, 0, 268_435_453))).rejects.toMatchObject({ code: 'ERR_MQTT_PACKET_TOO_LARGE' });
    await expect(client.publish('a', memory, { qos: 1 })).rejects.toMatchObject({ code: 'ERR_MQTT_PACKET_TOO_LARGE' });
  });

  it('3.1.1 has no properties', async () => {
    const { client, engine } = await fakeConnected({ protocolVersion: 4 });
    await expect(client.publish('a', 'x', { properties: { contentType: 't' } })).rejects.toMatchObject({ code: 'ERR_MQTT_NOT_SUPPORTED' });
    void client.publish('a', 'x', { properties: {} });
    expect(engine.published).toHaveLength(1);
  });
});

describe('no room in the engine', () => {
  it('what waits leaves in order, and nothing overtakes it', async () => {
    const { client, engine } = await fakeConnected();
    engine.room = 2;
    for (let i = 0; i < 4; i += 1) void client.publish(`p${i}`, 'x');
    client.write('w4', 'x');
    expect(topicsOf(engine)).toEqual(['p0', 'p1']);
    // Room, but nobody was told: a publish that went ahead now would overtake.
    engine.room = 100;
    void client.publish('p5', 'x');
    expect(topicsOf(engine)).toEqual(['p0', 'p1']);
    engine.giveRoom(2);
    expect(topicsOf(engine)).toEqual(['p0', 'p1', 'p2', 'p3']);
    void client.publish('p6', 'x');
    engine.giveRoom(100);
    expect(topicsOf(engine)).toEqual(['p0', 'p1', 'p2', 'p3', 'w4', 'p5', 'p6']);
    void client.publish('p7', 'x');
    expect(topicsOf(engine).at(-1)).toBe('p7');
  });

  it('payload and properties are copied when they must wait', async () => {
    const { client, engine } = await fakeConnected();
    engine.room = 0;
    const payload = Buffer.from('before');
    const correlationData = Buffer.from('c');
    void client.publish('a', payload, { properties: { correlationData } });
    payload.fill('!');
    correlationData.fill('!');
    engine.giveRoom(1);
    expect(engine.published[0]).toMatchObject({ payload: 'before', properties: Buffer.from('09000163', 'hex') });
  });

  it('20,000 that wait, with answers in between, all settle in order', async () => {
    const { client, engine } = await fakeConnected();
    engine.room = 100;
    const order: number[] = [];
    const all = Promise.all(Array.from({ length: 20_000 }, (_, i) => client.publish('a', String(i), { qos: 1 }).then(() => order.push(i))));
    const seen: string[] = [];
    while (engine.published.length > 0) {
      for (let i = 0; i < 100 && engine.published.length > 0; i += 1) seen.push(engine.finish().payload);
      engine.giveRoom(100);
    }
    await all;
    expect(seen).toEqual(Array.from({ length: 20_000 }, (_, i) => String(i)));
    expect(order).toEqual(Array.from({ length: 20_000 }, (_, i) => i));
  });

  it('what timed out or was aborted while it waited is never sent', async () => {
    const { client, engine } = await fakeConnected();
    engine.room = 0;
    const controller = new AbortController();
    const aborted = watch(client.publish('aborted', 'x', { signal: controller.signal }));
    void client.publish('kept', 'x');
    controller.abort();
    await turn();
    expect(aborted.error?.code).toBe('ERR_MQTT_ABORTED');
    engine.giveRoom(10);
    expect(topicsOf(engine)).toEqual(['kept']);
  });
});

describe('write() and drain', () => {
  it('false when the engine has no room, then drain when all that waited is gone', async () => {
    const { client, engine } = await fakeConnected();
    let drains = 0;
    client.on('drain', () => { drains += 1; });
    engine.room = 1;
    expect(client.write('a', 'x')).toBe(true);
    expect(client.write('b', 'x')).toBe(false);
    expect(client.write('c', 'x')).toBe(false);
    engine.finish();
    expect(drains).toBe(0);
    engine.giveRoom(1);
    expect(drains).toBe(0);
    engine.giveRoom(1);
    expect(drains).toBe(1);
    expect(topicsOf(engine)).toEqual(['b', 'c']);
    engine.giveRoom(10);
    expect(drains).toBe(1);
  });

  it('false from 16,384 messages on; drain when half of them have left', async () => {
    const { client, engine } = await fakeConnected();
    let drains = 0;
    client.on('drain', () => { drains += 1; });
    for (let i = 1; i < 16_384; i += 1) expect(client.write('a', 'x')).toBe(true);
    expect(client.write('a', 'x')).toBe(false);
    for (let i = 0; i < 8191; i += 1) engine.finish();
    expect(drains).toBe(0);
    engine.finish();
    expect(drains).toBe(1);
    expect(client.write('a', 'x')).toBe(true);
    engine.finishAll();
    expect(drains).toBe(1);
  });

  it('false from 16 MiB on, counted as the engine counts', async () => {
    const { client, engine } = await fakeConnected();
    let drains = 0;
    client.on('drain', () => { drains += 1; });
    const megabyte = Buffer.alloc(1024 * 1024 - 1);
    for (let i = 1; i < 16; i += 1) expect(client.write('a', megabyte)).toBe(true);
    expect(client.write('a', megabyte)).toBe(false);
    for (let i = 0; i < 7; i += 1) engine.finish();
    expect(drains).toBe(0);
    engine.finish();
    expect(drains).toBe(1);
  });

  it('one message above all marks is taken, and drained', async () => {
    const { client, engine } = await fakeConnected();
    let drains = 0;
    client.on('drain', () => { drains += 1; });
    expect(client.write('a', Buffer.alloc(20 * 1024 * 1024))).toBe(false);
    engine.finish();
    expect(drains).toBe(1);
  });

  it('the end of the connection wakes a producer that waits, and the next write() tells it', async () => {
    const { client, engine } = await fakeConnected();
    engine.room = 0;
    expect(client.write('a', 'x')).toBe(false);
    const drained = new Promise<void>((resolve) => { client.once('drain', resolve); });
    engine.lose();
    await drained;
    expect(() => client.write('a', 'x')).toThrowError(expect.objectContaining({ code: 'ERR_MQTT_NOT_CONNECTED' }));
  });

  it('marks of one connection do not reach the next', async () => {
    const { client, engine, fake } = await fakeConnected();
    for (let i = 0; i < 20_000; i += 1) client.write('a', 'x');
    engine.lose();
    void fake.connecting();
    fake.engine.accept();
    expect(client.write('a', 'x')).toBe(true);
  });

  it('a drain listener that throws does not stop the engine', async () => {
    const { client, engine } = await fakeConnected();
    const uncaught = new Promise((resolve) => { process.setUncaughtExceptionCaptureCallback((error) => {
      process.setUncaughtExceptionCaptureCallback(null);
      resolve(error);
    }); });
    client.on('drain', () => { throw new Error('from drain'); });
    engine.room = 0;
    client.write('a', 'x');
    expect(() => engine.giveRoom(1)).not.toThrow();
    expect(await uncaught).toMatchObject({ message: 'from drain' });
  });
});

describe('timeouts and signals', () => {
  it('a timeout rejects with ERR_MQTT_TIMEOUT, not before its time; the late answer does nothing', async () => {
    const { client, engine } = await fakeConnected();
    const start = performance.now();
    await expect(client.publish('a', 'x', { qos: 1, timeout: 100 })).rejects.toMatchObject({ code: 'ERR_MQTT_TIMEOUT' });
    const took = performance.now() - start;
    expect(took).toBeGreaterThan(99);
    const next = watch(client.publish('b', 'x', { qos: 1 }));
    // The slot of the first is not free before the engine has answered.
    expect(engine.published[1]!.slot).not.toBe(engine.published[0]!.slot);
    engine.finish();
    await turn();
    expect(next.settled).toBe(false);
    engine.finish();
    await turn();
    expect(next.value).toMatchObject({ reasonCode: 0 });
  });

  it('operationTimeout is the default, 0 is none', async () => {
    const short = await fakeConnected({ operationTimeout: 50 });
    const unlimited = watch(short.client.publish('a', 'x', { qos: 1, timeout: 0 }));
    const limited: Promise<unknown>[] = [short.client.publish('a', 'x', { qos: 1 }), short.client.subscribe('a'), short.client.unsubscribe('a')];
    const ends = await Promise.allSettled(limited);
    expect(ends.map((end) => (end as { reason: { code: string } }).reason.code)).toEqual(Array(3).fill('ERR_MQTT_TIMEOUT'));
    expect(unlimited.settled).toBe(false);
    short.engine.lose();
    await turn();
    expect(unlimited.error?.code).toBe('ERR_MQTT_CONNECTION_LOST');
  });

  it('time while the event loop was busy does not count: answers that came meanwhile are heard first', async () => {
    const { client, engine } = await fakeConnected();
    const outcome = watch(client.publish('a', 'x', { qos: 1, timeout: 150 }));
    const until = performance.now() + 400;
    while (performance.now() < until);
    await new Promise((resolve) => { setTimeout(resolve, 1); });
    expect(outcome.settled).toBe(false);
    engine.finish();
    await turn();
    expect(outcome.value).toMatchObject({ reasonCode: 0 });
  });

  it('a signal aborts one, with its reason, and is let go when the publish has settled', async () => {
    const { client, engine } = await fakeConnected();
    const controller = new AbortController();
    const { signal } = controller;
    let listeners = 0;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => { listeners += 1; add(...args); };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => { listeners -= 1; remove(...args); };
    const done = client.publish('a', 'x', { signal });
    engine.finish();
    await done;
    expect(listeners).toBe(0);
    const outcome = watch(client.publish('a', 'x', { signal, qos: 1 }));
    const reason = new Error('enough');
    controller.abort(reason);
    await turn();
    expect(outcome.error).toMatchObject({ code: 'ERR_MQTT_ABORTED', cause: reason });
    expect(listeners).toBe(0);
    await expect(client.publish('a', 'x', { signal })).rejects.toMatchObject({ code: 'ERR_MQTT_ABORTED', cause: reason });
    expect(engine.published).toHaveLength(1);
  });

  it('ticks are counted up, one for the tick under way', () => {
    expect([0, 1, 100, 101, 30_000].map((time) => Pending.ticks(time))).toEqual([0, 2, 2, 3, 301]);
  });
});
