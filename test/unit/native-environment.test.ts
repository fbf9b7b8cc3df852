/**
 * What the native engine makes of three rings: who gets what, in which order, and when. The reactor is one that the test moves, because
 * the interesting cases are what it does between two looks of this thread.
 */
import { describe, expect, it } from 'vitest';
import type { EngineFailure, EngineOpen, EngineSink } from '../../dist/engine/engine.js';
import type { Environment } from '../../dist/engine/native/environment.js';
import * as layout from '../../dist/engine/native/layout.js';
import { NativeEngine } from '../../dist/engine/native/native-engine.js';
import { FakeReactor } from '../support/fake-reactor.js';

const NO_SLOT = layout.NO_SLOT;
const SIZES = { submissions: 4096, completions: 64, messages: 4096 };
const BIG = { submissions: 1 << 18, completions: 8192, messages: 1 << 18 };

const turn = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });
/** Long enough for a notify, and for what it continues. */
async function turns(count = 4): Promise<void> {
  for (let i = 0; i < count; i++) await turn();
}

function openOptions(changes: Partial<EngineOpen> = {}): EngineOpen {
  return {
    transport: 'tcp',
    host: 'server',
    port: 1883,
    path: '/',
    tls: undefined,
    protocolVersion: 5,
    cleanStart: true,
    keepAlive: 60,
    clientId: 'c',
    username: undefined,
    password: undefined,
    will: undefined,
    properties: undefined,
    receiveMaximum: 1000,
    maximumPacketSize: 0,
    topicAliasMaximum: 0,
    outgoingTopicAliases: 0,
    window: 100,
    lookAhead: 4096,
    connectTimeout: 1000,
    ...changes,
  };
}

/** Writes down what the engine reports. */
class Diary implements EngineSink<string> {
  readonly lines: string[] = [];
  readonly failures: EngineFailure[] = [];
  /** Messages handed out at a time; what is above it is for the next turn. */
  appetite = Infinity;
  onLine: (line: string) => void = () => undefined;

  private write(line: string): void {
    this.lines.push(line);
    this.onLine(line);
  }

  createMessage(topic: string, slab: Uint8Array, offset: number, length: number): string {
    return `${topic} ${Buffer.from(slab.buffer, slab.byteOffset + offset, length).toString()}`;
  }

  onMessages(batch: string[], from: number): number {
    const to = Math.min(batch.length, from + this.appetite);
    for (let i = from; i < to; i++) this.write(batch[i]!);
    return to;
  }

  onConnected(): void { this.write('connected'); }
  onOpenFailed(failure: EngineFailure): void { this.fail('open failed', failure); }
  onDisconnected(failure: EngineFailure): void { this.fail('disconnected', failure); }
  onUnsent(topic: string, payload: Uint8Array | string, flags: number, properties: Uint8Array | undefined, slot: number): void {
    const text = Buffer.from(payload as Uint8Array).toString();
    this.write(`unsent ${topic} ${text} ${flags} ${slot}${properties === undefined ? '' : ` ${[...properties].join()}`}`);
  }

  onPublished(slot: number, reasonCode: number, properties: Uint8Array | undefined): void {
    this.write(`published ${slot} ${reasonCode}${properties === undefined ? '' : ` ${[...properties].join()}`}`);
  }

  onRequestFailed(slot: number, failure: EngineFailure): void { this.fail(`failed ${slot}`, failure); }
  onSubscribed(slot: number, reasonCodes: Uint8Array): void { this.write(`subscribed ${slot} ${[...reasonCodes].join()}`); }
  onUnsubscribed(slot: number): void { this.write(`unsubscribed ${slot}`); }
  onCredit(messages: number): void { this.write(`credit ${messages}`); }
  onRoom(): void { this.write('room'); }

  private fail(what: string, failure: EngineFailure): void {
    this.failures.push(failure);
    this.write(`${what} ${failure.code}`);
  }
}

interface Setup { reactor: FakeReactor; environment: Environment }
interface Opened { engine: NativeEngine<string>; diary: Diary }

function make({ environment }: Setup): Opened {
  const diary = new Diary();
  return { diary, engine: new NativeEngine(diary, 'a test', environment) };
}

/** A connected client with an empty diary. */
async function connected(setup: Setup): Promise<Opened> {
  const opened = make(setup);
  opened.engine.open(openOptions());
  setup.reactor.arrive({ kind: layout.EVENT_CONNECTED, client: opened.engine.number, slot: 0 });
  setup.reactor.notify();
  await turns();
  expect(opened.diary.lines).toEqual(['connected']);
  opened.diary.lines.length = 0;
  return opened;
}

function message({ reactor }: Setup, { engine }: Opened, text: string): void {
  const put = reactor.arrive({ kind: layout.EVENT_MESSAGE, client: engine.number, topic: 't', payload: Buffer.from(text) });
  expect(put).toBe(true);
}

describe('native engine: order', () => {
  it('events keep their place among the messages of their client, however slowly those are handed out', async () => {
    const setup = FakeReactor.environment(SIZES);
    const opened = await connected(setup);
    const { engine, diary } = opened;
    engine.subscribe(5, ['a'], Uint8Array.of(1), undefined);
    diary.appetite = 1;
    message(setup, opened, '1');
    message(setup, opened, '2');
    setup.reactor.arrive({ kind: layout.EVENT_SUBSCRIBED, client: engine.number, slot: 5, aux: 0, payload: Buffer.of(1) });
    message(setup, opened, '3');
    setup.reactor.arrive({ kind: layout.EVENT_DISCONNECTED, client: engine.number, slot: layout.ERR_KEEP_ALIVE, payload: Buffer.from('x') });
    setup.reactor.notify();
    await turns(1);
    expect(diary.lines).toEqual(['t 1']);
    await turns(10);
    expect(diary.lines).toEqual(['t 1', 't 2', 'subscribed 5 1', 't 3', 'disconnected ERR_MQTT_KEEP_ALIVE']);
  });

  it('messages that come while a batch is being handed out come behind it', async () => {
    const setup = FakeReactor.environment(SIZES);
    const opened = await connected(setup);
    opened.diary.appetite = 2;
    for (const text of ['1', '2', '3']) message(setup, opened, text);
    setup.reactor.notify();
    await turns(1);
    for (const text of ['4', '5', '6']) message(setup, opened, text);
    await turns(10);
    expect(opened.diary.lines).toEqual(['t 1', 't 2', 't 3', 't 4', 't 5', 't 6']);
  });

  it('the result of a publish does not wait behind messages', async () => {
    const setup = FakeReactor.environment(SIZES);
    const opened = await connected(setup);
    opened.engine.publish('t', 'x', 1, undefined, 8);
    opened.diary.appetite = 1;
    for (const text of ['1', '2', '3']) message(setup, opened, text);
    setup.reactor.arrive({ kind: layout.EVENT_PUBLISHED, client: opened.engine.number, slot: 8, aux: 16, properties: Buffer.of(31, 0, 0) });
    setup.reactor.notify();
    await turns(10);
    expect(opened.diary.lines).toEqual(['published 8 16 31,0,0', 't 1', 't 2', 't 3']);
  });

  it('the end of a connection is reported after the results of all that was submitted before it was known', async () => {
    const setup = FakeReactor.environment(SIZES);
    const { engine, diary } = await connected(setup);
    setup.reactor.arrive({ kind: layout.EVENT_DISCONNECTED, client: engine.number, slot: layout.ERR_CONNECTION_LOST });
    setup.reactor.notify();
    expect(engine.publish('t', 'x', 1, undefined, 4)).toBe(true);
    engine.subscribe(6, ['a'], Uint8Array.of(0), undefined);
    await turns();
    expect(diary.lines).toEqual([]);
    expect(engine.publish('t', 'y', 1, undefined, 5)).toBe(false);
    setup.reactor.answer(setup.reactor.take(), layout.ERR_CONNECTION_LOST);
    setup.reactor.notify();
    await turns();
    expect(diary.lines).toEqual(['credit 1']);
    setup.reactor.arrive({ kind: layout.EVENT_SUBSCRIBED, client: engine.number, slot: 6, aux: layout.ERR_CONNECTION_LOST });
    setup.reactor.notify();
    await turns();
    const lost = 'ERR_MQTT_CONNECTION_LOST';
    expect(diary.lines.slice(1)).toEqual([`failed 4 ${lost}`, `failed 6 ${lost}`, `disconnected ${lost}`]);
  });

  it('requests that ended with the connection fail with the reason that its end brings', async () => {
    const setup = FakeReactor.environment(SIZES);
    const { engine, diary } = await connected(setup);
    engine.publish('t', 'x', 1, undefined, 0);
    await turns();
    setup.reactor.answer(setup.reactor.take(), layout.ERR_SERVER_DISCONNECT);
    setup.reactor.arrive({
      kind: layout.EVENT_DISCONNECTED,
      client: engine.number,
      slot: layout.ERR_SERVER_DISCONNECT,
      aux: 0x8b,
      payload: Buffer.from('Server shutting down'),
    });
    setup.reactor.notify();
    await turns();
    expect(diary.lines).toEqual(['credit 1', 'failed 0 ERR_MQTT_SERVER_DISCONNECT', 'disconnected ERR_MQTT_SERVER_DISCONNECT']);
    expect(diary.failures).toMatchObject([{ reasonCode: 0x8b, message: 'Server shutting down' }, { reasonCode: 0x8b }]);
  });

  it('completions written before the end of the connection are handed out before it', async () => {
    const setup = FakeReactor.environment(SIZES);
    const { engine, diary } = await connected(setup);
    engine.publish('t', 'x', 1, undefined, 0);
    engine.publish('t', 'x', 1, undefined, 1);
    await turns();
    setup.reactor.answer(setup.reactor.take(), layout.ERR_CLOSED);
    setup.reactor.arrive({ kind: layout.EVENT_DISCONNECTED, client: engine.number, slot: layout.ERR_CLOSED });
    setup.reactor.notify();
    await turns();
    expect(diary.lines.at(-1)).toBe('disconnected ERR_MQTT_CLOSED');
    expect(diary.lines.filter((line) => line.startsWith('failed'))).toEqual(['failed 0 ERR_MQTT_CLOSED', 'failed 1 ERR_MQTT_CLOSED']);
  });
});

describe('native engine: session', () => {
  const lost = (setup: Setup, { engine }: Opened, kept = 0, keptBytes = 0): void => {
    setup.reactor.arrive({ kind: layout.EVENT_DISCONNECTED, client: engine.number, slot: layout.ERR_CONNECTION_LOST, kept, keptBytes });
    setup.reactor.notify();
  };

  it('what was not sent goes back in order before the end, and the end waits for what is still in the ring', async () => {
    const setup = FakeReactor.environment(SIZES);
    const opened = await connected(setup);
    const { engine, diary } = opened;
    engine.publish('t', 'a', 1, undefined, 1);
    engine.publish('t', 'b', 2 | 4, Buffer.of(1, 1), NO_SLOT);
    await turns();
    const taken = setup.reactor.take();
    engine.publish('t', 'late', 0, undefined, 3);
    setup.reactor.giveBack(taken);
    lost(setup, opened);
    await turns();
    expect(diary.lines).toEqual(['unsent t a 1 1', 'unsent t b 6 -1 1,1']);
    setup.reactor.giveBack(setup.reactor.take());
    setup.reactor.notify();
    await turns();
    expect(diary.lines.slice(2)).toEqual(['unsent t late 0 3', 'disconnected ERR_MQTT_CONNECTION_LOST']);
  });

  it('nothing is taken from the first publish on that comes back: handed over again, it would end up behind the others', async () => {
    const setup = FakeReactor.environment(SIZES);
    const opened = await connected(setup);
    const { engine, diary } = opened;
    engine.publish('t', 'a', 1, undefined, 1);
    engine.publish('t', 'b', 1, undefined, 2);
    await turns();
    const again: boolean[] = [];
    diary.onLine = (line) => { if (line.startsWith('unsent')) again.push(engine.publish('t', 'again', 1, undefined, 3)); };
    setup.reactor.giveBack(setup.reactor.take());
    lost(setup, opened);
    await turns();
    expect(again).toEqual([false, false]);
    expect(diary.lines).toEqual(['unsent t a 1 1', 'unsent t b 1 2', 'disconnected ERR_MQTT_CONNECTION_LOST']);
    expect(setup.reactor.take()).toEqual([]);
  });

  it('publishes with topic by id, by address and with their properties in front of the payload go back whole', async () => {
    const setup = FakeReactor.environment(BIG);
    const opened = await connected(setup);
    const { engine, diary } = opened;
    for (let slot = 0; slot < 4; slot++) engine.publish('t', '', 1, undefined, slot);
    await turns();
    setup.reactor.take();
    const { number } = engine;
    const properties = Buffer.of(1, 1);
    const payload = Buffer.from('large');
    setup.reactor.arrive({ kind: layout.EVENT_TOPIC, client: -1, topic: 'known', topicId: 7 });
    setup.reactor.arrive({ kind: layout.EVENT_UNSENT, client: number, topicId: 7, payload: Buffer.from('x'), flags: 1, slot: 0, aux: 0 });
    setup.reactor.arrive({ kind: layout.EVENT_UNSENT_LARGE, client: number, topicId: 7, payload, large: true, flags: 1, slot: 1, aux: 0 });
    setup.reactor.arrive({ kind: layout.EVENT_UNSENT_LARGE, client: number, topic: 'text', payload, properties, large: true, flags: 2, slot: 2 });
    const together = { payload, properties, large: true, propertiesLarge: true };
    setup.reactor.arrive({ kind: layout.EVENT_UNSENT_LARGE, client: number, topic: 'text', ...together, flags: 4, slot: 3 });
    lost(setup, opened);
    await turns();
    expect(diary.lines).toEqual([
      'unsent known x 1 0', 'unsent known large 1 1', 'unsent text large 2 2 1,1', 'unsent text large 4 3 1,1',
      'disconnected ERR_MQTT_CONNECTION_LOST',
    ]);
    expect(setup.reactor.payloads.size).toBe(0);
  });

  it('what the session keeps in flight does not hold up the end, and is ahead of the next connection', async () => {
    const setup = FakeReactor.environment(SIZES);
    const opened = await connected(setup);
    const { engine, diary } = opened;
    for (let slot = 0; slot < 3; slot++) engine.publish('t', 'x', 1, undefined, slot);
    await turns();
    const taken = setup.reactor.take();
    setup.reactor.answer(taken.slice(0, 1));
    lost(setup, opened, 2, taken[1]!.bytes + taken[2]!.bytes);
    await turns();
    expect(diary.lines).toEqual(['published 0 0', 'credit 1', 'disconnected ERR_MQTT_CONNECTION_LOST']);
    engine.open(openOptions({ cleanStart: false, lookAhead: 3 }));
    setup.reactor.arrive({ kind: layout.EVENT_CONNECTED, client: engine.number, slot: 1 });
    setup.reactor.notify();
    await turns();
    expect([engine.publish('t', 'y', 0, undefined, NO_SLOT), engine.publish('t', 'z', 0, undefined, NO_SLOT)]).toEqual([true, false]);
    setup.reactor.answer(taken.slice(1));
    setup.reactor.notify();
    await turns();
    expect(diary.lines.slice(3)).toEqual(['connected', 'published 1 0', 'credit 1', 'published 2 0', 'credit 1', 'room']);
  });

  it('a session the server has lost fails before the connection is reported, and one whose attempt fails stays', async () => {
    const setup = FakeReactor.environment(SIZES);
    const opened = await connected(setup);
    const { engine, diary } = opened;
    engine.publish('t', 'x', 1, undefined, 7);
    await turns();
    const taken = setup.reactor.take();
    lost(setup, opened, 1, taken[0]!.bytes);
    await turns();
    engine.open(openOptions({ cleanStart: false }));
    const { number } = engine;
    setup.reactor.arrive({ kind: layout.EVENT_OPEN_FAILED, client: number, slot: layout.ERR_CONNECT, kept: 1, keptBytes: taken[0]!.bytes });
    setup.reactor.notify();
    await turns();
    engine.open(openOptions({ cleanStart: false }));
    setup.reactor.answer(taken, layout.ERR_CONNECTION_LOST);
    setup.reactor.arrive({ kind: layout.EVENT_CONNECTED, client: number, slot: 0 });
    setup.reactor.notify();
    await turns();
    expect(diary.lines).toEqual([
      'disconnected ERR_MQTT_CONNECTION_LOST', 'open failed ERR_MQTT_CONNECT', 'failed 7 ERR_MQTT_CONNECTION_LOST', 'credit 1', 'connected',
    ]);
  });

  it('an attempt that the core does not even begin leaves the session as it is', async () => {
    const setup = FakeReactor.environment(SIZES);
    const opened = await connected(setup);
    const { engine, diary } = opened;
    engine.publish('t', 'x', 1, undefined, 7);
    await turns();
    lost(setup, opened, 1, setup.reactor.take()[0]!.bytes);
    await turns();
    setup.reactor.results.set('open', layout.ERR_NO_MEMORY);
    engine.open(openOptions({ cleanStart: false }));
    await turns();
    expect(diary.lines.at(-1)).toBe('open failed ERR_MQTT_CONNECTION_LOST');
    setup.reactor.results.clear();
    engine.open(openOptions({ cleanStart: false, lookAhead: 1 }));
    expect(engine.publish('t', 'y', 0, undefined, NO_SLOT)).toBe(false);
  });

  it('a publish that expired while it waited fails by itself', async () => {
    const setup = FakeReactor.environment(SIZES);
    const { engine, diary } = await connected(setup);
    engine.publish('t', 'x', 1, Buffer.of(2, 0, 0, 0, 1), 7);
    await turns();
    setup.reactor.answer(setup.reactor.take(), layout.ERR_EXPIRED);
    setup.reactor.notify();
    await turns();
    expect(diary.lines).toEqual(['failed 7 ERR_MQTT_EXPIRED', 'credit 1']);
  });
});

describe('native engine: several clients', () => {
  it('a client that never gets done does not keep the messages of another', async () => {
    const setup = FakeReactor.environment(BIG);
    const slow = await connected(setup);
    const other = await connected(setup);
    slow.diary.appetite = 1;
    // Each of its messages takes longer than a drain may.
    slow.diary.onLine = () => {
      for (const end = performance.now() + 8; performance.now() < end;);
    };
    for (let i = 0; i < 20; i++) message(setup, slow, String(i));
    message(setup, other, 'hello');
    setup.reactor.notify();
    await turns(3);
    expect(other.diary.lines).toEqual(['t hello']);
    expect(slow.diary.lines.length).toBeLessThan(5);
    message(setup, other, 'again');
    await turns(4);
    expect(other.diary.lines).toEqual(['t hello', 't again']);
    slow.diary.onLine = () => undefined;
    await turns(25);
    expect(slow.diary.lines.length).toBe(20);
  });

  it('what a sink throws leaves the drain, and everything else is still delivered', async () => {
    const setup = FakeReactor.environment(SIZES);
    const [a, b] = [await connected(setup), await connected(setup)];
    a.diary.onLine = () => {
      throw new Error('from a listener');
    };
    message(setup, a, '1');
    message(setup, b, '2');
    setup.reactor.arrive({ kind: layout.EVENT_DISCONNECTED, client: b.engine.number, slot: layout.ERR_CLOSED });
    expect(() => { setup.reactor.onWake(); }).toThrow('from a listener');
    a.diary.onLine = () => undefined;
    message(setup, a, '3');
    await turns();
    expect(a.diary.lines).toEqual(['t 1', 't 3']);
    expect(b.diary.lines).toEqual(['t 2', 'disconnected ERR_MQTT_CLOSED']);
  });

  it('a number that is given again belongs to its new client only behind the last record of the old one', async () => {
    const setup = FakeReactor.environment(SIZES);
    const old = await connected(setup);
    const { number } = old.engine;
    message(setup, old, 'of the old client');
    old.engine.destroy();
    setup.reactor.free(number);
    const fresh = make(setup);
    fresh.engine.open(openOptions());
    expect(fresh.engine.number).toBe(number);
    setup.reactor.arrive({ kind: layout.EVENT_DESTROYED, client: number });
    setup.reactor.arrive({ kind: layout.EVENT_CONNECTED, client: number });
    message(setup, fresh, 'of the new client');
    setup.reactor.notify();
    await turns();
    expect(old.diary.lines).toEqual([]);
    expect(fresh.diary.lines).toEqual(['connected', 't of the new client']);
  });

  it('a destroyed client hears nothing more, not even the rest of the batch it is in', async () => {
    const setup = FakeReactor.environment(SIZES);
    const opened = await connected(setup);
    opened.engine.publish('t', 'x', 1, undefined, 1);
    opened.diary.appetite = 1;
    opened.diary.onLine = () => { opened.engine.destroy(); };
    for (const text of ['1', '2', '3']) message(setup, opened, text);
    setup.reactor.notify();
    await turns();
    setup.reactor.answer(setup.reactor.take());
    setup.reactor.notify();
    await turns();
    expect(opened.diary.lines).toEqual(['t 1']);
    expect(setup.reactor.calls.filter((call) => call.startsWith('destroy'))).toEqual(['destroyClient 0']);
  });
});

describe('native engine: room', () => {
  it('no more messages are ahead than open() allows; room is reported when half of them are done', async () => {
    const setup = FakeReactor.environment(BIG);
    const { engine, diary } = await connected(setup);
    const taken = [];
    let put = 0;
    for (; put <= 5000; put++) {
      if (!engine.publish('t', '', 1, undefined, NO_SLOT)) break;
      if (put % 1000 === 0) taken.push(...setup.reactor.take());
    }
    expect(put).toBe(4096);
    await turns();
    taken.push(...setup.reactor.take());
    expect(taken.length).toBe(4096);
    setup.reactor.answer(taken.slice(0, 2047));
    setup.reactor.notify();
    await turns();
    expect(diary.lines).not.toContain('room');
    setup.reactor.answer(taken.slice(2047, 2048));
    setup.reactor.notify();
    await turns();
    expect(diary.lines.at(-1)).toBe('room');
    expect(engine.publish('t', '', 1, undefined, NO_SLOT)).toBe(true);
  });

  it('no more than 1 MiB is ahead, or 16 messages with 4 MiB, or two of any size', async () => {
    const setup = FakeReactor.environment(BIG);
    const { engine, diary } = await connected(setup);
    const publish = (bytes: number): boolean => engine.publish('t', Buffer.alloc(bytes), 1, undefined, NO_SLOT);
    const answer = async (count: number): Promise<void> => {
      setup.reactor.answer(taken.splice(0, count));
      setup.reactor.notify();
      await turns();
    };
    expect([publish(5 << 20), publish(5 << 20), publish(0)]).toEqual([true, true, false]);
    const taken = setup.reactor.take();
    await answer(1);
    expect(diary.lines).toEqual(['credit 1', 'room']);
    expect([publish(5 << 20), publish(0)]).toEqual([true, false]);
    taken.push(...setup.reactor.take());
    await answer(2);
    expect(Array.from({ length: 17 }, () => publish(200_000))).toEqual([...Array.from({ length: 16 }, () => true), false]);
    taken.push(...setup.reactor.take());
    diary.lines.length = 0;
    await answer(7);
    expect(diary.lines).not.toContain('room');
    await answer(1);
    expect(diary.lines.at(-1)).toBe('room');
    expect([publish(3 << 20), publish(2 << 20)]).toEqual([false, true]);
    taken.push(...setup.reactor.take());
    await answer(9);
    expect([publish(600_000), publish(600_000), publish(300_000), publish(600_000)]).toEqual([true, true, true, true]);
    for (let i = 0; i < 300; i++) publish(0);
    expect(publish(0)).toBe(false);
  });

  it('a full ring is shared: who was refused is asked again in turn, and all get through', async () => {
    const setup = FakeReactor.environment(SIZES);
    const clients = [await connected(setup), await connected(setup), await connected(setup)];
    const seen = [0, 0, 0];
    clients.forEach(({ engine, diary }) => {
      let left = 200;
      const go = (): void => {
        while (left > 0 && engine.publish('t', Buffer.alloc(80), 0, undefined, NO_SLOT)) left--;
      };
      diary.onLine = (line) => { if (line === 'room') go(); };
      go();
    });
    const order: number[] = [];
    for (let i = 0; i < 60; i++) {
      const taken = setup.reactor.take();
      for (const { client } of taken) {
        seen[client]!++;
        order.push(client);
      }
      await turns(2);
      setup.reactor.answer(taken);
      setup.reactor.notify();
      await turns(2);
    }
    expect(seen).toEqual([200, 200, 200]);
    // Nobody is through before everybody has had a turn.
    expect(new Set(order.slice(0, 300)).size).toBe(3);
  });

  it('acknowledgements that found no room are written first when there is room again', async () => {
    const setup = FakeReactor.environment(SIZES);
    const { engine, diary } = await connected(setup);
    while (engine.publish('t', Buffer.alloc(100), 0, undefined, NO_SLOT));
    // What publishes leave free is used up by others.
    while (setup.environment.submissions.note(layout.SUBMIT_TAKEN, 0, 0, 0, 0));
    engine.ack(3, 0);
    engine.ack(4, 0x80);
    engine.ack(2, 0x80);
    engine.taken(9, 90);
    await turns();
    diary.onLine = (line) => { if (line === 'room') engine.publish('t', 'late', 0, undefined, NO_SLOT); };
    setup.reactor.take();
    await turns();
    const taken = setup.reactor.take();
    expect(taken.map(({ kind, slot }) => [kind, slot])).toEqual([
      [layout.SUBMIT_ACK, 3],
      [layout.SUBMIT_ACK, 6],
      [layout.SUBMIT_TAKEN, 9],
      [layout.SUBMIT_PUBLISH, NO_SLOT],
    ]);
    expect(taken.slice(0, 2).map(({ aux }) => aux)).toEqual([0, 0x80]);
    expect(taken[3]!.payload.toString()).toBe('late');
  });

  it('acknowledgements of a turn are one record, and come before the command that follows', async () => {
    const setup = FakeReactor.environment(SIZES);
    const { engine } = await connected(setup);
    for (let i = 0; i < 10; i++) {
      engine.ack(1, 0);
      engine.taken(1, 5);
    }
    engine.close(0, undefined);
    const taken = setup.reactor.take();
    expect(taken.map(({ kind, slot, bytes }) => [kind, slot, bytes])).toEqual([
      [layout.SUBMIT_ACK, 10, layout.RECORD_HEADER],
      [layout.SUBMIT_TAKEN, 10, 50],
    ]);
    expect(setup.reactor.calls.at(-1)).toBe('close 0 0');
    await turns();
    expect(setup.reactor.take()).toEqual([]);
  });

  it('the reactor is woken when it waits for room in its rings', async () => {
    const setup = FakeReactor.environment(SIZES);
    const opened = await connected(setup);
    const { control } = setup.reactor;
    while (setup.reactor.arrive({ kind: layout.EVENT_MESSAGE, client: opened.engine.number, topic: 't', payload: Buffer.alloc(100) }));
    control[layout.CTL_OUT_WANTED] = 1;
    setup.reactor.notify();
    await turns();
    expect(control[layout.CTL_OUT_WANTED]).toBe(0);
    expect(setup.reactor.calls.filter((call) => call === 'wake').length).toBe(1);
  });
});

describe('native engine: wake-ups', () => {
  it('a record written while this thread was handing out is found without another notify', async () => {
    const setup = FakeReactor.environment(SIZES);
    const opened = await connected(setup);
    opened.diary.onLine = (line) => {
      if (line !== 't 1') return;
      message(setup, opened, '2');
      setup.reactor.complete(opened.engine.number, NO_SLOT, 0, 0);
      setup.reactor.notify();
    };
    const before = setup.reactor.notified;
    message(setup, opened, '1');
    setup.reactor.notify();
    await turns();
    expect(opened.diary.lines).toEqual(['t 1', 'credit 0', 't 2']);
    expect(setup.reactor.notified).toBe(before + 1);
    expect(setup.reactor.control[layout.CTL_LISTENING]).toBe(1);
  });

  it('room that came while this thread was handing out is found without another notify', async () => {
    const setup = FakeReactor.environment(SIZES);
    const opened = await connected(setup);
    const { engine, diary } = opened;
    while (engine.publish('t', Buffer.alloc(100), 0, undefined, NO_SLOT));
    diary.onLine = (line) => { if (line === 't now') setup.reactor.take(); };
    const before = setup.reactor.notified;
    message(setup, opened, 'now');
    setup.reactor.notify();
    await turns();
    expect(diary.lines).toEqual(['t now', 'room']);
    expect(setup.reactor.notified).toBe(before + 1);
  });

  it('a drain that always finds more lets the event loop turn', async () => {
    const setup = FakeReactor.environment(SIZES);
    const opened = await connected(setup);
    let more = 200;
    let others = 0;
    opened.diary.onLine = () => { if (more-- > 0) message(setup, opened, 'more'); };
    message(setup, opened, 'first');
    setup.reactor.notify();
    while (more > 0) {
      await turn();
      others++;
    }
    expect(others).toBeGreaterThan(20);
  });
});

describe('native engine: life', () => {
  it('an open engine keeps the process alive unless unref() was called, as a socket does', async () => {
    const setup = FakeReactor.environment(SIZES);
    const { engine } = make(setup);
    expect(setup.reactor.refs).toBe(0);
    engine.open(openOptions());
    expect(setup.reactor.refs).toBe(1);
    engine.unref();
    engine.unref();
    expect(setup.reactor.refs).toBe(0);
    engine.ref();
    expect(setup.reactor.refs).toBe(1);
    setup.reactor.arrive({ kind: layout.EVENT_OPEN_FAILED, client: engine.number, slot: layout.ERR_CONNECT });
    setup.reactor.notify();
    await turns();
    expect(setup.reactor.refs).toBe(0);
    const other = make(setup);
    other.engine.unref();
    other.engine.open(openOptions());
    expect(setup.reactor.refs).toBe(0);
    other.engine.destroy();
    expect(setup.reactor.refs).toBe(0);
  });

  it('what the core refuses at the call is reported later, never from inside the call', async () => {
    const setup = FakeReactor.environment(SIZES);
    setup.reactor.results.set('open', layout.ERR_NO_MEMORY);
    const { engine, diary } = make(setup);
    engine.open(openOptions());
    expect(diary.lines).toEqual([]);
    await turns();
    expect(diary.lines).toEqual(['open failed ERR_MQTT_CONNECTION_LOST']);
    setup.reactor.results.clear();
    const opened = await connected(setup);
    setup.reactor.results.set('subscribe', layout.ERR_STATE);
    opened.engine.subscribe(3, ['a'], Uint8Array.of(0), undefined);
    expect(opened.diary.lines).toEqual([]);
    await turns();
    expect(opened.diary.lines).toEqual(['failed 3 ERR_MQTT_NOT_CONNECTED']);
  });

  it('a failure has the code of its cause, the text of the core, and a reason code where there is one', async () => {
    const setup = FakeReactor.environment(SIZES);
    const cases: [number, number, string, number | undefined][] = [
      [layout.ERR_RESOLVE, 0, 'ERR_MQTT_RESOLVE', undefined],
      [layout.ERR_CONNECT, 0, 'ERR_MQTT_CONNECT', undefined],
      [layout.ERR_TLS, 0, 'ERR_MQTT_TLS', undefined],
      [layout.ERR_TIMEOUT, 0, 'ERR_MQTT_TIMEOUT', undefined],
      [layout.ERR_REFUSED, 0x87, 'ERR_MQTT_REFUSED', 0x87],
      [layout.ERR_PROTOCOL, 0x82, 'ERR_MQTT_PROTOCOL', 0x82],
    ];
    for (const [code, aux, name, reasonCode] of cases) {
      const { engine, diary } = make(setup);
      engine.open(openOptions());
      setup.reactor.arrive({ kind: layout.EVENT_OPEN_FAILED, client: engine.number, slot: code, aux, payload: Buffer.from('as the core says') });
      setup.reactor.notify();
      await turns();
      expect(diary.failures).toMatchObject([{ code: name, message: 'as the core says', reasonCode }]);
    }
    const { engine, diary } = await connected(setup);
    setup.reactor.arrive({ kind: layout.EVENT_DISCONNECTED, client: engine.number, slot: layout.ERR_SERVER_DISCONNECT, aux: 0 });
    setup.reactor.notify();
    await turns();
    expect(diary.failures).toMatchObject([{ code: 'ERR_MQTT_SERVER_DISCONNECT', message: 'the server sent DISCONNECT', reasonCode: 0 }]);
  });

  it('an engine can open again after its connection has ended; acknowledgements of it go on counting', async () => {
    const setup = FakeReactor.environment(SIZES);
    const { engine, diary } = await connected(setup);
    while (engine.publish('t', Buffer.alloc(100), 0, undefined, NO_SLOT));
    engine.ack(5, 0);
    setup.reactor.arrive({ kind: layout.EVENT_DISCONNECTED, client: engine.number, slot: layout.ERR_CONNECTION_LOST });
    const taken = setup.reactor.take();
    setup.reactor.answer(taken, layout.ERR_CONNECTION_LOST);
    setup.reactor.notify();
    await turns();
    expect(diary.lines.at(-1)).toBe('disconnected ERR_MQTT_CONNECTION_LOST');
    expect([...taken, ...setup.reactor.take()].filter(({ kind }) => kind === layout.SUBMIT_ACK).map(({ slot }) => slot)).toEqual([5]);
    engine.open(openOptions());
    setup.reactor.arrive({ kind: layout.EVENT_CONNECTED, client: engine.number });
    setup.reactor.notify();
    await turns();
    expect(diary.lines.at(-1)).toBe('connected');
    expect(engine.publish('t', 'x', 0, undefined, NO_SLOT)).toBe(true);
    await turns();
    expect(setup.reactor.take().map(({ kind }) => kind)).toEqual([layout.SUBMIT_PUBLISH]);
  });

  it('acknowledgements are written also when their connection has ended: the core counts over connections', async () => {
    const setup = FakeReactor.environment(SIZES);
    const opened = await connected(setup);
    const { engine, diary } = opened;
    diary.onLine = (line) => { if (line === 't 1' || line.startsWith('disconnected')) engine.ack(1, 0); };
    message(setup, opened, '1');
    setup.reactor.arrive({ kind: layout.EVENT_DISCONNECTED, client: engine.number, slot: layout.ERR_CONNECTION_LOST });
    setup.reactor.notify();
    await turns();
    expect(diary.lines).toEqual(['t 1', 'disconnected ERR_MQTT_CONNECTION_LOST']);
    expect(setup.reactor.take().map(({ kind, slot }) => [kind, slot])).toEqual([[layout.SUBMIT_ACK, 2]]);
  });

  it('publish() without a connection, and transports of the other engine, are refused by an error', () => {
    const setup = FakeReactor.environment(SIZES);
    const { engine } = make(setup);
    expect(() => engine.publish('t', '', 0, undefined, NO_SLOT)).toThrow(expect.objectContaining({ code: 'ERR_MQTT_NOT_CONNECTED' }));
    expect(() => { engine.open(openOptions({ transport: 'ws' })); }).toThrow(expect.objectContaining({ code: 'ERR_MQTT_OPTION' }));
  });
});
