/**
 * Which engine serves: asked for by option or environment, or chosen because the other one cannot. The addon is made absent by replacing
 * what tells whether it loads.
 */
import { createRequire } from 'node:module';
import { afterEach, describe, expect, it } from 'vitest';
import { Client, EngineUnavailableError } from 'mqtt-native';
import { selectEngine } from '../../dist/engine/select.js';
import type { EngineSink } from '../../dist/engine/engine.js';

const require = createRequire(import.meta.url);
const native = require('../../dist/engine/native/load.js') as { loadNative: () => unknown };
const { loadNative } = native;
const sink = {} as Parameters<typeof selectEngine>[2] & EngineSink<never>;

function withoutAddon(): void {
  native.loadNative = () => ({ available: false, attempts: [{ file: '/some/addon.node', error: new Error('wrong ELF class\nand more') }, { error: new Error('no prebuild') }] });
}

function errorOf(call: () => unknown): EngineUnavailableError {
  try {
    call();
  } catch (error) {
    return error as EngineUnavailableError;
  }
  throw new Error('nothing was thrown');
}

afterEach(() => {
  native.loadNative = loadNative;
  delete process.env['MQTT_NATIVE_ENGINE'];
});

describe("engine 'js'", () => {
  it('is what was asked for', () => {
    const { info } = selectEngine('js', 'tcp', sink);
    expect(info).toMatchObject({ name: 'js', reason: 'asked for' });
    expect(info.version).toMatch(/\d+\.\d+/);
  });

  it('does not ask for the addon', () => {
    native.loadNative = () => { throw new Error('must not be called'); };
    expect(selectEngine('js', 'wss', sink).info.name).toBe('js');
  });
});

describe("engine 'auto'", () => {
  it('takes js when the addon does not load, and says why', () => {
    withoutAddon();
    const { info } = selectEngine('auto', 'tls', sink);
    expect(info.name).toBe('js');
    expect(info.reason).toMatch(/addon.*no prebuild/);
  });

  for (const transport of ['ws', 'wss'] as const) {
    it(`takes js for ${transport}:, and says why`, () => {
      expect(selectEngine('auto', transport, sink).info).toMatchObject({ name: 'js', reason: expect.stringContaining(transport) as string });
    });
  }

  it('lets MQTT_NATIVE_ENGINE decide', () => {
    process.env['MQTT_NATIVE_ENGINE'] = 'js';
    expect(selectEngine('auto', 'tcp', sink).info).toMatchObject({ name: 'js', reason: expect.stringContaining('MQTT_NATIVE_ENGINE') as string });
    withoutAddon();
    process.env['MQTT_NATIVE_ENGINE'] = 'native';
    expect(errorOf(() => selectEngine('auto', 'tcp', sink)).code).toBe('ERR_MQTT_ENGINE_UNAVAILABLE');
    // An engine asked for by the option is not overridden.
    expect(selectEngine('js', 'tcp', sink).info.name).toBe('js');
    process.env['MQTT_NATIVE_ENGINE'] = '';
    expect(selectEngine('auto', 'tcp', sink).info.name).toBe('js');
  });

  it('refuses another value of MQTT_NATIVE_ENGINE', async () => {
    process.env['MQTT_NATIVE_ENGINE'] = 'paho';
    await expect(new Client('mqtt://127.0.0.1:1').connect()).rejects.toMatchObject({ code: 'ERR_MQTT_OPTION', message: expect.stringContaining('MQTT_NATIVE_ENGINE') as string });
  });
});

describe("engine 'native'", () => {
  it('without an addon: EngineUnavailableError with every attempt', async () => {
    withoutAddon();
    const error = errorOf(() => selectEngine('native', 'tcp', sink));
    expect(error).toBeInstanceOf(EngineUnavailableError);
    expect(error).toMatchObject({
      name: 'EngineUnavailableError', code: 'ERR_MQTT_ENGINE_UNAVAILABLE', cause: { message: 'no prebuild' },
      attempts: [{ engine: 'native', file: '/some/addon.node', error: { message: 'wrong ELF class\nand more' } }, { engine: 'native', error: { message: 'no prebuild' } }],
    });
    expect(error.message).toContain('/some/addon.node');
    const client = new Client('mqtt://127.0.0.1:1', { engine: 'native' });
    await expect(client.connect()).rejects.toMatchObject({ code: 'ERR_MQTT_ENGINE_UNAVAILABLE' });
    expect(client).toMatchObject({ state: 'disconnected', engine: undefined });
  });

  it('does not serve ws: yet', () => {
    const { attempts } = errorOf(() => selectEngine('native', 'ws', sink));
    expect(attempts).toHaveLength(1);
    expect(attempts[0]).toMatchObject({ engine: 'native', error: { message: expect.stringContaining('ws:') as string } });
  });
});
