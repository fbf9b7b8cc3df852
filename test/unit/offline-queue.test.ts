/**
 * What is published while there is no connection, or while the engine has no room: that it waits in its order and leaves in it, what
 * becomes of it when the queue is full or its time is over, and that what waits is checked against the connection it is sent on.
 */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { turn } from '../support/fake-engine.js';
import { OutgoingRig } from '../support/outgoing-rig.js';

const codes = (outcomes: { error?: { code: string }; settled: boolean }[]): (string | undefined)[] =>
  outcomes.map((one) => one.error?.code ?? (one.settled ? 'ok' : undefined));

/** Properties with a Message Expiry Interval, as on the wire. */
const expiryOf = (properties: Buffer | undefined): number => properties!.readUInt32BE(1);

describe('while a connection is sought', () => {
  it('publish() and write() wait, and leave in the order of the calls', async () => {
    const rig = OutgoingRig.seeking();
    const outcomes = [rig.publish('a'), rig.publish('b', { qos: 1 })];
    expect(rig.write('c', { qos: 2 })).toBe(true);
    expect(rig.write('d')).toBe(true);
    expect(rig.queue).toEqual({ messages: 4, bytes: 8 });
    rig.accept();
    const late = rig.publish('e');
    expect(rig.topics).toEqual([]);
    rig.outgoing.resume();
    const last = rig.publish('f');
    expect(rig.topics).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
    expect(rig.queue).toEqual({ messages: 0, bytes: 0 });
    rig.engine.finishAll();
    await turn();
    expect(codes([...outcomes, late, last])).toEqual(['ok', 'ok', 'ok', 'ok']);
  });

  it('payload and properties are copied', async () => {
    const rig = OutgoingRig.seeking();
    const payload = Buffer.from('before');
    const correlationData = Buffer.from('c');
    rig.publish('a', { properties: { correlationData } }, payload);
    payload.fill('!');
    correlationData.fill('!');
    rig.connect();
    expect(rig.engine.published[0]).toMatchObject({ payload: 'before', properties: Buffer.from('09000163', 'hex') });
  });

  it('70,000 wait and each gets its own answer', async () => {
    const rig = OutgoingRig.seeking();
    const outcomes = Array.from({ length: 70_000 }, (_, i) => rig.publish(String(i), { qos: 1 }));
    rig.connect();
    expect(new Set(rig.engine.published.map((one) => one.slot)).size).toBe(70_000);
    for (const { slot, topic } of rig.engine.published.splice(0).reverse()) {
      rig.engine.sink.onPublished(slot, Number(topic) % 2 === 0 ? 0 : 0x97, undefined);
    }
    await turn();
    expect(outcomes.every((one, i) => (i % 2 === 0 ? one.value !== undefined : one.error?.code === 'ERR_MQTT_PUBLISH'))).toBe(true);
  });

  it('nobody seeks one: ERR_MQTT_NOT_CONNECTED; closed: ERR_MQTT_CLOSED', async () => {
    const rig = new OutgoingRig();
    const before = rig.publish('a', { qos: 1 });
    expect(() => rig.write('a')).toThrowError(expect.objectContaining({ code: 'ERR_MQTT_NOT_CONNECTED' }));
    rig.outgoing.seek();
    rig.outgoing.shut();
    const after = rig.publish('a', { qos: 1 });
    expect(() => rig.write('a')).toThrowError(expect.objectContaining({ code: 'ERR_MQTT_CLOSED' }));
    await turn();
    expect(codes([before, after])).toEqual(['ERR_MQTT_NOT_CONNECTED', 'ERR_MQTT_CLOSED']);
    expect(rig.stats.publishedMessages).toBe(0);
  });

  it('qos0: false: QoS 0 fails at once, and so does what was queued when the connection goes', async () => {
    const rig = OutgoingRig.connected({ qos0: false });
    rig.engine.room = 0;
    const queued = [rig.publish('a'), rig.publish('b', { qos: 1 })];
    rig.write('c');
    rig.engine.cut();
    const now = [rig.publish('d'), rig.publish('e', { qos: 2 })];
    expect(() => rig.write('f')).toThrowError(expect.objectContaining({ code: 'ERR_MQTT_NOT_CONNECTED' }));
    await turn();
    expect(codes([...queued, ...now])).toEqual(['ERR_MQTT_NOT_CONNECTED', undefined, 'ERR_MQTT_NOT_CONNECTED', undefined]);
    expect(rig.drops).toEqual(['c 0 ERR_MQTT_NOT_CONNECTED']);
    rig.connect();
    expect(rig.topics).toEqual(['b', 'e']);
  });
});

describe('a full queue', () => {
  it('reject: publish() rejects, write() throws, and neither is counted', async () => {
    const rig = OutgoingRig.seeking({ maxMessages: 2 });
    const kept = [rig.publish('a'), rig.publish('b', { qos: 1 })];
    const refused = rig.publish('c', { qos: 1 });
    expect(() => rig.write('d', { qos: 1 })).toThrowError(expect.objectContaining({ code: 'ERR_MQTT_QUEUE_FULL' }));
    expect(() => rig.write('e')).toThrowError(expect.objectContaining({ code: 'ERR_MQTT_QUEUE_FULL' }));
    await turn();
    expect(codes([...kept, refused])).toEqual([undefined, undefined, 'ERR_MQTT_QUEUE_FULL']);
    expect(rig.drops).toEqual([]);
    expect(rig.outgoing.snapshot()).toMatchObject({ published: { messages: 2, bytes: 4 }, dropped: {} });
    rig.connect();
    expect(rig.topics).toEqual(['a', 'b']);
    // Their slots are free: the next publish takes one of them.
    rig.publish('f');
    expect(rig.engine.published[2]!.slot).toBeLessThan(4);
  });

  it('drop-oldest: as many as it takes go from the front', async () => {
    const rig = OutgoingRig.seeking({ maxBytes: 40, overflow: 'drop-oldest' });
    const outcomes = ['a', 'b', 'c'].map((topic) => rig.publish(topic, { qos: 1 }, 'x'.repeat(9)));
    rig.write('d', { qos: 2 }, 'x'.repeat(9));
    const large = rig.publish('e', { qos: 1 }, 'x'.repeat(19));
    await turn();
    expect(codes([...outcomes, large])).toEqual(['ERR_MQTT_QUEUE_FULL', 'ERR_MQTT_QUEUE_FULL', undefined, undefined]);
    rig.write('f', {}, 'x'.repeat(29));
    expect(rig.drops).toEqual(['d 2 ERR_MQTT_QUEUE_FULL']);
    expect(rig.queue).toEqual({ messages: 1, bytes: 30 });
    await turn();
    expect(codes([...outcomes, large])).toEqual(Array(4).fill('ERR_MQTT_QUEUE_FULL'));
    rig.connect();
    expect(rig.topics).toEqual(['f']);
    expect(rig.outgoing.snapshot()).toMatchObject({ published: { messages: 6 }, dropped: { ERR_MQTT_QUEUE_FULL: 5 } });
  });

  it('drop-newest: the message itself is dropped', async () => {
    const rig = OutgoingRig.seeking({ maxMessages: 1, overflow: 'drop-newest' });
    const outcomes = [rig.publish('a'), rig.publish('b')];
    expect(rig.write('c')).toBe(false);
    expect(rig.write('d', { qos: 1 })).toBe(false);
    await turn();
    expect(codes(outcomes)).toEqual([undefined, 'ERR_MQTT_QUEUE_FULL']);
    expect(rig.drops).toEqual(['c 0 ERR_MQTT_QUEUE_FULL', 'd 1 ERR_MQTT_QUEUE_FULL']);
    const { published, dropped, queue } = rig.outgoing.snapshot();
    expect([published.messages, dropped, queue.messages]).toEqual([4, { ERR_MQTT_QUEUE_FULL: 3 }, 1]);
  });

  it('wait: publish() waits beyond the limit, write() cannot', async () => {
    const rig = OutgoingRig.seeking({ maxMessages: 1, overflow: 'wait' });
    const outcomes = ['a', 'b', 'c'].map((topic) => rig.publish(topic));
    expect(() => rig.write('d', { qos: 1 })).toThrowError(expect.objectContaining({ code: 'ERR_MQTT_QUEUE_FULL' }));
    expect(() => rig.write('e')).toThrowError(expect.objectContaining({ code: 'ERR_MQTT_QUEUE_FULL' }));
    rig.connect();
    expect(rig.topics).toEqual(['a', 'b', 'c']);
    rig.engine.finishAll();
    await turn();
    expect(codes(outcomes)).toEqual(['ok', 'ok', 'ok']);
  });

  it('one message larger than all of it goes into the empty queue, and only there', async () => {
    const rig = OutgoingRig.seeking({ maxBytes: 10 });
    const outcomes = [rig.publish('a', {}, 'x'.repeat(100)), rig.publish('b', {}, '')];
    await turn();
    expect(codes(outcomes)).toEqual([undefined, 'ERR_MQTT_QUEUE_FULL']);
    rig.connect();
    expect(rig.topics).toEqual(['a']);
  });

  it('what was aborted or timed out while it waited makes room at once', async () => {
    const rig = OutgoingRig.seeking({ maxMessages: 2, maxBytes: 100 });
    const controller = new AbortController();
    const first = rig.publish('a', { signal: controller.signal }, 'x'.repeat(60));
    const second = rig.publish('b', {}, 'x');
    controller.abort();
    expect(rig.queue).toEqual({ messages: 1, bytes: 2 });
    const third = rig.publish('c', {}, 'x'.repeat(60));
    await turn();
    expect(codes([first, second, third])).toEqual(['ERR_MQTT_ABORTED', undefined, undefined]);
    rig.connect();
    expect(rig.topics).toEqual(['b', 'c']);
    expect(rig.stats.snapshot({ messages: 0, bytes: 0 }, 0).dropped).toEqual({ ERR_MQTT_ABORTED: 1 });
  });

  it('limits what waits beside a busy engine, too', async () => {
    const rig = OutgoingRig.connected({ maxMessages: 2 });
    rig.engine.room = 1;
    const outcomes = ['a', 'b', 'c', 'd'].map((topic) => rig.publish(topic));
    await turn();
    expect(codes(outcomes)).toEqual([undefined, undefined, undefined, 'ERR_MQTT_QUEUE_FULL']);
    rig.engine.giveRoom(5);
    expect(rig.topics).toEqual(['a', 'b', 'c']);
  });

  it('a listener of drop that writes again finds everything in order', () => {
    const rig = OutgoingRig.seeking({ maxMessages: 3, overflow: 'drop-oldest' });
    let again = 0;
    rig.onDrop = () => {
      again += 1;
      if (again < 3) rig.write(`again${again}`);
    };
    for (const topic of ['a', 'b', 'c', 'd']) rig.write(topic);
    expect(rig.drops.map((one) => one.split(' ')[0])).toEqual(['a', 'b', 'c']);
    rig.connect();
    expect(rig.topics).toEqual(['d', 'again1', 'again2']);
  });
});

describe('Message Expiry Interval', () => {
  beforeEach(() => { vi.useFakeTimers({ toFake: ['performance', 'setInterval', 'clearInterval'] }); });
  afterEach(() => { vi.useRealTimers(); });
  const expiring = (seconds: number, more: object = {}) => ({ ...more, properties: { messageExpiryInterval: seconds } });

  it('is counted down by the full seconds a message has waited [MQTT-3.3.2-6]', () => {
    const rig = OutgoingRig.seeking();
    rig.publish('a', expiring(100));
    rig.publish('b', { properties: { payloadFormatIndicator: 1, userProperties: { k: 'v' }, contentType: 't', messageExpiryInterval: 100 } });
    vi.advanceTimersByTime(500);
    rig.publish('c', expiring(100));
    vi.advanceTimersByTime(9600);
    rig.connect();
    expect(rig.engine.published.map((one) => one.properties!.toString('hex'))).toEqual(['020000005a', '01012600016b0001760300017402' + '0000005a', '020000005b']);
    rig.publish('d', expiring(100));
    expect(expiryOf(rig.engine.published[3]!.properties)).toBe(100);
  });

  it('none left: ERR_MQTT_EXPIRED, noticed while there is no connection, and it makes room', async () => {
    const rig = OutgoingRig.seeking({ maxMessages: 3 });
    const outcomes = [rig.publish('a', expiring(2, { qos: 1 })), rig.publish('b')];
    rig.write('c', expiring(1, { qos: 1 }));
    vi.advanceTimersByTime(900);
    expect(rig.queue.messages).toBe(3);
    vi.advanceTimersByTime(200);
    expect(rig.drops).toEqual(['c 1 ERR_MQTT_EXPIRED']);
    vi.advanceTimersByTime(1000);
    await turn();
    expect(codes(outcomes)).toEqual(['ERR_MQTT_EXPIRED', undefined]);
    expect(rig.queue.messages).toBe(1);
    expect(rig.outgoing.snapshot().dropped).toEqual({ ERR_MQTT_EXPIRED: 2 });
  });

  it('is noticed without a promise to wait for, and the clock stops when nothing expires', () => {
    const rig = OutgoingRig.seeking();
    rig.write('a', expiring(1));
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(1200);
    expect(rig.drops).toEqual(['a 0 ERR_MQTT_EXPIRED']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is looked at before a message is refused for want of room, and before it is sent', async () => {
    const rig = OutgoingRig.seeking({ maxMessages: 1 });
    const first = rig.publish('a', expiring(1));
    // The clock has not ticked since.
    vi.setSystemTime(0);
    const now = performance.now();
    vi.spyOn(performance, 'now').mockImplementation(() => now + 1000);
    const second = rig.publish('b', expiring(1));
    vi.spyOn(performance, 'now').mockImplementation(() => now + 2000);
    rig.connect();
    await turn();
    expect(codes([first, second])).toEqual(['ERR_MQTT_EXPIRED', 'ERR_MQTT_EXPIRED']);
    expect(rig.topics).toEqual([]);
    vi.restoreAllMocks();
  });

  it('goes on over a connection for what comes back unsent', async () => {
    const rig = OutgoingRig.connected();
    const outcome = rig.publish('a', expiring(10, { qos: 1 }));
    rig.engine.cut(0);
    vi.advanceTimersByTime(4000);
    rig.reconnect();
    expect(expiryOf(rig.engine.published[0]!.properties)).toBe(6);
    rig.engine.cut(0);
    vi.advanceTimersByTime(6000);
    await turn();
    expect(outcome.error?.code).toBe('ERR_MQTT_EXPIRED');
  });

  it('no fraction of a second is given back however often the connection is cut', async () => {
    const rig = OutgoingRig.connected();
    const outcomes = [rig.publish('a', expiring(2, { qos: 1 })), rig.publish('b', expiring(60, { qos: 1 }))];
    rig.write('c', expiring(2, { qos: 1 }));
    const left: number[][] = [];
    for (let cut = 0; cut < 6; cut += 1) {
      rig.engine.cut(0);
      vi.advanceTimersByTime(300);
      rig.reconnect();
      vi.advanceTimersByTime(100);
      left.push(rig.engine.published.map((one) => expiryOf(one.properties)));
    }
    expect(left).toEqual([[2, 60, 2], [2, 60, 2], [1, 59, 1], [1, 59, 1], [1, 59, 1], [58]]);
    await turn();
    expect(codes(outcomes)).toEqual(['ERR_MQTT_EXPIRED', undefined]);
    expect(rig.drops).toEqual(['c 1 ERR_MQTT_EXPIRED']);
  });
});

describe('limits of the connection it is sent on', () => {
  it('what does not fit fails by itself, and what waits behind it goes', async () => {
    const rig = OutgoingRig.seeking();
    const outcomes = [
      rig.publish('a', { qos: 1 }), rig.publish('b', { qos: 2 }), rig.publish('c', { retain: true }), rig.publish('d', {}, 'x'.repeat(100)), rig.publish('e'),
    ];
    rig.write('f', { qos: 2 });
    rig.write('g', { retain: true });
    rig.connect({ maximumQoS: 1, retainAvailable: false, maximumPacketSize: 50 });
    expect(rig.topics).toEqual(['a', 'e']);
    await turn();
    expect(codes(outcomes)).toEqual([undefined, 'ERR_MQTT_NOT_SUPPORTED', 'ERR_MQTT_NOT_SUPPORTED', 'ERR_MQTT_PACKET_TOO_LARGE', undefined]);
    expect(rig.drops).toEqual(['f 2 ERR_MQTT_NOT_SUPPORTED', 'g 0 ERR_MQTT_NOT_SUPPORTED']);
  });

  it('3.1.1 has no properties', async () => {
    const rig = OutgoingRig.seeking();
    const outcomes = [rig.publish('a', { properties: { contentType: 't' } }), rig.publish('b', { properties: {} })];
    rig.connect({}, 4);
    expect(rig.topics).toEqual(['b']);
    await turn();
    expect(codes(outcomes)).toEqual(['ERR_MQTT_NOT_SUPPORTED', undefined]);
  });

  it('are known while the connection waits for resume(): what is wrong is refused at once', async () => {
    const rig = OutgoingRig.seeking();
    rig.accept({ maximumQoS: 0 });
    const refused = rig.publish('a', { qos: 1 });
    await turn();
    expect(codes([refused])).toEqual(['ERR_MQTT_NOT_SUPPORTED']);
    expect(rig.queue.messages).toBe(0);
  });

  it('the user who destroys the client when told of a drop stops what is under way', () => {
    const rig = OutgoingRig.seeking();
    rig.write('a', { qos: 2 });
    rig.write('b', { qos: 1 });
    rig.onDrop = () => {
      rig.onDrop = () => undefined;
      rig.outgoing.shut();
      rig.outgoing.disconnected(rig.outgoing.unavailable(), false);
    };
    rig.connect({ maximumQoS: 1 });
    expect(rig.topics).toEqual([]);
    expect(rig.drops).toEqual(['a 2 ERR_MQTT_NOT_SUPPORTED', 'b 1 ERR_MQTT_CLOSED']);
  });
});

describe('back-pressure', () => {
  it('without a connection write() says true up to the mark, then false; drain follows below half of it', () => {
    const rig = OutgoingRig.seeking({ highWaterMessages: 10 });
    const said = Array.from({ length: 11 }, (_, i) => rig.write(String(i)));
    expect(said).toEqual([...Array<boolean>(9).fill(true), false, false]);
    rig.connect();
    // All is with the engine, and on its way.
    expect(rig.drains).toBe(0);
    for (let i = 0; i < 5; i += 1) rig.engine.finish();
    expect(rig.drains).toBe(0);
    rig.engine.finish();
    expect(rig.drains).toBe(1);
  });

  it('bytes have a mark of their own', () => {
    const rig = OutgoingRig.seeking({ highWaterBytes: 100 });
    expect([50, 40, 20].map((length) => rig.write('a', {}, 'x'.repeat(length)))).toEqual([true, true, false]);
    rig.connect();
    rig.engine.finish();
    expect(rig.drains).toBe(0);
    rig.engine.finish();
    expect(rig.drains).toBe(1);
  });

  it('a full queue is no room, whatever the marks say', () => {
    const rig = OutgoingRig.seeking({ maxMessages: 4 });
    expect([1, 2, 3, 4].map((i) => rig.write(String(i)))).toEqual([true, true, true, false]);
    rig.connect();
    expect(rig.drains).toBe(1);
    expect(rig.write('a')).toBe(true);
  });

  it('of a connection that is lost, drain follows when what waits is below half', () => {
    const rig = OutgoingRig.connected();
    rig.engine.room = 0;
    expect(rig.write('a')).toBe(false);
    rig.engine.cut();
    expect(rig.drains).toBe(1);
    expect(rig.write('b')).toBe(true);
  });

  it('what expires or is aborted counts as gone', () => {
    const rig = OutgoingRig.seeking({ highWaterMessages: 2 });
    const controller = new AbortController();
    rig.publish('a', { signal: controller.signal });
    expect(rig.write('b')).toBe(false);
    controller.abort();
    rig.connect();
    rig.engine.finish();
    expect(rig.drains).toBe(1);
  });
});
