/**
 * How a client comes back: the delays as a sequence, and a whole outage over an engine that does what the test says, in time that the test
 * moves. States, events and their order, giving up, and that nothing is left behind when the client is closed.
 */
import { channel } from 'node:diagnostics_channel';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Client, ReconnectOptions } from 'mqtt-native';
import { resolveReconnect } from '../../dist/options/reconnect-options.js';
import { Reconnect } from '../../dist/session/reconnect.js';
import { FakeClient, turn, watch } from '../support/fake-engine.js';

const NONE = { initialDelay: 100, maxDelay: 1000, jitter: 'none' } as const;

beforeEach(() => { vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] }); });
afterEach(() => { vi.useRealTimers(); });

/** The clock of waiting requests, which keeps nothing alive, stops with its next tick. */
function expectNoTimers(): void {
  vi.advanceTimersByTime(200);
  expect(vi.getTimerCount()).toBe(0);
}

/** Everything a client tells, with the state it was in. */
function eventsOf(client: Client): string[] {
  const events: string[] = [];
  client.on('connect', () => events.push(`connect ${client.state}`));
  client.on('disconnect', (reason) => events.push(`disconnect ${reason.code} ${client.state}`));
  client.on('offline', () => events.push(`offline ${client.state}`));
  client.on('reconnecting', (attempt, delay) => events.push(`reconnecting ${attempt} ${delay} ${client.state}`));
  client.on('reconnect', (attempt, delay) => events.push(`reconnect ${attempt} ${delay} ${client.state}`));
  client.on('close', () => events.push(`close ${client.state}`));
  return events;
}

async function connected(options: ConstructorParameters<typeof FakeClient>[0] = {}): Promise<FakeClient> {
  const fake = new FakeClient({ reconnect: NONE, protocolVersion: 5, ...options });
  const connecting = fake.connecting();
  fake.engine.accept();
  await connecting;
  return fake;
}

describe('delays', () => {
  function delays(options: ReconnectOptions, random: () => number, count: number): (number | undefined)[] {
    const reconnect = new Reconnect(resolveReconnect(options) as never, random, () => 0);
    return Array.from({ length: count }, () => reconnect.next()?.delay);
  }

  it('without jitter: the bound itself, which doubles up to the longest delay', () => {
    expect(delays({ ...NONE }, () => 0.5, 7)).toEqual([100, 200, 400, 800, 1000, 1000, 1000]);
  });

  it('with full jitter: from nothing up to the bound', () => {
    expect(delays({ initialDelay: 100, maxDelay: 1000 }, () => 0, 3)).toEqual([0, 0, 0]);
    expect(delays({ initialDelay: 100, maxDelay: 1000 }, () => 0.5, 5)).toEqual([50, 100, 200, 400, 500]);
  });

  it('with decorrelated jitter: from the shortest delay up to three times the one before', () => {
    const options = { initialDelay: 100, maxDelay: 1000, jitter: 'decorrelated' } as const;
    expect(delays(options, () => 0, 3)).toEqual([100, 100, 100]);
    expect(delays(options, () => 1, 4)).toEqual([100, 300, 900, 1000]);
    expect(delays(options, () => 0.5, 3)).toEqual([100, 200, 350]);
  });

  it('stay at the longest one for ever, and no number overflows', () => {
    const reconnect = new Reconnect(resolveReconnect({}) as never, () => 1, () => 0);
    let last: number | undefined;
    for (let i = 0; i < 5000; i += 1) last = reconnect.next()?.delay;
    expect(last).toBe(30_000);
  });

  it('end after the last attempt the user wants', () => {
    expect(delays({ ...NONE, maxAttempts: 2 }, () => 0, 3)).toEqual([100, 200, undefined]);
  });

  it('begin anew after a connection that held for 5 s, and not after a shorter one', () => {
    let now = 0;
    const reconnect = new Reconnect(resolveReconnect(NONE) as never, () => 0, () => now);
    const hold = (time: number): number | undefined => {
      reconnect.connected();
      now += time;
      reconnect.lost();
      return reconnect.next()?.delay;
    };
    expect([hold(5000), hold(4999), hold(0), hold(5000), hold(1)]).toEqual([100, 200, 400, 100, 200]);
  });
});

describe('a lost connection', () => {
  it('is sought again: events in order, one offline, the states, and the same promise of connect() for nobody', async () => {
    const fake = await connected();
    const events = eventsOf(fake.client);
    vi.advanceTimersByTime(5000);
    fake.engine.lose();
    expect(fake.client).toMatchObject({ state: 'reconnecting', connected: false });
    vi.advanceTimersByTime(99);
    expect(fake.engines).toHaveLength(1);
    vi.advanceTimersByTime(1);
    expect(fake.engines).toHaveLength(2);
    fake.engine.refuse({ code: 'ERR_MQTT_CONNECT' });
    vi.advanceTimersByTime(200);
    fake.engine.accept();
    expect(events).toEqual([
      'disconnect ERR_MQTT_CONNECTION_LOST reconnecting', 'offline reconnecting', 'reconnecting 1 100 reconnecting', 'reconnect 1 100 reconnecting',
      'reconnecting 2 200 reconnecting', 'reconnect 2 200 reconnecting', 'connect connected',
    ]);
    expect(fake.client.stats).toMatchObject({ attempts: 3, connections: 2, reconnections: 1 });
    fake.client.destroy();
  });

  it('offline is told again in the next outage', async () => {
    const fake = await connected();
    const events = eventsOf(fake.client);
    for (let i = 0; i < 2; i += 1) {
      vi.advanceTimersByTime(5000);
      fake.engine.lose();
      vi.advanceTimersByTime(100);
      fake.engine.accept();
    }
    expect(events.filter((event) => event.startsWith('offline'))).toHaveLength(2);
    fake.client.destroy();
  });

  it('a server that accepts and closes a hundred times is visited less and less often', async () => {
    const fake = await connected({ reconnect: { initialDelay: 500, jitter: 'none' } });
    const delays: number[] = [];
    fake.client.on('reconnecting', (_attempt, delay) => delays.push(delay));
    for (let i = 0; i < 100; i += 1) {
      fake.engine.lose();
      vi.advanceTimersByTime(delays.at(-1)!);
      fake.engine.accept();
    }
    expect(delays.slice(0, 8)).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
    expect(new Set(delays.slice(7))).toEqual(new Set([30_000]));
    fake.client.destroy();
  });

  it('with reconnect: false nobody tries', async () => {
    const fake = await connected({ reconnect: false });
    const events = eventsOf(fake.client);
    fake.engine.lose();
    vi.advanceTimersByTime(1_000_000);
    expect(events).toEqual(['disconnect ERR_MQTT_CONNECTION_LOST disconnected']);
    expect(fake.engines).toHaveLength(1);
    expectNoTimers();
  });

  it('is given up after maxAttempts: what waits fails with the last failure, and connect() begins anew', async () => {
    const fake = await connected({ reconnect: { ...NONE, maxAttempts: 2 } });
    vi.advanceTimersByTime(5000);
    const errors: unknown[] = [];
    fake.client.on('error', (error) => errors.push(error));
    fake.engine.lose();
    const waiting = watch(fake.client.publish('a', 'x'));
    for (const delay of [100, 200]) {
      vi.advanceTimersByTime(delay);
      fake.engine.refuse({ code: 'ERR_MQTT_TIMEOUT' });
    }
    await turn();
    expect(waiting.error?.code).toBe('ERR_MQTT_TIMEOUT');
    expect(errors).toMatchObject([{ code: 'ERR_MQTT_TIMEOUT' }]);
    expect(fake.client.state).toBe('disconnected');
    expectNoTimers();
    const again = fake.connecting();
    fake.engine.accept();
    await again;
    fake.engine.lose();
    expect(fake.client.state).toBe('reconnecting');
    fake.client.destroy();
  });

  it('connections that do not hold count towards maxAttempts', async () => {
    const fake = await connected({ reconnect: { ...NONE, maxAttempts: 1 } });
    fake.engine.lose();
    vi.advanceTimersByTime(100);
    fake.engine.accept();
    const events = eventsOf(fake.client);
    fake.engine.lose();
    expect(events).toEqual(['disconnect ERR_MQTT_CONNECTION_LOST disconnected']);
  });

  it('a refusal that does not pass ends the search; without a listener of error that is no uncaught exception', async () => {
    const fake = await connected();
    fake.engine.lose();
    const waiting = watch(fake.client.subscribe('s'));
    vi.advanceTimersByTime(100);
    fake.engine.refuse({ code: 'ERR_MQTT_REFUSED', reasonCode: 0x8a });
    await turn();
    expect(waiting.error).toMatchObject({ code: 'ERR_MQTT_REFUSED', reasonCode: 0x8a });
    expect(fake.client.state).toBe('disconnected');
    expectNoTimers();
  });

  it('a listener of disconnect that closes the client has the last word', async () => {
    const fake = await connected();
    const events = eventsOf(fake.client);
    fake.client.on('disconnect', () => void fake.client.close());
    fake.engine.lose();
    expect(events).toEqual(['disconnect ERR_MQTT_CONNECTION_LOST reconnecting', 'close closed']);
    expectNoTimers();
  });

  for (const event of ['disconnect', 'offline', 'reconnecting', 'reconnect'] as const) {
    it(`destroy() in a listener of ${event} leaves no attempt and no timer`, async () => {
      const fake = await connected();
      const events = eventsOf(fake.client);
      fake.client.on(event as 'offline', () => fake.client.destroy());
      fake.engine.lose();
      vi.advanceTimersByTime(10_000);
      expect(fake.client.state).toBe('closed');
      expect(fake.client.stats.attempts).toBe(1);
      expectNoTimers();
      expect(events.at(-1)).toBe('close closed');
      expect(events.filter((one) => one.startsWith('close'))).toHaveLength(1);
    });
  }

  it('two clients with one options object do not disturb each other', async () => {
    const options = { reconnect: { ...NONE }, protocolVersion: 5 as const, queue: { maxMessages: 5000 } };
    const [one, two] = [await connected(options), await connected(options)];
    one.engine.lose();
    options.reconnect.initialDelay = 1 as never;
    vi.advanceTimersByTime(99);
    expect([one.engines.length, two.engines.length]).toEqual([1, 1]);
    vi.advanceTimersByTime(1);
    expect([one.engines.length, two.engines.length]).toEqual([2, 1]);
    expect([one.client.state, two.client.state]).toEqual(['reconnecting', 'connected']);
    one.client.destroy();
    expect(two.client.connected).toBe(true);
    two.client.destroy();
  });

  it('limits live for one connection', async () => {
    const fake = new FakeClient({ reconnect: NONE, protocolVersion: 5 });
    const connecting = fake.connecting();
    fake.engine.accept('2400');
    await connecting;
    await expect(fake.client.publish('a', 'x', { qos: 1 })).rejects.toMatchObject({ code: 'ERR_MQTT_NOT_SUPPORTED' });
    fake.engine.lose();
    vi.advanceTimersByTime(100);
    fake.engine.accept();
    const published = fake.client.publish('a', 'x', { qos: 1 });
    expect(fake.engine.published).toHaveLength(1);
    fake.engine.finish();
    await published;
    fake.client.destroy();
  });

  it('the channels of diagnostics tell of it', async () => {
    const told: unknown[] = [];
    const listeners = (['connect', 'disconnect', 'reconnect'] as const).map((name) => {
      const listener = (message: unknown): void => { told.push([name, message]); };
      channel(`mqtt-native:${name}`).subscribe(listener);
      return () => channel(`mqtt-native:${name}`).unsubscribe(listener);
    });
    const fake = await connected({ clientId: 'told' });
    fake.engine.lose();
    vi.advanceTimersByTime(100);
    fake.engine.refuse({ code: 'ERR_MQTT_CONNECT' });
    fake.client.destroy();
    for (const stop of listeners) stop();
    expect(told).toMatchObject([
      ['connect', { clientId: 'told', server: 'mqtt://host:1883', result: { protocolVersion: 5 } }],
      ['disconnect', { server: 'mqtt://host:1883', error: { code: 'ERR_MQTT_CONNECTION_LOST' } }],
      ['reconnect', { clientId: 'told', attempt: 1, delay: 100 }],
      ['disconnect', { error: { code: 'ERR_MQTT_CONNECT' } }],
      ['reconnect', { attempt: 2, delay: 200 }],
    ]);
  });

  it('the log tells of it, and has no password in it', async () => {
    const lines: string[] = [];
    const fake = new FakeClient({
      reconnect: { ...NONE, maxAttempts: 1 }, protocolVersion: 5, username: 'me', password: 'secret-word', log: ({ level, message }) => lines.push(`${level} ${message}`),
    }, 'mqtt://me:secret-word@host');
    const connecting = fake.connecting();
    fake.engine.accept();
    await connecting;
    fake.engine.lose();
    vi.advanceTimersByTime(100);
    fake.engine.refuse({ code: 'ERR_MQTT_CONNECT' });
    const text = lines.join('\n');
    expect(lines.map((line) => line.split(' ', 2).join(' '))).toEqual([
      'info connecting', 'info connected', 'info disconnected', 'info attempt', 'info connecting', 'info not', 'error not',
    ]);
    expect(text).not.toContain('secret');
  });
});

describe('connect() while a connection is sought', () => {
  it('begins the next attempt now; its failure rejects, and the client goes on', async () => {
    const fake = await connected();
    fake.engine.lose();
    const again = watch(fake.connecting());
    expect(fake.engines).toHaveLength(2);
    const joined = watch(fake.client.connect());
    fake.engine.refuse({ code: 'ERR_MQTT_CONNECT' });
    await turn();
    expect([again.error?.code, joined.error?.code]).toEqual(['ERR_MQTT_CONNECT', 'ERR_MQTT_CONNECT']);
    expect(fake.client.state).toBe('reconnecting');
    vi.advanceTimersByTime(200);
    fake.engine.accept();
    expect(fake.client.connected).toBe(true);
    fake.client.destroy();
  });

  it('an abort ends the wait and not the search', async () => {
    const fake = await connected();
    fake.engine.lose();
    const controller = new AbortController();
    const again = watch(fake.connecting({ signal: controller.signal }));
    controller.abort();
    await turn();
    expect(again.error?.code).toBe('ERR_MQTT_ABORTED');
    expect(fake.client.state).toBe('reconnecting');
    fake.engine.accept();
    expect(fake.client.connected).toBe(true);
    fake.client.destroy();
  });

  it('in a listener of disconnect: one attempt, no other is planned', async () => {
    const fake = await connected();
    const events = eventsOf(fake.client);
    fake.client.once('disconnect', () => void fake.connecting());
    fake.engine.lose();
    expect(fake.engines).toHaveLength(2);
    fake.engine.accept();
    vi.advanceTimersByTime(10_000);
    expect(fake.engines).toHaveLength(2);
    expect(events).toEqual(['disconnect ERR_MQTT_CONNECTION_LOST reconnecting', 'reconnect 1 100 reconnecting', 'connect connected']);
    fake.client.destroy();
  });
});

describe('the first connection', () => {
  it('fails without reconnect.initial, and what waited for it fails, too', async () => {
    const fake = new FakeClient({ reconnect: NONE, protocolVersion: 5 });
    const connecting = watch(fake.connecting());
    const waiting = watch(fake.client.publish('a', 'x'));
    fake.engine.refuse({ code: 'ERR_MQTT_CONNECT' });
    await turn();
    expect([connecting.error?.code, waiting.error?.code]).toEqual(['ERR_MQTT_CONNECT', 'ERR_MQTT_CONNECT']);
    expect(fake.client.state).toBe('disconnected');
    await expect(fake.client.publish('a', 'x')).rejects.toMatchObject({ code: 'ERR_MQTT_NOT_CONNECTED' });
    expectNoTimers();
  });

  it('with reconnect.initial goes on until it succeeds, and the state is connecting all the time', async () => {
    const fake = new FakeClient({ reconnect: { ...NONE, initial: true }, protocolVersion: 5 });
    const events = eventsOf(fake.client);
    const connecting = watch(fake.connecting());
    const waiting = watch(fake.client.publish('a', 'x'));
    for (const delay of [100, 200, 400]) {
      fake.engine.refuse({ code: 'ERR_MQTT_RESOLVE' });
      expect(fake.client.state).toBe('connecting');
      vi.advanceTimersByTime(delay);
    }
    await turn();
    expect(connecting.settled).toBe(false);
    fake.engine.accept();
    fake.engine.finish();
    await turn();
    expect(connecting.error).toBeUndefined();
    expect(waiting).toMatchObject({ settled: true, value: { reasonCode: 0 } });
    expect(events.slice(0, 3)).toEqual(['offline connecting', 'reconnecting 1 100 connecting', 'reconnect 1 100 connecting']);
    expect(events.at(-1)).toBe('connect connected');
    fake.client.destroy();
  });

  it('with reconnect.initial fails at once for a reason that does not pass', async () => {
    const fake = new FakeClient({ reconnect: { ...NONE, initial: true }, protocolVersion: 5 });
    const connecting = watch(fake.connecting());
    fake.engine.refuse({ code: 'ERR_MQTT_REFUSED', reasonCode: 0x86 });
    await turn();
    expect(connecting.error).toMatchObject({ code: 'ERR_MQTT_REFUSED', reasonCode: 0x86 });
    expect(fake.client.state).toBe('disconnected');
  });

  it('with reconnect.initial is given up by its signal, also between two attempts', async () => {
    const fake = new FakeClient({ reconnect: { ...NONE, initial: true }, protocolVersion: 5 });
    const controller = new AbortController();
    const connecting = watch(fake.connecting({ signal: controller.signal }));
    fake.engine.refuse({ code: 'ERR_MQTT_CONNECT' });
    controller.abort();
    await turn();
    expect(connecting.error?.code).toBe('ERR_MQTT_ABORTED');
    expect(fake.client.state).toBe('disconnected');
    expectNoTimers();
  });
});

describe('close() and destroy() while a connection is sought', () => {
  for (const how of ['close', 'destroy'] as const) {
    for (const when of ['between attempts', 'during an attempt'] as const) {
      it(`${how}() ${when}: at once, everything settles, nothing is left`, async () => {
        const fake = await connected();
        const events = eventsOf(fake.client);
        const held = watch(fake.client.publish('a', 'held', { qos: 1 }));
        fake.engine.lose();
        const waiting = [held, watch(fake.client.publish('a', 'x', { qos: 1 })), watch(fake.client.subscribe('s')), watch(fake.client.unsubscribe('u'))];
        if (when === 'during an attempt') {
          vi.advanceTimersByTime(100);
          waiting.push(watch(fake.connecting()));
        }
        const closing = watch(Promise.resolve(fake.client[how]()));
        expect(fake.client.state).toBe('closed');
        await turn();
        expect(closing.settled).toBe(true);
        expect(waiting.map((outcome) => outcome.error?.code)).toEqual(['ERR_MQTT_CONNECTION_LOST', ...Array<string>(waiting.length - 1).fill('ERR_MQTT_CLOSED')]);
        expect(events.filter((event) => event.startsWith('close'))).toHaveLength(1);
        expect(fake.engines.every((engine) => engine.destroyed)).toBe(true);
        vi.advanceTimersByTime(100_000);
        expectNoTimers();
        expect(fake.engines).toHaveLength(when === 'during an attempt' ? 2 : 1);
      });
    }
  }
});

describe('unref()', () => {
  it('counts for the time between attempts, too', async () => {
    vi.useRealTimers();
    const set = vi.spyOn(globalThis, 'setTimeout');
    const fake = await connected({ reconnect: { initialDelay: 60_000, maxDelay: 60_000, jitter: 'none' } });
    fake.engine.lose();
    const timer = set.mock.results[set.mock.calls.findIndex(([, delay]) => delay === 60_000)]!.value as NodeJS.Timeout;
    expect(timer.hasRef()).toBe(true);
    fake.client.unref();
    expect(timer.hasRef()).toBe(false);
    fake.client.ref();
    expect(timer.hasRef()).toBe(true);
    fake.client.destroy();
    set.mockRestore();
  });
});
