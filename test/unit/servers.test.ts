/**
 * Several servers: an attempt goes through all of them, the first one first, and comes back to the first one. Server References are read
 * and followed once an attempt, and an engine that cannot serve the next server is replaced.
 */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ClientOptions } from 'mqtt-native';
import { parseUrl } from '../../dist/options/url.js';
import { parseServerReference } from '../../dist/session/server-reference.js';
import { FakeClient, turn, watch } from '../support/fake-engine.js';

beforeEach(() => { vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] }); });
afterEach(() => { vi.useRealTimers(); });

const OPTIONS: ClientOptions = { reconnect: { initialDelay: 100, maxDelay: 1000, jitter: 'none' }, protocolVersion: 5, servers: ['mqtt://second:1', 'mqtt://third'] };
const REFUSED = { code: 'ERR_MQTT_CONNECT' };

/** Hosts of all CONNECTs, in order. */
const hosts = (fake: FakeClient): string[] => fake.engines.flatMap((engine) => engine.opened.map((open) => open.host));

function moved(reference: string, reasonCode = 0x9c) {
  return { code: 'ERR_MQTT_REFUSED', reasonCode, properties: Buffer.concat([Buffer.from([0x1c, 0, reference.length]), Buffer.from(reference)]) };
}

describe('an attempt', () => {
  it('tries each server once, without a delay, and rejects with the last failure', async () => {
    const fake = new FakeClient(OPTIONS);
    const connecting = watch(fake.connecting());
    expect(fake.client.server).toBe('mqtt://host:1883');
    fake.engine.refuse(REFUSED);
    expect(fake.client.server).toBe('mqtt://second:1');
    fake.engine.refuse(REFUSED);
    fake.engine.refuse({ code: 'ERR_MQTT_TIMEOUT' });
    await turn();
    expect(connecting.error?.code).toBe('ERR_MQTT_TIMEOUT');
    expect(hosts(fake)).toEqual(['host', 'second', 'third']);
    expect(fake.client).toMatchObject({ state: 'disconnected', server: 'mqtt://third:1883', stats: { attempts: 3 } });
  });

  it('connects to the first that accepts', async () => {
    const fake = new FakeClient(OPTIONS);
    const connecting = fake.connecting();
    fake.engine.refuse(REFUSED);
    fake.engine.accept();
    await connecting;
    expect(fake.client).toMatchObject({ connected: true, server: 'mqtt://second:1' });
    fake.client.destroy();
  });

  it('after a loss begins with the first one again', async () => {
    const fake = new FakeClient(OPTIONS);
    const connecting = fake.connecting();
    fake.engine.refuse(REFUSED);
    fake.engine.refuse(REFUSED);
    fake.engine.accept();
    await connecting;
    fake.engine.lose();
    vi.advanceTimersByTime(100);
    for (let i = 0; i < 3; i += 1) fake.engine.refuse(REFUSED);
    expect(hosts(fake)).toHaveLength(6);
    vi.advanceTimersByTime(200);
    fake.engine.accept();
    expect(hosts(fake)).toEqual(['host', 'second', 'third', 'host', 'second', 'third', 'host']);
    expect(fake.client.server).toBe('mqtt://host:1883');
    fake.client.destroy();
  });

  it('each server has the time of connectTimeout for both protocol versions together', () => {
    const fake = new FakeClient({ ...OPTIONS, protocolVersion: 'auto', connectTimeout: 1000 });
    void watch(fake.connecting());
    vi.advanceTimersByTime(400);
    fake.engine.refuse({ code: 'ERR_MQTT_REFUSED', reasonCode: 0x84 });
    vi.advanceTimersByTime(400);
    fake.engine.refuse(REFUSED);
    expect(fake.engines.flatMap((engine) => engine.opened.map((open) => [open.host, open.protocolVersion, open.connectTimeout]))).toEqual([
      ['host', 5, 1000], ['host', 4, 600], ['second', 5, 1000],
    ]);
    fake.client.destroy();
  });

  it('TLS and paths are those of the server that is tried', async () => {
    vi.useRealTimers();
    const fake = new FakeClient({ ...OPTIONS, servers: ['wss://second/mqtt?token=1', 'mqtts://third'], tls: { insecureSkipVerify: true } });
    void watch(fake.connecting());
    while (fake.engines.length === 0) await turn();
    fake.engine.refuse(REFUSED);
    expect(fake.client.server).toBe('wss://second:443/mqtt');
    fake.engine.refuse(REFUSED);
    const opened = fake.engines.flatMap((engine) => engine.opened);
    expect(opened.map(({ transport, port, path, tls }) => [transport, port, path, tls?.insecureSkipVerify])).toEqual([
      ['tcp', 1883, '/', undefined], ['wss', 443, '/mqtt?token=1', true], ['tls', 8883, '/', true],
    ]);
    expect(fake.engines.map((engine) => engine.transport)).toEqual(['tcp', 'wss', 'tls']);
    fake.client.destroy();
  });
});

describe('a session that cannot be taken to the next server', () => {
  it('is lost with its engine: what was in flight fails, and what waited goes', async () => {
    const fake = new FakeClient({ ...OPTIONS, clientId: 'c', sessionExpiryInterval: 60, servers: ['ws://second'] });
    const connecting = fake.connecting();
    const native = fake.engine as unknown as { info: { name: string } };
    native.info.name = 'native';
    fake.engine.accept();
    await connecting;
    const inFlight = watch(fake.client.publish('a', 'sent', { qos: 1 }));
    const waiting = watch(fake.client.publish('a', 'unsent', { qos: 1 }));
    fake.engine.cut(1);
    vi.advanceTimersByTime(100);
    expect(fake.engines).toHaveLength(1);
    const [first] = fake.engines;
    fake.engine.refuse(REFUSED);
    expect(fake.engines).toHaveLength(2);
    expect(first!.destroyed).toBe(true);
    await turn();
    expect(inFlight.error?.code).toBe('ERR_MQTT_CONNECTION_LOST');
    fake.engine.accept();
    expect(fake.engine.published.map((one) => one.payload)).toEqual(['unsent']);
    fake.engine.finish();
    await turn();
    expect(waiting.value).toMatchObject({ reasonCode: 0 });
    fake.client.destroy();
  });
});

describe('a Server Reference', () => {
  const now = parseUrl('mqtts://now.example:8884');
  for (const [text, host, port] of [
    ['other', 'other', 8884], ['other.example:1883', 'other.example', 1883], ['10.0.0.1:1', '10.0.0.1', 1], ['[::1]:1883', '::1', 1883], ['[2001:db8::1]', '2001:db8::1', 8884],
    ['2001:db8::1', '2001:db8::1', 8884], ['now.example:8885', 'now.example', 8885], ['now.example:8884 other:1', 'other', 1], ['no/good other', 'other', 8884],
    ['  other', 'other', 8884],
  ] as const) {
    it(`${JSON.stringify(text)} is ${host} port ${port}, by the transport of now`, () => {
      expect(parseServerReference(text, now)).toMatchObject({ transport: 'tls', host, port });
    });
  }

  for (const text of [undefined, '', ' ', 'now.example', 'NOW.example:8884', 'a:0', 'a:65536', 'a:b', 'mqtt://other', 'a b:c:d:'.slice(2), '[other]:1', 'user@host']) {
    it(`${JSON.stringify(text)} names no server that is usable`, () => expect(parseServerReference(text, now)).toBeUndefined());
  }

  async function refuse(options: ClientOptions, ...failures: ReturnType<typeof moved>[]): Promise<FakeClient> {
    const fake = new FakeClient({ ...OPTIONS, servers: [], ...options });
    watch(fake.connecting());
    for (const failure of failures) fake.engine.refuse(failure);
    await turn();
    return fake;
  }

  it('is followed at once, with credentials and version of now, when the option says so', async () => {
    const fake = await refuse({ followServerReference: true, username: 'me' }, moved('other:1'));
    expect(hosts(fake)).toEqual(['host', 'other']);
    expect(fake.engine.opened.at(-1)).toMatchObject({ host: 'other', port: 1, transport: 'tcp', username: 'me', protocolVersion: 5 });
    fake.engine.accept();
    expect(fake.client.server).toBe('mqtt://other:1');
    fake.client.destroy();
  });

  it('is not followed without the option', async () => {
    const fake = await refuse({}, moved('other:1'));
    expect(hosts(fake)).toEqual(['host']);
    expect(fake.client.state).toBe('disconnected');
  });

  it('is followed once an attempt, before the servers of the list', async () => {
    const fake = await refuse({ followServerReference: true, servers: ['mqtt://second'] }, moved('one'), moved('two'), moved('three'));
    expect(hosts(fake)).toEqual(['host', 'one', 'second']);
    expect(fake.client.state).toBe('disconnected');
  });

  it('of "server moved" that is not usable stops; of "use another server" it may pass', async () => {
    for (const [reasonCode, state] of [[0x9d, 'disconnected'], [0x9c, 'connecting']] as const) {
      const fake = await refuse({ followServerReference: true, reconnect: { initial: true } }, moved('host:1883', reasonCode));
      expect(fake.client.state).toBe(state);
      fake.client.destroy();
    }
  });

  it('in DISCONNECT is where the next attempt begins', async () => {
    const fake = new FakeClient({ ...OPTIONS, followServerReference: true });
    const connecting = fake.connecting();
    fake.engine.accept();
    await connecting;
    fake.engine.lose({ ...moved('other'), code: 'ERR_MQTT_SERVER_DISCONNECT' });
    vi.advanceTimersByTime(100);
    fake.engine.refuse(REFUSED);
    expect(hosts(fake)).toEqual(['host', 'other', 'host']);
    fake.client.destroy();
  });
});
