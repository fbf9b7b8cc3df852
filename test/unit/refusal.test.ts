/**
 * What the failure of a server means for the client: whether it may pass, so that trying again is worth it. As a table over every reason
 * code of CONNACK, and seen from a client that has lost its connection.
 */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MqttError } from 'mqtt-native';
import type { MqttErrorCode } from 'mqtt-native';
import { isMoved, verdictOn } from '../../dist/session/refusal.js';
import { FakeClient } from '../support/fake-engine.js';

const refused = (reasonCode: number): MqttError => new MqttError('ERR_MQTT_REFUSED', 'no', { reasonCode });

describe('CONNACK', () => {
  const PASSES = [0x80, 0x83, 0x88, 0x89, 0x97, 0x9f, 0x9c, 3];
  const STOPS = [0x81, 0x82, 0x84, 0x85, 0x8a, 0x8c, 0x90, 0x95, 0x99, 0x9a, 0x9b, 0x9d, 1, 2];
  const CREDENTIALS = [0x86, 0x87, 4, 5];
  for (const code of PASSES) it(`0x${code.toString(16)} may pass`, () => expect(verdictOn(refused(code), false)).toBe('passes'));
  for (const code of STOPS) it(`0x${code.toString(16)} does not pass`, () => expect(verdictOn(refused(code), true)).toBe('stop'));
  for (const code of CREDENTIALS) {
    it(`0x${code.toString(16)} passes only when a function supplies the credentials`, () => {
      expect([verdictOn(refused(code), false), verdictOn(refused(code), true)]).toEqual(['stop', 'passes']);
    });
  }

  it('0x9c and 0x9d send the client elsewhere', () => {
    expect([0x9c, 0x9d, 0x9e, 0x88].map((code) => isMoved(refused(code)))).toEqual([true, true, false, false]);
    expect(isMoved(new MqttError('ERR_MQTT_SERVER_DISCONNECT', '', { reasonCode: 0x9d }))).toBe(true);
    expect(isMoved(new MqttError('ERR_MQTT_PUBLISH', '', { reasonCode: 0x9d }))).toBe(false);
  });
});

describe('other failures', () => {
  const PASS: MqttErrorCode[] = [
    'ERR_MQTT_RESOLVE', 'ERR_MQTT_CONNECT', 'ERR_MQTT_TLS', 'ERR_MQTT_TIMEOUT', 'ERR_MQTT_CONNECTION_LOST', 'ERR_MQTT_PROTOCOL', 'ERR_MQTT_CREDENTIALS',
    'ERR_MQTT_SERVER_DISCONNECT',
  ];
  const STOP: MqttErrorCode[] = ['ERR_MQTT_OPTION', 'ERR_MQTT_ENGINE_UNAVAILABLE', 'ERR_MQTT_NOT_SUPPORTED'];
  for (const code of PASS) it(`${code} may pass`, () => expect(verdictOn(new MqttError(code, ''), false)).toBe('passes'));
  for (const code of STOP) it(`${code} does not pass`, () => expect(verdictOn(new MqttError(code, ''), true)).toBe('stop'));
});

describe('a client that has lost its connection', () => {
  beforeEach(() => { vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }); });
  afterEach(() => { vi.useRealTimers(); });

  async function lost(options: ConstructorParameters<typeof FakeClient>[0] = {}): Promise<FakeClient> {
    const fake = new FakeClient({ reconnect: { initialDelay: 100, jitter: 'none' }, protocolVersion: 5, ...options });
    const connecting = fake.connecting();
    fake.engine.accept();
    await connecting;
    fake.engine.lose();
    vi.advanceTimersByTime(100);
    return fake;
  }

  for (const [failure, state] of [
    [{ code: 'ERR_MQTT_REFUSED', reasonCode: 0x89 }, 'reconnecting'], [{ code: 'ERR_MQTT_REFUSED', reasonCode: 0x9c }, 'reconnecting'],
    [{ code: 'ERR_MQTT_TLS' }, 'reconnecting'], [{ code: 'ERR_MQTT_REFUSED', reasonCode: 0x86 }, 'disconnected'],
    [{ code: 'ERR_MQTT_REFUSED', reasonCode: 0x9d }, 'disconnected'], [{ code: 'ERR_MQTT_REFUSED', reasonCode: 0x85 }, 'disconnected'],
  ] as const) {
    it(`is ${state} after ${failure.code} ${'reasonCode' in failure ? `0x${failure.reasonCode.toString(16)}` : ''}`, async () => {
      const fake = await lost();
      const errors: unknown[] = [];
      fake.client.on('error', (error) => errors.push(error));
      fake.engine.refuse(failure);
      expect(fake.client.state).toBe(state);
      expect(errors).toHaveLength(state === 'disconnected' ? 1 : 0);
      fake.client.destroy();
    });
  }

  it('3.1.1: bad credentials stop it, an unavailable server does not', async () => {
    for (const [reasonCode, state] of [[4, 'disconnected'], [5, 'disconnected'], [3, 'reconnecting'], [2, 'disconnected']] as const) {
      const fake = await lost({ protocolVersion: 4 });
      fake.engine.refuse({ code: 'ERR_MQTT_REFUSED', reasonCode });
      expect(fake.client.state).toBe(state);
      fake.client.destroy();
    }
  });

  it('with several servers stops only when all of them do', async () => {
    const fake = await lost({ servers: ['mqtt://second'] });
    fake.engine.refuse({ code: 'ERR_MQTT_CONNECT' });
    fake.engine.refuse({ code: 'ERR_MQTT_REFUSED', reasonCode: 0x8a });
    expect(fake.client.state).toBe('reconnecting');
    vi.advanceTimersByTime(200);
    fake.engine.refuse({ code: 'ERR_MQTT_REFUSED', reasonCode: 0x8a });
    fake.engine.refuse({ code: 'ERR_MQTT_REFUSED', reasonCode: 0x8a });
    expect(fake.client.state).toBe('disconnected');
  });

  it('does not fall back to 3.1.1 when a server that took 5 hangs up, only when one refuses 5', async () => {
    const fake = await lost({ protocolVersion: 'auto' });
    fake.engine.refuse({ code: 'ERR_MQTT_CONNECTION_LOST' });
    vi.advanceTimersByTime(200);
    expect(fake.engine.opened.map((open) => open.protocolVersion)).toEqual([5]);
    fake.engine.refuse({ code: 'ERR_MQTT_REFUSED', reasonCode: 0x84 });
    expect(fake.engine.opened.map((open) => open.protocolVersion)).toEqual([5, 4]);
    fake.client.destroy();
  });
});
