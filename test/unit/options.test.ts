/**
 * Options are checked and copied when the client is made, become what an engine takes, and are refused by their names. Files are read when
 * connecting, and default certificates are those Node trusts.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { afterAll, describe, expect, it } from 'vitest';
import { Client, MqttError } from 'mqtt-native';
import type { ClientOptions } from 'mqtt-native';
import { engineOpen, resolveOptions } from '../../dist/options/resolve.js';
import { defaultCertificates, loadTls } from '../../dist/options/tls.js';
import { nearestName } from '../../dist/options/validate.js';
import { FakeClient, turn, watch } from '../support/fake-engine.js';

/** What an engine would get. */
function open(options: ClientOptions = {}, version?: 4 | 5, url = 'mqtt://host') {
  const resolved = resolveOptions(url, options);
  return engineOpen(resolved, {
    endpoint: resolved.endpoints[0]!, protocolVersion: version ?? resolved.versions[0]!, cleanStart: resolved.cleanStart,
    clientId: resolved.clientId,
    username: resolved.username, password: resolved.password, tls: undefined, connectTimeout: 1000,
  });
}

function errorOf(options: Record<string, unknown>, url = 'mqtt://host'): MqttError {
  try {
    new Client(url, options);
  } catch (error) {
    return error as MqttError;
  }
  throw new Error('nothing was thrown');
}

const hex = (bytes: Uint8Array | undefined): string | undefined => (bytes === undefined ? undefined : Buffer.from(bytes).toString('hex'));
const PEM = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';

describe('defaults', () => {
  it('are those of the documentation', () => {
    const { properties, ...rest } = open();
    expect(rest).toMatchObject({
      transport: 'tcp', host: 'host', port: 1883, protocolVersion: 5, cleanStart: true, keepAlive: 60, username: undefined, password: undefined, will: undefined,
      receiveMaximum: 65_535, maximumPacketSize: 0, topicAliasMaximum: 16, window: 100, connectTimeout: 1000,
    });
    // Receive Maximum 1000, Topic Alias Maximum 16: whatever equals the standard's default is left out.
    expect(hex(properties)).toBe('2103e8220010');
    const resolved = resolveOptions('mqtt://host', undefined);
    expect(resolved).toMatchObject({
      engine: 'auto', versions: [5, 4], connectTimeout: 10_000, operationTimeout: 30_000, tls: undefined, credentials: undefined, followServerReference: false,
      onHandlerError: 'ack', closeOnSignals: [], outgoingTopicAliases: 16, window: 100,
      reconnect: { initialDelay: 500, maxDelay: 30_000, jitter: 'full', maxAttempts: 0, initial: false },
      queue: { maxMessages: 100_000, maxBytes: 67_108_864, overflow: 'reject', qos0: true, highWaterMessages: 16_384, highWaterBytes: 16_777_216 },
    });
    expect(resolved.endpoints).toHaveLength(1);
    expect(rest).toMatchObject({ outgoingTopicAliases: 16, lookAhead: 4096 });
  });

  it('the client identifier is made once a client, within the 23 characters every server must take [MQTT-3.1.3-5]', () => {
    const ids = Array.from({ length: 100 }, () => new Client('mqtt://host').clientId);
    for (const id of ids) expect(id).toMatch(/^mqtt-native-[0-9a-f]{11}$/);
    expect(new Set(ids).size).toBe(100);
  });

  it('undefined is the default', () => {
    const undefinedOptions = Object.fromEntries(['clientId', 'keepAlive', 'will', 'tls', 'log', 'engine', 'protocolVersion', 'password'].map((name) => [name, undefined]));
    expect(open({ ...undefinedOptions, clientId: 'c' })).toEqual(open({ clientId: 'c' }));
  });
});

describe('what an engine gets', () => {
  it('CONNECT with every option of MQTT 5', () => {
    const options = open({
      clientId: 'c', cleanStart: false, sessionExpiryInterval: 4_294_967_295, keepAlive: 0, receiveMaximum: 65_535, maximumPacketSize: 268_435_460, topicAliasMaximum: 0,
      requestResponseInformation: true, requestProblemInformation: false, userProperties: { a: ['1', '2'] }, username: 'me', password: Buffer.from([0xff]),
    });
    expect(options).toMatchObject({
      clientId: 'c', cleanStart: false, keepAlive: 0, receiveMaximum: 65_535, maximumPacketSize: 268_435_460, topicAliasMaximum: 0, username: 'me',
    });
    expect(hex(options.password)).toBe('ff');
    expect(hex(options.properties)).toBe('11ffffffff' + '2710000004' + '1901' + '1700' + '26000161000131' + '26000161000132');
  });

  it('a will with delay and properties; 3.1.1 gets it without them', () => {
    const will = { topic: 'w', payload: 'gone', qos: 1, retain: true, delay: 5, properties: { contentType: 't' } } as const;
    const five = open({ will }).will!;
    expect(five).toMatchObject({ topic: 'w', qos: 1, retain: true });
    expect(Buffer.from(five.payload).toString()).toBe('gone');
    expect(hex(five.properties)).toBe('030001741800000005');
    expect(open({ will }, 4).will!.properties).toBeUndefined();
    expect(open({ will: { topic: 'w', delay: 0 } }).will).toMatchObject({ qos: 0, retain: false, properties: undefined, payload: new Uint8Array(0) });
  });

  it('3.1.1 gets no properties, no aliases, and no limit it could not announce', () => {
    expect(open({ receiveMaximum: 5, maximumPacketSize: 1000 }, 4)).toMatchObject({
      protocolVersion: 4, properties: undefined, topicAliasMaximum: 0, receiveMaximum: 65_535, maximumPacketSize: 1000,
    });
  });

  it('user and password of the URL, unless the options have them', () => {
    const fromUrl = open({}, 5, 'mqtt://me:pw@host');
    expect([fromUrl.username, hex(fromUrl.password)]).toEqual(['me', '7077']);
    const both = open({ username: 'other', password: 'x' }, 5, 'mqtt://me:pw@host');
    expect([both.username, hex(both.password)]).toEqual(['other', '78']);
  });

  it('bytes in every form', () => {
    const whole = new Uint8Array([9, 1, 2, 9]);
    for (const password of ['\x01\x02', whole.subarray(1, 3), new DataView(whole.buffer, 1, 2), whole.slice(1, 3).buffer]) {
      expect(hex(open({ username: 'a', password }).password)).toBe('0102');
    }
  });

  it('the engine looks ahead less where the queue is small', () => {
    expect([1, 4095, 4096].map((maxMessages) => open({ queue: { maxMessages } }).lookAhead)).toEqual([100, 100, 4096]);
  });

  it('window and outgoing topic aliases, of which 3.1.1 has none', () => {
    expect(open({ window: 7, outgoingTopicAliases: 3 })).toMatchObject({ window: 7, outgoingTopicAliases: 3 });
    expect(open({ window: 7, outgoingTopicAliases: 3 }, 4)).toMatchObject({ window: 7, outgoingTopicAliases: 0 });
  });

  it('servers, each with its own transport', () => {
    const { endpoints } = resolveOptions('mqtt://me:pw@host', { servers: ['wss://second/path', new URL('mqtts://[::1]:5')] });
    expect(endpoints.map(({ transport, host, port, path }) => [transport, host, port, path])).toEqual([
      ['tcp', 'host', 1883, '/'], ['wss', 'second', 443, '/path'], ['tls', '::1', 5, '/'],
    ]);
  });

  it('tls is for those servers that ask for it', () => {
    expect(resolveOptions('mqtt://host', { servers: ['mqtts://second'], tls: {} }).tls).toBeDefined();
    expect(errorOf({ servers: ['mqtt://second'], tls: {} })).toMatchObject({ code: 'ERR_MQTT_OPTION', message: expect.stringContaining('tls') as string });
  });

  it('the longest delay is not below the first one when only that is given', () => {
    expect(resolveOptions('mqtt://host', { reconnect: { initialDelay: 60_000 } }).reconnect).toMatchObject({ initialDelay: 60_000, maxDelay: 60_000 });
    expect(resolveOptions('mqtt://host', { reconnect: false }).reconnect).toBe(false);
  });

  it('a signal named twice is listened to once', () => {
    expect(resolveOptions('mqtt://host', { closeOnSignals: ['SIGINT', 'SIGINT', 'SIGTERM'] }).closeOnSignals).toEqual(['SIGINT', 'SIGTERM']);
  });

  it('copies: what the user changes later changes nothing', () => {
    const password = Buffer.from('pw');
    const payload = Buffer.from('gone');
    const options = { username: 'a', password, will: { topic: 'w', payload } };
    const resolved = resolveOptions('mqtt://host', options);
    password.fill(0);
    payload.fill(0);
    options.will.topic = '#';
    expect(Buffer.from(resolved.password!).toString()).toBe('pw');
    expect(Buffer.from(resolved.will!.payload).toString()).toBe('gone');
    expect(resolved.will!.topic).toBe('w');
  });
});

describe('protocol versions', () => {
  it('auto is 5, then 3.1.1; 4 and 5 are themselves', () => {
    expect(resolveOptions('mqtt://host', { protocolVersion: 'auto' }).versions).toEqual([5, 4]);
    expect(resolveOptions('mqtt://host', { protocolVersion: 5 }).versions).toEqual([5]);
    expect(resolveOptions('mqtt://host', { protocolVersion: 4 }).versions).toEqual([4]);
  });

  it('a password without user name is refused in 3.1.1 and keeps auto at 5 [MQTT-3.1.2-22]', () => {
    expect(errorOf({ protocolVersion: 4, password: 'x' })).toMatchObject({ code: 'ERR_MQTT_OPTION', message: expect.stringContaining('password') as string });
    expect(resolveOptions('mqtt://host', { password: 'x' }).versions).toEqual([5]);
    expect(resolveOptions('mqtt://:x@host', {}).versions).toEqual([5]);
  });

  it('an empty client identifier needs a clean start in 3.1.1 [MQTT-3.1.3-7]', () => {
    expect(errorOf({ protocolVersion: 4, clientId: '', cleanStart: false })).toMatchObject({ code: 'ERR_MQTT_OPTION', message: expect.stringContaining('clientId') as string });
    expect(resolveOptions('mqtt://host', { clientId: '', cleanStart: false }).versions).toEqual([5]);
    expect(resolveOptions('mqtt://host', { protocolVersion: 4, clientId: '' }).versions).toEqual([4]);
  });

  for (const [name, value] of [
    ['sessionExpiryInterval', 5], ['receiveMaximum', 5], ['topicAliasMaximum', 5], ['outgoingTopicAliases', 5], ['followServerReference', true], ['userProperties', { a: 'b' }], ['requestResponseInformation', true],
    ['requestProblemInformation', true], ['will', { topic: 'a', delay: 1 }], ['will', { topic: 'a', properties: { contentType: 'x' } }],
  ] as const) {
    it(`${name} is refused with protocolVersion 4`, () => {
      expect(errorOf({ protocolVersion: 4, [name]: value })).toMatchObject({ code: 'ERR_MQTT_NOT_SUPPORTED', message: expect.stringContaining(name) as string });
    });
  }
});

describe('a wrong option is refused by name', () => {
  const WRONG: Record<string, unknown[]> = {
    'engine': ['paho', 1],
    'clientId': [5, 'a\0', '\uD800', 'x'.repeat(65_536)],
    'protocolVersion': [3, '5', null],
    'cleanStart': ['yes', 0],
    'sessionExpiryInterval': [-1, 2 ** 32, 1.5, '1'],
    'keepAlive': [-1, 65_536, 1.5, '60', Number.NaN],
    'username': [5, 'a\0', 'x'.repeat(65_536)],
    'password': [5, {}, Buffer.alloc(65_536), 'x'.repeat(65_536)],
    'receiveMaximum': [0, 65_536],
    'maximumPacketSize': [0, 268_435_461],
    'topicAliasMaximum': [-1, 65_536],
    'userProperties': ['a', [['a']], { a: 5 }],
    'requestResponseInformation': [1],
    'requestProblemInformation': ['no'],
    'connectTimeout': [0, -1, '5s', 2 ** 31, Infinity],
    'operationTimeout': [-1, Number.NaN, 2 ** 31],
    'log': ['console', {}],
    'tls': [{}, { ca: PEM }],
    'servers': ['mqtt://second', 5],
    'servers[0]': [{ servers: ['second'] }, { servers: [5] }, { servers: ['mqtt://me@second'] }, { servers: ['mqtt://:secret@second'] }],
    'servers[1]': [{ servers: ['mqtt://second', 'http://third'] }],
    'credentials': ['x', {}, { credentials: () => ({}), username: 'a' }, { credentials: () => ({}), password: 'a' }],
    'outgoingTopicAliases': [-1, 65_536],
    'window': [0, 101, 1.5],
    'followServerReference': [1],
    'onHandlerError': ['nack', true],
    'closeOnSignals': ['SIGINT', ['SIGNONE'], [5], ['SIGKILL'], ['toString']],
    'reconnect': [true, 5, 'yes', []],
    'reconnect.initialDelay': [0, -1, '5s', 2 ** 31, Number.NaN],
    'reconnect.maxDelay': [0, 2 ** 31, { reconnect: { maxDelay: 499 } }, { reconnect: { initialDelay: 1000, maxDelay: 999 } }],
    'reconnect.jitter': ['half', false],
    'reconnect.maxAttempts': [-1, 1.5, Infinity],
    'reconnect.initial': [1],
    'reconnect.delay': [1],
    'queue': [5, 'wait', []],
    'queue.maxMessages': [0, 2 ** 32, 1.5],
    'queue.maxBytes': [0, Infinity],
    'queue.overflow': ['drop', 0],
    'queue.qos0': [0],
    'queue.highWaterMessages': [0],
    'queue.highWaterBytes': [0, '1M'],
    'queue.max': [1],
    'will': ['w', 5, [], {}],
    'will.topic': [{ will: { topic: undefined } }, { will: { payload: 'x' } }],
    'will.payload': [{ will: { topic: 'a', payload: 5 } }, { will: { topic: 'a', payload: Buffer.alloc(65_536) } }],
    'will.qos': [{ will: { topic: 'a', qos: 3 } }],
    'will.retain': [{ will: { topic: 'a', retain: 1 } }],
    'will.delay': [{ will: { topic: 'a', delay: -1 } }],
    'will.properties.contentType': [{ will: { topic: 'a', properties: { contentType: 5 } } }],
    'will.properties.willDelayInterval': [{ will: { topic: 'a', properties: { willDelayInterval: 5 } } }],
    'will.payloud': [{ will: { topic: 'a', payloud: '' } }],
  };
  for (const [name, values] of Object.entries(WRONG)) {
    for (const value of values) {
      it(`${name}: ${String(JSON.stringify(value)).slice(0, 40)}`, () => {
        const error = errorOf(optionsOf(name, value));
        expect(error).toBeInstanceOf(MqttError);
        expect(error.code).toBe('ERR_MQTT_OPTION');
        expect(error.message.startsWith(name) || error.message.startsWith(`options.${name}`) || error.message.startsWith('will.topic')).toBe(true);
      });
    }
  }

  /** The value may be whole options; else it is the value of what is named. */
  function optionsOf(name: string, value: unknown): Record<string, unknown> {
    const [outer, inner] = name.split(/[.[]/) as [string, string?];
    if (typeof value === 'object' && value !== null && Object.hasOwn(value, outer)) return value as Record<string, unknown>;
    return { [outer]: inner === undefined || outer === 'will' ? value : { [inner]: value } };
  }

  it('no error shows a password of a URL', () => {
    expect(errorOf({ servers: ['mqtt://me:secret@second'] }).message).not.toContain('secret');
    expect(errorOf({ servers: ['secret'] }).message).not.toContain('secret');
  });

  it('a wildcard in the topic of the will', () => {
    expect(errorOf({ will: { topic: 'a/+' } })).toMatchObject({ code: 'ERR_MQTT_TOPIC', message: expect.stringContaining('will.topic') as string });
  });

  it('options that are no object', () => {
    for (const options of ['x', 5, [], () => undefined]) {
      expect(() => new Client('mqtt://host', options as never)).toThrowError(expect.objectContaining({ code: 'ERR_MQTT_OPTION' }));
    }
  });

  it('no error shows a password', () => {
    expect(errorOf({ password: 'secret-word'.repeat(10_000) }).message).not.toContain('secret');
  });

  for (const [wrong, right] of [
    ['keepalive', 'keepAlive'], ['clientID', 'clientId'], ['clean', 'cleanStart'], ['userName', 'username'], ['pasword', 'password'], ['recieveMaximum', 'receiveMaximum'], ['protocol', 'protocolVersion'],
    ['conectTimeout', 'connectTimeout'], ['Will', 'will'], ['toString', ''],
  ] as const) {
    it(`${wrong} is unknown${right === '' ? '' : `, ${right} is near`}`, () => {
      const error = errorOf({ [wrong]: 1 });
      expect(error.code).toBe('ERR_MQTT_OPTION');
      expect(error.message).toContain(wrong);
      expect(error.message).toContain(`did you mean ${right}`);
    });
  }

  it('a name of any length finds its neighbour in no time', () => {
    expect(nearestName('x'.repeat(1_000_000), ['abc', 'x'])).toBe('x');
  });
});

describe('TLS', () => {
  const folder = mkdtempSync(join(tmpdir(), 'mqtt-native-options-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const tlsOf = (tls: ClientOptions['tls']) => loadTls(resolveOptions('mqtts://host', { tls }).tls!);

  it('without options: TLS 1.2 at least, the host checked, the certificates Node trusts', async () => {
    const tls = await tlsOf(undefined);
    expect(tls).toMatchObject({ cert: undefined, key: undefined, servername: undefined, minVersion: 'TLSv1.2', maxVersion: undefined, insecureSkipVerify: false });
    expect(tls.ca).toBe(defaultCertificates());
    expect(tls.ca).toContain(rootCertificates[0]!.slice(0, 200));
  });

  it('PEM in memory and in files, as text and as bytes, several authorities together', async () => {
    const file = join(folder, 'ca.pem');
    writeFileSync(file, PEM.replace('AAAA', 'BBBB'));
    const tls = await tlsOf({ ca: [PEM, Buffer.from(PEM.replace('AAAA', 'CCCC')), file], cert: file, key: '-----BEGIN PRIVATE KEY-----\n', passphrase: 'p' });
    expect(tls.ca!.match(/AAAA|BBBB|CCCC/g)).toEqual(['AAAA', 'CCCC', 'BBBB']);
    expect(tls.cert).toContain('BBBB');
    expect(tls).toMatchObject({ key: '-----BEGIN PRIVATE KEY-----\n', passphrase: 'p' });
  });

  it('nothing to trust is needed where nothing is checked', async () => {
    expect((await tlsOf({ insecureSkipVerify: true })).ca).toBeUndefined();
  });

  it('every other option as it is', async () => {
    const tls = { servername: 'name', alpn: ['mqtt', 'x'], minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3', ciphers: 'AES128', insecureSkipVerify: true } as const;
    expect(await tlsOf(tls)).toMatchObject(tls);
  });

  it('a file is read when connecting, and a missing one is refused with the name of its option', async () => {
    for (const [name, tls] of [['tls.ca', { ca: join(folder, 'none') }], ['tls.cert', { cert: join(folder, 'none'), key: PEM }], ['tls.key', { cert: PEM, key: join(folder, 'none') }]] as const) {
      const fake = new FakeClient({ tls }, 'mqtts://host');
      await expect(fake.connecting()).rejects.toMatchObject({ code: 'ERR_MQTT_OPTION', message: expect.stringContaining(name) as string, cause: { code: 'ENOENT' } });
      expect(fake.engines.length).toBe(0);
      expect(fake.client.state).toBe('disconnected');
    }
    writeFileSync(join(folder, 'no.pem'), 'nothing');
    await expect(tlsOf({ ca: join(folder, 'no.pem') })).rejects.toMatchObject({ code: 'ERR_MQTT_OPTION', message: expect.stringContaining('tls.ca') as string });
  });

  it('destroy() while a file is read: ERR_MQTT_CLOSED, and no engine is made', async () => {
    const fake = new FakeClient({ tls: { ca: join(folder, 'none') } }, 'mqtts://host');
    const connecting = watch(fake.connecting());
    fake.client.destroy();
    for (let i = 0; i < 20; i += 1) await turn();
    expect(connecting.error?.code).toBe('ERR_MQTT_CLOSED');
    expect(fake.engines.length).toBe(0);
  });

  const WRONG: Record<string, Record<string, unknown>[]> = {
    'tls.ca': [{ ca: 5 }, { ca: '' }, { ca: [] }, { ca: [5] }, { ca: Buffer.from('x') }, { ca: 'a\0' }],
    'tls.cert': [{ key: PEM }],
    'tls.key': [{ cert: PEM }],
    'tls.passphrase': [{ passphrase: 5 }],
    'tls.servername': [{ servername: '' }, { servername: 'a\0b' }],
    'tls.alpn': [{ alpn: 'mqtt' }, { alpn: [] }, { alpn: [''] }, { alpn: ['x'.repeat(256)] }, { alpn: ['a,b'] }],
    'tls.minVersion': [{ minVersion: 'TLSv1.1' }],
    'tls.maxVersion': [{ minVersion: 'TLSv1.3', maxVersion: 'TLSv1.2' }, { maxVersion: 'x' }],
    'tls.ciphers': [{ ciphers: 5 }],
    'tls.insecureSkipVerify': [{ insecureSkipVerify: 'yes' }],
    'tls.rejectUnauthorized: unknown option, did you mean insecureSkipVerify': [{ rejectUnauthorized: false }],
  };
  for (const [name, cases] of Object.entries(WRONG)) {
    for (const tls of cases) {
      it(`${name.slice(0, 24)}: ${JSON.stringify(tls).slice(0, 40)}`, () => {
        const error = errorOf({ tls }, 'mqtts://host');
        expect(error.code).toBe('ERR_MQTT_OPTION');
        expect(error.message).toContain(name);
      });
    }
  }
});
