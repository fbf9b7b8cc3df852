/**
 * closeOnSignals: one listener a signal for all clients, which closes them and then lets the signal do what it would have done. In this
 * process with a harmless signal whose sending is watched, and in a process of its own with SIGTERM.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Child } from '../support/child.js';
import { FakeClient, turn, watch } from '../support/fake-engine.js';

const SIGNAL = 'SIGUSR2';
const listeners = (): number => process.listenerCount(SIGNAL);
let kill: ReturnType<typeof vi.spyOn>;

beforeEach(() => { kill = vi.spyOn(process, 'kill').mockImplementation(() => true); });
afterEach(() => {
  kill.mockRestore();
  expect(listeners(), 'listeners left behind').toBe(0);
});

async function connected(): Promise<FakeClient> {
  const fake = new FakeClient({ closeOnSignals: [SIGNAL] });
  const connecting = fake.connecting();
  fake.engine.accept();
  await connecting;
  return fake;
}

const signal = (): boolean => process.emit(SIGNAL, SIGNAL);
const closed = (fake: FakeClient): void => fake.engine.lose({ code: 'ERR_MQTT_CLOSED' });

describe('the listener', () => {
  it('is there from connect() until the last client has nothing to close', async () => {
    new FakeClient({ closeOnSignals: [SIGNAL] });
    expect(listeners()).toBe(0);
    const [one, two] = [await connected(), await connected()];
    expect(listeners()).toBe(1);
    one.client.destroy();
    expect(listeners()).toBe(1);
    two.engine.lose();
    expect(two.client.state).toBe('disconnected');
    expect(listeners()).toBe(0);
    const again = two.connecting();
    expect(listeners()).toBe(1);
    two.engine.accept();
    await again;
    two.client.destroy();
  });

  it('goes with a connect() that fails', async () => {
    const fake = new FakeClient({ closeOnSignals: [SIGNAL], protocolVersion: 5 });
    const connecting = watch(fake.connecting());
    fake.engine.refuse({ code: 'ERR_MQTT_CONNECT' });
    await turn();
    expect(connecting.error?.code).toBe('ERR_MQTT_CONNECT');
    expect(listeners()).toBe(0);
  });
});

describe('a signal', () => {
  it('closes all clients, and is sent again when the last one is closed', async () => {
    const [one, two] = [await connected(), await connected()];
    const publishing = watch(one.client.publish('a', 'x', { qos: 1 }));
    signal();
    expect([one.client.state, two.client.state]).toEqual(['closing', 'closing']);
    closed(two);
    await turn();
    expect(kill).not.toHaveBeenCalled();
    one.engine.finish();
    expect(one.engine.closes).toHaveLength(1);
    closed(one);
    await turn();
    expect(publishing.error).toBeUndefined();
    expect(kill.mock.calls).toEqual([[process.pid, SIGNAL]]);
    expect(listeners()).toBe(0);
  });

  it('for which the application listens is closed at, and not sent again: also with once()', async () => {
    for (const how of ['on', 'once'] as const) {
      const mine = vi.fn();
      // Before the client's, so that a listener of once() would be gone when that is called.
      process[how](SIGNAL, mine);
      const fake = await connected();
      signal();
      closed(fake);
      await turn();
      expect(mine).toHaveBeenCalledOnce();
      expect(kill).not.toHaveBeenCalled();
      process.removeListener(SIGNAL, mine);
      expect(listeners()).toBe(0);
    }
  });

  it('that comes a second time does not wait any longer', async () => {
    const fake = await connected();
    signal();
    expect(kill).not.toHaveBeenCalled();
    signal();
    expect(kill.mock.calls).toEqual([[process.pid, SIGNAL]]);
    closed(fake);
    await turn();
    expect(kill).toHaveBeenCalledOnce();
  });
});

describe('a process', () => {
  it('ends by SIGTERM, after its client was closed', async () => {
    kill.mockRestore();
    const folder = mkdtempSync(join(tmpdir(), 'mqtt-native-signals-'));
    try {
      const dist = createRequire(import.meta.url).resolve('../../dist/index.js');
      writeFileSync(join(folder, 'child.cjs'), `
        const { Client } = require(${JSON.stringify(dist)});
        const client = new Client('mqtt://127.0.0.1:1', { engine: 'js', closeOnSignals: ['SIGTERM'], reconnect: { initial: true, initialDelay: 60000, jitter: 'none' } });
        client.on('close', () => console.log('closed'));
        client.on('reconnecting', () => console.log('ready'));
        client.connect().catch((error) => console.log(error.code));
      `);
      const child = new Child(join(folder, 'child.cjs'), []);
      await child.printed('ready');
      child.process.kill('SIGTERM');
      expect(await child.end()).toMatchObject({ code: null, signal: 'SIGTERM', lines: ['ready', 'closed', 'ERR_MQTT_CLOSED'] });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
