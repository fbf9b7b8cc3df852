/**
 * Credentials from a function: asked before each attempt, checked like the options they stand for, and given the time of connectTimeout.
 * What it throws is the cause of an error that shows none of it.
 */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ClientOptions } from 'mqtt-native';
import { FakeClient, turn, watch } from '../support/fake-engine.js';

beforeEach(() => { vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] }); });
afterEach(() => { vi.useRealTimers(); });

type Ask = NonNullable<ClientOptions['credentials']>;
const OPTIONS: ClientOptions = { reconnect: { initialDelay: 100, maxDelay: 1000, jitter: 'none' }, protocolVersion: 5 };

async function connecting(credentials: Ask, options: ClientOptions = {}) {
  const fake = new FakeClient({ ...OPTIONS, credentials, ...options });
  const outcome = watch(fake.connecting());
  await turn();
  return { fake, outcome };
}

describe('credentials()', () => {
  it('is asked before each attempt, and once for all servers', async () => {
    let asked = 0;
    const { fake, outcome } = await connecting(() => {
      asked += 1;
      return { username: `user ${asked}`, password: `pw ${asked}` };
    }, { servers: ['mqtt://second'] });
    fake.engine.refuse({ code: 'ERR_MQTT_CONNECT' });
    fake.engine.accept();
    await turn();
    expect(outcome.settled).toBe(true);
    fake.engine.lose();
    vi.advanceTimersByTime(100);
    await turn();
    fake.engine.accept();
    expect(fake.engines.flatMap((engine) => engine.opened.map((open) => [open.username, Buffer.from(open.password!).toString()]))).toEqual([
      ['user 1', 'pw 1'], ['user 1', 'pw 1'], ['user 2', 'pw 2'],
    ]);
    fake.client.destroy();
  });

  it('may be asynchronous, and say nothing', async () => {
    const { fake } = await connecting(() => Promise.resolve({}));
    expect(fake.engine.opened[0]).toMatchObject({ username: undefined, password: undefined });
    fake.client.destroy();
  });

  it('a password in bytes is copied', async () => {
    const password = Buffer.from('pw');
    const { fake } = await connecting(() => ({ password: password.subarray(0) }));
    password.fill(0);
    expect(Buffer.from(fake.engine.opened[0]!.password!).toString()).toBe('pw');
    fake.client.destroy();
  });

  for (const [name, ask] of [
    ['throws', () => { throw new Error('secret-word'); }], ['rejects', () => Promise.reject(new Error('secret-word'))], ['answers undefined', () => undefined],
    ['answers a text', () => 'secret-word'], ['has an unknown name', () => ({ user: 'secret-word' })], ['has a password that is none', () => ({ password: 5 })],
    ['has a user name MQTT cannot write', () => ({ username: 'a\0secret-word' })],
  ] as [string, () => unknown][]) {
    it(`that ${name} fails the attempt with ERR_MQTT_CREDENTIALS, and the cause`, async () => {
      const lines: string[] = [];
      const { fake, outcome } = await connecting(ask as Ask, { log: ({ message }) => lines.push(message) });
      expect(outcome.error).toMatchObject({ code: 'ERR_MQTT_CREDENTIALS', cause: expect.any(Error) as Error });
      expect(fake.engines).toHaveLength(0);
      expect(fake.client.state).toBe('disconnected');
      expect([...lines, outcome.error!.message].join('\n')).not.toContain('secret');
      expect(vi.getTimerCount()).toBe(0);
    });
  }

  it('has the time of connectTimeout; what comes later is not heard', async () => {
    let answer!: (credentials: object) => void;
    const { fake, outcome } = await connecting(() => new Promise((resolve) => { answer = resolve; }), { connectTimeout: 1000 });
    vi.advanceTimersByTime(999);
    await turn();
    expect(outcome.settled).toBe(false);
    vi.advanceTimersByTime(1);
    await turn();
    expect(outcome.error).toMatchObject({ code: 'ERR_MQTT_CREDENTIALS', cause: { code: 'ERR_MQTT_TIMEOUT' } });
    answer({ username: 'late' });
    await turn();
    expect(fake.engines).toHaveLength(0);
  });

  it('destroy() while it is asked: ERR_MQTT_CLOSED, no engine, no timer', async () => {
    let answer!: (credentials: object) => void;
    const { fake, outcome } = await connecting(() => new Promise((resolve) => { answer = resolve; }));
    fake.client.destroy();
    answer({ username: 'late' });
    await turn();
    expect(outcome.error?.code).toBe('ERR_MQTT_CLOSED');
    expect(fake.engines).toHaveLength(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('an abort while it is asked', async () => {
    const controller = new AbortController();
    const fake = new FakeClient({ ...OPTIONS, credentials: () => new Promise(() => undefined) });
    const outcome = watch(fake.connecting({ signal: controller.signal }));
    controller.abort();
    await turn();
    expect(outcome.error?.code).toBe('ERR_MQTT_ABORTED');
    expect(fake.client.state).toBe('disconnected');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('that fails once a connection was lost is asked again later', async () => {
    let fails = false;
    const { fake } = await connecting(() => (fails ? Promise.reject(new Error('no token')) : { username: 'me' }));
    fake.engine.accept();
    fails = true;
    fake.engine.lose();
    vi.advanceTimersByTime(100);
    await turn();
    expect(fake.client.state).toBe('reconnecting');
    fails = false;
    vi.advanceTimersByTime(200);
    await turn();
    fake.engine.accept();
    expect(fake.client.connected).toBe(true);
    fake.client.destroy();
  });

  it('makes a refusal of credentials one that may pass', async () => {
    for (const [version, reasonCode] of [[5, 0x86], [5, 0x87], [4, 4], [4, 5]] as const) {
      const { fake } = await connecting(() => ({ username: 'me' }), { protocolVersion: version });
      fake.engine.accept();
      fake.engine.lose();
      vi.advanceTimersByTime(100);
      await turn();
      fake.engine.refuse({ code: 'ERR_MQTT_REFUSED', reasonCode });
      expect(fake.client.state).toBe('reconnecting');
      fake.client.destroy();
    }
  });

  it('3.1.1 has no password without a user name: refused there, and no fall back to it [MQTT-3.1.2-22]', async () => {
    const four = await connecting(() => ({ password: 'x' }), { protocolVersion: 4 });
    expect(four.outcome.error).toMatchObject({ code: 'ERR_MQTT_CREDENTIALS', message: expect.stringContaining('username') as string });
    const auto = await connecting(() => ({ password: 'x' }), { protocolVersion: 'auto' });
    auto.fake.engine.refuse({ code: 'ERR_MQTT_REFUSED', reasonCode: 0x84 });
    await turn();
    expect(auto.outcome.error).toMatchObject({ code: 'ERR_MQTT_REFUSED', reasonCode: 0x84 });
    expect(auto.fake.engines[0]!.opened).toHaveLength(1);
  });
});
