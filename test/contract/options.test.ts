/**
 * A wrong option is refused by name before anything is sent; a right one is copied, so that changing the object later changes nothing. No
 * broker is needed for most of it.
 */
import { describe, expect } from 'vitest';
import { forEachEngine } from '../support/engines.js';
import { refusalOf } from '../support/outcomes.js';
import { startMosquitto } from '../support/servers.js';

const mosquitto = startMosquitto({ users: true });

const WRONG: { name: string; options: Record<string, unknown>; codes?: RegExp }[] = [
  { name: 'protocolVersion', options: { protocolVersion: 3 } },
  { name: 'protocolVersion', options: { protocolVersion: '5' } },
  { name: 'clientId', options: { clientId: 5 } },
  { name: 'clientId', options: { clientId: 'a\u0000' } },
  { name: 'clientId', options: { clientId: '\uD800' } },
  { name: 'clientId', options: { clientId: 'x'.repeat(65_536) } },
  { name: 'cleanStart', options: { cleanStart: 'yes' } },
  { name: 'sessionExpiryInterval', options: { sessionExpiryInterval: -1 } },
  { name: 'sessionExpiryInterval', options: { sessionExpiryInterval: 2 ** 32 } },
  { name: 'keepAlive', options: { keepAlive: 65_536 } },
  { name: 'keepAlive', options: { keepAlive: 1.5 } },
  { name: 'keepAlive', options: { keepAlive: '60' } },
  { name: 'username', options: { username: 'a\u0000b' } },
  { name: 'username', options: { username: 'x'.repeat(65_536) } },
  { name: 'password', options: { username: 'a', password: 5 } },
  { name: 'password', options: { username: 'a', password: Buffer.alloc(65_536) } },
  { name: 'receiveMaximum', options: { receiveMaximum: 0 } },
  { name: 'receiveMaximum', options: { receiveMaximum: 65_536 } },
  { name: 'maximumPacketSize', options: { maximumPacketSize: 0 } },
  { name: 'topicAliasMaximum', options: { topicAliasMaximum: 65_536 } },
  { name: 'userProperties', options: { userProperties: [['a']] } },
  { name: 'userProperties', options: { userProperties: { a: 5 } } },
  { name: 'requestProblemInformation', options: { requestProblemInformation: 1 } },
  { name: 'connectTimeout', options: { connectTimeout: -1 } },
  { name: 'connectTimeout', options: { connectTimeout: '5s' } },
  { name: 'operationTimeout', options: { operationTimeout: Number.NaN } },
  { name: 'log', options: { log: 'console' } },
  { name: 'tls', options: { tls: {} } },
  { name: 'keepalive', options: { keepalive: 60 } },
  { name: 'noSuchOption', options: { noSuchOption: true } },
  { name: 'sessionExpiryInterval', options: { protocolVersion: 4, sessionExpiryInterval: 5 }, codes: /^ERR_MQTT_(OPTION|NOT_SUPPORTED)$/ },
];

/** A client as JavaScript sees it: any argument is possible. */
type AnyClient = Record<'publish' | 'subscribe' | 'unsubscribe' | 'close', (...args: unknown[]) => unknown>;

forEachEngine((engine) => {
  describe('a wrong option is refused by name', () => {
    for (const { name, options, codes } of WRONG) {
      const [given] = Object.entries(options).filter(([key]) => key !== 'username' || name === 'username').slice(-1);
      const shown = JSON.stringify(given![1])?.slice(0, 24) ?? String(given![1]);
      engine.case(`${name}: ${shown}`, async () => {
        const error = await refusalOf(() => engine.client('mqtt://127.0.0.1:1', options).connect());
        expect(error.code).toMatch(codes ?? /^ERR_MQTT_OPTION$/);
        expect(error.message).toContain(name);
      });
    }

    for (const url of ['', 'no url', 'http://localhost', 'mqtt://', 'mqtt://localhost:0', 'mqtt://localhost:70000', 'mqtt://localhost/path']) {
      engine.case(`the URL ${JSON.stringify(url)}`, async () => {
        const error = await refusalOf(() => engine.client(url).connect());
        expect(error.code).toBe('ERR_MQTT_OPTION');
        expect(error.message).toContain('url');
      });
    }

    engine.case('the URL is not shown, because it may hold a password', async () => {
      const error = await refusalOf(() => engine.client('http://me:secret-word@localhost').connect());
      expect(`${error.message} ${error.stack}`).not.toContain('secret-word');
    });
  });

  describe('a wrong argument is refused by name and the connection lives', () => {
    const CALLS: { name: string; call: (client: AnyClient) => unknown; codes?: RegExp }[] = [
      { name: 'qos', call: (client) => client.publish('t', 'x', { qos: 3 }) },
      { name: 'retain', call: (client) => client.publish('t', 'x', { retain: 'yes' }) },
      { name: 'timeout', call: (client) => client.publish('t', 'x', { timeout: -1 }) },
      { name: 'signal', call: (client) => client.publish('t', 'x', { signal: 'stop' }) },
      { name: 'quality', call: (client) => client.publish('t', 'x', { quality: 1 }) },
      { name: 'payload', call: (client) => client.publish('t', 5) },
      { name: 'payload', call: (client) => client.publish('t', { a: 1 }) },
      { name: 'topic', call: (client) => client.publish(5, 'x'), codes: /^ERR_MQTT_TOPIC$/ },
      { name: 'qos', call: (client) => client.subscribe('t', { qos: -1 }) },
      { name: 'retainHandling', call: (client) => client.subscribe('t', { retainHandling: 3 }) },
      { name: 'noLocal', call: (client) => client.subscribe('t', { noLocal: 1 }) },
      { name: 'subscriptionIdentifier', call: (client) => client.subscribe('t', { subscriptionIdentifier: 0 }) },
      { name: 'filter', call: (client) => client.subscribe(5), codes: /^ERR_MQTT_FILTER$/ },
      { name: 'filter', call: (client) => client.unsubscribe(5), codes: /^ERR_MQTT_FILTER$/ },
      { name: 'handler', call: (client) => client.subscribe('t', {}, 'no function') },
      { name: 'reasonCode', call: (client) => client.close({ reasonCode: 0x87 }) },
    ];
    for (const { name, call, codes } of CALLS) {
      engine.case(`${name} in ${String(call).replace(/^\(client\) => client\./, '')}`, async () => {
        const client = await engine.connected(mosquitto.broker.url);
        const error = await refusalOf(() => call(client as unknown as AnyClient));
        expect(error.code).toMatch(codes ?? /^ERR_MQTT_OPTION$/);
        expect(error.message).toContain(name);
        await client.publish('t', 'alive', { qos: 1 });
      });
    }
  });

  engine.case('options are copied: changing the object afterwards changes nothing', async () => {
    const userProperties: [string, string][] = [['k', 'v']];
    const will = { topic: 'w', payload: Buffer.from('gone'), qos: 0 as const, retain: false };
    const options = { clientId: `copied-${engine.name}`, will, userProperties };
    const client = engine.client(mosquitto.broker.url, options);
    options.clientId = 'a\u0000';
    options.will.topic = '#';
    userProperties[0] = ['\uD800', ''];
    await client.connect();
    await client.publish('t', 'x', { qos: 1 });
  });

  engine.case('one options object serves two clients', async () => {
    const options = Object.freeze({ keepAlive: 30, userProperties: Object.freeze([['k', 'v']]) as [string, string][] });
    const { url } = mosquitto.broker;
    const [first, second] = await Promise.all([engine.connected(url, options), engine.connected(url, options)]);
    await Promise.all([first.publish('t', 'x', { qos: 1 }), second.publish('t', 'x', { qos: 1 })]);
  });

  engine.case('the log never holds password or payload', async () => {
    const records: string[] = [];
    const url = mosquitto.broker.usersUrl;
    const client = engine.client(url, { username: 'admin', password: 'correct horse', log: (record) => { records.push(JSON.stringify(record)); } });
    await client.connect();
    await client.subscribe('t', { qos: 1 });
    await client.publish('t', 'payload-of-this-test', { qos: 1 });
    await client.close();
    const refused = engine.client(url, { username: 'admin', password: 'another-secret', log: (record) => { records.push(JSON.stringify(record)); } });
    await refusalOf(() => refused.connect());
    expect(records.length).toBeGreaterThan(0);
    expect(records.join('\n')).not.toMatch(/correct horse|payload-of-this-test|another-secret/);
  });
});
