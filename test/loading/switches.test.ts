/**
 * What the user says decides: Node's switches that keep addons out, its permission model, and the variable MQTT_NATIVE_ENGINE. Whoever
 * keeps the addon out gets mqtt.js and is told once; whoever asks for mqtt.js is told nothing.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BUILT, PackageCopy } from '../support/package-copy.js';
import { startMosquitto } from '../support/servers.js';
import { tryEngine } from '../support/try-engine.js';

const mosquitto = startMosquitto();
let copy: PackageCopy;
beforeAll(() => { copy = new PackageCopy().withAddon(); });
afterAll(() => { copy.remove(); });

const [major = 0] = process.versions.node.split('.').map(Number);
/** Node 25 asks for the network, too. */
const PERMISSION = [major < 24 ? '--experimental-permission' : '--permission', '--allow-fs-read=*', ...(major >= 25 ? ['--allow-net'] : [])];

it('without switches the prebuild serves, from a path with spaces and Chinese characters', async () => {
  expect(copy.prebuild).toMatch(/载入 loading .*应用 app/);
  const tried = await tryEngine(copy, mosquitto.broker.url);
  expect(tried).toMatchObject({ message: 'hello 你好', engine: { name: 'native', reason: `native addon loaded: ${copy.prebuild}` }, stderr: '' });
});

describe('--no-addons', () => {
  it('falls back, with one warning', async () => {
    const { message, engine, warnings } = await tryEngine(copy, mosquitto.broker.url, { flags: ['--no-addons'] });
    expect({ message, name: engine?.name }).toEqual({ message: 'hello 你好', name: 'js' });
    expect(engine!.reason).toContain(`${copy.prebuild}: addons are disabled: Node.js was started with --no-addons`);
    expect(warnings).toHaveLength(1);
  });

  it('says so to who insists on the native engine', async () => {
    const { attempts, error } = await tryEngine(copy, mosquitto.broker.url, { flags: ['--no-addons'], engine: 'native' });
    expect(error?.code).toBe('ERR_MQTT_ENGINE_UNAVAILABLE');
    expect(attempts).toMatchObject([{ file: copy.prebuild, cause: 'ERR_DLOPEN_DISABLED', message: expect.stringContaining('--no-addons') as string }]);
  });
});

describe('the permission model', () => {
  it('without --allow-addons falls back, with one warning', async () => {
    const { message, engine, warnings } = await tryEngine(copy, mosquitto.broker.url, { flags: PERMISSION });
    expect({ message, name: engine?.name }).toEqual({ message: 'hello 你好', name: 'js' });
    expect(engine!.reason).toContain(`${copy.prebuild}: the permission model keeps addons out: start Node.js with --allow-addons`);
    expect(warnings).toHaveLength(1);
  });

  it('with --allow-addons lets the native engine serve', async () => {
    const { message, engine, warnings } = await tryEngine(copy, mosquitto.broker.url, { flags: [...PERMISSION, '--allow-addons'] });
    expect({ message, engine, warnings }).toMatchObject({ message: 'hello 你好', engine: { name: 'native' }, warnings: [] });
  });

  it('that allows only the files of the application needs nothing else', async () => {
    // The links of the copy lead into the checkout.
    const flags = [...PERMISSION.filter((flag) => !flag.startsWith('--allow-fs')), '--allow-addons', `--allow-fs-read=${copy.app}/`, `--allow-fs-read=${BUILT.slice(0, -'build/Release/mqtt_native.node'.length)}`];
    const { message, engine, warnings } = await tryEngine(copy, mosquitto.broker.url, { flags });
    expect({ message, engine, warnings }).toMatchObject({ message: 'hello 你好', engine: { name: 'native' }, warnings: [] });
  });
});

describe('MQTT_NATIVE_ENGINE', () => {
  it('js: mqtt.js serves, and nothing is said', async () => {
    const tried = await tryEngine(copy, mosquitto.broker.url, { env: { MQTT_NATIVE_ENGINE: 'js' } });
    expect(tried).toMatchObject({ message: 'hello 你好', engine: { name: 'js', reason: 'asked for by MQTT_NATIVE_ENGINE' }, stderr: '' });
  });

  it('native: the addon serves, or nobody', async () => {
    const env = { MQTT_NATIVE_ENGINE: 'native' };
    expect(await tryEngine(copy, mosquitto.broker.url, { env })).toMatchObject({ engine: { name: 'native', reason: 'asked for by MQTT_NATIVE_ENGINE' } });
    const refused = await tryEngine(copy, mosquitto.broker.url, { env, flags: ['--no-addons'] });
    expect(refused).toMatchObject({ error: { code: 'ERR_MQTT_ENGINE_UNAVAILABLE' }, attempts: [{ file: copy.prebuild }], warnings: [] });
  });

  it('does not overrule the option', async () => {
    expect(await tryEngine(copy, mosquitto.broker.url, { env: { MQTT_NATIVE_ENGINE: 'native' }, engine: 'js' })).toMatchObject({ engine: { name: 'js', reason: 'asked for' } });
  });
});
