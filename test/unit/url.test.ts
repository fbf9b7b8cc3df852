/** The URL says transport, host, port, path, user and password, with the usual ports. What it cannot mean is refused, and never shown. */
import { describe, expect, it } from 'vitest';
import { parseUrl } from '../../dist/options/url.js';

const NOBODY = { username: undefined, password: undefined };

describe('URLs', () => {
  const GOOD: [url: string, endpoint: Partial<ReturnType<typeof parseUrl>>][] = [
    ['mqtt://host', { transport: 'tcp', host: 'host', port: 1883, path: '/', ...NOBODY }],
    ['tcp://host', { transport: 'tcp', port: 1883 }],
    ['mqtts://host', { transport: 'tls', port: 8883 }],
    ['ssl://host', { transport: 'tls', port: 8883 }],
    ['tls://host', { transport: 'tls', port: 8883 }],
    ['ws://host', { transport: 'ws', port: 80, path: '/' }],
    ['wss://host', { transport: 'wss', port: 443, path: '/' }],
    ['mqtt://host:80', { port: 80 }],
    ['ws://host:1883', { port: 1883 }],
    ['MQTT://host:65535/', { transport: 'tcp', port: 65_535 }],
    ['ws://host/mqtt?x=1&y=2', { path: '/mqtt?x=1&y=2' }],
    ['wss://host:8080/a%20b', { path: '/a%20b', port: 8080 }],
    ['mqtt://127.0.0.1:1884', { host: '127.0.0.1', port: 1884 }],
    ['mqtt://[::1]:1884', { host: '::1', port: 1884 }],
    ['ws://[fe80::1]', { host: 'fe80::1' }],
    ['mqtt://my_broker.local', { host: 'my_broker.local' }],
    ['mqtt://bücher.example', { host: 'xn--bcher-kva.example' }],
    ['mqtt://me@host', { username: 'me', password: undefined }],
    ['mqtt://me:pw@host', { username: 'me', password: 'pw' }],
    ['mqtt://m%40e:p%3Aw%2F@host', { username: 'm@e', password: 'p:w/' }],
    ['mqtt://:pw@host', { username: undefined, password: 'pw' }],
  ];
  for (const [url, endpoint] of GOOD) {
    it(url, () => {
      expect(parseUrl(url)).toMatchObject(endpoint);
    });
  }

  it('may be an object', () => {
    expect(parseUrl(new URL('mqtts://host:1'))).toMatchObject({ transport: 'tls', port: 1 });
  });

  const BAD: [url: unknown, problem: string][] = [
    ['', 'cannot be read'], ['host', 'cannot be read'], ['host:1883', 'scheme'], ['http://host', 'scheme'], ['constructor://host', 'scheme'], ['mqtt:host', 'host'], ['mqtt://', 'host'],
    ['mqtt://host:0', 'port'], ['mqtt://host:65536', 'cannot be read'], ['mqtt://host:x', 'cannot be read'], ['mqtt://host/path', 'path'], ['mqtt://host?x', 'query'], ['mqtt://host#x', '#'],
    ['ws://host#x', '#'], ['mqtt://a%ZZ:b@host', 'encoding'], ['mqtt://h%00st', ''], [undefined, 'must be'], [5, 'must be'], [null, 'must be'], [{}, 'must be'],
  ];
  for (const [url, problem] of BAD) {
    it(`${String(url)} is refused`, () => {
      expect(() => parseUrl(url)).toThrowError(expect.objectContaining({ code: 'ERR_MQTT_OPTION', message: expect.stringMatching(`^url: .*${problem}`) as string }));
    });
  }

  it('is not shown when it is refused', () => {
    for (const url of ['http://me:secret@host', 'mqtt://me:secret@host:99999', 'mqtt://me:secret@host/path', 'mqtt://me:secret%ZZ@host']) {
      expect(() => parseUrl(url)).toThrowError(expect.objectContaining({ message: expect.not.stringContaining('secret') as string }));
    }
  });
});
